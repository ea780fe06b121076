//! One visit of a browser: who reads, what surrounds the page, what is asked of a form before it counts.

use std::sync::Arc;

use askama::DynTemplate;
use http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE, USER_AGENT};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::session::{self, Cookie, Notice};
use super::views::{Flash, FormErrors, Frame, Nav, Viewer};
use crate::actors::instance::{ReaderFacts, read_reader};
use crate::config::RegistrationMode;
use crate::context::Context;
use crate::cors;
use crate::domain::account::{Account, OwnAccount, Role};
use crate::domain::text::render::plain_excerpt;
use crate::domain::visibility::Onlooker;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::ids::AccountId;
use crate::pictures;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::secret::Secret;
use crate::store::queries::accounts::FindOwnAccount;
use crate::telemetry::{Span, Stretch};

/// How much of the instance's description stands on every page, in characters.
const DESCRIPTION_CHARS: usize = 300;

/// Pages that everybody gets alike: caches may share them, but have to ask whether they still hold, as a deletion holds
/// for the very next request.
const SHARED: HeaderValue = HeaderValue::from_static("public, no-cache");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// What a page for everybody is made with when nobody is known to read it.
pub(crate) fn plain_frame(context: &Context, nav: Nav, here: &str) -> Frame {
    let instance = &context.instance.config.instance;
    Frame {
        instance_title: instance.title.clone(),
        instance_description: plain_excerpt(&instance.description, DESCRIPTION_CHARS),
        viewer: None,
        csrf: String::new(),
        here: here.to_owned(),
        nav,
        signup_open: matches!(
            context.instance.config.registration.mode,
            RegistrationMode::Open | RegistrationMode::Approval
        ),
        flash: None,
    }
}

/// A page as an answer. `is_shared` when everybody gets the same.
///
/// # Errors
/// A template that can't be rendered.
pub(crate) fn answer(
    context: &Context,
    page: &dyn DynTemplate,
    is_shared: bool,
) -> Result<Response, Problem> {
    let render = Stretch::begin(Span::Render, "page");
    let html = page
        .dyn_render()
        .map_err(|error| Problem::internal(format!("a page can't be rendered: {error}")))?;
    render.end();
    let mut response = reply::html(html);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, if is_shared { SHARED } else { PRIVATE });
    cors::protect_page(headers, context.instance.url.is_https(), None);
    Ok(response)
}

/// One visit of a browser.
pub(crate) struct Visit {
    /// What handlers work with.
    pub(crate) context: Context,
    /// What was asked.
    pub(crate) call: Call,
    /// Who asks.
    pub(crate) guest: Guest,
    /// What the rules of visibility want to know.
    pub(crate) onlooker: Onlooker,
    is_shared: bool,
    cookies: Vec<HeaderValue>,
}

impl Visit {
    /// A visit that begins.
    pub(crate) fn new(context: Context, guest: Guest, call: Call) -> Self {
        let mut visit = Self {
            onlooker: guest.onlooker(),
            is_shared: guest.account().is_none(),
            context,
            call,
            guest,
            cookies: Vec::new(),
        };
        visit.renew_cookie();
        visit
    }

    /// The cookie lasts as long as the session: from its last use on, not from the log-in.
    fn renew_cookie(&mut self) {
        let now = self.context.instance.clock.now();
        let caller = self.guest.caller.as_ref();
        if caller.is_some_and(|caller| caller.access.is_use_news(now))
            && let Some(cookie) = self.session_cookie()
        {
            let header = Cookie::Session.set(cookie.expose(), &self.context.instance.url);
            self.cookies.push(header);
        }
    }

    /// Whether this instance sends mail.
    pub(crate) fn sends_mail(&self) -> bool {
        self.context.instance.config.mail.url.is_on()
    }

    /// The signed-in reader, if there is one.
    pub(crate) fn reader(&self) -> Option<AccountId> {
        self.guest.account()
    }

    /// The signed-in reader, on a page for members.
    ///
    /// # Errors
    /// Unauthenticated, which leads to the log-in page.
    pub(crate) fn member(&self) -> Result<AccountId, Problem> {
        Ok(self.guest.member()?.id)
    }

