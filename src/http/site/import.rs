//! Settings: an archive of one's own, brought along from elsewhere.

use std::path::Path;

use rand::Rng as _;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::entry::typed;
use super::frame::{Visit, errors, is_correctable, sentence};
use super::session::Notice;
use super::views::settings::{Arrival, ImportPage};
use super::views::{FormErrors, Nav};
use crate::actors::error::AskError;
use crate::actors::users::AskToUpload;
use crate::archives::import::Report;
use crate::archives::kept::Shelf;
use crate::context::Context;
use crate::domain::arriving::{Arriving, Outcome};
use crate::domain::error_code::ErrorCode;
use crate::domain::text::numbers;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::upload::{FileForm, Kept, ROOM_BYTES, UPLOADS_MAX, Unkept, Uploading};
use crate::problem::Problem;
use crate::reply::Response;
use crate::secret::Secret;
use crate::store::queries::archive::FindArrival;
use crate::store::units::{BeginArrival, EndArrival};

const MIB: u64 = 1024 * 1024;
/// How much of a file is written at once, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;
/// How much more the disk has to have room for, in bytes: what all who upload may write before they ask again.
const MARGIN_BYTES: u64 = ROOM_BYTES * UPLOADS_MAX as u64;
/// How many of the largest archives may wait to be taken in, or as many smaller ones as are as large together.
const WAITING_MAX: u64 = UPLOADS_MAX as u64;
/// Where the page is.
const PAGE: &str = "/settings/import";

/// The largest archive that may be uploaded, in bytes.
fn bytes_max(context: &Context) -> u64 {
    let limits = &context.instance.config.limits;
    limits.import_max_mib.saturating_mul(MIB)
}

fn arrival(visit: &Visit, found: Arriving) -> Arrival {
    let report = Report::from_json(&found.report).unwrap_or_default();
    let ended = found.ended.as_ref();
    Arrival {
        name: found.name,
        size: numbers::bytes(found.bytes),
        asked: visit.renderer().moment(found.asked_at),
        things: found.things,
        done: found.done,
        is_under_way: ended.is_none(),
        outcome: ended.map_or("", |ended| match ended.outcome {
            Outcome::Done => "It is taken in.",
            Outcome::Refused => "It could not be taken in, or no further.",
            Outcome::Cancelled => "You cancelled it. What is here stays.",
        }),
        reason: ended.and_then(|ended| ended.reason.clone()),
        imported: report.imported(),
        lines: report.told(),
    }
}

async fn import_page(visit: &mut Visit, errors: FormErrors) -> Result<ImportPage, Problem> {
    let account = visit.member()?;
    let found = visit.context.actors.find(FindArrival { account }).await?;
    let bytes_max = i64::try_from(bytes_max(&visit.context)).unwrap_or(i64::MAX);
    Ok(ImportPage {
        frame: visit.frame(Nav::Settings).await?,
        is_open: bytes_max > 0,
        size_max: numbers::bytes(bytes_max),
        arrival: found.map(|found| arrival(visit, found)),
        errors,
    })
}

/// `GET /settings/import`: how far the last archive is, and the form for another one.
pub(super) async fn page(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let page = import_page(&mut visit, FormErrors::default()).await?;
    visit.page(&page)
}

/// `POST /settings/import`: uploads an archive, with the password.
pub(super) async fn upload(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let account = visit.member()?;
    visit.require_own_origin()?;
    let bytes_max = bytes_max(&visit.context);
    if bytes_max == 0 {
        return Err(Problem::not_found());
    }
    let mut form = FileForm::begin(&mut visit.call, bytes_max)?;
    let uploading = match visit.context.uploads.begin(account) {
        Ok(uploading) => uploading,
        Err(problem) => {
            form.pass_over().await;
            return refuse(visit, "", problem).await;
        }
    };
    if let Err((field, problem)) = admit(&visit, &mut form).await {
        form.pass_over().await;
        return refuse(visit, field, problem).await;
    }
    let (file, kept) = match keep(&visit.context, &mut form, &uploading).await {
        Ok(kept) => kept,
        Err(problem) => {
            // What is read from here on takes no room.
            drop(uploading);
            form.pass_over().await;
            return refuse(visit, "archive", problem).await;
        }
    };
    drop(uploading);
    let begin = BeginArrival {
        account,
        file: file.clone(),
        name: kept.name,
        bytes: i64::try_from(kept.bytes).unwrap_or(i64::MAX),
        together_bytes_max: i64::try_from(bytes_max.saturating_mul(WAITING_MAX))
            .unwrap_or(i64::MAX),
    };
    let actors = &visit.context.actors;
    let begun = match actors.perform(begin).await {
        Ok(()) => Ok(()),
        Err(error @ (AskError::Refused(_) | AskError::Busy)) => {
            let path = Shelf::Uploads.place_in(&visit.context.instance.data_dir, &file);
            remove(&path).await;
            Err(error)
        }
        // It may have begun all the same, or be seen to have later: then the file is needed. If not, a sweep removes it.
        Err(error) => match actors.find(FindArrival { account }).await {
            Ok(Some(found)) if found.file.as_ref() == Some(&file) => Ok(()),
            _ => Err(error),
        },
    };
    match begun {
        Ok(()) => visit.go(PAGE, Some(Notice::ImportBegun)),
        Err(error) => refuse(visit, "", error.into()).await,
    }
}

