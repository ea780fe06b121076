//! What can be asked of the stage: to begin anew, to remember, to go back.

use tokio::sync::{mpsc, oneshot};

/// Orders that may wait at once.
pub const ORDERS_WAITING_MAX: usize = 16;
/// Snapshots that are kept at once.
pub const SNAPSHOTS_MAX: usize = 16;
/// The longest name of a snapshot, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// The name of a snapshot: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// Reads a name; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_sound = (1..=NAME_BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        is_sound.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is to be done with the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Everything as it was when the instance started.
    Reset,
    /// Remember how everything is; a snapshot of the same name is replaced.
    Snapshot(SnapshotName),
    /// Everything as it was then.
    Restore(SnapshotName),
}

/// Why an order wasn't carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such snapshot.
    #[error("there is no snapshot \"{0}\"")]
    Unknown(String),
    /// There are enough of them.
    #[error("there are {SNAPSHOTS_MAX} snapshots already")]
    TooMany,
    /// The machine failed; the instance goes on as it was.
    #[error("{0}")]
    Failed(String),
    /// The instance is stopping.
    #[error("the instance is stopping")]
    Stopping,
}

/// An order with whoever waits for it.
pub struct Placed {
    /// What is to be done.
    pub order: Order,
    /// Where it is said that it was, or why not.
    pub done: oneshot::Sender<Result<(), OrderError>>,
}

/// Takes orders to the stage; clones lead to the same.
#[derive(Clone)]
pub struct Orders(mpsc::Sender<Placed>);

impl Orders {
    /// The way to a stage, and the stage's end of it.
    pub fn channel() -> (Self, mpsc::Receiver<Placed>) {
        let (sender, receiver) = mpsc::channel(ORDERS_WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Has an order carried out.
    ///
    /// # Errors
    /// Why it wasn't.
    pub async fn place(&self, order: Order) -> Result<(), OrderError> {
        let (done, outcome) = oneshot::channel();
        let placed = self.0.send(Placed { order, done }).await;
        placed.map_err(|_| OrderError::Stopping)?;
        outcome.await.unwrap_or(Err(OrderError::Stopping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_lead_nowhere_else() {
        for good in ["a", "before-login", "A_1", &"x".repeat(40)] {
            assert!(SnapshotName::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "ä", &"x".repeat(41)] {
            assert!(SnapshotName::parse(bad).is_none(), "{bad}");
        }
    }
}
