//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// The exit code of a process that can't use its configuration (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

/// Where the value of a setting comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// A line of the configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, counted from 1; `None` when the file as a whole is meant.
        line: Option<usize>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag on the command line.
    Flag {
        /// The flag, with its dashes.
        name: String,
    },
    /// The program that embeds the crate.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{}:{line}", path.display()),
            Self::Environment { name } => write!(f, "environment {name}"),
            Self::Flag { name } => write!(f, "flag {name}"),
            Self::Program => f.write_str("program"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub origin: Origin,
    /// The setting it is about, such as `http.listen`, where it is about one.
    pub setting: Option<String>,
    /// What is wrong, and what would be right. Never the value of a secret.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(setting) = &self.setting {
            write!(f, "{setting}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// Everything that is wrong with a configuration; at least one thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `Ok` when there are none, or else all of them, in the order in which they were met.
    ///
    /// # Errors
    /// The faults.
    pub fn none(mut faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() {
            return Ok(());
        }
        // Those of the file in the order of its lines, then environment and flags as they came.
        faults.sort_by_key(|fault| match fault.origin {
            Origin::File { line, .. } => (0, line),
            Origin::Environment { .. } => (1, None),
            Origin::Flag { .. } => (2, None),
            Origin::Default | Origin::Program => (3, None),
        });
        Err(Self(faults))
    }

    /// The faults: the file's by line, then those of the environment, then those of flags.
    #[must_use]
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a fault:")?,
            count => write!(f, "the configuration has {count} faults:")?,
        }
        for fault in &self.0 {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