    /// The value of the session's cookie, whether it holds or not.
    pub(crate) fn session_cookie(&self) -> Option<Secret<String>> {
        Cookie::Session.of(&self.call.headers, &self.context.instance.url)
    }

    /// What the browser calls itself.
    pub(crate) fn agent(&self) -> String {
        self.call.header(USER_AGENT).unwrap_or_default().to_owned()
    }

    /// Path and query of this page.
    fn here(&self) -> &str {
        self.call.target().as_str()
    }

    /// What surrounds a page.
    ///
    /// # Errors
    /// When an actor can't be asked.
    pub(crate) async fn frame(&mut self, nav: Nav) -> Result<Frame, Problem> {
        let mut frame = plain_frame(&self.context, nav, self.here());
        if let Some(own) = self.own_facts().await? {
            frame.viewer = self.viewer(&own);
            frame.csrf = self.form_token();
        }
        frame.flash = self.take_notice();
        if nav == Nav::Admin
            && let Some(ailment) = self.context.instance.ailment().await
        {
            frame.flash = Some(Flash {
                is_error: true,
                text: ailment.to_string(),
            });
        }
        Ok(frame)
    }

    /// What surrounds a page with a form for visitors: it is the visitor's alone.
    ///
    /// # Errors
    /// When an actor can't be asked.
    pub(crate) async fn form_frame(&mut self) -> Result<Frame, Problem> {
        let mut frame = self.frame(Nav::Elsewhere).await?;
        frame.csrf = self.form_token();
        self.is_shared = false;
        Ok(frame)
    }

    /// The reader's account as its holder sees it.
    pub(crate) async fn own_account(&self) -> Result<Option<OwnAccount>, Problem> {
        match self.reader() {
            None => Ok(None),
            Some(account) => Ok(self.context.actors.find(FindOwnAccount { account }).await?),
        }
    }

    /// What pages show of the reader.
    pub(crate) async fn own_facts(&self) -> Result<Option<Arc<ReaderFacts>>, Problem> {
        match self.reader() {
            None => Ok(None),
            Some(account) => Ok(read_reader(&self.context.actors, account).await?),
        }
    }

    fn viewer(&self, own: &ReaderFacts) -> Option<Viewer> {
        let member = self.guest.member_if_any()?;
        Some(Viewer {
            name: own.name.clone(),
            display_name: name_for_people(&own.display_name, &own.name),
            avatar_url: pictures::avatar_path(member.id),
            unread: u32::try_from(own.unread).unwrap_or(u32::MAX),
            follow_requests: u32::try_from(own.follow_requests).unwrap_or(u32::MAX),
            is_owner: member.role == Role::Owner,
        })
    }

    fn take_notice(&mut self) -> Option<Flash> {
        let url = &self.context.instance.url;
        let cookie = Cookie::Notice.of(&self.call.headers, url)?;
        self.is_shared = false;
        self.cookies.push(Cookie::Notice.clear(url));
        let text = Notice::sentence_of(cookie.expose())?.to_owned();
        Some(Flash {
            text,
            is_error: false,
        })
    }

    /// The cookie that this browser's forms are held against.
    fn form_cookie(&self) -> Option<Secret<String>> {
        let kind = match self.reader() {
            Some(_) => Cookie::Session,
            None => Cookie::Visitor,
        };
        kind.of(&self.call.headers, &self.context.instance.url)
    }

    /// A token for the forms of this page; a visitor without a cookie gets one.
    fn form_token(&mut self) -> String {
        let mut rng = self.context.instance.randomness.rng();
        let cookie = self.form_cookie().unwrap_or_else(|| {
            let cookie = session::new_visitor(&mut rng);
            let header = Cookie::Visitor.set(cookie.expose(), &self.context.instance.url);
            self.cookies.push(header);
            cookie
        });
        session::form_token(&cookie, &mut rng)
    }

