//! The instance remembers its public address, so that another one can't come in by accident.

use crate::store::tables::meta;
use crate::store::writer::{Unit, UnitError, Write};

/// Remembers the public address.
#[derive(Debug, Clone)]
pub struct SetInstanceUrl {
    /// Scheme, host and perhaps a port, as the configuration writes it.
    pub url: String,
}

impl Unit for SetInstanceUrl {
    /// The address that was remembered before.
    type Answer = Option<String>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Option<String>, UnitError> {
        let before = meta::instance_url(write.connection)?;
        meta::set_instance_url(write.connection, &self.url)?;
        Ok(before)
    }
}
