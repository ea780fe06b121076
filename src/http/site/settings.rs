//! Settings: profile, password, apps and sessions.

use super::entry::{NewPassword, password_characters_min, typed};
use super::frame::{Visit, errors, is_correctable, sentence};
use super::render;
use super::session::Notice;
use super::views::settings::{
    AccountSettingsPage, AppRow, ArchiveRow, FieldInput, ProfileSettingsPage, ReadyArchive,
    SessionRow, SessionsPage,
};
use super::views::{FormErrors, Nav};
use crate::actors::users::ReplacePassword;
use crate::context::Context;
use crate::domain::access::TokenEntry;
use crate::domain::account::{ProfileChanges, ProfileField, language_code};
use crate::domain::account_name::{PROFILE_FIELDS_MAX, ProfileFault};
use crate::domain::archive::KeptArchive;
use crate::domain::scope::in_words;
use crate::domain::text::numbers;
use crate::domain::visibility::Visibility;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::ids::{AppId, SessionId, TokenId};
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::secret::Secret;
use crate::store::queries::access::{ListAccess, ReadEmail};
use crate::store::queries::archive::FindArchive;
use crate::store::units::{CloseOwnSession, RevokeAppAccess, RevokeOwnToken, UpdateProfile};

/// What tokens without an application are called in addresses, before their number.
const TOKEN_PREFIX: &str = "token-";

/// `GET /settings`: the first of the settings.
pub(super) async fn index(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    reply::see_other("/settings/profile")
}

/// `GET /settings/profile`: the profile as it is.
pub(super) async fn profile_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let own = visit.own_account().await?.ok_or_else(Problem::not_found)?;
    let fields = own.account.fields.iter().map(|field| FieldInput {
        name: field.name.clone(),
        value: field.value.clone(),
    });
    let page = ProfileSettingsPage {
        frame: visit.frame(Nav::Settings).await?,
        display_name: own.account.display_name.clone(),
        note: own.account.note.clone(),
        fields: offered(fields.collect()),
        locked: own.account.locked,
        bot: own.account.bot,
        discoverable: own.account.discoverable,
        visibilities: render::audiences(own.preferences.visibility),
        languages: render::languages(own.preferences.language.as_deref()),
        errors: FormErrors::default(),
    };
    visit.page(&page)
}

/// Rows of the profile's table, filled up with empty ones.
fn offered(mut fields: Vec<FieldInput>) -> Vec<FieldInput> {
    let rows = fields.len().max(PROFILE_FIELDS_MAX);
    fields.resize(rows, FieldInput::default());
    fields
}

fn changes(form: &Form) -> Result<ProfileChanges, Problem> {
    let mut fields = Vec::new();
    for row in 0..PROFILE_FIELDS_MAX {
        fields.push(ProfileField {
            name: typed(form, &format!("field_name_{row}"))?,
            value: typed(form, &format!("field_value_{row}"))?,
        });
    }
    let language = match form.text("default_language")?.unwrap_or_default() {
        "" => None,
        text => Some(language_code(text).ok_or_else(|| Problem::invalid("Choose a language"))?),
    };
    let visibility = form.text("default_visibility")?.unwrap_or_default();
    let visibility = Visibility::from_api_name(visibility)
        .ok_or_else(|| Problem::invalid("Choose who may see new posts"))?;
    Ok(ProfileChanges {
        display_name: Some(typed(form, "display_name")?),
        note: Some(typed(form, "note")?),
        fields: Some(fields),
        locked: Some(form.flag("locked")?.unwrap_or(false)),
        bot: Some(form.flag("bot")?.unwrap_or(false)),
        discoverable: Some(form.flag("discoverable")?.unwrap_or(false)),
        post_visibility: Some(visibility),
        post_sensitive: None,
        post_language: Some(language),
    })
}

fn field_of(fault: ProfileFault) -> &'static str {
    match fault {
        ProfileFault::DisplayNameTooLong => "display_name",
        ProfileFault::BioTooLong => "note",
        ProfileFault::TooManyFields
        | ProfileFault::FieldTooLong
        | ProfileFault::FieldWithoutName => "fields",
    }
}

