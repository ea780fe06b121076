//! Mail: what one gets, at which address.

use askama::Template;

use super::{Choice, FormErrors, Frame, Moment, filters};

/// Since when mail to an address comes back.
#[derive(Debug, Clone)]
pub struct Bounce {
    /// Since when.
    pub since: Moment,
    /// What the mail server said.
    pub reason: String,
}

/// `GET /settings/mail` and its refused forms.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_mail.html")]
pub struct MailSettingsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Whether this instance sends mail at all.
    pub is_on: bool,
    /// The mail address; empty when there is none.
    pub email: String,
    /// Whether it is confirmed.
    pub is_confirmed: bool,
    /// The address that waits for its confirmation; empty when none does.
    pub new_email: String,
    /// Set when mail to the address comes back.
    pub bounce: Option<Bounce>,
    /// What was typed as new address.
    pub typed_email: String,
    /// What was wrong with the new address.
    pub address_errors: FormErrors,
    /// Choices of the field `mentions`.
    pub mentions: Vec<Choice>,
    /// Whether requests to follow are mailed.
    pub follow_requests: bool,
    /// Whether log-ins are mailed.
    pub log_ins: bool,
    /// Whether sign-ups are mailed; `None` for whoever doesn't look after them.
    pub sign_ups: Option<bool>,
    /// Where the quiet hours begin, as `22:00`; empty for none.
    pub quiet_from: String,
    /// Where they end.
    pub quiet_until: String,
    /// The time zone that was chosen; empty for the instance's.
    pub time_zone: String,
    /// The instance's time zone.
    pub instance_zone: String,
    /// Names of time zones to choose from.
    pub zones: Vec<String>,
    /// What was wrong with the choices.
    pub errors: FormErrors,
}
