//! What kinglet's threads are given when they start: a name, as `top -H` and flame graphs show it, and where they log.

use std::cell::RefCell;

use tracing::Dispatch;
use tracing::dispatcher::{self, DefaultGuard};

thread_local! {
    /// The log of this thread's own, held until the thread ends.
    static LOG: RefCell<Option<(Dispatch, DefaultGuard)>> = const { RefCell::new(None) };
}

/// Where a server's threads log: the subscriber that is its own, or else that of the process.
///
/// tracing knows a subscriber for the process or for a thread. So that a server may have one of its own, each of its threads
/// hands it to those that it starts.
#[derive(Debug, Clone)]
pub struct ThreadLog(Option<Dispatch>);

impl ThreadLog {
    /// This subscriber alone, or that of the process.
    pub fn new(subscriber: Option<Dispatch>) -> Self {
        Self(subscriber)
    }

    /// Where the calling thread logs.
    pub fn of_this_thread() -> Self {
        let own = LOG.with_borrow(|log| log.as_ref().map(|(subscriber, _)| subscriber.clone()));
        Self(own)
    }

    /// Makes it the log of the calling thread, for as long as that runs.
    pub fn adopt(&self) {
        if let Some(subscriber) = &self.0 {
            let guard = dispatcher::set_default(subscriber);
            LOG.set(Some((subscriber.clone(), guard)));
        }
    }
}

/// Names the calling thread. The system keeps 15 bytes of it.
///
/// For threads that a library starts and names by numbers; those of kinglet's own are named when they are made.
pub fn name_this(name: &str) {
    #[cfg(target_os = "linux")]
    if let Err(error) = std::fs::write("/proc/thread-self/comm", name) {
        tracing::debug!(target: "kinglet::threads", %error, thread = name, "a thread can't be named");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Log;
    use crate::logging::{LogSink, subscriber};

    #[test]
    fn a_thread_logs_where_the_one_that_started_it_does() {
        let sink = LogSink::new();
        let log = ThreadLog::new(Some(subscriber(&Log::default(), sink.clone())));
        let first = std::thread::spawn(move || {
            log.adopt();
            let log = ThreadLog::of_this_thread();
            let second = std::thread::spawn(move || {
                log.adopt();
                tracing::info!("said by the second");
            });
            second.join().expect("it ends");
        });
        first.join().expect("it ends");
        tracing::info!("said by nobody's child");
        let text = sink.text();
        assert!(text.contains("said by the second"), "{text}");
        assert!(!text.contains("nobody's child"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_has_the_name_that_it_was_given() {
        let named = std::thread::spawn(|| {
            name_this("kinglet-robin");
            std::fs::read_to_string("/proc/thread-self/comm").expect("it has a name")
        });
        assert_eq!(named.join().expect("it ends").trim(), "kinglet-robin");
    }
}
