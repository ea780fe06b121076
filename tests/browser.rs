//! The website and the consent page, used by a person with a browser: Debian's Chromium, with scripts switched off.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kinglet::Server;
use kinglet::config::{Config, MailUrl, RegistrationMode};
use kinglet::domain::account::Role;
use serde::Deserialize;
use serde_json::json;
use support::program::Program;
use support::server::{Rig, password_of};
use support::smtp::MailServer;
use support::tools::{in_package, run_script};
use support::village::Village;
use tempfile::TempDir;

/// What a script found out (see `tests/browser/report.mjs`).
#[derive(Deserialize)]
struct Report {
    passed: Vec<String>,
    failed: Vec<Failure>,
    /// `METHOD /path` of each form that was sent.
    submitted: BTreeSet<String>,
}

/// A step that didn't do what it should.
#[derive(Deserialize)]
struct Failure {
    step: String,
    reason: String,
}

/// Runs a script, in which every step has to pass.
#[track_caller]
fn run(script: &str, arguments: &[&str]) -> Report {
    let output = run_script(script, arguments);
    let printed = String::from_utf8_lossy(&output.stdout);
    let report: Result<Report, _> = serde_json::from_str(&printed);
    let report = report.expect("a script prints a report");
    let failures: Vec<_> = report
        .failed
        .iter()
        .map(|failure| format!("- {}: {}", failure.step, failure.reason))
        .collect();
    assert!(
        failures.is_empty(),
        "{script}: passed: {}; failed:\n{}",
        report.passed.join(", "),
        failures.join("\n")
    );
    report
}

/// A server on an address of its own.
fn server(mode: RegistrationMode) -> Server {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.registration.mode = mode;
    config.limits.rate_limits = false;
    let builder = Server::builder().config(config).in_memory();
    builder.start_blocking().expect("a server starts")
}

#[test]
fn consent_leads_to_other_origins_and_own_schemes() {
    let server = server(RegistrationMode::Open);
    let submitted = run("consent.mjs", &[server.url()]).submitted;
    assert!(submitted.contains("POST /oauth/authorize"));
}

#[test]
fn every_form_does_what_it_says() {
    let server = server(RegistrationMode::Open);
    let submitted = run("forms.mjs", &[server.url()]).submitted;
    // See the tests of consent, of the operator's doors, of mail and of what an owner does.
    let elsewhere = ["/setup", "/reset/*", "/oauth/authorize"];
    let missing: Vec<_> = actions_in_templates()
        .into_iter()
        .filter(|action| !elsewhere.contains(&action.as_str()))
        .filter(|action| !MAIL_ACTIONS.contains(&action.as_str()))
        .filter(|action| !ADMIN_ACTIONS.contains(&action.as_str()))
        // Shown when mail came back, which no directory does; see the tests of the mail pages.
        .filter(|action| action != "/settings/mail/trust")
        .filter(|action| !submitted.iter().any(|sent| is_sent_to(sent, action)))
        .collect();
    assert!(
        missing.is_empty(),
        "never sent: {missing:?}\nsent: {submitted:?}"
    );
}

#[test]
fn the_operator_opens_doors() {
    let directory = TempDir::new().expect("a directory");
    let data = directory.path().join("data");
    let program = Program::serve(&data, &[("KINGLET_REGISTRATION__MODE", "invite")]);
    let base = program.wait_for("kinglet answers at ");
    let folder = data.to_str().expect("a path in UTF-8");
    // Only who sits at a terminal is shown it at the start.
    let asked = Command::new(Program::PATH)
        .args(["setup-link", "--data", folder])
        .output()
        .expect("the program runs");
    let link = String::from_utf8(asked.stdout).expect("UTF-8");
    let link = link.trim();
    assert!(link.starts_with(&base), "{link}");
    let report = run("doors.mjs", &[&base, link, Program::PATH, folder]);
    for door in ["POST /setup", "POST /signup"] {
        assert!(report.submitted.contains(door), "{door}");
    }
    let is_reset = |sent: &String| is_sent_to(sent, "/reset/*");
    assert!(report.submitted.iter().any(is_reset));
}

