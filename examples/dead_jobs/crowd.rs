//! A village where every post names many people, so that there is a lot of mail.

use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use kinglet::Server;
use kinglet::actors::posts::{Draft, WritePost};
use kinglet::config::{Config, MailUrl};
use kinglet::domain::account::Role;
use kinglet::ids::AccountId;
use kinglet::store::units::{
    Admission, MAILED_PER_POST_MAX, NewMember, RegisterAccount, TidyDatabase,
};

use super::{Failure, load};

/// People who may be named.
pub const PEOPLE: usize = 400;
/// How many of them a post names: as many as one post sends mail to.
pub const NAMED_PER_POST: usize = MAILED_PER_POST_MAX;
/// Posts that are on their way to the store at the same time.
const POSTS_AT_ONCE: usize = 256;

/// The name of one of the people.
pub fn person(number: usize) -> String {
    format!("person{number}")
}

/// A server of this process on a new directory, with its people.
pub struct Crowd {
    server: Server,
    authors: Vec<AccountId>,
}

impl Crowd {
    /// Starts it.
    pub async fn found(data: &Path, mut config: Config, mail: MailUrl) -> Result<Self, Failure> {
        config.mail.url = mail;
        config.http.listen = ([127, 0, 0, 1], 0).into();
        let server = Server::builder()
            .config(config)
            .data_dir(data)
            .start()
            .await?;
        let authors = load::settle(&server).await?;
        for number in 0..PEOPLE {
            let name = person(number);
            let unit = RegisterAccount {
                member: NewMember {
                    email: format!("{name}@example.org"),
                    name,
                    // Nobody logs in as one of them, so no password is worth the time that its hash takes.
                    password_hash: "none".to_owned(),
                },
                admission: Admission::Operator(Role::User),
            };
            server.instance().actors.perform(unit).await?;
        }
        Ok(Self { server, authors })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Writes posts that name [`NAMED_PER_POST`] people each, all of them equally often.
    pub async fn write(&self, posts: usize) -> Result<(), Failure> {
        let door = &self.server.instance().actors.posts;
        stream::iter(0..posts)
            .map(|number| async move {
                let first = number * NAMED_PER_POST;
                let names = (first..first + NAMED_PER_POST)
                    .map(|number| format!("@{}", person(number % PEOPLE)))
                    .collect::<Vec<_>>();
                let post = WritePost {
                    author: self.authors[number % self.authors.len()],
                    draft: Draft {
                        text: format!("Entry {number}, for {}", names.join(" ")),
                        ..Draft::default()
                    },
                    visibility: None,
                    reply_to: None,
                    app: None,
                    idempotency_key: None,
                };
                door.send(post).await??;
                Ok::<(), Failure>(())
            })
            .buffer_unordered(POSTS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Stops the server, when all that was written is in the database itself.
    pub async fn leave(self) -> Result<(), Failure> {
        let actors = &self.server.instance().actors;
        // The log is emptied after its answer: the second is answered when that is done.
        for _ in 0..2 {
            actors.perform(TidyDatabase).await?;
        }
        Ok(self.server.shutdown().await?)
    }
}
