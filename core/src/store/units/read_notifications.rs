//! Notifications are read, dismissed and cleared.

use super::rules::require_active;
use crate::domain::event::Event;
use crate::domain::marker::MarkedTimeline;
use crate::domain::refusal::Refusal;
use crate::ids::{AccountId, NotificationId};
use crate::store::tables::{markers, notifications};
use crate::store::writer::{Unit, UnitError, Write};

/// How many rows one unit removes.
const NOTIFICATIONS_PER_UNIT_MAX: usize = 1000;

/// Remembers how far somebody has read.
#[derive(Debug, Clone)]
pub struct SetMarkers {
    /// Who.
    pub account: AccountId,
    /// The newest entry that was read, for each timeline that is to be set.
    pub last_read: Vec<(MarkedTimeline, i64)>,
}

impl Unit for SetMarkers {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        for (timeline, last_read) in &self.last_read {
            markers::set(
                write.connection,
                self.account,
                *timeline,
                *last_read,
                write.now,
            )?;
        }
        write.tell(Event::ReaderChanged(self.account));
        Ok(())
    }
}

/// Removes one of one's own notifications.
#[derive(Debug, Clone)]
pub struct DismissNotification {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub id: NotificationId,
}

impl Unit for DismissNotification {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        require_active(write.connection, self.account)?;
        if notifications::dismiss(write.connection, self.account, self.id)? {
            write.tell(Event::ReaderChanged(self.account));
            Ok(())
        } else {
            Err(Refusal::NotFound.into())
        }
    }
}

/// Clears all of one's own notifications: they are gone for their reader at once; rows that are too many for one unit are
/// removed by [`RemoveCleared`].
#[derive(Debug, Clone)]
pub struct ClearNotifications {
    /// Whose.
    pub account: AccountId,
}

impl Unit for ClearNotifications {
    /// Whether rows may be left to be removed.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        require_active(write.connection, self.account)?;
        notifications::hide_all(write.connection, self.account)?;
        write.tell(Event::ReaderChanged(self.account));
        remove_cleared(write, self.account)
    }
}

/// Removes rows of notifications that were cleared before; their reader notices nothing.
#[derive(Debug, Clone)]
pub struct RemoveCleared {
    /// Whose.
    pub account: AccountId,
}

impl Unit for RemoveCleared {
    /// Whether rows may be left to be removed.
    type Answer = bool;

    fn apply(&self, write: &mut Write<'_>) -> Result<bool, UnitError> {
        remove_cleared(write, self.account)
    }
}

fn remove_cleared(write: &mut Write<'_>, account: AccountId) -> Result<bool, UnitError> {
    let connection = write.connection;
    let removed = notifications::delete_hidden(connection, account, NOTIFICATIONS_PER_UNIT_MAX)?;
    Ok(removed == NOTIFICATIONS_PER_UNIT_MAX)
}
