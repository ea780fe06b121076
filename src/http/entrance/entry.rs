//! Ways in and out: log in, log out, sign up, set the instance up, set a new password by a link.

use super::frame::{Visit, errors, is_correctable, sentence};
use super::session::{Notice, local_path};
use super::views::entry::{LoginPage, NoticePage, ResetPage, SetupPage, SignupMode, SignupPage};
use super::views::{FieldError, FormErrors};
use crate::actors::users::{LogIn, OpenFirstSession, ResetByLink, SetUp, SignUp, Typed};
use crate::config::RegistrationMode;
use crate::context::Context;
use crate::domain::account::AccountState;
use crate::domain::account_name::{
    PASSWORD_CHARS_MIN, check_password, check_username, check_username_form, clean_email,
};
use crate::domain::error_code::ErrorCode;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::ids::AccountId;
use crate::problem::Problem;
use crate::reply::Response;
use crate::secret::{Secret, TokenHash};
use crate::store::queries::access::{CheckLink, HasOwner, LinkUse};
use crate::store::units::CloseSession;

/// Why there is no form for a new password, and who makes another link.
fn dead_reset_link(visit: &Visit) -> Problem {
    Problem::forbidden(if visit.sends_mail() {
        "This link is unknown, used or expired. The log-in page leads to a new one"
    } else {
        "This link is unknown, used or expired. Ask whoever runs the site for a new one"
    })
}

/// The fewest characters of a password, for the hints.
pub(crate) fn password_characters_min() -> u32 {
    u32::try_from(PASSWORD_CHARS_MIN).unwrap_or(u32::MAX)
}

/// A field of a form as it was typed.
pub(crate) fn typed(form: &Form, name: &str) -> Result<String, Problem> {
    Ok(form.text(name)?.unwrap_or_default().to_owned())
}

fn secret(form: &Form, name: &str) -> Result<Secret<String>, Problem> {
    typed(form, name).map(Secret::new)
}

/// A new password, typed twice.
pub(crate) struct NewPassword {
    /// What was typed.
    pub(crate) password: Secret<String>,
    is_confirmed: bool,
}

impl NewPassword {
    /// Out of the fields `password` and `password_confirmation`.
    ///
    /// # Errors
    /// Fields that are no texts.
    pub(crate) fn of(form: &Form) -> Result<Self, Problem> {
        let password = secret(form, "password")?;
        let is_confirmed = password == secret(form, "password_confirmation")?;
        Ok(Self {
            password,
            is_confirmed,
        })
    }

    /// What is wrong with it for an account of this name and mail address.
    pub(crate) fn check(&self, name: &str, email: &str, faults: &mut FormErrors) {
        if let Err(fault) = check_password(self.password.expose(), name, email) {
            add(faults, "password", fault);
        } else if !self.is_confirmed {
            add(faults, "password_confirmation", "The two passwords differ.");
        }
    }
}

/// Adds what is wrong with a field.
pub(crate) fn add(faults: &mut FormErrors, field: &'static str, message: impl ToString) {
    faults.0.push(FieldError {
        field,
        message: message.to_string(),
    });
}

/// The problem that a form with these faults is answered with.
pub(crate) fn invalid() -> Problem {
    Problem::invalid("The form has faults")
}

/// Logs a browser in whose person is known.
async fn welcome(mut visit: Visit, account: AccountId) -> Result<Response, Problem> {
    let message = OpenFirstSession {
        account,
        agent: visit.agent(),
        replaces: visit.session_cookie(),
    };
    let opened = visit.context.actors.users.send(message).await??;
    visit.begin_session(&opened.session);
    visit.go("/", Some(Notice::Welcome))
}

/// `GET /login`: the form, or on to where whoever is logged in wanted to go.
pub(crate) async fn login_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let query = visit.call.query()?;
    let return_to = local_path(query.text("return_to")?.unwrap_or_default()).to_owned();
    if visit.reader().is_some() {
        return visit.go(&return_to, None);
    }
    let page = LoginPage {
        frame: visit.form_frame().await?,
        return_to,
        login: String::new(),
        can_reset: visit.sends_mail(),
        errors: FormErrors::default(),
    };
    visit.page(&page)
}

