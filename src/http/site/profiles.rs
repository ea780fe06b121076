//! Accounts: profiles, lists of people, and what one member does about another.

use super::frame::Visit;
use super::render::{self, profile_path};
use super::session::{Notice, local_path};
use super::timelines::{page_of, pager, posts};
use super::views::account::{
    AccountRow, PeoplePage, ProfileList, ProfilePage, ProfileTab, Standing,
};
use super::views::{Nav, Pager};
use crate::actors::posts::fill::{PostSource, show_post};
use crate::context::Context;
use crate::domain::account::Account;
use crate::domain::relationship::MuteOptions;
use crate::domain::text::render::plain_excerpt;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::{AccountId, PostId};
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::store::queries::accounts::{
    AccountList, FindAccountByName, FindRelationships, ListAccounts,
};
use crate::store::queries::lists::{AuthorChoice, PostList};
use crate::store::units::{
    AnswerFollowRequest, BlockAccount, FollowAccount, Followed, MuteAccount, UnblockAccount,
    UnfollowAccount, UnmuteAccount,
};

/// How much of a bio stands in a link preview, in characters.
const SUMMARY_CHARS: usize = 200;

/// The account that the path names. Whoever it blocks finds nobody there.
async fn account(visit: &Visit) -> Result<Account, Problem> {
    let name = visit.call.param("name").to_owned();
    let found = visit
        .context
        .actors
        .find(FindAccountByName { name })
        .await?;
    let is_hidden = |account: &Account| visit.onlooker.relations.blocked_by.contains(&account.id);
    found
        .filter(|account| !is_hidden(account))
        .ok_or_else(Problem::not_found)
}

/// How the reader stands to others; nothing for visitors.
async fn standings(
    visit: &Visit,
    others: Vec<AccountId>,
) -> Result<Vec<(AccountId, Standing)>, Problem> {
    let Some(account) = visit.reader() else {
        return Ok(Vec::new());
    };
    let others = others.into_iter().filter(|other| *other != account);
    let others = others.collect();
    let found = visit
        .context
        .actors
        .find(FindRelationships { account, others })
        .await?;
    Ok(found
        .iter()
        .map(|relationship| (relationship.other, render::standing(relationship)))
        .collect())
}

/// Accounts as rows of a list.
pub(super) async fn rows(visit: &Visit, accounts: &[Account]) -> Result<Vec<AccountRow>, Problem> {
    let ids = accounts.iter().map(|account| account.id).collect();
    let standings = standings(visit, ids).await?;
    let renderer = visit.renderer();
    let standing = |id| {
        let found = standings.iter().find(|(other, _)| *other == id);
        found.map(|(_, standing)| standing.clone())
    };
    Ok(accounts
        .iter()
        .map(|account| renderer.row(account, standing(account.id)))
        .collect())
}

async fn people(
    visit: &Visit,
    list: AccountList,
    path: &str,
) -> Result<(Vec<AccountRow>, Pager), Problem> {
    let asked = page_of(visit);
    let filled = visit
        .context
        .actors
        .find(ListAccounts {
            list,
            onlooker: visit.onlooker.clone(),
            page: asked,
        })
        .await?;
    let pager = pager(path, &asked, &filled);
    let accounts: Vec<Account> = filled.into_values().collect();
    Ok((rows(visit, &accounts).await?, pager))
}

