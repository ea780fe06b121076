//! What is asked of the store, on small worlds of a few people.

use super::accounts::{
    AccountList, FindAccountByName, FindAccounts, FindOwnAccount, FindRelationships, ListAccounts,
};
use super::instance::DescribeInstance;
use super::lists::{AuthorChoice, KeepTagged, ListPosts, PostList, TagChoice};
use super::notifications::{FindMarkers, FindNotification, ListNotifications};
use super::relations::LoadRelations;
use super::search::{SearchAccounts, SearchTags};
use super::threads::{FindPostVersions, FindThread};
use crate::clock::Clock;
use crate::domain::access::Authority;
use crate::domain::account::{ProfileChanges, ProfileField, Role};
use crate::domain::marker::MarkedTimeline;
use crate::domain::notification::NotificationKind;
use crate::domain::page::{Filled, Page};
use crate::domain::relationship::MuteOptions;
use crate::domain::text::{hashtags, mentions, query, search_terms, tokens};
use crate::domain::thread::{DESCENDANTS_MAX, Thread};
use crate::domain::visibility::{Onlooker, Visibility};
use crate::ids::{AccountId, PostId};
use crate::store::testing::TestStore;
use crate::store::units::{
    Admission, AnswerFollowRequest, BlockAccount, BoostPost, ClearNotifications, DeletePost,
    DismissNotification, EditPost, FollowAccount, Mark, MarkPost, MuteAccount, NewMember,
    PreparedText, PublishPost, RegisterAccount, SetMarkers, SuspendAccount, UnsuspendAccount,
    UpdateProfile,
};

const EVERYTHING: Page = Page::newest(40);

fn text(text: &str) -> PreparedText {
    let tokens = tokens::tokenize(text);
    PreparedText {
        text: text.to_owned(),
        mentioned_names: mentions::local_names(&tokens, "kinglet.example"),
        tags: hashtags::names(&tokens),
        terms: search_terms::index_terms(text),
        ..PreparedText::default()
    }
}

impl TestStore {
    fn account(&self, name: &str) -> AccountId {
        let unit = RegisterAccount {
            member: NewMember {
                name: name.to_owned(),
                email: format!("{name}@kinglet.example"),
                password_hash: String::new(),
            },
            admission: Admission::Operator(Role::User),
        };
        self.apply(unit).expect("registered").account
    }

    fn post(&self, author: AccountId, words: &str, visibility: Visibility) -> PostId {
        self.answer(author, words, visibility, None)
    }

    fn answer(
        &self,
        author: AccountId,
        words: &str,
        visibility: Visibility,
        reply_to: Option<PostId>,
    ) -> PostId {
        self.apply(PublishPost {
            author,
            text: text(words),
            visibility: Some(visibility),
            reply_to,
            app: None,
            idempotency_key: None,
        })
        .expect("published")
    }

    fn follow_up(&self, follower: AccountId, followee: AccountId) {
        let unit = FollowAccount {
            follower,
            followee,
            shows_boosts: None,
            notifies: None,
            follows_max: 100,
        };
        self.apply(unit).expect("followed");
    }

    fn favour(&self, account: AccountId, post: PostId) {
        let unit = MarkPost {
            account,
            post,
            mark: Mark::Favourite,
            on: true,
        };
        self.apply(unit).expect("marked");
    }

    fn suspend(&self, account: AccountId) {
        let by = Authority::Operator;
        self.apply(SuspendAccount { by, account })
            .expect("suspended");
    }

    fn onlooker(&mut self, account: AccountId) -> Onlooker {
        Onlooker {
            account: Some(account),
            relations: self.find(LoadRelations { account }).into(),
        }
    }

    fn listed(&mut self, list: AccountList, onlooker: &Onlooker) -> Vec<AccountId> {
        let query = ListAccounts {
            list,
            onlooker: onlooker.clone(),
            page: EVERYTHING,
        };
        ids(self.find(query))
    }

    fn posts(&mut self, list: PostList) -> Vec<PostId> {
        let query = ListPosts {
            list,
            page: EVERYTHING,
        };
        self.find(query).into_iter().map(|(_, id)| id).collect()
    }

