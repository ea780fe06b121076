//! Pages of lists as answers: the entities, and the `Link` header that leads on.

use http::header::LINK;
use serde::Serialize;

use super::entities::Renderer;
use super::extract::call::Call;
use super::extract::page::{self, Edges};
use super::problem::Problem;
use super::reply::{self, Response};
use crate::domain::page::Filled;
use crate::domain::post::PostView;
use crate::ids::AccountId;
use crate::telemetry::{Span, Stretch};

/// A page as JSON; `render` makes an entity of an entry. `base_url` is the instance's.
///
/// # Errors
/// An internal fault when an entity can't be serialised.
pub fn answer<T, E: Serialize>(
    base_url: &str,
    call: &Call,
    filled: &Filled<T>,
    render: impl Fn(&T) -> E,
) -> Result<Response, Problem> {
    let render_all = Stretch::begin(Span::Render, "entities");
    let entities: Vec<E> = filled
        .entries
        .iter()
        .map(|(_, entry)| render(entry))
        .collect();
    render_all.end();
    let mut response = reply::json(&entities)?;
    if let Some(link) = page::link(base_url, call.target(), edges(filled)) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// A page of posts as `viewer` gets it, out of ready-made fragments.
pub fn answer_posts(
    renderer: &Renderer,
    call: &Call,
    filled: &Filled<PostView>,
    viewer: Option<AccountId>,
) -> Response {
    let views = filled.entries.iter().map(|(_, view)| view);
    let render = Stretch::begin(Span::Render, "statuses");
    let json = renderer.statuses_json(views, viewer);
    render.end();
    let mut response = reply::json_bytes(json);
    if let Some(link) = page::link(renderer.url(), call.target(), edges(filled)) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

fn edges<T>(filled: &Filled<T>) -> Option<Edges> {
    let oldest = filled
        .older_below
        .or(filled.entries.last().map(|(cursor, _)| *cursor))?;
    Some(Edges {
        // A page may be empty although there is more: then everything above was looked at.
        newest: filled.entries.first().map_or(oldest, |(cursor, _)| *cursor),
        oldest,
        more: filled.older_below.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_leads_only_back_and_an_empty_list_nowhere() {
        let page = |entries, older_below| Filled {
            entries,
            older_below,
        };
        assert_eq!(edges(&page(Vec::<(i64, ())>::new(), None)), None);
        let last = edges(&page(vec![(9, ()), (4, ())], None));
        assert_eq!(
            last,
            Some(Edges {
                newest: 9,
                oldest: 4,
                more: false
            })
        );
        let sparse = edges(&page(Vec::<(i64, ())>::new(), Some(100)));
        assert!(sparse.is_some_and(|edges| edges.more && edges.oldest == 100));
    }
}