/// `POST /settings/profile`: changes the profile.
pub(super) async fn profile(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let account = visit.member()?;
    let changes = changes(&form)?;
    let faults = match changes.clone().cleaned() {
        Ok(_) => {
            let unit = UpdateProfile { account, changes };
            visit.context.actors.perform(unit).await?;
            return visit.go("/settings/profile", Some(Notice::ProfileSaved));
        }
        Err(fault) => errors(field_of(fault), fault.to_string()),
    };
    let fields = changes.fields.unwrap_or_default().into_iter();
    let fields = fields.map(|ProfileField { name, value }| FieldInput { name, value });
    let page = ProfileSettingsPage {
        frame: visit.frame(Nav::Settings).await?,
        display_name: changes.display_name.unwrap_or_default(),
        note: changes.note.unwrap_or_default(),
        fields: offered(fields.collect()),
        locked: changes.locked.unwrap_or(false),
        bot: changes.bot.unwrap_or(false),
        discoverable: changes.discoverable.unwrap_or(false),
        visibilities: render::audiences(changes.post_visibility.unwrap_or(Visibility::Public)),
        languages: render::languages(changes.post_language.flatten().as_deref()),
        errors: faults,
    };
    visit.refused(&page, &Problem::invalid("The form has faults"))
}

/// How the archive stands that an account asked for last.
fn archive_row(visit: &Visit, kept: Option<&KeptArchive>) -> ArchiveRow {
    let now = visit.context.instance.clock.now();
    let renderer = visit.renderer();
    let made = kept.and_then(|kept| kept.fetchable(now));
    ArchiveRow {
        is_waiting: kept.is_some_and(|kept| kept.made.is_none()),
        ready: made.map(|made| ReadyArchive {
            size: numbers::bytes(made.bytes),
            made: renderer.moment(made.at),
            until: renderer.day(made.until()),
        }),
        can_ask: kept.is_none_or(|kept| kept.again_from() <= now),
    }
}

pub(super) async fn account_form(
    visit: &mut Visit,
    errors: FormErrors,
) -> Result<AccountSettingsPage, Problem> {
    let account = visit.member()?;
    let email = visit.context.actors.find(ReadEmail { account }).await?;
    let kept = visit.context.actors.find(FindArchive { account }).await?;
    Ok(AccountSettingsPage {
        archive: archive_row(visit, kept.as_ref()),
        frame: visit.frame(Nav::Settings).await?,
        email: email.unwrap_or_default(),
        joined: visit.renderer().day(account.time()),
        password_characters_min: password_characters_min(),
        errors,
    })
}

/// `GET /settings/account`: the account and the form for another password.
pub(super) async fn account_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let page = account_form(&mut visit, FormErrors::default()).await?;
    visit.page(&page)
}

/// `POST /settings/password`: replaces the password; other sessions end.
pub(super) async fn password(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let account = visit.member()?;
    let name = visit.guest.member()?.name.clone();
    let new = NewPassword::of(&form)?;
    let mut faults = FormErrors::default();
    new.check(&name, "", &mut faults);
    if !faults.0.is_empty() {
        let page = account_form(&mut visit, faults).await?;
        return visit.refused(&page, &Problem::invalid("The form has faults"));
    }
    // A session that somebody else got hold of is no place to guess the password at.
    let address = visit.guest.address;
    visit.context.passwords.attempt(&name, address)?;
    let message = ReplacePassword {
        account,
        keep: visit.session_id(),
        old: Secret::new(typed(&form, "current_password")?),
        new: new.password,
    };
    let replaced = visit.context.actors.users.send(message).await?;
    match replaced.map_err(Problem::from) {
        Ok(()) => {
            visit.context.passwords.succeeded(&name, address);
            visit.go("/settings/account", Some(Notice::PasswordChanged))
        }
        Err(problem) if is_correctable(&problem) => {
            let sentence = sentence(&problem);
            let field = if sentence.contains("old password") {
                "current_password"
            } else {
                "password"
            };
            let page = account_form(&mut visit, errors(field, format!("{sentence}."))).await?;
            visit.refused(&page, &problem)
        }
        Err(problem) => Err(problem),
    }
}

