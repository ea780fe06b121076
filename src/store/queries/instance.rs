//! What the store knows of the instance itself.

use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::tables::meta;

/// The public address that the instance remembers.
#[derive(Debug, Clone, Copy)]
pub struct FindInstanceUrl;

impl Query for FindInstanceUrl {
    type Answer = Option<String>;

    fn run(&self, view: &View<'_>) -> Result<Option<String>, StoreError> {
        meta::instance_url(view.connection)
    }
}