    fn told(&mut self, reader: &Onlooker) -> Vec<NotificationKind> {
        let query = ListNotifications {
            reader: reader.clone(),
            page: EVERYTHING,
            kinds: NotificationKind::ALL.to_vec(),
            from: None,
        };
        self.find(query)
            .into_iter()
            .filter(|candidate| candidate.from.is_some())
            .map(|candidate| candidate.notification.kind)
            .collect()
    }

    fn search_accounts(&mut self, viewer: Option<AccountId>, typed: &str) -> Vec<String> {
        let parsed = query::parse(typed).and_then(|query| query.matches);
        let query = SearchAccounts {
            expression: parsed.expect("something to search"),
            name: typed.to_owned(),
            viewer,
            followed_only: false,
            limit: 10,
            offset: 0,
        };
        let found = self.find(query).into_iter();
        found.map(|account| account.name).collect()
    }
}

fn ids(filled: Filled<crate::domain::account::Account>) -> Vec<AccountId> {
    filled.into_values().map(|account| account.id).collect()
}

#[test]
fn accounts_are_found_by_id_and_name_until_they_are_hidden() {
    let mut store = TestStore::open();
    let (ada, bob) = (store.account("Ada"), store.account("bob"));
    let by_name = |store: &mut TestStore, name: &str| {
        let name = name.to_owned();
        store.find(FindAccountByName { name }).map(|found| found.id)
    };
    let by_ids = |store: &mut TestStore| {
        let ids = vec![bob, ada, AccountId(1), bob];
        let found = store.find(FindAccounts { ids });
        found.into_iter().map(|found| found.id).collect::<Vec<_>>()
    };
    assert_eq!(by_name(&mut store, "aDA"), Some(ada));
    assert_eq!(by_ids(&mut store), [bob, ada], "in their order, each once");
    store.suspend(ada);
    assert_eq!(by_name(&mut store, "ada"), None);
    assert_eq!(by_ids(&mut store), [bob]);
    let own = |account| FindOwnAccount { account };
    assert_eq!(store.find(own(ada)), None);
    let (by, account) = (Authority::Operator, ada);
    store
        .apply(UnsuspendAccount { by, account })
        .expect("unsuspended");
    assert!(store.find(own(ada)).is_some());
}

#[test]
fn relationships_tell_everything_and_nothing_of_the_hidden() {
    let mut store = TestStore::open();
    let [ada, bob, cid] = ["ada", "bob", "cid"].map(|name| store.account(name));
    let changes = ProfileChanges {
        locked: Some(true),
        ..ProfileChanges::default()
    };
    let account = bob;
    store
        .apply(UpdateProfile { account, changes })
        .expect("locked");
    store.follow_up(ada, bob);
    store.follow_up(bob, ada);
    let mute = MuteAccount {
        account: ada,
        target: bob,
        options: MuteOptions {
            hides_notifications: true,
        },
    };
    store.apply(mute).expect("muted");
    let of_ada = FindRelationships {
        account: ada,
        others: vec![bob, cid, AccountId(1), ada],
    };
    let found = store.find(of_ada.clone());
    assert_eq!(found.len(), 3, "who isn't there is left out");
    let to_bob = found[0];
    assert!(to_bob.requested.is_some() && to_bob.following.is_none());
    assert!(to_bob.followed_by && to_bob.muting.is_some() && !to_bob.blocking);
    assert_eq!(found[1].other, cid);
    assert!(!found[1].followed_by && found[1].muting.is_none());
    let requests = |store: &mut TestStore| {
        let own = store.find(FindOwnAccount { account: bob });
        own.expect("bob is there").follow_requests_count
    };
    assert_eq!(requests(&mut store), 1);
    let answer = AnswerFollowRequest {
        followee: bob,
        follower: ada,
        accept: true,
    };
    store.apply(answer).expect("accepted");
    assert_eq!(requests(&mut store), 0);
    assert!(store.find(of_ada.clone())[0].following.is_some());
    let block = BlockAccount {
        account: bob,
        target: ada,
    };
    store.apply(block).expect("blocked");
    let to_bob = store.find(of_ada.clone())[0];
    assert!(to_bob.blocked_by && to_bob.following.is_none() && !to_bob.followed_by);
    store.suspend(bob);
    assert_eq!(
        store.find(of_ada)[0].other,
        cid,
        "who is hidden isn't there"
    );
}

