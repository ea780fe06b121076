//! Names of threads, as `top -H` and flame graphs show them.

/// Names the calling thread. The system keeps 15 bytes of it.
///
/// For threads that a library starts and names by numbers; those of kinglet's own are named when they are made.
pub(crate) fn name_this(name: &str) {
    #[cfg(target_os = "linux")]
    if let Err(error) = std::fs::write("/proc/thread-self/comm", name) {
        tracing::debug!(%error, thread = name, "a thread can't be named");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_thread_has_the_name_that_it_was_given() {
        let named = std::thread::spawn(|| {
            super::name_this("kinglet-robin");
            std::fs::read_to_string("/proc/thread-self/comm").expect("it has a name")
        });
        assert_eq!(named.join().expect("it ends").trim(), "kinglet-robin");
    }
}
