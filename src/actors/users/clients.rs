//! Clients and their tokens: what OAuth's endpoints ask of Users, which makes the secrets.

use actix::{Context, Handler, Message, ResponseFuture};

use super::Users;
use super::passwords::require_own_password;
use crate::clock::Timestamp;
use crate::domain::access::App;
use crate::domain::oauth::{OauthFault, verifier_challenge};
use crate::domain::scope::Scopes;
use crate::error::AskError;
use crate::ids::{AccountId, AppId};
use crate::secret::{Secret, TokenHash};
use crate::store::queries::access::FindLogin;
use crate::store::units::{
    CreateToken, ExchangeCode, IssueClientToken, IssueCode, IssueUserToken, Issued, RegisterApp,
};

/// Registers a client.
#[derive(Debug, Clone)]
pub struct RegisterClient {
    /// What people know it by.
    pub name: String,
    /// Where people read about it.
    pub website: Option<String>,
    /// Where codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: Scopes,
}

/// A client that was registered.
#[derive(Debug, Clone)]
pub struct RegisteredClient {
    /// The client.
    pub app: App,
    /// Its secret, shown this once.
    pub secret: Secret<String>,
}

impl Message for RegisterClient {
    type Result = Result<RegisteredClient, AskError>;
}

impl Handler<RegisterClient> for Users {
    type Result = ResponseFuture<Result<RegisteredClient, AskError>>;

    fn handle(&mut self, message: RegisterClient, _: &mut Context<Self>) -> Self::Result {
        let client_id = self.new_token().into_exposed();
        let secret = self.new_token();
        let registering = self.store.perform(RegisterApp {
            client_id,
            secret: TokenHash::of(secret.expose()),
            name: message.name,
            website: message.website,
            redirect_uris: message.redirect_uris,
            scopes: message.scopes,
        });
        Box::pin(async move {
            let app = registering.await?;
            Ok(RegisteredClient { app, secret })
        })
    }
}

/// A member lets a client in.
#[derive(Debug, Clone)]
pub struct GrantCode {
    /// The client.
    pub client_id: String,
    /// Who lets it in.
    pub account: AccountId,
    /// Where the code will be sent to.
    pub redirect_uri: String,
    /// What the client may do.
    pub scopes: Scopes,
    /// The challenge by S256, if the client gave one.
    pub challenge: Option<TokenHash>,
}

impl Message for GrantCode {
    type Result = Result<Result<Secret<String>, OauthFault>, AskError>;
}

impl Handler<GrantCode> for Users {
    type Result = ResponseFuture<Result<Result<Secret<String>, OauthFault>, AskError>>;

    fn handle(&mut self, message: GrantCode, _: &mut Context<Self>) -> Self::Result {
        let code = self.new_token();
        let issuing = self.store.perform(IssueCode {
            code: TokenHash::of(code.expose()),
            client_id: message.client_id,
            account: message.account,
            redirect_uri: message.redirect_uri,
            scopes: message.scopes,
            challenge: message.challenge,
        });
        Box::pin(async move { Ok(issuing.await?.map(|()| code)) })
    }
}

/// A token, shown this once.
#[derive(Debug, Clone)]
pub struct GivenToken {
    /// The token.
    pub token: Secret<String>,
    /// What it opens.
    pub scopes: Scopes,
    /// When it was made.
    pub made_at: Timestamp,
}

impl GivenToken {
    fn new(token: Secret<String>, issued: Issued) -> Self {
        Self {
            token,
            scopes: issued.scopes,
            made_at: issued.made_at,
        }
    }
}

type Given = Result<Result<GivenToken, OauthFault>, AskError>;

/// A client exchanges its code.
#[derive(Debug, Clone)]
pub struct RedeemCode {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// The code.
    pub code: Secret<String>,
    /// Where the code was sent to.
    pub redirect_uri: String,
    /// What answers the challenge.
    pub verifier: Option<Secret<String>>,
}

impl Message for RedeemCode {
    type Result = Given;
}

impl Handler<RedeemCode> for Users {
    type Result = ResponseFuture<Given>;

