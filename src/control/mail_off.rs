//! A kinglet without the feature `mail` has none to try out.

use super::protocol::{Answer, Failure};
use crate::instance::Instance;

pub(super) async fn send_test(_: &Instance, _: &str) -> Result<Answer, Failure> {
    Err(Failure::new(
        "this kinglet sends no mail: it was built without the feature mail",
    ))
}
