//! Random histories of a small community: what people do, what the machine does to itself, and how time goes by.
//!
//! A history is a `Vec` of [`Op`]s, so proptest can shrink it by leaving some out: an op names people and posts only
//! by number, and what the number means is settled when its turn comes ([`Op::resolve`]). The [`Step`] that results
//! is done by the server, and [`Step::settle`] does it to the model and compares the two answers.

use std::collections::BTreeSet;

use kinglet::domain::visibility::Visibility;
use kinglet::ids::{AccountId, PostId};
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::model::{Draft, Model, Refused};

/// How many people the histories speak of: few, so that their acts meet.
pub const PEOPLE: u8 = 8;

const MINUTE_MILLIS: i64 = 60_000;
const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
/// How many follows a history begins with: without any, most homes would stay empty.
const FOLLOWS_AT_FIRST: std::ops::Range<usize> = 12..28;
/// How many of them are locked then: afterwards, so that they have followers too.
const LOCKED_AT_FIRST: std::ops::Range<usize> = 0..4;
/// How far back "lately" reaches, in posts.
const LATELY_POSTS: usize = 6;
/// How many of the posts that were boosted last count as spreading.
const SPREADING_POSTS: usize = 3;
/// The most entries that a reader asks for at once.
const READ_LIMIT_MAX: usize = 12;

/// Something that happens; `A` names people, `P` posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<A, P> {
    Publish {
        author: A,
        visibility: Visibility,
        mentions: Vec<A>,
        reply_to: Option<P>,
        text: &'static str,
    },
    Edit {
        actor: A,
        post: P,
        mentions: Vec<A>,
        text: &'static str,
    },
    Delete {
        actor: A,
        post: P,
    },
    Boost {
        actor: A,
        post: P,
        visibility: Option<Visibility>,
    },
    Unboost {
        actor: A,
        post: P,
    },
    Favourite {
        actor: A,
        post: P,
    },
    Unfavourite {
        actor: A,
        post: P,
    },
    Bookmark {
        actor: A,
        post: P,
    },
    Unbookmark {
        actor: A,
        post: P,
    },
    Follow {
        actor: A,
        other: A,
        shows_boosts: bool,
    },
    Unfollow {
        actor: A,
        other: A,
    },
    RemoveFollower {
        actor: A,
        other: A,
    },
    AcceptRequest {
        actor: A,
        other: A,
    },
    RejectRequest {
        actor: A,
        other: A,
    },
    Block {
        actor: A,
        other: A,
    },
    Unblock {
        actor: A,
        other: A,
    },
    Mute {
        actor: A,
        other: A,
    },
    Unmute {
        actor: A,
        other: A,
    },
    SetLocked {
        actor: A,
        locked: bool,
    },
    /// By the instance's owner, who is none of the people.
    SetSuspended {
        account: A,
        suspended: bool,
    },
    /// The reader reads some of its home, which makes it resident.
    ReadHome {
        reader: A,
        limit: usize,
    },
    /// The reader's window leaves memory.
    Evict {
        reader: A,
    },
    /// The windows are written down.
    Snapshot,
    /// The server stops in good order and starts again.
    Restart,
    AdvanceClock {
        millis: i64,
    },
}

/// An action before it is known whom and what it is about.
pub type Op = Action<Person, Pick>;
/// An action that can be done.
pub type Step = Action<AccountId, PostId>;

/// One of the people, counted round and round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person(pub u8);

/// One of the posts (never a boost) that are there when its turn comes, counted back from the newest, round and round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Among the newest.
    Lately(u16),
    /// Among all.
    Ever(u16),
    /// Among the actor's own.
    Own(u16),
    /// Among those that the actor boosts.
    Boosted(u16),
    /// Among those that were boosted last.
    Spreading(u16),
    /// Among those that were deleted: naming one must be refused.
    Deleted(u16),
}

