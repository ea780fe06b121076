//! Reading a part of a list by its cursor, in either direction.

use rusqlite::types::FromSql;
use rusqlite::{Connection, params_from_iter};

use crate::domain::page::Page;
use crate::store::error::StoreError;

/// The rows of a page, nearest to its wanted end first, each with its cursor.
///
/// `select` ends within a WHERE clause that uses `?1` for `of` and `?4` and up for `more`; its first column is `cursor`.
pub(super) fn rows<T: FromSql>(
    connection: &Connection,
    select: &str,
    cursor: &str,
    page: &Page,
    of: i64,
    more: &[i64],
) -> Result<Vec<(i64, T)>, StoreError> {
    let order = if page.from_oldest() { "ASC" } else { "DESC" };
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    // The limit comes last, wherever that is.
    let sql = format!(
        "{select} AND {cursor} > ?2 AND {cursor} < ?3 ORDER BY {cursor} {order} LIMIT ?{}",
        4 + more.len()
    );
    let parameters = [of, page.above(), page.below()]
        .into_iter()
        .chain(more.iter().copied())
        .chain([limit]);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(parameters), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
