//! Posts that are written by an instance's own actors, past the facade.

use kinglet::actors::posts::{Draft, WritePost};
use kinglet::domain::visibility::Visibility;
use kinglet::ids::{AccountId, PostId};
use kinglet::instance::Instance;

/// Has a public post written.
pub async fn write(instance: &Instance, author: AccountId, text: String) -> PostId {
    let message = WritePost {
        author,
        draft: Draft {
            text,
            ..Draft::default()
        },
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key: None,
    };
    let written = instance.actors.posts.send(message).await;
    written.expect("Posts lives").expect("a post")
}
