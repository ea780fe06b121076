//! Mail addresses, sign-ups that wait for their confirmation, links to a new password, and what is asked to be mailed.

use jiff::tz::TimeZone;

use super::*;
use crate::clock::Clock;
use crate::domain::access::{Authority, Registration};
use crate::domain::account::{AccountState, Role};
use crate::domain::job::{Lane, LeasedJob};
use crate::domain::mail::{MailKind, MailPreferences, MentionMail, QuietHours};
use crate::domain::refusal::Refusal;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::invariants::CheckInvariants;
use crate::store::queries::access::{CheckLink, FindLogin, FindMember, LinkUse};
use crate::store::queries::mail::{MailAddressStanding, ReadMailSettings};
use crate::store::testing::TestStore;
use crate::store::writer::WriteError;

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
const OPERATOR: Authority = Authority::Operator;

/// A store, and whoever fetches its mail.
struct Scene {
    store: TestStore,
    letters: u32,
}

/// A mail that left.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    to: String,
    letter: Letter,
    /// What the code of its link would be.
    code: String,
}

fn hash(text: &str) -> TokenHash {
    TokenHash::of(text)
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, WriteError>) -> Refusal {
    match outcome {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn new_member(name: &str) -> NewMember {
    NewMember {
        name: name.into(),
        email: format!("{name}@birds.example"),
        password_hash: format!("hash of {name}"),
    }
}

impl Scene {
    fn with_mail() -> Self {
        Self {
            store: TestStore::open_with_mail(),
            letters: 0,
        }
    }

    fn without_mail() -> Self {
        Self {
            store: TestStore::open(),
            letters: 0,
        }
    }

    fn member(&self, name: &str, role: Role) -> AccountId {
        let registered = self.store.apply(RegisterAccount {
            member: new_member(name),
            admission: Admission::Operator(role),
        });
        registered.expect("a free name").account
    }

    fn sign_up(&self, name: &str, registration: Registration) -> Registered {
        let registered = self.store.apply(RegisterAccount {
            member: new_member(name),
            admission: Admission::SignUp {
                registration,
                invitation: None,
                reason: Some("I sing".into()),
            },
        });
        registered.expect("a free name")
    }

    fn state(&mut self, name: &str) -> Option<AccountState> {
        let name = name.to_owned();
        self.store
            .find(FindMember { name })
            .map(|member| member.state)
    }

    fn address(&mut self, account: AccountId) -> MailAddressStanding {
        let settings = self.store.find(ReadMailSettings { account });
        settings.address.expect("an address")
    }

    fn preferences(&mut self, account: AccountId) -> MailPreferences {
        self.store.find(ReadMailSettings { account }).preferences
    }

    fn leased(&self) -> Vec<LeasedJob> {
        let lane = Lane::Mail;
        let lease = LeaseJobs { lane, limit: 50 };
        self.store.apply(lease).expect("a lease")
    }

    fn admit(&mut self, job: &LeasedJob) -> Option<Sent> {
        self.letters += 1;
        let code = format!("code {}", self.letters);
        let admitted = self.store.apply(AdmitMail {
            job: job.id,
            link: hash(&code),
            zone: TimeZone::UTC,
            per_hour_max: 20,
        });
        let Dispatch { email, letter, .. } = admitted.expect("no refusal")?;
        Some(Sent {
            to: email,
            letter,
            code,
        })
    }

    /// Sends what is due.
    fn send(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for job in self.leased() {
            if let Some(mail) = self.admit(&job) {
                sent.push(mail);
                self.store
                    .apply(FinishJob { job: job.id })
                    .expect("finishes");
            }
        }
        sent
    }

    /// Sends what is due, which is one mail.
    #[track_caller]
    fn send_one(&mut self) -> Sent {
        let mut sent = self.send();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// Uses a link in a browser that nobody is logged in to.
    fn confirm(&self, code: &str) -> Result<Confirmed, WriteError> {
        let code = hash(code);
        let reader = None;
        self.store.apply(ConfirmAddress { code, reader })
    }

    /// Uses a link in the browser of a member.
    fn confirm_as(&self, reader: AccountId, code: &str) -> Result<Confirmed, WriteError> {
        let code = hash(code);
        let reader = Some(reader);
        self.store.apply(ConfirmAddress { code, reader })
    }

    fn change_address(
        &self,
        account: AccountId,
        name: &str,
        email: &str,
    ) -> Result<AddressChange, WriteError> {
        self.store.apply(ChangeAddress {
            account,
            password_hash: format!("hash of {name}"),
            email: email.into(),
        })
    }

    fn ask_again(&self, account: AccountId) -> Result<bool, WriteError> {
        let email = None;
        self.store.apply(AskConfirmation { account, email })
    }

    fn ask_reset(&self, login: &str) {
        let login = login.to_owned();
        self.store.apply(AskReset { login }).expect("no refusal");
    }

    fn jobs(&self) -> i64 {
        self.store.number("SELECT count(*) FROM jobs")
    }

    fn open_session(
        &self,
        account: AccountId,
        name: Option<&str>,
        cookie: &str,
        old: Option<&str>,
    ) {
        let opened = self.store.apply(OpenSession {
            account,
            password_hash: name.map(|name| format!("hash of {name}")),
            session: hash(cookie),
            replaces: old.map(hash),
            agent: "Firefox".into(),
        });
        opened.expect("a session");
    }

    #[track_caller]
    fn check(&mut self) {
        assert_eq!(self.store.find(CheckInvariants), []);
    }
}

#[test]
fn a_sign_up_waits_for_its_address_and_then_for_approval() {
    let mut scene = Scene::with_mail();
    scene.member("owner", Role::Owner);
    let open = scene.sign_up("wren", Registration::Open);
    assert_eq!(open.state, AccountState::Unconfirmed);
    let told = "SELECT count(*) FROM notifications";
    let mail = scene.send_one();
    assert_eq!(mail.to, "wren@birds.example");
    assert_eq!(mail.letter, Letter::Confirm);
    let confirmed = scene.confirm(&mail.code).expect("the link is good");
    let state = AccountState::Active;
    let account = open.account;
    assert_eq!(confirmed, Confirmed { account, state });
    assert!(scene.address(account).is_confirmed);
    refused(scene.confirm(&mail.code));
    assert_eq!(scene.store.number(told), 0);
    assert_eq!(scene.jobs(), 0);

    let asks = scene.sign_up("robin", Registration::Approval);
    assert_eq!(asks.state, AccountState::Unconfirmed);
    assert_eq!(scene.store.number(told), 0, "nobody waits for approval yet");
    scene.check();
    let mail = scene.send_one();
    let confirmed = scene.confirm(&mail.code).expect("the link is good");
    assert_eq!(confirmed.state, AccountState::Pending);
    assert_eq!(scene.store.number(told), 1);
    let mail = scene.send_one();
    assert_eq!(mail.to, "owner@birds.example");
    assert!(matches!(mail.letter, Letter::SignUp { name, .. } if name == "robin"));
    let account = asks.account;
    let by = OPERATOR;
    scene
        .store
        .apply(ApproveAccount { by, account })
        .expect("approved");
    let mail = scene.send_one();
    assert_eq!(mail.to, "robin@birds.example");
    assert_eq!(mail.letter, Letter::Approved);
    scene.check();
}

#[test]
fn without_mail_nobody_waits_for_a_confirmation() {
    let mut scene = Scene::without_mail();
    let owner = scene.member("owner", Role::Owner);
    assert!(
        scene.address(owner).is_confirmed,
        "the operator stands up for it"
    );
    let wren = scene.sign_up("wren", Registration::Open);
    assert_eq!(wren.state, AccountState::Active);
    assert!(!scene.address(wren.account).is_confirmed);
    let robin = scene.sign_up("robin", Registration::Approval);
    assert_eq!(robin.state, AccountState::Pending);
    refused(scene.ask_again(wren.account));
    scene.ask_reset("owner");
    let changed = scene.change_address(wren.account, "wren", "new@birds.example");
    assert_eq!(changed, Ok(AddressChange::Holds));
    let address = scene.address(wren.account);
    assert_eq!(address.email, "new@birds.example");
    assert!(!address.is_confirmed);
    let taken = scene.change_address(wren.account, "wren", "OWNER@birds.example");
    assert_eq!(refused(taken).to_string(), EMAIL_TAKEN);
    scene.open_session(owner, Some("owner"), "one", None);
    scene.open_session(owner, Some("owner"), "two", None);
    assert_eq!(scene.jobs(), 0);
    scene.check();
}

#[test]
fn a_sign_up_that_nobody_confirms_can_do_nothing_and_is_forgotten() {
    let mut scene = Scene::with_mail();
    let wren = scene.sign_up("wren", Registration::Open);
    let link = scene.send_one().code;
    refused(scene.store.apply(OpenSession {
        account: wren.account,
        password_hash: Some("hash of wren".into()),
        session: hash("cookie"),
        replaces: None,
        agent: String::new(),
    }));
    refused(scene.change_address(wren.account, "wren", "new@birds.example"));
    scene.store.clock.advance_millis(7 * 24 * HOUR);
    refused(scene.confirm(&link));
    scene.store.apply(SweepSignUps).expect("sweeps");
    assert_eq!(scene.state("wren"), None);
    scene.check();
    assert_eq!(
        scene.sign_up("wren", Registration::Open).state,
        AccountState::Unconfirmed
    );
}

#[test]
fn the_mail_to_confirm_an_address_comes_again_but_not_all_the_time() {
    let mut scene = Scene::with_mail();
    let wren = scene.sign_up("wren", Registration::Open).account;
    let first = scene.send_one();
    assert_eq!(scene.ask_again(wren), Ok(false), "it was sent just now");
    scene.store.clock.advance_millis(CONFIRMATION_PAUSE_MILLIS);
    assert_eq!(scene.ask_again(wren), Ok(true));
    scene.store.clock.advance_millis(CONFIRMATION_PAUSE_MILLIS);
    assert_eq!(
        scene.ask_again(wren),
        Ok(true),
        "the first is still waiting"
    );
    let again = scene.send_one();
    assert_eq!(again.to, first.to);
    scene.confirm(&first.code).expect("each of them works");
    refused(scene.confirm(&again.code));
    assert_eq!(
        refused(scene.ask_again(wren)).to_string(),
        NOTHING_TO_CONFIRM
    );
}

#[test]
fn a_sign_up_with_a_wrong_address_is_put_right() {
    let mut scene = Scene::with_mail();
    let wren = scene.sign_up("wren", Registration::Open).account;
    let wrong = scene.send_one();
    let ask = |email: &str| {
        scene.store.apply(AskConfirmation {
            account: wren,
            email: Some(email.into()),
        })
    };
    assert_eq!(ask("right@birds.example"), Ok(true));
    let right = scene.send_one();
    assert_eq!(right.to, "right@birds.example");
    refused(scene.confirm(&wrong.code));
    let confirmed = scene.confirm(&right.code).expect("the link is good");
    assert_eq!(confirmed.state, AccountState::Active);
    assert_eq!(scene.address(wren).email, "right@birds.example");
    // Whoever is in has to show the password.
    let email = Some("other@birds.example".into());
    let account = wren;
    refused(scene.store.apply(AskConfirmation { account, email }));
    scene.check();
}

#[test]
fn an_address_is_exchanged_when_the_new_one_is_confirmed() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    scene.store.tamper(
        "INSERT INTO mail_standing (account, bounced_at, bounce_reason)
             SELECT id, 1, 'no such mailbox' FROM accounts",
    );
    let wrong_password = scene.store.apply(ChangeAddress {
        account: wren,
        password_hash: "hash of a guess".into(),
        email: "new@birds.example".into(),
    });
    refused(wrong_password);
    let older = scene.change_address(wren, "wren", "older@birds.example");
    assert_eq!(older, Ok(AddressChange::Waits));
    let older = scene.send_one();
    assert_eq!(older.to, "older@birds.example");
    let newer = scene.change_address(wren, "wren", "newer@birds.example");
    assert_eq!(newer, Ok(AddressChange::Waits));
    refused(scene.confirm_as(wren, &older.code));
    let newer = scene.send_one();
    assert_eq!(newer.to, "newer@birds.example");
    let address = scene.address(wren);
    assert_eq!(
        address.email, "wren@birds.example",
        "until then the old one holds"
    );
    assert!(address.bounced.is_some());
    // The holder of a mistyped address can't take the account with it.
    refused(scene.confirm(&newer.code));
    let reset = scene.store.apply(CreateResetLink {
        account: wren,
        code: hash("a link in the old mailbox"),
    });
    reset.expect("no refusal");
    scene
        .confirm_as(wren, &newer.code)
        .expect("the link is good");
    let reset = scene.store.apply(ResetPassword {
        code: hash("a link in the old mailbox"),
        new_hash: "hash of a thief".into(),
    });
    refused(reset);
    let address = scene.address(wren);
    assert_eq!(address.email, "newer@birds.example");
    assert!(address.is_sound() && address.new_email.is_none());
    // Back to where one is: the wish is taken back, and with it its link.
    scene
        .change_address(wren, "wren", "other@birds.example")
        .expect("no refusal");
    let other = scene.send_one();
    let back = scene.change_address(wren, "wren", "Newer@birds.example");
    assert_eq!(back, Ok(AddressChange::Holds));
    refused(scene.confirm_as(wren, &other.code));
    assert_eq!(scene.send(), []);
    assert_eq!(scene.address(wren).new_email, None);
    scene.check();
}

#[test]
fn a_link_that_is_on_its_way_confirms_no_newer_wish() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    let wish = |scene: &Scene, email: &str| {
        scene
            .change_address(wren, "wren", email)
            .expect("no refusal")
    };
    wish(&scene, "older@birds.example");
    let running = scene.leased().pop().expect("a job");
    let older = scene.admit(&running).expect("a mail");
    // The mail server is slow, and the wish changes meanwhile.
    wish(&scene, "newer@birds.example");
    scene
        .store
        .apply(FinishJob { job: running.id })
        .expect("finishes");
    refused(scene.confirm_as(wren, &older.code));
    let newer = scene.send_one();
    assert_eq!(newer.to, "newer@birds.example");
    scene
        .confirm_as(wren, &newer.code)
        .expect("the link is good");
    assert_eq!(scene.address(wren).email, "newer@birds.example");
}

#[test]
fn a_taken_address_is_told_only_to_whoever_gets_its_mail() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    scene.member("robin", Role::User);
    let free = scene.change_address(wren, "wren", "free@birds.example");
    let taken = scene.change_address(wren, "wren", "robin@birds.example");
    assert_eq!(free, taken, "both answers are alike");
    let mail = scene.send_one();
    let refusal = refused(scene.confirm_as(wren, &mail.code));
    assert_eq!(refusal.to_string(), ADDRESS_TAKEN);
    assert_eq!(scene.address(wren).email, "wren@birds.example");
    // Whoever only signed up with it gives way.
    scene.sign_up("tit", Registration::Open);
    scene
        .change_address(wren, "wren", "tit@birds.example")
        .expect("no refusal");
    let sent = scene.send();
    let wish = sent.last().expect("two mails");
    scene.confirm_as(wren, &wish.code).expect("it is wren's");
    assert_eq!(scene.address(wren).email, "tit@birds.example");
    assert_eq!(scene.state("tit"), None);
    scene.check();
}

