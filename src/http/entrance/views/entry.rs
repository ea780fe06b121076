//! Ways in: log in, sign up, set up the instance, reset a password.

use askama::Template;

use super::{FormErrors, Frame, filters};

/// `GET /login` and the refused `POST /login`.
#[derive(Debug, Clone, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Where to go after logging in; the value of the query's `return_to`.
    pub return_to: String,
    /// What was typed as name or mail address.
    pub login: String,
    /// Whether a link to a new password can be mailed.
    pub can_reset: bool,
    /// What was wrong.
    pub errors: FormErrors,
}

/// Who may sign up.
#[derive(Debug, Clone)]
pub enum SignupMode {
    /// Everybody.
    Open,
    /// Everybody may ask and say why; a moderator decides.
    Approval,
    /// Whoever has an invitation: its code, from the link or typed.
    Invite {
        /// The code, or empty when it must be typed.
        code: String,
    },
    /// Nobody: the page says so and has no form.
    Closed,
}

/// `GET /signup`, `/invite/CODE` and the refused `POST /signup`.
#[derive(Debug, Clone, Template)]
#[template(path = "signup.html")]
pub struct SignupPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Who may sign up.
    pub mode: SignupMode,
    /// Host of the instance, shown behind the name.
    pub host: String,
    /// The rules to agree to.
    pub rules: Vec<String>,
    /// Fewest characters of a password, for the hint.
    pub password_characters_min: u32,
    /// What was typed as name.
    pub username: String,
    /// What was typed as mail address.
    pub email: String,
    /// What was typed as reason.
    pub reason: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// What came of `POST /signup` when a moderator decides first, and of other acts that end with a
/// sentence.
#[derive(Debug, Clone, Template)]
#[template(path = "notice.html")]
pub struct NoticePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Heading, such as `Thank you`.
    pub heading: String,
    /// One or two sentences.
    pub text: String,
    /// Where the button leads.
    pub link_path: String,
    /// What the button says.
    pub link_label: String,
}

/// `GET /setup?code=` and the refused `POST /setup`: makes the owner's account.
#[derive(Debug, Clone, Template)]
#[template(path = "setup.html")]
pub struct SetupPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The set-up code, from the link or typed; empty shows a field for it.
    pub code: String,
    /// Host of the instance, shown behind the name.
    pub host: String,
    /// Fewest characters of a password, for the hint.
    pub password_characters_min: u32,
    /// What was typed as name.
    pub username: String,
    /// What was typed as mail address.
    pub email: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// `GET /reset/CODE` and the refused `POST /reset/CODE`: a new password by one-time link.
#[derive(Debug, Clone, Template)]
#[template(path = "reset.html")]
pub struct ResetPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The code of the link.
    pub code: String,
    /// Name of the account whose password is set; empty when it isn't told.
    pub name: String,
    /// Fewest characters of a password, for the hint.
    pub password_characters_min: u32,
    /// What was wrong.
    pub errors: FormErrors,
}
