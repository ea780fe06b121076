//! `/api/kinglet/v1/dev/`: the tools for programs.

use http::Method;
use http::header::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{CastMember, Desk};
use crate::clock::{Clock as _, Timestamp};
use crate::dev::faults::{
    DELAY_MS_MAX, Fault, FaultKind, PATTERN_BYTES_MAX, RETRY_AFTER_S_MAX, TIMES_MAX,
};
use crate::dev::orders::{Order, SnapshotName};
use crate::dev::recorder::{Excerpt, RECORDS_MAX, Record};
use crate::dev::settle::settled;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::letter_box::KeptMail;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access::Public, Family};

/// What a client is told to wait unless the order says otherwise, in seconds.
const RETRY_AFTER_S: u32 = 30;
/// The longest step that the clock takes, in milliseconds: about 300 years.
const STEP_MILLIS_MAX: i64 = 10_000_000_000_000;

/// The routes.
pub(super) fn family() -> Family<Desk> {
    Family::new("dev_api")
        .get("/api/kinglet/v1/dev", Public, about)
        .get("/api/kinglet/v1/dev/people", Public, people)
        .post("/api/kinglet/v1/dev/reset", Public, reset)
        .get("/api/kinglet/v1/dev/snapshots", Public, snapshots)
        .post("/api/kinglet/v1/dev/snapshot", Public, snapshot)
        .post("/api/kinglet/v1/dev/restore", Public, restore)
        .get("/api/kinglet/v1/dev/clock", Public, read_clock)
        .post("/api/kinglet/v1/dev/clock", Public, change_clock)
        .get("/api/kinglet/v1/dev/faults", Public, faults)
        .post("/api/kinglet/v1/dev/faults", Public, add_fault)
        .delete("/api/kinglet/v1/dev/faults", Public, clear_faults)
        .delete("/api/kinglet/v1/dev/faults/:id", Public, remove_fault)
        .get("/api/kinglet/v1/dev/requests", Public, requests)
        .delete("/api/kinglet/v1/dev/requests", Public, clear_requests)
        .get("/api/kinglet/v1/dev/mail", Public, mail)
        .delete("/api/kinglet/v1/dev/mail", Public, clear_mail)
}

fn done() -> Result<Response, Problem> {
    reply::json(&json!({}))
}

/// `GET /api/kinglet/v1/dev`: what this instance is.
async fn about(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    reply::json(&json!({
        "about": desk.about,
        "clock": clock_entity(&desk),
        "faults": desk.faults.list().len(),
        "requests": desk.recorder.list().len(),
        "snapshots": snapshot_entities(&desk),
    }))
}

/// `GET /api/kinglet/v1/dev/people`: who lives here, with passwords and tokens.
async fn people(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    let people: &[CastMember] = &desk.about.people;
    reply::json(people)
}

/// `POST /api/kinglet/v1/dev/reset`: everything as it was at the start, the clock and the mail too, and no faults. The
/// tokens that were printed hold, later ones don't. Recorded requests and snapshots stay.
async fn reset(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    desk.order(Order::Reset).await?;
    done()
}

fn snapshot_entities(desk: &Desk) -> Vec<Json> {
    let snapshots = desk.snapshots();
    let entity =
        |(name, at): &(SnapshotName, Timestamp)| json!({"name": name.as_str(), "clock": at});
    snapshots.iter().map(entity).collect()
}

/// `GET /api/kinglet/v1/dev/snapshots`: what can be gone back to.
async fn snapshots(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    reply::json(&snapshot_entities(&desk))
}

/// A snapshot's name out of a form.
///
/// # Errors
/// Invalid when it is none.
pub(super) fn snapshot_name(form: &Form) -> Result<SnapshotName, Problem> {
    SnapshotName::parse(form.text("name")?.unwrap_or("default").trim()).ok_or_else(|| {
        Problem::invalid("The parameter \"name\" must be 1 to 40 letters, digits, \"-\" or \"_\"")
    })
}

/// `POST /api/kinglet/v1/dev/snapshot`: remembers everything under `name`.
async fn snapshot(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let name = snapshot_name(&call.form().await?)?;
    desk.order(Order::Snapshot(name.clone())).await?;
    reply::json(&json!({"name": name.as_str()}))
}

/// `POST /api/kinglet/v1/dev/restore`: everything as it was when the snapshot `name` was made.
async fn restore(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let name = snapshot_name(&call.form().await?)?;
    desk.order(Order::Restore(name)).await?;
    done()
}

fn clock_entity(desk: &Desk) -> Json {
    json!({"now": desk.clock.now(), "running": !desk.clock.stands()})
}

/// `GET /api/kinglet/v1/dev/clock`: what it shows, and whether it runs.
async fn read_clock(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    reply::json(&clock_entity(&desk))
}

