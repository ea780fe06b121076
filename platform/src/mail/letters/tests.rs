//! What each letter looks like, compared byte for byte with the files in `src/mail/snapshots/`.

use std::fs;
use std::path::Path;

use super::*;

const UNSUBSCRIBE: &str = "https://example.org/unsubscribe/1.mention.abc";

fn site() -> Site {
    Site {
        title: "Kinglet & Friends".to_owned(),
        url: "https://example.org".to_owned(),
    }
}

fn person(name: &str, display_name: &str) -> Person {
    Person {
        name: name.to_owned(),
        display_name: display_name.to_owned(),
    }
}

fn mention(excerpt: Option<&str>) -> Mention {
    Mention {
        recipient: "ann".to_owned(),
        sender: person("bob", "Bob <b>Builder</b> 🐦"),
        is_reply: false,
        excerpt: excerpt.map(str::to_owned),
        link: "https://example.org/@bob/112233445566778899".to_owned(),
        unsubscribe: UNSUBSCRIBE.to_owned(),
    }
}

fn follow_request() -> FollowRequest {
    FollowRequest {
        recipient: "ann".to_owned(),
        sender: person("carol", ""),
        link: "https://example.org/follow_requests".to_owned(),
        unsubscribe: UNSUBSCRIBE.to_owned(),
    }
}

fn letters() -> Vec<(&'static str, Box<dyn Letter>)> {
    let recipient = || "ann".to_owned();
    let link = |path: &str| format!("https://example.org/{path}");
    let public = "@ann have you seen the wren <in the hedge> behind the house this morning? It sang for a whole hour.\n\nSecond paragraph & more";
    let reply = Mention {
        is_reply: true,
        ..mention(None)
    };
    vec![
        ("mention", Box::new(mention(Some(public)))),
        ("reply_private", Box::new(reply.clone())),
        ("follow_request", Box::new(follow_request())),
        (
            "digest",
            Box::new(Digest {
                recipient: recipient(),
                mentions: vec![mention(Some(public)), reply],
                follow_requests: vec![follow_request()],
                sign_ups: Vec::new(),
                more: 2,
                kind: MailKind::Mention,
                link: link("notifications"),
                unsubscribe: UNSUBSCRIBE.to_owned(),
            }),
        ),
        (
            "sign_up",
            Box::new(SignUp {
                recipient: recipient(),
                person: person("dave", "Dave"),
                reason: "I like birds.".to_owned(),
                link: link("admin/accounts"),
                unsubscribe: UNSUBSCRIBE.to_owned(),
            }),
        ),
        (
            "confirm",
            Box::new(Confirm {
                recipient: recipient(),
                link: link("confirm/token"),
            }),
        ),
        (
            "reset",
            Box::new(Reset {
                recipient: recipient(),
                link: link("reset/token"),
            }),
        ),
        (
            "log_in",
            Box::new(LogIn {
                recipient: recipient(),
                when: "Sunday, 22 November 2026, 21:05 (Europe/Berlin)".to_owned(),
                browser: "Firefox on Linux".to_owned(),
                link: link("settings/sessions"),
                unsubscribe: UNSUBSCRIBE.to_owned(),
            }),
        ),
        (
            "approved",
            Box::new(Approved {
                recipient: recipient(),
                link: link("login"),
            }),
        ),
        ("test", Box::new(Test)),
    ]
}

#[test]
fn every_letter_is_as_its_snapshot() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/snapshots");
    let update = std::env::var_os("UPDATE_MAIL_SNAPSHOTS").is_some();
    for (name, letter) in letters() {
        let content = letter.content(&site());
        let text = format!("Subject: {}\n\n{}", content.subject, content.text);
        for (file, now) in [
            (format!("{name}.txt"), text),
            (format!("{name}.html"), content.html),
        ] {
            let path = folder.join(&file);
            if update {
                fs::write(&path, now).expect("writable");
            } else {
                let before = fs::read_to_string(&path).expect("a snapshot of every letter");
                assert_eq!(
                    before, now,
                    "{file}: after a change run UPDATE_MAIL_SNAPSHOTS=1 cargo test -p kinglet-platform --lib mail::letters"
                );
            }
        }
    }
}

#[test]
fn plain_lines_are_short_and_nothing_is_loaded() {
    for (name, letter) in letters() {
        let content = letter.content(&site());
        for line in content.text.lines() {
            assert!(
                line.chars().count() <= 72 || line.starts_with("http"),
                "{name}: {line}"
            );
        }
        for loads in ["src=", "url(", "<img", "<link", "<script", "@import"] {
            assert!(!content.html.contains(loads), "{name}: {loads}");
        }
        assert!(!content.html.contains("<b>"), "{name}: a name is no HTML");
    }
}

#[test]
fn what_stays_on_the_site_is_in_no_part_of_a_letter() {
    let content = mention(None).content(&site());
    assert!(content.text.contains("stays on the site"));
    assert!(!content.html.contains("blockquote dir"));
}

#[test]
fn long_texts_and_digests_are_bounded() {
    let text = "line\n".repeat(30_000);
    let content = mention(Some(&text)).content(&site());
    assert!(content.text.len() < 4 * EXCERPT_CHARACTERS_MAX);
    let digest = Digest {
        recipient: "ann".to_owned(),
        mentions: vec![mention(Some("hello")); 300],
        follow_requests: vec![follow_request(); 10],
        sign_ups: Vec::new(),
        more: 5,
        kind: MailKind::Mention,
        link: "https://example.org/notifications".to_owned(),
        unsubscribe: UNSUBSCRIBE.to_owned(),
    };
    let content = digest.content(&site());
    assert!(content.subject.starts_with("315 things"));
    assert!(content.text.contains("And 265 more."), "{}", content.text);
}