#[test]
fn followers_come_page_by_page_without_the_hidden_and_the_blocked() {
    let mut store = TestStore::open();
    let star = store.account("star");
    let fans: Vec<AccountId> = (0..30)
        .map(|number| store.account(&format!("fan{number}")))
        .collect();
    for fan in &fans {
        store.follow_up(*fan, star);
    }
    store.suspend(fans[7]);
    let block = BlockAccount {
        account: fans[3],
        target: fans[20],
    };
    store.apply(block).expect("blocked");
    let onlooker = store.onlooker(fans[3]);
    let mut expected: Vec<AccountId> = fans.clone();
    expected.retain(|fan| *fan != fans[7] && *fan != fans[20]);
    expected.reverse();
    let mut page = Page::newest(4);
    let mut all = Vec::new();
    loop {
        let list = AccountList::FollowersOf(star);
        let onlooker = onlooker.clone();
        let part = store.find(ListAccounts {
            list,
            onlooker,
            page,
        });
        assert!(part.entries.len() == 4 || part.older_below.is_none());
        page.max_id = part.older_below;
        let is_last = part.older_below.is_none();
        all.extend(ids(part));
        if is_last {
            break;
        }
    }
    assert_eq!(all, expected, "the latest follower first");
    let anonymous = Onlooker::default();
    assert_eq!(
        store.listed(AccountList::FollowedBy(fans[0]), &anonymous),
        [star]
    );
    assert_eq!(
        store
            .listed(AccountList::FollowersOf(star), &anonymous)
            .len(),
        29,
        "a block hides nothing from strangers"
    );
    assert_eq!(
        store.listed(AccountList::BlockedBy(fans[3]), &onlooker),
        [fans[20]],
        "one's own blocks show"
    );
}

#[test]
fn who_favours_and_boosts_shows_as_far_as_the_boost_may_be_seen() {
    let mut store = TestStore::open();
    let [ada, bob, cid, dan] = ["ada", "bob", "cid", "dan"].map(|name| store.account(name));
    let post = store.post(ada, "hello", Visibility::Public);
    store.favour(bob, post);
    store.favour(cid, post);
    for (author, visibility) in [(bob, Visibility::Public), (cid, Visibility::Followers)] {
        let boost = BoostPost {
            author,
            post,
            visibility,
        };
        store.apply(boost).expect("boosted");
    }
    store.follow_up(dan, cid);
    let (stranger, follower) = (store.onlooker(ada), store.onlooker(dan));
    assert_eq!(
        store.listed(AccountList::Favouring(post), &stranger),
        [cid, bob]
    );
    assert_eq!(store.listed(AccountList::Boosting(post), &stranger), [bob]);
    assert_eq!(
        store.listed(AccountList::Boosting(post), &follower),
        [cid, bob]
    );
    assert_eq!(store.posts(PostList::FavouritesOf(cid)), [post]);
    assert!(store.posts(PostList::BookmarksOf(cid)).is_empty());
}

#[test]
fn an_accounts_entries_can_be_narrowed() {
    let mut store = TestStore::open();
    let (ada, bob) = (store.account("ada"), store.account("bob"));
    let theirs = store.post(bob, "theirs", Visibility::Public);
    let plain = store.post(ada, "plain #Rust", Visibility::Public);
    let to_self = store.answer(ada, "more", Visibility::Followers, Some(plain));
    let to_bob = store.answer(ada, "reply", Visibility::Public, Some(theirs));
    let boost = BoostPost {
        author: ada,
        post: theirs,
        visibility: Visibility::Public,
    };
    let boost = store.apply(boost).expect("boosted");
    let mut by = |excludes_replies, excludes_boosts, tagged: Option<&str>| {
        store.posts(PostList::By(AuthorChoice {
            author: ada,
            excludes_replies,
            excludes_boosts,
            tagged: tagged.map(str::to_owned),
        }))
    };
    assert_eq!(by(false, false, None), [boost, to_bob, to_self, plain]);
    assert_eq!(by(true, false, None), [boost, to_self, plain]);
    assert_eq!(by(true, true, None), [to_self, plain]);
    assert_eq!(by(false, false, Some("rust")), [plain]);
    assert!(by(false, false, Some("nothing")).is_empty());
}