/// Forms that only an instance has that sends mail.
const MAIL_ACTIONS: [&str; 6] = [
    "/confirm/*",
    "/forgot",
    "/settings/mail",
    "/settings/mail/address",
    "/settings/mail/confirmation",
    "/unsubscribe/*",
];

#[test]
fn links_in_mails_lead_where_they_say() {
    let directory = TempDir::new().expect("a directory");
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.registration.mode = RegistrationMode::Open;
    config.limits.rate_limits = false;
    config.mail.url = MailUrl::Directory(directory.path().to_owned());
    let builder = Server::builder().config(config).in_memory();
    let server = builder.start_blocking().expect("a server starts");
    let folder = directory.path().to_str().expect("a path in UTF-8");
    let submitted = run("mail.mjs", &[server.url(), folder]).submitted;
    for action in MAIL_ACTIONS {
        assert!(
            submitted.iter().any(|sent| is_sent_to(sent, action)),
            "{action} in {submitted:?}"
        );
    }
}

/// Forms of those who look after an instance.
const ADMIN_ACTIONS: [&str; 10] = [
    "/admin/jobs/*/drop",
    "/admin/jobs/*/retry",
    "/admin/jobs/retry-dead",
    "/admin/queues/*/pause",
    "/admin/queues/*/resume",
    "/admin/sign-ups/*/approve",
    "/admin/sign-ups/*/reject",
    "/admin/tasks/*/pause",
    "/admin/tasks/*/resume",
    "/admin/tasks/*/run",
];

/// An instance with an owner, in which mails to three people were refused and one to a fourth was put off.
async fn instance_with_trouble(smtp: &MailServer) -> Rig {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.limits.rate_limits = false;
    config.mail.url = smtp.url().parse().expect("a mail URL");
    let names = ["ada", "spam1", "spam2", "spam3", "greylisted1"];
    let mut rig = Rig::start_configured(config, &names, |builder| builder).await;
    rig.add("olga", Role::Owner).await;
    let post = json!({"status": "@spam1 @spam2 @spam3 @greylisted1 The ferry is late"});
    rig.client("ada").post("/api/v1/statuses", post).await.ok();
    rig.wait_for_failures(3, 1).await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_looks_after_tasks_and_sign_ups() {
    let mut smtp = MailServer::start().await;
    let tasks = instance_with_trouble(&smtp).await;
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.limits.rate_limits = false;
    config.registration.mode = RegistrationMode::Approval;
    let mut sign_ups = Rig::start_configured(config, &[], |builder| builder).await;
    sign_ups.add("olga", Role::Owner).await;
    let password = password_of("olga");
    let arguments = [tasks.server.url(), sign_ups.server.url(), "olga", &password];
    let submitted = run("admin.mjs", &arguments).submitted;
    for action in ADMIN_ACTIONS {
        assert!(
            submitted.iter().any(|sent| is_sent_to(sent, action)),
            "{action} in {submitted:?}"
        );
    }
    // The owner may get mail about the log-in.
    while smtp.next().await.to != "greylisted1@example.org" {}
}

#[test]
fn an_account_waits_for_approval() {
    let server = server(RegistrationMode::Approval);
    let submitted = run("approval.mjs", &[server.url()]).submitted;
    assert!(submitted.contains("POST /signup"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fourteen_pages_are_sound_on_every_screen() {
    let village = Village::found().await;
    let directory = std::env::var_os("KINGLET_SCREENSHOTS_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"),
        PathBuf::from,
    );
    fs::create_dir_all(&directory).expect("a directory for pictures");
    let folder = directory.to_str().expect("a path in UTF-8").to_owned();
    let (password, owners) = (password_of(village.viewer), password_of(village.owner));
    let arguments = [
        village.rig.server.url(),
        &folder,
        village.viewer,
        &password,
        &village.thread,
        village.owner,
        &owners,
    ];
    run("screenshots.mjs", &arguments);
}

/// Where the forms of all templates lead, without the query; what is filled in is a `*`.
fn actions_in_templates() -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    let folders = ["src/http/entrance/templates", "src/http/site/templates"].map(in_package);
    for folder in folders
        .iter()
        .flat_map(|folder| [folder.join("partials"), folder.clone()])
    {
        for entry in fs::read_dir(folder).expect("templates are there") {
            let path = entry.expect("templates are there").path();
            if path.is_file() {
                let template = fs::read_to_string(path).expect("a template is text");
                actions.extend(posting_forms(&template));
                actions.extend(values(&template, " formaction=\"").flat_map(variants));
            }
        }
    }
    // The form of a text leads where the page that has it says.
    assert!(actions.remove("*"), "the compose form is found");
    actions.extend(["/posts".to_owned(), "/posts/*/edit".to_owned()]);
    // Only the buttons lead anywhere from the form that holds their token.
    actions.remove("/");
    actions
}

fn posting_forms(template: &str) -> BTreeSet<String> {
    let forms = template.split("<form").skip(1);
    let tags = forms.map(|rest| {
        let end = rest.find("\">").map_or(rest.len(), |at| at + 1);
        &rest[..end]
    });
    tags.filter(|tag| tag.contains(" method=\"post\""))
        .flat_map(|tag| values(tag, " action=\"").flat_map(variants))
        .collect()
}

/// The values of an attribute in a template. A `"` inside of `{...}` would end one too early; there is none.
fn values<'t>(template: &'t str, attribute: &str) -> impl Iterator<Item = &'t str> {
    let found = template.split(attribute).skip(1).collect::<Vec<_>>();
    found.into_iter().filter_map(|rest| rest.split('"').next())
}

