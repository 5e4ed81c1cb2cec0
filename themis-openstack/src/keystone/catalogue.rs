//! The catalogue: which service answers where. Services are found by type, never by name.

use serde::Deserialize;

use super::{Cloud, Interface};
use crate::error::IdentityError;

/// A kind of service, with the other type names that catalogues in the field use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceType {
    /// The official type of the service-types authority.
    pub name: &'static str,
    /// Other accepted types.
    pub aliases: &'static [&'static str],
}

impl ServiceType {
    /// Keystone.
    pub const IDENTITY: Self = Self {
        name: "identity",
        aliases: &["identityv3"],
    };
    /// Nova.
    pub const COMPUTE: Self = Self {
        name: "compute",
        aliases: &["computev21"],
    };
    /// Placement.
    pub const PLACEMENT: Self = Self {
        name: "placement",
        aliases: &[],
    };
    /// Masakari's place, which Themis takes.
    pub const INSTANCE_HA: Self = Self {
        name: "instance-ha",
        aliases: &["ha"],
    };

    fn is(self, kind: &str) -> bool {
        kind == self.name || self.aliases.contains(&kind)
    }
}

/// The endpoints that a token came with.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CatalogueEntry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoint {
    interface: String,
    region: Option<String>,
    region_id: Option<String>,
    url: String,
}

impl Catalogue {
    pub(crate) const fn new(entries: Vec<CatalogueEntry>) -> Self {
        Self { entries }
    }

    /// The address of a service by the first interface that has one, without a trailing slash.
    ///
    /// # Errors
    /// [`IdentityError::NoEndpoint`], which names what the catalogue has.
    pub fn endpoint(
        &self,
        service: ServiceType,
        interfaces: &[Interface],
        region: Option<&str>,
    ) -> Result<String, IdentityError> {
        // The official type before its aliases, should a catalogue have both.
        let mut entries: Vec<&CatalogueEntry> = self.entries.iter().filter(|entry| service.is(&entry.kind)).collect();
        entries.sort_by_key(|entry| entry.kind != service.name);
        let find = |interface: &Interface| {
            entries.iter().flat_map(|entry| &entry.endpoints).find(|endpoint| {
                endpoint.interface == interface.name()
                    && region.is_none_or(|wanted| {
                        [&endpoint.region, &endpoint.region_id]
                            .into_iter()
                            .flatten()
                            .any(|has| has == wanted)
                    })
            })
        };
        interfaces
            .iter()
            .find_map(find)
            .map(|endpoint| endpoint.url.trim_end_matches('/').to_owned())
            .ok_or_else(|| IdentityError::NoEndpoint {
                service: service.name,
                interfaces: interfaces.iter().map(|i| i.name()).collect::<Vec<_>>().join(", "),
                region: region.unwrap_or("any").to_owned(),
                known: self
                    .entries
                    .iter()
                    .map(|e| e.kind.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

impl Cloud {
    /// The configured address of a service that wins over the catalogue.
    pub(crate) fn endpoint_override(&self, service: ServiceType) -> Option<&str> {
        std::iter::once(service.name)
            .chain(service.aliases.iter().copied())
            .find_map(|kind| self.endpoint_overrides.get(kind))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let endpoint = |interface: &str, region: &str, url: &str| serde_json::json!({"interface": interface, "region": region, "region_id": region, "url": url, "id": "x"});
        let entries = serde_json::json!([
            {"type": "ha", "name": "masakari", "endpoints": [endpoint("public", "one", "http://a/v1/")]},
            {"type": "compute", "name": "nova", "endpoints": [
                endpoint("public", "one", "http://public-one"),
                endpoint("internal", "two", "http://internal-two"),
                endpoint("public", "two", "http://public-two"),
            ]},
        ]);
        Catalogue::new(serde_json::from_value(entries).unwrap())
    }

    #[test]
    fn interfaces_are_tried_in_order_within_the_region() {
        let find = |interfaces: &[Interface], region| catalogue().endpoint(ServiceType::COMPUTE, interfaces, region);
        let both = [Interface::Internal, Interface::Public];
        assert_eq!(find(&both, Some("two")).unwrap(), "http://internal-two");
        assert_eq!(find(&both, Some("one")).unwrap(), "http://public-one");
        assert_eq!(find(&[Interface::Public], None).unwrap(), "http://public-one");
        let error = find(&[Interface::Admin], Some("two")).unwrap_err().to_string();
        assert!(
            error.contains("'compute' (interface admin, region two)") && error.contains("ha, compute"),
            "{error}"
        );
    }

    #[test]
    fn an_alias_of_the_type_is_found() {
        let found = catalogue()
            .endpoint(ServiceType::INSTANCE_HA, &[Interface::Public], None)
            .unwrap();
        assert_eq!(found, "http://a/v1");
    }
}
