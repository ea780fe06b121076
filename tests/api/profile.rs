//! The caller's own account.

use serde_json::json;

use crate::support::server::Rig;

const UPDATE: &str = "/api/v1/accounts/update_credentials";

#[tokio::test]
async fn a_profile_is_changed_by_form_json_and_multipart() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let own = ada
        .patch(UPDATE, json!({"display_name": "Ada", "note": null, "source": {"privacy": "unlisted", "language": "de"}}))
        .await
        .ok();
    assert_eq!(own["display_name"], "Ada");
    assert_eq!(own["source"]["privacy"], "unlisted");
    let form = reqwest::multipart::Form::new()
        .text("note", "I like <looms> & #numbers")
        .text("fields_attributes[0][name]", "web")
        .text("fields_attributes[0][value]", "https://ada.example");
    let request = ada.request(reqwest::Method::PATCH, UPDATE).multipart(form);
    let own = ada.send(request).await.ok();
    assert_eq!(own["display_name"], "Ada", "what isn't named stays");
    let note = own["note"].as_str().expect("a text");
    assert!(
        note.starts_with("<p>I like &lt;looms&gt; &amp; <a href"),
        "{note}"
    );
    assert_eq!(own["source"]["fields"][0]["value"], "https://ada.example");
    let preferences = ada.get("/api/v1/preferences").await.ok();
    assert_eq!(preferences["posting:default:visibility"], "unlisted");
    assert_eq!(preferences["posting:default:language"], "de");
    let post = ada
        .post("/api/v1/statuses", json!({"status": "hi"}))
        .await
        .ok();
    assert_eq!(post["visibility"], "unlisted");
    assert_eq!(
        post["account"]["display_name"], "Ada",
        "later posts show the new name"
    );
}

#[tokio::test]
async fn what_can_not_be_kept_is_refused_with_a_sentence() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let picture = reqwest::multipart::Part::bytes(vec![0; 100]).file_name("a.png");
    let form = reqwest::multipart::Form::new().part("avatar", picture);
    let request = ada.request(reqwest::Method::PATCH, UPDATE).multipart(form);
    let refusal = ada.send(request).await.refused(422);
    assert!(refusal.contains("generated"), "{refusal}");
    for bad in [
        json!({"note": "x".repeat(501)}),
        json!({"display_name": "x".repeat(31)}),
        json!({"source": {"privacy": "everybody"}}),
        json!({"fields_attributes": [{"name": "1"}, {"name": "2"}, {"name": "3"}, {"name": "4"}, {"name": "5"}]}),
    ] {
        ada.patch(UPDATE, bad).await.refused(422);
    }
    let own = ada.get("/api/v1/accounts/verify_credentials").await.ok();
    assert_eq!(own["note"], "");
    rig.anonymous()
        .patch(UPDATE, json!({"note": "x"}))
        .await
        .refused(401);
    let missing = ada.delete("/api/v1/profile/avatar").await.refused(404);
    assert!(missing.contains("generated"));
}
