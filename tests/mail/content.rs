//! What a mail says, and to whom.

use serde_json::json;

use super::Office;
use super::support::smtp::MailServer;

/// The address of a post, as its mails give it.
fn link(office: &Office, author: &str, post: &str) -> String {
    format!("{}/@{author}/{post}", office.rig.server.url())
}

#[tokio::test]
async fn who_is_named_gets_one_mail_with_all_that_belongs_to_it() {
    let smtp = MailServer::start().await;
    let mut office = Office::open_with(smtp, &["ana", "ben"], |config| {
        config.instance.title = "The Hedge".to_owned();
        config.mail.from = Some("hedge@example.com".parse().expect("an address"));
    })
    .await;
    let post = office
        .say("ana", "@ben the wren sings <early> & late")
        .await;
    let mail = office.smtp.next().await;
    assert_eq!(mail.sender, "hedge@example.com");
    assert_eq!(mail.to, "ben@example.org");
    assert!(!mail.tls);
    for (name, value) in [
        ("From", "The Hedge <hedge@example.com>"),
        ("To", "ben <ben@example.org>"),
        ("Subject", "@ana mentioned you"),
        ("Date", "Mon, 21 Sep 2026 14:13:20 +0000"),
        ("Auto-Submitted", "auto-generated"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.header(name), value, "{name}");
    }
    let id = mail.header("Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@127.0.0.1>"), "{id}");
    let base = office.rig.server.url();
    let unsubscribe = mail.unsubscribe_path(base);
    assert!(unsubscribe.starts_with("/unsubscribe/"), "{unsubscribe}");
    let (text, html) = mail.bodies();
    let link = link(&office, "ana", &post);
    for wanted in [
        "Hello @ben,",
        "> @ben the wren sings <early> & late",
        &link,
        &format!("{base}{unsubscribe}"),
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in {text}");
    }
    for wanted in [
        "the wren sings &#60;early&#62; &#38; late",
        &link,
        &unsubscribe,
    ] {
        assert!(html.contains(wanted), "{wanted:?} is missing in {html}");
    }
    office.nothing_is_left().await;
}

#[tokio::test]
async fn only_what_everybody_may_read_is_in_the_mail() {
    let mut office = Office::open(&["ana", "ben"]).await;
    for (post, is_told) in [
        (json!({"visibility": "public"}), true),
        (json!({"visibility": "unlisted"}), true),
        (json!({"visibility": "private"}), false),
        (json!({"visibility": "direct"}), false),
        (
            json!({"visibility": "public", "spoiler_text": "hawks"}),
            false,
        ),
        (
            json!({"visibility": "unlisted", "spoiler_text": "hawks"}),
            false,
        ),
        (json!({"visibility": "public", "sensitive": true}), false),
    ] {
        let mut draft = post.clone();
        draft["status"] = "@ben a nest in the ivy".into();
        let id = office.publish("ana", draft).await;
        let mail = office.smtp.next().await;
        let (text, html) = mail.bodies();
        for body in [text, html] {
            assert_eq!(body.contains("ivy"), is_told, "{post}: {body}");
            assert!(body.contains(&link(&office, "ana", &id)), "{body}");
        }
        for secret in if is_told { &[][..] } else { &["ivy", "hawks"] } {
            assert!(!mail.raw.contains(secret), "{}", mail.raw);
        }
        assert_eq!(mail.header("Subject"), "@ana mentioned you");
    }
    office.nothing_is_left().await;
}

#[tokio::test]
async fn mails_of_one_thread_belong_together() {
    let mut office = Office::open(&["ana", "ben", "cleo"]).await;
    let root = office.say("ana", "@ben who sings there?").await;
    let first = office.smtp.next().await;
    let reply = json!({"status": "@ana a wren", "in_reply_to_id": root});
    let reply = office.publish("ben", reply).await;
    let second = office.smtp.next().await;
    assert_eq!(second.to, "ana@example.org");
    assert_eq!(second.header("Subject"), "@ben replied to you");
    assert!(second.text().contains("> @ana a wren"), "{}", second.text());
    let deeper = json!({"status": "@ben no, a dunnock", "in_reply_to_id": reply});
    office.publish("cleo", deeper).await;
    let third = office.smtp.next().await;
    assert_eq!(third.to, "ben@example.org");
    office.say("ana", "@ben something else").await;
    let other = office.smtp.next().await;

    let thread = first.header("References");
    for mail in [&first, &second, &third] {
        assert_eq!(mail.header("References"), thread);
        assert_eq!(mail.header("In-Reply-To"), thread);
        assert_ne!(mail.header("Message-ID"), thread);
    }
    assert_ne!(other.header("References"), thread);
    let mut ids = [&first, &second, &third, &other].map(|mail| mail.header("Message-ID"));
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    office.nothing_is_left().await;
}

#[tokio::test]
async fn at_most_twenty_of_a_post_are_mailed() {
    let names: Vec<String> = (0..23).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut office = Office::open(&names).await;
    let all: Vec<String> = names.iter().map(|name| format!("@{name}")).collect();
    // Whoever names itself gets none, and takes nobody's place; a name twice is one.
    office.say("p0", &format!("{} @p1", all.join(" "))).await;
    let mut mailed = Vec::new();
    for mail in office.smtp.several(20).await {
        mailed.push(mail.to);
    }
    office.nothing_is_left().await;
    mailed.dedup();
    assert_eq!(mailed.len(), 20);
    assert!(!mailed.contains(&"p0@example.org".to_owned()));
    // The others are told on the site.
    for name in &names[1..] {
        let told = office.client(name).get("/api/v1/notifications").await.ok();
        assert_eq!(told.as_array().map(Vec::len), Some(1), "{name}");
    }
}
