//! Registration, roles, suspension, deletion and OAuth, unit by unit.

use super::*;
use crate::domain::access::{Authority, Credential, Registration};
use crate::domain::account::{AccountState, Role};
use crate::domain::event::Event;
use crate::domain::oauth::OauthFault;
use crate::domain::refusal::Refusal;
use crate::domain::scope::Scopes;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::secret::TokenHash;
use crate::store::queries::access::{
    CheckLink, FindLogin, FindMember, LinkUse, ListAccess, ListPending, LoadCaller,
};
use crate::store::testing::TestStore;
use crate::store::writer::WriteError;

const HOUR: i64 = 60 * 60 * 1000;
const OPERATOR: Authority = Authority::Operator;
const HERE: &str = "app://here";

fn hash(text: &str) -> TokenHash {
    TokenHash::of(text)
}

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).expect("known scopes")
}

fn new_member(name: &str) -> NewMember {
    NewMember {
        name: name.into(),
        email: format!("{name}@birds.example"),
        password_hash: format!("hash of {name}"),
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, WriteError>) -> Refusal {
    match outcome {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

impl TestStore {
    fn register(&self, name: &str, admission: Admission) -> Result<Registered, WriteError> {
        self.apply(RegisterAccount {
            member: new_member(name),
            admission,
        })
    }

    fn member(&self, name: &str, role: Role) -> AccountId {
        let registered = self.register(name, Admission::Operator(role));
        registered.expect("a free name").account
    }

    fn sign_up(
        &self,
        name: &str,
        registration: Registration,
        invitation: Option<&str>,
    ) -> Result<Registered, WriteError> {
        self.register(
            name,
            Admission::SignUp {
                registration,
                invitation: invitation.map(hash),
                reason: Some("I sing".into()),
            },
        )
    }

    fn state(&mut self, name: &str) -> Option<AccountState> {
        let name = name.to_owned();
        self.find(FindMember { name }).map(|member| member.state)
    }

    fn token_works(&mut self, token: &str) -> bool {
        let credential = Credential::Token(hash(token));
        self.find(LoadCaller {
            credential,
            with_relations: false,
        })
        .is_some()
    }

    fn app(&self, client_id: &str) {
        self.apply(RegisterApp {
            client_id: client_id.into(),
            secret: hash("secret"),
            name: "Nest".into(),
            website: None,
            redirect_uris: vec![HERE.into(), "app://here/".into()],
            scopes: scopes("read write:statuses"),
        })
        .expect("a sound client");
    }

    fn issue_code(
        &self,
        account: AccountId,
        code: &str,
        challenge: Option<&str>,
    ) -> Result<(), OauthFault> {
        self.apply(IssueCode {
            code: hash(code),
            client_id: "nest".into(),
            account,
            redirect_uri: HERE.into(),
            scopes: scopes("read"),
            challenge: challenge.map(hash),
        })
        .expect("no refusal")
    }

    fn exchange(&self, exchange: ExchangeCode) -> Result<Issued, OauthFault> {
        self.apply(exchange).expect("no refusal")
    }

    fn publish(&self, author: AccountId, text: &str) -> PostId {
        self.apply(PublishPost {
            author,
            text: PreparedText {
                text: text.into(),
                spoiler: String::new(),
                sensitive: None,
                language: None,
                mentioned_names: Vec::new(),
                tags: vec!["song".into()],
                terms: text.into(),
            },
            visibility: Some(Visibility::Public),
            reply_to: None,
            app: None,
            idempotency_key: None,
        })
        .expect("published")
    }

    fn follow(&self, follower: AccountId, followee: AccountId) {
        self.apply(FollowAccount {
            follower,
            followee,
            shows_boosts: None,
            notifies: None,
            follows_max: 10,
        })
        .expect("followed");
    }
}

fn exchange(code: &str, token: &str, verifier: Option<&str>) -> ExchangeCode {
    ExchangeCode {
        client_id: "nest".into(),
        client_secret: hash("secret"),
        code: hash(code),
        redirect_uri: HERE.into(),
        verifier: verifier.map(hash),
        token: hash(token),
    }
}

#[test]
fn the_registration_mode_decides_who_gets_in() {
    let mut store = TestStore::open();
    let owner = store.member("owner", Role::Owner);
    let outcome = |state: Result<Registered, WriteError>| state.map(|registered| registered.state);
    refused(store.sign_up("closed", Registration::Closed, None));
    let open = store.sign_up("open", Registration::Open, None);
    assert_eq!(outcome(open), Ok(AccountState::Active));
    let approval = store.sign_up("wren", Registration::Approval, None);
    assert_eq!(outcome(approval), Ok(AccountState::Pending));
    refused(store.sign_up("nobody", Registration::Invite, None));
    refused(store.sign_up("nobody", Registration::Invite, Some("wrong")));
    assert_eq!(store.state("nobody"), None);
    let told = "SELECT count(*) FROM notifications WHERE kind = 7 AND account = ";
    assert_eq!(store.number(&format!("{told}{owner}")), 1);
    let pending = store.find(ListPending);
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].1.as_deref(), Some("I sing"));
}

#[test]
fn an_invitation_lets_in_as_many_as_it_says_and_not_after_its_day() {
    let store = TestStore::open();
    for (code, uses) in [("two", 2), ("late", 1)] {
        let code = hash(code);
        store
            .apply(CreateInvite {
                code,
                uses,
                days: 1,
            })
            .expect("an invitation");
    }
    let invited = |name, code| store.sign_up(name, Registration::Invite, Some(code));
    assert!(invited("a", "two").is_ok());
    refused(invited("a", "two"));
    assert!(
        invited("b", "two").is_ok(),
        "a refused sign-up doesn't use the invitation"
    );
    refused(invited("c", "two"));
    store.clock.advance_millis(24 * HOUR);
    refused(invited("d", "late"));
}

#[test]
fn names_and_addresses_are_taken_once_whatever_the_case() {
    let store = TestStore::open();
    store.member("Wren", Role::User);
    let again = refused(store.register("wREN", Admission::Operator(Role::User)));
    assert_eq!(again.to_string(), USERNAME_TAKEN);
    let member = NewMember {
        email: "WREN@birds.example".into(),
        ..new_member("robin")
    };
    let admission = Admission::Operator(Role::User);
    let again = refused(store.apply(RegisterAccount { member, admission }));
    assert_eq!(again.to_string(), EMAIL_TAKEN);
}

#[test]
fn whoever_waits_is_let_in_or_turned_away_by_a_moderator() {
    let mut store = TestStore::open();
    let moderator = Authority::Member(store.member("mod", Role::Moderator));
    let user = Authority::Member(store.member("user", Role::User));
    let sign_up = |name| {
        store
            .sign_up(name, Registration::Approval, None)
            .expect("waits")
            .account
    };
    let (wren, robin) = (sign_up("wren"), sign_up("robin"));
    let approve = |by, account| ApproveAccount { by, account };
    refused(store.apply(approve(user, wren)));
    store.apply(approve(moderator, wren)).expect("approved");
    refused(store.apply(approve(moderator, wren)));
    store
        .apply(RejectAccount {
            by: moderator,
            account: robin,
        })
        .expect("rejected");
    assert_eq!(store.state("wren"), Some(AccountState::Active));
    assert_eq!(store.state("robin"), None, "the name is free again");
    let sql = format!("SELECT count(*) FROM notifications WHERE sender = {robin}");
    assert_eq!(store.number(&sql), 0);
    store.member("robin", Role::User);
}

#[test]
fn the_last_owner_stays() {
    let store = TestStore::open();
    let account = store.member("one", Role::Owner);
    let (by, role) = (OPERATOR, Role::User);
    refused(store.apply(SuspendAccount { by, account }));
    refused(store.apply(SetRole { by, account, role }));
    refused(store.apply(DeleteAccount { by, account }));
    refused(store.apply(DeleteAccount {
        by: Authority::Member(account),
        account,
    }));
    let other = store.member("two", Role::Owner);
    store
        .apply(SuspendAccount { by, account: other })
        .expect("another owner remains");
    refused(store.apply(SetRole { by, account, role }));
    store
        .apply(UnsuspendAccount { by, account: other })
        .expect("suspended");
    store
        .apply(SetRole { by, account, role })
        .expect("another owner remains");
}

#[test]
fn nobody_acts_on_a_higher_or_an_equal_role() {
    let store = TestStore::open();
    let owner = store.member("owner", Role::Owner);
    let moderators = [
        store.member("m1", Role::Moderator),
        store.member("m2", Role::Moderator),
    ];
    let user = store.member("user", Role::User);
    let suspend = |by, account| {
        store.apply(SuspendAccount {
            by: Authority::Member(by),
            account,
        })
    };
    refused(suspend(user, moderators[0]));
    refused(suspend(moderators[0], moderators[1]));
    refused(suspend(moderators[0], owner));
    suspend(moderators[0], user).expect("a lower role");
    suspend(owner, moderators[1]).expect("a lower role");
    refused(store.apply(SetRole {
        by: Authority::Member(moderators[0]),
        account: moderators[0],
        role: Role::Owner,
    }));
}

#[test]
fn a_suspension_ends_all_access_and_loses_nothing_else() {
    let mut store = TestStore::open();
    let (wren, robin) = (
        store.member("wren", Role::User),
        store.member("robin", Role::User),
    );
    store.app("nest");
    store.follow(robin, wren);
    let post = store.publish(wren, "a song");
    store.issue_code(wren, "code", None).expect("a code");
    let session = hash("cookie");
    store
        .apply(OpenSession {
            account: wren,
            password_hash: Some("hash of wren".into()),
            session,
            replaces: None,
            agent: "Firefox".into(),
        })
        .expect("a session");
    store
        .apply(CreateToken {
            account: wren,
            app: None,
            scopes: scopes("read"),
            token: hash("token"),
        })
        .expect("a token");
    store.events();
    let (by, account) = (OPERATOR, wren);
    store
        .apply(SuspendAccount { by, account })
        .expect("suspended");
    let told = store.events();
    assert!(
        told.iter()
            .any(|e| matches!(e, Event::CredentialsChanged(a) if *a == wren))
    );
    assert!(
        told.iter()
            .any(|e| matches!(e, Event::AccountVisibilityChanged(a) if *a == wren))
    );
    assert!(!store.token_works("token"));
    let listed = store.find(ListAccess { account });
    assert!(listed.sessions.is_empty() && listed.tokens.is_empty());
    assert_eq!(
        store.exchange(exchange("code", "t", None)),
        Err(OauthFault::InvalidGrant)
    );
    refused(store.apply(OpenSession {
        account,
        password_hash: Some("hash of wren".into()),
        session,
        replaces: None,
        agent: String::new(),
    }));
    let epoch = "SELECT value FROM meta WHERE name = 'timelines_epoch'";
    let epoch = format!("SELECT CAST(({epoch}) AS INTEGER)");
    let before = store.number(&epoch);
    assert!(before > 0);
    store
        .apply(UnsuspendAccount { by, account })
        .expect("unsuspended");
    assert!(store.number(&epoch) > before);
    let kept = format!("SELECT count(*) FROM posts WHERE id = {post}");
    assert_eq!(store.number(&kept), 1);
    let followers = format!("SELECT followers_count FROM accounts WHERE id = {wren}");
    assert_eq!(store.number(&followers), 1);
    let login = store.find(FindLogin {
        login: "@WREN".into(),
    });
    assert_eq!(
        login.and_then(|login| login.password_hash).as_deref(),
        Some("hash of wren")
    );
}

/// Every table that can name an account, with the columns that do.
const NAMED_IN: &[(&str, &[&str])] = &[
    ("posts", &["author"]),
    ("follows", &["follower", "followee"]),
    ("follow_requests", &["follower", "followee"]),
    ("blocks", &["account", "target"]),
    ("mutes", &["account", "target"]),
    ("favourites", &["account"]),
    ("bookmarks", &["account"]),
    ("notifications", &["account", "sender"]),
    ("markers", &["account"]),
    ("codes", &["account"]),
    ("tokens", &["account"]),
    ("sessions", &["account"]),
    ("links", &["account"]),
    ("mail_settings", &["account"]),
    ("mail_standing", &["account"]),
    ("digest_items", &["account"]),
    ("imports", &["account"]),
    ("archives", &["account"]),
    ("arrivals", &["account"]),
    ("mentions", &["account"]),
    ("account_days", &["account"]),
];

#[test]
fn a_deleted_account_leaves_its_name_and_nothing_else() {
    let mut store = TestStore::open();
    let account = store.member("wren", Role::User);
    let robin = store.member("robin", Role::User);
    let tit = store.member("tit", Role::User);
    store.follow(robin, account);
    store.follow(account, robin);
    store
        .apply(BlockAccount {
            account: tit,
            target: account,
        })
        .expect("blocked");
    store
        .apply(MuteAccount {
            account,
            target: robin,
            options: crate::domain::relationship::MuteOptions {
                hides_notifications: false,
            },
        })
        .expect("muted");
    let song = store.publish(robin, "a song");
    let own: Vec<PostId> = (0..(ROWS_PER_PURGE_MAX + 5))
        .map(|number| store.publish(account, &format!("song {number}")))
        .collect();
    for (actor, post) in [(account, song), (robin, own[0])] {
        let visibility = Visibility::Public;
        store
            .apply(BoostPost {
                author: actor,
                post,
                visibility,
            })
            .expect("boosted");
        for mark in [Mark::Favourite, Mark::Bookmark] {
            store
                .apply(MarkPost {
                    account: actor,
                    post,
                    mark,
                    on: true,
                })
                .expect("marked");
        }
    }
    store
        .apply(CreateToken {
            account,
            app: None,
            scopes: scopes("read"),
            token: hash("token"),
        })
        .expect("a token");
    let by = Authority::Member(account);
    store
        .apply(DeleteAccount { by, account })
        .expect("not an owner");
    assert_eq!(store.state("wren"), None, "nobody has the name");
    assert!(!store.token_works("token"));
    let stripped = format!(
        "SELECT email IS NULL AND password_hash IS NULL AND display_name = '' AND state = 3
             AND length(name) = 33 AND name LIKE '~%' FROM accounts WHERE id = {account}"
    );
    assert_eq!(store.number(&stripped), 1);

    let mut units = 0;
    while store.step_in_house() {
        units += 1;
        assert!(units < 1000, "a purge comes to an end");
    }
    for (table, columns) in NAMED_IN {
        for column in *columns {
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} = {account}");
            assert_eq!(store.number(&sql), 0, "{table}.{column}");
        }
    }
    for table in [
        "post_tags",
        "post_terms",
        "posts",
        "favourites",
        "bookmarks",
    ] {
        let expected = match table {
            "posts" | "post_tags" | "post_terms" => 1,
            _ => 0,
        };
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(
            store.number(&sql),
            expected,
            "only robin's song remains: {table}"
        );
    }
    let counts = format!(
        "SELECT followers_count + following_count + posts_count * 100 FROM accounts WHERE id = {robin}"
    );
    assert_eq!(store.number(&counts), 100);
    let counts = "SELECT boosts_count + favourites_count FROM posts";
    assert_eq!(store.number(counts), 0);
    for name in ["wren", "Wren", "WREN"] {
        refused(store.register(name, Admission::Operator(Role::User)));
    }
    store.member("wrens", Role::User);
}

