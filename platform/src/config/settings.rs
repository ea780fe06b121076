//! The table that a configuration is made of: each setting with its name, type, default, bounds and
//! documentation, written down once.

use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::Value as Json;

use super::value::{Given, Reason, Reasons, Value};

/// One setting of the configuration `C`.
pub(super) struct Setting<C> {
    /// The section it stands in, such as `http`.
    pub(super) section: &'static str,
    /// Its name within the section, such as `listen`.
    pub(super) key: &'static str,
    /// What it means, in one line.
    pub(super) doc: &'static str,
    /// Sets it to what was given, relative paths being relative to the directory.
    pub(super) assign: fn(&mut C, Given<'_>, &Path) -> Result<(), Reasons>,
    /// What is out of bounds about its value.
    pub(super) check: fn(&C) -> Option<String>,
    /// Makes a relative path relative to the directory.
    pub(super) rebase: fn(&mut C, &Path),
    /// Its value, masked where it is a secret.
    pub(super) show: fn(&C) -> Json,
}

impl<C> Setting<C> {
    /// Section and key, such as `http.listen`.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The environment variable that sets it, such as `KINGLET_HTTP__LISTEN`.
    pub(super) fn variable(&self) -> String {
        format!("KINGLET_{}__{}", self.section, self.key).to_ascii_uppercase()
    }
}

/// A group of settings.
pub(super) struct Section {
    /// Its name, such as `http`.
    pub(super) name: &'static str,
    /// What it is about, in one line.
    pub(super) doc: &'static str,
}

/// A configuration made of a table of settings.
pub(super) trait Settings: Default + Clone + 'static {
    /// The sections in the order of the documentation.
    const SECTIONS: &[Section];

    /// All settings in the order of the documentation, those of a section together.
    const TABLE: &[Setting<Self>];
}

/// What is out of `bounds` about `value`.
pub(super) fn outside<T: Value>(value: &T, bounds: Option<&RangeInclusive<i64>>) -> Option<String> {
    value.size()?.outside(bounds?)
}

/// What was given as a value of a setting with these bounds.
pub(super) fn read<T: Value>(
    given: Given<'_>,
    bounds: Option<&RangeInclusive<i64>>,
    base: &Path,
) -> Result<T, Reasons> {
    let mut value = T::read(given, bounds)?;
    if let Some(text) = outside(&value, bounds) {
        return Err(vec![Reason { text, span: None }]);
    }
    value.rebase(base);
    Ok(value)
}

/// Defines a configuration: a struct of sections, each a struct of settings, and their table.
///
/// A setting is `/// one line of documentation`, `name: Type = default` and, where its type has a
/// size, the bounds of that: of a number itself, of a text its characters, of a list its entries.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $config:ident;
        $(
            #[doc = $section_doc:literal]
            $section:ident: $Section:ident {
                $(
                    #[doc = $doc:literal]
                    $key:ident: $type:ty = $default:expr $(, $bounds:expr)?;
                )+
            }
        )+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $config {
            $( #[doc = $section_doc] pub $section: $Section, )+
        }

        $(
            #[doc = $section_doc]
            #[derive(Clone, Debug, PartialEq)]
            pub struct $Section {
                $( #[doc = $doc] pub $key: $type, )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $key: $default, )+ }
                }
            }
        )+

        impl $crate::config::settings::Settings for $config {
            const SECTIONS: &[$crate::config::settings::Section] = &[$(
                $crate::config::settings::Section {
                    name: stringify!($section),
                    doc: $section_doc.trim_ascii(),
                },
            )+];

            const TABLE: &[$crate::config::settings::Setting<Self>] = &[$($({
                const BOUNDS: Option<&std::ops::RangeInclusive<i64>> =
                    $crate::config::settings::settings!(@bounds $($bounds)?);
                $crate::config::settings::Setting {
                    section: stringify!($section),
                    key: stringify!($key),
                    doc: $doc.trim_ascii(),
                    assign: |config, given, base| {
                        config.$section.$key = $crate::config::settings::read(given, BOUNDS, base)?;
                        Ok(())
                    },
                    check: |config| $crate::config::settings::outside(&config.$section.$key, BOUNDS),
                    rebase: |config, base| {
                        $crate::config::value::Value::rebase(&mut config.$section.$key, base);
                    },
                    show: |config| $crate::config::value::Value::show(&config.$section.$key),
                }
            },)+)+];
        }
    };
    (@bounds) => { None };
    (@bounds $bounds:expr) => { Some(&$bounds) };
}

pub(super) use settings;
