//! A client that others wrote, `toot` from PyPI, in a terminal, used as a person would.

mod support;

use std::ffi::OsStr;
use std::path::PathBuf;

use kinglet::Server;
use kinglet::domain::account::Role;
use support::terminal::Terminal;
use support::tools::python_programs;
use support::website::Visitor;
use tempfile::TempDir;

/// A person at a computer: an account, a browser, a folder with toot's settings.
struct Person {
    name: &'static str,
    password: String,
    computer: TempDir,
    programs: PathBuf,
}

impl Person {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            password: format!("the password of {name}"),
            computer: TempDir::new().expect("a directory"),
            programs: python_programs(),
        }
    }

    fn start_toot(&self, arguments: &[&str]) -> Terminal {
        let home = self.computer.path().as_os_str();
        let settings = [
            ("XDG_CONFIG_HOME", home),
            ("HOME", home),
            ("LC_ALL", OsStr::new("C.UTF-8")),
            ("COLUMNS", OsStr::new("200")),
            ("TZ", OsStr::new("UTC")),
        ];
        let python = self.programs.join("python");
        Terminal::start(&python, &self.programs.join("toot"), arguments, &settings)
    }

    /// Runs toot, which has to succeed; gives back what it showed.
    fn toot(&self, arguments: &[&str]) -> String {
        let (shown, succeeded) = self.start_toot(arguments).end();
        assert!(succeeded, "toot {arguments:?} failed:\n{shown}");
        shown
    }

    /// Lets toot log in by the browser, and pastes the code that the browser shows.
    async fn log_in(&self, server: &Server) {
        let mut toot = self.start_toot(&["login", "--instance", server.url()]);
        toot.wait_for("Login URL:");
        toot.wait_for("\n");
        let url = toot.wait_for("\n").trim().to_owned();
        assert!(
            url.starts_with(&format!("{}/oauth/authorize/?", server.url())),
            "{url}"
        );
        toot.wait_for("Open link in default browser?");
        toot.type_line("n");

        let visitor = Visitor::new();
        // A stranger is asked to log in first.
        let page = visitor.open(&url).await;
        let filled = [("login", self.name), ("password", &self.password)];
        let page = visitor.send(&page, "/login", &filled).await;
        assert!(page.html.contains("toot - a Mastodon CLI client"));
        let page = visitor
            .send(&page, "/oauth/authorize", &[("decision", "allow")])
            .await;
        let code = page.text_of("code").expect("the page shows the code");

        toot.wait_for("Authorization code");
        toot.type_line(&code);
        toot.wait_for("Successfully logged in.");
        let (shown, succeeded) = toot.end();
        assert!(succeeded, "{shown}");
    }
}

/// The id of a post that toot has just published, from the address it shows.
#[track_caller]
fn posted_id(shown: &str) -> String {
    assert_shows(shown, "Toot posted: ");
    let id = shown.trim().rsplit('/').next();
    id.expect("a text has a last part").to_owned()
}

#[track_caller]
fn assert_shows(shown: &str, wanted: &str) {
    assert!(shown.contains(wanted), "{wanted:?} is missing in:\n{shown}");
}

#[tokio::test]
async fn toot_logs_in_posts_replies_follows_reads_and_searches() {
    let server = Server::builder().in_memory().start().await;
    let server = server.expect("a server starts");
    let (ana, ben) = (Person::new("ana"), Person::new("ben"));
    for person in [&ana, &ben] {
        let email = format!("{}@example.org", person.name);
        let made = server.create_account(person.name, &email, &person.password, Role::User);
        made.await.expect("the name is free");
        person.log_in(&server).await;
        assert_shows(&person.toot(&["whoami"]), &format!("@{}", person.name));
    }
    let wrong = "not-a-code";
    let mut stranger = Person::new("stranger").start_toot(&["login", "-i", server.url()]);
    stranger.wait_for("Open link in default browser?");
    stranger.type_line("n");
    stranger.wait_for("Authorization code");
    stranger.type_line(wrong);
    let (shown, succeeded) = stranger.end();
    assert!(!succeeded, "a made-up code logs nobody in:\n{shown}");

    let hello = posted_id(&ana.toot(&["post", "The kinglet weighs five grams. #birds"]));
    assert_shows(&ben.toot(&["follow", "ana"]), "ana");
    assert_shows(&ben.toot(&["following"]), "ana");
    assert_shows(&ana.toot(&["followers"]), "ben");
    let home = ben.toot(&["timelines", "home"]);
    assert_shows(&home, "The kinglet weighs five grams.");
    let later = posted_id(&ana.toot(&["post", "It sings above 8 kHz.", "--visibility", "private"]));
    let home = ben.toot(&["timelines", "home"]);
    assert_shows(&home, "It sings above 8 kHz.");

    let answer =
        posted_id(&ben.toot(&["post", "@ana As a coin does!", "--reply-to", hello.as_str()]));
    let thread = ana.toot(&["thread", hello.as_str()]);
    assert_shows(&thread, "As a coin does!");
    let single = ana.toot(&["status", answer.as_str()]);
    assert_shows(&single, "As a coin does!");

    ben.toot(&["favourite", hello.as_str()]);
    ben.toot(&["reblog", hello.as_str()]);
    assert_shows(&ana.toot(&["reblogged_by", hello.as_str()]), "ben");
    ben.toot(&["bookmark", hello.as_str()]);
    let bookmarks = ben.toot(&["bookmarks", "--once"]);
    assert_shows(&bookmarks, "The kinglet weighs five grams.");

    let happened = ana.toot(&["notifications"]);
    for wanted in ["now follows you", "mentioned you", "favourited", "boosted"] {
        assert_shows(&happened, wanted);
    }
    ana.toot(&["notifications", "--clear"]);
    assert_shows(&ana.toot(&["notifications"]), "You have no notifications");

    let url = format!("{}/@ana/{hello}", server.url());
    assert_shows(&ben.toot(&["search", "weighs grams"]), &url);
    assert_shows(&ben.toot(&["search", "ana", "--type", "accounts"]), "@ana");
    let tags = ben.toot(&["search", "birds", "--type", "hashtags"]);
    assert_shows(&tags, "birds");
    let hidden = ben.toot(&["search", "nothing says this"]);
    assert_shows(&hidden, "Nothing found");
    assert_shows(&ben.toot(&["timelines", "tag", "birds"]), "weighs five");

    ana.toot(&["delete", later.as_str()]);
    let home = ben.toot(&["timelines", "home"]);
    assert!(!home.contains("It sings above 8 kHz."), "{home}");
    ben.toot(&["unfollow", "ana"]);
    assert!(!ben.toot(&["following"]).contains("ana@"));

    assert_shows(
        &ana.toot(&["update_account", "--display-name", "Ana Gram"]),
        "updated",
    );
    assert_shows(&ben.toot(&["whois", "ana"]), "Ana Gram");
    server.shutdown().await.expect("stops cleanly");
}
