//! One file per user action. Each decides inside the transaction whether the action is allowed.

mod block_account;
mod boost_post;
mod delete_post;
mod edit_post;
mod follow_account;
mod mark_post;
mod mute_account;
mod publish_post;
mod read_notifications;
mod rules;
mod set_instance_url;
mod update_profile;

pub use block_account::{BlockAccount, UnblockAccount};
pub use boost_post::{BoostPost, UnboostPost};
pub use delete_post::DeletePost;
pub use edit_post::EditPost;
pub use follow_account::{
    AnswerFollowRequest, FollowAccount, Followed, RemoveFollower, UnfollowAccount,
};
pub use mark_post::{Mark, MarkPost};
pub use mute_account::{MuteAccount, UnmuteAccount};
pub use publish_post::{PreparedText, PublishPost};
pub use read_notifications::{ClearNotifications, DismissNotification, RemoveCleared, SetMarkers};
pub use set_instance_url::SetInstanceUrl;
pub use update_profile::UpdateProfile;
