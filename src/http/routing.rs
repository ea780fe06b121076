//! Routes as data: one declaration gives the filter, the check of who may, and a row of the list of all routes.
//!
//! warp's own `path!` chains try one route after the other and carry a rejection from each; with more than a hundred
//! routes a tree of segments is faster, knows every method of an address (405 with `Allow`), and can be listed.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, HeaderValue, VARY};
use http::{HeaderMap, Method};
use warp::{Filter, Rejection};

use super::cors;
use super::extract::call::Call;
use super::extract::path::{Params, Part, Pattern, Segments};
use super::limits::{Kind, Standing};
use super::problem::Problem;
use super::reply::Response;
use super::request_log::RouteNote;
use super::serve::RequestContext;
use crate::ids::AccountId;
use crate::telemetry::{Span, Stretch};

/// Who may use a route; enforced before its handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anybody; nobody is asked who they are.
    Public,
    /// Anybody; a token that is sent must hold and cover the scope.
    Anyone(&'static str),
    /// Any token that holds, an application's own too.
    Client,
    /// A person's token that covers the scope.
    User(&'static str),
    /// Anybody with a browser; a session is used when there is one.
    Visitor,
    /// A browser's session; without one the log-in page.
    Session,
}

impl Access {
    /// Keeps what depends on who asks out of caches that others share (RFC 9111, section 5.2.2), unless the handler said
    /// something itself. Anonymous answers may be kept but have to be asked after: a deletion holds for the very next
    /// request.
    fn bound_sharing(self, is_known: bool, headers: &mut HeaderMap) {
        let shown = match self {
            Self::Public => return,
            Self::Anyone(_) | Self::Client | Self::User(_) => "authorization",
            Self::Visitor | Self::Session => "cookie",
        };
        headers.append(VARY, HeaderValue::from_static(shown));
        let is_open = matches!(self, Self::Anyone(_) | Self::Visitor) && !is_known;
        let rule = if is_open {
            "no-cache"
        } else {
            "private, no-store"
        };
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static(rule));
    }
}

/// A row of the list of all routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The family that declared it.
    pub family: &'static str,
    /// Its method; HEAD comes with GET.
    pub method: Method,
    /// Its address: `/api/v1/statuses/:id`.
    pub pattern: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What it counts as, besides being a request.
    pub limit: Option<Kind>,
}

/// What was found out about a caller before the handler runs.
pub struct Admission<T> {
    /// What the handler gets to know.
    pub caller: T,
    /// The account, for the log.
    pub account: Option<AccountId>,
    /// The limit to tell about.
    pub standing: Option<Standing>,
}

/// What the routes work with: everything that handlers need, and the rule who is let in.
pub trait Facade: Clone + Send + Sync + 'static {
    /// What handlers learn about who asks.
    type Caller: Send + 'static;

    /// Lets a caller in or not: token or session, scope, role, limits.
    fn admit(
        &self,
        route: &RouteInfo,
        call: &Call,
    ) -> impl Future<Output = Result<Admission<Self::Caller>, Problem>> + Send;

    /// What doesn't work and what is to be done about it, in a sentence.
    fn ailment(&self) -> impl Future<Output = Option<String>> + Send {
        std::future::ready(None)
    }
}

/// How a family shows a problem. Status and headers are added afterwards, unless it sends the browser elsewhere.
pub type Render<C> = fn(&C, &Problem, &RequestContext) -> Response;

type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;
type Handler<C> = Box<dyn Fn(C, <C as Facade>::Caller, Call) -> Answer + Send + Sync>;

struct Route<C: Facade> {
    info: RouteInfo,
    pattern: Pattern,
    handler: Handler<C>,
    render: Render<C>,
    open_to_other_sites: bool,
}

/// Routes that belong together, declared in one file.
pub struct Family<C: Facade> {
    name: &'static str,
    render: Render<C>,
    routes: Vec<(RouteInfo, Handler<C>)>,
}

/// The problem as JSON.
pub fn render_json<C>(_: &C, problem: &Problem, context: &RequestContext) -> Response {
    problem.to_json(Some(context.id))
}

impl<C: Facade> Family<C> {
    /// A family whose problems are JSON.
    pub fn new(name: &'static str) -> Self {
        Self::rendered(name, render_json)
    }

    /// A family whose problems look as `render` says, such as the website's.
    pub fn rendered(name: &'static str, render: Render<C>) -> Self {
        Self {
            name,
            render,
            routes: Vec::new(),
        }
    }

    /// Declares a route.
    #[must_use]
    pub fn route<H, F>(
        self,
        method: Method,
        pattern: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Fn(C, C::Caller, Call) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let handler: Handler<C> =
            Box::new(move |context, caller, call| Box::pin(handler(context, caller, call)));
        self.declare(method, pattern, access, handler)
    }

