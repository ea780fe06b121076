//! Where a configuration comes from: a file, the environment, flags.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::Config;
use super::faults::{Fault, Faults, Origin};
use super::nearest::nearest;
use super::settings::{Setting, Settings};
use super::show;
use super::value::Given;

/// The largest configuration file in bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The file looked for in the current directory.
pub const FILE_NAME: &str = "config.toml";

/// The file looked for last.
pub const SYSTEM_FILE: &str = "/etc/kinglet/config.toml";

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "KINGLET_CONFIG";

const VARIABLE_PREFIX: &str = "KINGLET_";
const SECTION_SEPARATOR: &str = "__";

/// A setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The flag with its dashes, such as `--listen`.
    pub flag: &'static str,
    /// The setting, such as `http.listen`.
    pub setting: &'static str,
    /// The value as it was written.
    pub value: OsString,
}

/// Everything that a configuration is put together from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The file that `--config` names; no other is looked at then.
    pub file: Option<PathBuf>,
    /// Environment variables; those that aren't kinglet's are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// What flags set, which goes before all else.
    pub overrides: Vec<Override>,
    /// The directory in which [`FILE_NAME`] is looked for, and to which paths from the environment,
    /// from flags and from defaults are relative. Empty for the current directory.
    pub directory: PathBuf,
    /// The file looked for last; none when it should not be looked for.
    pub system_file: Option<PathBuf>,
}

impl Sources {
    /// The sources of a process that runs in the current directory.
    #[must_use]
    pub fn new(
        file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: Vec<Override>,
    ) -> Self {
        Self {
            file,
            environment: environment.into_iter().collect(),
            overrides,
            directory: PathBuf::new(),
            system_file: Some(SYSTEM_FILE.into()),
        }
    }

    /// Reads and checks all of it.
    ///
    /// # Errors
    ///
    /// Every fault at once: what can't be read, unknown settings, values that are wrong.
    pub fn load(&self) -> Result<Loaded, Faults> {
        load(self)
    }

    /// Reads all of it, whatever is wrong: a setting with a fault keeps its default.
    #[must_use]
    pub fn examine(&self) -> (Loaded, Vec<Fault>) {
        let Loader { loaded, faults, .. } = read(self);
        match Faults::none(faults) {
            Ok(()) => (loaded, Vec::new()),
            Err(faults) => (loaded, faults.as_slice().to_vec()),
        }
    }
}

/// A configuration that has been read, and where its values come from.
#[derive(Clone, Debug)]
pub struct Loaded<C = Config> {
    /// The values.
    pub config: C,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// The origin of each setting that was set.
    origins: BTreeMap<String, Origin>,
}

impl<C> Loaded<C> {
    /// The file that was read, from wherever one looks.
    ///
    /// # Errors
    /// When there is no current directory.
    pub fn absolute_file(&self) -> io::Result<Option<PathBuf>> {
        self.file.as_deref().map(std::path::absolute).transpose()
    }

    /// Where the value of a setting such as `http.listen` comes from.
    #[must_use]
    pub fn origin(&self, setting: &str) -> Origin {
        self.origins.get(setting).cloned().unwrap_or_default()
    }
}

impl Loaded {
    /// What `config show` prints: every setting as TOML, those that were set with their origin,
    /// secrets as `***`.
    #[must_use]
    pub fn to_toml(&self) -> String {
        show::text(self)
    }

    /// What `config show --json` prints: an object of sections, secrets as `***`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        show::json(&self.config)
    }
}

/// Reads and checks all sources of the configuration `C`.
pub(super) fn load<C: Settings>(sources: &Sources) -> Result<Loaded<C>, Faults> {
    let Loader { loaded, faults, .. } = read(sources);
    Faults::none(faults)?;
    Ok(loaded)
}

fn read<C: Settings>(sources: &Sources) -> Loader<C> {
    let mut loader = Loader::<C>::new(sources);
    loader.file(sources);
    loader.environment(sources);
    loader.overrides(sources);
    loader
}

/// Sets one setting by its name, as an embedding program does.
pub(super) fn set<C: Settings>(config: &mut C, name: &str, value: &OsStr) -> Result<(), Faults> {
    let origin = Origin::Program;
    let (setting, reasons) = match find::<C>(name) {
        Some(setting) => match (setting.assign)(config, Given::Text(value), Path::new("")) {
            Ok(()) => return Ok(()),
            Err(reasons) => (setting.name(), reasons),
        },
        None => {
            let reason = unknown_name::<C>(name);
            return Faults::none(vec![Fault {
                origin,
                setting: Some(name.to_owned()),
                reason,
            }]);
        }
    };
    Faults::none(
        reasons
            .into_iter()
            .map(|reason| Fault {
                origin: origin.clone(),
                setting: Some(setting.clone()),
                reason: reason.text,
            })
            .collect(),
    )
}

