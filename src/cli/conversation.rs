//! Many requests in a row, to the server that runs on the data directory, else to one instance that this process opens once.

use tokio::sync::{mpsc, oneshot};

use super::{CliError, plan};
use crate::boot::{self, BootError, Opened};
use crate::config::Config;
use crate::control;
use crate::control::client;
use crate::control::protocol::{Answer, Failure, Request};
use crate::store::open::database_in;

/// Whom requests are sent to. Each waits for its answer.
pub(super) trait Listener {
    /// Has a request done.
    ///
    /// # Errors
    /// Why it was not.
    fn ask(&mut self, request: Request) -> Result<Answer, CliError>;
}

/// The running server.
struct Server(Config);

impl Listener for Server {
    fn ask(&mut self, request: Request) -> Result<Answer, CliError> {
        let data_dir = &self.0.storage.data_dir;
        let answered = client::ask(data_dir, &request)?;
        let outcome = answered.ok_or_else(|| CliError::NoServer(data_dir.clone()))?;
        Ok(outcome?)
    }
}

type Asked = (Request, oneshot::Sender<Result<Answer, Failure>>);

/// The instance that this process opened, on another thread.
struct Own(mpsc::Sender<Asked>);

impl Listener for Own {
    fn ask(&mut self, request: Request) -> Result<Answer, CliError> {
        let (answer, waiting) = oneshot::channel();
        let gone = || CliError::Unusable("the instance was closed".to_owned());
        self.0
            .blocking_send((request, answer))
            .map_err(|_| gone())?;
        Ok(waiting.blocking_recv().map_err(|_| gone())??)
    }
}

/// Sends `first`, and lets `talk` go on with its answer.
pub(super) fn converse<T: Send + 'static>(
    config: &Config,
    first: Request,
    talk: impl FnOnce(Answer, &mut dyn Listener) -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let data_dir = &config.storage.data_dir;
    if let Some(outcome) = client::ask(data_dir, &first)? {
        return talk(outcome?, &mut Server(config.clone()));
    }
    if !database_in(data_dir).exists() {
        return Err(CliError::NoInstance(data_dir.clone()));
    }
    let plan = plan(config)?;
    let talked: Result<_, BootError> = boot::run(async move {
        let data_dir = boot::own_data_dir(&plan.config.storage.data_dir).await?;
        let opened = Opened::for_command(data_dir, plan).await?;
        let (sender, mut asked) = mpsc::channel::<Asked>(1);
        let talking = tokio::task::spawn_blocking(move || {
            let mut own = Own(sender);
            let answer = own.ask(first)?;
            talk(answer, &mut own)
        });
        while let Some((request, answer)) = asked.recv().await {
            // Whoever asked waits for it, or is gone.
            drop(answer.send(control::handle(request, &opened.instance).await));
        }
        let talked = talking.await;
        opened.close().await?;
        Ok(talked)
    });
    match talked {
        Err(error) => Err(error.into()),
        Ok(Err(_)) => Err(CliError::Unusable(
            "the work broke off; the log says why".to_owned(),
        )),
        Ok(Ok(talked)) => talked,
    }
}
