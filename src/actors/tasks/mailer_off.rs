//! A kinglet without the feature `mail`: nobody sends any. Jobs of earlier days wait for a kinglet that does, until they
//! are too late.

use std::sync::Arc;

use super::lane::Worker;
use crate::Actors;
use crate::config::{Config, InstanceUrl};
use crate::domain::job::LeasedJob;
use crate::error::AskError;
use crate::letter_box::LetterBox;
use crate::randomness::Randomness;
use crate::telemetry::Telemetry;
use crate::unsubscribe::UnsubscribeKey;

/// What a mailer would need to be told; there is none.
#[derive(Debug)]
pub enum MailerSetup {}

impl MailerSetup {
    /// None.
    pub fn of(
        _: &Arc<Config>,
        _: &Arc<InstanceUrl>,
        _: &UnsubscribeKey,
        _: String,
        _: Option<LetterBox>,
    ) -> Option<Self> {
        None
    }
}

#[derive(Debug)]
pub(super) enum Mailer {}

impl Mailer {
    pub(super) fn new(_: Actors, _: Randomness, setup: MailerSetup, _: Arc<Telemetry>) -> Self {
        match setup {}
    }
}

impl Worker for Mailer {
    async fn work(&self, _: LeasedJob) -> Result<(), AskError> {
        match *self {}
    }

    async fn rest(&self) {
        match *self {}
    }
}
