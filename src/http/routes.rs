//! Every route of the server, one line per family.

use warp::{Filter, Rejection};

use super::api;
use super::extract::call::Call;
use super::health;
use super::problem::Problem;
use super::reply::Response;
use super::routing::{Access, Admission, Facade, RouteError, RouteInfo, Routes, render_json};
use super::site::pictures;
use crate::instance::Instance;

/// What handlers work with.
#[derive(Clone)]
pub struct Context {
    /// The instance that is served.
    pub instance: Instance,
}

impl Facade for Context {
    type Caller = ();

    async fn admit(&self, route: &RouteInfo, _: &Call) -> Result<Admission<()>, Problem> {
        match route.access {
            Access::Public => Ok(Admission {
                caller: (),
                account: None,
                standing: None,
            }),
            _ => Err(Problem::unauthenticated("The access token is invalid")),
        }
    }
}

/// The filter that answers every request to an instance.
///
/// # Errors
/// The declared routes contradict each other: a fault of the program, which every test that starts a server finds.
pub fn filter(
    instance: &Instance,
) -> Result<
    impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static + use<>,
    RouteError,
> {
    let context = Context {
        instance: instance.clone(),
    };
    let routes = Routes::new(
        api::families().chain([health::family(), pictures::family()]),
        render_json,
    )?;
    Ok(routes.filter(context))
}