async fn profile(
    context: Context,
    guest: Guest,
    call: Call,
    tab: ProfileTab,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let account = account(&visit).await?;
    if account.name != visit.call.param("name") {
        return reply::see_other(&profile_path(&account.name));
    }
    let (_, standing) = standings(&visit, vec![account.id])
        .await?
        .pop()
        .map_or((account.id, None), |(id, standing)| (id, Some(standing)));
    let base = profile_path(&account.name);
    let is_blocked = standing.as_ref().is_some_and(|standing| standing.blocking);
    let (list, pager) = match tab {
        ProfileTab::Posts | ProfileTab::Replies if is_blocked => {
            let why = format!(
                "You block @{}, so you don't see what they write.",
                account.name
            );
            (ProfileList::Nothing(why), Pager::default())
        }
        ProfileTab::Posts | ProfileTab::Replies => {
            let is_all = tab == ProfileTab::Replies;
            let source = PostSource::List(PostList::By(AuthorChoice {
                author: account.id,
                excludes_replies: !is_all,
                excludes_boosts: false,
                tagged: None,
            }));
            let path = if is_all {
                format!("{base}/with_replies")
            } else {
                base.clone()
            };
            let (posts, pager) = posts(&visit, &source, &path).await?;
            let list = if posts.is_empty() {
                ProfileList::Nothing("No posts here that you can see.".to_owned())
            } else {
                ProfileList::Posts(posts)
            };
            (list, pager)
        }
        ProfileTab::Following | ProfileTab::Followers => {
            let (list, path, none) = if tab == ProfileTab::Following {
                (
                    AccountList::FollowedBy(account.id),
                    format!("{base}/following"),
                    "Follows nobody yet.",
                )
            } else {
                (
                    AccountList::FollowersOf(account.id),
                    format!("{base}/followers"),
                    "Nobody follows this account yet.",
                )
            };
            let (people, pager) = people(&visit, list, &path).await?;
            let list = if people.is_empty() {
                ProfileList::Nothing(none.to_owned())
            } else {
                ProfileList::People(people)
            };
            (list, pager)
        }
    };
    let is_own = visit.reader() == Some(account.id);
    let nav = if is_own { Nav::Profile } else { Nav::Elsewhere };
    let page = ProfilePage {
        head: visit.renderer().profile_head(&account, standing),
        frame: visit.frame(nav).await?,
        tab,
        list,
        pager,
        summary: plain_excerpt(&account.note, SUMMARY_CHARS),
        canonical_url: format!("{}{base}", visit.context.instance.url.as_str()),
        indexable: account.discoverable,
    };
    visit.page(&page)
}

/// `GET /@:name`: posts and boosts.
pub(super) async fn posts_tab(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    profile(context, guest, call, ProfileTab::Posts).await
}

/// `GET /@:name/with_replies`: answers to others too.
pub(super) async fn replies_tab(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    profile(context, guest, call, ProfileTab::Replies).await
}

/// `GET /@:name/following`: whom it follows.
pub(super) async fn following_tab(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    profile(context, guest, call, ProfileTab::Following).await
}

/// `GET /@:name/followers`: who follows it.
pub(super) async fn followers_tab(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    profile(context, guest, call, ProfileTab::Followers).await
}

/// A list of people on a page of its own.
struct Listing {
    list: AccountList,
    path: String,
    back_path: String,
    heading: &'static str,
    empty: &'static str,
    nav: Nav,
}

async fn people_page(mut visit: Visit, listing: Listing) -> Result<Response, Problem> {
    let (people, pager) = people(&visit, listing.list, &listing.path).await?;
    let page = PeoplePage {
        frame: visit.frame(listing.nav).await?,
        heading: listing.heading.to_owned(),
        back_path: listing.back_path,
        empty: listing.empty.to_owned(),
        people,
        pager,
    };
    visit.page(&page)
}

/// The path of the page of the post that the path names, if the reader may see it.
async fn visible_post(visit: &Visit) -> Result<(PostId, String), Problem> {
    let id: PostId = visit.call.id("id")?;
    let view = show_post(&visit.context.actors, &visit.onlooker, id).await?;
    let view = view.filter(|view| view.post.facts.boost_of.is_none());
    let view = view.ok_or_else(Problem::not_found)?;
    Ok((id, render::post_path(&view.author.name, id)))
}

/// `GET /@:name/:id/favourites`: who favours a post.
pub(super) async fn favourited_by(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let visit = Visit::new(context, guest, call);
    let (post, back_path) = visible_post(&visit).await?;
    let listing = Listing {
        list: AccountList::Favouring(post),
        path: format!("{back_path}/favourites"),
        back_path,
        heading: "Favourited by",
        empty: "Nobody yet.",
        nav: Nav::Elsewhere,
    };
    people_page(visit, listing).await
}

/// `GET /@:name/:id/boosts`: who boosts a post.
pub(super) async fn boosted_by(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let visit = Visit::new(context, guest, call);
    let (post, back_path) = visible_post(&visit).await?;
    let listing = Listing {
        list: AccountList::Boosting(post),
        path: format!("{back_path}/boosts"),
        back_path,
        heading: "Boosted by",
        empty: "Nobody yet.",
        nav: Nav::Elsewhere,
    };
    people_page(visit, listing).await
}