/// `POST /api/kinglet/v1/dev/clock`: sets it (`now`, RFC 3339), moves it (`advance`: `90`, `90s`, `15m`, `2h`, `1d`),
/// stops it or lets it run (`running`). Answers when the instance has done what is due by then.
async fn change_clock(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let form = call.form().await?;
    move_clock(&desk, &form).await?;
    reply::json(&clock_entity(&desk))
}

/// Changes the clock as a form says.
///
/// # Errors
/// Invalid for what is no moment or no step.
pub(super) async fn move_clock(desk: &Desk, form: &Form) -> Result<(), Problem> {
    if let Some(running) = form.flag("running")? {
        desk.clock.stop(!running);
    }
    let wanted = match (form.text("now")?, form.text("advance")?) {
        (Some(now), None) => Some(Timestamp::parse(now.trim()).ok_or_else(|| {
            Problem::invalid("The parameter \"now\" must be a moment such as 2026-01-31T12:00:00Z")
        })?),
        (None, Some(step)) => {
            let millis = step_millis(step).ok_or_else(|| {
                Problem::invalid(
                    "The parameter \"advance\" must be a time such as 90, 90s, 15m, 2h or 1d",
                )
            })?;
            Some(desk.clock.now().plus_millis(millis))
        }
        (Some(_), Some(_)) => {
            return Err(Problem::invalid(
                "Only one of the parameters \"now\" and \"advance\" can be followed",
            ));
        }
        (None, None) => None,
    };
    if let Some(now) = wanted {
        let set = desk.clock.set(now);
        set.map_err(|error| Problem::invalid(error.to_string()))?;
    }
    let instance = desk.instance().await?;
    // The tasks sleep by the machine's clock.
    instance.wakes.ring_all();
    settled(&instance).await;
    Ok(())
}

/// A step of time in milliseconds: a number of seconds, or with the letter of another unit.
fn step_millis(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (number, unit) = match digits.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => digits.split_at(at),
        None => (digits, "s"),
    };
    let unit_millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = number.parse::<i64>().ok()?.checked_mul(unit_millis)?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    (millis <= STEP_MILLIS_MAX).then_some(sign * millis)
}

/// `GET /api/kinglet/v1/dev/faults`: what goes wrong on order.
async fn faults(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    reply::json(&desk.faults.list())
}

/// `POST /api/kinglet/v1/dev/faults`: orders a fault of the kind `kind` (`rate_limited`, `unavailable`, `delay`,
/// `dropped_socket`, `expired_token`) for requests with `method` to `path`, `times` times.
async fn add_fault(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let form = call.form().await?;
    reply::json(&order_fault(&desk, &form)?)
}

/// Orders a fault as a form says.
///
/// # Errors
/// Invalid for what is no fault, or when there are too many.
pub(super) fn order_fault(desk: &Desk, form: &Form) -> Result<Fault, Problem> {
    let number = |name, default: u64, max: u64| -> Result<u64, Problem> {
        match form.integer(name)? {
            None => Ok(default),
            Some(number) => u64::try_from(number)
                .ok()
                .filter(|number| *number <= max)
                .ok_or_else(|| {
                    Problem::invalid(format!("The parameter \"{name}\" must be 0 to {max}"))
                }),
        }
    };
    let retry_after = || -> Result<u32, Problem> {
        let seconds = number(
            "retry_after",
            u64::from(RETRY_AFTER_S),
            u64::from(RETRY_AFTER_S_MAX),
        )?;
        Ok(u32::try_from(seconds).unwrap_or(RETRY_AFTER_S_MAX))
    };
    let kind = match form.required("kind")? {
        "rate_limited" | "429" => FaultKind::RateLimited {
            retry_after: retry_after()?,
        },
        "unavailable" | "503" => FaultKind::Unavailable {
            retry_after: retry_after()?,
        },
        "delay" => FaultKind::Delay {
            ms: number("ms", 1000, DELAY_MS_MAX)?,
        },
        "dropped_socket" => FaultKind::DroppedSocket,
        "expired_token" => FaultKind::ExpiredToken,
        _ => {
            return Err(Problem::invalid(
                "The parameter \"kind\" must be rate_limited, unavailable, delay, dropped_socket or expired_token",
            ));
        }
    };
    let method = match form.text("method")?.map(str::trim) {
        None | Some("" | "*") => None,
        Some(name) => Some(
            Method::from_bytes(name.to_ascii_uppercase().as_bytes())
                .map_err(|_| Problem::invalid("The parameter \"method\" must be a method"))?,
        ),
    };
    let path = match form.text("path")?.map(str::trim) {
        None | Some("") => "**",
        Some(path) => path,
    };
    if path.len() > PATTERN_BYTES_MAX || !(path.starts_with('/') || path == "**") {
        return Err(Problem::invalid(
            "The parameter \"path\" must be a path such as /api/v1/statuses/:id or /api/**",
        ));
    }
    let times = match form.text("times")?.map(str::trim) {
        None | Some("") => None,
        Some(_) => Some(number("times", 1, u64::from(TIMES_MAX))?)
            .map(|times| u32::try_from(times).unwrap_or(TIMES_MAX).max(1)),
    };
    let fault = Fault {
        id: 0,
        method,
        path: path.to_owned(),
        times,
        kind,
    };
    let added = desk.faults.add(fault);
    added.map_err(|error| Problem::invalid(error.to_string()))
}

