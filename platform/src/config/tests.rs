//! Tests of loading: precedence, faults with their places, paths, secrets, the template.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::settings::{Settings, settings};
use super::value::{Reason, Value};
use super::*;
use crate::secret::Secret;

settings! {
    /// A configuration with what kinglet's own has not, or not yet.
    Sample;

    /// Mail.
    mail: Mail {
        /// Where mail goes.
        url: Secret<String> = Secret::default(), 0..=20;
        /// An inner path.
        spool: Option<PathBuf> = None;
    }

    /// Files.
    files: Files {
        /// Several paths.
        paths: Vec<PathBuf> = vec![PathBuf::from("one")], 0..=3;
        /// Several numbers.
        numbers: Vec<u16> = Vec::new();
    }
}

/// The `config.toml` at the top of the repository.
const CHECKED_IN: &str = include_str!("../../../config.toml");

/// A directory of its own, with a `config.toml` that holds `text`.
fn directory(text: &str) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    fs::write(directory.path().join(FILE_NAME), text).expect("a file in it");
    directory
}

fn sources(directory: &Path, environment: &[(&str, &str)]) -> Sources {
    Sources {
        file: None,
        environment: environment
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        overrides: Vec::new(),
        directory: directory.to_owned(),
        system_file: None,
    }
}

fn loaded(text: &str, environment: &[(&str, &str)]) -> Loaded {
    let directory = directory(text);
    sources(directory.path(), environment)
        .load()
        .expect("a sound configuration")
}

/// The faults of a file and an environment, with the temporary directory left out of their text.
fn faults(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    faults_of::<Config>(text, environment)
}

fn faults_of<C: Settings>(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let directory = directory(text);
    let faults = match load::load::<C>(&sources(directory.path(), environment)) {
        Ok(_) => return Vec::new(),
        Err(faults) => faults,
    };
    let prefix = format!("{}/", directory.path().display());
    let texts = faults.as_slice().iter();
    texts
        .map(|fault| fault.to_string().replace(&prefix, ""))
        .collect()
}

#[test]
fn the_checked_in_file_is_the_template() {
    let template = Config::template();
    if std::env::var_os("UPDATE_CONFIG_TOML").is_some() {
        fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../config.toml"),
            &template,
        )
        .expect("writable");
    } else {
        assert_eq!(
            CHECKED_IN, template,
            "after a change of settings run UPDATE_CONFIG_TOML=1 cargo test -p kinglet-platform --lib config::"
        );
    }
}

#[test]
fn the_checked_in_file_sets_everything_to_the_defaults() {
    let directory = directory(CHECKED_IN);
    let loaded = sources(directory.path(), &[])
        .load()
        .expect("a sound configuration");
    let mut expected = Config::default();
    expected.storage.data_dir = directory.path().join("data");
    assert_eq!(loaded.config, expected);
    for (name, ..) in Config::settings() {
        let origin = loaded.origin(&name);
        assert!(
            matches!(origin, Origin::File { .. }),
            "{name} is missing: {origin}"
        );
    }
}

#[test]
fn the_template_has_one_line_of_comment_above_each_setting() {
    for (name, _, doc) in Config::settings() {
        let (_, key) = name.split_once('.').expect("section and key");
        let place = format!("\n# {doc}\n{key} = ");
        assert!(CHECKED_IN.contains(&place), "{name}");
        assert!(
            doc.chars().count() <= 98,
            "{name}: one line of at most 100 columns"
        );
    }
}