#[test]
fn a_code_is_good_once_for_whom_it_was_made() {
    let mut store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store.app("other");
    store.issue_code(wren, "code", None).expect("a code");
    let wrong = [
        ExchangeCode {
            client_id: "other".into(),
            ..exchange("code", "t", None)
        },
        ExchangeCode {
            redirect_uri: "app://here/".into(),
            ..exchange("code", "t", None)
        },
        exchange("guess", "t", None),
        exchange("code", "t", Some("verifier")),
    ];
    for wrong in wrong {
        assert_eq!(store.exchange(wrong), Err(OauthFault::InvalidGrant));
    }
    let no_secret = ExchangeCode {
        client_secret: hash("guess"),
        ..exchange("code", "t", None)
    };
    assert_eq!(store.exchange(no_secret), Err(OauthFault::InvalidClient));
    assert!(!store.token_works("t"));
    let issued = store.exchange(exchange("code", "t", None));
    assert_eq!(issued.map(|issued| issued.scopes), Ok(scopes("read")));
    assert!(store.token_works("t"));
}

#[test]
fn a_second_exchange_ends_what_the_first_one_got() {
    let mut store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store.issue_code(wren, "code", None).expect("a code");
    store
        .exchange(exchange("code", "first", None))
        .expect("the first time");
    store.events();
    let again = store.exchange(exchange("code", "second", None));
    assert_eq!(again, Err(OauthFault::InvalidGrant));
    assert!(!store.token_works("first") && !store.token_works("second"));
    assert!(matches!(
        store.events().as_slice(),
        [Event::TokenRevoked(token)] if *token == hash("first")
    ));
}

