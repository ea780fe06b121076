//! Settings that are one word out of a few.

use std::fmt;
use std::str::FromStr;

use super::nearest::nearest;

/// Why a text is none of the words that a setting takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {allowed}{}", suggestion.map(|word| format!("; did you mean {word:?}?")).unwrap_or_default())]
pub struct UnknownWord {
    given: String,
    allowed: String,
    suggestion: Option<&'static str>,
}

impl UnknownWord {
    fn new(given: &str, words: &[&'static str]) -> Self {
        Self {
            given: given.to_owned(),
            allowed: words.join(", "),
            suggestion: nearest(given, words.iter().copied()),
        }
    }
}

/// Defines an enum whose variants are written as words in the configuration.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl $name {
            /// Every word, in the order of the documentation.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word as it is written in the configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err(UnknownWord::new(text, Self::WORDS)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl super::value::Text for $name {
            const EXPECTED: &str = concat!("one of the words:" $(, " ", $word)+);
        }
    };
}

choice! {
    /// Who may make an account.
    RegistrationMode {
        /// Nobody; accounts come from the command line.
        Closed = "closed",
        /// Everybody, once somebody with the role for it has agreed.
        Approval = "approval",
        /// Everybody.
        Open = "open",
        /// Who holds an invitation.
        Invite = "invite",
    }
}

choice! {
    /// What a commit waits for.
    Synchronous {
        /// For the disk: what was acknowledged survives a loss of power.
        Full = "full",
        /// For the operating system: a loss of power may cost the last moments, a crash of the process nothing.
        Normal = "normal",
    }
}

choice! {
    /// What kind of storage is written to.
    StorageProfile {
        /// Any: what was written is answered as soon as it is durable.
        Default = "default",
        /// One that wears out by being written, such as a memory card: while writes flow, some are gathered before they
        /// are made durable, and less is written beside them.
        Flash = "flash",
    }
}

choice! {
    /// The least important record that is still written.
    LogLevel {
        /// Nothing at all.
        Off = "off",
        /// What went wrong and needs a person.
        Error = "error",
        /// What is unusual.
        Warn = "warn",
        /// One line a request, start and stop.
        Info = "info",
        /// Decisions inside a request.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// How records are written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line, for machines.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_parses_to_what_prints_it() {
        for word in RegistrationMode::WORDS {
            assert_eq!(
                word.parse::<RegistrationMode>().expect(word).as_str(),
                *word
            );
        }
        for word in LogLevel::WORDS {
            assert_eq!(word.parse::<LogLevel>().expect(word).to_string(), *word);
        }
    }

    #[test]
    fn a_misspelt_word_is_answered_with_the_nearest() {
        let reason = "opne".parse::<RegistrationMode>().expect_err("misspelt");
        assert_eq!(
            reason.to_string(),
            "\"opne\" is not one of closed, approval, open, invite; did you mean \"open\"?"
        );
        let reason = "everybody"
            .parse::<RegistrationMode>()
            .expect_err("unknown");
        assert_eq!(
            reason.to_string(),
            "\"everybody\" is not one of closed, approval, open, invite"
        );
        assert!(
            "Full".parse::<Synchronous>().is_err(),
            "words are lower case"
        );
    }
}
