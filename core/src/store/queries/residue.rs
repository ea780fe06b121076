//! Where something is left of what was deleted.

use crate::clock::Timestamp;
use crate::store::error::StoreError;
use crate::store::reader::{Query, View};
use crate::store::residue::Layout;
use crate::store::tables::{meta, pages};

/// The most pages that are looked at in one snapshot, and the most that are told of: what one unit may overwrite.
const PAGES_LOOKED_AT_MAX: u32 = 2048;
/// See [`PAGES_LOOKED_AT_MAX`].
pub const PAGES_TOLD_MAX: usize = 256;

/// After all pages were looked at nobody begins anew for so long, unless the operator asks for it: where something is deleted
/// all the time there would be no end.
const PASS_PAUSE_MILLIS: i64 = 60 * 60 * 1000;

/// Looks at some more pages, if anything was deleted since all were looked at.
#[derive(Debug, Clone, Copy)]
pub struct FindResidue {
    /// The present moment.
    pub now: Timestamp,
}

/// A part of the database that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    /// The last commit that deleted something, or asked for a pass, when the first page was looked at.
    pub began: i64,
    /// The pages with something in their unused parts.
    pub pages: Vec<u32>,
    /// The last page that was looked at; `None` when it is the last that there is.
    pub until: Option<u32>,
}

impl Query for FindResidue {
    /// `None` when there is nothing to do.
    type Answer = Option<Residue>;

    fn run(&self, view: &View<'_>) -> Result<Option<Residue>, StoreError> {
        let connection = view.connection;
        let scrub = meta::scrub(connection)?;
        // A clock that was set back holds nobody up.
        let is_early = (0..PASS_PAUSE_MILLIS).contains(&(self.now.millis() - scrub.ended.millis()));
        let may_begin = scrub.forgotten > scrub.done && (!is_early || scrub.asked > scrub.done);
        if scrub.after == 0 && !may_begin {
            return Ok(None);
        }
        if !pages::are_shown(connection)? {
            tracing::warn!(target: "kinglet::store::queries::residue", "this kinglet was built without a view of the database's pages: what SQLite left of deleted rows in unused parts of them stays there");
            return Ok(None);
        }
        let first = pages::read(connection, 1)?.unwrap_or_default();
        let Some(layout) = Layout::of(&first) else {
            return Ok(None);
        };
        let count = pages::count(connection)?;
        let mut residue = Residue {
            began: if scrub.after == 0 {
                scrub.forgotten.max(scrub.asked)
            } else {
                scrub.began
            },
            pages: Vec::new(),
            until: None,
        };
        let mut map = (0, Vec::new());
        let begin = scrub.after.saturating_add(1);
        for number in begin..=count {
            if number - begin == PAGES_LOOKED_AT_MAX || residue.pages.len() == PAGES_TOLD_MAX {
                residue.until = Some(number - 1);
                break;
            }
            match layout.map_of(number) {
                Some((needed, _)) if map.0 != needed => {
                    map = (needed, pages::read(connection, needed)?.unwrap_or_default());
                }
                _ => {}
            }
            let page = pages::read(connection, number)?.unwrap_or_default();
            if layout.residue(number, &page, &map.1).is_some() {
                residue.pages.push(number);
            }
        }
        Ok(Some(residue))
    }
}
