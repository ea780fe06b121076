//! How requests reach the running server, for `kinglet doctor`.

use serde::{Deserialize, Serialize};

use super::protocol::{Answer, Failure};
use crate::instance::Instance;
use crate::secret::random_token;
use crate::telemetry::process::ProcessFigures;

/// Random bytes in the address of a request that is waited for.
const NONCE_BYTES: usize = 16;

/// How the running server stands in the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its public address.
    pub url: String,
    /// The proxies that it believes.
    pub trusted_proxies: Vec<String>,
    /// Files that it may have open; none where the system doesn't tell.
    pub open_files_max: Option<u64>,
}

pub(super) fn begin(instance: &Instance) -> Result<Answer, Failure> {
    let nonce = random_token::<NONCE_BYTES>(&mut instance.randomness.rng());
    instance.probes.begin(nonce.clone(), instance.clock.now());
    let proxies = &instance.config.http.trusted_proxies;
    Ok(Answer::Probing {
        nonce,
        standing: Standing {
            url: instance.url.to_string(),
            trusted_proxies: proxies.iter().map(ToString::to_string).collect(),
            open_files_max: ProcessFigures::read().and_then(|figures| figures.open_files_max),
        },
    })
}

pub(super) fn end(instance: &Instance, nonce: &str) -> Answer {
    Answer::Probed {
        seen: instance.probes.end(nonce),
    }
}
