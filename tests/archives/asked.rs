//! A member asks for an archive on the website, with the password, and fetches it as long as it is kept.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use kinglet::domain::access::Authority;
use kinglet::domain::job::JobState;
use kinglet::store::queries::archive::FindArchive;
use kinglet::store::queries::jobs::ListJobs;
use kinglet::store::units::{AskArchive, RunTaskNow};
use tokio::time::{sleep, timeout};

use crate::packing::python;
use crate::support::process::Place;
use crate::support::server::{Rig, password_of};
use crate::support::website::{Page, Visitor};

const ACCOUNT: &str = "/settings/account";
const ARCHIVE: &str = "/settings/archive.zip";
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How long a test waits for what is done by itself.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn logged_in(rig: &Rig, name: &str) -> Visitor {
    let visitor = Visitor::new();
    let page = visitor.open(&format!("{}/login", rig.server.url())).await;
    let fields = [("login", name), ("password", &*password_of(name))];
    let home = visitor.send(&page, "/login", &fields).await;
    assert_eq!(home.url.path(), "/", "{}", home.html);
    visitor
}

pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what} didn't happen");
}

fn files(rig: &Rig) -> Vec<PathBuf> {
    let directory = rig.server.data_dir().join("archives");
    let entries = fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_asked_for_with_the_password_and_fetched_by_its_owner_alone() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let url = |path: &str| format!("{}{path}", rig.server.url());
    let written = rig
        .client("ada")
        .post_form("/api/v1/statuses", &[("status", "Mine")])
        .await;
    written.ok();
    let ada = logged_in(&rig, "ada").await;
    let bob = logged_in(&rig, "bob").await;
    let ask = async |page: &Page, password: &str| {
        ada.send(page, "/settings/archive", &[("archive_password", password)])
            .await
    };
    assert_eq!(ada.open(&url(ARCHIVE)).await.status, 404);
    let page = ada.open(&url(ACCOUNT)).await;
    let refused = ask(&page, "not the password").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.html.contains("password is wrong"),
        "{}",
        refused.html
    );
    assert!(
        fs::read_dir(rig.server.data_dir().join("archives")).is_err(),
        "nothing is made"
    );
    let asked = ask(&page, &password_of("ada")).await;
    assert_eq!(asked.url.path(), ACCOUNT);
    assert!(
        asked.html.contains("is being put together"),
        "{}",
        asked.html
    );
    until("the archive", async || {
        ada.open(&url(ACCOUNT)).await.html.contains(ARCHIVE)
    })
    .await;

    let [file] = &files(&rig)[..] else {
        panic!("there is one file");
    };
    let mode =
        |path: &std::path::Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(file), 0o600);
    assert_eq!(mode(file.parent().expect("a directory")), 0o700);
    let place = Place::new();
    fs::copy(file, place.path().join("fetched.zip")).expect("a copy");
    python(
        "import json,zipfile\n\
         archive = zipfile.ZipFile('fetched.zip')\n\
         assert archive.testzip() is None\n\
         items = json.loads(archive.read('outbox.json'))['orderedItems']\n\
         assert [item['object']['source']['content'] for item in items] == ['Mine']",
        &place,
    );
    let fetched = ada.open(&url(ARCHIVE)).await;
    assert_eq!(fetched.status, 200);
    assert!(fetched.html.starts_with("PK"), "a ZIP");
    // Nobody else, and no token of its own.
    assert_eq!(bob.open(&url(ARCHIVE)).await.status, 404);
    assert_eq!(
        Visitor::new().open(&url(ARCHIVE)).await.url.path(),
        "/login"
    );
    let by_token = rig.client("ada").get(ARCHIVE).await;
    assert_ne!(by_token.status, 200);
    assert!(!by_token.text.contains("outbox.json"));
    // Not again on the same day.
    let again = ask(&page, &password_of("ada")).await;
    assert_eq!(again.status, 422);
    assert!(again.html.contains("less than a day ago"), "{}", again.html);

    rig.pass_seconds(7 * DAY_SECONDS + 1);
    assert_eq!(ada.open(&url(ARCHIVE)).await.status, 404);
    assert!(
        ada.open(&url(ACCOUNT))
            .await
            .html
            .contains("archive_password")
    );
    // The file goes with the next sweep.
    rig.pass_seconds(DAY_SECONDS);
    let made = fs::metadata(file).and_then(|found| found.modified());
    let long_ago = made.expect("a time") - Duration::from_secs(9 * 24 * 60 * 60);
    let opened = File::options().write(true).open(file).expect("it is there");
    opened.set_modified(long_ago).expect("its time is set");
    let actors = &rig.server.instance().actors;
    let sweep = || RunTaskNow {
        by: Authority::Operator,
        task: "codes".to_owned(),
    };
    until("the schedule", async || {
        actors.perform(sweep()).await.is_ok()
    })
    .await;
    until("the sweep", async || files(&rig).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_another_archive_to_be_written_has_not_failed() {
    let names = ["ada", "bob", "cleo", "dora"];
    let rig = Rig::start(&names).await;
    let actors = &rig.server.instance().actors;
    let accounts = names.map(|name| rig.person(name).id);
    let asked = accounts.map(|account| actors.perform(AskArchive { account }));
    for asked in asked {
        asked.await.expect("it is asked for");
    }
    until("the archives", async || {
        for state in [JobState::Waiting, JobState::Dead] {
            let failed = actors.find(ListJobs { state }).await.expect("an answer");
            assert!(failed.is_empty(), "{failed:?}");
        }
        rig.pass_seconds(1);
        let mut made = 0;
        for account in accounts {
            let found = actors.find(FindArchive { account }).await;
            let found = found.expect("an answer").expect("it was asked for");
            made += usize::from(found.made.is_some());
        }
        made == accounts.len()
    })
    .await;
}
