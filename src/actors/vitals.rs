//! Whether everything that state hangs on still answers: each owner, a reader, the writer.

use actix::{Context, Handler, Message};

use super::Actors;
use super::error::AskError;
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
    /// Comes back when every owner, a reader and the writer have answered; whoever is stuck keeps it waiting.
    ///
    /// # Errors
    /// Whoever can't be asked, or has no room.
    pub async fn probe(&self) -> Result<(), AskError> {
        self.users.send(Probe).await?;
        self.posts.send(Probe).await?;
        self.timelines.send(Probe).await?;
        self.tasks.send(Probe).await?;
        self.find(HasOwner).await?;
        self.perform(PassWriter).await
    }
}