#[test]
fn public_and_tagged_posts_are_public_and_no_boosts() {
    let mut store = TestStore::open();
    let ada = store.account("ada");
    let rust = store.post(ada, "#Rust", Visibility::Public);
    let both = store.post(ada, "#rust #birds", Visibility::Public);
    let birds = store.post(ada, "#birds", Visibility::Public);
    store.post(ada, "#rust #secret", Visibility::Followers);
    store.post(ada, "#rust", Visibility::Unlisted);
    let author = ada;
    let (post, visibility) = (rust, Visibility::Public);
    store
        .apply(BoostPost {
            author,
            post,
            visibility,
        })
        .expect("boosted");
    assert_eq!(store.posts(PostList::Public), [birds, both, rust]);
    let choice = |any: &[&str], all: &[&str], none: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        TagChoice {
            name: "rust".to_owned(),
            any: owned(any),
            all: owned(all),
            none: owned(none),
        }
    };
    let plain = choice(&[], &[], &[]);
    assert_eq!(store.posts(PostList::Tagged(plain)), [both, rust]);
    let any = choice(&["birds"], &[], &[]);
    let any = PostList::Tagged(any);
    assert_eq!(store.posts(any.clone()), [birds, both, rust]);
    let oldest = Page {
        min_id: Some(0),
        ..Page::newest(2)
    };
    let found = store.find(ListPosts {
        list: any,
        page: oldest,
    });
    let found: Vec<PostId> = found.into_iter().map(|(_, id)| id).collect();
    assert_eq!(found, [rust, both]);
    let mut keep = |choice| {
        let posts = vec![both, rust];
        store.find(KeepTagged { choice, posts })
    };
    assert_eq!(keep(choice(&[], &["birds"], &[])), [both]);
    assert_eq!(keep(choice(&[], &[], &["birds"])), [rust]);
    assert!(keep(choice(&[], &["unknown"], &[])).is_empty());
    let tags = |store: &mut TestStore, prefix: &str| {
        let prefix = prefix.to_owned();
        let (limit, offset) = (10, 0);
        store.find(SearchTags {
            prefix,
            limit,
            offset,
        })
    };
    assert_eq!(tags(&mut store, "b"), ["birds"]);
    assert!(
        tags(&mut store, "sec").is_empty(),
        "nobody learns a tag that only followers may see"
    );
    store.suspend(ada);
    assert!(tags(&mut store, "b").is_empty());
}

#[test]
fn threads_are_walked_up_and_depth_first_down() {
    let mut store = TestStore::open();
    let ada = store.account("ada");
    let say = |parent| store.answer(ada, "x", Visibility::Public, parent);
    let root = say(None);
    let a = say(Some(root));
    let b = say(Some(root));
    let a1 = say(Some(a));
    let b1 = say(Some(b));
    let a2 = say(Some(a));
    let a1x = say(Some(a1));
    let thread = |store: &mut TestStore, post| store.find(FindThread { post }).thread;
    assert_eq!(
        thread(&mut store, root),
        Thread {
            ancestors: vec![],
            descendants: vec![a, a1, a1x, a2, b, b1]
        }
    );
    assert_eq!(
        thread(&mut store, a1x),
        Thread {
            ancestors: vec![root, a, a1],
            descendants: vec![]
        }
    );
    let delete = DeletePost {
        author: ada,
        post: a,
    };
    store.apply(delete).expect("deleted");
    assert_eq!(
        thread(&mut store, a1x).ancestors,
        [a1],
        "a gap is where it begins"
    );
    for _ in 0..DESCENDANTS_MAX + 5 {
        store.answer(ada, "x", Visibility::Public, Some(b));
    }
    assert_eq!(thread(&mut store, b).descendants.len(), DESCENDANTS_MAX);
}