#[test]
fn a_code_ends_after_ten_minutes() {
    let store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store.issue_code(wren, "old", None).expect("a code");
    store.clock.advance_millis(10 * 60 * 1000);
    assert_eq!(
        store.exchange(exchange("old", "t", None)),
        Err(OauthFault::InvalidGrant)
    );
}

#[test]
fn a_challenge_wants_its_verifier() {
    let store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store
        .issue_code(wren, "code", Some("verifier"))
        .expect("a code");
    for wrong in [None, Some("guess")] {
        assert_eq!(
            store.exchange(exchange("code", "t", wrong)),
            Err(OauthFault::InvalidGrant)
        );
    }
    assert!(
        store
            .exchange(exchange("code", "t", Some("verifier")))
            .is_ok()
    );
}

#[test]
fn no_code_is_issued_beyond_what_the_client_registered() {
    let store = TestStore::open();
    let account = store.member("wren", Role::User);
    store.app("nest");
    let code = |client_id: &str, redirect_uri: &str, wanted: &str| {
        store
            .apply(IssueCode {
                code: hash(&format!("{client_id}{redirect_uri}{wanted}")),
                client_id: client_id.into(),
                account,
                redirect_uri: redirect_uri.into(),
                scopes: scopes(wanted),
                challenge: None,
            })
            .expect("no refusal")
    };
    assert_eq!(code("nest", HERE, "read:accounts write:statuses"), Ok(()));
    assert_eq!(code("nest", HERE, "write"), Err(OauthFault::InvalidScope));
    assert_eq!(code("nest", HERE, ""), Err(OauthFault::InvalidScope));
    assert_eq!(
        code("nest", "app://HERE", "read"),
        Err(OauthFault::InvalidRedirectUri)
    );
    assert_eq!(code("nobody", HERE, "read"), Err(OauthFault::InvalidClient));
}

