//! `kinglet doctor`: what is wrong around the instance, and what puts it right.

use std::sync::Arc;

use serde_json::json;

use super::args::Output;
use super::{CliError, print, print_json};
use crate::clock::SystemClock;
use crate::config::Sources;
use crate::doctor::{self, Case, Finding, State};

/// The columns of a subject's name.
const SUBJECT_COLUMNS: usize = 14;

pub(super) fn run(output: Output, sources: &Sources) -> Result<(), CliError> {
    let (loaded, faults) = sources.examine();
    let findings = doctor::examine(Case {
        loaded,
        faults,
        clock: Arc::new(SystemClock),
    })
    .map_err(|source| CliError::Io {
        what: "can't look at anything".to_owned(),
        source,
    })?;
    let faults = count(&findings, State::Fault);
    if output.json {
        print_json(&json!({
            "faults": faults,
            "warnings": count(&findings, State::Warning),
            "findings": findings,
        }))?;
    } else {
        print(&told(&findings))?;
    }
    if faults == 0 {
        Ok(())
    } else {
        Err(CliError::Findings)
    }
}

fn count(findings: &[Finding], state: State) -> usize {
    let of_state = |finding: &&Finding| finding.state == state;
    findings.iter().filter(of_state).count()
}

fn told(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.state {
            State::Good => '✓',
            State::Warning => '!',
            State::Fault => '✗',
            State::Unknown => '?',
        };
        let subject = finding.subject.to_string();
        let what = one_line(&finding.what);
        text.push_str(&format!("{mark} {subject:SUBJECT_COLUMNS$} {what}\n"));
        if let Some(fix) = &finding.fix {
            let fix = one_line(fix);
            text.push_str(&format!("  {:SUBJECT_COLUMNS$} → {fix}\n", ""));
        }
    }
    let numbered = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    };
    let summary: Vec<_> = [
        numbered(count(findings, State::Fault), "fault"),
        numbered(count(findings, State::Warning), "warning"),
    ]
    .into_iter()
    .flatten()
    .collect();
    text.push_str(&match summary.is_empty() {
        true => "nothing is wrong".to_owned(),
        false => summary.join(", "),
    });
    text
}

/// What others wrote may try to move the cursor.
fn one_line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Subject;

    #[test]
    fn a_finding_is_a_line_and_its_fix_another() {
        let finding = |subject, state, what: &str, fix: Option<&str>| Finding {
            subject,
            state,
            what: what.to_owned(),
            fix: fix.map(str::to_owned),
        };
        let findings = [
            finding(Subject::Clock, State::Good, "it is late", None),
            finding(
                Subject::Permissions,
                State::Fault,
                "data is\x1b[2J open",
                Some("chmod 700 data"),
            ),
        ];
        let expected = "\
✓ clock          it is late
✗ permissions    data is [2J open
                 → chmod 700 data
1 fault";
        assert_eq!(told(&findings), expected);
        assert!(told(&findings[..1]).ends_with("nothing is wrong"));
    }
}
