//! About the instance.

use super::frame::Visit;
use super::profiles::rows;
use super::views::Nav;
use super::views::about::AboutPage;
use crate::actors::users::ReadInstance;
use crate::context::Context;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::Response;

/// `GET /about`: what the instance is, and whom to turn to.
pub(super) async fn about(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let facts = visit.context.actors.users.send(ReadInstance).await??;
    let contact: Vec<_> = facts.contact.iter().cloned().collect();
    let contact = rows(&visit, &contact).await?.pop();
    let config = std::sync::Arc::clone(&visit.context.instance.config);
    let page = AboutPage {
        frame: visit.frame(Nav::About).await?,
        host: visit.context.instance.url.authority().to_owned(),
        description_html: visit.renderer().bio_html(&config.instance.description),
        rules: Vec::new(),
        contact,
        contact_email: config
            .instance
            .contact_email
            .as_ref()
            .map(ToString::to_string),
        accounts: u64::try_from(facts.accounts).unwrap_or(0),
        posts: u64::try_from(facts.posts).unwrap_or(0),
        version: env!("CARGO_PKG_VERSION"),
    };
    visit.page(&page)
}
