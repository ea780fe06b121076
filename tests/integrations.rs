//! What client authors paste, `integrations/`, used as they would: by pytest, by vitest, and as a step of a workflow.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use support::process::Place;
use support::server::Client;
use support::tools::{in_package, python, vitest};

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.expect("the program runs")
}

#[track_caller]
fn told(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaints}");
    told
}

/// pytest on a copy of the fixture and its example, as somebody would have them.
fn pytest(place: &Place) -> Command {
    for file in ["conftest.py", "test_example.py"] {
        let original = in_package("integrations/pytest").join(file);
        std::fs::copy(original, place.path().join(file)).expect("it is copied");
    }
    let mut pytest = Command::new(python());
    pytest
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .env("KINGLET", env!("CARGO_BIN_EXE_kinglet"))
        .current_dir(place.path());
    pytest
}

#[test]
fn the_pytest_fixture_gives_each_test_the_beginning() {
    let place = Place::new();
    let told = told(&run(&mut pytest(&place)));
    assert!(told.contains("4 passed"), "{told}");
}

#[test]
fn the_pytest_fixture_says_when_there_is_no_server() {
    let place = Place::new();
    let output = run(pytest(&place).env("KINGLET", "false"));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(told.contains("didn't start; exit code 1"), "{told}");
}

#[test]
fn the_vitest_set_up_gives_each_test_the_beginning() {
    let mut vitest = Command::new(vitest());
    vitest
        .args(["run", "--reporter=json"])
        .env("KINGLET", env!("CARGO_BIN_EXE_kinglet"))
        .current_dir(in_package("integrations/vitest"));
    let told = told(&run(&mut vitest));
    let report: Json = serde_json::from_str(&told).expect("JSON");
    assert_eq!(report["numPassedTests"], 4, "{told}");
    assert_eq!(report["numTotalTests"], 4, "{told}");
}

/// Runs the action's steps as the runner does.
fn action(place: &Place, inputs: &[&str]) -> Output {
    let mut runner = Command::new(python());
    runner
        .arg(in_package("tests/github_action.py"))
        .arg(in_package("integrations/github-action/action.yml"))
        .args(inputs)
        .env("RUNNER_TEMP", place.path());
    run(&mut runner)
}

/// A server that outlives the step which started it; killed with this value.
struct LeftRunning(String);

impl Drop for LeftRunning {
    fn drop(&mut self) {
        let killed = Command::new("kill").arg(&self.0).status();
        assert!(killed.is_ok_and(|killed| killed.success()));
    }
}

#[tokio::test]
async fn the_github_action_leaves_a_server_for_the_steps_that_follow() {
    let place = Place::new();
    let program = format!("kinglet={}", env!("CARGO_BIN_EXE_kinglet"));
    let mut runs = Vec::new();
    for _ in 0..2 {
        let told = told(&action(&place, &[&program, "seed=7"]));
        let set: Json = serde_json::from_str(&told).expect("JSON");
        let variable = |name: &str| {
            let value = set["variables"][name].as_str();
            value
                .unwrap_or_else(|| panic!("{name} is set: {set}"))
                .to_owned()
        };
        let _server = LeftRunning(variable("KINGLET_PID"));
        let (url, token) = (variable("KINGLET_URL"), variable("KINGLET_TOKEN_ALICE"));
        let client = Client::new(&url).with_token(&token);
        let path = "/api/v1/accounts/verify_credentials";
        assert_eq!(client.get(path).await.ok()["username"], "alice");
        assert_eq!(set["outputs"]["url"], url);
        let people = set["outputs"]["people"].as_str().expect("a text");
        let people: Json = serde_json::from_str(people).expect("JSON");
        let alice = people
            .as_array()
            .and_then(|people| people.iter().find(|person| person["name"] == "alice"));
        let alice = alice.expect("alice is there");
        assert_eq!(alice["token"], token);
        assert_eq!(alice["password"], variable("KINGLET_PASSWORD_ALICE"));
        runs.push(people);
    }
    assert_eq!(runs[0], runs[1], "one seed, one beginning");
}

/// The example of a workflow, run in a place with nothing but itself, as somebody would copy it.
fn workflow(place: &Place, variables: &[String]) -> Output {
    let copied = place.path().join("test.yml");
    let original = in_package("integrations/github-action/example.yml");
    std::fs::copy(original, &copied).expect("it is copied");
    let mut runner = Command::new(python());
    runner
        .arg(in_package("tests/github_action.py"))
        .args(["--workflow", "test.yml"])
        .args(variables)
        .env("RUNNER_TEMP", place.path())
        .current_dir(place.path());
    run(&mut runner)
}

#[test]
fn the_example_of_a_workflow_runs_once_it_is_filled_in_and_says_so_before() {
    let place = Place::new();
    let output = workflow(&place, &[]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("::error title=kinglet::Fill in "), "{said}");

    // A repository as far as the workflow looks into it. What takes too long here is the build: `cargo` only puts the program
    // where it would, if what it is told to build is there.
    let repository = place.path().join("repository");
    let folder = repository.join("integrations/github-action");
    std::fs::create_dir_all(&folder).expect("a directory");
    let action = in_package("integrations/github-action/action.yml");
    std::fs::copy(action, folder.join("action.yml")).expect("it is copied");
    std::fs::write(repository.join("Cargo.toml"), "").expect("it is written");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let mut git = Command::new("git");
        git.args(identity).args(arguments).current_dir(&repository);
        told(&run(&mut git)).trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "All of it"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let home = place.path().join("home");
    let (tools, installed) = (place.path().join("tools"), home.join(".cargo/bin"));
    std::fs::create_dir_all(&tools).expect("a directory");
    let cargo = format!(
        "#!/bin/sh\nset -eu\n[ \"$*\" = 'install --locked --path .kinglet' ]\n[ -f .kinglet/Cargo.toml ]\n\
         mkdir -p '{0}'\nln -s '{1}' '{0}/kinglet'\n",
        installed.display(),
        env!("CARGO_BIN_EXE_kinglet")
    );
    let path = tools.join("cargo");
    std::fs::write(&path, cargo).expect("it is written");
    let may_run = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, may_run).expect("it may be run");
    let search = std::env::var("PATH").expect("there is one");
    let output = workflow(
        &place,
        &[
            format!("KINGLET_REPOSITORY=file://{}", repository.display()),
            format!("KINGLET_COMMIT={commit}"),
            format!("PATH={}:{}:{search}", tools.display(), installed.display()),
        ],
    );
    let told = told(&output);
    let set: Json = serde_json::from_str(&told).expect("JSON");
    let server = set["variables"]["KINGLET_PID"].as_str();
    drop(LeftRunning(server.expect("it runs").to_owned()));
    let said = String::from_utf8_lossy(&output.stderr);
    // Alice's home, as the last step fetched it.
    assert!(said.contains("\"content\":\"<p>"), "{said}");
}

#[test]
fn the_github_action_fails_with_the_reason() {
    let place = Place::new();
    let output = action(&place, &["kinglet=/nowhere/kinglet"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(
        told.contains("::error title=kinglet::It didn't start: "),
        "{told}"
    );
    assert!(told.contains("/nowhere/kinglet"), "{told}");
}