/// What a browser calls itself, in words that people know.
fn browser(agent: &str) -> String {
    // Browsers name those that they want to be taken for too: who comes first counts.
    const BROWSERS: [(&str, &str); 7] = [
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Chrom", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => {
            let product = agent.split(['/', ' ']).next().unwrap_or_default();
            let product: String = product.chars().take(40).collect();
            if product.is_empty() {
                "A browser without a name".to_owned()
            } else {
                product
            }
        }
    }
}

/// Tokens as people think of them: one row for each application.
fn app_rows(visit: &Visit, tokens: &[TokenEntry]) -> Vec<AppRow> {
    let renderer = visit.renderer();
    let mut rows: Vec<(AppRow, &TokenEntry)> = Vec::new();
    // Newest first: an application's row tells of its newest token and of all that any of them opens.
    for token in tokens {
        let id = match &token.app {
            Some((app, ..)) => app.to_string(),
            None => format!("{TOKEN_PREFIX}{}", token.id),
        };
        let scopes = token.scopes.iter();
        let scopes = scopes.map(|scope| in_words(scope).unwrap_or(scope).to_owned());
        if let Some((row, _)) = rows.iter_mut().find(|(row, _)| row.id == id) {
            for scope in scopes {
                if !row.scopes.contains(&scope) {
                    row.scopes.push(scope);
                }
            }
            continue;
        }
        let (name, website) = match &token.app {
            Some((_, name, website)) => (name.clone(), website.clone()),
            None => ("Made on the command line".to_owned(), None),
        };
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let row = AppRow {
            id,
            name,
            website: website.filter(is_web),
            scopes: scopes.collect(),
            authorized: renderer.moment(token.made_at),
            last_used: (token.last_used > token.made_at).then(|| renderer.moment(token.last_used)),
        };
        rows.push((row, token));
    }
    rows.into_iter().map(|(row, _)| row).collect()
}

/// `GET /settings/sessions`: applications and browsers that are in.
pub(super) async fn sessions_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let account = visit.member()?;
    let listed = visit.context.actors.find(ListAccess { account }).await?;
    let current = visit.session_id();
    let renderer = visit.renderer();
    let sessions = listed.sessions.iter().map(|session| SessionRow {
        id: session.id.to_string(),
        browser: browser(&session.agent),
        last_used: renderer.moment(session.last_used),
        current: Some(session.id) == current,
    });
    let mut sessions: Vec<SessionRow> = sessions.collect();
    sessions.sort_by_key(|session| !session.current);
    let page = SessionsPage {
        frame: visit.frame(Nav::Settings).await?,
        sessions,
        apps: app_rows(&visit, &listed.tokens),
    };
    visit.page(&page)
}

/// `POST /settings/sessions/:id/revoke`: ends one of the reader's sessions.
pub(super) async fn revoke_session(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let session: SessionId = visit.call.id("id")?;
    let account = visit.member()?;
    let unit = CloseOwnSession { account, session };
    visit.context.actors.perform(unit).await?;
    visit.go("/settings/sessions", Some(Notice::SessionEnded))
}

/// `POST /settings/apps/:id/revoke`: shuts an application out, or ends a token that has none.
pub(super) async fn revoke_app(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let account = visit.member()?;
    let id = visit.call.param("id");
    if let Some(token) = id.strip_prefix(TOKEN_PREFIX) {
        let token: TokenId = token.parse().map_err(|_| Problem::not_found())?;
        let unit = RevokeOwnToken { account, token };
        visit.context.actors.perform(unit).await?;
    } else {
        let app: AppId = id.parse().map_err(|_| Problem::not_found())?;
        let unit = RevokeAppAccess { account, app };
        visit.context.actors.perform(unit).await?;
    }
    visit.go("/settings/sessions", Some(Notice::AppRevoked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_by_their_names() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("", "A browser without a name"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }
}
