//! What must be true of the store as a whole, checked by `kinglet check` and after every backup.

use super::error::StoreError;
use super::reader::{Query, View};
use super::tables::invariants::{FOREIGN_KEYS, INTEGRITY, INVARIANTS};

/// The most violations of one invariant that are told.
pub const FINDINGS_PER_INVARIANT_MAX: usize = 20;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// Which invariant is broken.
    pub invariant: String,
    /// By what.
    pub detail: String,
}

/// Checks every invariant in one snapshot. Its answer is empty for a sound store, else at most
/// [`FINDINGS_PER_INVARIANT_MAX`] findings for each invariant and one that says that there are more.
#[derive(Debug, Clone, Copy)]
pub struct CheckInvariants;

impl Query for CheckInvariants {
    type Answer = Vec<Finding>;

    fn run(&self, view: &View<'_>) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        check(view, "integrity", INTEGRITY, &mut findings)?;
        // What stands in a broken file says nothing about the rules.
        if !findings.is_empty() {
            return Ok(findings);
        }
        check(view, "foreign_keys", FOREIGN_KEYS, &mut findings)?;
        for invariant in INVARIANTS {
            check(view, invariant.name, invariant.violations, &mut findings)?;
        }
        Ok(findings)
    }
}

fn check(
    view: &View<'_>,
    invariant: &str,
    violations: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let mut statement = view.connection.prepare(violations)?;
    let details = statement.query_map((), |row| row.get::<_, String>(0))?;
    for (number, detail) in details.take(FINDINGS_PER_INVARIANT_MAX + 1).enumerate() {
        findings.push(Finding {
            invariant: invariant.to_owned(),
            detail: if number < FINDINGS_PER_INVARIANT_MAX {
                detail?
            } else {
                "and more".to_owned()
            },
        });
    }
    Ok(())
}
