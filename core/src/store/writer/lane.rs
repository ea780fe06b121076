//! The lane in which units wait for the writer.

use std::any::type_name;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{Unit, UnitError, Write, WriteError};
use crate::telemetry::mailbox::kind_name;
use crate::telemetry::writer::{Submission, WriterFigures};

/// A unit with its waiter, whatever its type.
pub(super) trait Pending: Send {
    fn apply(&mut self, write: &mut Write<'_>) -> Result<(), UnitError>;
    fn answer(self: Box<Self>, outcome: Result<(), WriteError>);
    /// Its way through the lane; `None` where nothing is measured.
    fn submission(&mut self) -> Option<&mut Submission>;
    /// What it is called.
    fn kind(&self) -> &'static str;
}

struct Submitted<U: Unit> {
    unit: U,
    answer: Option<U::Answer>,
    waiter: oneshot::Sender<Result<U::Answer, WriteError>>,
    submission: Option<Submission>,
}

impl<U: Unit> Pending for Submitted<U> {
    fn apply(&mut self, write: &mut Write<'_>) -> Result<(), UnitError> {
        self.answer = Some(self.unit.apply(write)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), WriteError>) {
        let Self { answer, waiter, .. } = *self;
        // A waiter that went away is no error: what it asked for is done all the same.
        drop(waiter.send(outcome.and_then(|()| answer.ok_or(WriteError::Internal))));
    }

    fn submission(&mut self) -> Option<&mut Submission> {
        self.submission.as_mut()
    }

    fn kind(&self) -> &'static str {
        kind_name(type_name::<U>())
    }
}

/// The door to the writer; clones share one lane.
#[derive(Clone)]
pub struct Writer {
    lane: mpsc::Sender<Box<dyn Pending>>,
    figures: Option<Arc<WriterFigures>>,
}

impl Writer {
    /// The door to a lane.
    pub(super) fn new(
        lane: mpsc::Sender<Box<dyn Pending>>,
        figures: Option<Arc<WriterFigures>>,
    ) -> Self {
        Self { lane, figures }
    }

    /// Puts a unit in the lane. Units are applied in the order of these calls.
    ///
    /// # Errors
    /// [`WriteError::Busy`] when the lane is full, [`WriteError::Unavailable`] when the writer has stopped.
    pub fn submit<U: Unit>(
        &self,
        unit: U,
    ) -> Result<oneshot::Receiver<Result<U::Answer, WriteError>>, WriteError> {
        let (waiter, answer) = oneshot::channel();
        let figures = self.figures.as_deref();
        let submitted = Submitted {
            unit,
            answer: None,
            waiter,
            submission: figures.map(|_| Submission::now()),
        };
        // Before the writer can take it out.
        if let Some(figures) = figures {
            figures.waiting.rise(1);
        }
        let Err(error) = self.lane.try_send(Box::new(submitted)) else {
            return Ok(answer);
        };
        if let Some(figures) = figures {
            figures.waiting.fall(1);
            figures.turned_away.count();
        }
        Err(match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Busy,
            mpsc::error::TrySendError::Closed(_) => WriteError::Unavailable,
        })
    }
}