#[test]
fn the_names_that_scripts_rely_on_exist() {
    let names: Vec<_> = Config::settings().map(|(name, ..)| name).collect();
    for name in [
        "instance.url",
        "instance.time_zone",
        "registration.mode",
        "limits.rate_limits",
        "storage.data_dir",
        "storage.synchronous",
        "log.level",
        "log.format",
        "http.listen",
        "http.trusted_proxies",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
}

#[test]
fn the_defaults_are_within_their_bounds() {
    Config::default().check().expect("sound defaults");
}

#[test]
fn no_file_at_all_is_fine() {
    let directory = TempDir::new().expect("a temporary directory");
    let loaded = sources(directory.path(), &[]).load().expect("defaults");
    assert_eq!(loaded.file, None);
    assert_eq!(loaded.config.http, Http::default());
    assert_eq!(
        loaded.config.storage.data_dir,
        directory.path().join("data")
    );
}

#[test]
fn every_type_is_read_from_a_file() {
    let config = loaded(
        r#"
        http = { listen = "[::]:80", trusted_proxies = [
            "10.0.0.0/8",
            "::1",
        ], connections_max = 0x10, header_timeout_secs = 1_0 }
        registration.mode = "invite"
        [instance]
        url = "https://Example.org/"
        title = "Tëst"
        contact_email = "me@example.org"
        time_zone = "Europe/Berlin"
        [limits]
        rate_limits = false
        [storage]
        synchronous = "normal"
        [log]
        format = "json"
        "#,
        &[],
    )
    .config;
    assert_eq!(config.http.listen, "[::]:80".parse().expect("an address"));
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.http.connections_max, 16);
    assert_eq!(config.http.header_timeout_secs, 10);
    assert_eq!(config.registration.mode, RegistrationMode::Invite);
    let (address, is_https) = config.main_address();
    let url = config.public_url(address, is_https);
    assert_eq!(url.as_str(), "https://example.org");
    assert_eq!(config.instance.time_zone.iana_name(), Some("Europe/Berlin"));
    assert!(!config.limits.rate_limits);
    assert_eq!(config.storage.synchronous, Synchronous::Normal);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.level, LogLevel::Info);
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nbody_max_kib = 32\n[log]\nlevel = \"warn\"\n";
    let directory = directory(file);
    let mut sources = sources(
        directory.path(),
        &[
            ("KINGLET_HTTP__LISTEN", "127.0.0.1:2"),
            ("KINGLET_LOG__LEVEL", "debug"),
            ("KINGLET_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("HTTP__LISTEN", "127.0.0.1:4"),
        ],
    );
    sources.overrides.push(Override {
        flag: "--listen",
        setting: "http.listen",
        value: "127.0.0.1:3".into(),
    });
    let loaded = sources.load().expect("a sound configuration");
    assert_eq!(loaded.config.http.listen.to_string(), "127.0.0.1:3");
    assert_eq!(loaded.config.http.body_max_kib, 32);
    assert_eq!(loaded.config.http.trusted_proxies.len(), 2);
    assert_eq!(loaded.config.log.level, LogLevel::Debug);
    assert_eq!(loaded.origin("http.listen").to_string(), "flag --listen");
    assert_eq!(
        loaded.origin("log.level").to_string(),
        "environment KINGLET_LOG__LEVEL"
    );
    assert!(
        loaded
            .origin("http.body_max_kib")
            .to_string()
            .ends_with("/config.toml:3")
    );
    assert_eq!(loaded.origin("log.format"), Origin::Default);
}

#[test]
fn the_file_is_looked_for_in_the_documented_order() {
    let directory = directory("[instance]\ntitle = \"here\"\n");
    let at = |name: &str| directory.path().join(name);
    for title in ["flag", "variable", "system"] {
        let text = format!("[instance]\ntitle = \"{title}\"\n");
        fs::write(at(title), text).expect("a file");
    }
    let mut sources = sources(directory.path(), &[("KINGLET_CONFIG", "variable")]);
    sources.file = Some("flag".into());
    sources.system_file = Some(at("system"));
    let title = |sources: &Sources| sources.load().expect("sound").config.instance.title;

    assert_eq!(title(&sources), "flag");
    sources.file = None;
    assert_eq!(title(&sources), "variable");
    sources.environment[0].1 = OsString::new();
    assert_eq!(title(&sources), "here", "an empty variable names no file");
    sources.environment.clear();
    assert_eq!(title(&sources), "here");
    fs::remove_file(at(FILE_NAME)).expect("it was there");
    assert_eq!(title(&sources), "system");
    sources.system_file = None;
    assert_eq!(title(&sources), "Kinglet");
}

