//! Statuses out of ready-made fragments.
//!
//! A page of a timeline is mostly the same bytes for everybody: the post and its author's account are rendered once per
//! version and kept with the value ([`Rendered`]); what depends on the viewer is written between them. What comes out
//! equals the serialised [`Status`](super::status::Status); a test holds the two together.

use serde::Serialize;

use super::Renderer;
use super::status::StatusViewer;
use crate::domain::account::Account;
use crate::domain::post::{Marks, Post, PostView};
use crate::domain::rendered::Rendered;
use crate::ids::AccountId;

/// About how long a status is, in bytes: the buffer of a page seldom has to grow.
const STATUS_BYTES: usize = 2048;

impl Renderer {
    /// A page of statuses as a JSON array.
    ///
    /// # Errors
    /// When an entity can't be serialised, which none of these can't.
    pub fn statuses_json<'a>(
        &self,
        views: impl ExactSizeIterator<Item = &'a PostView>,
        viewer: Option<AccountId>,
    ) -> serde_json::Result<Vec<u8>> {
        let mut json = Vec::with_capacity(2 + views.len() * STATUS_BYTES);
        json.push(b'[');
        for (at, view) in views.enumerate() {
            if at > 0 {
                json.push(b',');
            }
            self.write_status(&mut json, view, viewer)?;
        }
        json.push(b']');
        Ok(json)
    }

    fn write_status(
        &self,
        json: &mut Vec<u8>,
        view: &PostView,
        viewer: Option<AccountId>,
    ) -> serde_json::Result<()> {
        self.write_shared(json, &view.post, &view.author);
        json.extend_from_slice(b",\"reblog\":");
        match &view.boosted {
            None => json.extend_from_slice(b"null"),
            Some((post, author)) => {
                self.write_shared(json, post, author);
                json.extend_from_slice(b",\"reblog\":null");
                write_viewer(json, post, view.marks, viewer)?;
                json.push(b'}');
            }
        }
        write_viewer(json, &view.post, view.marks, viewer)?;
        json.push(b'}');
        Ok(())
    }

    /// What everybody gets, still open at its end.
    fn write_shared(&self, json: &mut Vec<u8>, post: &Rendered<Post>, author: &Rendered<Account>) {
        json.push(b'{');
        json.extend_from_slice(post.rendering(|post| fields(&self.status_body(post, author))));
        json.extend_from_slice(b",\"account\":{");
        json.extend_from_slice(author.rendering(|author| fields(&self.account(author))));
        json.push(b'}');
    }
}

fn write_viewer(
    json: &mut Vec<u8>,
    post: &Post,
    marks: Marks,
    viewer: Option<AccountId>,
) -> serde_json::Result<()> {
    let Some(viewer) = viewer else {
        return Ok(());
    };
    let start = json.len();
    serde_json::to_writer(&mut *json, &StatusViewer::of(post, marks, viewer))?;
    // The object becomes a continuation of the one that is open.
    json[start] = b',';
    json.pop();
    Ok(())
}

/// An entity's fields without the braces around them.
fn fields(entity: &impl Serialize) -> Box<[u8]> {
    let object = serde_json::to_vec(entity).expect("entities have string keys and plain values");
    let inner = object
        .strip_prefix(b"{")
        .and_then(|rest| rest.strip_suffix(b"}"));
    inner.expect("entities are objects").into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::super::samples::{FIRST, ada, bob, post, renderer, view};
    use super::*;
    use crate::domain::post::Boosted;
    use crate::ids::PostId;

    fn same(views: &[PostView], viewer: Option<AccountId>) {
        let joined = renderer()
            .statuses_json(views.iter(), viewer)
            .expect("JSON");
        let joined: Value = serde_json::from_slice(&joined).expect("well-formed");
        let whole = serde_json::to_value(renderer().statuses(views, viewer)).expect("JSON");
        assert_eq!(joined, whole);
    }

    #[test]
    fn joined_fragments_equal_the_serialised_entity() {
        let plain = view(post(16, &ada(), "Hi @bob \"#Rust\" \\ </script>"), ada());
        let mut boost = view(post(17, &bob(), ""), bob());
        let mut shell = post(17, &bob(), "");
        shell.facts.boost_of = Some(Boosted {
            post: PostId(FIRST + 16),
            author: ada().id,
        });
        boost.post = Arc::new(Rendered::new(shell));
        boost.boosted = Some((Arc::clone(&plain.post), Arc::clone(&plain.author)));
        boost.marks = Marks {
            favourited: true,
            boosted: true,
            bookmarked: false,
        };
        let views = [plain, boost];
        for viewer in [None, Some(ada().id), Some(bob().id)] {
            same(&views, viewer);
            same(&views[..1], viewer);
            same(&[], viewer);
        }
    }
}
