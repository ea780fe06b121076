//! What a request brought and what its handler asked for: noted where somebody develops a client and wants to know which
//! parameters were ignored. Elsewhere nothing is noted, as nobody looks.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use super::extract::form::Form;
use super::problem::Problem;
use crate::domain::error_code::ErrorCode;
use crate::domain::scope::Scopes;

/// The most parameters that are noted of one request.
const NAMES_MAX: usize = 1000;

tokio::task_local! {
    static CURRENT: Arc<Inquiry>;
}

/// What is known of one request once it is answered.
#[derive(Debug, Default)]
pub struct Inquiry(Mutex<Notes>);

/// What was noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The parameters that came, each with the names that lead to it: `poll[options][]` is `poll`, `options`.
    pub given: Vec<Vec<String>>,
    /// Every name that was asked for, whether it came or not.
    pub asked: BTreeSet<String>,
    /// What the token would have needed.
    pub missing_scope: Option<MissingScope>,
    /// Why the parameters can't be read: the kind of failure, and a sentence.
    pub unreadable: Option<(ErrorCode, String)>,
}

/// A token that isn't enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingScope {
    /// The scopes of which one is needed, with blanks between them.
    pub needed: String,
    /// What the token opens.
    pub held: String,
}

impl Inquiry {
    /// What was noted up to now.
    pub fn notes(&self) -> Notes {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, note: impl FnOnce(&mut Notes)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Does `work`, and notes in `inquiry` what its request brings and asks for.
pub async fn within<T>(inquiry: Arc<Inquiry>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(inquiry, work).await
}

fn note(note: impl FnOnce(&mut Notes)) {
    // Outside of an inquiry there is nobody to tell.
    let _ = CURRENT.try_with(|inquiry| inquiry.note(note));
}

/// These parameters came.
pub(super) fn given(form: &Form) {
    note(|notes| {
        let left = NAMES_MAX.saturating_sub(notes.given.len());
        let names = form.names().into_iter().take(left);
        let owned = names.map(|path| path.into_iter().map(str::to_owned).collect());
        notes.given.extend(owned);
    });
}

/// The handler looks for a parameter.
pub(super) fn asked_for(name: &str) {
    note(|notes| {
        if notes.asked.len() < NAMES_MAX && !notes.asked.contains(name) {
            notes.asked.insert(name.to_owned());
        }
    });
}

/// The parameters can't be read.
pub(super) fn unreadable(problem: &Problem) {
    note(|notes| notes.unreadable = Some((problem.code(), problem.sentence().to_owned())));
}

/// A token is shown that isn't enough.
pub(super) fn lacks_scope(needed: &str, held: Option<&Scopes>) {
    note(|notes| {
        notes.missing_scope = Some(MissingScope {
            needed: needed.to_owned(),
            held: held.map(ToString::to_string).unwrap_or_default(),
        });
    });
}
