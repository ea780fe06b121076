//! The caller's own account.

use crate::context::Context;
use crate::domain::account::{ProfileChanges, ProfileField, language_code};
use crate::domain::visibility::Visibility;
use crate::entities::preferences::Preferences;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::{Files, Form};
use crate::ids::AccountId;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::accounts::FindOwnAccount;
use crate::store::units::UpdateProfile;

/// A picture up to this size, in bytes, is read so that it can be refused with a sentence.
const PICTURE_BYTES_MAX: usize = 8 * 1024 * 1024;
const NO_PICTURES: &str = "Pictures can't be changed here yet: every account has a generated one";

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("profile")
        .get(
            "/api/v1/accounts/verify_credentials",
            Access::User("read:accounts"),
            verify_credentials,
        )
        .patch(
            "/api/v1/accounts/update_credentials",
            Access::User("write:accounts"),
            update_credentials,
        )
        .get(
            "/api/v1/preferences",
            Access::User("read:accounts"),
            preferences,
        )
}

/// `GET /api/v1/accounts/verify_credentials`: the caller's own account.
async fn verify_credentials(app: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    own_account(&app, guest.member()?.id).await
}

async fn own_account(app: &Context, account: AccountId) -> Result<Response, Problem> {
    let own = app.actors.find(FindOwnAccount { account }).await?;
    let own = own.ok_or_else(Problem::not_found)?;
    reply::json(&app.renderer.credential_account(&own))
}

/// `PATCH /api/v1/accounts/update_credentials`: changes what is given of the caller's own account and answers with it.
/// What can't be changed here is refused, never forgotten.
async fn update_credentials(
    app: Context,
    guest: Guest,
    mut call: Call,
) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let (form, files) = call.form_with_files(Files::UpTo(PICTURE_BYTES_MAX)).await?;
    if !files.is_empty() {
        return Err(Problem::invalid(NO_PICTURES));
    }
    let changes = changes(&form)?;
    let unit = UpdateProfile { account, changes };
    app.actors.perform(unit).await?;
    own_account(&app, account).await
}

fn changes(form: &Form) -> Result<ProfileChanges, Problem> {
    for picture in ["avatar", "header"] {
        if form.text(picture)?.is_some_and(|text| !text.is_empty()) {
            return Err(Problem::invalid(NO_PICTURES));
        }
    }
    if form.flag("hide_collections")? == Some(true) {
        return Err(Problem::invalid(
            "Lists of followers can't be hidden here yet",
        ));
    }
    if form.flag("indexable")? == Some(false) {
        return Err(Problem::invalid(
            "Public posts can't be left out of the search here yet",
        ));
    }
    let text = |name| form.text(name).map(|text| text.map(str::to_owned));
    let source = form.object("source")?;
    let nothing = Form::default();
    let source = source.unwrap_or(&nothing);
    Ok(ProfileChanges {
        display_name: text("display_name")?,
        note: text("note")?,
        fields: if form.has("fields_attributes") {
            Some(fields(form)?)
        } else {
            None
        },
        locked: form.flag("locked")?,
        bot: form.flag("bot")?,
        discoverable: form.flag("discoverable")?,
        post_visibility: match source.text("privacy")? {
            None | Some("") => None,
            Some(name) => Some(default_visibility(name)?),
        },
        post_sensitive: source.flag("sensitive")?,
        post_language: match source.text("language")? {
            None => None,
            Some("") => Some(None),
            Some(code) => Some(Some(language_code(code).ok_or_else(|| {
                Problem::invalid("The parameter \"language\" must be a language's code, such as en")
            })?)),
        },
    })
}

fn fields(form: &Form) -> Result<Vec<ProfileField>, Problem> {
    let mut fields = Vec::new();
    for row in form.objects("fields_attributes")? {
        fields.push(ProfileField {
            name: row.text("name")?.unwrap_or_default().to_owned(),
            value: row.text("value")?.unwrap_or_default().to_owned(),
        });
    }
    Ok(fields)
}

fn default_visibility(name: &str) -> Result<Visibility, Problem> {
    Visibility::from_api_name(name)
        .filter(|visibility| *visibility != Visibility::Direct)
        .ok_or_else(|| {
            Problem::invalid("The parameter \"privacy\" must be public, unlisted or private")
        })
}

/// `GET /api/v1/preferences`: what the caller's clients start with.
async fn preferences(app: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let account = guest.member()?.id;
    let own = app.actors.find(FindOwnAccount { account }).await?;
    let own = own.ok_or_else(Problem::not_found)?;
    reply::json(&Preferences::from(&own.preferences))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::form::{from_json, from_urlencoded};

    #[test]
    fn forms_and_json_change_the_same() {
        let form = from_urlencoded(
            b"display_name=Ada&locked=true&source[privacy]=private&source[language]=&fields_attributes[0][name]=web&fields_attributes[0][value]=x",
        )
        .expect("a form");
        let json = from_json(
            br#"{"display_name":"Ada","locked":true,"source":{"privacy":"private","language":""},
                 "fields_attributes":[{"name":"web","value":"x"}],"note":null}"#,
        )
        .expect("a form");
        let wanted = ProfileChanges {
            display_name: Some("Ada".to_owned()),
            locked: Some(true),
            post_visibility: Some(Visibility::Followers),
            post_language: Some(None),
            fields: Some(vec![ProfileField {
                name: "web".to_owned(),
                value: "x".to_owned(),
            }]),
            ..ProfileChanges::default()
        };
        assert_eq!(changes(&form).expect("changes"), wanted);
        assert_eq!(changes(&json).expect("changes"), wanted);
    }

    #[test]
    fn what_would_be_forgotten_is_refused() {
        for bad in [
            "avatar=data:image/png;base64,AAAA",
            "hide_collections=true",
            "indexable=false",
            "source[privacy]=direct",
            "source[language]=klingon!",
            "locked=perhaps",
        ] {
            let form = from_urlencoded(bad.as_bytes()).expect("a form");
            assert_eq!(changes(&form).expect_err(bad).status(), 422, "{bad}");
        }
        let harmless = from_urlencoded(b"avatar=&indexable=true&hide_collections=false");
        let harmless = changes(&harmless.expect("a form")).expect("nothing to change");
        assert_eq!(harmless, ProfileChanges::default());
    }
}
