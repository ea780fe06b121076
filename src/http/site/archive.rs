//! Settings: the archive of one's own account.

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use warp::Reply;

use super::entry::typed;
use super::frame::{Visit, errors, is_correctable, sentence};
use super::session::Notice;
use super::settings::account_form;
use crate::actors::users::AskForArchive;
use crate::archives::kept::Shelf;
use crate::context::Context;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{Response, forbid_storing};
use crate::secret::Secret;
use crate::store::queries::archive::FindArchive;

/// How much of a file is in memory at a time, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// `POST /settings/archive`: asks for an archive, with the password.
pub(super) async fn ask(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let account = visit.member()?;
    let name = visit.guest.member()?.name.clone();
    // A session that somebody else got hold of is no place to guess the password at.
    let address = visit.guest.address;
    visit.context.passwords.attempt(&name, address)?;
    let message = AskForArchive {
        account,
        password: Secret::new(typed(&form, "archive_password")?),
    };
    let asked = visit.context.actors.users.send(message).await?;
    match asked.map_err(Problem::from) {
        Ok(()) => {
            visit.context.passwords.succeeded(&name, address);
            visit.go("/settings/account", Some(Notice::ArchiveAsked))
        }
        Err(problem) if is_correctable(&problem) => {
            let sentence = sentence(&problem);
            let field = if sentence.contains("password") {
                "archive_password"
            } else {
                ""
            };
            let fault = errors(field, format!("{sentence}."));
            let page = account_form(&mut visit, fault).await?;
            visit.refused(&page, &problem)
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /settings/archive.zip`: one's own archive, as long as it is kept; piece by piece, however large it is.
pub(super) async fn fetch(context: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let found = context.actors.find(FindArchive { account }).await?;
    let made = found.as_ref();
    let now = context.instance.clock.now();
    let made = made.and_then(|found| found.fetchable(now));
    let made = made.ok_or_else(Problem::not_found)?;
    let path = Shelf::Archives.place_in(&context.instance.data_dir, &made.file);
    let file = match File::open(&path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Problem::not_found());
        }
        file => file.map_err(|error| Problem::internal(format!("an archive: {error}")))?,
    };
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = vec![0; CHUNK_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let mut response = warp::reply::stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(made.bytes));
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"archive.zip\""),
    );
    forbid_storing(&mut response);
    Ok(response)
}
