//! Search for people, tags and posts.

use super::frame::Visit;
use super::profiles::rows;
use super::render;
use super::timelines::{posts, require_timelines};
use super::views::timeline::{FoundTag, SearchKind, SearchPage};
use super::views::{Nav, Pager};
use crate::actors::posts::fill::PostSource;
use crate::context::Context;
use crate::domain::account::Account;
use crate::domain::text::query::{self, SearchQuery};
use crate::domain::text::{characters, hashtags};
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::AccountId;
use crate::limits::{Kind, Subject};
use crate::problem::Problem;
use crate::reply::Response;
use crate::store::queries::accounts::FindAccountByName;
use crate::store::queries::lists::{AuthorChoice, PostList};
use crate::store::queries::search::{OFFSET_MAX, SearchAccounts, SearchTags};

/// People and tags on a page with all kinds of results.
const FEW: usize = 5;
/// People and tags on a page of their own.
const MANY: usize = 20;
/// Longest query that is shown again, in characters.
const QUERY_CHARS_MAX: usize = 500;

fn kind_of(name: &str) -> SearchKind {
    [SearchKind::Accounts, SearchKind::Tags, SearchKind::Posts]
        .into_iter()
        .find(|kind| kind.is(name))
        .unwrap_or(SearchKind::All)
}

/// What was asked for.
struct Asked {
    text: String,
    parsed: Option<SearchQuery>,
    kind: SearchKind,
    offset: usize,
}

impl Asked {
    fn wants(&self, kind: SearchKind) -> bool {
        self.kind == SearchKind::All || self.kind == kind
    }

    fn limit(&self) -> usize {
        if self.kind == SearchKind::All {
            FEW
        } else {
            MANY
        }
    }

    /// The address of these results.
    fn path(&self) -> String {
        let kind = match self.kind {
            SearchKind::All => "",
            SearchKind::Accounts => "&type=accounts",
            SearchKind::Tags => "&type=hashtags",
            SearchKind::Posts => "&type=statuses",
        };
        format!("/search?q={}{kind}", render::query_value(&self.text))
    }

    /// Neighbours of a page of results that are counted instead of dated.
    fn pager(&self, found: usize) -> Pager {
        let at = |offset: usize| match offset {
            0 => self.path(),
            _ => format!("{}&offset={offset}", self.path()),
        };
        let has_more = found >= MANY && self.offset + MANY <= OFFSET_MAX;
        Pager {
            newer: (self.offset > 0).then(|| at(self.offset.saturating_sub(MANY))),
            older: has_more.then(|| at(self.offset + MANY)),
        }
    }
}

async fn find_accounts(visit: &Visit, asked: &Asked) -> Result<Vec<Account>, Problem> {
    let Some(expression) = asked
        .parsed
        .as_ref()
        .and_then(|query| query.matches.clone())
    else {
        return Ok(Vec::new());
    };
    let name = asked.text.trim().trim_start_matches('@');
    let name = name.split('@').next().unwrap_or(name).to_owned();
    let query = SearchAccounts {
        expression,
        name,
        viewer: visit.reader(),
        followed_only: false,
        limit: asked.limit(),
        offset: asked.offset,
    };
    Ok(visit.context.actors.find(query).await?)
}

async fn find_tags(visit: &Visit, asked: &Asked) -> Result<Vec<FoundTag>, Problem> {
    let text = asked.text.trim();
    let text = text.strip_prefix('#').unwrap_or(text);
    let Some(prefix) = hashtags::normalize(text) else {
        return Ok(Vec::new());
    };
    let query = SearchTags {
        prefix,
        limit: asked.limit(),
        offset: asked.offset,
    };
    let names = visit.context.actors.find(query).await?;
    let tag = |name: String| FoundTag {
        path: render::tag_path(&name),
        name,
    };
    Ok(names.into_iter().map(tag).collect())
}

/// The account after `from:`; `None` when nobody has that name.
async fn author(visit: &Visit, name: &str) -> Result<Option<AccountId>, Problem> {
    if name == "me"
        && let Some(reader) = visit.reader()
    {
        return Ok(Some(reader));
    }
    let name = name.to_owned();
    let found = visit
        .context
        .actors
        .find(FindAccountByName { name })
        .await?;
    Ok(found.map(|account| account.id))
}

/// Where posts come from that match; `None` when none can.
async fn source(visit: &Visit, query: &SearchQuery) -> Result<Option<PostSource>, Problem> {
    let from = match &query.from {
        None => None,
        Some(name) => match author(visit, name).await? {
            Some(author) => Some(author),
            None => return Ok(None),
        },
    };
    let list = match (&query.matches, from) {
        (Some(expression), author) => PostList::Matching {
            expression: expression.clone(),
            author,
        },
        (None, Some(author)) => PostList::By(AuthorChoice {
            author,
            excludes_replies: false,
            excludes_boosts: true,
            tagged: None,
        }),
        (None, None) => return Ok(None),
    };
    Ok(Some(PostSource::List(list)))
}

/// `GET /search?q=&type=`: what was found, or the empty form.
pub(super) async fn search(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.call.query()?;
    let text = characters::clean_line(form.text("q")?.unwrap_or_default());
    let text: String = text.chars().take(QUERY_CHARS_MAX).collect();
    let asked = Asked {
        parsed: query::parse(&text),
        kind: kind_of(form.text("type")?.unwrap_or_default()),
        offset: form
            .text("offset")?
            .and_then(|offset| offset.parse().ok())
            .unwrap_or(0)
            .min(OFFSET_MAX),
        text,
    };
    let mut page = SearchPage {
        frame: visit.frame(Nav::Search).await?,
        query: asked.text.clone(),
        query_encoded: render::query_value(&asked.text),
        kind: asked.kind,
        accounts: Vec::new(),
        tags: Vec::new(),
        posts: Vec::new(),
        pager: Pager::default(),
    };
    if asked.text.is_empty() {
        return visit.page(&page);
    }
    require_timelines(&visit)?;
    // Only what searches counts, not the empty form.
    let address = Subject::Address(visit.guest.address);
    let subject = visit.reader().map_or(address, Subject::Account);
    visit.context.count(Kind::Search, subject)?;
    if asked.wants(SearchKind::Accounts) {
        let found = find_accounts(&visit, &asked).await?;
        page.accounts = rows(&visit, &found).await?;
        page.pager = asked.pager(found.len());
    }
    if asked.wants(SearchKind::Tags) {
        page.tags = find_tags(&visit, &asked).await?;
        page.pager = asked.pager(page.tags.len());
    }
    if asked.wants(SearchKind::Posts)
        && let Some(query) = &asked.parsed
        && let Some(source) = source(&visit, query).await?
    {
        (page.posts, page.pager) = posts(&visit, &source, &asked.path()).await?;
    }
    if asked.kind == SearchKind::All {
        page.pager = Pager::default();
    }
    visit.page(&page)
}
