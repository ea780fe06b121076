//! A page of a list, by one question: Posts asks for the candidates, shows them, and goes on until the page is full.

use std::future::ready;

use actix::fut::wrap_future;
use actix::{
    ActorFutureExt, Context, Handler, Message, ResponseActFuture, ResponseFuture, WrapFuture,
};

use super::core::Hand;
use super::fill::{PostSource, is_muted};
use super::{Looked, Posts, Showing, lists};
use crate::domain::page::{Filled, Filling, Page};
use crate::domain::post::PostView;
use crate::domain::visibility::Onlooker;
use crate::error::AskError;
use crate::ids::PostId;
use crate::messages::StoreDoor;
use crate::store::queries::lists::{
    AuthorChoice, KeepTagged, ListNewest, ListPosts, NewestEntries, NewestOf, PostList,
};
use crate::store::queries::posts::LoadPosts;
use crate::timelines::ReadHome;

/// A page of posts as the onlooker gets them. The page is full as long as there are further posts (within the bound of
/// [`Filling`]).
#[derive(Debug, Clone)]
pub struct ReadPosts {
    /// Who looks.
    pub onlooker: Onlooker,
    /// Where the posts come from.
    pub source: PostSource,
    /// Which part.
    pub page: Page,
}

impl Message for ReadPosts {
    type Result = Result<Filled<PostView>, AskError>;
}

/// An answer that is there.
fn done<T: 'static>(answer: Result<T, AskError>) -> ResponseActFuture<Posts, Result<T, AskError>> {
    Box::pin(wrap_future::<_, Posts>(ready(answer)))
}

type Answer = ResponseActFuture<Posts, Result<Filled<PostView>, AskError>>;

impl Handler<ReadPosts> for Posts {
    type Result = Answer;

    fn handle(&mut self, message: ReadPosts, _: &mut Context<Self>) -> Answer {
        let ReadPosts {
            onlooker,
            source,
            page,
        } = message;
        self.go_on(Reading {
            onlooker,
            source,
            filling: Filling::new(page),
        })
    }
}

/// A page of an account's entries as the onlooker gets them; `None` when there is no such account for others.
#[derive(Debug, Clone)]
pub struct ReadPostsBy {
    /// Who looks.
    pub onlooker: Onlooker,
    /// Whose entries, and which of them.
    pub choice: AuthorChoice,
    /// Which part.
    pub page: Page,
}

impl Message for ReadPostsBy {
    type Result = Result<Option<Filled<PostView>>, AskError>;
}

impl Handler<ReadPostsBy> for Posts {
    type Result = ResponseActFuture<Self, Result<Option<Filled<PostView>>, AskError>>;

    fn handle(&mut self, message: ReadPostsBy, _: &mut Context<Self>) -> Self::Result {
        self.catch_up();
        let author = message.choice.author;
        match self.memory.shelf.is_visible(author) {
            Some(true) => self.page_by(message),
            Some(false) => done(Ok(None)),
            None => {
                let load = LoadPosts {
                    accounts: vec![author],
                    ..LoadPosts::default()
                };
                let loading = self.store.look(load).into_actor(self);
                Box::pin(loading.then(move |loaded, actor, _| {
                    let (loaded, commit) = match loaded {
                        Ok(loaded) => loaded,
                        Err(error) => return done(Err(error)),
                    };
                    let found = loaded.accounts.get(&author);
                    let is_visible = found.is_some_and(|account| !account.state.is_hidden());
                    actor.catch_up();
                    let shelf = &mut actor.memory.shelf;
                    shelf.fill_and_show(&message.onlooker, &[], Hand::default(), loaded, commit);
                    if !is_visible {
                        return done(Ok(None));
                    }
                    actor.page_by(message)
                }))
            }
        }
    }
}

/// A page that is being filled.
struct Reading {
    onlooker: Onlooker,
    source: PostSource,
    filling: Filling<PostView>,
}

/// What a round may show.
struct Candidates {
    /// All of them, with their cursors, in the order of the list.
    listed: Vec<(i64, PostId)>,
    /// Those that are worth showing, in the same order.
    wanted: Vec<PostId>,
    /// The newest entries of the list as of a commit, where they were loaded.
    loaded: Option<(NewestOf, NewestEntries, i64)>,
}

impl Candidates {
    fn all(listed: Vec<(i64, PostId)>) -> Self {
        let wanted = listed.iter().map(|(_, id)| *id).collect();
        Self {
            listed,
            wanted,
            loaded: None,
        }
    }
}

impl Posts {
    fn page_by(
        &mut self,
        message: ReadPostsBy,
    ) -> ResponseActFuture<Self, Result<Option<Filled<PostView>>, AskError>> {
        let page = self.go_on(Reading {
            onlooker: message.onlooker,
            source: PostSource::List(PostList::By(message.choice)),
            filling: Filling::new(message.page),
        });
        Box::pin(page.map(|page, _, _| page.map(Some)))
    }