impl Op {
    /// Who and what is meant now; none when there is no such post yet, then nothing happens.
    pub fn resolve(&self, model: &Model, people: &[AccountId]) -> Option<Step> {
        let who = |person: Person| people[usize::from(person.0) % people.len()];
        let all = |persons: &[Person]| persons.iter().map(|&person| who(person)).collect();
        let which = |actor: Person, pick: Pick| pick.resolve(model, who(actor));
        // What can only be undone where it stands is undone there: any two people would hardly ever be the right ones.
        let standing = |pairs: &[(AccountId, AccountId)], one: Person, other: Person| {
            let number = usize::from(one.0) * usize::from(PEOPLE) + usize::from(other.0);
            match number.checked_rem(pairs.len()) {
                Some(place) => pairs[place],
                None => (who(one), who(other)),
            }
        };
        Some(match *self {
            Op::Publish {
                author,
                visibility,
                ref mentions,
                reply_to,
                text,
            } => Step::Publish {
                author: who(author),
                visibility,
                mentions: all(mentions),
                reply_to: match reply_to {
                    None => None,
                    Some(pick) => Some(which(author, pick)?),
                },
                text,
            },
            Op::Edit {
                actor,
                post,
                ref mentions,
                text,
            } => Step::Edit {
                actor: who(actor),
                post: which(actor, post)?,
                mentions: all(mentions),
                text,
            },
            Op::Delete { actor, post } => Step::Delete {
                actor: who(actor),
                post: which(actor, post)?,
            },
            Op::Boost {
                actor,
                post,
                visibility,
            } => Step::Boost {
                actor: who(actor),
                post: which(actor, post)?,
                visibility,
            },
            Op::Unboost { actor, post } => Step::Unboost {
                actor: who(actor),
                post: which(actor, post)?,
            },
            Op::Favourite { actor, post } => Step::Favourite {
                actor: who(actor),
                post: which(actor, post)?,
            },
            Op::Unfavourite { actor, post } => Step::Unfavourite {
                actor: who(actor),
                post: which(actor, post)?,
            },
            Op::Bookmark { actor, post } => Step::Bookmark {
                actor: who(actor),
                post: which(actor, post)?,
            },
            Op::Unbookmark { actor, post } => Step::Unbookmark {
                actor: who(actor),
                post: which(actor, post)?,
            },
            Op::Follow {
                actor,
                other,
                shows_boosts,
            } => Step::Follow {
                actor: who(actor),
                other: who(other),
                shows_boosts,
            },
            Op::Unfollow { actor, other } => Step::Unfollow {
                actor: who(actor),
                other: who(other),
            },
            Op::RemoveFollower { actor, other } => Step::RemoveFollower {
                actor: who(actor),
                other: who(other),
            },
            Op::AcceptRequest { actor, other } => {
                let (other, actor) = standing(&model.waiting_requests(), other, actor);
                Step::AcceptRequest { actor, other }
            }
            Op::RejectRequest { actor, other } => {
                let (other, actor) = standing(&model.waiting_requests(), other, actor);
                Step::RejectRequest { actor, other }
            }
            Op::Block { actor, other } => Step::Block {
                actor: who(actor),
                other: who(other),
            },
            Op::Unblock { actor, other } => {
                let (actor, other) = standing(&model.standing_blocks(), actor, other);
                Step::Unblock { actor, other }
            }
            Op::Mute { actor, other } => Step::Mute {
                actor: who(actor),
                other: who(other),
            },
            Op::Unmute { actor, other } => {
                let (actor, other) = standing(&model.standing_mutes(), actor, other);
                Step::Unmute { actor, other }
            }
            Op::SetLocked { actor, locked } => Step::SetLocked {
                actor: who(actor),
                locked,
            },
            Op::SetSuspended { account, suspended } => Step::SetSuspended {
                account: who(account),
                suspended,
            },
            Op::ReadHome { reader, limit } => Step::ReadHome {
                reader: who(reader),
                limit,
            },
            Op::Evict { reader } => Step::Evict {
                reader: who(reader),
            },
            Op::Snapshot => Step::Snapshot,
            Op::Restart => Step::Restart,
            Op::AdvanceClock { millis } => Step::AdvanceClock { millis },
        })
    }
}

