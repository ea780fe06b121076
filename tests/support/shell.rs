//! A shell in which kinglet is found by its name, as on a machine where it is installed: for what pages tell people to type.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a step said.
#[derive(Debug)]
pub struct Said {
    pub output: String,
    pub errors: String,
}

/// Runs steps in a directory.
pub struct Shell {
    directory: PathBuf,
    programs: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Shell {
    /// With kinglet, which is put into the directory's `bin`.
    pub fn new(directory: &Path) -> Self {
        let shell = Self {
            directory: directory.to_owned(),
            programs: directory.join("bin"),
            environment: Vec::new(),
        };
        fs::create_dir_all(&shell.programs).expect("a directory");
        shell.program("kinglet", Path::new(env!("CARGO_BIN_EXE_kinglet")))
    }

    /// With another program.
    pub fn program(self, name: &str, program: &Path) -> Self {
        match symlink(program, self.programs.join(name)) {
            // An earlier shell's.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked.expect("a link"),
        }
        self
    }

    /// With a variable of the environment.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Runs a step, which has to work.
    pub fn done(&self, step: &str) -> Said {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", step])
            .current_dir(&self.directory)
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env_remove("KINGLET_CONFIG")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("bash");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = Said {
            output: text(&output.stdout),
            errors: text(&output.stderr),
        };
        let Said {
            output: out,
            errors,
        } = &said;
        assert!(output.status.success(), "$ {step}\n{out}{errors}");
        said
    }
}
