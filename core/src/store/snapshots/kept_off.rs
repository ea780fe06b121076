//! A kinglet without the feature `sled` keeps no snapshots. Those of earlier days stay where they are: a kinglet that
//! reads them asks SQLite whether they are still true.

use std::path::Path;

use super::WindowSnapshot;
use crate::ids::AccountId;
use crate::store::check::Kept;
use crate::store::error::StoreError;

/// The snapshots of one store: none.
#[derive(Debug)]
pub struct Snapshots;

impl Snapshots {
    /// Opens nothing.
    ///
    /// # Errors
    /// None.
    pub fn open(_: &Path, _: &str, _: usize) -> Result<Self, StoreError> {
        Ok(Self)
    }

    /// Keeps nothing.
    ///
    /// # Errors
    /// None.
    pub fn save(&self, _: &[WindowSnapshot]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes nothing.
    ///
    /// # Errors
    /// None.
    pub fn remove(&self, _: AccountId) -> Result<(), StoreError> {
        Ok(())
    }

    /// Finds nobody's.
    ///
    /// # Errors
    /// None.
    pub fn page(&self, _: AccountId, _: usize) -> Result<Vec<Kept>, StoreError> {
        Ok(Vec::new())
    }

    /// Finds nothing.
    ///
    /// # Errors
    /// None.
    pub fn load(&self, _: AccountId) -> Result<Option<WindowSnapshot>, StoreError> {
        Ok(None)
    }
}
