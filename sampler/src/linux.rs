//! Sampling on Linux with the GNU C library, on the two processors for which what is said below holds.
//!
//! # Why the handler may do what it does
//!
//! A handler interrupts a thread between any two instructions, also while it holds a lock of the allocator or of the loader.
//! So it may touch nothing that has a lock, allocates, or is left half done by what it interrupts:
//!
//! - Its own state are atomics in static memory; on these processors they are plain instructions, without locks. It has no
//!   loop but the walk, which ends after [`DEPTH_MAX`] frames, and indexes nothing: whatever is out of bounds is `None`.
//! - It can't interrupt itself: the kernel blocks SIGPROF on a thread while its handler runs there. Another signal's handler
//!   may come in between and finds nothing that it could share.
//! - `_Unwind_Backtrace` keeps its state on the stack. To find the tables of an address libgcc (since GCC 12) asks
//!   `_dl_find_object` alone, which the C library's manual calls AS-safe: it takes no lock. Before glibc 2.35 there was
//!   `dl_iterate_phdr` instead, which takes the loader's; [`Sampling::begin`] refuses to begin there. libgcc's own lock for
//!   tables that programs register is taken only when one was registered, which nothing in kinglet does (no code is made
//!   at run time). Its one `pthread_once`, and the loader's binding of the functions called on the way, are over after the walk
//!   that `begin` makes for that purpose.
//! - The walk believes the tables. Those of rustc, of C compiled with GCC or Clang, and of the C library's assembler are exact at
//!   each instruction on x86-64 and aarch64. The kernel's vDSO is another thing: some distributions shipped wrong ones,
//!   which can lead the walk to addresses that aren't there. A thread that is interrupted in it isn't walked.
//! - `errno` is put back; nothing in it panics, and a panic could not leave an `extern "C"` function.
//!
//! What remains is the trust in the tables of every other library that somebody may link to kinglet.

use std::collections::HashMap;
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
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
/// Where the kernel's vDSO begins; 0 when there is none.
static VDSO: AtomicUsize = AtomicUsize::new(0);
/// More than a vDSO has ever had: two pages of 4 KiB, or one of 64.
const VDSO_BYTES_MAX: usize = 64 * 1024;

/// Runs on whatever thread it interrupts: see the module's documentation.
extern "C" fn on_tick(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the location is the running thread's own, set up before any of its code runs, and valid as long as it does.
    // Reading it finds a number, whatever was interrupted.
    let errno = unsafe { *libc::__errno_location() };
    // In this order, each for all threads: either `stop` sees this handler, or this handler sees that it is over.
    HANDLERS.fetch_add(1, Ordering::SeqCst);
    if WRITING.load(Ordering::SeqCst) {
        take_sample(context);
    }
    HANDLERS.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: as above; no reference to it exists, and what was interrupted finds the number it left.
    unsafe { *libc::__errno_location() = errno };
}

fn take_sample(context: *mut c_void) {
    let Some(interrupted) = instruction(context) else {
        return;
    };
    let mut stack = [0; DEPTH_MAX];
    let mut depth = 0;
    let vdso = VDSO.load(Ordering::Relaxed);
    if vdso != 0 && (vdso..vdso.saturating_add(VDSO_BYTES_MAX)).contains(&interrupted) {
        stack[0] = interrupted;
        depth = 1;
    } else {
        // The frames of the handler come first.
        let mut within = false;
        // SAFETY: "unsynchronized" is about the lock of that package, which guards looking names up; this walk looks none up, so
        // that it may run on several threads at once, and beside a look-up. That it takes no lock and allocates nothing is
        // said above. The closure can't unwind into the C code that calls it: it has no operation that panics (`depth` is
        // below `DEPTH_MAX` when it is counted up).
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                let place = frame.ip() as usize;
                within = within || place == interrupted;
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
    }
    let words = depth + HEAD_WORDS;
    // Can't wrap: it would take more samples than a processor has instructions in a century.
    let start = TAKEN.fetch_add(words, Ordering::SeqCst);
    let Some(room) = WORDS.get(start..start + words) else {
        // Nothing comes after it any more: the space that is left would have holes.
        LOST.fetch_add(1, Ordering::SeqCst);
        return;
    };
    // SAFETY: asks the kernel for a number; it has no arguments, no state and can't fail.
    let thread = unsafe { libc::gettid() };
    let head = [depth, usize::try_from(thread).unwrap_or(0)];
    for (slot, value) in room.iter().zip(head.iter().chain(&stack)) {
        slot.store(*value, Ordering::Relaxed);
    }
}

