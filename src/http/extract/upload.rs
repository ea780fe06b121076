//! A form with one large file as its last field: what stands before the file is judged before a byte of the file is kept, and
//! the file goes to the disk piece by piece.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use multer::{Field, Multipart};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::call::Call;
use super::form::{self, Builder, FORM_BYTES_MAX, Form};
use crate::ids::AccountId;
use crate::problem::Problem;

/// Files that are uploaded at once, whoever does.
const UPLOADS_MAX: usize = 8;
/// How long a whole upload may take.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(60 * 60);
/// How long the next piece of it may take.
const PIECE_TIME_MAX: Duration = Duration::from_secs(60);
/// The longest name of a file, in characters; of a longer one, the end.
const NAME_CHARS_MAX: usize = 100;

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

impl Drop for Uploading {
    fn drop(&mut self) {
        locked(&self.all).remove(&self.account);
    }
}

fn locked(all: &Mutex<HashSet<AccountId>>) -> MutexGuard<'_, HashSet<AccountId>> {
    // Each change is one step.
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A form whose last field is a file.
pub struct FileForm {
    parts: Multipart<'static>,
    file: Option<Field<'static>>,
    bytes_max: u64,
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
        let form_bytes = u64::try_from(FORM_BYTES_MAX).unwrap_or(u64::MAX);
        let all_bytes = bytes_max.saturating_add(form_bytes);
        call.context.allowance.allow(all_bytes, UPLOAD_TIME_MAX);
        Ok(Self {
            parts: Multipart::new(body, boundary),
            file: None,
            bytes_max,
        })
    }

    /// The fields before the file.
    ///
    /// # Errors
    /// Malformed, too large or too slow.
    pub async fn fields(&mut self) -> Result<Form, Problem> {
        let mut builder = Builder::new();
        let mut bytes_left = FORM_BYTES_MAX;
        while let Some(mut part) = in_time(self.parts.next_field()).await? {
            if part.file_name().is_some() {
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

    /// Writes the file; `None` when there is none, or it is empty, as a browser sends it for a field that was left alone.
    ///
    /// # Errors
    /// Too large, too slow, broken off, or followed by something else; what the disk says.
    pub async fn keep(
        mut self,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Option<Kept>, Unkept> {
        let Some(mut file) = self.file.take() else {
            return Ok(None);
        };
        let name = last_part(file.file_name().unwrap_or_default());
        let mut bytes = 0;
        while let Some(piece) = in_time(file.chunk()).await? {
            bytes += length(&piece);
            if bytes > self.bytes_max {
                return Err(Problem::too_large().into());
            }
            to.write_all(&piece).await.map_err(Unkept::Disk)?;
        }
        drop(file);
        if in_time(self.parts.next_field()).await?.is_some() {
            return Err(Problem::malformed("The file has to be the form's last field").into());
        }
        Ok((bytes > 0).then_some(Kept { name, bytes }))
    }

    /// Reads over what is left, for browsers show no answer before they have sent all.
    pub async fn pass_over(mut self) {
        drop(self.file.take());
        // Whatever is wrong with it: nobody wants it.
        while let Ok(Some(_)) = in_time(self.parts.next_field()).await {}
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
    use super::*;

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
        drop(first);
        uploads.begin(AccountId(1)).expect("room again");
        drop(others);
        assert!(locked(&uploads.0).is_empty());
    }
}
