//! Settings: profile, password, apps and sessions.

use askama::Template;

use super::{Choice, FormErrors, Frame, Moment, filters};
use crate::archives::import::Told;

/// A name and a value of the profile's table, as typed.
#[derive(Debug, Clone, Default)]
pub struct FieldInput {
    /// Its name.
    pub name: String,
    /// Its value, as the person typed it.
    pub value: String,
}

/// `GET /settings/profile` and the refused `POST /settings/profile`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_profile.html")]
pub struct ProfileSettingsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Display name.
    pub display_name: String,
    /// Biography, as typed.
    pub note: String,
    /// Rows of the table; the handler fills up to the number offered (4) with empty ones.
    pub fields: Vec<FieldInput>,
    /// Whether follows must be accepted.
    pub locked: bool,
    /// Whether a program runs the account.
    pub bot: bool,
    /// Whether the account and its posts may be suggested and listed by search engines.
    pub discoverable: bool,
    /// Choices of the field `default_visibility`.
    pub visibilities: Vec<Choice>,
    /// Choices of the field `default_language`.
    pub languages: Vec<Choice>,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The archive of the account, as far as it is.
#[derive(Debug, Clone)]
pub struct ArchiveRow {
    /// Whether it is being put together.
    pub is_waiting: bool,
    /// What can be fetched.
    pub ready: Option<ReadyArchive>,
    /// Whether another one may be asked for.
    pub can_ask: bool,
}

/// An archive that can be fetched.
#[derive(Debug, Clone)]
pub struct ReadyArchive {
    /// Its size in words.
    pub size: String,
    /// When it was made.
    pub made: Moment,
    /// Until when it can be fetched.
    pub until: Moment,
}

/// `GET /settings/account` and the refused `POST /settings/password` and `POST /settings/archive`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_account.html")]
pub struct AccountSettingsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The person's mail address; empty when none is known.
    pub email: String,
    /// When the account was made.
    pub joined: Moment,
    /// The archive of the account.
    pub archive: ArchiveRow,
    /// Fewest characters of a password, for the hint.
    pub password_characters_min: u32,
    /// What was wrong.
    pub errors: FormErrors,
}

/// An archive that was uploaded.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What it was called where it comes from.
    pub name: String,
    /// Its size in words.
    pub size: String,
    /// When it was uploaded.
    pub asked: Moment,
    /// How many things are in it, once it was looked through.
    pub things: Option<i64>,
    /// How many of them are done.
    pub done: i64,
    /// Whether it is being taken in.
    pub is_under_way: bool,
    /// How it ended, as a sentence; empty while it is under way.
    pub outcome: &'static str,
    /// What was wrong with it.
    pub reason: Option<String>,
    /// How many things are here because of it.
    pub imported: usize,
    /// What became of its things.
    pub lines: Vec<Told>,
}

/// `GET /settings/import` and the refused `POST /settings/import`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_import.html")]
pub struct ImportPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Whether archives may be uploaded.
    pub is_open: bool,
    /// The largest one, in words.
    pub size_max: String,
    /// The last one.
    pub arrival: Option<Arrival>,
    /// What was wrong.
    pub errors: FormErrors,
}

impl ImportPage {
    /// Whether the page shows something that goes on.
    pub fn is_under_way(&self) -> bool {
        self.arrival
            .as_ref()
            .is_some_and(|arrival| arrival.is_under_way)
    }
}

/// A browser that is logged in.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// What `/settings/sessions/ID/revoke` takes; never the secret itself.
    pub id: String,
    /// The browser in words, such as `Firefox on Linux`.
    pub browser: String,
    /// When it was last used.
    pub last_used: Moment,
    /// Whether it is the one that reads this page.
    pub current: bool,
}

/// An application that holds a token.
#[derive(Debug, Clone)]
pub struct AppRow {
    /// What `/settings/apps/ID/revoke` takes.
    pub id: String,
    /// The application's name.
    pub name: String,
    /// Its website, only if it is `http` or `https`.
    pub website: Option<String>,
    /// What it may do, in words.
    pub scopes: Vec<String>,
    /// When it was authorized.
    pub authorized: Moment,
    /// When it was last used; `None` for never.
    pub last_used: Option<Moment>,
}

/// `GET /settings/sessions`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_sessions.html")]
pub struct SessionsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Logged-in browsers, this one first.
    pub sessions: Vec<SessionRow>,
    /// Applications.
    pub apps: Vec<AppRow>,
}
