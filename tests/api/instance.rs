//! What clients ask before anybody has logged in, and what isn't built.

use serde_json::json;

use crate::support::server::Rig;

#[tokio::test]
async fn the_instance_describes_itself_to_every_kind_of_client() {
    let rig = Rig::start(&["ada"]).await;
    let anonymous = rig.anonymous();
    let host = rig
        .server
        .url()
        .strip_prefix("http://")
        .expect("a host")
        .to_owned();
    for slash in ["", "/"] {
        let first = anonymous
            .get(&format!("/api/v1/instance{slash}"))
            .await
            .ok();
        assert_eq!(first["uri"], host);
        assert_eq!(first["stats"]["user_count"], 1);
        let second = anonymous
            .get(&format!("/api/v2/instance{slash}"))
            .await
            .ok();
        assert_eq!(second["domain"], host);
        let version = second["version"].as_str().expect("a text");
        assert!(
            version.starts_with("4.") && version.contains("(compatible; Kinglet "),
            "{version}"
        );
        for number in [
            "max_options",
            "max_characters_per_option",
            "min_expiration",
            "max_expiration",
        ] {
            assert!(
                second["configuration"]["polls"][number].is_number(),
                "{number}"
            );
        }
        let picture = second["thumbnail"]["url"].as_str().expect("a URL");
        let answer = anonymous.get_bytes(picture).await;
        assert_eq!(&answer[1..4], b"PNG");
    }
    let links = anonymous.get("/.well-known/nodeinfo").await.ok();
    let href = links["links"][0]["href"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let info = anonymous.get(&href).await.ok();
    assert_eq!(info["software"]["name"], "kinglet");
    assert_eq!(info["version"], "2.0");
}

#[tokio::test]
async fn accounts_are_discovered_by_webfinger() {
    let rig = Rig::start(&["Ada"]).await;
    let anonymous = rig.anonymous();
    let host = rig
        .server
        .url()
        .strip_prefix("http://")
        .expect("a host")
        .to_owned();
    let meta = anonymous.get("/.well-known/host-meta").await;
    assert_eq!(
        meta.header("content-type"),
        "application/xrd+xml; charset=utf-8"
    );
    assert!(meta.text.contains(&format!(
        "template=\"{}/.well-known/webfinger?resource={{uri}}\"",
        rig.server.url()
    )));
    let finger = async |resource: &str| {
        anonymous
            .get(&format!("/.well-known/webfinger?resource={resource}"))
            .await
    };
    let found = finger(&format!("acct:ada@{host}")).await;
    assert_eq!(
        found.header("content-type"),
        "application/jrd+json; charset=utf-8"
    );
    assert_eq!(found.header("access-control-allow-origin"), "*");
    assert_eq!(found.ok()["subject"], format!("acct:Ada@{host}"));
    finger("acct:nobody@elsewhere.example").await.refused(404);
    anonymous.get("/.well-known/webfinger").await.refused(400);
}

#[tokio::test]
async fn what_is_not_built_is_empty_to_read_and_404_to_write() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    for list in [
        "announcements",
        "conversations",
        "custom_emojis",
        "domain_blocks",
        "endorsements",
        "featured_tags",
        "filters",
        "followed_tags",
        "instance/peers",
        "instance/rules",
        "lists",
        "scheduled_statuses",
        "suggestions",
        "trends/links",
        "trends/statuses",
        "trends/tags",
    ] {
        assert_eq!(
            ada.get(&format!("/api/v1/{list}")).await.ok(),
            json!([]),
            "{list}"
        );
    }
    assert_eq!(ada.get("/api/v2/filters").await.ok(), json!([]));
    for write in [
        "lists",
        "reports",
        "media",
        "push/subscription",
        "domain_blocks",
    ] {
        let sentence = ada
            .post(&format!("/api/v1/{write}"), json!({"title": "x"}))
            .await
            .refused(404);
        assert!(
            sentence.contains(' ') && sentence != "Record not found",
            "{write}: {sentence}"
        );
    }
    rig.anonymous().get("/api/v1/lists").await.refused(401);
    rig.anonymous().get("/api/v1/trends/tags").await.ok();
}