#[test]
fn earlier_versions_are_kept_in_order() {
    let mut store = TestStore::open();
    let ada = store.account("ada");
    let post = store.post(ada, "one", Visibility::Public);
    for words in ["two", "three"] {
        store.clock.advance_millis(1000);
        let edit = EditPost {
            author: ada,
            post,
            text: text(words),
        };
        store.apply(edit).expect("edited");
    }
    let versions = store.find(FindPostVersions { post });
    let texts: Vec<&str> = versions
        .iter()
        .map(|version| version.text.as_str())
        .collect();
    assert_eq!(texts, ["one", "two"]);
    assert!(versions[0].made_at < versions[1].made_at);
}

#[test]
fn notifications_leave_out_whom_the_reader_is_not_to_hear() {
    let mut store = TestStore::open();
    let [ada, bob, cid, dan, eve] =
        ["ada", "bob", "cid", "dan", "eve"].map(|name| store.account(name));
    let post = store.post(ada, "hello", Visibility::Public);
    for fan in [bob, cid, dan, eve] {
        store.favour(fan, post);
    }
    store.follow_up(bob, ada);
    let reader = store.onlooker(ada);
    assert_eq!(store.told(&reader).len(), 5);
    for (target, hides_notifications) in [(cid, true), (bob, false)] {
        let options = MuteOptions {
            hides_notifications,
        };
        let account = ada;
        store
            .apply(MuteAccount {
                account,
                target,
                options,
            })
            .expect("muted");
    }
    let (account, target) = (dan, ada);
    store
        .apply(BlockAccount { account, target })
        .expect("blocked");
    store.suspend(eve);
    let reader = store.onlooker(ada);
    assert_eq!(
        store.told(&reader),
        [NotificationKind::Follow, NotificationKind::Favourite],
        "only bob's are left"
    );
    let narrowed = ListNotifications {
        reader: reader.clone(),
        page: EVERYTHING,
        kinds: vec![NotificationKind::Follow],
        from: Some(bob),
    };
    let found = store.find(narrowed);
    let wanted = |found: &Vec<super::notifications::NotificationCandidate>| {
        found.iter().filter(|one| one.from.is_some()).count()
    };
    assert_eq!(wanted(&found), 1);
    let id = found[0].notification.id;
    let single = FindNotification {
        reader: reader.clone(),
        id,
    };
    assert!(store.find(single.clone()).is_some());
    let others = FindNotification {
        reader: store.onlooker(bob),
        id,
    };
    assert!(store.find(others).is_none(), "one's own only");
    let dismiss = DismissNotification { account: ada, id };
    store.apply(dismiss.clone()).expect("dismissed");
    assert!(store.apply(dismiss).is_err(), "it is gone");
    assert!(store.find(single).is_none());
}

#[test]
fn cleared_notifications_are_gone_and_later_ones_come() {
    let mut store = TestStore::open();
    let (ada, bob) = (store.account("ada"), store.account("bob"));
    let post = store.post(ada, "hello", Visibility::Public);
    store.favour(bob, post);
    let remain = store.apply(ClearNotifications { account: ada });
    assert_eq!(remain, Ok(false));
    let reader = store.onlooker(ada);
    assert!(store.told(&reader).is_empty());
    assert_eq!(store.number("SELECT count(*) FROM notifications"), 0);
    store.follow_up(bob, ada);
    assert_eq!(store.told(&reader), [NotificationKind::Follow]);
}

#[test]
fn markers_count_their_versions() {
    let mut store = TestStore::open();
    let account = store.account("ada");
    for last_read in [5, 3] {
        let last_read = vec![(MarkedTimeline::Home, last_read)];
        store.apply(SetMarkers { account, last_read }).expect("set");
    }
    let timelines = MarkedTimeline::ALL.to_vec();
    let found = store.find(FindMarkers { account, timelines });
    assert_eq!(found.len(), 1, "the other was never set");
    assert_eq!((found[0].last_read, found[0].version), (3, 2));
    assert_eq!(found[0].updated_at, store.clock.now());
}

