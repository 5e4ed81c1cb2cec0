//! Where Themis is. The catalogue's entry is Masakari's: `http://h:15868`, `.../v1`, `.../v1/PROJECT`, behind a mount
//! prefix or not. `/themis/v1` and `/v1` hang on what is left without these.

/// The address that `/themis/v1/...` and `/v1/...` are appended to, without a trailing slash.
#[must_use]
pub fn root(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let mut parts: Vec<&str> = rest.split('/').collect();
    // The last `v1` that has at most a project behind it: a mount prefix may be called anything.
    let version = parts.iter().rposition(|part| *part == "v1");
    if let Some(at) = version.filter(|&at| at > 0 && parts.len() - at <= 2) {
        let own = parts.get(at - 1) == Some(&"themis") && at > 1;
        parts.truncate(if own { at - 1 } else { at });
    }
    format!("{scheme}://{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    #[rstest::rstest]
    #[case("http://h:15868", "http://h:15868")]
    #[case("http://h:15868/", "http://h:15868")]
    #[case("http://h:15868/v1", "http://h:15868")]
    #[case("http://h:15868/v1/", "http://h:15868")]
    #[case("http://h:15868/v1/0123456789abcdef", "http://h:15868")]
    #[case("http://h:15868/v1/%(project_id)s", "http://h:15868")]
    #[case("https://h/instance-ha/v1/$(tenant_id)s", "https://h/instance-ha")]
    #[case("https://h/v1/ha/v1/p", "https://h/v1/ha")]
    #[case("https://h/instance-ha", "https://h/instance-ha")]
    #[case("http://h:15868/themis/v1", "http://h:15868")]
    #[case("http://v1/v1", "http://v1")]
    #[case("h:15868/v1", "http://h:15868")]
    fn every_form_of_catalogue_entry_leads_to_the_root(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(super::root(url), expected);
    }
}
