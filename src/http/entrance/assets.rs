//! The website's static files, embedded in the binary.
//!
//! The address of a file holds the hash of its content, so an answer never changes under its
//! address and may be cached for ever.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// What `Cache-Control` says of an asset.
pub const ASSET_CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// Every asset's address begins with this.
pub const ASSET_PATH_PREFIX: &str = "/assets/";

/// Length of the hash in an address: 64 bits tell versions of one file apart.
const HASH_HEX_DIGITS: usize = 16;

const SOURCES: [(&str, &str, &[u8]); 7] = [
    (
        "kinglet.css",
        "text/css; charset=utf-8",
        include_bytes!("assets/kinglet.css"),
    ),
    (
        "admin.css",
        "text/css; charset=utf-8",
        include_bytes!("assets/admin.css"),
    ),
    (
        "stats.css",
        "text/css; charset=utf-8",
        include_bytes!("assets/stats.css"),
    ),
    (
        "live.css",
        "text/css; charset=utf-8",
        include_bytes!("assets/live.css"),
    ),
    (
        "favicon.svg",
        "image/svg+xml",
        include_bytes!("assets/favicon.svg"),
    ),
    (
        "icons.svg",
        "image/svg+xml",
        include_bytes!("assets/icons.svg"),
    ),
    (
        "header.svg",
        "image/svg+xml",
        include_bytes!("assets/header.svg"),
    ),
];

/// One embedded file, ready to be sent.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its name in the source tree, such as `kinglet.css`.
    pub name: &'static str,
    /// Where it is served, such as `/assets/kinglet-0123456789abcdef.css`.
    pub path: String,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Strong entity tag, quotes included.
    pub etag: String,
    /// The file as it is.
    pub plain: Bytes,
    /// The file under `Content-Encoding: gzip`.
    pub gzip: Bytes,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| SOURCES.map(Asset::new).into());

impl Asset {
    fn new((name, content_type, content): (&'static str, &'static str, &'static [u8])) -> Self {
        let mut hash = String::with_capacity(2 * 32);
        for byte in Sha256::digest(content) {
            write!(hash, "{byte:02x}").expect("a String takes every write");
        }
        hash.truncate(HASH_HEX_DIGITS);
        let (stem, extension) = name
            .rsplit_once('.')
            .expect("every name above has an extension");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("a Vec takes every write");
        let gzip = encoder.finish().expect("a Vec takes every write");
        Self {
            name,
            path: format!("{ASSET_PATH_PREFIX}{stem}-{hash}.{extension}"),
            content_type,
            etag: format!("\"{hash}\""),
            plain: Bytes::from_static(content),
            gzip: gzip.into(),
        }
    }
}

/// The address of the asset called `name`.
///
/// # Panics
///
/// When there is no such asset; names are written in templates, and a test renders them all.
#[must_use]
pub fn asset_url(name: &str) -> &'static str {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    &found.expect("templates name only embedded assets").path
}

/// The asset that is served under the whole request path `path`.
#[must_use]
pub fn asset_at(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The asset called `name` in the source tree, for addresses that can't carry a hash, such as
/// `/favicon.ico`.
#[must_use]
pub fn asset_named(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    /// What a phone must load before it can show the first page.
    const STYLESHEET_BYTES_MAX: usize = 30_000;

    #[test]
    fn an_address_leads_back_to_its_file_and_changes_with_it() {
        for (name, content_type, content) in SOURCES {
            let asset = asset_at(asset_url(name)).expect("served under its own address");
            assert_eq!((asset.name, asset.content_type), (name, content_type));
            assert_eq!(asset.plain, content);
            let mut changed = content.to_vec();
            changed.push(b'\n');
            let changed = Asset::new((name, content_type, changed.leak()));
            assert_ne!(changed.path, asset.path);
            assert_ne!(changed.etag, asset.etag);
        }
        assert!(asset_at("/assets/kinglet.css").is_none());
        assert!(asset_at("/assets/").is_none());
    }

    #[test]
    fn the_compressed_form_holds_the_same_bytes() {
        for asset in ASSETS.iter() {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&asset.gzip[..])
                .read_to_end(&mut plain)
                .expect("valid gzip");
            assert_eq!(plain, asset.plain);
        }
    }

    #[test]
    fn stylesheets_stay_small_and_load_nothing_from_elsewhere() {
        for name in ["kinglet.css", "admin.css", "stats.css", "live.css"] {
            let sheet = asset_named(name).expect("embedded");
            assert!(
                sheet.plain.len() < STYLESHEET_BYTES_MAX,
                "{name}: {} bytes",
                sheet.plain.len()
            );
            let text = std::str::from_utf8(&sheet.plain).expect("UTF-8");
            assert!(!text.contains("url(") && !text.contains("@import"));
        }
    }
}
