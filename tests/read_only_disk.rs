//! A disk that the kernel makes read-only because it is broken, as ext4 does with `errors=remount-ro`: a real file system on a loop
//! device, in a name space of mounts of its own, that is told by the kernel's own switch for tests to find an error.
//!
//! It needs root, util-linux, e2fsprogs and a kernel with ext4; where one is missing, that it wasn't tried is said.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use support::process::{Place, Running};
use support::server::{Answer, Client};
use support::tools::not_tested;

/// Makes the file system and mounts it, and then does what it is told line by line. The mounts end with it.
const KEEPER: &str = r#"
set -e
mkdir data
truncate -s 512M image
mkfs.ext4 -q -e remount-ro image
mount -o loop,errors=remount-ro image data
chmod 700 data
echo ready
while read -r order; do
    case $order in
        # The kernel finds an error, as on a disk that is broken.
        break) echo kinglet >"/sys/fs/ext4/$(basename "$(findmnt -n -o SOURCE data)")/trigger_fs_error";;
        # What an operator does once the disk is exchanged.
        mend) umount data; e2fsck -f -y image >/dev/null || [ $? = 1 ]; mount -o loop,errors=remount-ro image data;;
    esac
    echo done
done
umount data
"#;
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// Who keeps the mounts.
struct Keeper {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// Mounts a file system at `data` of the place; why not, where that isn't permitted.
    fn start(place: &Place) -> Result<Self, String> {
        let errors = place.path().join("errors");
        let shell = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "bash", "-c", KEEPER])
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors).expect("a file"))
            .spawn();
        let mut shell = shell.map_err(|error| format!("unshare: {error}"))?;
        let answers = BufReader::new(shell.stdout.take().expect("a pipe"));
        let orders = shell.stdin.take();
        let mut keeper = Self {
            shell,
            orders,
            answers,
        };
        match keeper.answer() {
            answer if answer == "ready\n" => Ok(keeper),
            _ => Err(fs::read_to_string(errors).expect("it is text")),
        }
    }

    fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it is text");
        answer
    }

    fn does(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it listens");
        writeln!(orders, "{order}").expect("it listens");
        assert_eq!(self.answer(), "done\n", "{order}");
    }

    /// A command that is given where the file system is.
    fn inside(&self, place: &Place, arguments: &[&str]) -> Command {
        let own = place.command(arguments);
        let mut command = Command::new("nsenter");
        command
            .args(["--mount", "--target", &self.shell.id().to_string()])
            // The directory as it is there, not as it is here.
            .arg("env")
            .arg(format!("--chdir={}", place.path().display()))
            .arg(own.get_program())
            .args(own.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn done(&self, place: &Place, arguments: &[&str]) -> String {
        let output: Output = self.inside(place, arguments).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn serve(&self, place: &Place) -> Running {
        Running::start(self.inside(place, &["serve", "--listen", "127.0.0.1:0"]))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Without orders it ends, and its mounts with it.
        drop(self.orders.take());
        drop(self.shell.wait());
    }
}

async fn publish(client: &Client, text: &str) -> Answer {
    let request = client.request(reqwest::Method::POST, "/api/v1/statuses");
    let answer = request.json(&json!({"status": text})).send().await;
    let answer = answer.expect("the server lives");
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await.expect("a body"),
    }
}

async fn texts(client: &Client) -> Vec<String> {
    let home = client.get("/api/v1/timelines/home?limit=40").await;
    assert_eq!(home.status, 200, "{}", home.text);
    let posts = home.json();
    let posts = posts.as_array().expect("a list").iter();
    posts
        .map(|post| post["content"].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_the_kernel_makes_read_only_loses_nothing_that_was_answered() {
    let place = Place::new();
    let mut keeper = match Keeper::start(&place) {
        Ok(keeper) => keeper,
        Err(why) => {
            not_tested(&format!(
                "a file system that is remounted read-only: it can't be mounted here ({})",
                why.lines().next().unwrap_or("no root, or no ext4")
            ));
            return;
        }
    };
    keeper.done(
        &place,
        &["user", "create", "ada", "--email", "a@example.org"],
    );
    let token = keeper.done(
        &place,
        &["token", "create", "ada", "--scopes", "read write"],
    );
    let running = keeper.serve(&place);
    let client = Client::new(&running.url).with_token(token.trim());
    for text in ["one", "two"] {
        assert_eq!(publish(&client, text).await.status, 200);
    }

    keeper.does("break");
    let refused = publish(&client, "three").await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    let again = publish(&client, "four").await;
    assert_eq!(again.status, 503, "{}", again.text);
    assert_eq!(texts(&client).await, ["<p>two</p>", "<p>one</p>"]);
    // The health is asked for until it is told: what was refused first may be no more than an error of the disk.
    let told = async {
        loop {
            let health = client.request(reqwest::Method::GET, "/health").send().await;
            let health = health.expect("the server lives");
            let status = health.status().as_u16();
            let text = health.text().await.expect("a body");
            if status == 503 && text.contains("the data directory can't be written") {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .expect("it says what to do");
    let ended = running.stop();
    assert!(!ended.errors.contains("panicked"), "{}", ended.errors);

    keeper.does("mend");
    let checked = keeper.done(&place, &["check"]);
    assert!(checked.starts_with("every invariant holds\n"), "{checked}");
    let running = keeper.serve(&place);
    let client = Client::new(&running.url).with_token(token.trim());
    assert_eq!(texts(&client).await, ["<p>two</p>", "<p>one</p>"]);
    assert_eq!(publish(&client, "five").await.status, 200);
    assert_eq!(texts(&client).await.len(), 3);
    assert!(running.stop().status.success());
}
