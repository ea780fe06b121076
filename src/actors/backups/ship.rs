//! `backup.after_command`: another program takes a finished set away. It is started as it is written, without a shell, and
//! has a time to end in.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{Backups, BackupsError, blocking};
use crate::store::backup;

/// What stands in the command for the set's directory.
const PLACE: &str = "{}";
/// The variable that names the set's directory to the command as well.
const VARIABLE: &str = "KINGLET_BACKUP_SET";
/// How much of what a command complained of is told, in bytes: its end.
const COMPLAINT_BYTES_MAX: u64 = 300;

impl Backups {
    /// Has a finished set taken away, where that is configured.
    pub(super) async fn ship(&self, set: &Path) -> Result<(), BackupsError> {
        let settings = &self.config.backup;
        let Some((program, arguments)) = settings.after_command.split_first() else {
            return Ok(());
        };
        let directory = set.display();
        let mut command = Command::new(program);
        let place = set.to_string_lossy();
        command
            .args(arguments.iter().map(|text| text.replace(PLACE, &place)))
            .env(VARIABLE, set)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Whatever it starts ends with it.
            .process_group(0);
        let time_max = Duration::from_secs(settings.after_timeout_secs);
        run(command, time_max).await.map_err(BackupsError::Ship)?;
        let shipped = set.to_owned();
        blocking(move || backup::mark_shipped(&shipped)).await??;
        tracing::info!(target: "kinglet::actors::backups::ship", %directory, "a backup was shipped");
        Ok(())
    }
}

/// Runs a command to its end, or until its time is over; why it failed, as the end of a sentence.
async fn run(mut command: Command, time_max: Duration) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let broken = |error: std::io::Error| format!("can't be followed: {error}");
    let mut complaints = tempfile::tempfile().map_err(broken)?;
    let stderr = complaints.try_clone().map_err(broken)?;
    let mut child = command
        .stderr(stderr)
        .spawn()
        .map_err(|error| format!("can't be started: {program}: {error}"))?;
    let group = Group::of(&child);
    let ended = tokio::time::timeout(time_max, tokio::task::spawn_blocking(move || group.wait()));
    let in_time = ended.await.is_ok();
    if !in_time {
        group.kill();
    }
    // It has ended, or is about to.
    let status = blocking(move || child.wait())
        .await
        .map_err(|error| error.to_string())?
        .map_err(broken)?;
    if !in_time {
        return Err(format!("took longer than {} s", time_max.as_secs()));
    }
    if status.success() {
        return Ok(());
    }
    let complaint = last_of(&mut complaints).map_err(broken)?;
    Err(format!("{}{complaint}", told(status)))
}

/// A process and all that it started. Nobody has waited for the process yet, so its number is no other's.
#[derive(Clone, Copy)]
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> Self {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Self(id.expect("the number of a process is positive"))
    }

    /// Blocks until the process has ended, and leaves it to be waited for.
    fn wait(self) {
        let ended = || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            waitid(WaitId::Pid(self.0), options)
        };
        // Any other error means that there is nothing to wait for.
        while matches!(ended(), Err(Errno::INTR)) {}
    }

    fn kill(self) {
        // What has ended just now needs no signal.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The end of what was complained of, behind a colon.
fn last_of(complaints: &mut std::fs::File) -> std::io::Result<String> {
    let length = complaints.seek(SeekFrom::End(0))?;
    complaints.seek(SeekFrom::Start(length.saturating_sub(COMPLAINT_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    complaints
        .take(COMPLAINT_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    Ok(if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn command(words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).process_group(0);
        command
    }

    #[tokio::test]
    async fn a_command_is_told_of_by_how_it_ends() {
        let ended = async |words: &[&str]| run(command(words), LONG).await;
        assert_eq!(ended(&["true"]).await, Ok(()));
        let failed = |text: &str| Err(text.to_owned());
        assert_eq!(ended(&["false"]).await, failed("ended with 1"));
        assert_eq!(
            ended(&["sh", "-c", "echo no room >&2; exit 3"]).await,
            failed("ended with 3: no room")
        );
        assert_eq!(
            ended(&["sh", "-c", "kill -9 $$"]).await,
            failed("was ended by signal 9")
        );
        let missing = ended(&["/nowhere/at-all"]).await.expect_err("nothing");
        assert!(
            missing.starts_with("can't be started: /nowhere/at-all"),
            "{missing}"
        );
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_it_started() {
        // Whoever has the other end of it, or inherited it, lives.
        let (mut alive, end) = std::io::pipe().expect("a pipe");
        let mut hanging = command(&["sh", "-c", "sleep 600 & wait"]);
        hanging.stdout(end);
        let hangs = run(hanging, Duration::from_secs(1)).await;
        assert_eq!(hangs, Err("took longer than 1 s".to_owned()));
        let all_ended = tokio::task::spawn_blocking(move || alive.read_to_end(&mut Vec::new()));
        let all_ended = tokio::time::timeout(LONG, all_ended).await;
        assert!(all_ended.is_ok(), "what it started is left");
    }
}
