//! Who sees what: every route and outlet, four visibilities, twelve ways to look.
//!
//! The rule stands here once more ([`Viewer::may_see`]); the server's own is not asked. Whoever may not see an entry must
//! get the very answer that an entry gets that was never there.

#[path = "../support/mod.rs"]
mod support;
mod table;
mod world;

use std::collections::BTreeSet;

use kinglet::http::routes;
use kinglet::http::routing::{Access, RouteInfo};
use reqwest::Method;
use serde_json::json;

use self::support::server::Answer;
use self::table::{Act, Entry, List, Outlet, Row, TABLE};
use self::world::{Browser, Kind, Subject, Viewer, Visibility, World, comparable, text_of};

/// Families whose routes answer nothing whatever they are asked; that they do is proven below.
const UNBUILT_FAMILIES: &[&str] = &["empty", "missing"];
/// How many pages a walk has at most: far more than any list here.
const WALK_PAGES_MAX: usize = 60;

fn listed() -> Vec<RouteInfo> {
    routes::list().expect("the routes make a tree")
}

fn info_of(row: &Row) -> Option<RouteInfo> {
    let is_it = |info: &RouteInfo| info.method == row.method && info.pattern == row.pattern;
    listed().into_iter().find(is_it)
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let routes: BTreeSet<(String, &str)> = listed()
        .into_iter()
        .filter(|info| !UNBUILT_FAMILIES.contains(&info.family))
        .map(|info| (info.method.to_string(), info.pattern))
        .collect();
    let rows: BTreeSet<(String, &str)> = TABLE
        .iter()
        .map(|row| (row.method.to_owned(), row.pattern))
        .collect();
    let missing: Vec<_> = routes.difference(&rows).collect();
    assert!(
        missing.is_empty(),
        "what can be learned of a post here? Not in the table: {missing:#?}"
    );
    let stale: Vec<_> = rows.difference(&routes).collect();
    assert!(stale.is_empty(), "no such routes any more: {stale:#?}");
    for row in TABLE {
        if let Outlet::Quiet(reason) = row.outlet {
            assert!(
                reason.contains(' '),
                "{}: {reason:?} is no reason",
                row.pattern
            );
        }
    }
}

/// What a caller gets who isn't let in to a route at all.
fn turned_away(row: &Row, viewer: Viewer) -> Option<u16> {
    let access = info_of(row).map(|info| info.access);
    match (access, viewer) {
        (Some(Access::User(_)), Viewer::Anonymous) => Some(401),
        (Some(Access::User(_) | Access::Anyone(_)), Viewer::ScopeMissing) => Some(403),
        // To the log-in page.
        (Some(Access::Session), Viewer::Anonymous) => Some(303),
        _ => None,
    }
}

/// Who asks on a route: a program with a token, or somebody with a browser. Nobody has a browser with a token.
fn asker(world: &World, row: &Row, viewer: Viewer) -> Option<Browser> {
    match info_of(row).map(|info| info.access) {
        Some(Access::Visitor | Access::Session) => world.browser(viewer),
        _ => Some(Browser {
            client: world.client(viewer),
            form_token: String::new(),
        }),
    }
}

/// A route's address for an entry of the author.
fn entry_path(row: &Row, id: &str) -> String {
    row.pattern.replace(":id", id).replace(":name", "ada")
}

/// A JSON answer without the ids of answered posts: they stay, whether the answered post does or not.
fn without_parents(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once("\"in_reply_to_id\":\"") {
        kept.push_str(before);
        rest = after.split_once('"').map_or("", |(_, after)| after);
    }
    kept + rest
}

fn assert_hidden(answer: &Answer, subject: &Subject, told: &str) {
    let body = without_parents(&answer.text);
    for secret in [&subject.word, &subject.id] {
        assert!(!body.contains(secret), "{told}: {secret} is in {body}");
        for (name, value) in &answer.headers {
            let value = value.to_str().expect("headers are ASCII");
            assert!(
                !value.contains(secret),
                "{told}: {secret} is in {name}: {value}"
            );
        }
    }
}

/// An id that nothing ever had, of the same width and age.
fn never(subject: &Subject) -> String {
    let id: i64 = subject.id.parse().expect("an id is a number");
    (id + 40_000).to_string()
}