    /// The form that was sent, once it is known to come from a page of this site in this browser.
    ///
    /// # Errors
    /// Forbidden for a form of another site, of another session or of none; malformed when it can't be read.
    pub(crate) async fn form(&mut self) -> Result<Form, Problem> {
        self.require_own_origin()?;
        let form = self.call.form().await?;
        self.require_own_form(&form)?;
        Ok(form)
    }

    /// Refuses what another site sends.
    ///
    /// # Errors
    /// Forbidden.
    pub(crate) fn require_own_origin(&self) -> Result<(), Problem> {
        session::require_own_origin(&self.call.headers, &self.context.instance.url)
    }

    /// Refuses a form that comes from no page of this site in this browser.
    ///
    /// # Errors
    /// Forbidden.
    pub(crate) fn require_own_form(&self, form: &Form) -> Result<(), Problem> {
        let token = form.text("csrf")?.unwrap_or_default();
        let holds = self
            .form_cookie()
            .is_some_and(|cookie| session::is_form_token(token, &cookie));
        if holds {
            return Ok(());
        }
        Err(Problem::forbidden(
            "This form is no longer good: go back, reload the page and send it again. Cookies must be allowed",
        ))
    }

    /// A page as this visit's answer.
    ///
    /// # Errors
    /// A template that can't be rendered.
    pub(crate) fn page(self, page: &dyn DynTemplate) -> Result<Response, Problem> {
        let response = answer(&self.context, page, self.is_shared)?;
        Ok(self.with_cookies(response))
    }

    /// The page of a form again, with what was wrong with it.
    ///
    /// # Errors
    /// A template that can't be rendered.
    pub(crate) fn refused(
        self,
        page: &dyn DynTemplate,
        problem: &Problem,
    ) -> Result<Response, Problem> {
        let mut response = self.page(page)?;
        problem.dress(&mut response);
        Ok(response)
    }

    /// Sends the browser on, which reads there what happened.
    ///
    /// # Errors
    /// A path that is none.
    pub(crate) fn go(mut self, path: &str, notice: Option<Notice>) -> Result<Response, Problem> {
        if let Some(notice) = notice {
            let header = Cookie::Notice.set(notice.code(), &self.context.instance.url);
            self.cookies.push(header);
        }
        let mut response = reply::see_other(path)?;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, PRIVATE);
        cors::protect_page(headers, self.context.instance.url.is_https(), None);
        Ok(self.with_cookies(response))
    }

    /// The browser is logged in from now on.
    pub(crate) fn begin_session(&mut self, session: &Secret<String>) {
        let url = &self.context.instance.url;
        self.cookies
            .push(Cookie::Session.set(session.expose(), url));
        self.cookies.push(Cookie::Visitor.clear(url));
    }

    /// The browser is logged out from now on.
    pub(crate) fn end_session(&mut self) {
        self.cookies
            .push(Cookie::Session.clear(&self.context.instance.url));
    }

    fn with_cookies(self, mut response: Response) -> Response {
        for cookie in self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// A text as the value of a query's parameter.
pub(crate) fn query_value(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The name that people read.
pub(crate) fn shown_name(account: &Account) -> String {
    name_for_people(&account.display_name, &account.name)
}

fn name_for_people(display_name: &str, name: &str) -> String {
    if display_name.is_empty() {
        name.to_owned()
    } else {
        display_name.to_owned()
    }
}

/// One thing wrong with a form.
pub(crate) fn errors(field: &'static str, message: impl Into<String>) -> FormErrors {
    FormErrors(vec![super::views::FieldError {
        field,
        message: message.into(),
    }])
}

/// The sentence of a refusal without what only programs expect in front of it.
pub(crate) fn sentence(problem: &Problem) -> String {
    let sentence = problem.sentence();
    let sentence = sentence
        .strip_prefix("Validation failed: ")
        .unwrap_or(sentence);
    sentence.to_owned()
}

/// Whether a form is shown again with the problem, as the person can do something about it.
pub(crate) fn is_correctable(problem: &Problem) -> bool {
    use crate::domain::error_code::ErrorCode;
    matches!(
        problem.code(),
        ErrorCode::Invalid
            | ErrorCode::Forbidden
            | ErrorCode::Conflict
            | ErrorCode::Unauthenticated
    )
}
