//! The entrance: the pages that a kinglet can't do without. Apps and mails lead to them, and nothing else does what they
//! do: log in, let an app in, sign up, set the instance up, confirm an address, set a new password, get no more mail.
//!
//! The [website](super::site) is built on it. A kinglet without the feature `web` has the entrance alone, and a front
//! page that tells people to take an app.
//!
//! # Pages
//!
//! | route (`GET`) | page |
//! |---|---|
//! | `/login?return_to=` | [`views::entry::LoginPage`] |
//! | `/signup`, `/invite/CODE` | [`views::entry::SignupPage`] |
//! | `/setup?code=` | [`views::entry::SetupPage`] |
//! | `/reset/CODE` | [`views::entry::ResetPage`] |
//! | after an act that ends with a sentence | [`views::entry::NoticePage`] |
//! | `/forgot` | [`views::mail::ForgotPage`] |
//! | `/confirm/CODE` | [`views::mail::ConfirmPage`] |
//! | `/unsubscribe/TOKEN` | [`views::mail::UnsubscribePage`] |
//! | `/oauth/authorize` | [`views::oauth::ConsentPage`] |
//! | the answer to `/oauth/authorize` of a client without an address | [`views::oauth::CodePage`] |
//! | any failure | [`views::error::ErrorPage`] |
//!
//! # Forms
//!
//! As on the website: `POST`, `application/x-www-form-urlencoded`, with `csrf`. Where `return_to` is listed the answer
//! redirects (303) there; it must begin with one `/` and not with `//` or `/\`, anything else counts as `/`. A refused
//! form is answered with its page, what was typed (never passwords) and [`views::FormErrors`].
//!
//! | action | fields besides `csrf` |
//! |---|---|
//! | `/login` | `login`, `password`, `return_to` |
//! | `/logout` | `return_to` (only on the consent page) |
//! | `/signup` | `username`, `email`, `password`, `password_confirmation`, `agreement` (`true`), `reason` (approval), `invite` (invitation) |
//! | `/setup` | `code`, `username`, `email`, `password`, `password_confirmation` |
//! | `/reset/CODE` | `username` (for password managers, ignored), `password`, `password_confirmation` |
//! | `/forgot` | `login` |
//! | `/confirm/CODE` | none |
//! | `/unsubscribe/TOKEN` | none, not even `csrf`: mail programs send it (RFC 8058) |
//! | `/oauth/authorize` | `decision` (`allow`, `deny`) and what [`views::oauth::ConsentPage::carried`] holds |

pub mod assets;
mod consent;
pub(crate) mod entry;
pub(crate) mod errors;
mod family;
pub(crate) mod frame;
mod mail_links;
pub(crate) mod session;
pub mod views;

pub use self::errors::render as render_problem;
pub use self::family::family;