#[test]
fn a_profile_is_changed_as_far_as_asked_and_found_by_its_new_name() {
    let mut store = TestStore::open();
    let (ada, bob) = (store.account("ada"), store.account("bob"));
    let changes = ProfileChanges {
        display_name: Some(" Countess  Lovelace ".to_owned()),
        note: Some("looms".to_owned()),
        fields: Some(vec![ProfileField {
            name: "web".to_owned(),
            value: "x".to_owned(),
        }]),
        post_visibility: Some(Visibility::Followers),
        post_language: Some(Some("en".to_owned())),
        ..ProfileChanges::default()
    };
    let account = ada;
    store
        .apply(UpdateProfile { account, changes })
        .expect("changed");
    let own = store.find(FindOwnAccount { account: ada }).expect("there");
    assert_eq!(own.account.note, "looms");
    assert_eq!(own.account.fields.len(), 1);
    assert_eq!(own.preferences.visibility, Visibility::Followers);
    let changes = ProfileChanges {
        bot: Some(true),
        post_language: Some(None),
        ..ProfileChanges::default()
    };
    store
        .apply(UpdateProfile { account, changes })
        .expect("changed");
    let own = store.find(FindOwnAccount { account: ada }).expect("there");
    assert!(own.account.bot);
    assert_eq!(own.account.note, "looms", "what isn't named stays");
    assert_eq!(own.preferences.language, None);
    let changes = ProfileChanges {
        note: Some("x".repeat(501)),
        ..ProfileChanges::default()
    };
    assert!(store.apply(UpdateProfile { account, changes }).is_err());
    for typed in ["love", "countess lovelace", "ada"] {
        assert_eq!(store.search_accounts(None, typed), ["ada"], "{typed}");
    }
    let (account, target) = (ada, bob);
    store
        .apply(BlockAccount { account, target })
        .expect("blocked");
    assert!(store.search_accounts(Some(bob), "ada").is_empty());
    assert!(store.search_accounts(Some(ada), "bob").is_empty());
}

#[test]
fn whoever_has_the_name_comes_before_the_famous() {
    let mut store = TestStore::open();
    let [ada, famous] = ["wren", "wrenfan"].map(|name| store.account(name));
    store.follow_up(ada, famous);
    assert_eq!(store.search_accounts(None, "wren"), ["wren", "wrenfan"]);
    assert_eq!(store.search_accounts(None, "wr"), ["wrenfan", "wren"]);
}

#[test]
fn full_text_search_walks_from_the_newest_and_by_author() {
    let mut store = TestStore::open();
    let (ada, bob) = (store.account("ada"), store.account("bob"));
    let first = store.post(ada, "日本語の東京です", Visibility::Public);
    let second = store.post(bob, "東京 tower", Visibility::Direct);
    let matching = |words: &str, author| {
        let expression = query::parse(words).and_then(|query| query.matches);
        PostList::Matching {
            expression: expression.expect("words"),
            author,
        }
    };
    assert_eq!(store.posts(matching("東京", None)), [second, first]);
    assert_eq!(store.posts(matching("東京", Some(ada))), [first]);
    assert!(store.posts(matching("paris", None)).is_empty());
}

#[test]
fn the_instance_counts_what_strangers_may_see() {
    let mut store = TestStore::open();
    let (ada, _bob) = (store.account("ada"), store.account("bob"));
    store.post(ada, "open", Visibility::Public);
    store.post(ada, "closed", Visibility::Followers);
    let now = store.clock.now();
    let facts = store.find(DescribeInstance { now });
    assert_eq!(
        (facts.accounts, facts.active_accounts, facts.posts),
        (2, 1, 1)
    );
    assert_eq!(facts.contact, None, "nobody has a role");
    let later = now.plus_millis(40 * 24 * 60 * 60 * 1000);
    let facts = store.find(DescribeInstance { now: later });
    assert_eq!(facts.active_accounts, 0);
}
