//! Which names a program knows: unknown ones in sections of our own are refused, in sections shared with OpenStack's
//! libraries they are pointed out, and so is what has no effect.

use std::collections::BTreeMap;

use crate::{ConfigError, Key, Section, Source, catalogue, foreign, nearest, oslo};

/// A section that some program of Themis knows.
#[derive(Debug, Clone)]
pub struct KnownSection {
    name: &'static str,
    strict: bool,
    options: Vec<Key>,
}

impl KnownSection {
    /// What the type says of itself.
    #[must_use]
    pub fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            strict: S::STRICT,
            options: S::keys(),
        }
    }

    /// As written in the file, lower case; of a family the part up to and including the colon.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its options, in the order of the sample.
    #[must_use]
    pub fn options(&self) -> &[Key] {
        &self.options
    }

    fn key(&self, name: &str) -> Option<&Key> {
        self.options.iter().find(|key| key.name == name)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.options.iter().map(|key| key.name)
    }

    fn covers(&self, section: &str) -> bool {
        if self.name.ends_with(':') {
            section.starts_with(self.name)
        } else {
            section == self.name
        }
    }

    /// The present name of an old one: `name in [section]`.
    fn present(&self, section: &str, key: &str) -> Option<String> {
        let is_old = |old: &&str| old.split_once('.').unwrap_or((self.name, old)) == (section, key);
        let found = self.options.iter().find(|key| key.former.iter().any(is_old))?;
        Some(format!("'{}' in [{}]", found.name, shown(self.name)))
    }
}

/// What is written for an option in all files together.
struct Entry<'a> {
    /// The last file that has it.
    origin: &'a str,
    /// Its values there.
    values: &'a [String],
}

impl Source {
    fn entries(&self) -> BTreeMap<&str, BTreeMap<&str, Entry<'_>>> {
        let mut all: BTreeMap<&str, BTreeMap<&str, Entry<'_>>> = BTreeMap::new();
        for layer in &self.layers {
            for (section, options) in &layer.sections {
                let of_section = all.entry(section).or_default();
                for (key, values) in options {
                    let origin = &layer.name;
                    of_section.insert(key, Entry { origin, values });
                }
            }
        }
        all
    }

    /// Refuses unknown sections, and unknown keys in those sections of our own that the calling program reads (`known`;
    /// a section may be read by several structs), naming the nearest known one.
    ///
    /// # Errors
    /// The first unknown name.
    pub fn check(&self, known: &[KnownSection]) -> Result<(), ConfigError> {
        let all = self.entries();
        for (section, entries) in &all {
            let is_known = catalogue::knows(section) || foreign::section(section).is_some();
            if !is_known && !holds_credentials(&all, section) {
                return Err(ConfigError::UnknownSection {
                    file: entries
                        .values()
                        .next()
                        .map_or_else(|| self.files(), |entry| entry.origin.to_owned()),
                    section: (*section).to_owned(),
                    hint: nearest::hint(section, catalogue::SECTIONS.iter().copied(), |n| format!("[{n}]")),
                });
            }
            let specs: Vec<&KnownSection> = known.iter().filter(|k| k.covers(section)).collect();
            if specs.is_empty() || specs.iter().any(|spec| !spec.strict) {
                continue;
            }
            for (key, entry) in entries {
                if !specs.iter().any(|spec| spec.key(key).is_some()) {
                    return Err(ConfigError::UnknownKey {
                        file: entry.origin.to_owned(),
                        section: (*section).to_owned(),
                        key: (*key).to_owned(),
                        hint: nearest::hint(key, specs.iter().flat_map(|spec| spec.names()), |n| format!("'{n}'")),
                    });
                }
            }
        }
        Ok(())
    }

    /// What an operator should know of a configuration that works: options of shared sections that nobody knows, with the
    /// nearest name; old names; what has no effect here and what to write instead; options that are written twice. One
    /// sentence each. No error, for such a section is often a copy of another service's; but none may go unseen.
    #[must_use]
    pub fn warnings(&self, known: &[KnownSection]) -> Vec<String> {
        let mut warnings = Vec::new();
        let all = self.entries();
        for (section, entries) in &all {
            let title = shown(section);
            if let (Some(says), Some(entry)) = (foreign::section(section), entries.values().next()) {
                if !says.is_empty() {
                    warnings.push(format!("{}: [{title}] has no effect: {says}", entry.origin));
                }
                continue;
            }
            for (key, entry) in entries {
                let facts = Facts {
                    section,
                    key,
                    values: entry.values,
                    known,
                };
                if let Some(what) = facts.warning() {
                    warnings.push(format!("{}: '{key}' in [{title}] {what}", entry.origin));
                }
            }
        }
        warnings
    }
}

/// One option as it is written, beside what is known.
struct Facts<'a> {
    section: &'a str,
    key: &'a str,
    values: &'a [String],
    known: &'a [KnownSection],
}

impl Facts<'_> {
    fn warning(&self) -> Option<String> {
        let Self { section, key, .. } = *self;
        let specs: Vec<&KnownSection> = self.known.iter().filter(|k| k.covers(section)).collect();
        if let Some(known) = specs.iter().find_map(|spec| spec.key(key)) {
            let is_list = known.kind == "list";
            let times = self.values.len();
            return (times > 1 && !is_list).then(|| format!("is written {times} times; the last one counts"));
        }
        if let Some(present) = self.known.iter().find_map(|spec| spec.present(section, key)) {
            return Some(format!("counts as {present}; write that"));
        }
        if let Some(option) = foreign::option(section, key) {
            let value = self.values.last().map_or("", String::as_str);
            let says = option.says(value).filter(|_| !specs.is_empty())?;
            return Some(format!("has no effect: {says}"));
        }
        // A section of our own is checked strictly by the program that owns it.
        let mut names = oslo::options(section)?;
        if names.contains(&key) {
            return None;
        }
        names.extend(specs.iter().flat_map(|spec| spec.names()));
        Some(match oslo::renamed(section, key) {
            Some(present) => format!("is the old name of '{present}' and has no effect; write '{present}'"),
            None => {
                let hint = nearest::hint(key, names.iter().copied(), |n| format!("'{n}'"));
                format!("is unknown and has no effect{hint}")
            }
        })
    }
}