    fn declare(
        mut self,
        method: Method,
        pattern: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Self {
        let info = RouteInfo {
            family: self.name,
            method,
            pattern,
            access,
            limit: None,
        };
        self.routes.push((info, handler));
        self
    }

    /// Gives the route declared last a limit of its own.
    #[must_use]
    pub fn limited(mut self, kind: Kind) -> Self {
        if let Some((info, _)) = self.routes.last_mut() {
            info.limit = Some(kind);
        }
        self
    }
}

macro_rules! shorthand {
    ($($(#[$doc:meta])* $name:ident $method:ident),*) => {
        impl<C: Facade> Family<C> {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name<H, F>(self, pattern: &'static str, access: Access, handler: H) -> Self
            where
                H: Fn(C, C::Caller, Call) -> F + Send + Sync + 'static,
                F: Future<Output = Result<Response, Problem>> + Send + 'static,
            {
                self.route(Method::$method, pattern, access, handler)
            }
        )*}
    };
}

shorthand!(
    /// Declares a route for GET, and with it for HEAD.
    get GET,
    /// Declares a route for POST.
    post POST,
    /// Declares a route for PUT.
    put PUT,
    /// Declares a route for PATCH.
    patch PATCH,
    /// Declares a route for DELETE.
    delete DELETE
);

/// A tree of path segments. Literals are tried before parameters.
struct Node<C: Facade> {
    literals: HashMap<&'static str, Node<C>>,
    /// By falling length of the prefix.
    params: Vec<(&'static str, Node<C>)>,
    methods: Vec<(Method, Arc<Route<C>>)>,
}

impl<C: Facade> Node<C> {
    fn new() -> Self {
        Self {
            literals: HashMap::new(),
            params: Vec::new(),
            methods: Vec::new(),
        }
    }

    fn child(&mut self, part: Part) -> &mut Self {
        match part {
            Part::Literal(literal) => self.literals.entry(literal).or_insert_with(Self::new),
            Part::Param { prefix, .. } => {
                let at = match self.params.iter().position(|(known, _)| *known == prefix) {
                    Some(at) => at,
                    None => {
                        let longer = |(known, _): &(&str, Self)| known.len() > prefix.len();
                        let at = self.params.partition_point(longer);
                        self.params.insert(at, (prefix, Self::new()));
                        at
                    }
                };
                &mut self.params[at].1
            }
        }
    }

    fn find<S: AsRef<str>>(&self, segments: &[S]) -> Option<&Self> {
        let Some((first, rest)) = segments.split_first() else {
            return (!self.methods.is_empty()).then_some(self);
        };
        let first = first.as_ref();
        if let Some(node) = self.literals.get(first)
            && let Some(found) = node.find(rest)
        {
            return Some(found);
        }
        self.params.iter().find_map(|(prefix, node)| {
            let value = first.strip_prefix(prefix)?;
            (!value.is_empty()).then(|| node.find(rest))?
        })
    }

    fn route(&self, method: &Method) -> Option<&Arc<Route<C>>> {
        let of = |wanted: &Method| self.methods.iter().find(|(known, _)| known == wanted);
        let found = of(method).or_else(|| match *method {
            Method::HEAD => of(&Method::GET),
            _ => None,
        });
        found.map(|(_, route)| route)
    }

    fn allow(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (method, _) in &self.methods {
            names.push(method.as_str());
            if *method == Method::GET {
                names.push("HEAD");
            }
        }
        names.join(", ")
    }
}

/// All routes of the server.
pub struct Routes<C: Facade> {
    root: Node<C>,
    list: Vec<RouteInfo>,
    website: Render<C>,
}

/// Why the declared routes don't make a tree: a fault of the program, found at the start and by every test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two routes with one method and one shape of address.
    #[error("{method} {pattern} is declared by {first} and by {second}")]
    Twice {
        /// The method of both.
        method: Method,
        /// The address as the second wrote it.
        pattern: &'static str,
        /// The first's family.
        first: &'static str,
        /// The second's family.
        second: &'static str,
    },
    /// A pattern that can't be read.
    #[error("{0}")]
    Pattern(String),
}

/// Addresses where problems are JSON although no route is known.
const SPOKEN_BY_PROGRAMS: &[&str] = &["/api", "/oauth", "/.well-known", "/nodeinfo", "/health"];

impl<C: Facade> Routes<C> {
    /// Joins families. `website` shows the problems of addresses that no family knows and no program asks for.
    ///
    /// # Errors
    /// Two routes are the same, or a pattern can't be read.
    pub fn new(
        families: impl IntoIterator<Item = Family<C>>,
        website: Render<C>,
    ) -> Result<Self, RouteError> {
        let mut root = Node::new();
        let mut list = Vec::new();
        for family in families {
            for (info, handler) in family.routes {
                let pattern = Pattern::parse(info.pattern).map_err(RouteError::Pattern)?;
                let mut node = &mut root;
                for part in pattern.parts() {
                    node = node.child(*part);
                }
                if let Some((_, other)) = node.methods.iter().find(|(m, _)| *m == info.method) {
                    return Err(RouteError::Twice {
                        method: info.method,
                        pattern: info.pattern,
                        first: other.info.family,
                        second: info.family,
                    });
                }
                list.push(info.clone());
                let route = Route {
                    open_to_other_sites: cors::applies(info.pattern),
                    pattern,
                    handler,
                    render: family.render,
                    info: info.clone(),
                };
                node.methods.push((info.method, Arc::new(route)));
            }
        }
        Ok(Self {
            root,
            list,
            website,
        })
    }

    /// Every route, in the order of declaration.
    pub fn list(&self) -> &[RouteInfo] {
        &self.list
    }

    /// The filter that answers every request with these routes and `facade`. It needs [`RequestContext`] among the
    /// request's extensions, where [`super::serve`] puts it.
    pub fn filter(
        self,
        facade: C,
    ) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
        let routes = Arc::new(self);
        warp::ext::get::<RequestContext>()
            .and(warp::method())
            .and(warp::header::headers_cloned())
            .and(warp::body::stream())
            .then(move |context, method, headers, body| {
                let (routes, facade) = (routes.clone(), facade.clone());
                async move { routes.answer(facade, context, method, headers, body).await }
            })
    }

    /// Answers one request. `facade` is what its handler works with.
    pub async fn answer<S, B>(
        &self,
        facade: C,
        context: RequestContext,
        method: Method,
        headers: HeaderMap,
        body: S,
    ) -> Response
    where
        S: Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static,
        B: Buf,
    {
        let (route, params) = match self.find(&context, &method) {
            Ok(found) => found,
            Err(Unmatched::Preflight) => return cors::preflight(),
            Err(Unmatched::Problem(problem)) => return self.unmatched(&facade, &problem, &context),
        };
        let call = Call {
            method,
            headers,
            context: context.clone(),
            params,
            body: Some(Box::pin(body.map(|piece| piece.map(bytes_of)))),
        };
        let mut note = RouteNote {
            pattern: route.info.pattern,
            account: None,
        };
        let mut standing = None;
        let gate = Stretch::since_begun(Span::Gate, "");
        let admitted = facade.admit(&route.info, &call).await;
        gate.end();
        let answer = match admitted {
            Ok(admission) => {
                note.account = admission.account;
                standing = admission.standing;
                (route.handler)(facade.clone(), admission.caller, call).await
            }
            Err(problem) => Err(problem),
        };
        let mut response =
            answer.unwrap_or_else(|problem| rendered(route.render, &facade, &problem, &context));
        if let Some(standing) = standing {
            standing.write(response.headers_mut());
        }
        route
            .info
            .access
            .bound_sharing(note.account.is_some(), response.headers_mut());
        if route.open_to_other_sites {
            cors::allow(response.headers_mut());
        }
        response.extensions_mut().insert(note);
        response
    }

    fn find(
        &self,
        context: &RequestContext,
        method: &Method,
    ) -> Result<(Arc<Route<C>>, Params), Unmatched> {
        let path = context.target.path();
        if *method == Method::OPTIONS && cors::applies(path) {
            return Err(Unmatched::Preflight);
        }
        let segments = Segments::of(path).map_err(Problem::from)?;
        let node = self.root.find(segments.as_slice());
        let node = node.ok_or_else(Problem::not_found)?;
        let route = node.route(method);
        let route = route.ok_or_else(|| Problem::method_not_allowed(&node.allow()))?;
        Ok((route.clone(), route.pattern.params(segments.as_slice())))
    }

    fn unmatched(&self, facade: &C, problem: &Problem, context: &RequestContext) -> Response {
        let path = context.target.path();
        let by_program = SPOKEN_BY_PROGRAMS.iter().any(|prefix| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let render = if by_program {
            render_json
        } else {
            self.website
        };
        let mut response = rendered(render, facade, problem, context);
        if cors::applies(path) {
            cors::allow(response.headers_mut());
        }
        response
    }
}

fn rendered<C: Facade>(
    render: Render<C>,
    facade: &C,
    problem: &Problem,
    context: &RequestContext,
) -> Response {
    let mut response = render(facade, problem, context);
    if !response.status().is_redirection() {
        problem.dress(&mut response);
    }
    response
}

enum Unmatched {
    Preflight,
    Problem(Problem),
}

impl From<Problem> for Unmatched {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

fn bytes_of(mut piece: impl Buf) -> Bytes {
    piece.copy_to_bytes(piece.remaining())
}
