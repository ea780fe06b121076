//! The link in every mail that stops mail of its kind (RFC 8058): no log-in, no cookies, one `POST`.

use super::Office;

#[tokio::test]
async fn one_click_stops_mail_of_one_kind() {
    let mut office = Office::open(&["ana", "ben"]).await;
    office.say("ana", "@ben hello").await;
    let mail = office.smtp.next().await;
    let path = mail.unsubscribe_path(office.rig.server.url());
    let stranger = office.rig.anonymous();

    // Programs that look at every link of a mail change nothing.
    let page = stranger.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.header("set-cookie"), "");
    assert!(page.text.contains(&format!("action=\"{path}\"")));
    assert!(page.text.contains("mentions and replies"), "{}", page.text);
    office.say("ana", "@ben hello again").await;
    let again = office.smtp.next().await;
    assert_eq!(again.unsubscribe_path(office.rig.server.url()), path);

    let one_click = [("List-Unsubscribe", "One-Click")];
    let done = stranger.post_form(&path, &one_click).await;
    assert_eq!(done.status, 200, "{}", done.text);
    office.say("ana", "@ben and again").await;
    office.nothing_is_left().await;
    // Twice does no harm.
    assert_eq!(stranger.post_form(&path, &one_click).await.status, 200);

    // It is Ben's alone, and about mentions alone.
    office.say("ben", "@ana hello").await;
    assert_eq!(office.smtp.next().await.to, "ana@example.org");
    let lock = serde_json::json!({"locked": true});
    let ben = office.client("ben");
    ben.patch("/api/v1/accounts/update_credentials", lock)
        .await
        .ok();
    office.relate("ana", "follow", "ben").await;
    let request = office.smtp.next().await;
    assert_eq!(request.to, "ben@example.org");
    assert!(request.text().contains("@ana wants to follow you"));
    assert_ne!(request.unsubscribe_path(office.rig.server.url()), path);
    office.nothing_is_left().await;
}

#[tokio::test]
async fn a_link_that_was_changed_stops_nothing() {
    let mut office = Office::open(&["ana", "ben", "cleo"]).await;
    office.say("ana", "@ben hello").await;
    let mail = office.smtp.next().await;
    let path = mail.unsubscribe_path(office.rig.server.url());
    let (ben, cleo) = (office.rig.person("ben").id, office.rig.person("cleo").id);
    let of_another = path.replace(&ben.to_string(), &cleo.to_string());
    assert_ne!(of_another, path);
    let stranger = office.rig.anonymous();
    for changed in [
        of_another,
        path.replace("mention", "log_in"),
        path[..path.len() - 1].to_owned(),
        format!("{path}A"),
    ] {
        assert_eq!(stranger.get(&changed).await.status, 403, "{changed}");
        let sent = stranger.post_form(&changed, &[("List-Unsubscribe", "One-Click")]);
        assert_eq!(sent.await.status, 403, "{changed}");
    }
    office.say("ana", "@ben @cleo hello again").await;
    office.smtp.several(2).await;
    office.nothing_is_left().await;
}

#[tokio::test]
async fn what_waited_when_mail_was_stopped_does_not_come() {
    let mut office = Office::open(&["ana", "ben"]).await;
    office.say("ana", "@ben hello").await;
    let mail = office.smtp.next().await;
    let path = mail.unsubscribe_path(office.rig.server.url());
    office.say_in_vain("ana", "@ben hello again").await;
    let stop = async |office: &Office| {
        let one_click = [("List-Unsubscribe", "One-Click")];
        let done = office.rig.anonymous().post_form(&path, &one_click).await;
        assert_eq!(done.status, 200);
    };
    office.meanwhile("unsubscribed", stop).await;
}