async fn try_login(
    visit: &mut Visit,
    login: &str,
    password: Secret<String>,
) -> Result<(), Problem> {
    let address = visit.guest.address;
    visit.context.passwords.attempt(login, address)?;
    let message = LogIn {
        login: login.to_owned(),
        password,
        agent: visit.agent(),
        replaces: visit.session_cookie(),
    };
    let logged_in = visit.context.actors.users.send(message).await??;
    visit.context.passwords.succeeded(login, address);
    visit.begin_session(&logged_in.session);
    Ok(())
}

/// `POST /login`: opens a session. Whatever cookie the browser had before is worth nothing afterwards.
pub(crate) async fn login(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let login = typed(&form, "login")?;
    let return_to = local_path(form.text("return_to")?.unwrap_or_default()).to_owned();
    let problem = match try_login(&mut visit, &login, secret(&form, "password")?).await {
        Ok(()) => return visit.go(&return_to, None),
        Err(problem) if problem.code() == ErrorCode::TooManyRequests => problem,
        // 401 would lead to the log-in page, which this is.
        Err(problem) if is_correctable(&problem) => Problem::invalid(sentence(&problem)),
        Err(problem) => return Err(problem),
    };
    let message = match problem.code() {
        ErrorCode::TooManyRequests => {
            "Too many tries. Wait a moment before the next one.".to_owned()
        }
        _ => format!("{}.", sentence(&problem)),
    };
    let page = LoginPage {
        frame: visit.form_frame().await?,
        return_to,
        login,
        can_reset: visit.sends_mail(),
        errors: errors("", message),
    };
    visit.refused(&page, &problem)
}

/// `POST /logout`: ends the session.
pub(crate) async fn logout(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    if visit.reader().is_none() {
        // The session is over already, and with it what the form was held against.
        return visit.go("/", None);
    }
    let form = visit.form().await?;
    if let Some(cookie) = visit.session_cookie() {
        let session = TokenHash::of(cookie.expose());
        visit
            .context
            .actors
            .perform(CloseSession { session })
            .await?;
    }
    visit.end_session();
    let return_to = local_path(form.text("return_to")?.unwrap_or_default()).to_owned();
    visit.go(&return_to, Some(Notice::LoggedOut))
}

/// Who may sign up, for somebody with this invitation.
fn signup_mode(visit: &Visit, code: &str) -> SignupMode {
    let code = code.trim();
    match visit.context.instance.config.registration.mode {
        RegistrationMode::Closed => SignupMode::Closed,
        RegistrationMode::Open => SignupMode::Open,
        RegistrationMode::Approval if code.is_empty() => SignupMode::Approval,
        RegistrationMode::Approval | RegistrationMode::Invite => SignupMode::Invite {
            code: code.to_owned(),
        },
    }
}

async fn signup_form(
    visit: &mut Visit,
    form: &Form,
    code: &str,
    errors: FormErrors,
) -> Result<SignupPage, Problem> {
    Ok(SignupPage {
        mode: signup_mode(visit, code),
        frame: visit.form_frame().await?,
        host: visit.context.instance.url.authority().to_owned(),
        rules: Vec::new(),
        password_characters_min: password_characters_min(),
        username: typed(form, "username")?,
        email: typed(form, "email")?,
        reason: typed(form, "reason")?,
        errors,
    })
}

/// `GET /signup`: the form, or the sentence that says why there is none.
pub(crate) async fn signup_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    if visit.reader().is_some() {
        return visit.go("/", None);
    }
    let page = signup_form(&mut visit, &Form::default(), "", FormErrors::default()).await?;
    visit.page(&page)
}

/// Whether a link with this code is good for this now.
pub(super) async fn is_good_link(
    visit: &Visit,
    link_use: LinkUse,
    code: &str,
) -> Result<bool, Problem> {
    let checking = CheckLink {
        link_use,
        code: TokenHash::of(code.trim()),
        now: visit.context.instance.clock.now(),
    };
    Ok(visit.context.actors.find(checking).await?)
}