#[test]
fn a_clients_own_tokens_are_few_and_within_its_scopes() {
    let mut store = TestStore::open();
    store.app("nest");
    let issue = |token: &str, wanted: Option<&str>| {
        store
            .apply(IssueClientToken {
                client_id: "nest".into(),
                client_secret: hash("secret"),
                scopes: wanted.map(scopes),
                token: hash(token),
            })
            .expect("no refusal")
    };
    assert_eq!(issue("w", Some("write")), Err(OauthFault::InvalidScope));
    for number in 0..=CLIENT_TOKENS_PER_APP_MAX {
        issue(&format!("t{number}"), None).expect("a token");
    }
    assert!(!store.token_works("t0"), "the oldest made room");
    assert!(store.token_works("t1"));
}

#[test]
fn a_client_revokes_its_own_tokens_only() {
    let mut store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store.app("other");
    store.issue_code(wren, "code", None).expect("a code");
    store
        .exchange(exchange("code", "token", None))
        .expect("a token");
    let revoke = |client_id: &str, secret: &str, token: &str| {
        store
            .apply(RevokeToken {
                client_id: client_id.into(),
                client_secret: hash(secret),
                token: hash(token),
            })
            .expect("no refusal")
    };
    assert_eq!(
        revoke("other", "secret", "token"),
        Err(OauthFault::UnauthorizedClient)
    );
    assert_eq!(
        revoke("nest", "guess", "token"),
        Err(OauthFault::InvalidClient)
    );
    assert_eq!(revoke("nest", "secret", "unknown"), Ok(()));
    assert_eq!(revoke("nest", "secret", "token"), Ok(()));
    assert!(!store.token_works("token"));
}

