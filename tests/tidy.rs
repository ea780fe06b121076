//! The house's rules that a compiler doesn't hold: who may import whom, where SQL may stand, that everything has a
//! bound. Each fault is told with its line.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only the test functions themselves for tests"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a source file, its unit tests left out.
const LINES_PER_FILE_MAX: usize = 700;

/// Words that some files must not have outside comments.
struct Rule {
    /// What the rule says.
    says: &'static str,
    /// Files it holds for: paths that begin with one of these, or end with one that begins with `*`.
    holds_for: &'static [&'static str],
    /// Files among them that it doesn't hold for, each with the reason.
    but: &'static [(&'static str, &'static str)],
    /// The words; an edge that is a letter doesn't match within a longer word.
    forbids: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        says: "the domain is pure: no framework, no database, no other room",
        holds_for: &["core/src/domain/", "core/src/ids.rs", "core/src/clock.rs"],
        but: &[],
        forbids: &[
            "actix",
            "warp",
            "tokio",
            "hyper",
            "rusqlite",
            "sled",
            "async",
            "await",
            "crate::store",
            "crate::actors",
            "crate::http",
        ],
    },
    Rule {
        says: "the store knows nobody above it",
        holds_for: &["core/src/store/"],
        but: &[],
        forbids: &[
            "actix",
            "warp",
            "hyper",
            "crate::actors",
            "crate::http",
            "crate::cli",
        ],
    },
    Rule {
        says: "actors know no database, no HTTP and no lock",
        holds_for: &["src/actors/"],
        but: &[(
            "src/actors/instance/",
            "no actor: what those see who serve requests beside the actors",
        )],
        forbids: &[
            "rusqlite",
            "sled",
            "warp",
            "hyper",
            "Mutex",
            "RwLock",
            "static",
            "LazyLock",
            "OnceLock",
            "thread_local",
            "crate::http",
            "kinglet_http",
            "store::tables",
        ],
    },
    Rule {
        says: "the plain logic of an actor knows no framework and doesn't wait",
        holds_for: &[
            "src/actors/users/core.rs",
            "src/actors/posts/core.rs",
            "src/actors/timelines/core.rs",
            "src/actors/timelines/window.rs",
        ],
        but: &[],
        forbids: &["actix", "tokio", "async", "await"],
    },
    Rule {
        says: "the facade doesn't know how things are stored",
        holds_for: &["src/http/", "src/cli/", "src/control/"],
        but: &[],
        forbids: &[
            "rusqlite",
            "sled",
            "store::tables",
            "store::writer",
            "store::snapshots",
        ],
    },
    Rule {
        says: "the mail room is told what to write, it looks nothing up",
        holds_for: &["platform/src/mail/"],
        but: &[],
        forbids: &[
            "actix",
            "warp",
            "hyper",
            "crate::store",
            "crate::actors",
            "crate::http",
        ],
    },
    Rule {
        says: "the telemetry is told by all rooms and asks none",
        holds_for: &["core/src/telemetry/"],
        but: &[],
        forbids: &[
            "actix",
            "warp",
            "hyper",
            "rusqlite",
            "crate::store",
            "crate::actors",
            "crate::http",
            "crate::config",
        ],
    },
    Rule {
        says: "what brings bytes in knows nobody who reads them",
        holds_for: &["platform/src/net/"],
        but: &[],
        forbids: &[
            "actix",
            "warp",
            "crate::store",
            "crate::actors",
            "crate::http",
            "crate::boot",
        ],
    },
    Rule {
        says: "only the store names a database",
        holds_for: &["src/", "core/src/", "platform/src/"],
        but: &[
            ("core/src/store/", "the store"),
            ("core/src/features.rs", "the name of the feature"),
        ],
        forbids: &["rusqlite", "sled"],
    },
    Rule {
        says: "a rejection means `not my route`: whatever is decided later is a reply",
        holds_for: &["src/", "core/src/", "platform/src/"],
        but: &[
            (
                "src/http/extract/",
                "where it is found out that a route is another",
            ),
            ("src/http/problem.rs", "turns rejections into replies"),
        ],
        forbids: &["reject::"],
    },
    Rule {
        says: "status codes are chosen in one place",
        holds_for: &["src/", "core/src/", "platform/src/"],
        but: &[("src/http/problem.rs", "the place")],
        forbids: &["StatusCode"],
    },
    Rule {
        says: "every queue and cache has a named bound",
        holds_for: &["src/", "core/src/", "platform/src/"],
        but: &[
            (
                "src/actors/timelines/core.rs",
                "the cache of windows is bounded by its residency, and what makes room is persisted",
            ),
            (
                "src/actors/lru.rs",
                "bounded by bytes: its share of the budget",
            ),
        ],
        forbids: &["unbounded", "unbounded_channel", "new_unbounded"],
    },
    Rule {
        says: "an invariant is stated with expect, an error is returned",
        holds_for: &["src/", "core/src/", "platform/src/"],
        but: &[],
        forbids: &[".unwrap()"],
    },
];