/// `GET /invite/:code`: the form for whoever was invited.
pub(crate) async fn invite_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    if visit.reader().is_some() {
        return visit.go("/", None);
    }
    let code = visit.call.param("code").to_owned();
    let faults = if is_good_link(&visit, LinkUse::Invite, &code).await? {
        FormErrors::default()
    } else {
        errors("invite", "This invitation is unknown, used up or expired.")
    };
    let page = signup_form(&mut visit, &Form::default(), &code, faults).await?;
    visit.page(&page)
}

fn check_signup(form: &Form, mode: &SignupMode) -> Result<FormErrors, Problem> {
    let mut faults = FormErrors::default();
    let (name, email) = (typed(form, "username")?, typed(form, "email")?);
    if let Err(fault) = check_username(&name) {
        add(&mut faults, "username", fault);
    }
    if let Err(fault) = clean_email(&email) {
        add(&mut faults, "email", fault);
    }
    NewPassword::of(form)?.check(&name, &email, &mut faults);
    if matches!(mode, SignupMode::Approval) && typed(form, "reason")?.trim().is_empty() {
        add(
            &mut faults,
            "reason",
            "Say in a sentence or two why you would like to join.",
        );
    }
    if form.flag("agreement")? != Some(true) {
        add(
            &mut faults,
            "agreement",
            "Without this there is no account.",
        );
    }
    Ok(faults)
}

/// Which field a refused sign-up concerns.
fn field_of(sentence: &str) -> &'static str {
    if sentence.starts_with("Username ") {
        "username"
    } else if sentence.starts_with("Email ") {
        "email"
    } else if sentence.contains("invitation") {
        "invite"
    } else {
        ""
    }
}

/// What somebody waits for who signed up: heading and sentences.
fn what_is_next(state: AccountState, mode: &SignupMode) -> (&'static str, &'static str) {
    const LOOK: &str = "Look into your mailbox";
    match (state, mode) {
        (AccountState::Unconfirmed, SignupMode::Approval) => (
            LOOK,
            "A mail with a link is on its way to you. When you have used it, a moderator looks at your request. Nothing came? Log in, and it is sent again.",
        ),
        (AccountState::Unconfirmed, _) => (
            LOOK,
            "A mail with a link is on its way to you. Your account opens when you use it, within 7 days. Nothing came? Log in, and it is sent again.",
        ),
        _ => (
            "Thank you",
            "A moderator looks at your request. You can log in as soon as it is accepted.",
        ),
    }
}

/// `POST /signup`: makes an account, or asks a moderator for it.
pub(crate) async fn signup(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let code = typed(&form, "invite")?;
    let mode = signup_mode(&visit, &code);
    let faults = match mode {
        SignupMode::Closed => FormErrors::default(),
        _ => check_signup(&form, &mode)?,
    };
    if !faults.0.is_empty() {
        let page = signup_form(&mut visit, &form, &code, faults).await?;
        return visit.refused(&page, &invalid());
    }
    let message = SignUp {
        typed: Typed {
            name: typed(&form, "username")?,
            email: typed(&form, "email")?,
            password: secret(&form, "password")?,
        },
        invitation: matches!(mode, SignupMode::Invite { .. }).then(|| Secret::new(code.clone())),
        reason: match mode {
            SignupMode::Approval => Some(typed(&form, "reason")?),
            _ => None,
        },
    };
    let signed_up = visit.context.actors.users.send(message).await?;
    match signed_up.map_err(Problem::from) {
        Ok(registered) if registered.state == AccountState::Active => {
            welcome(visit, registered.account).await
        }
        Ok(registered) => {
            let (heading, text) = what_is_next(registered.state, &mode);
            let page = NoticePage {
                frame: visit.form_frame().await?,
                heading: heading.to_owned(),
                text: text.to_owned(),
                link_path: "/".to_owned(),
                link_label: "Read on".to_owned(),
            };
            visit.page(&page)
        }
        Err(problem) if is_correctable(&problem) => {
            let sentence = sentence(&problem);
            let faults = errors(field_of(&sentence), format!("{sentence}."));
            let page = signup_form(&mut visit, &form, &code, faults).await?;
            visit.refused(&page, &problem)
        }
        Err(problem) => Err(problem),
    }
}

