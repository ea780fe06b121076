//! How the types of settings are read and written.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use toml::de::DeValue;

use super::collector_url::CollectorUrl;
use super::cron::CronExpression;
use super::listen::{FileMode, ListenAddresses};
use super::mail_address::MailAddress;
use super::mail_url::MailUrl;
use super::nearest::nearest;
use super::network::TrustedProxy;
use super::tls::{AcmeDirectory, DomainName};
use super::url::InstanceUrl;
use crate::secret::{MASK, Secret};

/// Characters of a wrong value that a reason repeats.
const ECHO_CHARACTERS_MAX: usize = 80;

/// A value as it was given: by the file with its type, or as text by the environment or a flag.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Toml(&'a DeValue<'a>),
    Text(&'a OsStr),
}

/// Why a value can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) text: String,
    /// Bytes of the file that are meant, where that is less than the whole value.
    pub(super) span: Option<Range<usize>>,
}

pub(super) type Reasons = Vec<Reason>;

fn reason(text: impl fmt::Display) -> Reasons {
    vec![Reason {
        text: text.to_string(),
        span: None,
    }]
}

impl<'a> Given<'a> {
    /// The text of a string; for anything else a reason that says what was expected.
    fn text(self, expected: &str) -> Result<Cow<'a, str>, Reasons> {
        match self {
            Given::Toml(DeValue::String(text)) => Ok(Cow::Borrowed(text)),
            Given::Toml(_) => Err(reason(self.instead_of(expected))),
            Given::Text(text) => match text.to_str() {
                Some(text) => Ok(Cow::Borrowed(text)),
                None => Err(reason("is not UTF-8")),
            },
        }
    }

    fn instead_of(self, expected: &str) -> String {
        let found = match self {
            Given::Text(text) => {
                return format!("{} is not {expected}", echo(&text.to_string_lossy()));
            }
            Given::Toml(value) => match value {
                DeValue::String(_) => "a string",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a number with a fraction",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date or time",
                DeValue::Array(_) => "a list",
                DeValue::Table(_) => "a table",
            },
        };
        format!("expected {expected}, found {found}")
    }
}

/// A wrong value as a reason repeats it: quoted, and cut when it is long.
fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// How much of something a value is, to compare with the bounds of its setting.
pub(super) struct Size {
    pub(super) amount: i64,
    /// What is counted, such as `characters`; empty for a plain number.
    pub(super) unit: &'static str,
}

impl Size {
    fn count(count: usize, unit: &'static str) -> Option<Self> {
        let amount = i64::try_from(count).unwrap_or(i64::MAX);
        Some(Self { amount, unit })
    }

    /// The reason why this is not within `bounds`, if it isn't.
    pub(super) fn outside(&self, bounds: &RangeInclusive<i64>) -> Option<String> {
        let Self { amount, unit } = self;
        let (min, max) = (bounds.start(), bounds.end());
        if bounds.contains(amount) {
            None
        } else if unit.is_empty() {
            Some(out_of_range(amount, Some(bounds)))
        } else {
            Some(format!("has {amount} {unit}, allowed are {min} to {max}"))
        }
    }
}

fn out_of_range(number: impl fmt::Display, bounds: Option<&RangeInclusive<i64>>) -> String {
    match bounds {
        Some(bounds) => format!(
            "{number} is out of range, allowed is {} to {}",
            bounds.start(),
            bounds.end()
        ),
        None => format!("{number} is out of range"),
    }
}

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// What a value is, to complete "expected ...".
    const EXPECTED: &str;

    /// The value that was given. `bounds` only serve the wording of a reason.
    fn read(given: Given<'_>, bounds: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons>;

    /// The value as `config show` prints it, [`MASK`] for secrets.
    fn show(&self) -> Json;

    /// What the bounds of a setting of this type are about, where it has any.
    fn size(&self) -> Option<Size> {
        None
    }

    /// Makes a relative path relative to `base`.
    fn rebase(&mut self, base: &Path) {
        let _ = base;
    }
}

/// A type of setting that is written as a string and parsed by its [`FromStr`].
pub(super) trait Text: FromStr<Err: fmt::Display> + fmt::Display {
    /// See [`Value::EXPECTED`].
    const EXPECTED: &str;
}

impl<T: Text> Value for T {
    const EXPECTED: &str = T::EXPECTED;

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let text = given.text(T::EXPECTED)?;
        text.trim().parse().map_err(reason)
    }

    fn show(&self) -> Json {
        Json::String(self.to_string())
    }
}

impl Text for InstanceUrl {
    const EXPECTED: &str = "a URL such as \"https://example.org\"";
}

