//! The parts of docs/operations.md about backups and upgrades: every command in it is run, in its order.

mod support;

use std::fs;

use support::operations::{blocks, commands, part};
use support::process::Place;
use support::server::Client;
use support::shell::Shell;

/// The parts of which the commands are run, in this order; Litestream's are run by its own test.
const PARTS: [&str; 4] = [
    "### Make one now",
    "### Restore one",
    "### Upgrade",
    "### Go back",
];

#[tokio::test]
async fn every_command_about_backups_does_what_it_says() {
    let place = Place::new();
    let home = place.path().to_str().expect("UTF-8").to_owned();
    let at_home = |text: &str| {
        let text = text.replace("/var/lib/kinglet", &format!("{home}/lib/kinglet"));
        let text = text.replace("/srv/kinglet", &format!("{home}/srv/kinglet"));
        text.replace("/var/backups", &format!("{home}/backups"))
            .replace("/mnt/backup", &format!("{home}/backup"))
    };
    fs::create_dir_all(place.path().join("backups/kinglet")).expect("a directory");
    fs::create_dir(place.path().join("lib")).expect("a directory");
    fs::create_dir(place.path().join("srv")).expect("a directory");
    // The settings of the page are settings.
    let settings = blocks(&part("### Have them made"), "toml").concat();
    let data = format!("[storage]\ndata_dir = \"{home}/lib/kinglet\"\n\n");
    place.configure(&(data + &at_home(&settings)));
    place.done(&["user", "create", "ada", "--email", "ada@example.org"]);
    let token = place.done(&["token", "create", "ada", "--scopes", "read write"]);
    let mut running = Some(place.serve());
    let client = |url: &str| Client::new(url).with_token(token.trim());
    let ada = client(&running.as_ref().expect("it runs").url);
    let body = serde_json::json!({"status": "a mistake"});
    let answer = ada.post("/api/v1/statuses", body).await;
    let post: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
    let post = format!("/api/v1/statuses/{}", post["id"].as_str().expect("an id"));

    let shell = Shell::new(place.path());
    for heading in PARTS {
        if heading == "### Go back" {
            // As an upgrade that had something to rewrite leaves it.
            place.done(&["backup", &at_home("/var/lib/kinglet/before-upgrade")]);
        }
        let steps = commands(&part(heading));
        assert!(steps.len() >= 2, "{heading}: {steps:?}");
        for step in steps {
            shell.done(&at_home(&step));
        }
        if let Some(running) = running.take() {
            assert_eq!(ada.delete(&post).await.status, 200);
            assert!(running.stop().status.success());
        }
    }
    let serving = place.serve();
    let ada = client(&serving.url);
    assert_eq!(ada.get(&post).await.status, 404, "it was deleted since");
    assert!(serving.stop().status.success());
    let elsewhere = place.done(&["--data", &format!("{home}/srv/kinglet"), "user", "list"]);
    assert!(elsewhere.contains("ada"), "{elsewhere}");
}
