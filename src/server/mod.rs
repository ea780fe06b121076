//! A server as a value: start it, use it, stop it. Several fit into one process.
//!
//! [`Server::builder`] says how it shall be, [`Server::seed`] fills it, [`Server::url`] is where its API and its pages
//! are, [`Server::shutdown`] stops it in order; one that is dropped stops as well.

mod builder;
pub mod seeding;

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;

use crate::actors::error::AskError;
use crate::actors::users::{CreateMember, GrantUserToken, Typed};
use crate::boot::{BootError, Serving};
use crate::domain::account::Role;
use crate::domain::refusal::Refusal;
use crate::domain::scope::Scopes;
use crate::ids::AccountId;
use crate::instance::Instance;
use crate::net::listener::Endpoint;
use crate::secret::Secret;

pub use self::builder::ServerBuilder;
pub use self::seeding::Seeding;

/// The thread that a server lives on; ends with this value.
struct ServerThread {
    thread: Option<thread::JoinHandle<()>>,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<Result<(), BootError>>>,
}

impl ServerThread {
    fn into_server(self, outcome: Result<Serving, BootError>) -> Result<Server, BootError> {
        let Serving {
            instance,
            endpoints,
        } = outcome?;
        Ok(Server {
            url: instance.url.to_string(),
            endpoints,
            instance,
            thread: self,
        })
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread panicked");
        }
    }
}

/// A running server. Dropping it stops it and waits for that; [`shutdown`](Self::shutdown) doesn't block meanwhile.
///
/// Each server has its threads and its state for itself, so a test may have one of its own, and a process several:
///
/// ```
/// use kinglet::Server;
///
/// let [one, other] = [(); 2].map(|()| Server::builder().in_memory().start_blocking());
/// let (one, other) = (one?, other?);
/// assert_ne!(one.addr(), other.addr());
/// one.block_on(one.seed().person("alice").into_future())?;
/// // Another server, another alice.
/// other.block_on(other.seed().person("alice").into_future())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a server that is dropped stops"]
pub struct Server {
    url: String,
    endpoints: Vec<Endpoint>,
    instance: Instance,
    thread: ServerThread,
}

impl Server {
    /// A server with the default configuration on a free port of `127.0.0.1`, to be changed and started.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The public address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first address of the network that it answers at; `0.0.0.0:0` when it listens on unix sockets alone.
    pub fn addr(&self) -> SocketAddr {
        let first = self.endpoints.iter().find_map(Endpoint::tcp);
        first.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// Every place that it listens at: those for HTTPS first, those that only send people on last.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The directory with everything that it stores.
    pub fn data_dir(&self) -> &Path {
        &self.instance.data_dir
    }

    /// The instance itself, for programs that want more than HTTP offers: its actors answer and act as they do for the API.
    ///
    /// ```
    /// use kinglet::actors::posts::fill::{PostSource, read_posts};
    /// use kinglet::domain::page::Page;
    /// use kinglet::domain::visibility::Onlooker;
    /// use kinglet::store::queries::lists::PostList;
    ///
    /// # let server = kinglet::Server::builder().in_memory().start_blocking()?;
    /// # let seed = server.seed();
    /// # server.block_on(async {
    /// let alice = seed.person("alice").await?;
    /// seed.post(&alice, "Hello").publish().await?;
    /// // What a stranger sees of the public timeline.
    /// let actors = &server.instance().actors;
    /// let source = PostSource::List(PostList::Public);
    /// let page = read_posts(actors, &Onlooker::default(), &source, Page::newest(20)).await?;
    /// let texts: Vec<_> = page.into_values().map(|view| view.post.text.clone()).collect();
    /// assert_eq!(texts, ["Hello"]);
    /// # Ok::<_, kinglet::actors::error::AskError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Fills the server with people and what they do, by typed calls; see [`seeding`].
    pub fn seed(&self) -> Seeding {
        Seeding::new(&self.instance)
    }

    /// Waits for a future, for programs without an asynchronous runtime: what it asks of the server is done on the
    /// server's own threads. It blocks the thread.
    ///
    /// # Panics
    /// When this thread is one of an asynchronous runtime, which must not be blocked: await the future there.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the machine gives a runtime for one thread");
        runtime.block_on(future)
    }

    /// Has the server look at its clock again, and do what is due by now: mail that waits, tasks of the schedule. It is
    /// needed where the clock was moved by hand, for the server sleeps by the machine's.
    pub fn wake(&self) {
        self.instance.wakes.ring_all();
    }

    /// Makes an account as the operator would: whatever the registration mode, with any role.
    ///
    /// # Errors
    /// When the name or the mail address is taken or no such thing, or the password is too weak.
    pub async fn create_account(
        &self,
        name: &str,
        email: &str,
        password: &str,
        role: Role,
    ) -> Result<AccountId, AskError> {
        let message = CreateMember {
            typed: Typed {
                name: name.to_owned(),
                email: email.to_owned(),
                password: Secret::new(password.to_owned()),
            },
            role,
        };
        let created = self.instance.actors.users.send(message).await?;
        Ok(created?.account)
    }

    /// Makes an access token for an account, with scopes such as `read write follow`.
    ///
    /// # Errors
    /// When there is no such account or no such scope.
    pub async fn create_token(
        &self,
        account: AccountId,
        scopes: &str,
    ) -> Result<Secret<String>, AskError> {
        let message = GrantUserToken {
            account,
            app: None,
            scopes: Scopes::parse(scopes).map_err(|error| Refusal::invalid(error.to_string()))?,
        };
        let granted = self.instance.actors.users.send(message).await?;
        Ok(granted?.token)
    }

    /// Ready when the server has ended: by itself with what made it, else without an error.
    ///
    /// # Errors
    /// What made it end by itself. It is told once.
    pub async fn ended(&mut self) -> Result<(), BootError> {
        let Some(ended) = &mut self.thread.ended else {
            return Ok(());
        };
        let outcome = ended.await;
        self.thread.ended = None;
        outcome.unwrap_or(Err(BootError::Died("the server's thread")))
    }

    /// Stops in order: no new connections, the requests at work end or are cut off at the configured deadline, then everything
    /// that was answered is on the disk.
    ///
    /// # Errors
    /// What didn't stop as it should.
    pub async fn shutdown(mut self) -> Result<(), BootError> {
        drop(self.thread.stop.take());
        self.ended().await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("url", &self.url)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
