//! The public address: built when rendered, remembered when it was set, moved on purpose only.

mod support;

use kinglet::actors::posts::{Draft, WritePost};
use kinglet::actors::timelines::ReadHome;
use kinglet::actors::users::Identify;
use kinglet::boot::BootError;
use kinglet::config::Config;
use kinglet::domain::access::Credential;
use kinglet::domain::account::Role;
use kinglet::domain::page::Page;
use kinglet::domain::visibility::Visibility;
use kinglet::ids::{AccountId, PostId};
use kinglet::secret::TokenHash;
use kinglet::store::units::FollowAccount;
use kinglet::{Server, ServerBuilder};
use support::process::Place;

const BEFORE: &str = "http://127.0.0.1:8420";
const AFTER: &str = "https://example.org";

fn builder(place: &Place, url: Option<&str>) -> ServerBuilder {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.instance.url = url.map(|url| url.parse().expect("a URL"));
    Server::builder().config(config).data_dir(place.data())
}

async fn write(server: &Server, author: AccountId, text: &str) -> PostId {
    let message = WritePost {
        author,
        draft: Draft {
            text: text.to_owned(),
            ..Draft::default()
        },
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key: None,
    };
    let written = server.instance().actors.posts.send(message).await;
    written.expect("Posts lives").expect("a post")
}

async fn home(server: &Server, reader: AccountId) -> Vec<PostId> {
    let message = ReadHome {
        reader,
        page: Page::newest(20),
    };
    let read = server.instance().actors.timelines.send(message).await;
    read.expect("Timelines lives").expect("a page")
}

async fn whose(server: &Server, token: &str) -> Option<AccountId> {
    let message = Identify {
        credential: Credential::Token(TokenHash::of(token)),
    };
    let found = server.instance().actors.users.send(message).await;
    let told = found.expect("Users lives").expect("an answer")?;
    told.caller.member.as_ref().map(|member| member.id)
}

async fn refusal(builder: ServerBuilder) -> BootError {
    builder.start().await.expect_err("it must not start")
}

#[tokio::test]
async fn an_instance_moves_with_its_posts_tokens_and_homes() {
    let place = Place::new();
    let server = builder(&place, Some(BEFORE)).start().await.expect("starts");
    assert_eq!(server.url(), BEFORE);
    let account = async |name: &str| {
        let email = format!("{name}@example.org");
        let password = "correct horse battery";
        let made = server.create_account(name, &email, password, Role::User);
        made.await.expect("an account")
    };
    let (alice, bob) = (account("alice").await, account("bob").await);
    let token = server.create_token(alice, "read").await.expect("a token");
    let follow = FollowAccount {
        follower: alice,
        followee: bob,
        shows_boosts: None,
        notifies: None,
        follows_max: 10,
    };
    let followed = server.instance().actors.perform(follow).await;
    followed.expect("she follows him");
    let posts = [
        write(&server, bob, "first").await,
        write(&server, bob, "second").await,
    ];
    assert_eq!(home(&server, alice).await, [posts[1], posts[0]]);
    server.shutdown().await.expect("stops");

    let error = refusal(builder(&place, Some(AFTER))).await;
    assert_eq!(error.exit_code(), 78);
    let sentence = error.to_string();
    for part in [
        BEFORE,
        AFTER,
        "kinglet instance set-url https://example.org",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }

    place.done(&["instance", "set-url", AFTER]);
    let server = builder(&place, Some(AFTER)).start().await.expect("starts");
    assert_eq!(server.url(), AFTER);
    assert_eq!(whose(&server, token.expose()).await, Some(alice));
    assert_eq!(home(&server, alice).await, [posts[1], posts[0]]);
    let third = write(&server, bob, "third").await;
    assert_eq!(home(&server, alice).await, [third, posts[1], posts[0]]);
    server.shutdown().await.expect("stops");

    let error = refusal(builder(&place, Some(BEFORE))).await;
    assert!(matches!(error, BootError::UrlChanged { .. }), "{error}");
    let server = builder(&place, None).start().await.expect("starts");
    assert_eq!(server.url(), AFTER, "what was remembered holds");
}

#[tokio::test]
async fn an_address_that_nobody_set_is_not_remembered() {
    let place = Place::new();
    for _ in 0..2 {
        let server = builder(&place, None).start().await.expect("starts");
        assert_eq!(server.url(), format!("http://{}", server.addr()));
        server.shutdown().await.expect("stops");
    }
    let server = builder(&place, Some(AFTER)).start().await.expect("starts");
    assert_eq!(server.url(), AFTER);
}

#[test]
fn the_binary_says_what_to_do_about_another_address() {
    let place = Place::new();
    place.configure(&format!("[instance]\nurl = \"{BEFORE}\"\n"));
    assert!(place.serve().stop().status.success());
    place.configure(&format!("[instance]\nurl = \"{AFTER}\"\n"));
    let errors = place.fails(78, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(
        errors.contains("kinglet instance set-url https://example.org"),
        "{errors}"
    );
    let errors = place.fails(1, &["instance", "set-url", "https://other.example"]);
    assert!(
        errors.contains("instance.url is configured as https://example.org"),
        "{errors}"
    );
    place.fails(2, &["instance", "set-url", "example.org"]);
    let moved = place.done(&["instance", "set-url", AFTER]);
    assert!(moved.contains(BEFORE) && moved.contains(AFTER), "{moved}");
    let running = place.serve();
    assert_eq!(running.url, AFTER);
    assert!(
        place
            .done(&["invite", "create"])
            .starts_with("https://example.org/invite/")
    );
}

#[test]
fn a_running_server_can_be_told_its_next_address() {
    let place = Place::new();
    let running = place.serve();
    place.done(&["instance", "set-url", AFTER]);
    let before = format!("{}/invite/", running.url);
    assert!(
        place.done(&["invite", "create"]).starts_with(&before),
        "until it restarts"
    );
    assert!(running.stop().status.success());
    assert_eq!(place.serve().url, AFTER);
}
