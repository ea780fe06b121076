//! The pages under `/dev`, used by a person with a browser.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::support::dev::DevServer;
use crate::support::tools::{in_package, run_script};

/// Runs a script, in which every step has to pass; gives back the forms that were sent.
#[track_caller]
fn run(script: &str, arguments: &[&str]) -> Vec<String> {
    let output = run_script(script, arguments);
    let printed = String::from_utf8_lossy(&output.stdout);
    let report: Json = serde_json::from_str(&printed).expect("a script prints a report");
    assert_eq!(report["failed"], json!([]), "{script}");
    let submitted = report["submitted"].as_array().expect("a list").iter();
    submitted
        .map(|form| form.as_str().expect("a text").to_owned())
        .collect()
}

#[test]
fn every_tool_is_at_hand_on_the_pages() {
    let dev = DevServer::start(&["--seed", "8"]);
    let pictures = std::env::var_os("KINGLET_SCREENSHOTS_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&pictures).expect("a directory for pictures");
    let token = dev.person("alice")["token"].as_str().expect("a token");
    let folder = pictures.to_str().expect("a path in UTF-8");
    let submitted = run("dev.mjs", &[&dev.url, token, folder]);
    let templates = in_package("src/http/dev/templates");
    for entry in std::fs::read_dir(templates).expect("templates are there") {
        let template = std::fs::read_to_string(entry.expect("is there").path()).expect("text");
        for rest in template.split(" action=\"").skip(1) {
            let action = rest.split('"').next().expect("a text has a first part");
            let (start, end) = action.split_once("{{ id }}").unwrap_or((action, ""));
            let is_sent = submitted.iter().any(|sent| {
                sent.strip_prefix("POST ")
                    .is_some_and(|path| path.starts_with(start) && path.ends_with(end))
            });
            assert!(is_sent, "{action} in {submitted:?}");
        }
    }
}