#[test]
fn a_new_password_ends_the_other_sessions_and_a_reset_ends_everything() {
    let mut store = TestStore::open();
    let account = store.member("wren", Role::User);
    let open = |cookie: &str, replaces: Option<&str>| {
        store
            .apply(OpenSession {
                account,
                password_hash: None,
                session: hash(cookie),
                replaces: replaces.map(hash),
                agent: "x".repeat(1000),
            })
            .expect("a session")
    };
    open("first", None);
    let keep = Some(open("second", Some("first")));
    open("third", None);
    store
        .apply(CreateToken {
            account,
            app: None,
            scopes: scopes("read"),
            token: hash("token"),
        })
        .expect("a token");
    let change = |old: &str| ChangePassword {
        account,
        old_hash: old.into(),
        new_hash: "new".into(),
        keep,
    };
    refused(store.apply(change("stale")));
    store.apply(change("hash of wren")).expect("changed");
    let left = store.find(ListAccess { account });
    let sessions: Vec<_> = left
        .sessions
        .iter()
        .map(|session| Some(session.id))
        .collect();
    assert_eq!(sessions, [keep]);
    assert_eq!(left.sessions[0].agent.len(), AGENT_CHARS_MAX);
    assert_eq!(left.tokens.len(), 1);

    let code = hash("code");
    store
        .apply(CreateResetLink { account, code })
        .expect("a link");
    let check = CheckLink {
        link_use: LinkUse::Reset,
        code,
        now: crate::clock::Timestamp::from_millis(1_790_000_000_000),
    };
    assert!(store.find(check));
    assert!(!store.find(CheckLink {
        link_use: LinkUse::Invite,
        ..check
    }));
    let reset = ResetPassword {
        code,
        new_hash: "newer".into(),
    };
    assert_eq!(store.apply(reset.clone()), Ok(account));
    refused(store.apply(reset));
    let left = store.find(ListAccess { account });
    assert!(left.sessions.is_empty() && left.tokens.is_empty());
}

