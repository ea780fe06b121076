//! Settings about mail: the address and how it stands, what is mailed and when.

use super::entry::{add, invalid, typed};
use super::frame::{Visit, errors, is_correctable, sentence};
use super::session::Notice;
use super::views::mail::{Bounce, MailSettingsPage};
use super::views::{Choice, FormErrors, Nav};
use crate::actors::users::ReplaceAddress;
use crate::context::Context;
use crate::domain::account::Role;
use crate::domain::mail::{
    MINUTES_PER_DAY, MailPreferences, MailPreferencesFault, MentionMail, QuietHours,
};
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::reply::Response;
use crate::secret::Secret;
use crate::store::queries::mail::ReadMailSettings;
use crate::store::units::{AddressChange, AskConfirmation, SetMailPreferences, TrustAddress};

/// Where all of it is.
const HERE: &str = "/settings/mail";
/// The most time zones that are offered.
const ZONES_MAX: usize = 1000;

/// A minute of the day as a field shows it.
fn time_of_day(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The minute that was typed as `22:00`; browsers may add seconds.
fn minute_of_day(text: &str) -> Option<u16> {
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let is_number = |part: &str| {
        (1..=2).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    if !is_number(hour) || !is_number(minute) || !parts.all(is_number) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let whole = hour * 60 + minute;
    (minute < 60 && whole < MINUTES_PER_DAY).then_some(whole)
}

/// The names of time zones that people look for: those that are called by a place.
fn zones() -> Vec<String> {
    let is_place = |name: &str| {
        let area = name.split_once('/').map(|(area, _)| area);
        area.is_some_and(|area| !["Etc", "SystemV", "US", "posix", "right"].contains(&area))
    };
    let known = jiff::tz::db().available();
    let mut names: Vec<String> = known
        .map(|name| name.as_str().to_owned())
        .filter(|name| is_place(name))
        .take(ZONES_MAX)
        .collect();
    names.sort_unstable();
    names
}

fn mention_choices(selected: MentionMail) -> Vec<Choice> {
    let choice = |choice: MentionMail| Choice {
        value: choice.name().to_owned(),
        label: choice.label().to_owned(),
        selected: choice == selected,
    };
    MentionMail::ALL.into_iter().map(choice).collect()
}

/// The page as it is when nothing was typed.
async fn settings(visit: &mut Visit) -> Result<MailSettingsPage, Problem> {
    let account = visit.member()?;
    let is_moderator = visit.guest.member()?.role >= Role::Moderator;
    let found = visit
        .context
        .actors
        .find(ReadMailSettings { account })
        .await?;
    let preferences = found.preferences;
    let quiet = |of: fn(QuietHours) -> u16| {
        let quiet = preferences.quiet;
        quiet.map_or(String::new(), |quiet| time_of_day(of(quiet)))
    };
    let renderer = visit.renderer();
    let (email, is_confirmed, new_email, bounced) = match found.address {
        None => (String::new(), false, None, None),
        Some(address) => (
            address.email,
            address.is_confirmed,
            address.new_email,
            address.bounced,
        ),
    };
    Ok(MailSettingsPage {
        frame: visit.frame(Nav::Settings).await?,
        is_on: visit.sends_mail(),
        email,
        is_confirmed,
        new_email: new_email.unwrap_or_default(),
        bounce: bounced.map(|(since, reason)| Bounce {
            since: renderer.moment(since),
            reason,
        }),
        typed_email: String::new(),
        address_errors: FormErrors::default(),
        mentions: mention_choices(preferences.mentions),
        follow_requests: preferences.follow_requests,
        log_ins: preferences.log_ins,
        sign_ups: is_moderator.then_some(preferences.sign_ups),
        quiet_from: quiet(|quiet| quiet.from_minute),
        quiet_until: quiet(|quiet| quiet.until_minute),
        time_zone: preferences.time_zone.clone().unwrap_or_default(),
        instance_zone: renderer.zone.iana_name().unwrap_or("UTC").to_owned(),
        zones: zones(),
        errors: FormErrors::default(),
    })
}

/// `GET /settings/mail`: all of it.
pub(super) async fn page(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let page = settings(&mut visit).await?;
    visit.page(&page)
}

fn field_of(fault: MailPreferencesFault) -> &'static str {
    match fault {
        MailPreferencesFault::NoTimeOfDay => "quiet_from",
        MailPreferencesFault::EmptyQuietHours => "quiet_until",
        MailPreferencesFault::UnknownTimeZone => "time_zone",
    }
}

/// The quiet hours that were typed, and what is wrong with them.
fn quiet_hours(form: &Form, faults: &mut FormErrors) -> Result<Option<QuietHours>, Problem> {
    let fields = ["quiet_from", "quiet_until"];
    let texts = [typed(form, fields[0])?, typed(form, fields[1])?];
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    let mut minutes = [0; 2];
    for ((field, text), minute) in fields.into_iter().zip(&texts).zip(&mut minutes) {
        match minute_of_day(text.trim()) {
            Some(found) => *minute = found,
            None => add(
                faults,
                field,
                "Enter a time such as 22:00, or leave both empty.",
            ),
        }
    }
    let [from_minute, until_minute] = minutes;
    Ok(Some(QuietHours {
        from_minute,
        until_minute,
    }))
}

/// `POST /settings/mail`: what is mailed, and when.
pub(super) async fn choose(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let account = visit.member()?;
    let is_moderator = visit.guest.member()?.role >= Role::Moderator;
    let before = visit.context.actors.find(ReadMailSettings { account });
    let before = before.await?.preferences;
    let mentions = form.text("mentions")?.unwrap_or_default();
    let mentions = MentionMail::from_name(mentions)
        .ok_or_else(|| Problem::invalid("Choose when mentions are mailed"))?;
    let flag = |name| Ok::<_, Problem>(form.flag(name)?.unwrap_or(false));
    let mut faults = FormErrors::default();
    let preferences = MailPreferences {
        mentions,
        follow_requests: flag("follow_requests")?,
        // Whoever isn't asked keeps what there is.
        sign_ups: if is_moderator {
            flag("sign_ups")?
        } else {
            before.sign_ups
        },
        log_ins: flag("log_ins")?,
        quiet: quiet_hours(&form, &mut faults)?,
        time_zone: Some(typed(&form, "time_zone")?),
    };
    if faults.0.is_empty() {
        match preferences.clone().cleaned() {
            Err(fault) => add(&mut faults, field_of(fault), format!("{fault}.")),
            Ok(preferences) => {
                let unit = SetMailPreferences {
                    account,
                    preferences,
                };
                visit.context.actors.perform(unit).await?;
                return visit.go(HERE, Some(Notice::MailSaved));
            }
        }
    }
    let page = MailSettingsPage {
        mentions: mention_choices(preferences.mentions),
        follow_requests: preferences.follow_requests,
        log_ins: preferences.log_ins,
        sign_ups: is_moderator.then_some(preferences.sign_ups),
        quiet_from: typed(&form, "quiet_from")?,
        quiet_until: typed(&form, "quiet_until")?,
        time_zone: preferences.time_zone.unwrap_or_default(),
        errors: faults,
        ..settings(&mut visit).await?
    };
    visit.refused(&page, &invalid())
}

/// `POST /settings/mail/address`: wishes for another address. The answer is the same whether somebody has it or not.
pub(super) async fn change_address(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let account = visit.member()?;
    let name = visit.guest.member()?.name.clone();
    let email = typed(&form, "email")?;
    // A session that somebody else got hold of is no place to guess the password at.
    let address = visit.guest.address;
    visit.context.passwords.attempt(&name, address)?;
    let message = ReplaceAddress {
        account,
        password: Secret::new(typed(&form, "current_password")?),
        email: email.clone(),
    };
    let replaced = visit.context.actors.users.send(message).await?;
    match replaced.map_err(Problem::from) {
        Ok(change) => {
            visit.context.passwords.succeeded(&name, address);
            let notice = match change {
                AddressChange::Waits => Notice::AddressWaits,
                AddressChange::Holds => Notice::AddressChanged,
            };
            visit.go(HERE, Some(notice))
        }
        Err(problem) if is_correctable(&problem) => {
            let sentence = sentence(&problem);
            let field = if sentence.contains("password") {
                "current_password"
            } else {
                "email"
            };
            let page = MailSettingsPage {
                typed_email: email,
                address_errors: errors(field, format!("{}.", sentence.trim_end_matches('.'))),
                ..settings(&mut visit).await?
            };
            visit.refused(&page, &problem)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/mail/confirmation`: asks for the mail with the link once more.
pub(super) async fn ask_again(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let (account, email) = (visit.member()?, None);
    let unit = AskConfirmation { account, email };
    let notice = match visit.context.actors.perform(unit).await? {
        true => Notice::ConfirmationSent,
        false => Notice::ConfirmationWaits,
    };
    visit.go(HERE, Some(notice))
}

/// `POST /settings/mail/trust`: the address takes mail again.
pub(super) async fn trust(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let account = visit.member()?;
    visit
        .context
        .actors
        .perform(TrustAddress { account })
        .await?;
    visit.go(HERE, Some(Notice::AddressTrusted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_day_are_read_as_they_are_written() {
        for minute in 0..MINUTES_PER_DAY {
            assert_eq!(minute_of_day(&time_of_day(minute)), Some(minute));
        }
        assert_eq!(minute_of_day("7:05:30"), Some(425));
        for nonsense in [
            "", "7", "24:00", "12:60", "-1:00", "+1:00", "a:b", "123:00", "1:2:x",
        ] {
            assert_eq!(minute_of_day(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn every_offered_zone_is_taken() {
        let zones = zones();
        assert!(zones.len() > 300 && zones.contains(&"Europe/Berlin".to_owned()));
        for zone in zones {
            let time_zone = Some(zone.clone());
            let preferences = MailPreferences {
                time_zone,
                ..MailPreferences::default()
            };
            assert!(preferences.cleaned().is_ok(), "{zone}");
        }
    }
}
