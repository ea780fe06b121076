//! ZIP, as far as archives of accounts need it (APPNOTE.TXT 6.3.10): one file after the other written, and single files read
//! out of archives that anybody may have made. Our own, because every bound has to hold before anything is believed.

pub mod read;
pub mod write;

/// Signatures of the records.
const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
/// Bytes of the records, without what is of variable length.
const LOCAL_HEADER_BYTES: usize = 30;
const CENTRAL_HEADER_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_64_BYTES: usize = 20;
/// What is done with the bytes of a file.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
