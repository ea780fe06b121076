//! Sampling on Linux.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use crate::{FREQUENCY_MAX, Samples, SamplingError, Stack};

/// Words set aside for samples: 4 MiB, of which the system gives only what is written to. Ten seconds of four cores at
/// a hundred samples a second with stacks of fifty functions take a third of it.
const WORDS_MAX: usize = 512 * 1024;
/// The most functions of one stack; what is further out is cut off.
const DEPTH_MAX: usize = 128;
/// Words in front of a stack: how many functions, and whose.
const HEAD_WORDS: usize = 2;
/// The most threads whose names are kept.
const THREADS_MAX: usize = 1024;
/// How long the end waits for handlers that are at work; they take microseconds.
const HANDLERS_END_MAX: Duration = Duration::from_millis(200);
/// How long it sleeps between two looks meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// What handlers write to. They may be at work on several threads at once: each takes its own stretch of words.
static WORDS: [AtomicUsize; WORDS_MAX] = [const { AtomicUsize::new(0) }; WORDS_MAX];
/// How many words are taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicU32 = AtomicU32::new(0);
/// Whether somebody samples.
static OWNED: AtomicBool = AtomicBool::new(false);
/// Whether handlers write.
static WRITING: AtomicBool = AtomicBool::new(false);
/// Handlers at work.
static HANDLERS: AtomicUsize = AtomicUsize::new(0);

/// Runs on whatever thread it interrupts, so it must not allocate, lock or panic.
extern "C" fn on_tick(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the location is the running thread's own and always valid.
    let errno = unsafe { *libc::__errno_location() };
    HANDLERS.fetch_add(1, Ordering::SeqCst);
    if WRITING.load(Ordering::SeqCst) {
        take_sample(context);
    }
    HANDLERS.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: as above; what was interrupted must find the number it left.
    unsafe { *libc::__errno_location() = errno };
}

fn take_sample(context: *mut c_void) {
    let interrupted = instruction(context);
    let mut stack = [0; DEPTH_MAX];
    let mut depth = 0;
    // The frames of the handler come first; with an unknown place they are kept.
    let mut within = interrupted.is_none();
    // SAFETY: "unsynchronized" is about the lock for looking names up, which this doesn't. Walking takes no lock of its own
    // with a C library that has `_dl_find_object` (glibc since 2.35) and allocates nothing.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let place = frame.ip() as usize;
            within = within || Some(place) == interrupted;
            // The outermost caller of a thread has the address 0.
            if within
                && place != 0
                && let Some(slot) = stack.get_mut(depth)
            {
                *slot = place;
                depth += 1;
            }
            depth < DEPTH_MAX
        });
    }
    let words = depth + HEAD_WORDS;
    let start = TAKEN.fetch_add(words, Ordering::SeqCst);
    let Some(room) = WORDS.get(start..start + words) else {
        // Nothing comes after it any more: the space that is left would have holes.
        LOST.fetch_add(1, Ordering::SeqCst);
        return;
    };
    // SAFETY: asks the kernel for a number.
    let thread = unsafe { libc::gettid() };
    let head = [depth, usize::try_from(thread).unwrap_or(0)];
    for (slot, value) in room.iter().zip(head.iter().chain(&stack)) {
        slot.store(*value, Ordering::Relaxed);
    }
}

/// Where the interrupted thread was.
fn instruction(context: *mut c_void) -> Option<usize> {
    // SAFETY: the kernel hands a `ucontext_t` to handlers that were registered with SA_SIGINFO, or nothing.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() }?;
    #[cfg(target_arch = "x86_64")]
    let place = usize::try_from(context.uc_mcontext.gregs[libc::REG_RIP as usize]).ok();
    #[cfg(target_arch = "aarch64")]
    let place = usize::try_from(context.uc_mcontext.pc).ok();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let place = {
        let _ = context;
        None
    };
    place
}

/// A process that is being sampled until this value is gone.
pub struct Sampling {
    threads: HashMap<usize, String>,
}

impl Sampling {
    /// Begins to take so many samples in each second of processor time, at most [`FREQUENCY_MAX`].
    ///
    /// # Errors
    /// When somebody else does so already, or the system refuses.
    pub fn begin(frequency: u32) -> Result<Self, SamplingError> {
        if OWNED.swap(true, Ordering::SeqCst) {
            return Err(SamplingError::Busy);
        }
        // From here on the end of this value gives the process back.
        let mut sampling = Self {
            threads: HashMap::new(),
        };
        TAKEN.store(0, Ordering::SeqCst);
        LOST.store(0, Ordering::SeqCst);
        // The unwinder may set something up at its first use, which must not happen in the handler.
        drop(backtrace::Backtrace::new_unresolved());
        sampling.look_at_threads();
        WRITING.store(true, Ordering::SeqCst);
        listen(on_tick as *const () as usize)?;
        let micros = 1_000_000 / frequency.clamp(1, FREQUENCY_MAX);
        set_timer(micros)?;
        Ok(sampling)
    }