/// Whether an `auth_section` of keystoneauth's names it: such a section may have any name.
fn holds_credentials(all: &BTreeMap<&str, BTreeMap<&str, Entry<'_>>>, section: &str) -> bool {
    let named = |entries: &BTreeMap<&str, Entry<'_>>| {
        let values = entries.get("auth_section").map(|entry| entry.values);
        let last = values.and_then(|values| values.last());
        last.is_some_and(|text| text.trim().eq_ignore_ascii_case(section))
    };
    all.values().any(named)
}

fn shown(section: &str) -> &str {
    if section == "default" { "DEFAULT" } else { section }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::section! {
        #[allow(dead_code)]
        struct Engine("engine", strict) {
            /// Seconds.
            lease_ttl: std::time::Duration = "10",
            /// Text.
            name | "default.engine_name": Option<String>,
        }
    }
    crate::section! {
        struct Common("default", shared) {
            /// Text.
            our_own | "our_older": String = "",
        }
    }

    fn known() -> [KnownSection; 2] {
        [KnownSection::of::<Engine>(), KnownSection::of::<Common>()]
    }

    fn source(text: &str) -> Source {
        Source::from_text("t.conf", text).unwrap()
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let error = |text| source(text).check(&known()).unwrap_err().to_string();
        assert_eq!(
            error("[engine]\nlease_tll=1\n"),
            "t.conf: unknown key 'lease_tll' in [engine]; did you mean 'lease_ttl'?"
        );
        assert_eq!(
            error("[enigne]\nname=1\n"),
            "t.conf: unknown section [enigne]; did you mean [engine]?"
        );
    }

    #[test]
    fn in_shared_sections_oslos_names_pass_and_others_are_pointed_out() {
        let text = "[oslo_messaging_rabbit]\nrpc_conn_pool_size = 9\nrabbit_qourum_queue = true\nrabbit_use_ssl = 1\n\
                    [DEFAULT]\nlog_options = true\nour_own = 1\ncolour = red\n[engine]\nname = a\n[cors]\nmax_agee = 1\n";
        let source = source(text);
        source.check(&known()).unwrap();
        assert_eq!(source.section::<Common>().unwrap().our_own, "1");
        assert_eq!(
            source.warnings(&known()),
            [
                "t.conf: 'max_agee' in [cors] is unknown and has no effect; did you mean 'max_age'?",
                "t.conf: 'colour' in [DEFAULT] is unknown and has no effect",
                "t.conf: 'rabbit_qourum_queue' in [oslo_messaging_rabbit] is unknown and has no effect; \
                 did you mean 'rabbit_quorum_queue'?",
                "t.conf: 'rabbit_use_ssl' in [oslo_messaging_rabbit] is the old name of 'ssl' and has no effect; \
                 write 'ssl'",
            ]
        );
    }

    #[test]
    fn old_names_count_unless_the_present_one_is_written() {
        let old = source("[DEFAULT]\nengine_name = old\nour_older = o\n");
        assert_eq!(old.section::<Engine>().unwrap().name.as_deref(), Some("old"));
        assert_eq!(old.section::<Common>().unwrap().our_own, "o");
        assert_eq!(
            old.warnings(&known()),
            [
                "t.conf: 'engine_name' in [DEFAULT] counts as 'name' in [engine]; write that",
                "t.conf: 'our_older' in [DEFAULT] counts as 'our_own' in [DEFAULT]; write that",
            ]
        );
        let both = source("[DEFAULT]\nengine_name = old\n[engine]\nname = new\n");
        assert_eq!(both.section::<Engine>().unwrap().name.as_deref(), Some("new"));
    }

    #[test]
    fn masakaris_sections_and_options_are_let_in_with_a_word_about_what_is_lost() {
        let text = "[DEFAULT]\nuse_ssl = true\nauth_strategy = keystone\nmasakari_topic = x\nname = a\nlease = b\n\
                    [taskflow]\nconnection = mysql://u:hunter2@h/t\n[osapi_v1]\n";
        let source = source(text);
        source.check(&known()).unwrap();
        let warnings = source.warnings(&known());
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        assert!(
            warnings
                .iter()
                .any(|w| w.contains("'use_ssl' in [DEFAULT] has no effect: themis-api speaks plain HTTP"))
        );
        assert!(
            warnings
                .iter()
                .any(|w| w.starts_with("t.conf: [taskflow] has no effect: recoveries are kept"))
        );
        assert!(!warnings.concat().contains("hunter2"));
    }

    #[test]
    fn an_option_that_is_written_twice_is_pointed_out_unless_it_is_a_list() {
        crate::section! {
            struct Lists("brakes", strict) {
                /// Words.
                words: Vec<String> = "",
                /// One.
                word: String = "",
            }
        }
        let source = source("[brakes]\nwords = a\nwords = b\nword = c\nword = d\n");
        let lists: Lists = source.section().unwrap();
        assert_eq!(
            (lists.words, lists.word),
            (vec!["a".to_owned(), "b".to_owned()], "d".to_owned())
        );
        assert_eq!(
            source.warnings(&[KnownSection::of::<Lists>()]),
            ["t.conf: 'word' in [brakes] is written 2 times; the last one counts"]
        );
    }
}
