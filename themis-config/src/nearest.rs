//! The nearest known name, for messages about unknown ones.

/// `; did you mean X?` when some known name is close to `given`, else nothing. `show` puts X into the reader's form.
#[must_use]
pub fn hint<'a>(given: &str, known: impl IntoIterator<Item = &'a str>, show: impl Fn(&str) -> String) -> String {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
        .min()
        .map(|(_, name)| format!("; did you mean {}?", show(name)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_and_stays_silent_when_nothing_is_near() {
        let known = ["lease_ttl", "settle_period"];
        assert_eq!(
            hint("lease_tll", known, |k| format!("'{k}'")),
            "; did you mean 'lease_ttl'?"
        );
        assert_eq!(hint("colour", known, str::to_owned), "");
    }
}