    /// Learns the names of the threads. A thread that begins and ends between two calls stays nameless.
    pub fn look_at_threads(&mut self) {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
            return;
        };
        for task in tasks.flatten() {
            let number = task.file_name().to_str().and_then(|name| name.parse().ok());
            let name = std::fs::read_to_string(task.path().join("comm"));
            if let (Some(number), Ok(name)) = (number, name)
                && self.threads.len() < THREADS_MAX
            {
                self.threads.insert(number, name.trim_end().to_owned());
            }
        }
    }

    /// Ends it and finds out what the addresses are called. That takes a while: it blocks the thread.
    pub fn end(mut self) -> Samples {
        self.look_at_threads();
        stop();
        let counted = self.counted();
        let mut names = Names::default();
        let mut stacks: Vec<Stack> = counted
            .into_iter()
            .map(|((thread, places), samples)| Stack {
                thread: match self.threads.get(&thread) {
                    Some(name) => name.clone(),
                    None => "a thread that ended".to_owned(),
                },
                functions: names.of(&places),
                samples,
            })
            .collect();
        // Without chance, so that the same samples give the same answer.
        stacks.sort_by(|one, other| {
            (&one.thread, &one.functions).cmp(&(&other.thread, &other.functions))
        });
        Samples {
            stacks,
            lost: LOST.load(Ordering::SeqCst),
        }
    }

    /// How often each stack of addresses was seen on each thread.
    fn counted(&self) -> HashMap<(usize, Vec<usize>), u32> {
        let word = |at: usize| WORDS.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
        let taken = TAKEN.load(Ordering::SeqCst);
        let mut counted = HashMap::new();
        let mut at = 0;
        while at < taken.min(WORDS_MAX) {
            let (depth, thread) = (word(at), word(at + 1));
            let end = at + HEAD_WORDS + depth;
            if thread == 0 || depth > DEPTH_MAX || end > WORDS_MAX {
                // Where the room ended.
                break;
            }
            let places = (at + HEAD_WORDS..end).map(word).collect();
            *counted.entry((thread, places)).or_insert(0) += 1;
            at = end;
        }
        counted
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        stop();
        for word in WORDS.iter().take(TAKEN.load(Ordering::SeqCst)) {
            word.store(0, Ordering::Relaxed);
        }
        OWNED.store(false, Ordering::SeqCst);
    }
}

/// No handler writes any more when this returns. It may be called twice.
#[expect(
    clippy::disallowed_methods,
    reason = "a handler can't wake anybody; it is over in microseconds"
)]
fn stop() {
    // That the timer can't be taken back has no remedy; the handler then does nothing.
    let _ = set_timer(0);
    WRITING.store(false, Ordering::SeqCst);
    let mut waited = Duration::ZERO;
    while HANDLERS.load(Ordering::SeqCst) > 0 && waited < HANDLERS_END_MAX {
        std::thread::sleep(LOOK_AGAIN_AFTER);
        waited += LOOK_AGAIN_AFTER;
    }
    // A tick that is under way would end the process if nobody listened.
    let _ = listen(libc::SIG_IGN);
}

fn listen(handler: usize) -> Result<(), SamplingError> {
    // SAFETY: all zeros is a valid `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // Calls that were interrupted go on by themselves.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: the action is valid and lives long enough; the handler keeps to what handlers may do.
    let done = unsafe { libc::sigaction(libc::SIGPROF, &action, ptr::null_mut()) };
    outcome(done)
}

fn set_timer(micros: u32) -> Result<(), SamplingError> {
    // At most a million, which every width of these fields holds.
    let time = libc::timeval {
        tv_sec: libc::time_t::from(micros / 1_000_000),
        tv_usec: libc::suseconds_t::from(micros % 1_000_000),
    };
    let timer = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: the timer is valid and lives long enough.
    let done = unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) };
    outcome(done)
}

fn outcome(done: c_int) -> Result<(), SamplingError> {
    match done {
        0 => Ok(()),
        _ => {
            let error = std::io::Error::last_os_error();
            Err(SamplingError::Refused(error.raw_os_error().unwrap_or(0)))
        }
    }
}

/// What addresses are called, each looked up once.
#[derive(Default)]
struct Names(HashMap<usize, Vec<String>>);

impl Names {
    /// The functions of a stack, which has the innermost first, from the outside in. A function that was inlined into
    /// another has a name of its own where the build kept lines.
    fn of(&mut self, places: &[usize]) -> Vec<String> {
        let mut functions = Vec::new();
        for (above, place) in places.iter().enumerate().rev() {
            // A return address is behind its call, which may be another function's beginning.
            let place = if above == 0 {
                *place
            } else {
                place.saturating_sub(1)
            };
            let names = self.0.entry(place).or_insert_with(|| look_up(place));
            functions.extend(names.iter().rev().cloned());
        }
        functions
    }
}

/// The functions at an address, the innermost first.
fn look_up(place: usize) -> Vec<String> {
    let mut names = Vec::new();
    backtrace::resolve(place as *mut c_void, |symbol| {
        if let Some(name) = symbol.name() {
            // Without the hash at its end.
            names.push(format!("{name:#}"));
        }
    });
    if names.is_empty() {
        names.push("a function without a name".to_owned());
    }
    names
}