/// Where SQL may stand beside `core/src/store/tables/`.
const SQL_ELSEWHERE: &[(&str, &str)] = &[(
    "core/src/store/invariants.rs",
    "asks what must hold across tables",
)];

const SQL_VERBS: &[&str] = &[
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "ALTER TABLE",
];

/// A source file without its comments and its unit tests; lines keep their numbers.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            // What tests/install puts there is others' work.
            let name = entry.file_name();
            let is_installed = [".venv", ".tools", "node_modules"]
                .iter()
                .any(|known| name == *known);
            if is_installed {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// Every Rust file of kinglet that is part of the binary.
fn sources() -> Vec<Source> {
    let sources: Vec<Source> = ["src", "core/src", "platform/src"]
        .into_iter()
        .flat_map(files_in)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            Source {
                path: relative(&path),
                code: code(&text),
                text,
            }
        })
        .collect();
    let tests = test_modules(&sources);
    sources
        .into_iter()
        .filter(|source| !tests.contains(&source.path))
        .collect()
}

/// Files that are compiled for unit tests only.
fn test_modules(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let Some(name) = pair[1]
                .strip_suffix(';')
                .and_then(|line| line.rsplit_once("mod ").map(|(_, name)| name))
            else {
                continue;
            };
            if pair[0].starts_with("#[cfg(") && pair[0].contains("test") {
                let folder = source
                    .path
                    .strip_suffix("/mod.rs")
                    .or_else(|| source.path.strip_suffix("/lib.rs"))
                    .or_else(|| source.path.strip_suffix(".rs"))
                    .unwrap();
                found.insert(format!("{folder}/{name}.rs"));
                found.insert(format!("{folder}/{name}/mod.rs"));
            }
        }
    }
    found
}

/// The text without comments and without what follows the unit tests' beginning.
fn code(text: &str) -> String {
    let text = text
        .split_once("#[cfg(test)]\nmod tests {")
        .map_or(text, |(before, _)| before);
    let mut code = String::new();
    for line in text.lines() {
        let cut = comment_start(line).unwrap_or(line.len());
        code.push_str(&line[..cut]);
        code.push('\n');
    }
    code
}

/// Where a line's comment begins; `//` within a string, as in an address, begins none.
fn comment_start(line: &str) -> Option<usize> {
    let mut in_string = false;
    let mut before = ' ';
    for (place, character) in line.char_indices() {
        match character {
            '"' if before != '\\' && before != '\'' => in_string = !in_string,
            '/' if before == '/' && !in_string => return Some(place - 1),
            _ => {}
        }
        before = character;
    }
    None
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(place, _)| {
        let before = line[..place].chars().next_back();
        let after = line[place + word.len()..].chars().next();
        let open_start = !word.starts_with(is_letter) || !before.is_some_and(is_letter);
        let open_end = !word.ends_with(is_letter) || !after.is_some_and(is_letter);
        // A lifetime is no word.
        let is_lifetime = before == Some('\'');
        open_start && open_end && !is_lifetime
    })
}

fn begins_with_one<'a>(path: &str, mut of: impl Iterator<Item = &'a str>) -> bool {
    of.any(|beginning| path.starts_with(beginning))
}