#[test]
fn a_file_that_was_asked_for_has_to_be_there() {
    let directory = directory("");
    let mut sources = sources(directory.path(), &[("KINGLET_CONFIG", "absent.toml")]);
    for file in [None, Some(PathBuf::from("other.toml"))] {
        let name = file.clone().unwrap_or_else(|| "absent.toml".into());
        sources.file = file;
        let faults = sources.load().expect_err("no such file").to_string();
        assert!(
            faults.contains(&format!("{}: can't be read: ", name.display())),
            "{faults}"
        );
    }
}

#[test]
fn what_is_no_file_of_text_is_said_to_be_none() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join(FILE_NAME);
    let reason = || {
        let faults = sources(directory.path(), &[]).load().expect_err("unusable");
        faults.as_slice()[0].reason.clone()
    };
    fs::write(&path, b"[http]\n# \xff\n").expect("a file");
    assert_eq!(reason(), "is not UTF-8, first in line 2");
    fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).expect("a file");
    assert_eq!(reason(), "is larger than 1048576 bytes");
    fs::remove_file(&path).expect("it was there");
    fs::create_dir(&path).expect("a directory");
    assert!(reason().starts_with("can't be read: "));
}

#[test]
fn relative_paths_are_relative_to_who_names_them() {
    let directory = TempDir::new().expect("a temporary directory");
    let inner = directory.path().join("etc");
    fs::create_dir(&inner).expect("a directory");
    fs::write(inner.join("k.toml"), "[storage]\ndata_dir = \"var\"\n").expect("a file");
    let mut sources = sources(directory.path(), &[]);
    sources.file = Some("etc/k.toml".into());
    let data_dir = |sources: &Sources| sources.load().expect("sound").config.storage.data_dir;

    assert_eq!(data_dir(&sources), inner.join("var"));
    sources
        .environment
        .push(("KINGLET_STORAGE__DATA_DIR".into(), "env".into()));
    assert_eq!(data_dir(&sources), directory.path().join("env"));
    sources.overrides.push(Override {
        flag: "--data",
        setting: "storage.data_dir",
        value: "/srv/kinglet".into(),
    });
    assert_eq!(data_dir(&sources), Path::new("/srv/kinglet"));
}

