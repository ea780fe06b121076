//! What the documentation says of the log is what the code does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy's exceptions for tests hold for the test functions themselves"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A record as the code writes it: target, level, message and fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    target: String,
    level: String,
    message: String,
    fields: BTreeSet<String>,
}

impl Record {
    fn row(&self) -> String {
        let fields: Vec<_> = self.fields.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "| {} | {} | {} |",
            self.level,
            self.message,
            fields.join(" ")
        )
    }
}

/// Where the sources of all packages lie.
const SOURCES: [&str; 3] = ["src", "core/src", "platform/src"];
/// Those of packages whose records would be logged under another name than the program's.
const PACKAGES: [&str; 4] = ["core", "platform", "src/actors", "src/http"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The target of what a file logs, unless it names another.
fn module(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap();
    let path = ["core", "platform"]
        .iter()
        .find_map(|package| path.strip_prefix(package).ok())
        .unwrap_or(path);
    let path = path.strip_prefix("src").unwrap();
    let path = path.with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap());
    let mut target = "kinglet".to_owned();
    for name in names.filter(|name| !["mod", "lib"].contains(name)) {
        target.push_str("::");
        target.push_str(name);
    }
    target
}

/// Where the bracket that is open before `text` closes.
fn closing(text: &str) -> usize {
    let (mut depth, mut in_string, mut before) = (1, false, ' ');
    for (place, letter) in text.char_indices() {
        match letter {
            '"' if before != '\\' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
        before = letter;
    }
    panic!("a bracket isn't closed: {text}");
}

/// The arguments of a macro.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut depth, mut in_string, mut before) = (vec![String::new()], 0, false, ' ');
    for letter in text.chars() {
        match letter {
            '"' if before != '\\' => in_string = !in_string,
            '(' | '[' | '{' if !in_string => depth += 1,
            ')' | ']' | '}' if !in_string => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 && !in_string {
            found.push(String::new());
        } else {
            found.last_mut().unwrap().push(letter);
        }
        before = letter;
    }
    let trimmed = found.iter().map(|argument| argument.trim().to_owned());
    trimmed.filter(|argument| !argument.is_empty()).collect()
}

fn record(path: &Path, level: &str, text: &str) -> Record {
    let mut record = Record {
        target: module(path),
        level: level.to_owned(),
        message: String::new(),
        fields: BTreeSet::new(),
    };
    let needs_target = PACKAGES
        .iter()
        .any(|package| path.starts_with(root().join(package)));
    assert!(
        !needs_target || text.trim_start().starts_with("target: \""),
        "{} logs under its package's name: say target: {:?}",
        path.display(),
        record.target
    );
    for argument in arguments(text) {
        let quoted = |text: &str| text.trim().trim_matches('"').to_owned();
        if let Some(target) = argument.strip_prefix("target:") {
            record.target = quoted(target);
        } else if argument.starts_with('"') {
            record.message = quoted(&argument).replace("\\\"", "\"");
        } else {
            let name = argument.split('=').next().unwrap().trim();
            let name = name.trim_start_matches(['%', '?']);
            // A value without a name is called by its last part.
            let name = name.rsplit('.').next().unwrap();
            assert!(
                name.chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '_'),
                "{}: {argument}",
                path.display()
            );
            record.fields.insert(name.to_owned());
        }
    }
    record
}

/// Everything that the code logs.
fn logged() -> BTreeSet<Record> {
    let mut files = Vec::new();
    for folder in SOURCES {
        sources(&root().join(folder), &mut files);
    }
    let mut found = BTreeSet::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for level in ["error", "warn", "info", "debug", "trace"] {
            for (_, after) in text
                .match_indices(&format!("tracing::{level}!("))
                .map(|(place, call)| (place, &text[place + call.len()..]))
            {
                found.insert(record(&path, level, &after[..closing(after)]));
            }
        }
    }
    found
}

fn page() -> String {
    fs::read_to_string(root().join("docs/logging.md")).unwrap()
}

/// The words in backquotes of a cell.
fn quoted(cell: &str) -> BTreeSet<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// The records that the documentation names: rows of three cells below a heading that is a target.
fn documented(page: &str) -> BTreeSet<Record> {
    let mut found = BTreeSet::new();
    let mut target = None;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            let names = quoted(heading);
            target = names.into_iter().find(|name| name.starts_with("kinglet"));
        } else if let (Some(target), Some(row)) = (&target, line.strip_prefix("| ")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [level, message, fields, ..] = cells[..] else {
                panic!("no row: {line}");
            };
            let is_head = level == "level" || level.starts_with('-');
            if !is_head {
                found.insert(Record {
                    target: target.clone(),
                    level: level.to_owned(),
                    message: message.to_owned(),
                    fields: quoted(fields),
                });
            }
        }
    }
    found
}

#[test]
fn every_record_of_the_log_is_documented_and_no_other() {
    let (logged, documented) = (logged(), documented(&page()));
    assert!(
        logged.len() > 30,
        "only {} records were found",
        logged.len()
    );
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for record in logged.difference(&documented) {
        missing
            .entry(&record.target)
            .or_default()
            .push(record.row());
    }
    let mut wrong = String::new();
    for (target, rows) in missing {
        wrong += &format!(
            "\n### `{target}`\n\n| level | message | fields |\n| --- | --- | --- |\n{}\n",
            rows.join("\n")
        );
    }
    assert_eq!(wrong, "", "docs/logging.md lacks:\n{wrong}");
    let extra: Vec<_> = documented.difference(&logged).collect();
    assert!(
        extra.is_empty(),
        "docs/logging.md names what nobody logs: {extra:#?}"
    );
}

#[test]
fn every_field_of_the_log_is_explained_and_no_other() {
    let page = page();
    let (_, fields) = page
        .split_once("\n## Fields\n")
        .expect("a part about fields");
    let fields = fields.split("\n## ").next().unwrap();
    let rows = fields.lines().filter_map(|line| line.strip_prefix("| "));
    let explained: BTreeSet<String> = rows
        .filter_map(|row| quoted(row.split('|').next().unwrap()).into_iter().next())
        .collect();
    let used: BTreeSet<String> = logged()
        .into_iter()
        .flat_map(|record| record.fields)
        .collect();
    assert_eq!(explained, used);
}

#[test]
fn records_are_read_as_they_are_written() {
    let path = root().join("core/src/store/mod.rs");
    let text = "target: \"kinglet::http\", id, %error, job = %job.id, ?self.lane, a = f(b, \"c, (d\"), \"what, (happened\"";
    let record = record(&path, "warn", text);
    assert_eq!(record.target, "kinglet::http");
    assert_eq!(record.message, "what, (happened");
    let fields: Vec<&str> = record.fields.iter().map(String::as_str).collect();
    assert_eq!(fields, ["a", "error", "id", "job", "lane"]);
    assert_eq!(module(&path), "kinglet::store");
    assert_eq!(closing("a(b) \")\") and"), 8);
}
