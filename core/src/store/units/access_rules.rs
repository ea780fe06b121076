//! What several units about access ask before they act, and do when it ends.

use rusqlite::Connection;

use crate::domain::access::{App, Authority, Member};
use crate::domain::account::{AccountState, Role};
use crate::domain::event::Event;
use crate::domain::oauth::OauthFault;
use crate::domain::refusal::Refusal;
use crate::ids::{AccountId, SessionId};
use crate::secret::TokenHash;
use crate::store::error::StoreError;
use crate::store::tables::{apps, codes, credentials, links, meta, sessions, tokens};
use crate::store::writer::{UnitError, Write};

/// The sentence for a link that doesn't work, whatever the reason.
pub const DEAD_LINK: &str = "This link is unknown, used or expired";

/// The account that an action is about, in whatever state but deleted.
pub(super) fn require_member(
    connection: &Connection,
    account: AccountId,
) -> Result<Member, UnitError> {
    match credentials::find(connection, account)? {
        Some(member) if member.state != AccountState::Deleted => Ok(member),
        _ => Err(Refusal::NotFound.into()),
    }
}

/// Whoever acts on another's account must be a moderator in use, and may act on nobody of the same or a higher role;
/// owners may act on everybody, the operator too.
pub(super) fn require_authority(
    connection: &Connection,
    authority: Authority,
    target: &Member,
) -> Result<(), UnitError> {
    let Authority::Member(by) = authority else {
        return Ok(());
    };
    let by = require_member(connection, by)?;
    let allowed = by.state == AccountState::Active
        && match by.role {
            Role::Owner => true,
            Role::Moderator => target.role < Role::Moderator,
            Role::User => false,
        };
    if allowed {
        Ok(())
    } else {
        Err(Refusal::forbidden("Your role doesn't allow this action").into())
    }
}

/// What concerns the instance as a whole is for an owner in use, and for the operator.
pub(super) fn require_owner(connection: &Connection, by: Authority) -> Result<(), UnitError> {
    let Authority::Member(by) = by else {
        return Ok(());
    };
    let by = require_member(connection, by)?;
    if by.state == AccountState::Active && by.role == Role::Owner {
        Ok(())
    } else {
        Err(Refusal::forbidden("Your role doesn't allow this action").into())
    }
}

/// There is always an owner who can get in: the last one is neither suspended nor demoted nor deleted.
pub(super) fn require_owner_remains(
    connection: &Connection,
    leaving: &Member,
) -> Result<(), UnitError> {
    let counts = leaving.role == Role::Owner && leaving.state == AccountState::Active;
    if counts && !credentials::has_other_owner(connection, leaving.id)? {
        return Err(Refusal::forbidden(
            "This is the last owner: make somebody else an owner first",
        )
        .into());
    }
    Ok(())
}

/// Ends every session, token, code and link of an account.
pub(super) fn end_all_access(write: &mut Write<'_>, account: AccountId) -> Result<(), StoreError> {
    end_sessions(write, account, None)?;
    tokens::delete_of_account(write.connection, account)?;
    codes::delete_of_account(write.connection, account)?;
    links::delete_of_account(write.connection, account)?;
    Ok(())
}

/// Ends an account's sessions but the one to keep.
pub(super) fn end_sessions(
    write: &mut Write<'_>,
    account: AccountId,
    keep: Option<SessionId>,
) -> Result<(), StoreError> {
    sessions::delete_of_account(write.connection, account, keep)?;
    credentials_changed(write, account)
}

/// Makes everybody who remembers something of an account's access look again.
pub(super) fn credentials_changed(
    write: &mut Write<'_>,
    account: AccountId,
) -> Result<(), StoreError> {
    credentials::touch(write.connection, account, write.commit)?;
    write.tell(Event::CredentialsChanged(account));
    Ok(())
}

/// An account became hidden or visible: every home may look different.
pub(super) fn visibility_changed(
    write: &mut Write<'_>,
    account: AccountId,
) -> Result<(), StoreError> {
    meta::touch_timelines(write.connection, write.commit)?;
    write.tell(Event::AccountChanged(account));
    write.tell(Event::AccountVisibilityChanged(account));
    Ok(())
}

/// Announces tokens or sessions that were removed one by one.
pub(super) fn tell_revoked(write: &mut Write<'_>, hashes: Vec<TokenHash>) {
    for hash in hashes {
        write.tell(Event::TokenRevoked(hash));
    }
}

/// The client that shows this name and this secret.
pub(super) fn authenticate_client(
    connection: &Connection,
    client_id: &str,
    secret: TokenHash,
) -> Result<Result<App, OauthFault>, StoreError> {
    let Some(app) = apps::by_client_id(connection, client_id)? else {
        return Ok(Err(OauthFault::InvalidClient));
    };
    let known = apps::secret(connection, app.id)?;
    // TokenHash compares in constant time.
    Ok(if known == Some(secret) {
        Ok(app)
    } else {
        Err(OauthFault::InvalidClient)
    })
}
