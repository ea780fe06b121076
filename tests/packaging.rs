//! What is installed beside the binary: completions, the manual, the units of systemd, the container's recipe.
//! `packaging/deb_life` tries the Debian package as a whole.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::process::Place;
use support::tools::in_package;
use tempfile::TempDir;

/// The most that `systemd-analyze security` may find exposed, in tenths: 0 is nothing, 100 everything.
const EXPOSURE_TENTHS_MAX: u32 = 15;
/// What mandoc says of pages that are right: they have no date, so that the same sources make the same pages, and lists
/// of possible values begin with a line of their own.
const MANDOC_OVERLOOKED: &[&str] = &["missing date", "skipping paragraph macro: br"];

/// Runs a program that `tests/install` brings.
fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} is missing, run tests/install first: {error}"))
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    text
}

/// The completions for a shell, in a file.
fn completions(place: &Place, shell: &str) -> String {
    let file = place.path().join(format!("kinglet.{shell}"));
    fs::write(&file, place.done(&["completions", shell])).expect("it is written");
    file.to_str().expect("UTF-8").to_owned()
}

#[test]
fn bash_completes_commands_and_options() {
    let place = Place::new();
    let file = completions(&place, "bash");
    for (words, expected) in [
        ("us", "user"),
        ("user cre", "create"),
        ("user create alice --rol", "--role"),
        ("user role alice mod", "moderator"),
    ] {
        let script = format!(
            "source '{file}'
            COMP_WORDS=(kinglet {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _kinglet kinglet \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"
            echo \"${{COMPREPLY[@]}}\""
        );
        let output = run("bash", &["--norc", "--noprofile", "-c", &script]);
        assert_eq!(text(&output).trim(), expected, "kinglet {words}<TAB>");
    }
}

#[test]
fn fish_completes_commands_and_options() {
    let place = Place::new();
    let file = completions(&place, "fish");
    for (words, expected) in [
        ("us", "user\t"),
        ("user cre", "create\t"),
        ("user create --rol", "--role\t"),
    ] {
        let script = format!("source '{file}'; complete -C 'kinglet {words}'");
        let output = run("fish", &["--no-config", "-c", &script]);
        let offered = text(&output);
        assert!(
            offered.lines().any(|line| line.starts_with(expected)),
            "kinglet {words}<TAB>: {offered}"
        );
    }
}

#[test]
fn zsh_takes_the_completions() {
    let place = Place::new();
    let file = completions(&place, "zsh");
    let script = format!(
        "autoload -U compinit && compinit -u -D && source '{file}' && print -r -- ${{_comps[kinglet]}}"
    );
    let output = run("zsh", &["-f", "-c", &script]);
    assert_eq!(text(&output).trim(), "_kinglet");
}

#[test]
fn every_command_has_a_page_that_is_right() {
    let place = Place::new();
    place.done(&["man-pages", "manual"]);
    let pages = place.path().join("manual");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&pages).expect("a directory") {
        let path = entry.expect("an entry").path();
        paths.push(path.to_str().expect("UTF-8").to_owned());
    }
    let mut arguments = vec!["-T", "lint", "-W", "warning"];
    arguments.extend(paths.iter().map(String::as_str));
    let found = text(&run("mandoc", &arguments));
    let faults: Vec<&str> = found
        .lines()
        .filter(|line| !MANDOC_OVERLOOKED.iter().any(|known| line.contains(known)))
        .collect();
    assert_eq!(faults, Vec::<&str>::new());

    let read = |page: &str| fs::read_to_string(pages.join(page)).expect(page);
    // What the help lists has a page: names stand at the beginning of its lines.
    let help = place.done(&["--help"]);
    let commands = help.split_once("Commands:\n").expect("commands").1;
    let mut listed = 0;
    for line in commands.lines().take_while(|line| !line.is_empty()) {
        // What goes on in a second line stands further in.
        let Some(name) = line
            .strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))
        else {
            continue;
        };
        let name = name.split(' ').next().expect("a word");
        assert!(read(&format!("kinglet-{name}.1")).contains(".SH SYNOPSIS"));
        listed += 1;
    }
    assert!(listed > 10, "{help}");
    let examples = read("kinglet-user-create.1");
    let examples = examples
        .split_once(".SH EXAMPLES\n.nf\n")
        .expect("examples")
        .1;
    assert!(examples.starts_with("kinglet user create alice"));
    assert!(read("kinglet-settings.5").contains("KINGLET_HTTP__LISTEN"));
}

