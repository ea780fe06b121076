//! Every route of the server, one line per family.

use warp::Filter;
use warp::filters::BoxedFilter;

use super::context::Context;
use super::reply::Response;
use super::routing::{Family, RouteError, RouteInfo, Routes};
use super::{api, entrance, health, metrics, oauth, pictures, probe, site};
use crate::instance::Instance;

fn families() -> Vec<Family<Context>> {
    vec![
        api::apps::family(),
        api::sign_up::family(),
        api::emails::family(),
        oauth::family(),
        api::timelines::family(),
        api::statuses::family(),
        api::accounts::family(),
        api::lists_of_accounts::family(),
        api::relationships::family(),
        api::notifications::family(),
        api::profile::family(),
        api::search::family(),
        api::instance::family(),
        api::discovery::family(),
        api::statistics::family(),
        api::admin_metrics::family(),
        api::empty::family(),
        api::missing::family(),
        pictures::family(),
        entrance::family(),
        site::family(),
        health::family(),
        probe::family(),
        metrics::family(),
    ]
}

/// The filter that answers every request to an instance.
///
/// # Errors
/// The declared routes contradict each other: a fault of the program, which every test that starts a server finds.
pub fn filter(instance: &Instance) -> Result<BoxedFilter<(Response,)>, RouteError> {
    let context = Context::new(instance);
    let routes = Routes::new(families(), entrance::render_problem)?;
    let patterns = routes.list().iter().map(|route| route.pattern);
    instance.telemetry.http.declare(patterns);
    Ok(routes.filter(context).boxed())
}

/// Every route as it answers to an instance for developers: the same, but that the password grant is open.
///
/// # Errors
/// As [`filter`].
pub fn for_developers(instance: &Instance) -> Result<(Routes<Context>, Context), RouteError> {
    let context = Context::for_developers(instance);
    Ok((Routes::new(families(), entrance::render_problem)?, context))
}

/// Every route: its method, its address, who may use it.
///
/// # Errors
/// As [`filter`].
pub fn list() -> Result<Vec<RouteInfo>, RouteError> {
    Ok(Routes::new(families(), entrance::render_problem)?
        .list()
        .to_vec())
}