/// Lets in whoever knows the password and has no other archive under way.
async fn admit(visit: &Visit, form: &mut FileForm) -> Result<(), (&'static str, Problem)> {
    let no_field = |problem: Problem| ("", problem);
    let fields = form.fields().await.map_err(no_field)?;
    visit.require_own_form(&fields).map_err(no_field)?;
    let member = visit.guest.member().map_err(no_field)?;
    // A session that somebody else got hold of is no place to guess the password at.
    let address = visit.guest.address;
    let passwords = &visit.context.passwords;
    passwords.attempt(&member.name, address).map_err(no_field)?;
    let message = AskToUpload {
        account: member.id,
        password: Secret::new(typed(&fields, "import_password").map_err(no_field)?),
    };
    let asked = visit.context.actors.users.send(message).await;
    let asked = asked.map_err(|error| no_field(error.into()))?;
    asked.map_err(Problem::from).map_err(|problem| {
        let is_password = sentence(&problem).contains("password");
        (if is_password { "import_password" } else { "" }, problem)
    })?;
    passwords.succeeded(&member.name, address);
    Ok(())
}

/// The page again, with what was wrong.
async fn refuse(
    mut visit: Visit,
    field: &'static str,
    problem: Problem,
) -> Result<Response, Problem> {
    let is_large = problem.code() == ErrorCode::TooLarge;
    if !is_correctable(&problem) && !is_large {
        return Err(problem);
    }
    // The page says how large it may be.
    let field = if is_large { "archive" } else { field };
    let fault = errors(field, format!("{}.", sentence(&problem)));
    let page = import_page(&mut visit, fault).await?;
    visit.refused(&page, &problem)
}

fn no_room() -> Problem {
    Problem::unavailable("an archive can't be uploaded: the disk has no room for the largest ones")
}

/// Writes the file, so that it is on the disk; the name that it has here, and what it is.
async fn keep(
    context: &Context,
    form: &mut FileForm,
    uploading: &Uploading,
) -> Result<(String, Kept), Problem> {
    let data_dir = &context.instance.data_dir;
    let soundness = &context.instance.soundness;
    let together = u64::try_from(uploading.together()).unwrap_or(u64::MAX);
    let all_bytes = bytes_max(context).saturating_mul(together);
    if !soundness.has_room_for(all_bytes.saturating_add(MARGIN_BYTES)) {
        return Err(no_room());
    }
    let mut bytes = [0; 16];
    context.instance.randomness.rng().fill_bytes(&mut bytes);
    let file: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let failed = |error: std::io::Error| {
        Problem::unavailable(format!("an archive can't be uploaded: {error}"))
    };
    let path = Shelf::Uploads.place_for(data_dir, &file).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let opened = options.open(&path).await.map_err(failed)?;
    let mut half = HalfUpload(Some(&path));
    let mut to = BufWriter::with_capacity(BUFFER_BYTES, opened);
    let has_room = || soundness.has_room_for(MARGIN_BYTES);
    let kept = match form.keep(&mut to, has_room).await {
        Ok(Some(kept)) => on_the_disk(to, &path).await.map(|()| kept).map_err(failed),
        Ok(None) => Err(Problem::invalid("Choose a file")),
        Err(Unkept::Problem(problem)) => Err(problem),
        Err(Unkept::Disk(error)) => Err(failed(error)),
        Err(Unkept::NoRoom) => Err(no_room()),
    };
    let kept = kept?;
    half.0 = None;
    Ok((file, kept))
}

/// A file that is being written. It goes with this value: nobody writes on when whoever sends it leaves.
struct HalfUpload<'a>(Option<&'a Path>);

impl Drop for HalfUpload<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(target: "kinglet::http::site::import", %error, "an upload can't be removed");
        }
    }
}

async fn on_the_disk(mut to: BufWriter<File>, path: &Path) -> std::io::Result<()> {
    to.flush().await?;
    to.into_inner().sync_all().await?;
    match path.parent() {
        Some(directory) => File::open(directory).await?.sync_all().await,
        None => Ok(()),
    }
}

/// Removes a file that nobody wants; what is left all the same goes with the next sweep.
async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await {
        tracing::debug!(target: "kinglet::http::site::import", %error, "an upload can't be removed");
    }
}

/// `POST /settings/import/cancel`: takes no more of the archive in.
pub(super) async fn cancel(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let account = visit.member()?;
    let actors = &visit.context.actors;
    let present = actors.find(FindArrival { account }).await?;
    if let Some(file) = present.and_then(|present| present.file) {
        let end = EndArrival {
            account,
            file: file.clone(),
            outcome: Outcome::Cancelled,
            reason: None,
        };
        // One that has ended meanwhile is removed by who ended it.
        if actors.perform(end).await? {
            let data_dir = &visit.context.instance.data_dir;
            remove(&Shelf::Uploads.place_in(data_dir, &file)).await;
        }
    }
    visit.go(PAGE, Some(Notice::ImportCancelled))
}
