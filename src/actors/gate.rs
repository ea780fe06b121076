//! Admission: how many may be inside or wait, decided at the door. An actor's mailbox is no bound: it takes whatever is
//! sent.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::AskError;

/// A door with a fixed number of places; clones share them.
#[derive(Debug, Clone)]
pub struct Gate {
    places: Arc<Semaphore>,
}

/// A place behind a gate, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    /// A gate with so many places.
    pub fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Takes a place, without waiting.
    ///
    /// # Errors
    /// [`AskError::Busy`] when all are taken.
    pub fn enter(&self) -> Result<Place, AskError> {
        let permit = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| AskError::Busy)?;
        Ok(Place { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_place_is_told_so_until_one_is_free() {
        let gate = Gate::new(1);
        let place = gate.enter().expect("a free place");
        assert!(matches!(gate.clone().enter(), Err(AskError::Busy)));
        drop(place);
        assert!(gate.enter().is_ok());
    }
}
