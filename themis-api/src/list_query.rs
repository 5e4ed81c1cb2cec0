//! The parameters that all lists share: `limit`, `page_size`, `marker`, `sort_key`, `sort_dir`; and how filters read
//! truth values. Unknown parameters are ignored, as upstream does. A resource says which sort keys it has.

use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use themis_db::store::{Direction, Page};

use crate::fault::Fault;
use crate::shown::cut;

/// More sort keys than any table has columns make no sense; each costs a comparison per row.
const SORT_KEYS_MAX: usize = 20;

/// What is wrong with a list's parameters, in the words that the caller sees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `limit` or `page_size` is no number.
    #[error("Invalid input received: {name} must be an integer")]
    NotAnInteger {
        /// The parameter.
        name: &'static str,
    },
    /// `limit` or `page_size` is negative.
    #[error("Invalid input received: {name} must be >= 0")]
    Negative {
        /// The parameter.
        name: &'static str,
    },
    /// Neither `asc` nor `desc`.
    #[error("Invalid input received: Unknown sort direction, must be 'asc' or 'desc'")]
    SortDirection,
    /// More keys than any table has columns.
    #[error("Invalid input received: at most {SORT_KEYS_MAX} sort keys")]
    TooManySortKeys,
    /// More directions than keys.
    #[error("Invalid input received: Sort direction size exceeds sort key size")]
    TooManyDirections,
    /// A filter that wants a truth value.
    #[error(
        "Invalid value for {name}: Unrecognized value '{given}', acceptable values are: '0', '1', 'f', 'false', 'n', \
         'no', 'off', 'on', 't', 'true', 'y', 'yes'"
    )]
    NotATruthValue {
        /// The filter.
        name: &'static str,
        /// What was given.
        given: String,
    },
    /// A status that incidents do not have.
    #[error("Invalid value for status: '{0}' is not one of ['open', 'closed']")]
    IncidentStatus(String),
    /// A parameter that a route of ours does not read.
    #[error("Unknown query parameter '{given}'; {known}")]
    Unknown {
        /// What was given.
        given: String,
        /// Which ones there are.
        known: String,
    },
    /// `generated-since` names no time.
    #[error("Invalid generated-since value")]
    GeneratedSince,
}

/// All parameters of a request, in their order.
#[derive(Debug, Clone)]
pub struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        if let Some(query) = parts.uri.query().filter(|query| query.contains(';')) {
            // Upstream takes a semicolon for an ampersand, as HTML once asked for.
            let uri = format!("/?{}", query.replace(';', "&"));
            let uri = uri.parse().map_err(|_| Fault::MalformedQuery)?;
            let Query(pairs) = Query::try_from_uri(&uri).map_err(|_| Fault::MalformedQuery)?;
            return Ok(Self(pairs));
        }
        let Query(pairs) = Query::from_request_parts(parts, state)
            .await
            .map_err(|_| Fault::MalformedQuery)?;
        Ok(Self(pairs))
    }
}

/// Refuses parameters that a route of `/themis/v1` does not read: a misspelt filter must not show everything.
pub async fn refuse_unknown(
    State(known): State<&'static [&'static str]>,
    parameters: Parameters,
    request: Request,
    next: Next,
) -> Response {
    match parameters.0.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        None => next.run(request).await,
        Some((key, _)) => {
            let known = match known {
                [] => "this path has none".to_owned(),
                some => format!("known are {}", some.join(", ")),
            };
            let given = cut(key);
            Fault::from(QueryError::Unknown { given, known }).into_response()
        }
    }
}

impl Parameters {
    /// The last value of `name`; a repeated filter counts once.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A filter that wants a truth value.
    ///
    /// # Errors
    /// A word that is none.
    pub fn truth(&self, name: &'static str) -> Result<Option<bool>, QueryError> {
        let Some(given) = self.last(name) else { return Ok(None) };
        match given.trim().to_lowercase().as_str() {
            "1" | "t" | "true" | "on" | "y" | "yes" => Ok(Some(true)),
            "0" | "f" | "false" | "off" | "n" | "no" => Ok(Some(false)),
            _ => Err(QueryError::NotATruthValue {
                name,
                given: given.to_owned(),
            }),
        }
    }

