//! Generated avatars and headers as PNG files, and the routes that serve them.
//!
//! An address holds the version of the painting, so what it shows never changes and may be cached for ever.

use http::header::{CACHE_CONTROL, HeaderValue};

use crate::domain::pixels::{self, Picture};
use crate::extract::call::Call;
use crate::ids::AccountId;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Facade, Family};
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

/// Where an account's avatar is served.
pub fn avatar_path(account: AccountId) -> String {
    format!("/pictures/{PICTURES_VERSION}/avatars/{account}.png")
}

/// Where an account's header is served.
pub fn header_path(account: AccountId) -> String {
    format!("/pictures/{PICTURES_VERSION}/headers/{account}.png")
}

/// The family's routes.
pub fn family<C: Facade>() -> Family<C> {
    Family::new("pictures")
        .get("/pictures/:version/avatars/:file", Access::Public, avatar)
        .get("/pictures/:version/headers/:file", Access::Public, header)
}

/// `GET /pictures/:version/avatars/:file`: an account's avatar. Every id has one, so nobody learns which accounts are there.
async fn avatar<C: Facade>(_: C, _: C::Caller, call: Call) -> Result<Response, Problem> {
    picture(&call, avatar_png)
}

/// `GET /pictures/:version/headers/:file`: an account's header.
async fn header<C: Facade>(_: C, _: C::Caller, call: Call) -> Result<Response, Problem> {
    picture(&call, header_png)
}

fn picture(
    call: &Call,
    paint: fn(u64) -> Result<Vec<u8>, EncodingError>,
) -> Result<Response, Problem> {
    let name = call.param("file").strip_suffix(".png");
    let id: AccountId = name
        .and_then(|name| name.parse().ok())
        .ok_or_else(Problem::not_found)?;
    let seed = u64::try_from(id.0).map_err(|_| Problem::not_found())?;
    let file = paint(seed)
        .map_err(|error| Problem::internal(format!("a picture can't be encoded: {error}")))?;
    let mut response = reply::typed(PICTURE_TYPE, file);
    // Who comes with the address of an older painting gets today's, but has to ask again.
    let is_current = call.param("version").parse() == Ok(PICTURES_VERSION);
    let caching = if is_current {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
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
