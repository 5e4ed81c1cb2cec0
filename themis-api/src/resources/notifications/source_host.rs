//! Which registered host a reporter means. Names match exactly; else without regard to case, or a short name and a full
//! one stand for each other, as long as one host only can be meant. Where two can, nobody guesses: a report on the wrong
//! host would cost its instances.

use themis_db::Pool;
use themis_db::store::hosts::{HostRow, host_find_by_name, host_list_all};

use crate::fault::Fault;

/// The host that a report names.
pub(super) async fn find(store: &Pool, name: &str) -> Result<HostRow, Fault> {
    if let Some(host) = host_find_by_name(store, name).await? {
        return Ok(host);
    }
    let mut alike: Vec<HostRow> = host_list_all(store)
        .await?
        .into_iter()
        .filter(|host| stand_for_each_other(&host.name, name))
        .collect();
    match (alike.pop(), alike.is_empty()) {
        (Some(host), true) => Ok(host),
        (Some(last), false) => {
            let mut names: Vec<String> = alike.into_iter().chain([last]).map(|host| host.name).collect();
            names.sort();
            Err(Fault::HostNameAmbiguous {
                given: name.to_owned(),
                hosts: names.join(", "),
            })
        }
        (None, _) => Err(Fault::HostNameMissing(name.to_owned())),
    }
}

/// Whether both are one name, or one is the other's short name. Two full names with different domains are two hosts.
fn stand_for_each_other(one: &str, other: &str) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let (shorter, longer) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    !shorter.contains('.')
        && longer
            .split_once('.')
            .is_some_and(|(short, domain)| short.eq_ignore_ascii_case(shorter) && !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_stands_for_a_full_one_and_nothing_else_does() {
        assert!(stand_for_each_other("compute-1", "compute-1.example.org"));
        assert!(stand_for_each_other("compute-1.example.org", "Compute-1"));
        assert!(stand_for_each_other("Compute-1.Example.org", "compute-1.example.org"));
        assert!(!stand_for_each_other("compute-1.example.org", "compute-1.example.net"));
        assert!(!stand_for_each_other("compute-1.example", "compute-1.example.org"));
        assert!(!stand_for_each_other("compute-1", "compute-10.example.org"));
        assert!(!stand_for_each_other("compute-1", "compute-1."));
    }
}