async fn setup_form(
    visit: &mut Visit,
    form: &Form,
    errors: FormErrors,
) -> Result<SetupPage, Problem> {
    Ok(SetupPage {
        frame: visit.form_frame().await?,
        code: typed(form, "code")?,
        host: visit.context.instance.url.authority().to_owned(),
        password_characters_min: password_characters_min(),
        username: typed(form, "username")?,
        email: typed(form, "email")?,
        errors,
    })
}

/// # Errors
/// Forbidden as soon as the instance has an owner.
async fn require_no_owner(visit: &Visit) -> Result<(), Problem> {
    if visit.context.actors.find(HasOwner).await? {
        return Err(Problem::forbidden("This instance is set up already"));
    }
    Ok(())
}

/// `GET /setup?code=`: the form for the owner's account. Whether the code is good is said when the form is sent, which is
/// counted.
pub(crate) async fn setup_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    require_no_owner(&visit).await?;
    let query = visit.call.query()?;
    let page = setup_form(&mut visit, &query, FormErrors::default()).await?;
    visit.page(&page)
}

fn check_setup(form: &Form) -> Result<FormErrors, Problem> {
    let mut faults = FormErrors::default();
    let (name, email) = (typed(form, "username")?, typed(form, "email")?);
    if typed(form, "code")?.trim().is_empty() {
        add(&mut faults, "code", "Enter the code.");
    }
    if let Err(fault) = check_username_form(&name) {
        add(&mut faults, "username", fault);
    }
    if let Err(fault) = clean_email(&email) {
        add(&mut faults, "email", fault);
    }
    NewPassword::of(form)?.check(&name, &email, &mut faults);
    Ok(faults)
}

/// `POST /setup`: makes the owner's account and logs its owner in.
pub(crate) async fn setup(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    require_no_owner(&visit).await?;
    let faults = check_setup(&form)?;
    if !faults.0.is_empty() {
        let page = setup_form(&mut visit, &form, faults).await?;
        return visit.refused(&page, &invalid());
    }
    let message = SetUp {
        code: secret(&form, "code")?,
        typed: Typed {
            name: typed(&form, "username")?,
            email: typed(&form, "email")?,
            password: secret(&form, "password")?,
        },
    };
    let made = visit.context.actors.users.send(message).await?;
    match made.map_err(Problem::from) {
        Ok(account) => welcome(visit, account).await,
        Err(problem) if is_correctable(&problem) => {
            let sentence = sentence(&problem);
            let field = match field_of(&sentence) {
                "" | "invite" => "code",
                field => field,
            };
            let faults = errors(field, format!("{sentence}."));
            let page = setup_form(&mut visit, &form, faults).await?;
            visit.refused(&page, &problem)
        }
        Err(problem) => Err(problem),
    }
}

async fn reset_form(
    visit: &mut Visit,
    code: String,
    errors: FormErrors,
) -> Result<ResetPage, Problem> {
    Ok(ResetPage {
        frame: visit.form_frame().await?,
        code,
        name: String::new(),
        password_characters_min: password_characters_min(),
        errors,
    })
}

/// `GET /reset/:code`: the form for a new password.
pub(crate) async fn reset_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let code = visit.call.param("code").to_owned();
    if !is_good_link(&visit, LinkUse::Reset, &code).await? {
        return Err(dead_reset_link(&visit));
    }
    let page = reset_form(&mut visit, code, FormErrors::default()).await?;
    visit.page(&page)
}

/// `POST /reset/:code`: sets a new password; whoever was in with the old one is out.
pub(crate) async fn reset(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let code = visit.call.param("code").to_owned();
    let new = NewPassword::of(&form)?;
    let mut faults = FormErrors::default();
    new.check("", "", &mut faults);
    if !faults.0.is_empty() {
        let page = reset_form(&mut visit, code, faults).await?;
        return visit.refused(&page, &invalid());
    }
    let message = ResetByLink {
        code: Secret::new(code),
        new: new.password,
    };
    match visit
        .context
        .actors
        .users
        .send(message)
        .await?
        .map_err(Problem::from)
    {
        Ok(_) => visit.go("/login", Some(Notice::PasswordReset)),
        Err(problem) if problem.code() == ErrorCode::Forbidden => Err(dead_reset_link(&visit)),
        Err(problem) => Err(problem),
    }
}