impl Pick {
    fn resolve(self, model: &Model, actor: AccountId) -> Option<PostId> {
        let (number, posts) = match self {
            Pick::Lately(number) => {
                let posts = model.posts();
                let first = posts.len().saturating_sub(LATELY_POSTS);
                (number, posts[first..].to_vec())
            }
            Pick::Ever(number) => (number, model.posts()),
            Pick::Own(number) => {
                let mut posts = model.posts();
                posts.retain(|&post| model.author(post) == Some(actor));
                (number, posts)
            }
            Pick::Boosted(number) => {
                let mut posts = model.posts();
                posts.retain(|&post| model.boost_by(actor, post).is_some());
                (number, posts)
            }
            Pick::Spreading(number) => {
                let mut posts = Vec::new();
                for post in model
                    .entries()
                    .into_iter()
                    .filter_map(|id| model.boost_of(id))
                {
                    posts.retain(|&other| other != post);
                    posts.push(post);
                }
                let first = posts.len().saturating_sub(SPREADING_POSTS);
                (number, posts[first..].to_vec())
            }
            Pick::Deleted(number) => (number, model.deleted()),
        };
        let back = usize::from(number).checked_rem(posts.len())?;
        posts.into_iter().rev().nth(back)
    }
}

/// What the server said to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// No; nothing has changed.
    Refused,
    /// Done.
    Done,
    /// Done, and this is the post or boost.
    Entry(PostId),
}

/// Server and model don't agree on a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    pub step: Step,
    pub served: Answer,
    /// What the model would have said.
    pub expected: Result<Option<PostId>, Refused>,
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?}: the server answered {:?}, the model {:?}",
            self.step, self.served, self.expected
        )
    }
}

impl std::error::Error for Disagreement {}

/// An id that no server hands out.
const NO_ID: PostId = PostId(i64::MAX);

impl Step {
    /// Does to the model what the server has done; [`Disagreement`] when one accepts what the other refuses, or when
    /// a second boost isn't the first.
    pub fn settle(&self, model: &mut Model, served: Answer) -> Result<(), Disagreement> {
        let id = match served {
            Answer::Entry(id) => id,
            Answer::Done | Answer::Refused => NO_ID,
        };
        // An accepted step mustn't leave a trace in the model when the server refused it.
        let mut after = model.clone();
        let expected = self.perform(&mut after, id);
        let agreed = match (served, expected) {
            (Answer::Refused, Err(_)) | (Answer::Done, Ok(None)) => true,
            (Answer::Entry(id), Ok(Some(entry))) => id == entry,
            _ => false,
        };
        if !agreed {
            return Err(Disagreement {
                step: self.clone(),
                served,
                expected,
            });
        }
        *model = after;
        Ok(())
    }

    /// Does the step to the model; a new post or boost gets `id`. Answers the post or boost that it is about to show:
    /// the new one, or the first boost when it is boosted again.
    pub fn perform(&self, model: &mut Model, id: PostId) -> Result<Option<PostId>, Refused> {
        let done = match *self {
            Step::Publish {
                author,
                visibility,
                ref mentions,
                reply_to,
                text,
            } => {
                let draft = Draft {
                    author,
                    visibility,
                    mentions: mentions.iter().copied().collect(),
                    reply_to,
                    text: text.to_owned(),
                };
                return model.publish(&draft, id).map(|_| Some(id));
            }
            Step::Boost {
                actor,
                post,
                visibility,
            } => return model.boost(actor, post, visibility, id).map(Some),
            Step::Edit {
                actor,
                post,
                ref mentions,
                text,
            } => {
                let mentions: BTreeSet<AccountId> = mentions.iter().copied().collect();
                model.edit(actor, post, text, &mentions)
            }
            Step::Delete { actor, post } => model.delete(actor, post),
            Step::Unboost { actor, post } => model.unboost(actor, post),
            Step::Favourite { actor, post } => model.favourite(actor, post),
            Step::Unfavourite { actor, post } => model.unfavourite(actor, post),
            Step::Bookmark { actor, post } => model.bookmark(actor, post),
            Step::Unbookmark { actor, post } => model.unbookmark(actor, post),
            Step::Follow {
                actor,
                other,
                shows_boosts,
            } => model.follow(actor, other, shows_boosts).map(|_| ()),
            Step::Unfollow { actor, other } => model.unfollow(actor, other),
            Step::RemoveFollower { actor, other } => model.remove_follower(actor, other),
            Step::AcceptRequest { actor, other } => model.accept_request(actor, other),
            Step::RejectRequest { actor, other } => model.reject_request(actor, other),
            Step::Block { actor, other } => model.block(actor, other),
            Step::Unblock { actor, other } => model.unblock(actor, other),
            Step::Mute { actor, other } => model.mute(actor, other),
            Step::Unmute { actor, other } => model.unmute(actor, other),
            Step::SetLocked { actor, locked } => model.set_locked(actor, locked),
            Step::SetSuspended { account, suspended } => model.set_suspended(account, suspended),
            // These change nothing that a reader could notice.
            Step::ReadHome { .. }
            | Step::Evict { .. }
            | Step::Snapshot
            | Step::Restart
            | Step::AdvanceClock { .. } => Ok(()),
        };
        done.map(|()| None)
    }
}