/// The faults of a configuration that was made by hand.
pub(super) fn check<C: Settings>(config: &C) -> Result<(), Faults> {
    let faults = C::TABLE.iter().filter_map(|setting| {
        (setting.check)(config).map(|reason| Fault {
            origin: Origin::Program,
            setting: Some(setting.name()),
            reason,
        })
    });
    Faults::none(faults.collect())
}

fn find<C: Settings>(name: &str) -> Option<&'static Setting<C>> {
    C::TABLE.iter().find(|setting| setting.name() == name)
}

struct Loader<C> {
    loaded: Loaded<C>,
    faults: Vec<Fault>,
}

impl<C: Settings> Loader<C> {
    fn new(sources: &Sources) -> Self {
        let mut config = C::default();
        for setting in C::TABLE {
            (setting.rebase)(&mut config, &sources.directory);
        }
        Self {
            loaded: Loaded {
                config,
                file: None,
                origins: BTreeMap::new(),
            },
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, origin: Origin, setting: Option<String>, reason: impl Into<String>) {
        self.faults.push(Fault {
            origin,
            setting,
            reason: reason.into(),
        });
    }

    /// Finds the file and takes what it sets.
    fn file(&mut self, sources: &Sources) {
        let variable = sources
            .environment
            .iter()
            .rfind(|(name, value)| name == FILE_VARIABLE && !value.is_empty())
            .map(|(_, value)| sources.directory.join(value));
        // A file that was asked for has to be there; one that is only looked for need not.
        let asked = sources
            .file
            .as_ref()
            .map(|file| sources.directory.join(file));
        if let Some(path) = asked.or(variable) {
            match read_file(&path) {
                Ok(text) => self.take_file(path, &text),
                Err(reason) => self.fault(Origin::File { path, line: None }, None, reason.text()),
            }
            return;
        }
        let looked_for = [
            Some(sources.directory.join(FILE_NAME)),
            sources.system_file.clone(),
        ];
        for path in looked_for.into_iter().flatten() {
            match read_file(&path) {
                Ok(text) => return self.take_file(path, &text),
                Err(Unreadable::Io(error)) if is_absent(&error) => {}
                Err(reason) => {
                    return self.fault(Origin::File { path, line: None }, None, reason.text());
                }
            }
        }
    }

    fn take_file(&mut self, path: PathBuf, text: &str) {
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let at = |span: Range<usize>| Origin::File {
            path: path.clone(),
            line: Some(line_of(text, span.start)),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        // The messages alone: an error's own rendering repeats the line, secrets included.
        let syntax: Vec<_> = errors
            .iter()
            .map(|error| Fault {
                origin: at(error.span().unwrap_or_default()),
                setting: None,
                reason: syntax_reason(error.message()),
            })
            .collect();
        for (name, value) in root.get_ref() {
            let section: &str = name.get_ref();
            if !C::SECTIONS.iter().any(|known| known.name == section) {
                let reason = unknown_section::<C>(section, value.get_ref());
                self.fault(at(name.span()), Some(section.to_owned()), reason);
                continue;
            }
            let DeValue::Table(entries) = value.get_ref() else {
                let reason = format!("is a section: write [{section}], and its settings below");
                self.fault(at(name.span()), Some(section.to_owned()), reason);
                continue;
            };
            for (key, value) in entries {
                self.take_entry(section, key, value, &at, &base);
            }
        }
        // What was made out of a line that could not be parsed is a guess: its one fault is enough.
        let guessed = |fault: &Fault| syntax.iter().any(|error| error.origin == fault.origin);
        self.faults.retain(|fault| !guessed(fault));
        self.faults.extend(syntax);
        self.loaded.file = Some(path);
    }

    fn take_entry(
        &mut self,
        section: &str,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        at: &impl Fn(Range<usize>) -> Origin,
        base: &Path,
    ) {
        let name = format!("{section}.{}", key.get_ref());
        let Some(setting) = find::<C>(&name) else {
            let reason = unknown_key::<C>(section, key.get_ref());
            return self.fault(at(key.span()), Some(name), reason);
        };
        match (setting.assign)(&mut self.loaded.config, Given::Toml(value.get_ref()), base) {
            Ok(()) => {
                self.loaded.origins.insert(name, at(key.span()));
            }
            Err(reasons) => {
                for reason in reasons {
                    let origin = at(reason.span.unwrap_or(value.span()));
                    self.fault(origin, Some(name.clone()), reason.text);
                }
            }
        }
    }

    fn environment(&mut self, sources: &Sources) {
        for (variable, value) in &sources.environment {
            // Names that aren't UTF-8 can't be those of settings, which are ASCII.
            let Some(variable) = variable.to_str() else {
                continue;
            };
            if !variable.starts_with(VARIABLE_PREFIX) || variable == FILE_VARIABLE {
                continue;
            }
            let origin = Origin::Environment {
                name: variable.to_owned(),
            };
            match C::TABLE
                .iter()
                .find(|setting| setting.variable() == variable)
            {
                Some(setting) => self.take_text(setting, value, origin, &sources.directory),
                None => {
                    if let Some(reason) = unknown_variable::<C>(variable) {
                        self.fault(origin, None, reason);
                    }
                }
            }
        }
    }

    fn overrides(&mut self, sources: &Sources) {
        for given in &sources.overrides {
            let origin = Origin::Flag {
                name: given.flag.to_owned(),
            };
            match find::<C>(given.setting) {
                Some(setting) => self.take_text(setting, &given.value, origin, &sources.directory),
                None => {
                    let reason = unknown_name::<C>(given.setting);
                    self.fault(origin, Some(given.setting.to_owned()), reason);
                }
            }
        }
    }

    fn take_text(&mut self, setting: &Setting<C>, value: &OsStr, origin: Origin, base: &Path) {
        match (setting.assign)(&mut self.loaded.config, Given::Text(value), base) {
            Ok(()) => {
                self.loaded.origins.insert(setting.name(), origin);
            }
            Err(reasons) => {
                for reason in reasons {
                    self.fault(origin.clone(), Some(setting.name()), reason.text);
                }
            }
        }
    }
}

/// Why a file can't be used at all.
enum Unreadable {
    Io(io::Error),
    TooLarge,
    NotUtf8 { line: usize },
}

impl Unreadable {
    fn text(&self) -> String {
        match self {
            Self::Io(error) => format!("can't be read: {error}"),
            Self::TooLarge => format!("is larger than {FILE_BYTES_MAX} bytes"),
            Self::NotUtf8 { line } => format!("is not UTF-8, first in line {line}"),
        }
    }
}

fn read_file(path: &Path) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(Unreadable::Io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..sound]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Unreadable::NotUtf8 { line }
    })
}