    /// The next round, or the page.
    fn go_on(&mut self, reading: Reading) -> Answer {
        let Some(round) = reading.filling.next_round() else {
            return done(Ok(reading.filling.finish()));
        };
        let candidates = self.candidates(&reading, round).into_actor(self);
        Box::pin(
            candidates.then(move |candidates, actor, _| match candidates {
                Ok(candidates) => actor.judge(reading, round, candidates),
                Err(error) => done(Err(error)),
            }),
        )
    }

    fn judge(&mut self, mut reading: Reading, round: Page, candidates: Candidates) -> Answer {
        let Candidates {
            listed,
            wanted,
            loaded,
        } = candidates;
        if let Some((of, newest, commit)) = loaded {
            self.catch_up();
            self.memory.lists.fill(of, newest, commit);
        }
        match self.show(reading.onlooker.clone(), wanted) {
            Showing::Ready(views) => {
                reading.take(&round, &listed, views);
                self.go_on(reading)
            }
            Showing::Loading(loading) => {
                Box::pin(loading.then(move |looked, actor, _| match looked {
                    Ok(Looked { views, gone }) => {
                        if let PostSource::List(list) = &reading.source
                            && let Some(of) = lists::kept_as(list)
                        {
                            actor.memory.lists.prune(&of, &gone);
                        }
                        reading.take(&round, &listed, views);
                        actor.go_on(reading)
                    }
                    Err(error) => done(Err(error)),
                }))
            }
        }
    }

    fn candidates(
        &mut self,
        reading: &Reading,
        page: Page,
    ) -> ResponseFuture<Result<Candidates, AskError>> {
        let list = match (&reading.source, reading.onlooker.account) {
            (PostSource::Home, None) => return Box::pin(ready(Ok(Candidates::all(Vec::new())))),
            (PostSource::Home, Some(reader)) => {
                let asked = self.timelines.send(ReadHome { reader, page });
                return Box::pin(async move {
                    let ids = asked.await??.into_iter();
                    Ok(Candidates::all(ids.map(|id| (id.0, id)).collect()))
                });
            }
            (PostSource::List(list), _) => list.clone(),
        };
        let store = self.store.clone();
        if let Some(of) = lists::kept_as(&list) {
            self.catch_up();
            if let Some(listed) = self.memory.lists.read(&of, &list, &page) {
                return Box::pin(ready(Ok(Candidates::all(listed))));
            }
            let is_newest = page.below() == i64::MAX && !page.from_oldest();
            if is_newest && !self.memory.lists.has(&of) {
                return Box::pin(load_newest(store, of, list, page));
            }
        }
        let choice = match &list {
            PostList::Tagged(choice) if !choice.is_plain() => Some(choice.clone()),
            _ => None,
        };
        let listed = store.find(ListPosts { list, page });
        Box::pin(async move {
            let candidates = Candidates::all(listed.await?);
            let Some(choice) = choice else {
                return Ok(candidates);
            };
            let posts = candidates.wanted;
            let wanted = store.find(KeepTagged { choice, posts }).await?;
            Ok(Candidates {
                wanted,
                ..candidates
            })
        })
    }
}

/// The candidates of a list's newest page, with what is to be kept of the list.
async fn load_newest(
    store: StoreDoor,
    of: NewestOf,
    list: PostList,
    page: Page,
) -> Result<Candidates, AskError> {
    let limit = lists::ENTRIES_AT_FIRST.max(page.limit);
    let query = ListNewest {
        of: of.clone(),
        limit,
    };
    let (newest, commit) = store.look(query).await?;
    let entries = newest.entries.iter();
    let listed = match lists::page_of(&list, entries, newest.is_complete, &page) {
        Some(listed) => listed,
        // Too few of them are wanted.
        None => store.find(ListPosts { list, page }).await?,
    };
    Ok(Candidates {
        loaded: Some((of, newest, commit)),
        ..Candidates::all(listed)
    })
}

impl Reading {
    fn take(&mut self, round: &Page, listed: &[(i64, PostId)], views: Vec<PostView>) {
        let leaves_out_muted = self.source.leaves_out_muted();
        let mut shown = views
            .into_iter()
            .filter(|view| !leaves_out_muted || !is_muted(&self.onlooker, view));
        // Views keep the order of the candidates, so one walk over both finds each view's cursor.
        let mut kept = Vec::with_capacity(listed.len());
        let mut next = shown.next();
        for (cursor, id) in listed {
            if let Some(view) = next.take_if(|view| view.post.facts.id == *id) {
                kept.push((*cursor, view));
                next = shown.next();
            }
        }
        let cursors = listed.iter().map(|(cursor, _)| *cursor);
        self.filling.take(round, cursors, kept);
    }
}