impl Text for TrustedProxy {
    const EXPECTED: &str = "an IP address or range such as \"10.0.0.0/8\", or \"unix\"";
}

impl Text for CronExpression {
    const EXPECTED: &str = "a cron expression such as \"5 4 * * *\"";
}

impl Text for CollectorUrl {
    const EXPECTED: &str = "a URL such as \"http://127.0.0.1:4318\"";
}

impl Text for MailAddress {
    const EXPECTED: &str = "a mail address such as \"admin@example.org\"";
}

impl Value for MailUrl {
    const EXPECTED: &str = "a URL such as \"smtps://user:password@mail.example.org\"";

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let text = given.text(Self::EXPECTED)?;
        text.trim().parse().map_err(reason)
    }

    fn show(&self) -> Json {
        Json::String(self.to_string())
    }

    fn rebase(&mut self, base: &Path) {
        if let Self::Directory(path) = self {
            path.rebase(base);
        }
    }
}

impl Value for bool {
    const EXPECTED: &str = "true or false";

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        match given {
            Given::Toml(DeValue::Boolean(value)) => Ok(*value),
            Given::Text(text) if text == "true" => Ok(true),
            Given::Text(text) if text == "false" => Ok(false),
            _ => Err(reason(given.instead_of(Self::EXPECTED))),
        }
    }

    fn show(&self) -> Json {
        Json::Bool(*self)
    }
}

/// Reads and writes whole numbers of each width that settings use.
macro_rules! whole_number {
    ($($number:ty),+) => {$(
        impl Value for $number {
            const EXPECTED: &str = "a whole number";

            fn read(given: Given<'_>, bounds: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
                let (digits, radix) = match given {
                    Given::Toml(DeValue::Integer(number)) => (number.as_str(), number.radix()),
                    Given::Text(text) => (text.to_str().unwrap_or_default().trim(), 10),
                    Given::Toml(_) => return Err(reason(given.instead_of(Self::EXPECTED))),
                };
                match i128::from_str_radix(digits, radix) {
                    Ok(number) => number
                        .try_into()
                        .map_err(|_| reason(out_of_range(number, bounds))),
                    Err(_) => Err(reason(given.instead_of(Self::EXPECTED))),
                }
            }

            fn show(&self) -> Json {
                Json::from(*self)
            }

            fn size(&self) -> Option<Size> {
                let amount = i64::try_from(*self).unwrap_or(i64::MAX);
                Some(Size { amount, unit: "" })
            }
        }
    )+};
}

whole_number!(u16, u32, u64, usize);

impl Value for String {
    const EXPECTED: &str = "a string";

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let text = given.text(Self::EXPECTED)?;
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(reason(
                "has control characters other than the end of a line",
            ));
        }
        Ok(text.into_owned())
    }

    fn show(&self) -> Json {
        Json::from(self.as_str())
    }

    fn size(&self) -> Option<Size> {
        Size::count(self.chars().count(), "characters")
    }
}

impl Text for FileMode {
    const EXPECTED: &str = "a mode such as \"0660\"";
}

impl Text for DomainName {
    const EXPECTED: &str = "the name of a host such as \"example.org\"";
}

impl Text for AcmeDirectory {
    const EXPECTED: &str = "a URL such as \"https://ca.example/directory\"";
}

/// One text with commas, or a list of texts.
impl Value for ListenAddresses {
    const EXPECTED: &str =
        "an address such as \"127.0.0.1:8420\" or \"unix:http.sock\", or a list of them";

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let text = match given {
            Given::Toml(DeValue::Array(entries)) => {
                let texts = entries.iter().map(|entry| {
                    let text = Given::Toml(entry.get_ref()).text(Self::EXPECTED)?;
                    Ok(text.into_owned())
                });
                Cow::Owned(texts.collect::<Result<Vec<_>, Reasons>>()?.join(","))
            }
            _ => given.text(Self::EXPECTED)?,
        };
        text.parse().map_err(reason)
    }

    fn show(&self) -> Json {
        Json::String(self.to_string())
    }

    fn rebase(&mut self, base: &Path) {
        self.rebase(base);
    }
}

impl Value for TimeZone {
    const EXPECTED: &str = "the name of a time zone such as \"Europe/Berlin\"";

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let text = given.text(Self::EXPECTED)?;
        let name = text.trim();
        Self::get(name).map_err(|_| {
            let zones: Vec<_> = jiff::tz::db().available().collect();
            let suggestion = match nearest(name, zones.iter().map(|zone| zone.as_str())) {
                Some(zone) => format!("; did you mean {zone:?}?"),
                None => format!("; expected {}", Self::EXPECTED),
            };
            reason(format!(
                "{} is not a known time zone{suggestion}",
                echo(name)
            ))
        })
    }

    fn show(&self) -> Json {
        Json::from(self.iana_name().unwrap_or("UTC"))
    }
}

