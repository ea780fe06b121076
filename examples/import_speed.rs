//! How fast an archive is taken in, through the same door as on the website and on the command line:
//! `cargo run --release --example import_speed [POSTS] [newest-first]`.
//!
//! The outbox is one long thread of posts of some 150 characters. First it is looked through, then it comes in, batch by batch, one
//! after the other, each durable before the next is sent.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use kinglet::Server;
use kinglet::archives::import::{Archive, Arrival, Taker};
use kinglet::archives::taking::Importer;
use kinglet::archives::{ArchiveError, Batch};
use kinglet::clock::{Clock as _, SystemClock, Timestamp};
use kinglet::domain::account::Role;
use kinglet::domain::arrival::Fate;
use kinglet::ids::AccountId;
use tokio::runtime::Handle;

const POSTS: i64 = 100_000;
/// The date of the first post: 2023-11-14T22:13:20Z. The others follow minute by minute.
const FIRST: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const MINUTE_MILLIS: i64 = 60_000;
const WORDS: [&str; 8] = [
    "goldcrest",
    "larch",
    "before",
    "drizzle",
    "listening",
    "again",
    "hedgerow",
    "twelve",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let posts = arguments.next().map_or(Ok(POSTS), |text| text.parse())?;
    let is_turned = arguments.next().is_some_and(|word| word == "newest-first");
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("outbox.json");
    write_outbox(&path, posts, is_turned)?;
    let server = Server::builder()
        .data_dir(directory.path().join("data"))
        .start()
        .await?;
    let made = server.create_account("wren", "wren@example.org", "a password", Role::User);
    let account = made.await?;
    let importer = Importer::of(server.instance());
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || take_in(&path, importer, account, runtime))
        .await?
        .map_err(|error| error.to_string())?;
    server.shutdown().await?;
    Ok(())
}

fn write_outbox(path: &Path, posts: i64, is_turned: bool) -> std::io::Result<()> {
    let mut to = BufWriter::new(File::create(path)?);
    write!(to, "{{\"type\":\"OrderedCollection\",\"orderedItems\":[")?;
    let uri = |number: i64| format!("https://there.example/users/ann/statuses/{number}");
    for at in 0..posts {
        let number = if is_turned { posts - 1 - at } else { at };
        let words = (0..18).map(|word| WORDS[((number * 7 + word * 5) % 8) as usize]);
        let text = words.collect::<Vec<_>>().join(" ");
        let parent = match number {
            0 => "null".to_owned(),
            _ => format!("\"{}\"", uri(number - 1)),
        };
        let date = FIRST.plus_millis(number * MINUTE_MILLIS);
        let comma = if at > 0 { "," } else { "" };
        write!(
            to,
            "{comma}{{\"id\":\"{0}/activity\",\"type\":\"Create\",\"published\":\"{date}\",\
             \"to\":[\"https://www.w3.org/ns/activitystreams#Public\"],\"object\":{{\"id\":\"{0}\",\"type\":\"Note\",\
             \"published\":\"{date}\",\"inReplyTo\":{parent},\
             \"to\":[\"https://www.w3.org/ns/activitystreams#Public\"],\"content\":\"<p>{number} {text}</p>\"}}}}",
            uri(number)
        )?;
    }
    write!(to, "]}}")?;
    to.flush()
}

struct Hand {
    importer: Importer,
    account: AccountId,
    runtime: Handle,
}

impl Taker for Hand {
    fn take(&mut self, batch: Batch) -> Result<Vec<Fate>, ArchiveError> {
        let taken = self
            .runtime
            .block_on(self.importer.take(self.account, batch));
        taken.map_err(|error| ArchiveError::Gone(error.to_string()))
    }
}

#[expect(clippy::disallowed_methods, reason = "it is measured")]
fn take_in(
    path: &Path,
    importer: Importer,
    account: AccountId,
    runtime: Handle,
) -> Result<(), ArchiveError> {
    let arrival = Arrival {
        local_host: importer.host().to_owned(),
        now: SystemClock.now(),
    };
    let begun = Instant::now();
    let archive = Archive::open(path, arrival)?;
    let looked = begun.elapsed().as_secs_f64();
    let mut hand = Hand {
        importer,
        account,
        runtime,
    };
    let begun = Instant::now();
    let report = archive.import(&mut hand, &mut |_| {})?;
    let taken = begun.elapsed().as_secs_f64();
    let posts = archive.things() as f64;
    for sentence in report.sentences() {
        println!("{sentence}");
    }
    println!(
        "looked through: {looked:.2} s, {:.0} posts/s",
        posts / looked
    );
    println!("taken in:       {taken:.2} s, {:.0} posts/s", posts / taken);
    Ok(())
}