/// Where the interrupted thread was.
fn instruction(context: *mut c_void) -> Option<usize> {
    // SAFETY: the kernel hands a `ucontext_t` to handlers that were registered with SA_SIGINFO. It lies on the interrupted thread's
    // stack below this handler, aligned as the ABI says, is nobody else's, and outlives this reference.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() }?;
    #[cfg(target_arch = "x86_64")]
    let place = usize::try_from(*context.uc_mcontext.gregs.get(libc::REG_RIP as usize)?).ok();
    #[cfg(target_arch = "aarch64")]
    let place = usize::try_from(context.uc_mcontext.pc).ok();
    place
}

fn may_begin() -> Result<(), SamplingError> {
    if !walks_without_lock() {
        return Err(SamplingError::Unsupported);
    }
    if is_somebody_elses()? {
        return Err(SamplingError::Busy);
    }
    Ok(())
}

/// Whether a stack can be walked without the loader's lock: glibc has `_dl_find_object` since 2.35. Asked by version, not by name,
/// so that it holds for a program that glibc is linked into as well.
fn walks_without_lock() -> bool {
    // SAFETY: it has no arguments and answers with a text that is part of the C library: never changed, never gone, ended by
    // a zero.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    let mut numbers = version.to_str().unwrap_or_default().split('.');
    let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    (next(), next()) >= (Some(2), Some(35))
}

/// Whether somebody else in this process waits for SIGPROF or has its clock running: a profiler, or a program that kinglet is a
/// part of. Nothing is taken from them.
fn is_somebody_elses() -> Result<bool, SamplingError> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action it only writes the present one, for which there is room.
    let done = unsafe { libc::sigaction(libc::SIGPROF, ptr::null(), action.as_mut_ptr()) };
    outcome(done)?;
    // SAFETY: it succeeded, so that it was written.
    let handler = unsafe { action.assume_init() }.sa_sigaction;
    let mut timer = MaybeUninit::<libc::itimerval>::uninit();
    // SAFETY: it only writes to the timer, for which there is room.
    let done = unsafe { libc::getitimer(libc::ITIMER_PROF, timer.as_mut_ptr()) };
    outcome(done)?;
    // SAFETY: it succeeded, so that it was written.
    let timer = unsafe { timer.assume_init() };
    let runs = timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
    Ok(runs || (handler != libc::SIG_DFL && handler != libc::SIG_IGN))
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
        if let Err(error) = may_begin() {
            OWNED.store(false, Ordering::SeqCst);
            return Err(error);
        }
        // From here on the end of this value gives the process back.
        let mut sampling = Self {
            threads: HashMap::new(),
        };
        // SAFETY: reads what the kernel told at the start; a number or 0.
        let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
        VDSO.store(usize::try_from(vdso).unwrap_or(0), Ordering::Relaxed);
        TAKEN.store(0, Ordering::SeqCst);
        LOST.store(0, Ordering::SeqCst);
        // The unwinder sets something up at its first use, which must not happen in the handler.
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
        // What was read of the program's file for that is given back.
        backtrace::clear_symbol_cache();
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

/// No handler writes any more when this returns. It may be called twice. A handler whose thread gets no processor for longer
/// than [`HANDLERS_END_MAX`] may still write then: a wrong sample at worst, for all it touches are atomics, and what is
/// read of them is checked.
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
    // Not what was there before, which was nothing or this: a tick that is under way would end the process if nobody
    // listened.
    let _ = listen(libc::SIG_IGN);
}

fn listen(handler: usize) -> Result<(), SamplingError> {
    // SAFETY: all zeros is a valid `sigaction`, which is made of numbers and an optional function: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // Calls that were interrupted go on by themselves.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: the action is valid and copied by the call. The handler is SIG_IGN or `on_tick`, which has the signature that
    // SA_SIGINFO asks for, is never unloaded, and keeps to what handlers may do.
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
    // SAFETY: the timer is valid and copied by the call.
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
