//! How a section is declared: one macro call holds the struct, its keys, their help, defaults and secrecy.

use crate::{ConfigError, Source};

/// One option of a section, for messages and for the sample.
#[derive(Debug, Clone)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// What it means, with its unit.
    pub help: &'static str,
    /// `integer`, `seconds`, ...
    pub kind: &'static str,
    /// As it would be written; `None` when it must be given.
    pub default: Option<String>,
    /// Older names that still count: of the same section, or `section.name`.
    pub former: &'static [&'static str],
}

/// A section of the configuration file that is read into a struct.
pub trait Section: Sized {
    /// As written in the file, lower case; for a family of sections (`network:NAME`) the part up to and including the colon.
    const NAME: &'static str;
    /// Whether it belongs to us alone (unknown keys are an error) or is shared with oslo (unknown keys are left alone).
    const STRICT: bool;
    /// Its options, in the order of the sample.
    fn keys() -> Vec<Key>;
    /// Reads it from the section called `name`.
    ///
    /// # Errors
    /// A value of the wrong kind, or a missing one.
    fn read(source: &Source, name: &str) -> Result<Self, ConfigError>;
}

/// Declares the struct of a section. `field | "old" | "default.older": Kind` also honours older names, in the same section
/// or in another, when the present one is not written.
///
/// ```
/// themis_config::section! {
///     /// How leadership is held.
///     pub struct EngineSection("engine", strict) {
///         /// Seconds after which a silent leader is replaced.
///         pub lease_ttl: std::time::Duration = "10",
///         /// Where to reach the broker; must be given.
///         pub transport_url: String,
///         /// Optional kinds need no default.
///         pub name: Option<String>,
///     }
/// }
/// let source = themis_config::Source::from_text("test.conf", "[engine]\ntransport_url = rabbit://\n").unwrap();
/// let engine: EngineSection = source.section().unwrap();
/// assert_eq!(engine.lease_ttl.as_secs(), 10);
/// ```
#[macro_export]
macro_rules! section {
    (@default $text:literal) => { Some($text) };
    (@default) => { None };
    (@strict strict) => { true };
    (@strict shared) => { false };
    ($(#[$meta:meta])* $vis:vis struct $name:ident($section:literal, $strict:ident) {
        $($(#[doc = $help:literal])+ $fvis:vis $field:ident $(| $former:literal)* : $kind:ty $(= $default:literal)?),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $($(#[doc = $help])+ $fvis $field: $kind,)+
        }

        impl $crate::Section for $name {
            const NAME: &'static str = $section;
            const STRICT: bool = $crate::section!(@strict $strict);

            fn keys() -> Vec<$crate::Key> {
                vec![$($crate::Key {
                    name: stringify!($field),
                    help: concat!($($help),+),
                    kind: <$kind as $crate::Value>::KIND,
                    default: $crate::section::default_text::<$kind>($crate::section!(@default $($default)?)),
                    former: &[$($former),*],
                },)+]
            }

            fn read(source: &$crate::Source, name: &str) -> Result<Self, $crate::ConfigError> {
                Ok(Self {
                    $($field: source.value_or_former::<$kind>(
                        name,
                        stringify!($field),
                        &[$($former),*],
                        $crate::section!(@default $($default)?),
                    )?,)+
                })
            }
        }
    };
}

#[doc(hidden)]
#[must_use]
pub fn default_text<T: crate::Value>(default: Option<&str>) -> Option<String> {
    default.map(str::to_owned).or_else(|| T::absent().map(|v| v.show()))
}