#[test]
fn asking_for_health_tells_by_its_exit_code() {
    let place = Place::new();
    let running = place.serve();
    let address = running
        .url
        .strip_prefix("http://")
        .expect("a URL")
        .to_owned();
    place.done(&["health", "--address", &address]);
    assert!(running.stop().status.success());
    let errors = place.fails(1, &["health", "--address", &address]);
    assert!(errors.contains("doesn't answer"), "{errors}");
}

/// A copy of the units that starts the binary of this build.
fn units(directory: &Path) -> Vec<String> {
    ["kinglet.service", "kinglet.socket"]
        .iter()
        .map(|name| {
            let unit = fs::read_to_string(in_package("packaging/systemd").join(name));
            let unit = unit.expect("a unit");
            let unit = unit.replace("/usr/bin/kinglet", env!("CARGO_BIN_EXE_kinglet"));
            let path = directory.join(name);
            fs::write(&path, unit).expect("it is written");
            path.to_str().expect("UTF-8").to_owned()
        })
        .collect()
}

#[test]
fn systemd_finds_no_fault_with_the_units_and_little_exposed() {
    let directory = TempDir::new().expect("a directory");
    let units = units(directory.path());
    let mut arguments = vec!["verify", "--man=no"];
    arguments.extend(units.iter().map(String::as_str));
    let verified = run("systemd-analyze", &arguments);
    assert!(verified.status.success(), "{}", text(&verified));
    assert_eq!(text(&verified), "");

    let threshold = format!("--threshold={EXPOSURE_TENTHS_MAX}");
    let arguments = [
        "security",
        "--offline=true",
        "--no-pager",
        &threshold,
        &units[0],
    ];
    let rated = run("systemd-analyze", &arguments);
    assert!(rated.status.success(), "{}", text(&rated));
    let verdict = "Overall exposure level";
    assert!(text(&rated).contains(verdict), "{}", text(&rated));
}

#[test]
fn the_container_has_neither_root_nor_shell_and_is_asked_for_its_health() {
    let recipe = fs::read_to_string(in_package("packaging/Containerfile")).expect("a recipe");
    let last = recipe.rsplit_once("\nFROM ").expect("several stages").1;
    assert!(last.starts_with("scratch\n"), "{last}");
    assert!(!last.contains("\nRUN "), "there is no shell to run it");
    let line = |instruction: &str| {
        let mut lines = last.lines();
        let found = lines.find_map(|line| line.strip_prefix(instruction));
        found.unwrap_or_else(|| panic!("no {instruction}in\n{last}"))
    };
    let user = line("USER ");
    let (user, group) = user.split_once(':').expect("a user and a group");
    for id in [user, group] {
        assert!(id.parse::<u32>().expect("a number") > 0);
    }
    assert_eq!(line("VOLUME "), "/data");
    assert!(line("HEALTHCHECK ").ends_with(r#"CMD ["/usr/bin/kinglet", "health"]"#));
    assert_eq!(line("ENTRYPOINT "), r#"["/usr/bin/kinglet"]"#);
}

#[test]
fn the_guide_names_only_what_is_there() {
    let guide = fs::read_to_string(in_package("docs/install.md")).expect("a guide");
    let mut named = 0;
    for rest in guide.split("packaging/").skip(1) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        let name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
        let path = in_package("packaging").join(name.trim_end_matches('.'));
        assert!(path.exists(), "{} isn't there", path.display());
        named += 1;
    }
    assert!(named > 5);
}
