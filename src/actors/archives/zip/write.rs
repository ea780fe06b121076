//! Writes a ZIP file by file, without ever going back.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::{CENTRAL_HEADER, DEFLATED, DESCRIPTOR, END, LOCAL_HEADER};
use crate::clock::Timestamp;

/// The version of the format that a reader has to know: 2.0, for deflate.
const VERSION: u16 = 20;
/// Made on Unix, so that the file's mode is understood.
const MADE_BY: u16 = (3 << 8) | VERSION;
/// The sizes follow the file; its name is UTF-8.
const FLAGS: u16 = (1 << 3) | (1 << 11);
/// A regular file, for its owner alone.
const MODE: u32 = 0o100_600 << 16;

/// An archive that is being written.
pub struct ZipWriter<W: Write> {
    out: Counting<W>,
    /// What the central directory says of the files so far.
    directory: Vec<u8>,
    files: u16,
    /// The moment that every file bears, as MS-DOS writes it.
    time: [u8; 4],
}

impl<W: Write> ZipWriter<W> {
    /// An archive of this moment.
    pub fn new(out: W, now: Timestamp) -> Self {
        Self {
            out: Counting { out, bytes: 0 },
            directory: Vec::new(),
            files: 0,
            time: dos_time(now),
        }
    }

    /// Adds a file, whose content `write` writes.
    ///
    /// # Errors
    /// What `write` or the disk say; the archive is unusable then. It has no more than 4 GiB.
    pub fn file<E: From<io::Error>>(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        let offset = small(self.out.bytes)?;
        let name_bytes = u16::try_from(name.len()).map_err(io::Error::other)?;
        let mut header = Vec::with_capacity(64);
        put(&mut header, [LOCAL_HEADER]);
        let mut common = Vec::with_capacity(32);
        put_short(&mut common, [VERSION, FLAGS, DEFLATED]);
        common.extend(self.time);
        header.extend_from_slice(&common);
        put(&mut header, [0, 0, 0]);
        put_short(&mut header, [name_bytes, 0]);
        header.extend_from_slice(name.as_bytes());
        self.out.write_all(&header)?;

        let begun = self.out.bytes;
        let (sum, bytes) = {
            let mut encoder = Checked {
                out: DeflateEncoder::new(&mut self.out, Compression::default()),
                crc: Crc::new(),
                bytes: 0,
            };
            write(&mut encoder)?;
            let Checked { out, crc, bytes } = encoder;
            out.finish()?;
            (crc.sum(), small(bytes)?)
        };
        let sizes = [sum, small(self.out.bytes - begun)?, bytes];
        let mut descriptor = Vec::with_capacity(16);
        put(&mut descriptor, [DESCRIPTOR]);
        put(&mut descriptor, sizes);
        self.out.write_all(&descriptor)?;

        put(&mut self.directory, [CENTRAL_HEADER]);
        put_short(&mut self.directory, [MADE_BY]);
        self.directory.extend_from_slice(&common);
        put(&mut self.directory, sizes);
        put_short(&mut self.directory, [name_bytes, 0, 0, 0, 0]);
        put(&mut self.directory, [MODE, offset]);
        self.directory.extend_from_slice(name.as_bytes());
        self.files = self
            .files
            .checked_add(1)
            .ok_or_else(|| io::Error::other("too many files for an archive"))?;
        Ok(())
    }

    /// Writes the directory and hands back where it was written to.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(mut self) -> io::Result<W> {
        let offset = small(self.out.bytes)?;
        let directory = small(self.directory.len() as u64)?;
        self.out.write_all(&self.directory)?;
        let mut end = Vec::with_capacity(22);
        put(&mut end, [END]);
        put_short(&mut end, [0, 0, self.files, self.files]);
        put(&mut end, [directory, offset]);
        put_short(&mut end, [0]);
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.out.out)
    }
}

fn put<const N: usize>(bytes: &mut Vec<u8>, numbers: [u32; N]) {
    for number in numbers {
        bytes.extend(number.to_le_bytes());
    }
}

fn put_short<const N: usize>(bytes: &mut Vec<u8>, numbers: [u16; N]) {
    for number in numbers {
        bytes.extend(number.to_le_bytes());
    }
}

fn small(bytes: u64) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::other("an archive has 4 GiB at the most"))
}

/// Time and date of MS-DOS, in UTC: two seconds and a day are its units, and it begins in 1980.
fn dos_time(now: Timestamp) -> [u8; 4] {
    let text = now.to_string();
    let number = |from: usize, to: usize| -> u16 {
        text.get(from..to)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0)
    };
    let time = (number(11, 13) << 11) | (number(14, 16) << 5) | (number(17, 19) / 2);
    let year = number(0, 4).saturating_sub(1980).min(127);
    let date = (year << 9) | (number(5, 7).max(1) << 5) | number(8, 10).max(1);
    let ([t, u], [d, e]) = (time.to_le_bytes(), date.to_le_bytes());
    [t, u, d, e]
}

/// Counts what passes.
struct Counting<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Counts and sums up what passes.
struct Checked<W> {
    out: W,
    crc: Crc,
    bytes: u64,
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