/// How often a property is tried, and that a failing history is kept beside the test: it is tried first next time.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::with_cases(cases)
    }
}

/// Histories: some follows, somebody locked, then as many ops as `length` says (a cascade counts for one).
pub fn history(length: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Op>> {
    let locked = person().prop_map(|actor| Op::SetLocked {
        actor,
        locked: true,
    });
    let follows = vec(follow(), FOLLOWS_AT_FIRST);
    let locks = vec(locked, LOCKED_AT_FIRST);
    let later = vec(
        prop_oneof![
            30 => op().prop_map(|op| vec![op]),
            1 => cascade(),
        ],
        length,
    );
    (follows, locks, later).prop_map(|(mut ops, locks, later)| {
        ops.extend(locks);
        ops.extend(later.into_iter().flatten());
        ops
    })
}

/// One op: mostly posts and boosts, now and then what changes their meaning, seldom what shakes the machine.
pub fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        22 => publish(),
        18 => boost(),
        12 => advance_clock(),
        10 => read_home(),
        9 => post_op(),
        8 => follow(),
        12 => pair_op(),
        3 => account_op(),
        4 => person().prop_map(|reader| Op::Evict { reader }),
        3 => Just(Op::Snapshot),
        2 => Just(Op::Restart),
    ]
}

fn person() -> impl Strategy<Value = Person> {
    (0..PEOPLE).prop_map(Person)
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        12 => any::<u16>().prop_map(Pick::Lately),
        3 => any::<u16>().prop_map(Pick::Ever),
        1 => any::<u16>().prop_map(Pick::Deleted),
    ]
}

fn own_pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        4 => any::<u16>().prop_map(Pick::Own),
        1 => pick(),
    ]
}

fn visibility() -> impl Strategy<Value = Visibility> {
    prop_oneof![
        5 => Just(Visibility::Public),
        2 => Just(Visibility::Unlisted),
        2 => Just(Visibility::Followers),
        2 => Just(Visibility::Direct),
    ]
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a wren in the hedge",
        "three finches #birds",
        "an owl called twice #Birds #night",
        "nothing to be seen #night",
    ])
}

fn publish() -> impl Strategy<Value = Op> {
    let reply_to = prop::option::weighted(0.4, pick());
    (
        person(),
        visibility(),
        vec(person(), 0..3),
        reply_to,
        text(),
    )
        .prop_map(
            |(author, visibility, mentions, reply_to, text)| Op::Publish {
                author,
                visibility,
                mentions,
                reply_to,
                text,
            },
        )
}

fn boost() -> impl Strategy<Value = Op> {
    let visibility = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Visibility::Public)),
        1 => Just(Some(Visibility::Unlisted)),
        1 => Just(Some(Visibility::Followers)),
    ];
    let pick = prop_oneof![
        6 => pick(),
        3 => any::<u16>().prop_map(Pick::Spreading),
        1 => own_pick(),
    ];
    (person(), pick, visibility).prop_map(|(actor, post, visibility)| Op::Boost {
        actor,
        post,
        visibility,
    })
}