impl Value for PathBuf {
    const EXPECTED: &str = "a path";

    fn read(given: Given<'_>, _: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let path = match given {
            Given::Text(path) => Self::from(path),
            Given::Toml(_) => Self::from(given.text(Self::EXPECTED)?.as_ref()),
        };
        if path.as_os_str().is_empty() {
            return Err(reason("is empty"));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(reason("has a NUL in it"));
        }
        Ok(path)
    }

    fn show(&self) -> Json {
        Json::from(self.to_string_lossy())
    }

    fn rebase(&mut self, base: &Path) {
        *self = base.join(&self);
    }
}

/// Not set is written as an empty string, since TOML has no word for it.
impl<T: Value> Value for Option<T> {
    const EXPECTED: &str = T::EXPECTED;

    fn read(given: Given<'_>, bounds: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        match given {
            Given::Toml(DeValue::String(text)) if text.is_empty() => Ok(None),
            Given::Text(text) if text.is_empty() => Ok(None),
            _ => T::read(given, bounds).map(Some),
        }
    }

    fn show(&self) -> Json {
        self.as_ref().map_or_else(|| Json::from(""), T::show)
    }

    fn size(&self) -> Option<Size> {
        self.as_ref().and_then(T::size)
    }

    fn rebase(&mut self, base: &Path) {
        if let Some(value) = self {
            value.rebase(base);
        }
    }
}

/// A list in the file; in the environment its entries are separated by commas.
impl<T: Value> Value for Vec<T> {
    const EXPECTED: &str = "a list";

    fn read(given: Given<'_>, bounds: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        let mut values = Self::new();
        let mut reasons = Reasons::new();
        let mut take =
            |entry: Result<T, Reasons>, name: String, span: Option<Range<usize>>| match entry {
                Ok(value) => values.push(value),
                Err(found) => reasons.extend(found.into_iter().map(|reason| Reason {
                    text: format!("{name}: {}", reason.text),
                    span: reason.span.or_else(|| span.clone()),
                })),
            };
        match given {
            Given::Toml(DeValue::Array(entries)) => {
                for (index, entry) in entries.iter().enumerate() {
                    let value = T::read(Given::Toml(entry.get_ref()), bounds);
                    let name = match entry.get_ref() {
                        DeValue::String(text) => echo(text),
                        _ => format!("entry {}", index + 1),
                    };
                    take(value, name, Some(entry.span()));
                }
            }
            Given::Toml(_) => return Err(reason(given.instead_of(Self::EXPECTED))),
            Given::Text(_) => {
                let text = given.text(Self::EXPECTED)?;
                for entry in text
                    .split(',')
                    .map(str::trim)
                    .filter(|entry| !entry.is_empty())
                {
                    let value = T::read(Given::Text(OsStr::new(entry)), bounds);
                    take(value, echo(entry), None);
                }
            }
        }
        if reasons.is_empty() {
            Ok(values)
        } else {
            Err(reasons)
        }
    }

    fn show(&self) -> Json {
        self.iter().map(T::show).collect()
    }

    fn size(&self) -> Option<Size> {
        Size::count(self.len(), "entries")
    }

    fn rebase(&mut self, base: &Path) {
        for value in self {
            value.rebase(base);
        }
    }
}

/// Reasons never repeat a secret; a setting without one is shown empty, so that a person sees whether it is set.
impl<T: Value> Value for Secret<T> {
    const EXPECTED: &str = T::EXPECTED;

    fn read(given: Given<'_>, bounds: Option<&RangeInclusive<i64>>) -> Result<Self, Reasons> {
        T::read(given, bounds).map(Self::new).map_err(|_| {
            reason(format!(
                "is not {} (the value is a secret, so it is not repeated here)",
                T::EXPECTED
            ))
        })
    }

    fn show(&self) -> Json {
        match self.expose().show() {
            Json::String(text) if text.is_empty() => Json::String(text),
            _ => Json::from(MASK),
        }
    }

    fn size(&self) -> Option<Size> {
        // A count of characters may be told; a number would be the secret itself.
        self.expose().size().filter(|size| !size.unit.is_empty())
    }

    fn rebase(&mut self, base: &Path) {
        self.expose_mut().rebase(base);
    }
}
