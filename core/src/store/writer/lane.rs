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
    fn may_use_reserve(&self) -> bool;
}

struct Submitted<U: Unit, T> {
    unit: U,
    answer: Option<U::Answer>,
    tell: T,
    submission: Option<Submission>,
}

impl<U: Unit, T: FnOnce(Result<U::Answer, WriteError>) + Send> Pending for Submitted<U, T> {
    fn apply(&mut self, write: &mut Write<'_>) -> Result<(), UnitError> {
        self.answer = Some(self.unit.apply(write)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), WriteError>) {
        let Self { answer, tell, .. } = *self;
        tell(outcome.and_then(|()| answer.ok_or(WriteError::Internal)));
    }

    fn submission(&mut self) -> Option<&mut Submission> {
        self.submission.as_mut()
    }

    fn kind(&self) -> &'static str {
        kind_name(type_name::<U>())
    }

    fn may_use_reserve(&self) -> bool {
        self.unit.may_use_reserve()
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
        // A waiter that went away is no error: what it asked for is done all the same.
        let pending = self.pending(unit, |outcome| drop(waiter.send(outcome)));
        match self.enqueue(pending) {
            Ok(()) => Ok(answer),
            Err((error, _)) => Err(error),
        }
    }

    /// Puts a unit in the lane, and has its outcome told: on the writer's thread, or at once where the unit is turned
    /// away. Nothing is told of a unit whose commit is in doubt.
    pub fn submit_to<U: Unit>(
        &self,
        unit: U,
        tell: impl FnOnce(Result<U::Answer, WriteError>) + Send + 'static,
    ) {
        if let Err((error, pending)) = self.enqueue(self.pending(unit, tell)) {
            pending.answer(Err(error));
        }
    }

    fn pending<U: Unit>(
        &self,
        unit: U,
        tell: impl FnOnce(Result<U::Answer, WriteError>) + Send + 'static,
    ) -> Box<dyn Pending> {
        Box::new(Submitted {
            unit,
            answer: None,
            tell,
            submission: self.figures.as_ref().map(|_| Submission::now()),
        })
    }

    fn enqueue(&self, pending: Box<dyn Pending>) -> Result<(), (WriteError, Box<dyn Pending>)> {
        let figures = self.figures.as_deref();
        // Before the writer can take it out.
        if let Some(figures) = figures {
            figures.waiting.rise(1);
        }
        let Err(error) = self.lane.try_send(pending) else {
            return Ok(());
        };
        if let Some(figures) = figures {
            figures.waiting.fall(1);
            figures.turned_away.count();
        }
        Err(match error {
            mpsc::error::TrySendError::Full(pending) => (WriteError::Busy, pending),
            mpsc::error::TrySendError::Closed(pending) => (WriteError::Unavailable, pending),
        })
    }
}
