//! Filling a page out of one snapshot.

use crate::domain::page::{Filled, Filling, Page};
use crate::store::error::StoreError;

/// Fills a page with what `keep` makes of the candidates, as long as there are any (within the bound of [`Filling`]).
pub(super) fn fill<C, T>(
    page: Page,
    candidates: impl Fn(&Page) -> Result<Vec<(i64, C)>, StoreError>,
    keep: impl Fn(C) -> Result<Option<T>, StoreError>,
) -> Result<Filled<T>, StoreError> {
    let mut filling = Filling::new(page);
    while let Some(round) = filling.next_round() {
        let found = candidates(&round)?;
        let cursors: Vec<i64> = found.iter().map(|(cursor, _)| *cursor).collect();
        let mut kept = Vec::new();
        for (cursor, candidate) in found {
            if let Some(value) = keep(candidate)? {
                kept.push((cursor, value));
            }
        }
        filling.take(&round, cursors, kept);
    }
    Ok(filling.finish())
}