/// Whether there is no such file, as opposed to one that can't be read.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What the parser says, and what is meant where it took a text for a number: the commonest mistake
/// is an address or a word without quotes.
fn syntax_reason(message: &str) -> String {
    let guesses = [
        "invalid float",
        "invalid integer",
        "invalid datetime",
        "invalid number",
    ];
    if guesses.iter().any(|guess| message.starts_with(guess)) {
        format!("{message} (a text has to stand in quotes)")
    } else {
        message.to_owned()
    }
}

/// The line of the byte at `offset`, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn unknown_section<C: Settings>(name: &str, value: &DeValue<'_>) -> String {
    let table = matches!(value, DeValue::Table(_));
    let section = nearest(name, C::SECTIONS.iter().map(|section| section.name));
    match section {
        Some(section) if table => format!("unknown section; did you mean [{section}]?"),
        _ if table => "unknown section".to_owned(),
        _ => match elsewhere::<C>(name) {
            Some(setting) => format!("unknown setting; did you mean {setting}?"),
            None => "unknown setting outside of any section".to_owned(),
        },
    }
}

fn unknown_key<C: Settings>(section: &str, key: &str) -> String {
    let siblings = C::TABLE.iter().filter(|setting| setting.section == section);
    let near = nearest(key, siblings.map(|setting| setting.key))
        .map(|key| format!("{section}.{key}"))
        .or_else(|| elsewhere::<C>(key));
    match near {
        Some(setting) => format!("unknown setting; did you mean {setting}?"),
        None => "unknown setting".to_owned(),
    }
}

/// The setting of any section that has this key, or nearly.
fn elsewhere<C: Settings>(key: &str) -> Option<String> {
    let key = nearest(key, C::TABLE.iter().map(|setting| setting.key))?;
    let setting = C::TABLE.iter().find(|setting| setting.key == key)?;
    Some(setting.name())
}

fn unknown_name<C: Settings>(name: &str) -> String {
    match name.split_once('.') {
        Some((section, key)) => unknown_key::<C>(section, key),
        None => "unknown setting".to_owned(),
    }
}

/// Why a variable that starts like kinglet's is none; `None` when it may well be somebody else's.
///
/// Orchestrators put variables such as `KINGLET_SERVICE_HOST` into the environment of a service named
/// kinglet, so without the two underscores only what is a setting but for them counts as one misspelt.
fn unknown_variable<C: Settings>(variable: &str) -> Option<String> {
    let variables: Vec<String> = C::TABLE.iter().map(Setting::variable).collect();
    if !variable.contains(SECTION_SEPARATOR) {
        return variables
            .iter()
            .find(|known| known.replace(SECTION_SEPARATOR, "_") == variable)
            .map(|known| format!("unknown variable; did you mean {known}, with two underscores?"));
    }
    let near = nearest(variable, variables.iter().map(String::as_str)).or_else(|| {
        let (_, key) = variable.rsplit_once(SECTION_SEPARATOR)?;
        let name = elsewhere::<C>(key)?;
        let index = C::TABLE.iter().position(|setting| setting.name() == name)?;
        Some(variables[index].as_str())
    });
    Some(match near {
        Some(known) => format!("unknown variable; did you mean {known}?"),
        None => "unknown variable: there is no such setting".to_owned(),
    })
}