/// `GET /settings/blocks`: whom the reader blocks.
pub(super) async fn blocks(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let visit = Visit::new(context, guest, call);
    let listing = Listing {
        list: AccountList::BlockedBy(visit.member()?),
        path: "/settings/blocks".to_owned(),
        back_path: "/settings/account".to_owned(),
        heading: "Blocked people",
        empty: "You block nobody.",
        nav: Nav::Settings,
    };
    people_page(visit, listing).await
}

/// `GET /settings/mutes`: whom the reader mutes.
pub(super) async fn mutes(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let visit = Visit::new(context, guest, call);
    let listing = Listing {
        list: AccountList::MutedBy(visit.member()?),
        path: "/settings/mutes".to_owned(),
        back_path: "/settings/account".to_owned(),
        heading: "Muted people",
        empty: "You mute nobody.",
        nav: Nav::Settings,
    };
    people_page(visit, listing).await
}

/// What one member does about another.
#[derive(Debug, Clone, Copy)]
enum Act {
    Follow,
    Unfollow,
    Block,
    Unblock,
    Mute,
    Unmute,
}

async fn act(context: Context, guest: Guest, call: Call, act: Act) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let member = visit.member()?;
    // A block either way doesn't keep anybody from taking back what stands.
    let name = visit.call.param("name").to_owned();
    let actors = &visit.context.actors;
    let found = actors.find(FindAccountByName { name }).await?;
    let target = found.ok_or_else(Problem::not_found)?.id;
    let notice = match act {
        Act::Follow => {
            let follows_max = visit.context.instance.config.limits.follows_per_account_max;
            let followed = actors
                .perform(FollowAccount {
                    follower: member,
                    followee: target,
                    shows_boosts: None,
                    notifies: None,
                    follows_max: i64::from(follows_max),
                })
                .await?;
            (followed == Followed::Requested).then_some(Notice::FollowRequested)
        }
        Act::Unfollow => {
            let unit = UnfollowAccount {
                follower: member,
                followee: target,
            };
            actors.perform(unit).await?;
            None
        }
        Act::Block => {
            let account = member;
            actors.perform(BlockAccount { account, target }).await?;
            Some(Notice::Blocked)
        }
        Act::Unblock => {
            let account = member;
            actors.perform(UnblockAccount { account, target }).await?;
            None
        }
        Act::Mute => {
            let unit = MuteAccount {
                account: member,
                target,
                options: MuteOptions {
                    hides_notifications: true,
                },
            };
            actors.perform(unit).await?;
            Some(Notice::Muted)
        }
        Act::Unmute => {
            let account = member;
            actors.perform(UnmuteAccount { account, target }).await?;
            None
        }
    };
    let path = local_path(form.text("return_to")?.unwrap_or_default()).to_owned();
    visit.go(&path, notice)
}

acts! {
    /// `POST /@:name/follow`: follows, or asks to.
    follow Follow,
    /// `POST /@:name/unfollow`: ends a follow, or takes a request back.
    unfollow Unfollow,
    /// `POST /@:name/block`: blocks.
    block Block,
    /// `POST /@:name/unblock`: ends a block.
    unblock Unblock,
    /// `POST /@:name/mute`: mutes, notifications too.
    mute Mute,
    /// `POST /@:name/unmute`: ends a mute.
    unmute Unmute,
}

async fn answer_request(
    context: Context,
    guest: Guest,
    call: Call,
    accept: bool,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let unit = AnswerFollowRequest {
        followee: visit.member()?,
        follower: visit.call.id("id")?,
        accept,
    };
    visit.context.actors.perform(unit).await?;
    let path = local_path(form.text("return_to")?.unwrap_or_default()).to_owned();
    visit.go(&path, Some(Notice::RequestAnswered))
}

/// `POST /follow-requests/:id/accept`: lets somebody follow.
pub(super) async fn accept_request(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    answer_request(context, guest, call, true).await
}

/// `POST /follow-requests/:id/reject`: doesn't.
pub(super) async fn reject_request(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    answer_request(context, guest, call, false).await
}
