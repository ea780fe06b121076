//! Invitations: links by which people may sign up.

use crate::domain::refusal::Refusal;
use crate::secret::TokenHash;
use crate::store::tables::links::{self, LinkKind};
use crate::store::writer::{Unit, UnitError, Write};

/// The most people that one invitation lets in.
pub const INVITE_USES_MAX: u32 = 1000;
/// The longest that an invitation works, in days.
pub const INVITE_DAYS_MAX: u32 = 365;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Makes an invitation.
#[derive(Debug, Clone, Copy)]
pub struct CreateInvite {
    /// The hash of the link's code.
    pub code: TokenHash,
    /// How many people it lets in, 1 to [`INVITE_USES_MAX`].
    pub uses: u32,
    /// How many days it works, 1 to [`INVITE_DAYS_MAX`].
    pub days: u32,
}

impl Unit for CreateInvite {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        if !(1..=INVITE_USES_MAX).contains(&self.uses) {
            return Err(Refusal::invalid(format!(
                "An invitation lets in 1 to {INVITE_USES_MAX} people"
            ))
            .into());
        }
        if !(1..=INVITE_DAYS_MAX).contains(&self.days) {
            return Err(Refusal::invalid(format!(
                "An invitation works for 1 to {INVITE_DAYS_MAX} days"
            ))
            .into());
        }
        let expires_at = write.now.plus_millis(i64::from(self.days) * DAY_MILLIS);
        links::insert(
            write.connection,
            self.code,
            LinkKind::Invite,
            None,
            self.uses,
            expires_at,
        )?;
        Ok(())
    }
}