    /// The page that is asked for; `limit_max` caps in silence.
    ///
    /// # Errors
    /// The first parameter that is malformed. Whether the sort keys and the marker exist is the store's to say.
    pub fn page(&self, limit_max: u64) -> Result<Page, Fault> {
        let limit = self.limit(limit_max)?;
        // Upstream asks the database for nothing then, and so finds nothing wrong with the rest.
        if limit == 0 {
            return Ok(Page {
                limit,
                ..Page::default()
            });
        }
        let directions = self
            .all("sort_dir")
            .map(|word| match word.trim() {
                "asc" => Ok(Direction::Asc),
                "desc" => Ok(Direction::Desc),
                _ => Err(QueryError::SortDirection),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut keys: Vec<String> = self.all("sort_key").map(|key| key.trim().to_owned()).collect();
        if keys.is_empty() {
            keys.push("created_at".to_owned());
        }
        if keys.len() > SORT_KEYS_MAX {
            return Err(QueryError::TooManySortKeys.into());
        }
        if directions.len() > keys.len() {
            return Err(QueryError::TooManyDirections.into());
        }
        let first = directions.first().copied().unwrap_or(Direction::Desc);
        let sort = keys
            .into_iter()
            .zip(directions.into_iter().chain(std::iter::repeat(first)))
            .collect();
        let marker = match self.last("marker") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| Fault::MarkerMissing(text.to_owned()))?),
        };
        Ok(Page { sort, marker, limit })
    }

    /// How many rows are asked for. Where the path names a parent, upstream looks at this before the parent and at the rest
    /// of the page after it.
    ///
    /// # Errors
    /// `limit` or `page_size` is no number from 0.
    pub fn limit(&self, limit_max: u64) -> Result<u64, Fault> {
        let limit = self.count("limit")?.unwrap_or(limit_max).min(limit_max);
        self.count("page_size")?;
        Ok(limit)
    }

    fn count(&self, name: &'static str) -> Result<Option<u64>, QueryError> {
        let Some(text) = self.last(name) else { return Ok(None) };
        let number: i128 = text.trim().parse().map_err(|_| QueryError::NotAnInteger { name })?;
        if number < 0 {
            return Err(QueryError::Negative { name });
        }
        Ok(Some(u64::try_from(number).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(pairs: &[(&str, &str)]) -> Result<Page, String> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Parameters(pairs).page(1000).map_err(|error| error.to_string())
    }

    #[test]
    fn without_parameters_the_newest_come_first_up_to_the_cap() {
        let page = page(&[]).unwrap();
        assert_eq!((page.limit, page.marker), (1000, None));
        assert_eq!(page.sort, [("created_at".to_owned(), Direction::Desc)]);
    }

    #[test]
    fn missing_directions_follow_the_first() {
        let page = page(&[("sort_key", "name"), ("sort_key", "id"), ("sort_dir", "asc")]).unwrap();
        assert_eq!(
            page.sort,
            [("name".to_owned(), Direction::Asc), ("id".to_owned(), Direction::Asc)]
        );
    }

    #[test]
    fn a_direction_alone_turns_the_default_order_round() {
        assert_eq!(
            page(&[("sort_dir", "asc")]).unwrap().sort,
            [("created_at".to_owned(), Direction::Asc)]
        );
    }

    #[test]
    fn limits_are_capped_and_zero_is_a_limit() {
        assert_eq!(page(&[("limit", "5000")]).unwrap().limit, 1000);
        assert_eq!(page(&[("limit", "99999999999999999999")]).unwrap().limit, 1000);
        assert_eq!(page(&[("limit", "0")]).unwrap().limit, 0);
        assert_eq!(
            page(&[("limit", "0"), ("sort_dir", "up"), ("marker", "x")])
                .unwrap()
                .limit,
            0
        );
    }

    #[test]
    fn what_is_malformed_is_said_in_the_words_that_clients_know() {
        let error = |name: &str, value: &str| page(&[(name, value)]).unwrap_err();
        assert_eq!(
            error("limit", "abc"),
            "Invalid input received: limit must be an integer"
        );
        assert_eq!(error("limit", "-1"), "Invalid input received: limit must be >= 0");
        assert_eq!(
            error("page_size", "x"),
            "Invalid input received: page_size must be an integer"
        );
        assert_eq!(
            error("sort_dir", "ASC"),
            "Invalid input received: Unknown sort direction, must be 'asc' or 'desc'"
        );
        assert_eq!(error("marker", "no-id"), "Marker no-id could not be found.");
        assert_eq!(error("marker", ""), "Marker  could not be found.");
        let two = page(&[("sort_key", "id"), ("sort_dir", "asc"), ("sort_dir", "asc")]).unwrap_err();
        assert_eq!(two, "Invalid input received: Sort direction size exceeds sort key size");
    }
}
