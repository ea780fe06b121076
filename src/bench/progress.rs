//! How far the bench is, for whoever watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

/// Characters of a bar.
const BAR_CHARACTERS: usize = 32;

/// How far the bench is; clones tell and show the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    step: Arc<Mutex<Option<Step>>>,
    done: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
struct Step {
    name: String,
    extent: Extent,
}

#[derive(Debug, Clone, Copy)]
enum Extent {
    Things(u64),
    Time(Moment, Duration),
}

impl Progress {
    /// So many things are to be done from now on; [`advance`](Self::advance) tells of each.
    pub fn things(&self, name: impl Into<String>, count: usize) {
        self.begin(name.into(), Extent::Things(count as u64));
    }

    /// It takes so long from now on.
    pub fn time(&self, name: impl Into<String>, time: Duration) {
        self.begin(name.into(), Extent::Time(Moment::now(), time));
    }

    /// So many more are done.
    pub fn advance(&self, things: u64) {
        self.done.fetch_add(things, Ordering::Relaxed);
    }

    fn begin(&self, name: String, extent: Extent) {
        let mut step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        self.done.store(0, Ordering::Relaxed);
        *step = Some(Step { name, extent });
    }

    /// The present step as one line with a bar; nothing before the first.
    pub fn line(&self) -> Option<String> {
        let step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let Step { name, extent } = step.clone()?;
        let (share, told) = match extent {
            Extent::Things(count) => {
                let done = self.done.load(Ordering::Relaxed).min(count);
                let share = done as f64 / count.max(1) as f64;
                (share, format!("{done} of {count}"))
            }
            Extent::Time(begun, time) => {
                let past = begun.elapsed_nanos() as f64 / 1e9;
                let whole = time.as_secs_f64();
                let share = if whole > 0.0 { past / whole } else { 1.0 };
                (share, format!("{:.0} of {whole:.0} s", past.min(whole)))
            }
        };
        Some(format!("{name:<28} [{}] {told}", bar(share)))
    }
}

fn bar(share: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the bar is no longer than it"
    )]
    let filled = (share.clamp(0.0, 1.0) * BAR_CHARACTERS as f64) as usize;
    let mut bar = "#".repeat(filled);
    bar.push_str(&".".repeat(BAR_CHARACTERS - filled));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_with_what_is_done() {
        let progress = Progress::default();
        assert_eq!(progress.line(), None);
        progress.things("people", 4);
        progress.clone().advance(2);
        let line = progress.line().expect("a step");
        assert!(
            line.contains(&format!("[{}{}]", "#".repeat(16), ".".repeat(16))),
            "{line}"
        );
        assert!(line.ends_with("2 of 4"), "{line}");
        progress.time("load", Duration::ZERO);
        let line = progress.line().expect("a step");
        assert!(line.contains(&"#".repeat(BAR_CHARACTERS)), "{line}");
    }
}
