//! `kinglet user`: makes and changes accounts.

use std::io::{self, BufRead, Read};

use super::args::{Output, Role as RoleArgument, User, UserCreate};
use super::columns::columns;
use super::{Beginning, CliError, ask, print, print_json, print_link};
use crate::config::Config;
use crate::control::protocol::{AccountLine, Answer, Request};
use crate::domain::account::Role;
use crate::secret::Secret;

/// The longest line that is read as a password, in bytes; whether it may be so long is asked later.
const PASSWORD_LINE_BYTES_MAX: u64 = 4096;

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Owner => Self::Owner,
            RoleArgument::Moderator => Self::Moderator,
            RoleArgument::User => Self::User,
        }
    }
}

pub(super) fn run(command: &User, config: &Config) -> Result<(), CliError> {
    match command {
        User::Create(options) => create(options, config),
        User::List(output) => list(*output, config),
        User::Suspend(user) => {
            let name = user.name.clone();
            change(Request::Suspend { name }, config)
        }
        User::Approve(user) => {
            let name = user.name.clone();
            change(Request::Approve { name }, config)
        }
        User::Reject(user) => {
            let name = user.name.clone();
            change(Request::Reject { name }, config)
        }
        User::Unsuspend(user) => {
            let name = user.name.clone();
            change(Request::Unsuspend { name }, config)
        }
        User::Delete(user) => {
            let name = user.name.clone();
            change(Request::DeleteAccount { name }, config)
        }
        User::Role(user) => {
            let request = Request::SetRole {
                name: user.name.clone(),
                role: user.role.into(),
            };
            change(request, config)
        }
        User::ResetLink(user) => {
            let name = user.name.clone();
            let answer = ask(
                config,
                Request::CreateResetLink { name },
                Beginning::Refused,
            )?;
            print_link(answer, user.output)
        }
    }
}

/// Changes that print nothing when they are done.
fn change(request: Request, config: &Config) -> Result<(), CliError> {
    match ask(config, request, Beginning::Refused)? {
        Answer::Done => Ok(()),
        _ => Err(CliError::Mismatch),
    }
}

fn create(options: &UserCreate, config: &Config) -> Result<(), CliError> {
    let password = match options.password_stdin {
        true => Some(password_line(io::stdin().lock())?),
        false => None,
    };
    let request = Request::CreateAccount {
        name: options.name.clone(),
        email: options.email.clone(),
        role: options.role.into(),
        password,
    };
    let answer = ask(config, request, Beginning::Allowed)?;
    let Answer::AccountCreated {
        name,
        role,
        password,
    } = answer
    else {
        return Err(CliError::Mismatch);
    };
    let password = password.as_ref().map(Secret::expose);
    if options.output.json {
        let mut account = serde_json::json!({"name": name, "role": role.name()});
        if let Some(password) = password {
            account["password"] = password.as_str().into();
        }
        return print_json(&account);
    }
    print(&format!("@{name} is made, as {}", role.name()))?;
    match password {
        None => Ok(()),
        Some(password) => print(&format!("password (shown only now): {password}")),
    }
}

/// One line, its end dropped.
fn password_line(input: impl Read) -> Result<Secret<String>, CliError> {
    let mut line = Secret::new(Vec::new());
    let mut input = io::BufReader::new(input.take(PASSWORD_LINE_BYTES_MAX));
    input
        .read_until(b'\n', line.expose_mut())
        .map_err(|source| CliError::Io {
            what: "can't read the password from standard input".to_owned(),
            source,
        })?;
    let line = line.expose_mut();
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    if line.is_empty() {
        return Err(CliError::Unusable(
            "there is no password on standard input".to_owned(),
        ));
    }
    String::from_utf8(std::mem::take(line))
        .map(Secret::new)
        .map_err(|_| CliError::Unusable("the password has to be UTF-8".to_owned()))
}

fn list(output: Output, config: &Config) -> Result<(), CliError> {
    let mut accounts = Vec::new();
    let mut from = Some(0);
    // Each round goes on after the last account: as many rounds as there are pages.
    while let Some(after) = from {
        let request = Request::ListAccounts { after };
        let Answer::Accounts {
            accounts: page,
            after,
        } = ask(config, request, Beginning::Refused)?
        else {
            return Err(CliError::Mismatch);
        };
        accounts.extend(page);
        from = after;
    }
    if output.json {
        print_json(&serde_json::json!(accounts))
    } else {
        print(&table(&accounts))
    }
}

/// The accounts in columns, one line each.
fn table(accounts: &[AccountLine]) -> String {
    let heading = ["NAME", "ROLE", "STATE", "POSTS", "MADE", "EMAIL"].map(str::to_owned);
    let rows = accounts.iter().map(|account| {
        [
            account.name.clone(),
            account.role.name().to_owned(),
            account.state.clone(),
            account.posts_count.to_string(),
            account.made_at.chars().take(10).collect(),
            account.email.clone().unwrap_or_default(),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(rows).collect();
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_without_its_end() {
        for (input, password) in [
            ("correct horse\n", "correct horse"),
            ("correct horse\r\n", "correct horse"),
            ("no end", "no end"),
            (" spaces stay \nsecond line\n", " spaces stay "),
        ] {
            let read = password_line(input.as_bytes()).expect("a password");
            assert_eq!(read.expose(), password);
        }
        for input in [&b""[..], b"\n", b"\r\n", b"\xff\n"] {
            assert!(password_line(input).is_err(), "{input:?}");
        }
    }

    #[test]
    fn accounts_stand_in_columns() {
        let account = |name: &str, role| AccountLine {
            id: "1".to_owned(),
            name: name.to_owned(),
            email: None,
            role,
            state: "active".to_owned(),
            made_at: "2026-09-21T14:13:20.000Z".to_owned(),
            posts_count: 7,
        };
        let text = table(&[account("alice", Role::Owner), account("bo", Role::User)]);
        assert_eq!(
            text,
            "NAME   ROLE   STATE   POSTS  MADE        EMAIL\n\
             alice  owner  active  7      2026-09-21\n\
             bo     user   active  7      2026-09-21"
        );
    }
}
