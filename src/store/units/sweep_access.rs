//! What has expired is forgotten.

use super::access_rules::tell_revoked;
use crate::domain::access::SESSION_IDLE_MILLIS_MAX;
use crate::store::tables::{apps, codes, idempotency_keys, links, sessions, tokens};
use crate::store::writer::{Unit, UnitError, Write};

/// The most rows of each kind that one unit forgets.
pub const ROWS_PER_SWEEP_MAX: usize = 200;
/// How long a client is remembered that no member lets in, in milliseconds: 30 days.
pub const APP_UNUSED_MILLIS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;
/// How long a code is remembered after it expired, in milliseconds: a thief may come late.
const CODE_MEMORY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How long the key of a client's retry is good, in milliseconds.
const IDEMPOTENCY_MILLIS: i64 = 60 * 60 * 1000;

/// Forgets expired codes, links and retry keys, idle sessions, and clients that nobody ever let in.
#[derive(Debug, Clone, Copy, Default)]
pub struct SweepAccess;

impl Unit for SweepAccess {
    /// Whether more may be left.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        let connection = write.connection;
        let before = |millis: i64| write.now.plus_millis(-millis);
        let limit = ROWS_PER_SWEEP_MAX;
        let mut most = codes::delete_until(connection, before(CODE_MEMORY_MILLIS), limit)?;
        most = most.max(links::delete_until(connection, write.now, limit)?);
        most = most.max(idempotency_keys::delete_until(
            connection,
            before(IDEMPOTENCY_MILLIS),
            limit,
        )?);
        let unused = apps::unused_until(connection, before(APP_UNUSED_MILLIS_MAX), limit)?;
        most = most.max(unused.len());
        let mut ended = sessions::delete_idle(connection, before(SESSION_IDLE_MILLIS_MAX), limit)?;
        most = most.max(ended.len());
        for app in unused {
            ended.extend(tokens::delete_surplus_of_client(connection, app, 0)?);
            apps::delete(connection, app)?;
        }
        tell_revoked(write, ended);
        Ok(most == limit)
    }
}