/// `DELETE /api/kinglet/v1/dev/faults`: nothing goes wrong on order any more.
async fn clear_faults(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    desk.faults.clear();
    done()
}

/// `DELETE /api/kinglet/v1/dev/faults/:id`: takes one fault back.
async fn remove_fault(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let id = call.id("id")?;
    if desk.faults.remove(id) {
        done()
    } else {
        Err(Problem::not_found())
    }
}

#[derive(Serialize)]
struct FindingEntity<'a> {
    code: &'a str,
    message: &'a str,
}

/// Headers as an object; several of one name are one text with commas.
fn headers_entity(headers: &HeaderMap) -> Json {
    let mut object = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        object.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    object.into()
}

fn body_entity(body: &Excerpt) -> Json {
    json!({"bytes": body.whole, "text": String::from_utf8_lossy(&body.kept)})
}

fn record_entity(record: &Record) -> Json {
    let findings: Vec<_> = record
        .findings
        .iter()
        .map(|finding| FindingEntity {
            code: finding.code,
            message: &finding.sentence,
        })
        .collect();
    json!({
        "number": record.number,
        "id": record.id,
        "at": record.at,
        "duration_ms": record.duration_ms,
        "method": record.method.as_str(),
        "target": record.target,
        "route": record.route,
        "account": record.who,
        "status": record.status,
        "fault": record.fault,
        "findings": findings,
        "request": {"headers": headers_entity(&record.headers), "body": body_entity(&record.body)},
        "response": {
            "headers": headers_entity(&record.answer_headers),
            "body": body_entity(&record.answer_body),
        },
    })
}

/// `GET /api/kinglet/v1/dev/requests`: what was asked, the newest first, at most `limit`; with `findings` only what has some.
async fn requests(desk: Desk, (): (), call: Call) -> Result<Response, Problem> {
    let query = call.query()?;
    let limit = query.integer("limit")?;
    let limit = limit.map_or(RECORDS_MAX, |limit| {
        usize::try_from(limit).unwrap_or(0).min(RECORDS_MAX)
    });
    let is_wrong_only = query.flag("findings")?.unwrap_or(false);
    let records = desk.recorder.list();
    let records: Vec<_> = records
        .iter()
        .filter(|record| !is_wrong_only || !record.findings.is_empty())
        .take(limit)
        .map(|record| record_entity(record))
        .collect();
    reply::json(&records)
}

/// `DELETE /api/kinglet/v1/dev/requests`: forgets what was asked.
async fn clear_requests(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    desk.recorder.clear();
    done()
}

/// The mail that was sent, once all that is due has left.
///
/// # Errors
/// Unavailable while there is no instance.
pub(super) async fn all_mail(desk: &Desk) -> Result<Vec<KeptMail>, Problem> {
    settled(&desk.instance().await?).await;
    Ok(desk.letter_box.mails())
}

/// `GET /api/kinglet/v1/dev/mail`: what was mailed, the oldest first.
async fn mail(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    let entity = |mail: &KeptMail| {
        json!({
            "id": mail.id,
            "at": mail.at,
            "to": mail.to,
            "from": mail.from,
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
        })
    };
    let mails: Vec<_> = all_mail(&desk).await?.iter().map(entity).collect();
    reply::json(&mails)
}

/// `DELETE /api/kinglet/v1/dev/mail`: throws it away.
async fn clear_mail(desk: Desk, (): (), _: Call) -> Result<Response, Problem> {
    desk.letter_box.clear();
    done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_units() {
        for (text, millis) in [
            ("90", Some(90_000)),
            ("250ms", Some(250)),
            ("15m", Some(900_000)),
            ("2h", Some(7_200_000)),
            (" 1d ", Some(86_400_000)),
            ("-1h", Some(-3_600_000)),
            ("1w", None),
            ("h", None),
            ("1.5h", None),
            ("", None),
            ("99999999999999999999", None),
            ("999999999d", None),
        ] {
            assert_eq!(step_millis(text), millis, "{text:?}");
        }
    }
}