/// What a template's text can become: with and without what depends on a condition, a `*` for what is filled in.
fn variants(text: &str) -> Vec<String> {
    if let Some((before, rest)) = text.split_once("{% if ")
        && let Some((_, rest)) = rest.split_once("%}")
        && let Some((then, after)) = rest.split_once("{% endif %}")
    {
        let both = [format!("{before}{then}{after}"), format!("{before}{after}")];
        return both.iter().flat_map(|text| variants(text)).collect();
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        plain.push_str(before);
        plain.push('*');
        rest = inside.split_once("}}").map_or("", |(_, after)| after);
    }
    vec![plain + rest]
}

/// Whether a form that was sent (`POST /path`) went to this action, part by part.
fn is_sent_to(sent: &str, action: &str) -> bool {
    let Some(path) = sent.strip_prefix("POST ") else {
        return false;
    };
    let (sent, wanted): (Vec<_>, Vec<_>) = (path.split('/').collect(), action.split('/').collect());
    sent.len() == wanted.len()
        && sent
            .iter()
            .zip(wanted)
            .all(|(part, wanted)| match wanted.split_once('*') {
                Some((start, end)) => part.starts_with(start) && part.ends_with(end),
                None => *part == wanted,
            })
}

#[test]
fn actions_are_read_from_templates() {
    let template = r#"<form class="a" method="post" action="/logout"><form method="post" action="{{ x }}">
        <form action="/search"><button formaction="/posts/{{ id }}/{% if m.b %}un{% endif %}boost" x="y">"#;
    let forms: Vec<_> = posting_forms(template).into_iter().collect();
    assert_eq!(forms, ["*", "/logout"]);
    let buttons: Vec<_> = values(template, " formaction=\"")
        .flat_map(variants)
        .collect();
    assert_eq!(buttons, ["/posts/*/unboost", "/posts/*/boost"]);
    assert!(is_sent_to("POST /@ana/follow", "/@*/follow"));
    assert!(!is_sent_to("POST /@ana/unfollow", "/@*/follow"));
    assert!(!is_sent_to("GET /@ana/follow", "/@*/follow"));
    let actions = actions_in_templates();
    for known in [
        "/login",
        "/posts",
        "/@*/unmute",
        "/settings/password",
        "/posts/*/boost",
    ] {
        assert!(actions.contains(known), "{known} in {actions:?}");
    }
}
