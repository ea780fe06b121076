//! Who somebody is, and what may be done in somebody's name.

use rusqlite::Connection;

use super::relations::relations_of;
use crate::clock::Timestamp;
use crate::domain::access::{Access, App, Credential, Member, SessionEntry, TokenEntry};
use crate::domain::relationship::Relations;
use crate::ids::{AccountId, AppId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::links::{self, LinkKind};
use crate::store::tables::{accounts, apps, credentials, sessions, tokens};

/// What a credential opens, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct LoadCaller {
    /// What was shown.
    pub credential: Credential,
    /// Whether the account's relations are wanted too.
    pub with_relations: bool,
}

/// A known credential with all that hangs on it, out of one snapshot.
#[derive(Debug)]
pub struct LoadedCaller {
    /// What it opens.
    pub access: Access,
    /// Its account; `None` for a client's own token.
    pub member: Option<Member>,
    /// The account's relations, when they were wanted.
    pub relations: Option<Relations>,
}

impl Query for LoadCaller {
    /// `None` when nobody has this credential.
    type Answer = Option<LoadedCaller>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let connection = view.connection;
        let access = match self.credential {
            Credential::Token(hash) => tokens::find(connection, hash)?,
            Credential::Session(hash) => sessions::find(connection, hash)?,
        };
        let Some(access) = access else {
            return Ok(None);
        };
        let (member, relations) = match access.account {
            None => (None, None),
            Some(account) => (
                credentials::find(connection, account)?,
                match self.with_relations {
                    true => Some(relations_of(connection, account)?),
                    false => None,
                },
            ),
        };
        Ok(Some(LoadedCaller {
            access,
            member,
            relations,
        }))
    }
}

/// The account that somebody wants to log in to, by name or mail address.
#[derive(Debug, Clone)]
pub struct FindLogin {
    /// What was typed: a name, with or without a leading `@`, or a mail address.
    pub login: String,
}

/// What a log-in is held against.
#[derive(Debug, Clone)]
pub struct Login {
    /// The account.
    pub member: Member,
    /// The hash of its password.
    pub password_hash: Option<String>,
}

impl Query for FindLogin {
    type Answer = Option<Login>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let connection = view.connection;
        let account = credentials::id_by_login(connection, &self.login)?;
        account.map_or(Ok(None), |account| find_login(connection, account))
    }
}

/// What a password of a known account is held against.
#[derive(Debug, Clone, Copy)]
pub struct ReadLogin {
    /// The account.
    pub account: AccountId,
}

impl Query for ReadLogin {
    type Answer = Option<Login>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        find_login(view.connection, self.account)
    }
}

fn find_login(connection: &Connection, account: AccountId) -> Result<Option<Login>, StoreError> {
    let Some(member) = credentials::find(connection, account)? else {
        return Ok(None);
    };
    Ok(Some(Login {
        member,
        password_hash: credentials::password_hash(connection, account)?,
    }))
}

/// An account's name and mail address: what only its holder and the operator see.
#[derive(Debug, Clone, Copy)]
pub struct ReadEmail {
    /// Which account.
    pub account: AccountId,
}

impl Query for ReadEmail {
    type Answer = Option<String>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        credentials::email(view.connection, self.account)
    }
}

/// An account by its name, in whatever state: for the operator.
#[derive(Debug, Clone)]
pub struct FindMember {
    /// Its name, whatever the case.
    pub name: String,
}

impl Query for FindMember {
    type Answer = Option<Member>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        match accounts::id_by_name(view.connection, &self.name)? {
            None => Ok(None),
            Some(account) => credentials::find(view.connection, account),
        }
    }
}

/// The most sign-ups that are listed at once.
pub const PENDING_MAX: usize = 100;

/// Who waits for approval, oldest first, with what they wrote.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListPending;

impl Query for ListPending {
    type Answer = Vec<(Member, Option<String>)>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        let mut found = Vec::new();
        for (account, reason) in credentials::pending(view.connection, PENDING_MAX)? {
            if let Some(member) = credentials::find(view.connection, account)? {
                found.push((member, reason));
            }
        }
        Ok(found)
    }
}

/// Whether there is an owner: without one, the instance waits for its set-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct HasOwner;

impl Query for HasOwner {
    type Answer = bool;

    fn run(&self, view: &View<'_>) -> Result<bool, StoreError> {
        credentials::has_owner(view.connection)
    }
}

/// A client by its name in OAuth.
#[derive(Debug, Clone)]
pub struct FindApp {
    /// Its name in OAuth.
    pub client_id: String,
}

impl Query for FindApp {
    type Answer = Option<App>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        apps::by_client_id(view.connection, &self.client_id)
    }
}

/// A client by its row.
#[derive(Debug, Clone, Copy)]
pub struct ReadApp {
    /// Its row.
    pub app: AppId,
}

impl Query for ReadApp {
    type Answer = Option<App>;

    fn run(&self, view: &View<'_>) -> Result<Self::Answer, StoreError> {
        apps::find(view.connection, self.app)
    }
}

/// Every session and token of an account, for its owner to look at.
#[derive(Debug, Clone, Copy)]
pub struct ListAccess {
    /// Whose.
    pub account: AccountId,
}

/// An account's sessions and tokens, newest first.
#[derive(Debug, Clone, Default)]
pub struct ListedAccess {
    /// Sessions of the website.
    pub sessions: Vec<SessionEntry>,
    /// Tokens of clients and of the command line.
    pub tokens: Vec<TokenEntry>,
}

impl Query for ListAccess {
    type Answer = ListedAccess;

    fn run(&self, view: &View<'_>) -> Result<ListedAccess, StoreError> {
        Ok(ListedAccess {
            sessions: sessions::of_account(view.connection, self.account)?,
            tokens: tokens::of_account(view.connection, self.account)?,
        })
    }
}

/// What a link that somebody opens is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    /// To make the owner's account.
    SetUp,
    /// To set a new password.
    Reset,
    /// To sign up.
    Invite,
    /// To confirm a mail address.
    Confirm,
}

/// Whether a link still works; using it is for the unit to decide.
#[derive(Debug, Clone, Copy)]
pub struct CheckLink {
    /// What it is shown for.
    pub link_use: LinkUse,
    /// The hash of its code.
    pub code: TokenHash,
    /// The present moment.
    pub now: Timestamp,
}

impl Query for CheckLink {
    type Answer = bool;

    fn run(&self, view: &View<'_>) -> Result<bool, StoreError> {
        let kind = match self.link_use {
            LinkUse::SetUp => LinkKind::SetUp,
            LinkUse::Reset => LinkKind::Reset,
            LinkUse::Invite => LinkKind::Invite,
            LinkUse::Confirm => LinkKind::Confirm,
        };
        // As soon as there is an owner, no link makes another.
        if self.link_use == LinkUse::SetUp && credentials::has_owner(view.connection)? {
            return Ok(false);
        }
        Ok(links::find(view.connection, self.code, kind, self.now)?.is_some())
    }
}
