//! The forms of the pages under `/dev`: each does what its twin in the API does, and leads back.

use super::api::{move_clock, order_fault, snapshot_name};
use super::pages::render_problem;
use super::{Desk, host};
use crate::dev::orders::Order;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access::Public, Family};

/// Where most forms are.
const CONTROLS: &str = "/dev/controls";

/// The routes.
pub(super) fn family() -> Family<Desk> {
    Family::rendered("dev_forms", render_problem)
        .post("/dev/reset", Public, reset)
        .post("/dev/snapshot", Public, snapshot)
        .post("/dev/restore", Public, restore)
        .post("/dev/clock", Public, clock)
        .post("/dev/faults", Public, add_fault)
        .post("/dev/faults/clear", Public, clear_faults)
        .post("/dev/faults/:id/remove", Public, remove_fault)
        .post("/dev/requests/clear", Public, clear_requests)
        .post("/dev/mail/clear", Public, clear_mail)
}

/// What just happened, told on the page that a form leads to. Only these sentences can be told, so a link says nothing
/// else.
pub(super) const NOTICES: [(&str, &str); 7] = [
    ("reset", "Everything is as it was at the start."),
    ("snapshot", "The snapshot is made."),
    ("restored", "Everything is as it was in the snapshot."),
    (
        "clock",
        "The clock is set, and what was due by then is done.",
    ),
    ("fault", "The fault waits for its requests."),
    ("no-fault", "It is taken back."),
    ("cleared", "That is forgotten."),
];

async fn own_form(call: &mut Call) -> Result<Form, Problem> {
    host::require_own_page(&call.headers)?;
    call.form().await
}

fn back(page: &str, notice: &str) -> Result<Response, Problem> {
    reply::see_other(&format!("{page}?done={notice}"))
}

/// `POST /dev/reset`.
async fn reset(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    own_form(&mut call).await?;
    desk.order(Order::Reset).await?;
    back(CONTROLS, "reset")
}

/// `POST /dev/snapshot`.
async fn snapshot(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let name = snapshot_name(&own_form(&mut call).await?)?;
    desk.order(Order::Snapshot(name)).await?;
    back(CONTROLS, "snapshot")
}

/// `POST /dev/restore`.
async fn restore(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let name = snapshot_name(&own_form(&mut call).await?)?;
    desk.order(Order::Restore(name)).await?;
    back(CONTROLS, "restored")
}

/// `POST /dev/clock`.
async fn clock(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let form = own_form(&mut call).await?;
    move_clock(&desk, &form).await?;
    back(CONTROLS, "clock")
}

/// `POST /dev/faults`.
async fn add_fault(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    let form = own_form(&mut call).await?;
    order_fault(&desk, &form)?;
    back(CONTROLS, "fault")
}

/// `POST /dev/faults/clear`.
async fn clear_faults(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    own_form(&mut call).await?;
    desk.faults.clear();
    back(CONTROLS, "no-fault")
}

/// `POST /dev/faults/:id/remove`.
async fn remove_fault(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    own_form(&mut call).await?;
    desk.faults.remove(call.id("id")?);
    back(CONTROLS, "no-fault")
}

/// `POST /dev/requests/clear`.
async fn clear_requests(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    own_form(&mut call).await?;
    desk.recorder.clear();
    back("/dev", "cleared")
}

/// `POST /dev/mail/clear`.
async fn clear_mail(desk: Desk, (): (), mut call: Call) -> Result<Response, Problem> {
    own_form(&mut call).await?;
    desk.letter_box.clear();
    back("/dev/mail", "cleared")
}
