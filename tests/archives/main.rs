//! Leaving and arriving: archives that come from Mastodon, that go to another kinglet, and that are out to do harm.

#[path = "../support/mod.rs"]
mod support;

mod arriving;
mod asked;
mod brought;
mod hostile;
mod leaving;
mod packing;
mod whole;

use std::net::TcpListener;

use rusqlite::Connection;
use support::process::{Place, Running};
use support::server::Client;

/// The address of the instances of these tests.
const HERE: &str = "https://here.example";

/// An instance with these people, who all have a password.
fn instance(people: &[&str]) -> Place {
    instance_at(HERE, people)
}

fn instance_at(url: &str, people: &[&str]) -> Place {
    let place = Place::new();
    place.configure(&format!("[instance]\nurl = \"{url}\"\n"));
    for name in people {
        let email = format!("{name}@example.org");
        place.done(&["user", "create", name, "--email", &email]);
    }
    place
}

/// A server on a place, and where it listens: its address is another one.
fn serve(place: &Place) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("an address").to_string();
    drop(port);
    let running = Running::start(place.command(&["serve", "--listen", &address]));
    (running, format!("http://{address}"))
}

/// A client of somebody.
fn client(place: &Place, base: &str, name: &str) -> Client {
    let scopes = "read write follow";
    let token = place.done(&["token", "create", name, "--scopes", scopes]);
    Client::new(base).with_token(token.trim())
}

/// What is stored, row by row, but for what every start may change.
fn stored(place: &Place) -> Vec<String> {
    let database = Connection::open(place.data().join("kinglet.db")).expect("a database");
    let mut rows = Vec::new();
    for table in [
        "accounts",
        "posts",
        "imports",
        "favourites",
        "bookmarks",
        "follows",
        "blocks",
        "mutes",
        "mentions",
        "notifications",
        "jobs",
        "post_tags",
        "tags",
        "meta",
    ] {
        let mut statement = database
            .prepare(&format!("SELECT * FROM {table}"))
            .expect("a table");
        let columns = statement.column_count();
        let found = statement.query_map((), |row| {
            let cells: Result<Vec<String>, _> = (0..columns)
                .map(|at| {
                    row.get::<_, rusqlite::types::Value>(at)
                        .map(|cell| format!("{cell:?}"))
                })
                .collect();
            cells.map(|cells| format!("{table}: {}", cells.join(", ")))
        });
        for row in found.expect("rows") {
            rows.push(row.expect("a row"));
        }
    }
    rows
}
