//! Looks now and then where the threads of its own process spend their time.
//!
//! The kernel counts the processor time of the whole process and sends SIGPROF to the thread that is running whenever
//! another slice of it is used up. The handler walks that thread's stack by the unwind tables that every build has (frame
//! pointers would have to be compiled into the C library and SQLite as well) and writes addresses into memory that was
//! set aside before; names are looked up when it is over. A process that doesn't sample pays nothing, a thread that
//! sleeps is never woken.
//!
//! This is the one place of kinglet with `unsafe` code: it is a package of its own so that the server's can forbid it. `linux.rs`
//! says at each such place why it holds. For that reason it is also here that memory is given back (`surplus.rs`).
//!
//! # Why not pprof
//!
//! The crate `pprof` does the same, and was measured first (0.15, release build without debug information, one thread that
//! calculates and one that writes to a socket, 5 seconds at 99 samples a second; ours in a kinglet of 25 MB with log-ins):
//!
//! | | pprof | this |
//! |---|---|---|
//! | memory while it samples | +100 MiB | +2 MiB |
//! | memory while names are looked up | +101 MiB | +21 MiB, of which most is the program's own file |
//! | memory afterwards, for good | +166 MiB | +3 MiB |
//! | samples of the thread that writes | 125, 2 with its blocklist | not compared: nothing is left out |
//!
//! It sets 16,384 stacks aside twice, which is more than the memory kinglet is meant to run in, keeps a temporary file, and writes to
//! it in the handler. The blocklist that its documentation asks for against deadlocks (libc, libgcc, pthread, vdso) leaves out
//! each thread that is in a system call or in the allocator: most of what a server does.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod linux;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
pub use linux::Sampling;

#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod elsewhere;
#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
pub use elsewhere::Sampling;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod surplus;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use surplus::give_back;

/// Gives nothing back: how that is done is known for Linux with the GNU C library alone.
///
/// # Errors
/// None.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() -> std::io::Result<()> {
    Ok(())
}

/// The most samples in a second of processor time: more than the kernel's clock ticks would give no more.
pub const FREQUENCY_MAX: u32 = 1000;

/// Why nothing can be sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SamplingError {
    /// The process is being sampled already: it has one clock.
    Busy,
    /// The system refuses the timer or the signal, with its number for that.
    Refused(i32),
    /// Where it can't be done safely: elsewhere than on Linux with glibc 2.35 or later, x86-64 or aarch64.
    Unsupported,
}

impl std::fmt::Display for SamplingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => f.write_str("somebody else is sampling this process"),
            Self::Refused(number) => {
                let error = std::io::Error::from_raw_os_error(*number);
                write!(f, "the system refuses the timer: {error}")
            }
            Self::Unsupported => f.write_str(
                "only Linux with glibc 2.35 or later, on x86-64 or aarch64, can be sampled",
            ),
        }
    }
}

impl std::error::Error for SamplingError {}

/// A stack that was seen, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The thread's name.
    pub thread: String,
    /// The functions by their names, the outermost first.
    pub functions: Vec<String>,
    /// How many samples found it.
    pub samples: u32,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    /// The stacks.
    pub stacks: Vec<Stack>,
    /// Samples for which there was no room left.
    pub lost: u32,
}

#[cfg(all(
    test,
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod tests {
    use std::hint::black_box;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[inline(never)]
    #[expect(
        clippy::disallowed_methods,
        reason = "what is sampled is the processor's real time"
    )]
    fn a_busy_function(until: Instant) -> u64 {
        let mut sum = 0_u64;
        while Instant::now() < until {
            for number in 0..10_000_u64 {
                sum = black_box(sum.wrapping_add(number * number));
            }
            // Allocations, so that samples fall into the allocator as well.
            black_box(vec![sum; 64]);
        }
        sum
    }

    /// One test, since a process has one clock.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "what is sampled is the processor's real time"
    )]
    fn busy_threads_are_seen_by_name_and_idle_ones_are_not() {
        for _ in 0..2 {
            let sampling = Sampling::begin(250).expect("nobody else samples");
            assert_eq!(Sampling::begin(250).err(), Some(SamplingError::Busy));
            let until = Instant::now() + Duration::from_millis(600);
            let spawn = |name: &str, work: fn(Instant) -> u64| {
                let builder = thread::Builder::new().name(name.to_owned());
                builder.spawn(move || work(until)).expect("a thread")
            };
            let busy = [
                spawn("busy-1", a_busy_function),
                spawn("busy-2", a_busy_function),
            ];
            let idle = spawn("idle", |until| {
                thread::sleep(until - Instant::now());
                0
            });
            let mut sampling = sampling;
            thread::sleep(Duration::from_millis(100));
            sampling.look_at_threads();
            for thread in busy.into_iter().chain([idle]) {
                thread.join().expect("it ends");
            }
            let seen = sampling.end();
            assert_eq!(seen.lost, 0);
            for name in ["busy-1", "busy-2"] {
                let samples = seen.stacks.iter().filter(|stack| {
                    stack.thread == name
                        && stack
                            .functions
                            .iter()
                            .any(|function| function.contains("a_busy_function"))
                });
                let samples: u32 = samples.map(|stack| stack.samples).sum();
                assert!(samples > 5, "{name}: {samples} in {seen:#?}");
            }
            // Starting and ending is work too.
            let idle = seen.stacks.iter().filter(|stack| stack.thread == "idle");
            assert!(idle.map(|stack| stack.samples).sum::<u32>() <= 1);
            // What the handler itself does is no part of the stack.
            assert!(
                !format!("{:?}", seen.stacks).contains("on_tick"),
                "{seen:#?}"
            );
        }
    }
}
