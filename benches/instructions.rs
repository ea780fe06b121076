//! The hot parts, each so many times over, for `tests/instructions` to count the processor's instructions.
//!
//! ```sh
//! cargo bench --bench instructions -- SUBJECT ROUNDS
//! ```
//!
//! Nothing is measured in here. Whoever counts runs it twice, with different numbers of rounds: the difference belongs to the
//! rounds alone, for everything else is the same in both. So a subject makes all that it needs before its first round.

use std::error::Error;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor as _, System};
use kinglet::Server;
use kinglet::actors::budget::Budget;
use kinglet::actors::door::Door;
use kinglet::actors::feed::feed;
use kinglet::actors::messages::StoreDoor;
use kinglet::actors::readers::ReaderActor;
use kinglet::actors::timelines::{ReadHome, Residency, Timelines, TimelinesSetup};
use kinglet::clock::SystemClock;
use kinglet::config::Config;
use kinglet::domain::account::{Account, AccountCounts, AccountState, Role};
use kinglet::domain::event::Event;
use kinglet::domain::idempotency::IdempotencyKey;
use kinglet::domain::page::Page;
use kinglet::domain::post::{Marks, Post, PostCounts, PostFacts, PostView, Wording};
use kinglet::domain::rendered::Rendered;
use kinglet::domain::text::{characters, count, hashtags, mentions, render, search_terms, tokens};
use kinglet::domain::visibility::Visibility;
use kinglet::http::entities::Renderer;
use kinglet::ids::{AccountId, FIRST_ID, PostId};
use kinglet::randomness::Randomness;
use kinglet::store::open::{DataDir, MemoryUse, Synchronous};
use kinglet::store::queries::home::MergeHome;
use kinglet::store::reader::Reader;
use kinglet::store::testing::AddAccount;
use kinglet::store::units::{FollowAccount, PreparedText, PublishPost};
use kinglet::store::writer::{EventBatch, EventSink as _, Unit, Writer, WriterThread};
use kinglet::telemetry::Telemetry;
use kinglet::telemetry::mailbox::ActorName;
use tempfile::TempDir;

type Failure = Box<dyn Error>;

