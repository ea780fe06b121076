//! A form with one large file as its last field: what stands before the file is judged before a byte of the file is kept, and
//! the file goes to the disk piece by piece.

use std::collections::HashSet;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use multer::{Field, Multipart};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::call::{BodyStream, Call};
use super::form::{self, Builder, FORM_BYTES_MAX, Form};
use crate::body::BodyError;
use crate::ids::AccountId;
use crate::problem::Problem;

/// Files that are uploaded at once, whoever does.
pub const UPLOADS_MAX: usize = 8;
/// How much of a file is written before it is asked again whether the disk has room, in bytes.
pub const ROOM_BYTES: u64 = 16 << 20;
/// How long a whole upload may take.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(60 * 60);
/// How long the next piece of it may take.
const PIECE_TIME_MAX: Duration = Duration::from_secs(60);
/// The longest name of a file, in characters; of a longer one, the end.
const NAME_CHARS_MAX: usize = 100;
/// The most that stands before the file, in bytes: fields, and what is around them.
const HEAD_BYTES_MAX: u64 = FORM_BYTES_MAX as u64;
/// The most that stands behind the file, in bytes.
const TAIL_BYTES_MAX: u64 = 8 * 1024;
/// How many times as large as it may be a form is read over to its end. Browsers show no answer before they have sent all, but a
/// connection that is closed on them; so whoever sends a larger one sees that, and the bound on the page before it.
const PASSED_OVER_TIMES: u64 = 2;
/// About how many bytes are taken at once, before somebody looks at what they are.
const SIP_BYTES: usize = 16 * 1024;

/// Who is uploading a file: one at a time for each account, and not too many together.
#[derive(Debug, Default)]
pub struct Uploads(Arc<Mutex<HashSet<AccountId>>>);

/// Somebody's upload; it is over with this value.
#[derive(Debug)]
pub struct Uploading {
    account: AccountId,
    all: Arc<Mutex<HashSet<AccountId>>>,
}

impl Uploads {
    /// Begins one.
    ///
    /// # Errors
    /// Invalid when the account uploads another one, unavailable when too many do.
    pub fn begin(&self, account: AccountId) -> Result<Uploading, Problem> {
        let mut all = locked(&self.0);
        if all.contains(&account) {
            return Err(Problem::invalid("You are uploading another archive"));
        }
        if all.len() >= UPLOADS_MAX {
            return Err(Problem::busy());
        }
        all.insert(account);
        Ok(Uploading {
            account,
            all: Arc::clone(&self.0),
        })
    }
}

impl Uploading {
    /// How many files are uploaded now, this one too.
    pub fn together(&self) -> usize {
        locked(&self.all).len()
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        locked(&self.all).remove(&self.account);
    }
}

