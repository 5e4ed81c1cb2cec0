//! `[oslo_policy]`: where the operator's access rules are.

use std::path::{Path, PathBuf};

use themis_config::section;

section! {
    /// Where the operator's access rules are.
    pub struct OsloPolicySection("oslo_policy", shared) {
        /// File of overridden rules; relative to the directory of the configuration file. Absent file: defaults only.
        pub policy_file: PathBuf = "policy.yaml",
        /// Directories of further files, read after policy_file in the order of their names: a later rule wins. Every file counts, whatever its ending, unless its name begins with a dot; directories in it do not. Absent ones are skipped.
        pub policy_dirs: Vec<PathBuf> = "policy.d",
    }
}

impl OsloPolicySection {
    /// The same with every path as seen from `directory`.
    #[must_use]
    pub fn within(self, directory: &Path) -> Self {
        Self {
            policy_file: directory.join(self.policy_file),
            policy_dirs: self.policy_dirs.iter().map(|dir| directory.join(dir)).collect(),
        }
    }
}