#[test]
fn all_faults_are_reported_at_once_with_their_lines() {
    let file = r#"listen = "127.0.0.1:1"
[http]
lisen = "127.0.0.1:1"
connections_max = 0
header_timeout_secs = "ten"
body_max_kib = 1.5
trusted_proxies = [
    "10.0.0.0/8",
    "10.0.0.0/40",
    7,
]
drain_timeout_secs = 11

[instanc]
title = "x"

[instance]
url = "example.org"
title = ""
time_zone = "Europe/Berln"
listen = "127.0.0.1:1"
colour = "red"
contact_email = "nobody"

[registration]
mode = "opne"

[limits]
post_characters_max = -1
follows_per_account_max = 99999999999999999999

[storage]
data_dir = ""
"#;
    let environment = [
        ("KINGLET_LOG__LEVL", "info"),
        ("KINGLET_LOG__LEVEL", "loud"),
        ("KINGLET_LOG_FORMAT", "json"),
        ("KINGLET_SOME__THING", "x"),
        ("KINGLET_SERVICE_HOST", "10.0.0.1"),
        ("KINGLET_LIMITS__RATE_LIMITS", "yes"),
    ];
    let expected = [
        "config.toml:1: listen: unknown setting; did you mean http.listen?",
        "config.toml:3: http.lisen: unknown setting; did you mean http.listen?",
        "config.toml:4: http.connections_max: 0 is out of range, allowed is 1 to 65536",
        "config.toml:5: http.header_timeout_secs: expected a whole number, found a string",
        "config.toml:6: http.body_max_kib: expected a whole number, found a number with a fraction",
        "config.toml:9: http.trusted_proxies: \"10.0.0.0/40\": \
         has a prefix that is not a number of bits from 0 to 32",
        "config.toml:10: http.trusted_proxies: entry 3: \
         expected an IP address or range such as \"10.0.0.0/8\", or \"unix\", found a whole number",
        "config.toml:12: http.drain_timeout_secs: 11 is out of range, allowed is 0 to 10",
        "config.toml:14: instanc: unknown section; did you mean [instance]?",
        "config.toml:18: instance.url: has to start with http:// or https://",
        "config.toml:19: instance.title: has 0 characters, allowed are 1 to 100",
        "config.toml:20: instance.time_zone: \"Europe/Berln\" is not a known time zone; \
         did you mean \"Europe/Berlin\"?",
        "config.toml:21: instance.listen: unknown setting; did you mean http.listen?",
        "config.toml:22: instance.colour: unknown setting",
        "config.toml:23: instance.contact_email: is not a mail address such as admin@example.org",
        "config.toml:26: registration.mode: \"opne\" is not one of closed, approval, open, invite; \
         did you mean \"open\"?",
        "config.toml:29: limits.post_characters_max: -1 is out of range, allowed is 1 to 65536",
        "config.toml:30: limits.follows_per_account_max: 99999999999999999999 is out of range, \
         allowed is 1 to 7500",
        "config.toml:33: storage.data_dir: is empty",
        "environment KINGLET_LOG__LEVL: unknown variable; did you mean KINGLET_LOG__LEVEL?",
        "environment KINGLET_LOG__LEVEL: log.level: \"loud\" is not one of off, error, warn, info, \
         debug, trace",
        "environment KINGLET_LOG_FORMAT: unknown variable; did you mean KINGLET_LOG__FORMAT, \
         with two underscores?",
        "environment KINGLET_SOME__THING: unknown variable: there is no such setting",
        "environment KINGLET_LIMITS__RATE_LIMITS: limits.rate_limits: \"yes\" is not true or false",
    ];
    let found = faults(file, &environment);
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn a_section_has_to_be_one() {
    assert_eq!(
        faults("http = 8420\nlog = [1]\n", &[]),
        [
            "config.toml:1: http: is a section: write [http], and its settings below",
            "config.toml:2: log: is a section: write [log], and its settings below",
        ]
    );
}

#[test]
fn syntax_errors_come_with_the_other_faults() {
    let found = faults(
        "[http]\nlisten = 127.0.0.1:1\nconnections_max = 0\n[log\nlevel = \"loud\"\n",
        &[],
    );
    for (line, place) in [
        (2, "config.toml:2: "),
        (3, "config.toml:3: http.connections_max"),
        (4, "config.toml:4: "),
    ] {
        assert!(
            found.iter().any(|fault| fault.starts_with(place)),
            "line {line}: {found:#?}"
        );
    }
    assert!(
        found[0].ends_with("(a text has to stand in quotes)"),
        "{found:#?}"
    );
    let twice = faults("[log]\nlevel = \"info\"\nlevel = \"info\"\n", &[]);
    assert_eq!(twice.len(), 1, "{twice:#?}");
    assert!(twice[0].starts_with("config.toml:3: "), "{twice:#?}");
}

#[test]
fn a_fault_in_the_file_is_reported_even_when_a_flag_goes_before_it() {
    let found = faults(
        "[log]\nlevel = \"loud\"\n",
        &[("KINGLET_LOG__LEVEL", "info")],
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn texts_may_have_several_lines_but_no_control_characters() {
    let config = loaded("[instance]\ndescription = \"one\\ntwo\"\n", &[]).config;
    assert_eq!(config.instance.description, "one\ntwo");
    let found = faults("[instance]\ndescription = \"nul \\u0000\"\n", &[]);
    assert_eq!(
        found,
        [
            "config.toml:2: instance.description: has control characters other than the end of a line"
        ]
    );
}

#[cfg(unix)]
#[test]
fn an_environment_that_is_not_utf_8_is_a_fault_but_a_path_may_be_so() {
    use std::os::unix::ffi::OsStringExt;
    let wild = OsString::from_vec(vec![b'x', 0xff]);
    let directory = directory("");
    let mut sources = sources(directory.path(), &[]);
    sources.environment = vec![
        ("KINGLET_STORAGE__DATA_DIR".into(), wild.clone()),
        (OsString::from_vec(vec![b'K', 0xff]), wild.clone()),
    ];
    let loaded = sources.load().expect("a sound configuration");
    assert_eq!(loaded.config.storage.data_dir, directory.path().join(&wild));
    sources.environment = vec![("KINGLET_INSTANCE__TITLE".into(), wild)];
    let faults = sources.load().expect_err("a title is text");
    assert_eq!(faults.as_slice()[0].reason, "is not UTF-8");
}

#[test]
fn an_empty_value_unsets_what_may_be_unset() {
    let file = "[instance]\nurl = \"https://example.org\"\ncontact_email = \"\"\n";
    let config = loaded(file, &[("KINGLET_INSTANCE__URL", "")]).config;
    assert_eq!(config.instance.url, None);
    assert_eq!(config.instance.contact_email, None);
}

#[test]
fn the_public_url_follows_the_address_that_is_really_listened_on() {
    let mut config = Config::default();
    config.set("http.listen", "0.0.0.0:0").expect("an address");
    let listening = "0.0.0.0:41234".parse().expect("an address");
    assert_eq!(
        config.public_url(listening, false).as_str(),
        "http://localhost:41234"
    );
    assert_eq!(
        config.public_url(listening, true).as_str(),
        "https://localhost:41234"
    );
    config
        .set("tls.acme_domains", "example.org, www.example.org")
        .expect("names");
    let standard = "[::]:443".parse().expect("an address");
    assert_eq!(
        config.public_url(standard, true).as_str(),
        "https://example.org"
    );
    config
        .set("instance.url", "https://example.org")
        .expect("a URL");
    assert_eq!(
        config.public_url(listening, false).as_str(),
        "https://example.org"
    );
}

#[test]
fn a_program_is_held_to_the_same_rules() {
    let mut config = Config::default();
    let reason = config
        .set("log.levle", "info")
        .expect_err("misspelt")
        .to_string();
    assert!(reason.contains("did you mean log.level?"), "{reason}");
    assert!(config.set("log.level", "loud").is_err());
    assert_eq!(config, Config::default());

    config.http.connections_max = 0;
    config.instance.title = "x".repeat(101);
    let faults = config.check().expect_err("out of bounds");
    let names: Vec<_> = faults
        .as_slice()
        .iter()
        .map(|fault| fault.setting.as_deref())
        .collect();
    assert_eq!(
        names,
        [Some("instance.title"), Some("http.connections_max")]
    );
    assert!(
        faults
            .to_string()
            .starts_with("the configuration has 2 faults:\n  program: ")
    );
}

#[test]
fn what_is_shown_can_be_read_again() {
    let file =
        "[instance]\ntitle = 'quotes \" and \\ and \u{e9}'\ndescription = \"a\\nb\\u007f\"\n";
    let found = faults(file, &[]);
    assert_eq!(found.len(), 1, "DEL is a control character: {found:#?}");
    let file = "[instance]\ntitle = 'quotes \" and \\ and \u{e9}'\ndescription = \"a\\nb\"\n\
                [http]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n[limits]\nrate_limits = false\n";
    let first = loaded(file, &[("KINGLET_LOG__LEVEL", "trace")]);
    let shown = first.to_toml();
    assert!(
        shown.contains("level = \"trace\"  # environment KINGLET_LOG__LEVEL\n"),
        "{shown}"
    );
    assert!(shown.contains("format = \"text\"\n"), "{shown}");
    let second = loaded(&shown, &[]);
    assert_eq!(second.config, first.config);
    assert_eq!(first.to_json()["http"]["trusted_proxies"][1], "::1");
    assert_eq!(first.to_json()["http"]["connections_max"], 900);
}

#[test]
fn secrets_are_masked_when_shown_and_left_out_of_faults() {
    let directory = directory("[mail]\nurl = \"smtp://me:hunter2@\"\n");
    let loaded = load::load::<Sample>(&sources(directory.path(), &[])).expect("sound");
    assert_eq!(loaded.config.mail.url.expose(), "smtp://me:hunter2@");
    let outputs = [
        show::text(&loaded),
        show::json(&loaded.config).to_string(),
        format!("{:?}", loaded.config),
    ];
    for output in &outputs {
        assert!(output.contains("***"), "{output}");
        assert!(!output.contains("hunter2"), "{output}");
    }
    assert_eq!(
        show::json(&Sample::default())["mail"]["url"],
        "",
        "not set is seen to be not set"
    );

    let long = "url = \"smtp://me:hunter2@somewhere.example\"";
    for (text, environment) in [
        (format!("[mail]\n{long}\n"), None),
        (format!("[mail]\n{long} hunter2\n"), None),
        ("[mail]\nurl = \"hunter2\n".to_owned(), None),
        ("[mail]\nurl = \"\\u0000hunter2\"\n".to_owned(), None),
        ("[mail]\nurl = [\"hunter2\"]\n".to_owned(), None),
        (String::new(), Some(("KINGLET_MAIL__URL", "hunter2\t"))),
    ] {
        let environment: Vec<_> = environment.into_iter().collect();
        let found = faults_of::<Sample>(&text, &environment);
        assert_eq!(found.len(), 1, "{text} {found:#?}");
        assert!(!found[0].contains("hunter2"), "{found:#?}");
    }
}

#[test]
fn paths_inside_of_other_types_are_relative_too() {
    let directory = directory("[mail]\nspool = \"out\"\n[files]\npaths = [\"a\", \"/b\"]\n");
    let at = |name: &str| directory.path().join(name);
    let sources = |environment: &[_]| sources(directory.path(), environment);
    let config = load::load::<Sample>(&sources(&[])).expect("sound").config;
    assert_eq!(config.mail.spool, Some(at("out")));
    assert_eq!(config.files.paths, [at("a"), PathBuf::from("/b")]);
    let environment = [
        ("KINGLET_FILES__NUMBERS", "1, 2,3"),
        ("KINGLET_FILES__PATHS", ""),
    ];
    let config = load::load::<Sample>(&sources(&environment))
        .expect("sound")
        .config;
    assert_eq!(config.files.numbers, [1, 2, 3]);
    assert!(config.files.paths.is_empty());
    let found = faults_of::<Sample>(
        "[files]\npaths = [\"a\", \"b\", \"c\", \"d\"]\nnumbers = [1, 65536]\n",
        &[("KINGLET_FILES__NUMBERS", "1,x")],
    );
    assert_eq!(
        found,
        [
            "config.toml:2: files.paths: has 4 entries, allowed are 0 to 3",
            "config.toml:3: files.numbers: entry 2: 65536 is out of range",
            "environment KINGLET_FILES__NUMBERS: files.numbers: \"x\": \"x\" is not a whole number",
        ]
    );
}

#[test]
fn long_wrong_values_are_cut_in_reasons() {
    let long = "x".repeat(1000);
    let reasons =
        ListenAddresses::read(value::Given::Text(long.as_ref()), None).expect_err("no address");
    let [Reason { text, .. }] = &reasons[..] else {
        panic!("{reasons:?}");
    };
    assert!(text.len() < 200, "{text}");
}
