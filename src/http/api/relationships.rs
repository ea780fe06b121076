//! What stands between the caller and others: follows, requests, blocks, mutes.

use crate::context::Context;
use crate::domain::relationship::MuteOptions;
use crate::entities::relationship::Relationship;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::AccountId;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::accounts::FindRelationships;
use crate::store::units::{
    AnswerFollowRequest, BlockAccount, FollowAccount, MuteAccount, RemoveFollower, UnblockAccount,
    UnfollowAccount, UnmuteAccount,
};

/// The family's routes.
pub fn family() -> Family<Context> {
    let follows = Access::User("write:follows");
    let blocks = Access::User("write:blocks");
    let mutes = Access::User("write:mutes");
    Family::new("relationships")
        .get(
            "/api/v1/accounts/relationships",
            Access::User("read:follows"),
            relationships,
        )
        .post("/api/v1/accounts/:id/follow", follows, follow)
        .post("/api/v1/accounts/:id/unfollow", follows, unfollow)
        .post(
            "/api/v1/accounts/:id/remove_from_followers",
            follows,
            remove_from_followers,
        )
        .post("/api/v1/follow_requests/:id/authorize", follows, authorize)
        .post("/api/v1/follow_requests/:id/reject", follows, reject)
        .post("/api/v1/accounts/:id/block", blocks, block)
        .post("/api/v1/accounts/:id/unblock", blocks, unblock)
        .post("/api/v1/accounts/:id/mute", mutes, mute)
        .post("/api/v1/accounts/:id/unmute", mutes, unmute)
}

/// `GET /api/v1/accounts/relationships?id[]=`: how the caller stands to others; who isn't there is left out.
async fn relationships(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let others = call.query()?.ids("id")?;
    let account = guest.member()?.id;
    let found = FindRelationships { account, others };
    let found = app.actors.find(found).await?;
    let entities: Vec<Relationship> = found.into_iter().map(Relationship::from).collect();
    reply::json(&entities)
}

async fn relationship(
    app: &Context,
    account: AccountId,
    other: AccountId,
) -> Result<Response, Problem> {
    let query = FindRelationships {
        account,
        others: vec![other],
    };
    let found = app.actors.find(query).await?;
    let found = found.into_iter().next().ok_or_else(Problem::not_found)?;
    reply::json(&Relationship::from(found))
}

/// `POST /api/v1/accounts/:id/follow`: follows, or asks to; `reblogs` and `notify` change what is wanted.
async fn follow(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let (follower, followee) = (guest.member()?.id, call.id("id")?);
    let form = call.form().await?;
    if !form.list("languages")?.is_empty() {
        return Err(Problem::invalid(
            "Posts can't be followed by their language here yet",
        ));
    }
    let unit = FollowAccount {
        follower,
        followee,
        shows_boosts: form.flag("reblogs")?,
        notifies: form.flag("notify")?,
        follows_max: i64::from(app.instance.config.limits.follows_per_account_max),
    };
    app.actors.perform(unit).await?;
    relationship(&app, follower, followee).await
}

/// `POST /api/v1/accounts/:id/unfollow`: ends a follow or takes the request back.
async fn unfollow(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let (follower, followee) = (guest.member()?.id, call.id("id")?);
    let unit = UnfollowAccount { follower, followee };
    app.actors.perform(unit).await?;
    relationship(&app, follower, followee).await
}

/// `POST /api/v1/accounts/:id/remove_from_followers`: makes another no longer follow the caller.
async fn remove_from_followers(
    app: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let (account, follower) = (guest.member()?.id, call.id("id")?);
    let unit = RemoveFollower { account, follower };
    app.actors.perform(unit).await?;
    relationship(&app, account, follower).await
}

/// `POST /api/v1/follow_requests/:id/authorize`: lets whoever asked follow the caller.
async fn authorize(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    answer_request(app, guest, call, true).await
}

/// `POST /api/v1/follow_requests/:id/reject`: turns a request down.
async fn reject(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    answer_request(app, guest, call, false).await
}

async fn answer_request(
    app: Context,
    guest: Guest,
    call: Call,
    accept: bool,
) -> Result<Response, Problem> {
    let (followee, follower) = (guest.member()?.id, call.id("id")?);
    let unit = AnswerFollowRequest {
        followee,
        follower,
        accept,
    };
    app.actors.perform(unit).await?;
    relationship(&app, followee, follower).await
}

/// `POST /api/v1/accounts/:id/block`: neither sees or follows the other any more.
async fn block(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let (account, target) = (guest.member()?.id, call.id("id")?);
    app.actors.perform(BlockAccount { account, target }).await?;
    relationship(&app, account, target).await
}

/// `POST /api/v1/accounts/:id/unblock`: ends a block.
async fn unblock(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let (account, target) = (guest.member()?.id, call.id("id")?);
    app.actors
        .perform(UnblockAccount { account, target })
        .await?;
    relationship(&app, account, target).await
}

/// `POST /api/v1/accounts/:id/mute`: takes another out of the caller's timelines and, unless `notifications` is false, out
/// of the notifications.
async fn mute(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let (account, target) = (guest.member()?.id, call.id("id")?);
    let form = call.form().await?;
    if form
        .integer("duration")?
        .is_some_and(|seconds| seconds != 0)
    {
        return Err(Problem::invalid("Mutes can't end by themselves here yet"));
    }
    let options = MuteOptions {
        hides_notifications: form.flag("notifications")?.unwrap_or(true),
    };
    let unit = MuteAccount {
        account,
        target,
        options,
    };
    app.actors.perform(unit).await?;
    relationship(&app, account, target).await
}

/// `POST /api/v1/accounts/:id/unmute`: ends a mute.
async fn unmute(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let (account, target) = (guest.member()?.id, call.id("id")?);
    app.actors
        .perform(UnmuteAccount { account, target })
        .await?;
    relationship(&app, account, target).await
}
