//! Giving memory back that is held and not needed.

use std::ffi::c_void;
use std::fs;
use std::io;

/// Gives free memory of the allocator back to the system, and takes the program's own code out of the resident memory; what
/// runs again is taken in again, out of the memory in which the system keeps files, or from the disk when it needed that room.
///
/// It takes about a millisecond, and what runs next a few tenths more.
///
/// # Errors
/// When the system doesn't tell what is mapped, or refuses.
pub fn give_back() -> io::Result<()> {
    // SAFETY: it looks at the allocator's own memory alone and may be called by any thread at any time.
    unsafe { libc::malloc_trim(0) };
    let maps = fs::read_to_string("/proc/self/maps")?;
    for (start, length) in maps.lines().filter_map(code) {
        // SAFETY: `code` names whole mappings of files that may be read and executed and not written: their pages are those of
        // the file, for nothing is relocated in them. So a thread that reads or executes one afterwards finds in it what was
        // there before. Memory that is mapped at this place meanwhile, because a library was unloaded since the list was read,
        // is excluded: kinglet unloads none, nor do the libraries that it is linked to.
        let refused = unsafe { libc::madvise(start as *mut c_void, length, libc::MADV_DONTNEED) };
        if refused != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Beginning and length of a mapping of code, by its line in `/proc/self/maps` (proc(5)).
fn code(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp";
    // After the offset, the device and the inode; the kernel's own code has no path.
    let is_file = fields.nth(3)?.starts_with('/');
    let number = |digits| usize::from_str_radix(digits, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    (is_code && is_file).then_some((start, end.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_out_of_files_is_let_go() {
        let text = "562097000000-562097c00000 r-xp 00517000 fe:00 1234  /usr/bin/kinglet";
        assert_eq!(code(text), Some((0x5620_9700_0000, 0xc0_0000)));
        for other in [
            "562097af3000-562097b68000 r--p 0115c000 fe:00 1234  /usr/bin/kinglet",
            "562097b68000-562097b6f000 rw-p 011d1000 fe:00 1234  /usr/bin/kinglet",
            "7ffc535f1000-7ffc535f3000 r-xp 00000000 00:00 0     [vdso]",
            "7f735a991000-7f735ab91000 r-xp 00000000 00:00 0 ",
            "",
        ] {
            assert_eq!(code(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_goes_on_afterwards() {
        let resident = || {
            let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
            let line = status.lines().find(|line| line.starts_with("RssFile:"));
            let kib = line.and_then(|line| line.split_ascii_whitespace().nth(1));
            kib.and_then(|kib| kib.parse::<u64>().ok())
                .expect("a number")
        };
        let before = resident();
        give_back().expect("the system takes it");
        assert!(resident() < before, "{before} KiB");
    }
}