fn faults_of(rule: &Rule, source: &Source) -> Vec<String> {
    let holds = begins_with_one(&source.path, rule.holds_for.iter().copied())
        && !begins_with_one(&source.path, rule.but.iter().map(|(path, _)| *path));
    if !holds {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(source.code.lines()) {
        for word in rule.forbids.iter().filter(|word| has_word(line, word)) {
            faults.push(format!(
                "{}:{number}: {word}: {}\n    {}",
                source.path,
                rule.says,
                line.trim()
            ));
        }
    }
    faults
}

fn assert_none(faults: &[String]) {
    let mut all = String::new();
    for fault in faults {
        writeln!(all, "{fault}").unwrap();
    }
    assert!(faults.is_empty(), "\n{all}");
}

#[test]
fn every_room_imports_only_what_it_may() {
    let faults: Vec<String> = sources()
        .iter()
        .flat_map(|source| RULES.iter().flat_map(|rule| faults_of(rule, source)))
        .collect();
    assert_none(&faults);
}

#[test]
fn every_exception_is_about_something() {
    for rule in RULES {
        for path in rule
            .holds_for
            .iter()
            .chain(rule.but.iter().map(|(path, _)| path))
        {
            // Rooms may be built later, an exception may not.
            let is_planned = !rule.but.iter().any(|(but, _)| but == path);
            assert!(
                is_planned || root().join(path).exists(),
                "{path} is named in a rule and isn't there"
            );
        }
    }
}

#[test]
fn sql_stands_in_the_tables_alone() {
    let mut faults = Vec::new();
    for source in sources() {
        if source.path.starts_with("core/src/store/tables/")
            || SQL_ELSEWHERE.iter().any(|(path, _)| source.path == *path)
        {
            continue;
        }
        for (number, line) in (1..).zip(source.code.lines()) {
            let is_sql = line.match_indices('"').any(|(place, _)| {
                let text = line[place + 1..].trim_start();
                SQL_VERBS.iter().any(|verb| text.starts_with(verb))
            });
            if is_sql {
                faults.push(format!(
                    "{}:{number}: SQL\n    {}",
                    source.path,
                    line.trim()
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_file_is_too_long() {
    let faults: Vec<String> = sources()
        .iter()
        .filter_map(|source| {
            let lines = source.code.lines().count();
            (lines > LINES_PER_FILE_MAX).then(|| {
                format!(
                    "{}: {lines} lines, more than {LINES_PER_FILE_MAX}",
                    source.path
                )
            })
        })
        .collect();
    assert_none(&faults);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so that this file doesn't name itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    let mut faults = Vec::new();
    for folder in ["src", "core", "platform", "tests", "examples"] {
        if !root().join(folder).exists() {
            continue;
        }
        for path in files_in(folder) {
            let is_text = path
                .extension()
                .and_then(|extension| extension.to_str())
                .is_some_and(|extension| {
                    ["rs", "sql", "html", "css", "toml", "md", "py", "mjs", "js"]
                        .contains(&extension)
                });
            if !is_text
                || path
                    .components()
                    .any(|part| part.as_os_str() == "node_modules")
            {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in (1..).zip(text.lines()) {
                if words.iter().any(|word| has_word(line, word)) {
                    faults.push(format!("{}:{number}: {}", relative(&path), line.trim()));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_folder_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let folders: BTreeSet<String> = sources()
        .iter()
        .filter_map(|source| {
            source
                .path
                .rsplit_once('/')
                .map(|(folder, _)| folder.to_owned())
        })
        .filter(|folder| !["src", "core/src", "platform/src"].contains(&folder.as_str()))
        .collect();
    let faults: Vec<String> = folders
        .into_iter()
        .filter(|folder| {
            let name = folder.rsplit('/').next().unwrap();
            !map.contains(&format!("{name}/"))
        })
        .map(|folder| format!("{folder}/ isn't named in ARCHITECTURE.md"))
        .collect();
    assert_none(&faults);
}

#[test]
fn faults_are_seen_with_their_lines() {
    let text = "//! rusqlite, told of\nuse rusqlite::Connection;\nlet url = \"http://warp\"; // actix\nlet x: &'static str = \"\";\nstatic WRONG: Mutex<()> = x;\n#[cfg(test)]\nmod tests {\n    use warp::reject;\n}\n";
    let source = Source {
        path: "src/actors/posts/mod.rs".to_owned(),
        code: code(text),
        text: text.to_owned(),
    };
    let faults: Vec<String> = RULES
        .iter()
        .filter(|rule| rule.holds_for == ["src/actors/"])
        .flat_map(|rule| faults_of(rule, &source))
        .map(|fault| fault.split(": actors").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        faults,
        [
            "src/actors/posts/mod.rs:2: rusqlite",
            "src/actors/posts/mod.rs:3: warp",
            "src/actors/posts/mod.rs:5: Mutex",
            "src/actors/posts/mod.rs:5: static",
        ]
    );
}
