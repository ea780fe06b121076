//! The part of docs/operations.md about a server that can't write: every command in it is run on one, and what it says is what
//! the page says.

mod support;

use support::disk::Disk;
use support::session::Town;
use support::shell::{Said, Shell};

const HEADING: &str = "## When it can't write";

/// The commands in the part's consoles, each with what is said to come of it.
fn steps() -> Vec<(String, Vec<String>)> {
    let page = support::tools::in_package("docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, part) = page.split_once(HEADING).expect("the part");
    let part = part.split("\n## ").next().expect("it ends");
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    let mut in_console = false;
    for line in part.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_console) {
            steps.push((command.to_owned(), Vec::new()));
        } else if in_console {
            let (_, output) = steps.last_mut().expect("a console begins with a command");
            output.push(line.to_owned());
        }
    }
    steps
}

#[tokio::test]
async fn every_command_about_a_server_that_cant_write_does_what_it_says() {
    let town = Town::new();
    let disk = Disk::holding(&town.data());
    let reserve = [("KINGLET_STORAGE__DISK_RESERVE_MIB", "1073741824")];
    let mut served = disk.serve_with(None, false, &reserve);
    let base = served.base().await.expect("it starts");
    let address = base.strip_prefix("http://").expect("an address");
    let data = disk.data();
    let shell = Shell::new(&disk.root())
        .with("KINGLET_HTTP__LISTEN", address)
        .with("KINGLET_STORAGE__DATA_DIR", &data.to_string_lossy());
    let steps = steps();
    assert!(steps.len() >= 5, "{steps:#?}");
    for (command, output) in steps {
        let command = command
            .replace("127.0.0.1:8420", address)
            .replace("/var/lib/kinglet", &data.to_string_lossy());
        let Said {
            output: said,
            errors,
        } = shell.done(&command);
        for line in output {
            assert!(
                said.contains(&line),
                "{line:?} didn't come of\n$ {command}\n{said}{errors}"
            );
        }
        if command.starts_with("kinglet health") {
            assert!(errors.contains("503 Nothing can be written"), "{errors}");
        }
    }
}

#[test]
fn the_page_names_whatever_can_be_wrong() {
    use kinglet::store::soundness::Trouble;
    let page = support::tools::in_package("docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for trouble in Trouble::ALL {
        let (what, _) = trouble
            .sentence()
            .split_once(':')
            .expect("what, and what to do");
        assert!(page.contains(&format!("| {what} |")), "{what}");
    }
}
