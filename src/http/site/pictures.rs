//! Generated avatars and headers as PNG files.

use crate::domain::pixels::{self, Picture};
use png::{BitDepth, ColorType, Compression, EncodingError, Filter};

/// The media type of the files.
pub const PICTURE_TYPE: &str = "image/png";

/// Changes when the painting does: part of the pictures' addresses, so that a file may be cached
/// for ever.
pub const PICTURES_VERSION: u32 = 1;

/// Largest file, bytes.
pub const PICTURE_BYTES_MAX: usize = 16 * 1024;

/// The generated avatar of the account with the id `seed`, a PNG file of a few kilobytes.
///
/// # Errors
/// Memory or the encoder failed.
pub fn avatar_png(seed: u64) -> Result<Vec<u8>, EncodingError> {
    encode(&pixels::avatar(seed))
}

/// The generated header of the account with the id `seed`, a PNG file of a few kilobytes.
///
/// # Errors
/// Memory or the encoder failed.
pub fn header_png(seed: u64) -> Result<Vec<u8>, EncodingError> {
    encode(&pixels::header(seed))
}

/// One byte a pixel and a palette: flat colours need no more.
fn encode(picture: &Picture) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::with_capacity(PICTURE_BYTES_MAX);
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(picture.palette.concat());
    encoder.set_compression(Compression::Balanced);
    // Places in a palette have no neighbours: what filters gain on shades they lose here.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.indexes)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_small_and_decode_to_what_was_painted() {
        for seed in [0, 1, 2, 3, u64::MAX] {
            for (picture, file) in [
                (pixels::avatar(seed), avatar_png(seed)),
                (pixels::header(seed), header_png(seed)),
            ] {
                let file = file.expect("memory is there");
                assert!(file.len() <= PICTURE_BYTES_MAX, "{} bytes", file.len());
                let decoder = png::Decoder::new(std::io::Cursor::new(&file));
                let mut reader = decoder.read_info().expect("it is a PNG");
                let size = reader.output_buffer_size().expect("it fits");
                let mut bytes = vec![0; size];
                let frame = reader.next_frame(&mut bytes).expect("it has a picture");
                assert_eq!((frame.width, frame.height), (picture.width, picture.height));
                let colours = picture
                    .indexes
                    .iter()
                    .flat_map(|i| picture.palette[usize::from(*i)]);
                // The decoder leaves indexes as they are.
                let palette = reader.info().palette.clone().expect("it has a palette");
                let decoded = bytes.iter().flat_map(|i| {
                    let at = usize::from(*i) * 3;
                    [palette[at], palette[at + 1], palette[at + 2]]
                });
                assert!(colours.eq(decoded));
            }
        }
    }
}