/// A subject's name and what does its rounds.
type Subject = (&'static str, fn(usize) -> Result<(), Failure>);

const SUBJECTS: [Subject; 6] = [
    ("parse", parse),
    ("render", render_page),
    ("push", push),
    ("merge", merge),
    ("apply", apply),
    ("home", home),
];

/// What people write: 160 characters with a name, a tag and a link; a short one; lines; a script without spaces.
const TEXTS: [&str; 4] = [
    "Saw @wren at the pond again this morning, singing as loudly as ever. The recording is at \
     https://birds.example/recordings/2026/11/wren?take=3 and it is long #birdsong",
    "good morning",
    "Three things:\n\n- the feeder is empty\n- the cat is back\n- #snow <tomorrow> & after",
    "\u{4eca}\u{65e5}\u{306f}\u{6c60}\u{3067}\u{9ce5}\u{3092}\u{898b}\u{305f}\u{3002}\u{3068}\u{3066}\u{3082}\u{5bd2}\u{3044} #\u{9ce5}",
];

/// Posts on a page.
const PAGE: usize = 20;
/// Readers with a window, whom the author of `push` has for followers.
const RESIDENTS: usize = 100;
/// What they may take of memory, which is more than they need.
const BUDGET_BYTES: usize = 16 * 1024 * 1024;
/// Whom the reader of `merge` follows, and how much each of them has written.
const FOLLOWEES: usize = 50;
const POSTS_EACH: usize = 4;
/// More than a page of them takes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A post is parsed: everything before its unit, and what its readers see.
fn parse(rounds: usize) -> Result<(), Failure> {
    for _ in 0..rounds {
        for text in TEXTS {
            let clean = characters::clean_lines(black_box(text));
            let tokens = tokens::tokenize(&clean);
            black_box(count::post_chars(&clean, ""));
            black_box(mentions::local_names(&tokens, "birds.example"));
            black_box(hashtags::names(&tokens));
            black_box(search_terms::post_terms("", &clean));
            let url = |_: &mentions::Mention<'_>| Some("https://birds.example/@wren".to_owned());
            black_box(render::tokens_to_html(
                &clean,
                &tokens,
                "https://birds.example",
                url,
            ));
        }
    }
    Ok(())
}

fn account(number: i64) -> Account {
    Account {
        id: AccountId(FIRST_ID + number),
        name: format!("bird{number}"),
        display_name: format!("Bird {number}"),
        note: "Lives at the pond & sings".to_owned(),
        fields: Vec::new(),
        locked: false,
        bot: false,
        discoverable: true,
        state: AccountState::Active,
        role: Role::User,
        counts: AccountCounts {
            followers: 7,
            following: 12,
            posts: 345,
            last_open_post: None,
        },
    }
}

fn facts(id: i64, author: AccountId) -> PostFacts {
    PostFacts {
        id: PostId(id),
        author,
        author_hidden: false,
        visibility: Visibility::Public,
        boost_of: None,
        reply_to: None,
        mentions: Vec::new(),
    }
}

/// A page of a timeline is put together out of what was rendered before.
fn render_page(rounds: usize) -> Result<(), Failure> {
    let mut config = Config::default();
    config.set("instance.url", "https://birds.example")?;
    let renderer = Renderer::new(config.instance.url.ok_or("a URL was set")?);
    let mut views = Vec::new();
    for number in 0..PAGE {
        let id = i64::try_from(number)?;
        let author = account(id);
        let post = Post {
            facts: facts(FIRST_ID + 1000 + id, author.id),
            text: TEXTS[number % TEXTS.len()].to_owned(),
            spoiler: String::new(),
            sensitive: false,
            language: Some("en".to_owned()),
            mentions: Vec::new(),
            app: None,
            edited_at: None,
            counts: PostCounts {
                replies: 1,
                boosts: 2,
                favourites: 3,
            },
        };
        views.push(PostView {
            post: Arc::new(Rendered::new(post)),
            author: Arc::new(Rendered::new(author)),
            marks: Marks::default(),
            boosted: None,
        });
    }
    let viewer = Some(AccountId(FIRST_ID));
    renderer.statuses_json(views.iter(), viewer);
    for _ in 0..rounds {
        black_box(renderer.statuses_json(black_box(&views).iter(), viewer));
    }
    Ok(())
}

/// A store in a directory of its own, with a writer that works when it is told to.
struct Store {
    directory: TempDir,
    thread: WriterThread,
    writer: Writer,
    telemetry: Arc<Telemetry>,
}

impl Store {
    fn new() -> Result<Self, Failure> {
        Self::open(tempfile::tempdir()?)
    }

    fn open(directory: TempDir) -> Result<Self, Failure> {
        let telemetry = Telemetry::new(0);
        let (thread, writer) = WriterThread::open(
            DataDir::own(directory.path())?,
            Synchronous::Full,
            Arc::new(SystemClock),
            &mut Randomness::seeded(1).rng(),
            &telemetry,
        )?;
        Ok(Self {
            directory,
            thread,
            writer,
            telemetry,
        })
    }

    /// Applies all units on this thread, as few batches as they fit in, and opens the store anew.
    fn apply<U: Unit>(
        self,
        units: impl IntoIterator<Item = U>,
    ) -> Result<(Self, Vec<U::Answer>), Failure> {
        let mut waiting = Vec::new();
        for unit in units {
            waiting.push(self.writer.submit(unit)?);
        }
        drop(self.writer);
        self.thread.run();
        let answers = waiting
            .into_iter()
            .map(|answer| Ok(answer.blocking_recv()??));
        let answers: Result<_, Failure> = answers.collect();
        Ok((Self::open(self.directory)?, answers?))
    }

    fn accounts(self, count: usize) -> Result<(Self, Vec<AccountId>), Failure> {
        // The unit is a test's, whose names are written in it.
        self.apply((0..count).map(|number| AddAccount(format!("bird{number}").leak())))
    }

    fn database(&self) -> std::path::PathBuf {
        Path::new(self.directory.path()).join("kinglet.db")
    }
}

fn follow(follower: AccountId, followee: AccountId) -> FollowAccount {
    FollowAccount {
        follower,
        followee,
        shows_boosts: None,
        notifies: None,
        follows_max: 10_000,
    }
}

fn publish(author: AccountId, number: usize) -> PublishPost {
    let text = TEXTS[0].to_owned();
    PublishPost {
        author,
        text: PreparedText {
            tags: vec!["birdsong".to_owned()],
            terms: search_terms::post_terms("", &text),
            text,
            ..PreparedText::default()
        },
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key: Some(IdempotencyKey::of(author, &number.to_string())),
    }
}

/// Durable posts with a tag, search terms, an idempotency key and one follower, with their share of the commit.
fn apply(rounds: usize) -> Result<(), Failure> {
    let (store, people) = Store::new()?.accounts(2)?;
    let (store, _) = store.apply([follow(people[1], people[0])])?;
    store.apply((0..rounds).map(|number| publish(people[0], number)))?;
    Ok(())
}

/// The newest page of a home that nobody has read, out of a cold store but for SQLite's pages.
fn merge(rounds: usize) -> Result<(), Failure> {
    let (store, people) = Store::new()?.accounts(FOLLOWEES + 1)?;
    let reader = people[FOLLOWEES];
    let followees = &people[..FOLLOWEES];
    let (store, _) = store.apply(followees.iter().map(|followee| follow(reader, *followee)))?;
    let posts = (0..FOLLOWEES * POSTS_EACH).map(|at| publish(followees[at % FOLLOWEES], at));
    let (store, _) = store.apply(posts)?;
    let mut readers = Reader::open(&store.database())?;
    let page = Page::newest(PAGE);
    readers.run(&MergeHome { reader, page })?;
    for _ in 0..rounds {
        black_box(readers.run(&MergeHome { reader, page })?);
    }
    Ok(())
}

/// A post comes into the windows of its author's followers, and one of them looks at the first page.
fn push(rounds: usize) -> Result<(), Failure> {
    let (store, people) = Store::new()?.accounts(RESIDENTS + 1)?;
    let (author, readers) = (people[RESIDENTS], &people[..RESIDENTS]);
    let (store, _) = store.apply(readers.iter().map(|reader| follow(*reader, author)))?;
    let (store, posts) = store.apply((0..PAGE).map(|number| publish(author, number)))?;
    let newest = posts.last().ok_or("posts were published")?.0;
    let system = System::new();
    let (events, sink) = feed();
    let (pool, _) = ReaderActor::start_pool(
        &store.database(),
        MemoryUse::READER,
        &store.thread.soundness(),
        &store.telemetry,
    );
    let commit = store.thread.commit_number();
    let wording = Arc::new(Wording::default());
    let setup = TimelinesSetup {
        store: StoreDoor {
            writer: store.writer.clone(),
            readers: pool,
        },
        feed: events,
        residency: Residency {
            window_entries_min: 32,
            window_entries_max: 800,
            resident_readers_max: RESIDENTS,
            readers_told_max: RESIDENTS,
        },
        budget: Budget::new(BUDGET_BYTES),
        keeper: None,
        snapshot_interval: Duration::from_secs(3600),
        commit,
        watch: store.telemetry.watch(ActorName::Timelines),
    };
    system.block_on(async {
        let address = Timelines::new(setup).start();
        let sink = sink(address.clone().recipient());
        let door = Door::new(address, &store.telemetry, ActorName::Timelines);
        let page = Page::newest(PAGE);
        for reader in readers {
            let reader = *reader;
            door.send(ReadHome { reader, page }).await??;
        }
        for round in 1..=rounds {
            let round = i64::try_from(round)?;
            sink.deliver(&Arc::new(EventBatch {
                commit: commit + round,
                events: vec![Event::PostPublished {
                    entry: Arc::new(facts(newest + round, author)),
                    wording: Some(Arc::clone(&wording)),
                    boosting: None,
                }],
            }));
            let reader = readers[0];
            let shown = door.send(ReadHome { reader, page }).await??;
            if shown.first() != Some(&PostId(newest + round)) {
                return Err("the newest post isn't in the window".into());
            }
        }
        Ok(())
    })
}

/// A home page over HTTP, with everything that the server does for it, and a client that only reads.
fn home(rounds: usize) -> Result<(), Failure> {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse()?;
    config.limits.rate_limits = false;
    let server = Server::builder()
        .config(config)
        .in_memory()
        .start_blocking()?;
    let token = server.block_on(async {
        let wren = server.seed().person("wren").await?;
        for text in TEXTS.iter().cycle().take(PAGE) {
            server.seed().post(&wren, *text).publish().await?;
        }
        Ok::<_, Failure>(wren.token().to_owned())
    })?;
    let mut client = TcpStream::connect(server.addr())?;
    client.set_nodelay(true)?;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let request = format!(
        "GET /api/v1/timelines/home HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    for _ in 0..rounds + 1 {
        ask(&mut client, &request, &mut answer)?;
    }
    // Dropping it stops it.
    drop(server);
    Ok(())
}

/// Sends a request and reads its answer, which has to be 200 with a length.
fn ask(client: &mut TcpStream, request: &str, answer: &mut [u8]) -> Result<(), Failure> {
    client.write_all(request.as_bytes())?;
    let (mut read, mut whole) = (0, None);
    while whole.is_none_or(|length| read < length) {
        match client.read(&mut answer[read..])? {
            0 => return Err("the server closed the connection".into()),
            more => read += more,
        }
        if whole.is_none()
            && let Some(end) = answer[..read]
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(head.into());
            }
            let mut lines = head.lines();
            let length = lines.find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.ok_or("an answer without a length")?.trim().parse()?;
            whole = Some(end + 4 + length);
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let (name, rounds) = match &*arguments {
        [] => {
            SUBJECTS.iter().for_each(|(name, _)| println!("{name}"));
            return Ok(());
        }
        [name] => (name, 1),
        [name, rounds, ..] => (name, rounds.parse()?),
    };
    let subject = SUBJECTS.iter().find(|(known, _)| known == name);
    let (_, run) = subject.ok_or_else(|| format!("there is no subject {name}"))?;
    run(rounds)
}