async fn assert_entry(world: &World, row: &Row, entry: Entry) {
    for viewer in Viewer::ALL {
        let Some(Browser { client, .. }) = asker(world, row, viewer) else {
            continue;
        };
        let is_page = !row.pattern.starts_with("/api/");
        for subject in &world.subjects {
            let ask = async |id: &str| client.get(&entry_path(row, id)).await;
            let told = format!(
                "{} {} by {viewer:?} of {subject:?}",
                row.method, row.pattern
            );
            let answer = ask(&subject.id).await;
            if let Some(status) = turned_away(row, viewer) {
                assert_eq!(answer.status, status, "{told}: {}", answer.text);
            }
            let by_friend =
                subject.kind == Kind::Boost && subject.visibility != Visibility::Private;
            let has_source = !(by_friend || is_page && subject.kind == Kind::Boost);
            let is_own = viewer == Viewer::Author && has_source;
            let lets_in =
                turned_away(row, viewer).is_none() && (entry != Entry::AuthorsText || is_own);
            if lets_in && subject.seen_by(viewer) {
                if is_page && subject.kind == Kind::Boost {
                    // A boost has no page of its own.
                    if answer.status == 404 {
                        continue;
                    }
                    let post = &world.post(subject.visibility).id;
                    assert_eq!(answer.status, 303, "{told}: {}", answer.text);
                    assert!(answer.header("location").contains(post), "{told}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{told}: {}", answer.text);
                let tells = match entry {
                    Entry::Text => true,
                    Entry::OwnText | Entry::AuthorsText => subject.kind != Kind::Boost,
                    Entry::Presence => false,
                };
                assert!(
                    !tells || answer.text.contains(&subject.word),
                    "{told}: {}",
                    answer.text
                );
                continue;
            }
            let (nothing, id) = (never(subject), subject.id.as_str());
            let other = ask(&nothing).await;
            assert_eq!(
                comparable(&answer, id),
                comparable(&other, &nothing),
                "{told}"
            );
            // The way to the log-in page and back holds the address that was asked for.
            if !is_page {
                assert_hidden(&answer, subject, &told);
            }
        }
    }
}

/// A list's address for a subject; one address for all subjects if it names none.
fn address(world: &World, list: &List, subject: &Subject) -> String {
    let id = |name: &str| world.rig.person(name).id.to_string();
    let answers = world.answers.iter();
    let mut answer = answers.filter(|(visibility, _)| *visibility == subject.visibility);
    let answer = answer.next().map_or("", |(_, id)| id);
    list.path
        .replace("{author}", &id("ada"))
        .replace("{booster}", &id("bo"))
        .replace("{stranger}", &id("stan"))
        .replace("{follower}", &id("fay"))
        .replace("{asked}", &world.asked)
        .replace("{answer}", answer)
        .replace("{word}", &subject.word)
        .replace(
            "{url}",
            &format!("{}/@ada/{}", world.rig.server.url(), subject.id),
        )
        .replace("{id}", &subject.id)
}

async fn assert_list(world: &World, row: &Row, list: &List) {
    let is_page = !row.pattern.starts_with("/api/");
    let posts = || world.subjects.iter().filter(|one| one.kind != Kind::Boost);
    for viewer in Viewer::ALL {
        let Some(Browser { client, .. }) = asker(world, row, viewer) else {
            continue;
        };
        let mut asked: Option<(String, Answer)> = None;
        for subject in posts() {
            let path = address(world, list, subject);
            let answer = match asked.take().filter(|(known, _)| *known == path) {
                Some((_, answer)) => answer,
                None => client.get(&path).await,
            };
            let told = format!("{path} by {viewer:?} with {subject:?}");
            let away = turned_away(row, viewer);
            let shows = away.is_none() && (list.shows)(viewer, subject);
            // Whom the author blocks finds no profile at the website.
            let gone = is_page && !shows && answer.status == 404;
            let status = away.unwrap_or(200);
            assert!(answer.status == status || gone, "{told}: {}", answer.text);
            if shows {
                assert!(
                    answer.text.contains(&subject.word),
                    "{told}: {}",
                    answer.text
                );
            } else if away.is_none() && viewer.may_see(subject.visibility) {
                // It isn't in this list; what answers it may be, and lead to it.
                assert!(
                    !answer.text.contains(&subject.word),
                    "{told}: {}",
                    answer.text
                );
            } else {
                assert_hidden(&answer, subject, &told);
            }
            asked = Some((path, answer));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_shown_to_whom_they_are_meant_and_are_nothing_to_others() {
    let world = World::new().await.with_browsers().await;
    for row in TABLE {
        if let Outlet::Entry(entry) = row.outlet {
            assert_entry(&world, row, entry).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_is_meant_for_the_caller_and_nothing_else() {
    let world = World::new().await.with_browsers().await;
    for row in TABLE {
        if let Outlet::Lists(lists) = row.outlet {
            for list in lists {
                assert_list(&world, row, list).await;
            }
        }
    }
}

/// Entry by entry, so that each cursor is in a Link header once: none may be an id that the caller must not know, and
/// no page that follows may show what the first doesn't.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_in_single_steps_tells_no_more_than_one_page() {
    let world = World::new().await;
    let author = world.rig.person("ada").id;
    for path in [
        "/api/v1/timelines/home".to_owned(),
        "/api/v1/timelines/public".to_owned(),
        "/api/v1/timelines/tag/birds".to_owned(),
        "/api/v1/favourites".to_owned(),
        "/api/v1/bookmarks".to_owned(),
        "/api/v1/notifications".to_owned(),
        format!("/api/v1/accounts/{author}/statuses"),
    ] {
        for viewer in Viewer::ALL {
            let client = world.client(viewer);
            let whole = client.get(&format!("{path}?limit=40")).await;
            if whole.status != 200 {
                continue;
            }
            let whole: Vec<String> = ids_of(&whole);
            let mut walked = Vec::new();
            let mut next = Some(format!("{path}?limit=1"));
            let mut pages = 0;
            while let Some(address) = next {
                let answer = client.get(&address).await;
                let hidden = |subject: &&Subject| !viewer.may_see(subject.visibility);
                for subject in world.subjects.iter().filter(hidden) {
                    assert_hidden(&answer, subject, &format!("{address} by {viewer:?}"));
                }
                walked.extend(ids_of(&answer));
                next = answer.link("next");
                pages += 1;
                assert!(pages < WALK_PAGES_MAX, "{path} by {viewer:?} doesn't end");
            }
            assert_eq!(walked, whole, "{path} by {viewer:?}");
            assert!(
                pages <= whole.len().max(1),
                "{path} by {viewer:?}: an empty last page"
            );
        }
    }
}

fn ids_of(answer: &Answer) -> Vec<String> {
    let json = answer.ok();
    let entries = json.as_array().expect("a list");
    entries.iter().map(|entry| text_of(&entry["id"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_on_what_they_may_not_see() {
    let world = World::new().await.with_browsers().await;
    for row in TABLE {
        let Outlet::Act(act) = row.outlet else {
            continue;
        };
        for viewer in Viewer::ALL {
            let takes_back = ["/unreblog", "/unboost"]
                .iter()
                .any(|end| row.pattern.ends_with(end));
            if takes_back && viewer == Viewer::Author {
                // It would take away the boost that the others look at.
                continue;
            }
            let Some(browser) = asker(&world, row, viewer) else {
                continue;
            };
            for subject in &world.subjects {
                let may = match act {
                    Act::OnSeen | Act::Reply => subject.seen_by(viewer),
                    Act::OnOwn => false,
                };
                if act == Act::OnOwn && viewer == Viewer::Author {
                    continue;
                }
                let told = format!(
                    "{} {} by {viewer:?} of {subject:?}",
                    row.method, row.pattern
                );
                let answer = attempt(&browser, row, act, &subject.id).await;
                if let Some(status) = turned_away(row, viewer) {
                    assert_eq!(answer.status, status, "{told}: {}", answer.text);
                } else if may {
                    // To see a post is not enough to spread it.
                    let spreads = ["/reblog", "/boost"]
                        .iter()
                        .any(|end| row.pattern.ends_with(end));
                    let refused = spreads && answer.status == 403;
                    let done = matches!(answer.status, 200 | 303);
                    assert!(done || refused, "{told}: {} {}", answer.status, answer.text);
                } else {
                    let nothing = never(subject);
                    let other = attempt(&browser, row, act, &nothing).await;
                    // The website's form comes back with what was typed, and says that the post is gone.
                    let refusal = if row.pattern == "/posts" { 422 } else { 404 };
                    assert_eq!(other.status, refusal, "{told}: {}", other.text);
                    assert_eq!(
                        comparable(&answer, &subject.id),
                        comparable(&other, &nothing),
                        "{told}"
                    );
                }
            }
        }
    }
}

async fn attempt(browser: &Browser, row: &Row, act: Act, id: &str) -> Answer {
    let method: Method = row.method.parse().expect("a method");
    let (client, token) = (&browser.client, &browser.form_token);
    let request = client.request(method, &entry_path(row, id));
    let request = match act {
        _ if !row.pattern.starts_with("/api/") => {
            let fields = [
                ("csrf", token.as_str()),
                ("status", "well"),
                ("in_reply_to_id", id),
            ];
            request.form(&fields)
        }
        Act::Reply => request.json(&json!({"status": "well", "in_reply_to_id": id})),
        Act::OnOwn => request.json(&json!({"status": "something else"})),
        Act::OnSeen => request,
    };
    client.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_notification_is_its_readers_alone() {
    let world = World::new().await;
    for reader in [Viewer::Mentioned, Viewer::Author] {
        let list = world
            .client(reader)
            .get("/api/v1/notifications?limit=80")
            .await;
        let ids = ids_of(&list);
        assert!(!ids.is_empty());
        for viewer in Viewer::ALL {
            let client = world.client(viewer);
            for id in &ids {
                let ask = async |id: &str| client.get(&format!("/api/v1/notifications/{id}")).await;
                let answer = ask(id).await;
                if viewer == reader {
                    assert_eq!(answer.ok()["id"], **id);
                    continue;
                }
                let number: i64 = id.parse().expect("a number");
                let nothing = (number + 40_000).to_string();
                let other = ask(&nothing).await;
                assert_eq!(
                    comparable(&answer, id),
                    comparable(&other, &nothing),
                    "{viewer:?}"
                );
                assert!(
                    matches!(answer.status, 401 | 403 | 404),
                    "{viewer:?}: {}",
                    answer.text
                );
            }
        }
    }
    for viewer in Viewer::ALL.into_iter().filter(|viewer| viewer.acts()) {
        let client = world.client(viewer);
        let list = ids_of(&client.get("/api/v1/notifications?limit=80").await);
        let count = client.get("/api/v1/notifications/unread_count").await.ok();
        assert_eq!(count["count"], list.len(), "{viewer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_count_changes_by_posts_that_the_caller_may_not_see() {
    let world = World::new().await;
    let mut paths: Vec<String> = vec![
        format!("/api/v1/statuses/{}", world.asked),
        format!("/api/v1/statuses/{}/context", world.asked),
        format!("/api/v1/statuses/{}", world.post(Visibility::Public).id),
    ];
    for row in TABLE {
        let addresses = match &row.outlet {
            Outlet::Counts(addresses) => addresses.to_vec(),
            Outlet::Lists(lists) => lists.iter().map(|list| list.path).collect(),
            _ => continue,
        };
        for path in addresses {
            let list = List {
                path,
                shows: |_, _| false,
            };
            paths.push(address(&world, &list, world.post(Visibility::Public)));
        }
    }
    let outsiders = [
        Viewer::Anonymous,
        Viewer::Stranger,
        Viewer::Blocked,
        Viewer::Blocking,
        Viewer::ExFollower,
        Viewer::RemovedFollower,
        Viewer::FollowerOfBooster,
    ];
    let look = async || {
        let mut seen = Vec::new();
        for path in &paths {
            for viewer in outsiders {
                let answer = world.client(viewer).get(path).await;
                seen.push((viewer, path, comparable(&answer, "")));
            }
        }
        seen
    };
    // A day later, so that the day of the newest post would show.
    world.rig.pass_seconds(26 * 3600);
    let before = look().await;
    for visibility in ["private", "direct"] {
        let hidden = |text: &str, reply_to: &str| json!({"status": text, "visibility": visibility, "in_reply_to_id": reply_to});
        world
            .write(
                "ada",
                json!({"status": "a hidden wren #birds", "visibility": visibility}),
            )
            .await;
        world
            .write("ada", hidden("a hidden robin @mona", &world.asked))
            .await;
        let open = &world.post(Visibility::Public).id;
        world.write("ada", hidden("a hidden wren", open)).await;
    }
    let own = &world.post(Visibility::Private).id;
    for (who, mark) in [
        ("fay", "favourite"),
        ("fay", "bookmark"),
        ("ada", "unreblog"),
        ("ada", "reblog"),
    ] {
        let path = format!("/api/v1/statuses/{own}/{mark}");
        world.rig.client(who).post_empty(&path).await.ok();
    }
    for (before, after) in before.iter().zip(&look().await) {
        assert_eq!(before, after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_author_is_nowhere_and_comes_back_whole() {
    let mut world = World::new().await.with_browsers().await;
    world.set_suspended("ada", true).await;
    for row in TABLE {
        for viewer in Viewer::ALL {
            let Some(Browser { client, .. }) = asker(&world, row, viewer) else {
                continue;
            };
            let is_page = !row.pattern.starts_with("/api/");
            for subject in &world.subjects {
                let paths: Vec<String> = match &row.outlet {
                    Outlet::Entry(_) => vec![entry_path(row, &subject.id)],
                    Outlet::Lists(lists) => lists
                        .iter()
                        .map(|list| address(&world, list, subject))
                        .filter(|path| path.contains(&subject.id) || path.contains(&subject.word))
                        .collect(),
                    _ => continue,
                };
                for path in paths {
                    let answer = client.get(&path).await;
                    let told = format!("{path} by {viewer:?} of {subject:?}, suspended");
                    if is_page {
                        let gone = matches!(answer.status, 404 | 303);
                        assert!(gone && !answer.text.contains(&subject.word), "{told}");
                        continue;
                    }
                    assert_hidden(&answer, subject, &told);
                }
            }
            let Outlet::Lists(lists) = &row.outlet else {
                continue;
            };
            for list in *lists {
                let path = address(&world, list, &world.subjects[0]);
                let answer = client.get(&path).await;
                for subject in &world.subjects {
                    assert_hidden(
                        &answer,
                        subject,
                        &format!("{path} by {viewer:?}, suspended"),
                    );
                }
            }
        }
        if let Outlet::Counts(paths) = &row.outlet {
            for path in *paths {
                let list = List {
                    path,
                    shows: |_, _| false,
                };
                let path = address(&world, &list, &world.subjects[0]);
                let answer = world.client(Viewer::Stranger).get(&path).await;
                assert!(
                    !answer.text.contains("\"username\":\"ada\""),
                    "{path}: {}",
                    answer.text
                );
            }
        }
    }
    for subject in &world.subjects {
        let (stan, nothing) = (world.client(Viewer::Stranger), never(subject));
        let ask = async |id: &str| stan.get(&format!("/api/v1/statuses/{id}")).await;
        let (answer, other) = (ask(&subject.id).await, ask(&nothing).await);
        assert_eq!(
            comparable(&answer, &subject.id),
            comparable(&other, &nothing)
        );
    }
    let ada = world.rig.client("ada").get("/api/v1/timelines/home").await;
    assert!(
        matches!(ada.status, 401 | 403),
        "{} {}",
        ada.status,
        ada.text
    );
    world.set_suspended("ada", false).await;
    for row in TABLE {
        if let Outlet::Lists(lists) = row.outlet {
            for list in lists {
                assert_list(&world, row, list).await;
            }
        }
    }
}

/// The roads on which a follower meets a followers-only post of the author.
fn roads(world: &World, subject: &Subject) -> Vec<String> {
    let author = world.rig.person("ada").id;
    let (id, word) = (&subject.id, &subject.word);
    vec![
        format!("/api/v1/statuses/{id}"),
        format!("/api/v1/statuses?id[]={id}"),
        "/api/v1/timelines/home?limit=40".to_owned(),
        format!("/api/v1/accounts/{author}/statuses?limit=40"),
        format!("/api/v1/search?q={word}").replace("v1", "v2"),
        "/api/v1/favourites".to_owned(),
        "/api/v1/bookmarks".to_owned(),
    ]
}

/// What was answered 200 holds for the very next request: on each road apart, as the first one may heal a cache for
/// those after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_answered_holds_for_the_next_request() {
    let mut world = World::new().await;
    let subject = world.post(Visibility::Private).clone();
    let fay = world.client(Viewer::Follower);
    let changes: [(&str, &str, &str, &str, &str); 5] = [
        // Who, does what to whom; who, undoes it.
        ("fay", "unfollow", "ada", "fay", "follow"),
        ("ada", "remove_from_followers", "fay", "", ""),
        ("ada", "block", "fay", "ada", "unblock"),
        ("fay", "block", "ada", "fay", "unblock"),
        ("fay", "mute", "ada", "fay", "unmute"),
    ];
    for road in roads(&world, &subject) {
        for (actor, change, other, undoer, undo) in changes {
            assert!(
                fay.get(&road).await.text.contains(&subject.word),
                "{road} before {change}"
            );
            world.relate(actor, change, other).await;
            let answer = fay.get(&road).await;
            // Mutes take posts out where somebody strolls, not where they were looked for.
            let strolls = road.contains("home") || road.contains("search");
            if change != "mute" || strolls {
                assert_hidden(
                    &answer,
                    &subject,
                    &format!("{road} after {actor}'s {change}"),
                );
            } else {
                assert!(answer.text.contains(&subject.word), "{road} after {change}");
            }
            if !undo.is_empty() {
                world.relate(undoer, undo, other).await;
            }
            // Blocks end follows; following again brings the posts back at once.
            world.relate("fay", "follow", "ada").await;
        }
        world.set_suspended("ada", true).await;
        assert_hidden(
            &fay.get(&road).await,
            &subject,
            &format!("{road} after suspension"),
        );
        world.set_suspended("ada", false).await;
        assert!(
            fay.get(&road).await.text.contains(&subject.word),
            "{road} afterwards"
        );
    }
    for road in roads(&world, &subject) {
        let post = json!({"status": "@fay a bluetit", "visibility": "private"});
        let id = world.write("ada", post).await;
        let gone = Subject {
            id: id.clone(),
            word: "bluetit".to_owned(),
            ..subject.clone()
        };
        let road = road
            .replace(&subject.id, &id)
            .replace(&subject.word, &gone.word);
        for mark in ["favourite", "bookmark"] {
            fay.post_empty(&format!("/api/v1/statuses/{id}/{mark}"))
                .await
                .ok();
        }
        assert!(
            fay.get(&road).await.text.contains("bluetit"),
            "{road} before"
        );
        let ada = world.rig.client("ada");
        ada.delete(&format!("/api/v1/statuses/{id}")).await.ok();
        assert_hidden(
            &fay.get(&road).await,
            &gone,
            &format!("{road} after deletion"),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boost_never_carries_a_post_further_than_it_was_meant() {
    let mut world = World::new().await;
    let private = world.post(Visibility::Private).id.clone();
    let direct = world.post(Visibility::Direct).id.clone();
    // A follower who sees a followers-only post can't spread it, and nobody spreads a direct one.
    for (who, id) in [
        ("fay", &private),
        ("bo", &private),
        ("mona", &direct),
        ("ada", &direct),
    ] {
        let answer = world
            .rig
            .client(who)
            .post_empty(&format!("/api/v1/statuses/{id}/reblog"))
            .await;
        answer.refused(403);
    }
    // A suspended booster takes the boosts along, a suspended author the boosted posts.
    let fobo = world.client(Viewer::FollowerOfBooster);
    let home = async || fobo.get("/api/v1/timelines/home").await.text;
    assert!(home().await.contains("wrenpublic"));
    for suspended in ["bo", "ada"] {
        world.set_suspended(suspended, true).await;
        assert!(!home().await.contains("wren"), "{suspended}");
        world.set_suspended(suspended, false).await;
        assert!(home().await.contains("wrenpublic"), "{suspended}");
    }
    // Whoever boosts is not named to those whom a block keeps apart from the booster.
    let public = world.post(Visibility::Public).id.clone();
    let boosters = format!("/api/v1/statuses/{public}/reblogged_by");
    assert!(fobo.get(&boosters).await.text.contains("\"bo\""));
    world.relate("bo", "block", "fobo").await;
    assert!(!fobo.get(&boosters).await.text.contains("\"bo\""));
    assert!(
        !home().await.contains("wren"),
        "the follow ended with the block"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_answers_nothing_of_anybody() {
    let world = World::new().await;
    let subject = world.post(Visibility::Private);
    for info in listed() {
        if !UNBUILT_FAMILIES.contains(&info.family) {
            continue;
        }
        let path = info
            .pattern
            .replace(":id", &subject.id)
            .replace(":name", "birds");
        for viewer in [Viewer::Author, Viewer::Follower, Viewer::Stranger] {
            let client = world.client(viewer);
            let answer = client
                .send(client.request(info.method.clone(), &path))
                .await;
            match (info.family, answer.status) {
                ("empty", 200) => assert!(
                    matches!(answer.text.as_str(), "[]" | "{}"),
                    "{path}: {}",
                    answer.text
                ),
                ("missing", 404) => assert!(answer.refused(404).contains(' '), "{path}"),
                (_, status) => panic!("{} {path}: {status} {}", info.method, answer.text),
            }
        }
    }
}
