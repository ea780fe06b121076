//! Cores of their own for those who ask and those who are asked.
//!
//! Each answer wakes whoever asked. The kernel takes it that whoever wakes another one is about to sleep, and puts both on one core
//! when few cores are idle; then the load is in the server's way however idle the other core is, and what is measured is
//! chance: the same page was read 20,000 or 30,000 times a second.

use std::fs;

use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::BenchError;

/// Has servers and load on cores of their own until it is dropped; then each may be anywhere again.
#[derive(Debug)]
pub struct Apart {
    processes: Vec<u32>,
    all: CpuSet,
}

impl Apart {
    /// The threads of this process get as many cores as ask, each of the servers all the others. `None` where there aren't enough
    /// for both.
    ///
    /// # Errors
    /// When the system doesn't let itself be told.
    pub fn place(servers: &[u32], asking: usize) -> Result<Option<Self>, BenchError> {
        let failed = |error: Errno| BenchError::io("can't choose cores")(error.into());
        let all = sched_getaffinity(None).map_err(failed)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|core| all.is_set(*core))
            .collect();
        let Some((theirs, own)) = split(&cores, asking) else {
            return Ok(None);
        };
        let mut processes = servers.to_vec();
        processes.push(std::process::id());
        let apart = Self { processes, all };
        for server in servers {
            bind(*server, &set_of(theirs)).map_err(failed)?;
        }
        bind(std::process::id(), &set_of(own)).map_err(failed)?;
        Ok(Some(apart))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        for process in &self.processes {
            // One that has ended needs no cores.
            let _ = bind(*process, &self.all);
        }
    }
}

/// The last cores are for those who ask.
fn split(cores: &[usize], asking: usize) -> Option<(&[usize], &[usize])> {
    let theirs = cores
        .len()
        .checked_sub(asking)
        .filter(|theirs| *theirs > 0)?;
    (asking > 0).then(|| cores.split_at(theirs))
}

fn set_of(cores: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    set
}

/// Binds every thread of a process; those that it starts later are bound like whoever starts them.
fn bind(process: u32, cores: &CpuSet) -> Result<(), Errno> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Err(Errno::SRCH);
    };
    for thread in threads.flatten() {
        let thread = thread.file_name();
        let thread = thread.to_str().and_then(|thread| thread.parse().ok());
        match sched_setaffinity(thread.and_then(Pid::from_raw), cores) {
            // It ended meanwhile.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_has_the_last_cores_and_leaves_one_at_least() {
        let cores = [0, 1, 4, 5];
        assert_eq!(split(&cores, 1), Some((&cores[..3], &cores[3..])));
        assert_eq!(split(&cores, 3), Some((&cores[..1], &cores[1..])));
        assert_eq!(split(&cores, 4), None);
        assert_eq!(split(&cores, 0), None);
        assert_eq!(split(&[], 1), None);
    }
}
