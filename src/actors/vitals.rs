//! Whether everything that state hangs on still answers: each owner, a reader, the writer.

use actix::{Context, Handler, Message};

use super::Actors;
use super::door::DoorError;
use super::posts::Posts;
use super::tasks::Tasks;
use super::timelines::Timelines;
use super::users::Users;
use crate::store::queries::access::HasOwner;
use crate::store::units::PassWriter;

/// Are you there?
#[derive(Debug)]
pub struct Probe;

impl Message for Probe {
    type Result = ();
}

macro_rules! answers_probes {
    ($($owner:ty),*) => {$(
        impl Handler<Probe> for $owner {
            type Result = ();

            fn handle(&mut self, _: Probe, _: &mut Context<Self>) {}
        }
    )*};
}
answers_probes!(Users, Posts, Timelines, Tasks);

impl Actors {
    /// Comes back when every owner and a reader have answered; whoever is stuck keeps it waiting. What they answer doesn't
    /// matter: who says that there is no room, or that the disk is broken, lives, and a new start would mend neither.
    ///
    /// # Errors
    /// When an owner is gone.
    pub async fn probe(&self) -> Result<(), DoorError> {
        lives(self.users.send(Probe).await)?;
        lives(self.posts.send(Probe).await)?;
        lives(self.timelines.send(Probe).await)?;
        lives(self.tasks.send(Probe).await)?;
        // A reader's answer, whatever it is.
        drop(self.find(HasOwner).await);
        Ok(())
    }

    /// Comes back when the writer has answered, whatever it says, or has no room.
    ///
    /// # Errors
    /// When the owner whom it is asked by is gone.
    pub async fn probe_writer(&self) -> Result<(), DoorError> {
        lives(self.tasks.send(Probe).await)?;
        // As above.
        drop(self.perform(PassWriter).await);
        Ok(())
    }
}

/// Whatever was answered is a sign of life, and so is having too much to do.
fn lives<T>(answered: Result<T, DoorError>) -> Result<(), DoorError> {
    match answered {
        Err(DoorError::Closed) => Err(DoorError::Closed),
        Ok(_) | Err(DoorError::Busy) => Ok(()),
    }
}