#[test]
fn a_link_to_a_new_password_is_asked_for_alike_by_everybody() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    for login in [
        "nobody",
        "nobody@birds.example",
        "@wren",
        "WREN@birds.example",
    ] {
        let before = scene.jobs();
        scene.ask_reset(login);
        assert_eq!(scene.jobs(), before + 1, "{login}");
    }
    let mail = scene.send_one();
    assert_eq!(mail.letter, Letter::Reset);
    assert_eq!(mail.to, "wren@birds.example");
    assert_eq!(scene.jobs(), 0);
    // Two were asked for by wren: one more is sent within the hour.
    scene.ask_reset("wren");
    assert_eq!(scene.send().len(), 1);
    scene.ask_reset("wren");
    assert_eq!(scene.jobs(), 1);
    assert_eq!(scene.send(), []);
    scene.store.clock.advance_millis(HOUR);
    scene.ask_reset("wren");
    let late = scene.send_one();
    let new_hash = "new hash".to_owned();
    let reset = |code: &str, new_hash: &str| {
        scene.store.apply(ResetPassword {
            code: hash(code),
            new_hash: new_hash.into(),
        })
    };
    refused(reset(&mail.code, &new_hash));
    assert_eq!(reset(&late.code, &new_hash), Ok(wren));
    refused(reset(&late.code, "again"));
    let login = scene.store.find(FindLogin {
        login: "wren".into(),
    });
    assert_eq!(login.and_then(|login| login.password_hash), Some(new_hash));
}