    fn handle(&mut self, message: RedeemCode, _: &mut Context<Self>) -> Self::Result {
        let verifier = match &message.verifier {
            None => None,
            Some(verifier) => match verifier_challenge(verifier.expose()) {
                Some(challenge) => Some(challenge),
                None => {
                    return Box::pin(std::future::ready(Ok(Err(OauthFault::InvalidGrant))));
                }
            },
        };
        let token = self.new_token();
        let exchanging = self.store.perform(ExchangeCode {
            client_id: message.client_id,
            client_secret: TokenHash::of(message.client_secret.expose()),
            code: TokenHash::of(message.code.expose()),
            redirect_uri: message.redirect_uri,
            verifier,
            token: TokenHash::of(token.expose()),
        });
        Box::pin(async move {
            Ok(exchanging
                .await?
                .map(|issued| GivenToken::new(token, issued)))
        })
    }
}

/// A client asks for a token of its own.
#[derive(Debug, Clone)]
pub struct GrantClientToken {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// What it asks for; `None` for all that it registered.
    pub scopes: Option<Scopes>,
}

impl Message for GrantClientToken {
    type Result = Given;
}

impl Handler<GrantClientToken> for Users {
    type Result = ResponseFuture<Given>;

    fn handle(&mut self, message: GrantClientToken, _: &mut Context<Self>) -> Self::Result {
        let token = self.new_token();
        let issuing = self.store.perform(IssueClientToken {
            client_id: message.client_id,
            client_secret: TokenHash::of(message.client_secret.expose()),
            scopes: message.scopes,
            token: TokenHash::of(token.expose()),
        });
        Box::pin(async move { Ok(issuing.await?.map(|issued| GivenToken::new(token, issued))) })
    }
}

/// A client trades a name and a password for a token of the account (RFC 6749, section 4.3). Whoever passes this on has
/// made sure that the instance is one for prototypes.
#[derive(Debug, Clone)]
pub struct RedeemPassword {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// A name or a mail address.
    pub login: String,
    /// The password.
    pub password: Secret<String>,
    /// What it asks for; `None` for all that it registered.
    pub scopes: Option<Scopes>,
}

impl Message for RedeemPassword {
    type Result = Given;
}

impl Handler<RedeemPassword> for Users {
    type Result = ResponseFuture<Given>;

    fn handle(&mut self, message: RedeemPassword, _: &mut Context<Self>) -> Self::Result {
        let finding = self.store.find(FindLogin {
            login: message.login,
        });
        let token = self.new_token();
        let (store, hashers) = (self.store.clone(), self.hashers.clone());
        Box::pin(async move {
            let found = finding.await?;
            let login = match require_own_password(hashers, found, message.password).await {
                Err(AskError::Refused(_)) => return Ok(Err(OauthFault::InvalidGrant)),
                other => other?,
            };
            let issuing = store.perform(IssueUserToken {
                client_id: message.client_id,
                client_secret: TokenHash::of(message.client_secret.expose()),
                account: login.member.id,
                scopes: message.scopes,
                token: TokenHash::of(token.expose()),
            });
            Ok(issuing.await?.map(|issued| GivenToken::new(token, issued)))
        })
    }
}

/// A token for an account without consent: for the command line, and after a sign-up through a client.
#[derive(Debug, Clone)]
pub struct GrantUserToken {
    /// Whose.
    pub account: AccountId,
    /// The client; `None` for the command line.
    pub app: Option<AppId>,
    /// What it opens.
    pub scopes: Scopes,
}

impl Message for GrantUserToken {
    type Result = Result<GivenToken, AskError>;
}

impl Handler<GrantUserToken> for Users {
    type Result = ResponseFuture<Result<GivenToken, AskError>>;

    fn handle(&mut self, message: GrantUserToken, _: &mut Context<Self>) -> Self::Result {
        let token = self.new_token();
        let making = self.store.perform(CreateToken {
            account: message.account,
            app: message.app,
            scopes: message.scopes,
            token: TokenHash::of(token.expose()),
        });
        Box::pin(async move { Ok(GivenToken::new(token, making.await?)) })
    }
}