#[test]
fn the_set_up_link_works_once_and_not_when_there_is_an_owner() {
    let mut store = TestStore::open();
    let link = |code: &str| store.apply(CreateSetupLink { code: hash(code) });
    let set_up = |code: &str, name: &str| {
        store.apply(SetUpOwner {
            code: hash(code),
            member: new_member(name),
        })
    };
    link("old").expect("no owner yet");
    link("new").expect("no owner yet");
    refused(set_up("old", "thief"));
    refused(set_up("guess", "thief"));
    set_up("new", "owner").expect("the owner");
    refused(set_up("new", "thief"));
    refused(link("again"));
    assert_eq!(store.state("thief"), None);
    assert_eq!(
        store
            .find(FindMember {
                name: "owner".into()
            })
            .map(|member| member.role),
        Some(Role::Owner)
    );

    let store = TestStore::open();
    store
        .apply(CreateSetupLink { code: hash("code") })
        .expect("no owner yet");
    store.member("made", Role::Owner);
    refused(store.apply(SetUpOwner {
        code: hash("code"),
        member: new_member("thief"),
    }));

    let store = TestStore::open();
    store
        .apply(CreateSetupLink { code: hash("code") })
        .expect("no owner yet");
    store.clock.advance_millis(24 * HOUR);
    refused(store.apply(SetUpOwner {
        code: hash("code"),
        member: new_member("late"),
    }));
}