/// One post boosted by one after the other, hours apart: what is left out itself leaves out later boosts.
fn cascade() -> impl Strategy<Value = Vec<Op>> {
    let hours = (6..=25_i64).prop_map(|hours| Op::AdvanceClock {
        millis: hours * HOUR_MILLIS,
    });
    let another = person().prop_map(|actor| Op::Boost {
        actor,
        post: Pick::Spreading(0),
        visibility: None,
    });
    let more = vec(
        (hours, another).prop_map(|(wait, boost)| [wait, boost]),
        1..5,
    );
    (boost(), more).prop_map(|(first, more)| {
        let mut ops = vec![first];
        ops.extend(more.into_iter().flatten());
        ops
    })
}

fn post_op() -> impl Strategy<Value = Op> {
    let any_post = || (person(), pick());
    let own_post = || (person(), own_pick());
    prop_oneof![
        3 => (own_post(), vec(person(), 0..3), text()).prop_map(
            |((actor, post), mentions, text)| Op::Edit { actor, post, mentions, text }
        ),
        2 => own_post().prop_map(|(actor, post)| Op::Delete { actor, post }),
        1 => any_post().prop_map(|(actor, post)| Op::Unboost { actor, post }),
        2 => (person(), any::<u16>()).prop_map(
            |(actor, number)| Op::Unboost { actor, post: Pick::Boosted(number) }
        ),
        2 => any_post().prop_map(|(actor, post)| Op::Favourite { actor, post }),
        1 => any_post().prop_map(|(actor, post)| Op::Unfavourite { actor, post }),
        2 => any_post().prop_map(|(actor, post)| Op::Bookmark { actor, post }),
        1 => any_post().prop_map(|(actor, post)| Op::Unbookmark { actor, post }),
    ]
}

/// Mostly of somebody else: a follow of oneself is only there to be refused.
fn pair() -> impl Strategy<Value = (Person, Person)> {
    prop_oneof![
        30 => (0..PEOPLE, 1..PEOPLE).prop_map(|(actor, step)| {
            (Person(actor), Person((actor + step) % PEOPLE))
        }),
        1 => person().prop_map(|actor| (actor, actor)),
    ]
}

fn follow() -> impl Strategy<Value = Op> {
    (pair(), prop::bool::weighted(0.8)).prop_map(|((actor, other), shows_boosts)| Op::Follow {
        actor,
        other,
        shows_boosts,
    })
}

fn pair_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => pair().prop_map(|(actor, other)| Op::Unfollow { actor, other }),
        1 => pair().prop_map(|(actor, other)| Op::RemoveFollower { actor, other }),
        4 => pair().prop_map(|(actor, other)| Op::AcceptRequest { actor, other }),
        1 => pair().prop_map(|(actor, other)| Op::RejectRequest { actor, other }),
        1 => pair().prop_map(|(actor, other)| Op::Block { actor, other }),
        3 => pair().prop_map(|(actor, other)| Op::Unblock { actor, other }),
        3 => pair().prop_map(|(actor, other)| Op::Mute { actor, other }),
        3 => pair().prop_map(|(actor, other)| Op::Unmute { actor, other }),
    ]
}

/// Undone more often than done, so that most people can act most of the time.
fn account_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (person(), prop::bool::weighted(0.4))
            .prop_map(|(actor, locked)| Op::SetLocked { actor, locked }),
        (person(), prop::bool::weighted(0.3))
            .prop_map(|(account, suspended)| Op::SetSuspended { account, suspended }),
    ]
}

fn read_home() -> impl Strategy<Value = Op> {
    (person(), 1..=READ_LIMIT_MAX).prop_map(|(reader, limit)| Op::ReadHome { reader, limit })
}

/// Mostly minutes, at times around a day, and the day exactly: the rule on boosts turns on its last millisecond.
fn advance_clock() -> impl Strategy<Value = Op> {
    let millis = prop_oneof![
        6 => (1..=120_i64).prop_map(|minutes| minutes * MINUTE_MILLIS),
        2 => (1..=30_i64).prop_map(|hours| hours * HOUR_MILLIS),
        1 => (-1..=1_i64).prop_map(|off| 24 * HOUR_MILLIS + off),
    ];
    millis.prop_map(|millis| Op::AdvanceClock { millis })
}