fn locked<T>(all: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step.
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body, of which only so much is read as may stand where it is read.
struct Source {
    body: BodyStream,
    /// What came and wasn't read yet.
    rest: Bytes,
    /// How many bytes were read.
    read: u64,
    /// How many may be.
    read_max: u64,
    /// How many were read since the reader had to look at them.
    sipped: usize,
}

/// A body for who takes it to pieces, and keeps in memory whatever is there until it is known what it is.
struct Bounded(Arc<Mutex<Source>>);

impl Source {
    /// Lets so much more be read.
    fn allow(&mut self, bytes: u64) {
        self.read_max = self.read.saturating_add(bytes);
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, Box<dyn Error + Send + Sync>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut source = locked(&self.0);
        if source.sipped >= SIP_BYTES {
            source.sipped = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if source.rest.is_empty() {
            match ready!(source.body.as_mut().poll_next(context)) {
                Some(Ok(piece)) => source.rest = piece,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
        if source.read >= source.read_max {
            return Poll::Ready(Some(Err(BodyError::TooLarge.into())));
        }
        let sip_bytes = source.rest.len().min(SIP_BYTES);
        let sip = source.rest.split_to(sip_bytes);
        source.read = source.read.saturating_add(length(&sip));
        source.sipped += sip_bytes;
        Poll::Ready(Some(Ok(sip)))
    }
}

/// A form whose last field is a file.
pub struct FileForm {
    source: Arc<Mutex<Source>>,
    parts: Multipart<'static>,
    file: Option<Field<'static>>,
    bytes_max: u64,
    /// Its sender says that it is larger than it may be.
    is_too_large: bool,
    /// Its sender waits to be asked for it.
    awaits_invitation: bool,
}

/// A file that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name where it comes from, without a path.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Why a file isn't kept.
#[derive(Debug)]
pub enum Unkept {
    /// What is wrong with the request.
    Problem(Problem),
    /// The disk doesn't take it.
    Disk(std::io::Error),
    /// The disk has no room for more of it.
    NoRoom,
}

impl From<Problem> for Unkept {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl FileForm {
    /// Begins to read a form with a file of at most so many bytes.
    ///
    /// # Errors
    /// Malformed when it is no such form.
    pub fn begin(call: &mut Call, bytes_max: u64) -> Result<Self, Problem> {
        let kind = call.header(CONTENT_TYPE).unwrap_or_default();
        let boundary = multer::parse_boundary(kind)
            .map_err(|_| Problem::malformed("The form has to be multipart/form-data"))?;
        let body = call
            .body
            .take()
            .ok_or_else(|| Problem::malformed("The form was read already"))?;
        // All of it is read, if only to be passed over; how much of it is kept in memory is bounded as it is read.
        let all_bytes = bytes_max.saturating_add(HEAD_BYTES_MAX + TAIL_BYTES_MAX);
        let passed_over_bytes = all_bytes.saturating_mul(PASSED_OVER_TIMES);
        let declared_bytes = call
            .header(CONTENT_LENGTH)
            .and_then(|text| text.parse().ok());
        call.context
            .allowance
            .allow(passed_over_bytes, UPLOAD_TIME_MAX);
        Ok(Self {
            is_too_large: declared_bytes.is_some_and(|bytes: u64| bytes > all_bytes),
            awaits_invitation: call.header(EXPECT).is_some(),
            ..Self::of(body, boundary, bytes_max)
        })
    }

    fn of(body: BodyStream, boundary: String, bytes_max: u64) -> Self {
        let source = Arc::new(Mutex::new(Source {
            body,
            rest: Bytes::new(),
            read: 0,
            read_max: HEAD_BYTES_MAX,
            sipped: 0,
        }));
        Self {
            parts: Multipart::new(Bounded(Arc::clone(&source)), boundary),
            source,
            file: None,
            bytes_max,
            is_too_large: false,
            awaits_invitation: false,
        }
    }

    /// The fields before the file.
    ///
    /// # Errors
    /// Malformed, too large or too slow.
    pub async fn fields(&mut self) -> Result<Form, Problem> {
        if self.is_too_large {
            return Err(Problem::too_large());
        }
        self.awaits_invitation = false;
        let mut builder = Builder::new();
        let mut bytes_left = FORM_BYTES_MAX;
        while let Some(mut part) = in_time(self.parts.next_field()).await? {
            if part.file_name().is_some() {
                let file_bytes = self.bytes_max.saturating_add(TAIL_BYTES_MAX);
                locked(&self.source).allow(file_bytes);
                self.file = Some(part);
                break;
            }
            let name = part.name().unwrap_or_default().to_owned();
            let mut value = BytesMut::new();
            while let Some(piece) = in_time(part.chunk()).await? {
                bytes_left = bytes_left
                    .checked_sub(piece.len())
                    .ok_or_else(Problem::too_large)?;
                value.extend_from_slice(&piece);
            }
            builder.add(&name, form::text(value.into())?)?;
        }
        Ok(builder.form)
    }

    /// Writes the file, and asks again and again whether there is room; `None` when there is none, or it is empty, as a browser sends it for a field that was left alone.
    ///
    /// # Errors
    /// Too large, too slow, broken off, or followed by something else; what the disk says. What is left is to be passed over.
    pub async fn keep(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        has_room: impl Fn() -> bool,
    ) -> Result<Option<Kept>, Unkept> {
        let Some(mut file) = self.file.take() else {
            return Ok(None);
        };
        let name = last_part(file.file_name().unwrap_or_default());
        let mut bytes = 0;
        let mut room_until = ROOM_BYTES;
        while let Some(piece) = in_time(file.chunk()).await? {
            bytes += length(&piece);
            if bytes > self.bytes_max {
                return Err(Problem::too_large().into());
            }
            if bytes > room_until {
                if !has_room() {
                    return Err(Unkept::NoRoom);
                }
                room_until = bytes.saturating_add(ROOM_BYTES);
            }
            to.write_all(&piece).await.map_err(Unkept::Disk)?;
        }
        drop(file);
        locked(&self.source).allow(TAIL_BYTES_MAX);
        if in_time(self.parts.next_field()).await?.is_some() {
            return Err(Problem::malformed("The file has to be the form's last field").into());
        }
        Ok((bytes > 0).then_some(Kept { name, bytes }))
    }

    /// Reads over what is left, for browsers show no answer before they have sent all. Whoever waits to be asked for it isn't.
    pub async fn pass_over(self) {
        let Self {
            source,
            parts,
            file,
            awaits_invitation,
            ..
        } = self;
        if awaits_invitation {
            return;
        }
        // What they keep of it goes first.
        drop((file, parts));
        // Whatever is wrong with it: nobody wants it. As a whole it is bounded by what was allowed.
        let next = || poll_fn(|context| locked(&source).body.as_mut().poll_next(context));
        while let Ok(Some(Ok(_))) = timeout(PIECE_TIME_MAX, next()).await {}
    }
}

fn length(piece: &Bytes) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
}

async fn in_time<T>(reading: impl Future<Output = multer::Result<T>>) -> Result<T, Problem> {
    match timeout(PIECE_TIME_MAX, reading).await {
        Ok(read) => read.map_err(form::of_multipart),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

/// A file's name without the way to it, however long and however odd.
fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: Vec<char> = last.chars().filter(|c| !c.is_control()).collect();
    let begin = clean.len().saturating_sub(NAME_CHARS_MAX);
    clean[begin..].iter().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::domain::error_code::ErrorCode;

    const FIELD: &str = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
    const FILE: &str = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\n";
    const PIECE_BYTES: usize = 16 * 1024;

    /// A form that begins and ends so, with so many pieces between; and how many bytes of it were read.
    fn form(
        begin: String,
        pieces: usize,
        end: &'static str,
        bytes_max: u64,
    ) -> (FileForm, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let piece = Bytes::from(vec![b'p'; PIECE_BYTES]);
        let body = stream::iter([Bytes::from(begin)])
            .chain(stream::iter(std::iter::repeat_n(piece, pieces)))
            .chain(stream::iter([Bytes::from(end)]))
            .map(move |piece| {
                counted.fetch_add(piece.len(), Ordering::Relaxed);
                Ok(piece)
            });
        (
            FileForm::of(Box::pin(body), "x".to_owned(), bytes_max),
            read,
        )
    }

    const MUCH: u64 = 1 << 30;
    const MANY: usize = 1024;

    #[tokio::test]
    async fn what_is_before_a_file_is_bounded_wherever_it_stands() {
        let header = "--x\r\nContent-Disposition: form-data; name=\"";
        for begin in ["", "--x", FIELD, header, &format!("{FIELD}{header}")] {
            let (mut form, read) = form(begin.to_owned(), MANY, "", MUCH);
            form.fields().await.expect_err("it is too much, or broken");
            let read = read.load(Ordering::Relaxed);
            assert!(
                read <= FORM_BYTES_MAX + 2 * PIECE_BYTES,
                "{begin:?}: {read}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_is_as_large_as_it_may_be_and_nothing_follows_it() {
        let begin = || format!("{FIELD}{FILE}");
        let file_bytes = (MANY * PIECE_BYTES) as u64;
        let (mut whole, _) = form(begin(), MANY, "\r\n--x--\r\n", file_bytes);
        let fields = whole.fields().await.expect("fields");
        assert_eq!(fields.text("a").expect("a text"), Some("b"));
        let mut kept = Vec::new();
        let file = whole.keep(&mut kept, || true).await.expect("it is kept");
        assert_eq!(file.map(|file| file.bytes), Some(file_bytes));
        assert_eq!(kept.len() as u64, file_bytes);
        let (mut large, _) = form(begin(), MANY, "\r\n--x--\r\n", file_bytes - 1);
        large.fields().await.expect("fields");
        let refused = large.keep(&mut tokio::io::sink(), || true).await;
        assert!(
            matches!(&refused, Err(Unkept::Problem(problem)) if problem.code() == ErrorCode::TooLarge),
            "{refused:?}"
        );
        // A header without an end behind it.
        let begin = format!("{FIELD}{FILE}abc\r\n--x\r\nContent-Disposition: ");
        let (mut followed, read) = form(begin, MANY, "", MUCH);
        followed.fields().await.expect("fields");
        let refused = followed.keep(&mut tokio::io::sink(), || true).await;
        assert!(matches!(refused, Err(Unkept::Problem(_))), "{refused:?}");
        assert!(read.load(Ordering::Relaxed) <= 8 * SIP_BYTES);
    }

    #[tokio::test]
    async fn a_file_is_written_as_long_as_there_is_room() {
        let pieces = 4 * ROOM_BYTES as usize / PIECE_BYTES;
        let (mut form, read) = form(format!("{FIELD}{FILE}"), pieces, "", MUCH);
        form.fields().await.expect("fields");
        let asked = AtomicUsize::new(0);
        let mut kept = Vec::new();
        let has_room = || asked.fetch_add(1, Ordering::Relaxed) < 2;
        let refused = form.keep(&mut kept, has_room).await;
        assert!(matches!(refused, Err(Unkept::NoRoom)), "{refused:?}");
        let most = 3 * (ROOM_BYTES as usize + 2 * SIP_BYTES);
        assert!((2 * ROOM_BYTES as usize..most).contains(&kept.len()));
        form.pass_over().await;
        assert!(read.load(Ordering::Relaxed) > pieces * PIECE_BYTES);
    }

    #[tokio::test]
    async fn what_nobody_wants_is_read_over_to_its_end() {
        let (mut form, read) = form(format!("{FIELD}{FILE}"), MANY, "end", MUCH);
        form.fields().await.expect("fields");
        form.pass_over().await;
        assert!(read.load(Ordering::Relaxed) > MANY * PIECE_BYTES);
        // Also when it is known for broken early.
        let (mut form, read) = self::form("no form".to_owned(), MANY, "", MUCH);
        form.fields().await.expect_err("it is too much");
        form.pass_over().await;
        assert!(read.load(Ordering::Relaxed) > MANY * PIECE_BYTES);
    }

    #[test]
    fn names_lead_nowhere() {
        assert_eq!(last_part("outbox.json"), "outbox.json");
        assert_eq!(last_part("../../etc/passwd"), "passwd");
        assert_eq!(last_part("C:\\fakepath\\a\u{7}.zip"), "a.zip");
        assert_eq!(last_part(""), "");
        let long = format!("{}.zip", "x".repeat(500));
        assert_eq!(last_part(&long).chars().count(), NAME_CHARS_MAX);
        assert!(last_part(&long).ends_with(".zip"));
    }

    #[test]
    fn one_account_uploads_one_file_and_not_too_many_do() {
        let uploads = Uploads::default();
        let first = uploads.begin(AccountId(1)).expect("the first");
        assert!(uploads.begin(AccountId(1)).is_err());
        let others: Vec<_> = (2..=UPLOADS_MAX)
            .map(|account| uploads.begin(AccountId(account as i64)).expect("room"))
            .collect();
        assert!(uploads.begin(AccountId(99)).is_err());
        assert_eq!(first.together(), UPLOADS_MAX);
        drop(first);
        uploads.begin(AccountId(1)).expect("room again");
        drop(others);
        assert!(locked(&uploads.0).is_empty());
    }
}
