//! The website: server-rendered pages, complete without JavaScript.
//!
//! Feature `web`. [`views`] holds the page structs; a handler fills one and answers `page.render()` as
//! `text/html; charset=utf-8`. The pages that are there without it, and the files that all of them load, are the
//! [entrance](super::entrance)'s. A page needs no more than
//! `default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none';
//! frame-ancestors 'none'` (plus the host of pictures kept elsewhere, and on the consent page the
//! validated redirect target in `form-action`).
//!
//! # Pages
//!
//! | route (`GET`) | page |
//! |---|---|
//! | `/` signed out, `/public` | [`views::timeline::PublicPage`] |
//! | `/` signed in | [`views::timeline::HomePage`] |
//! | `/tags/NAME` | [`views::timeline::TagPage`] |
//! | `/search?q=&type=` (`accounts`, `hashtags`, `statuses`) | [`views::timeline::SearchPage`] |
//! | `/@NAME`, `/@NAME/with_replies`, `/@NAME/following`, `/@NAME/followers` | [`views::account::ProfilePage`] |
//! | `/@NAME/ID` | [`views::post::PostPage`] |
//! | `/@NAME/ID/history` | [`views::post::HistoryPage`] |
//! | `/@NAME/ID/favourites`, `/@NAME/ID/boosts`, `/settings/blocks`, `/settings/mutes` | [`views::account::PeoplePage`] |
//! | `/compose` | [`views::post::ComposePage`] |
//! | `/posts/ID/edit` | [`views::post::EditPostPage`] |
//! | `/posts/ID/delete` | [`views::post::DeletePostPage`] |
//! | `/favourites`, `/bookmarks` | [`views::post::PostListPage`] |
//! | `/notifications?only=` (`mentions`, `requests`) | [`views::notification::NotificationsPage`] |
//! | `/settings/profile` | [`views::settings::ProfileSettingsPage`] |
//! | `/settings/account` | [`views::settings::AccountSettingsPage`] |
//! | `/settings/mail` | [`views::mail::MailSettingsPage`] |
//! | `/settings/sessions` | [`views::settings::SessionsPage`] |
//! | `/admin/tasks` (owners) | [`views::admin::TasksPage`] |
//! | `/admin/live` (owners, moderators) | [`views::live::LivePage`] |
//! | `/admin/sign-ups` (owners, moderators) | [`views::admin::SignUpsPage`] |
//! | `/stats?days=` (`7`, `30`, `90`, `365`) | [`views::stats::StatsPage`] |
//! | `/settings/stats?days=` | [`views::stats::OwnStatsPage`] |
//! | `/about` | [`views::about::AboutPage`] |
//!
//! # Forms
//!
//! All are `POST`, `application/x-www-form-urlencoded`, and carry `csrf`. Where `return_to` is
//! listed the answer redirects (303) there; it must begin with one `/` and not with `//` or `/\`,
//! anything else counts as `/`. A refused form is answered with its page, what was typed (never
//! passwords) and [`views::FormErrors`]; an error's field name is the form field's.
//!
//! | action | fields besides `csrf` |
//! |---|---|
//! | `/posts` | `status`, `spoiler_text`, `visibility` (`public`, `unlisted`, `private`, `direct`), `language` (may be empty), `in_reply_to_id` (answers), `idempotency_key`, `return_to` (empty: to the new post) |
//! | `/posts/ID/edit` | `status`, `spoiler_text`, `language`, `return_to` |
//! | `/posts/ID/delete` | none |
//! | `/settings/profile` | `display_name`, `note`, `field_name_N` and `field_value_N` from N = 0, `locked`, `discoverable`, `bot` (`true` or absent), `default_visibility`, `default_language` |
//! | `/settings/password` | `current_password`, `password`, `password_confirmation`, `username` (ignored) |
//! | `/settings/mail` | `mentions` (`at_once`, `daily`, `off`), `follow_requests`, `sign_ups`, `log_ins` (`true` or absent), `quiet_from`, `quiet_until` (`HH:MM`, both or neither), `time_zone` |
//! | `/settings/mail/address` | `email`, `current_password`, `username` (ignored) |
//!
//! ## The action form
//!
//! A page for the signed-in has one empty form, `id="act"`, with `csrf` and `return_to` (the
//! page itself). Every single-button act anywhere on the page is a button of that form with its
//! own `formaction`, so post cards and account rows hold no token and can be kept ready-made:
//!
//! * `/posts/ID/{favourite,unfavourite,boost,unboost,bookmark,unbookmark}`; the card is
//!   `id="p-ID"`, so the answer redirects to `return_to` + `#p-ID` and the reader stays in place;
//! * `/@NAME/{follow,unfollow,block,unblock,mute,unmute}` (`unfollow` also takes back a request);
//! * `/follow-requests/ID/{accept,reject}`, ID being the asking account's;
//! * `/notifications/clear`, `/notifications/read` (the button carries `last_read`);
//! * `/admin/queues/NAME/{pause,resume}`, `/admin/tasks/NAME/{pause,resume,run}`,
//!   `/admin/jobs/ID/{retry,drop}`, `/admin/jobs/retry-dead`, `/admin/sign-ups/ID/{approve,reject}`;
//! * `/settings/mail/{confirmation,trust}`;
//! * `/settings/sessions/ID/revoke`, `/settings/apps/ID/revoke`.

/// Handlers of forms with one button each: `act` does what they are for.
macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident $act:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub(super) async fn $name(
            context: Context,
            guest: Guest,
            call: Call,
        ) -> Result<Response, Problem> {
            act(context, guest, call, Act::$act).await
        }
    )*};
}

mod about;
mod admin;
mod archive;
mod compose;
mod family;
#[cfg(test)]
mod gallery;
mod import;
mod live;
mod mail_settings;
mod notifications;
mod plots;
mod posts;
mod profiles;
mod render;
mod search;
mod settings;
mod stats;
mod timelines;
pub mod views;

pub use self::family::family;
use super::entrance::{entry, errors, frame, session};