#[test]
fn a_new_password_ends_links_and_wishes_that_were_asked_for_under_the_old_one() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    let works = |scene: &mut Scene, link_use, code: &str| {
        let (code, now) = (hash(code), scene.store.clock.now());
        scene.store.find(CheckLink {
            link_use,
            code,
            now,
        })
    };
    let by_operator = CreateResetLink {
        account: wren,
        code: hash("by hand"),
    };
    scene.ask_reset("wren");
    let older = scene.send_one().code;
    scene.store.apply(by_operator).expect("a link");
    scene.ask_reset("wren");
    let mailed = scene.send_one().code;
    scene
        .change_address(wren, "wren", "thief@birds.example")
        .expect("no refusal");
    let wish = scene.send_one().code;
    assert!(!works(&mut scene, LinkUse::Reset, &older));
    assert!(works(&mut scene, LinkUse::Reset, "by hand"));
    assert!(works(&mut scene, LinkUse::Reset, &mailed));
    assert!(works(&mut scene, LinkUse::Confirm, &wish));
    scene
        .store
        .apply(ChangePassword {
            account: wren,
            old_hash: "hash of wren".into(),
            new_hash: "new hash".into(),
            keep: None,
        })
        .expect("changed");
    for code in ["by hand", &mailed] {
        assert!(!works(&mut scene, LinkUse::Reset, code));
    }
    refused(scene.confirm(&wish));
    assert_eq!(scene.address(wren).new_email, None);
}

