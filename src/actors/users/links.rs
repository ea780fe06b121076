//! Links that the operator hands out: Users makes their codes.

use actix::{Context, Handler, Message, ResponseFuture};

use super::Users;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::secret::{Secret, TokenHash, random_token};
use crate::store::units::{CreateInvite, CreateResetLink, CreateSetupLink};

/// Random bytes of a link's code: 128 bits.
const LINK_BYTES: usize = 16;

/// The code of a link, shown this once.
pub type LinkCode = Secret<String>;

/// Makes a link.
#[derive(Debug, Clone, Copy)]
pub enum MakeLink {
    /// To make the owner's account.
    SetUp,
    /// To set a new password.
    Reset {
        /// Whose.
        account: AccountId,
    },
    /// To sign up.
    Invite {
        /// How many people it lets in.
        uses: u32,
        /// How many days it works.
        days: u32,
    },
}

impl Message for MakeLink {
    type Result = Result<LinkCode, AskError>;
}

impl Handler<MakeLink> for Users {
    type Result = ResponseFuture<Result<LinkCode, AskError>>;

    fn handle(&mut self, message: MakeLink, _: &mut Context<Self>) -> Self::Result {
        let secret = random_token::<LINK_BYTES>(&mut self.rng);
        let code = TokenHash::of(secret.expose());
        let making = match message {
            MakeLink::SetUp => self.store.perform(CreateSetupLink { code }),
            MakeLink::Reset { account } => self.store.perform(CreateResetLink { account, code }),
            MakeLink::Invite { uses, days } => {
                self.store.perform(CreateInvite { code, uses, days })
            }
        };
        Box::pin(async move { making.await.map(|()| secret) })
    }
}