fn sweep_all(store: &TestStore) {
    assert_eq!(store.apply(SweepCodes), Ok(false));
    assert_eq!(store.apply(SweepSessions), Ok(false));
    assert_eq!(store.apply(SweepApplications), Ok(false));
}

#[test]
fn what_expired_is_swept_and_what_is_used_stays() {
    let mut store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store.app("unused");
    store
        .apply(IssueClientToken {
            client_id: "unused".into(),
            client_secret: hash("secret"),
            scopes: None,
            token: hash("client"),
        })
        .expect("no refusal")
        .expect("a token");
    store.issue_code(wren, "code", None).expect("a code");
    store
        .exchange(exchange("code", "token", None))
        .expect("a token");
    sweep_all(&store);
    let apps = "SELECT count(*) FROM apps";
    assert_eq!(store.number(apps), 2);
    store.clock.advance_millis(31 * 24 * HOUR);
    sweep_all(&store);
    assert_eq!(store.number(apps), 1);
    assert_eq!(store.number("SELECT count(*) FROM codes"), 0);
    assert!(store.token_works("token") && !store.token_works("client"));
    let again = store.exchange(exchange("code", "second", None));
    assert_eq!(again, Err(OauthFault::InvalidGrant));
    assert!(!store.token_works("token"), "a late thief is still noticed");
}

#[test]
fn a_client_with_one_bad_redirect_uri_is_refused() {
    let store = TestStore::open();
    let register = |uris: &[&str]| {
        store.apply(RegisterApp {
            client_id: uris.join("|"),
            secret: hash("secret"),
            name: "Nest".into(),
            website: None,
            redirect_uris: uris.iter().map(ToString::to_string).collect(),
            scopes: scopes("read"),
        })
    };
    refused(register(&[]));
    refused(register(&["app://fine", "javascript:alert(1)"]));
    refused(register(&["app://two\napp://lines"]));
    assert!(register(&["app://fine", "https://a.example/%23"]).is_ok());
}

#[test]
fn only_so_many_wait_for_approval() {
    let store = TestStore::open();
    store.tamper(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PENDING_SIGN_UPS_MAX} - 1)
         INSERT INTO accounts (id, name, state) SELECT i, 'waits' || i, 1 FROM n"
    ));
    let wren = store.sign_up("wren", Registration::Approval, None);
    assert!(wren.is_ok(), "the last place");
    let robin = refused(store.sign_up("robin", Registration::Approval, None));
    assert!(robin.to_string().contains("Too many people wait"));
    let robin = store.sign_up("robin", Registration::Open, None);
    assert!(robin.is_ok(), "who needs no approval isn't held up");
}

#[test]
fn one_client_too_many_takes_the_place_of_the_oldest_that_nobody_uses() {
    let store = TestStore::open();
    let wren = store.member("wren", Role::User);
    store.app("nest");
    store
        .issue_code(wren, "code", None)
        .expect("a code for the oldest");
    store.tamper(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {APPS_UNUSED_MAX} - 1)
         INSERT INTO apps (client_id, secret_hash, name, redirect_uris, scopes, made_at)
         SELECT 'app' || i, x'00', 'Flood', '', 'read', i FROM n"
    ));
    let all = "SELECT count(*) FROM apps";
    assert_eq!(store.number(all), APPS_UNUSED_MAX as i64);
    store.app("late");
    assert!(store.number(all) <= APPS_UNUSED_MAX as i64);
    let named = |name: &str| {
        store.number(&format!(
            "SELECT count(*) FROM apps WHERE client_id = '{name}'"
        ))
    };
    assert_eq!(
        (named("nest"), named("app1"), named("late")),
        (1, 0, 1),
        "what somebody uses stays"
    );
}