#[test]
fn a_log_in_is_news_from_the_second_on() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    scene.open_session(wren, None, "made just now", None);
    assert_eq!(scene.jobs(), 0);
    scene.open_session(wren, Some("wren"), "same browser", Some("made just now"));
    assert_eq!(scene.jobs(), 0);
    scene.open_session(wren, Some("wren"), "another", None);
    let mail = scene.send_one();
    assert!(matches!(mail.letter, Letter::LogIn { agent, .. } if agent == "Firefox"));
    let robin = scene.member("robin", Role::User);
    scene.open_session(robin, Some("robin"), "first", None);
    assert_eq!(scene.jobs(), 0, "the first log-in is expected");
    scene
        .store
        .apply(CloseSession {
            session: hash("first"),
        })
        .expect("closed");
    scene.open_session(robin, Some("robin"), "second", None);
    assert_eq!(scene.send().len(), 1);
    let kind = MailKind::LogIn;
    scene
        .store
        .apply(Unsubscribe {
            account: robin,
            kind,
        })
        .expect("no refusal");
    scene.open_session(robin, Some("robin"), "third", None);
    assert_eq!(scene.jobs(), 0);
}

#[test]
fn requests_to_follow_are_mailed_unless_one_wants_to_hear_nothing_of_the_other() {
    let mut scene = Scene::with_mail();
    let wren = scene.member("wren", Role::User);
    let (robin, tit) = (
        scene.member("robin", Role::User),
        scene.member("tit", Role::User),
    );
    scene.store.tamper("UPDATE accounts SET locked = 1");
    let options = crate::domain::relationship::MuteOptions {
        hides_notifications: true,
    };
    let (account, target) = (wren, tit);
    scene
        .store
        .apply(MuteAccount {
            account,
            target,
            options,
        })
        .expect("muted");
    for follower in [robin, tit, robin] {
        scene
            .store
            .apply(FollowAccount {
                follower,
                followee: wren,
                shows_boosts: None,
                notifies: None,
                follows_max: 10,
            })
            .expect("asked");
    }
    let mail = scene.send_one();
    assert_eq!(mail.to, "wren@birds.example");
    assert!(matches!(mail.letter, Letter::FollowRequest(sender) if sender.name == "robin"));
}

