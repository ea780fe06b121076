//! View models: plain values that the templates render.
//!
//! Nothing here reads the store or knows an actor. Handlers fill these structs; askama escapes every string in them.

pub mod entry;
pub mod error;
pub(crate) mod filters;
pub mod mail;
pub mod oauth;

use percent_encoding::NON_ALPHANUMERIC;

use crate::features;

/// What surrounds every page: the instance, the reader, where in the site this page is.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The instance's title, shown beside the logo and in the window's title.
    pub instance_title: String,
    /// One or two sentences about the instance, as text.
    pub instance_description: String,
    /// Who reads; `None` for the signed-out.
    pub viewer: Option<Viewer>,
    /// CSRF token, masked for this page, put into every form. The signed-out have one too (of
    /// the anonymous session cookie), for the log-in and sign-up forms.
    pub csrf: String,
    /// Path and query of this page. Forms send it as `return_to`; the receiver accepts only
    /// values that begin with one `/` and not with `//` or `/\`.
    pub here: String,
    /// The entry of the main navigation to mark as current.
    pub nav: Nav,
    /// Whether strangers may sign up or ask to: shows the links to `/signup`.
    pub signup_open: bool,
    /// One sentence on what just happened, shown once at the top.
    pub flash: Option<Flash>,
}

impl Frame {
    /// Whether `name` names the current entry of the navigation.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.nav.name() == name
    }

    /// Whether an owner of the instance reads.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.is_owner)
    }

    /// Whether there are pages to read beside the entrance.
    #[must_use]
    pub const fn has_website(&self) -> bool {
        features::WEB
    }

    /// Address of the log-in page that leads back to this page.
    #[must_use]
    pub fn login_path(&self) -> String {
        let here = percent_encoding::utf8_percent_encode(&self.here, NON_ALPHANUMERIC);
        format!("/login?return_to={here}")
    }
}

/// The signed-in reader.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Name of the account, without `@`.
    pub name: String,
    /// Display name; the handler puts the name here where the person set none.
    pub display_name: String,
    /// Address of the avatar.
    pub avatar_url: String,
    /// Unread notifications; above 99 it is shown as `99+`.
    pub unread: u32,
    /// Follow requests that wait for an answer.
    pub follow_requests: u32,
    /// Whether the instance is theirs.
    pub is_owner: bool,
}

impl Viewer {
    /// The figure beside "Notifications", `None` when there is nothing new.
    #[must_use]
    pub fn badge(&self) -> Option<String> {
        match self.unread {
            0 => None,
            1..=99 => Some(self.unread.to_string()),
            _ => Some("99+".to_owned()),
        }
    }
}

/// The entries of the main navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    /// The reader's home timeline.
    Home,
    /// The public timeline.
    Public,
    /// Search.
    Search,
    /// Writing a post.
    Compose,
    /// Notifications.
    Notifications,
    /// Favourites.
    Favourites,
    /// Bookmarks.
    Bookmarks,
    /// The reader's own profile.
    Profile,
    /// Settings.
    Settings,
    /// Tasks and sign-ups.
    Admin,
    /// About the instance.
    About,
    /// A page that no entry leads to.
    Elsewhere,
}

impl Nav {
    fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Public => "public",
            Self::Search => "search",
            Self::Compose => "compose",
            Self::Notifications => "notifications",
            Self::Favourites => "favourites",
            Self::Bookmarks => "bookmarks",
            Self::Profile => "profile",
            Self::Settings => "settings",
            Self::Admin => "admin",
            Self::About => "about",
            Self::Elsewhere => "",
        }
    }
}

/// A sentence shown once at the top of a page.
#[derive(Debug, Clone)]
pub struct Flash {
    /// Whether it reports a failure.
    pub is_error: bool,
    /// The sentence.
    pub text: String,
}

/// One way in which a sent form was not accepted.
#[derive(Debug, Clone)]
pub struct FieldError {
    /// Name of the form field, or empty when it concerns the whole form.
    pub field: &'static str,
    /// A sentence that says what to do.
    pub message: String,
}

/// Everything that was wrong with a sent form.
#[derive(Debug, Clone, Default)]
pub struct FormErrors(pub Vec<FieldError>);

impl FormErrors {
    /// The message of the field `name`, if it has one.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|error| error.field == name);
        found.map(|error| error.message.as_str())
    }

    /// The messages that concern the whole form.
    pub fn general(&self) -> impl Iterator<Item = &str> {
        let general = self.0.iter().filter(|error| error.field.is_empty());
        general.map(|error| error.message.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_by_field() {
        let error = |field, message: &str| FieldError {
            field,
            message: message.to_owned(),
        };
        let errors = FormErrors(vec![error("", "try later"), error("name", "taken")]);
        assert_eq!(errors.of("name"), Some("taken"));
        assert_eq!(errors.of("email"), None);
        assert_eq!(errors.general().collect::<Vec<_>>(), ["try later"]);
    }
}