#[test]
fn preferences_are_kept_as_they_were_chosen_and_nonsense_is_refused() {
    let mut scene = Scene::without_mail();
    let account = scene.member("wren", Role::User);
    let chosen = MailPreferences {
        mentions: MentionMail::Daily,
        quiet: Some(QuietHours {
            from_minute: 22 * 60,
            until_minute: 7 * 60,
        }),
        time_zone: Some(" europe/berlin".into()),
        ..MailPreferences::default()
    };
    let set = |preferences: &MailPreferences| {
        let preferences = preferences.clone();
        scene.store.apply(SetMailPreferences {
            account,
            preferences,
        })
    };
    set(&chosen).expect("sound preferences");
    for (from_minute, until_minute) in [(0, 1440), (1440, 0), (60, 60)] {
        let quiet = Some(QuietHours {
            from_minute,
            until_minute,
        });
        refused(set(&MailPreferences {
            quiet,
            ..chosen.clone()
        }));
    }
    for zone in ["Mars/Olympus", "../etc/passwd", "+02:00"] {
        let time_zone = Some(zone.to_owned());
        refused(set(&MailPreferences {
            time_zone,
            ..chosen.clone()
        }));
    }
    let kept = scene.preferences(account);
    assert_eq!(kept.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(kept.quiet, chosen.quiet);
    assert_eq!(kept.mentions, MentionMail::Daily);
}

#[test]
fn unsubscribing_turns_off_just_that_and_tells_nothing_of_others() {
    let mut scene = Scene::with_mail();
    let account = scene.member("wren", Role::User);
    let unsubscribe =
        |scene: &Scene, account, kind| scene.store.apply(Unsubscribe { account, kind });
    for _ in 0..2 {
        assert_eq!(unsubscribe(&scene, account, MailKind::Mention), Ok(()));
    }
    let wanted = scene.preferences(account);
    assert_eq!(wanted.mentions, MentionMail::Off);
    assert!(wanted.follow_requests && wanted.log_ins && wanted.sign_ups);
    let nobody = AccountId(17);
    assert_eq!(unsubscribe(&scene, nobody, MailKind::LogIn), Ok(()));
    let by = OPERATOR;
    scene
        .store
        .apply(DeleteAccount { by, account })
        .expect("deleted");
    assert_eq!(unsubscribe(&scene, account, MailKind::LogIn), Ok(()));
    let rows = "SELECT count(*) FROM mail_settings";
    assert_eq!(scene.store.number(rows), 0);
    scene.check();
}

#[test]
fn a_deleted_account_leaves_nothing_about_mail() {
    let mut scene = Scene::with_mail();
    let account = scene.member("wren", Role::User);
    scene
        .change_address(account, "wren", "new@birds.example")
        .expect("no refusal");
    scene.ask_reset("wren");
    let preferences = MailPreferences::default();
    scene
        .store
        .apply(SetMailPreferences {
            account,
            preferences,
        })
        .expect("kept");
    scene.store.tamper(
        "INSERT INTO digest_items (account, kind, subject, made_at)
         SELECT id, 'follow_request', 17, 0 FROM accounts",
    );
    let by = OPERATOR;
    scene
        .store
        .apply(DeleteAccount { by, account })
        .expect("deleted");
    scene.check();
    while scene.store.step_in_house() {}
    scene.check();
    assert_eq!(scene.send(), [], "no mail to whoever is gone");
    scene.ask_reset("wren");
    assert_eq!(scene.send(), []);
    let rows = "SELECT count(*) FROM (SELECT account FROM mail_settings UNION ALL
        SELECT account FROM mail_standing UNION ALL SELECT account FROM digest_items)";
    assert_eq!(scene.store.number(rows), 0);
    scene.check();
}

#[test]
fn an_address_that_mail_came_back_from_is_trusted_again_when_its_holder_says_so() {
    let mut scene = Scene::with_mail();
    let account = scene.member("wren", Role::User);
    scene.store.tamper(
        "INSERT INTO mail_standing (account, bounced_at, bounce_reason)
         SELECT id, 1, 'no such mailbox' FROM accounts",
    );
    assert!(!scene.address(account).is_sound());
    scene.ask_reset("wren");
    assert_eq!(scene.send(), []);
    scene
        .store
        .apply(TrustAddress { account })
        .expect("no refusal");
    assert!(scene.address(account).is_sound());
    scene.ask_reset("wren");
    assert_eq!(scene.send().len(), 1);
}
