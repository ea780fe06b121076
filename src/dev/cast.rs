//! The cast: people with posts of every kind, and between them everything that can stand between people.
//!
//! Alice is the one to log in as: of every kind of notification she has one, and her home, her lists and her threads have
//! something in them. What is awaited at once goes to one owner in the order in which it stands here, so that the same
//! beginning gives the same ids.

use std::sync::Arc;

use futures_util::future::{try_join, try_join3, try_join4, try_join5};

use crate::actors::error::AskError;
use crate::clock::Timestamp;
use crate::domain::account::{ProfileChanges, Role};
use crate::domain::relationship::FollowOptions;
use crate::domain::visibility::Visibility;
use crate::http::dev::CastMember;
use crate::http::dev::clock::{DevClock, Setting};
use crate::instance::Instance;
use crate::server::Seeding;
use crate::server::seeding::{Person, TOKEN_SCOPES};

const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// The scopes of whoever runs the instance.
const OWNER_SCOPES: &str = "read write follow push admin:read admin:write";

struct Cast {
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Person,
    erin: Person,
    frank: Person,
    mallory: Person,
}

/// Sets the clock to moments before the beginning.
struct Past<'a> {
    clock: &'a DevClock,
    begins_at: Timestamp,
}

impl Past<'_> {
    /// It is so many hours, and as many minutes on top of them, before the beginning.
    fn hours_ago(&self, hours: i64, minutes: i64) {
        let millis = hours * HOUR_MILLIS + minutes * 60_000;
        self.clock
            .put(Setting::Stands(self.begins_at.plus_millis(-millis)));
    }
}

/// Lets the cast into an empty instance. The clock stands somewhere before `begins_at` afterwards.
///
/// # Errors
/// When the instance refuses something, which a test would have found, or can't be asked.
pub(super) async fn come_in(
    instance: &Instance,
    clock: &Arc<DevClock>,
    begins_at: Timestamp,
) -> Result<Vec<CastMember>, AskError> {
    let seed = Seeding::new(instance);
    let past = Past { clock, begins_at };
    past.hours_ago(100, 0);
    let cast = people(&seed).await?;
    past.hours_ago(98, 0);
    acquaintances(&seed, &cast).await?;
    days_before(&seed, &cast, &past).await?;
    thread(&seed, &cast, &past).await?;
    today(&seed, &cast, &past).await?;
    endings(&seed, &cast, &past).await?;
    let members = [
        (
            &cast.alice,
            "Alice Liddell",
            Role::Owner,
            "has one of each notification; owns the instance",
        ),
        (
            &cast.bob,
            "Bob",
            Role::User,
            "follows Alice and talks with her",
        ),
        (
            &cast.carol,
            "Carol 🌿",
            Role::User,
            "is locked: who wants to follow has to ask",
        ),
        (
            &cast.dave,
            "Dave",
            Role::User,
            "writes behind warnings, asks to follow Alice",
        ),
        (
            &cast.erin,
            "Ferry times",
            Role::User,
            "is a bot; Alice is told of each post",
        ),
        (&cast.frank, "Frank", Role::User, "is muted by Alice"),
        (&cast.mallory, "Mallory", Role::User, "is blocked by Alice"),
    ];
    let members = members.map(|(person, display_name, role, about)| CastMember {
        name: person.name.clone(),
        display_name: display_name.to_owned(),
        role: role.name(),
        id: person.id.to_string(),
        email: person.email.clone(),
        password: person.password().to_owned(),
        token: person.token().to_owned(),
        about,
    });
    Ok(members.into())
}

async fn people(seed: &Seeding) -> Result<Cast, AskError> {
    Ok(Cast {
        alice: seed
            .person("alice")
            .display_name("Alice Liddell")
            .bio("Bird ringer on the coast. I post about #birds, tides and the #ferry.\n\nhttps://example.org/alice")
            .field("Pronouns", "she/her")
            .field("Website", "https://example.org/alice")
            .discoverable()
            .role(Role::Owner)
            .scopes(OWNER_SCOPES)
            .await?,
        bob: seed
            .person("bob")
            .display_name("Bob")
            .bio("Repairs bicycles, and answers before he has read to the end.")
            .discoverable()
            .await?,
        carol: seed
            .person("carol")
            .display_name("Carol 🌿")
            .bio("Mostly for people I know.")
            .posts_for(Visibility::Followers)
            .locked()
            .await?,
        dave: seed.person("dave").display_name("Dave").await?,
        erin: seed
            .person("erin")
            .display_name("Ferry times")
            .bio("A bot that says when the ferry goes.")
            .bot()
            .scopes(TOKEN_SCOPES)
            .await?,
        frank: seed.person("frank").display_name("Frank").await?,
        mallory: seed.person("mallory").display_name("Mallory").await?,
    })
}

async fn acquaintances(seed: &Seeding, cast: &Cast) -> Result<(), AskError> {
    let Cast {
        alice,
        bob,
        carol,
        dave,
        erin,
        frank,
        mallory,
    } = cast;
    let told = FollowOptions {
        notifies: true,
        ..FollowOptions::default()
    };
    try_join5(
        seed.follow(bob, alice),
        seed.follow(alice, bob),
        seed.follow(alice, frank),
        seed.follow(dave, bob),
        seed.follow_with(alice, erin, told),
    )
    .await?;
    try_join3(
        seed.follow(mallory, alice),
        seed.follow(bob, frank),
        seed.follow(erin, bob),
    )
    .await?;
    // Carol lets Bob in, and hasn't answered Alice and Dave yet.
    seed.follow(bob, carol).await?;
    seed.follow(carol, alice).await?;
    try_join(
        seed.ask_to_follow(alice, carol),
        seed.ask_to_follow(dave, carol),
    )
    .await?;
    Ok(())
}

async fn days_before(seed: &Seeding, cast: &Cast, past: &Past<'_>) -> Result<(), AskError> {
    let Cast {
        alice,
        bob,
        carol,
        dave,
        erin,
        frank,
        mallory,
    } = cast;
    past.hours_ago(72, 15);
    let (first, unlisted, followers, direct) = try_join4(
        seed.post(
            alice,
            "First ringing day of the season: 41 wrens, 12 goldcrests and one very cross sparrowhawk. #birds",
        )
        .publish(),
        seed.post(alice, "Notes to myself go here, where nobody stumbles over them.")
            .visibility(Visibility::Unlisted)
            .publish(),
        seed.post(alice, "For followers only: the hide is open on Sunday, key under the third stone.")
            .visibility(Visibility::Followers)
            .publish(),
        seed.post(alice, "@bob Can you have a look at my rear wheel? It sings.")
            .visibility(Visibility::Direct)
            .publish(),
    )
    .await?;
    past.hours_ago(70, 40);
    seed.post(
        bob,
        "@alice Bring it round on Saturday, I like wheels that sing.",
    )
    .reply_to(&direct)
    .visibility(Visibility::Direct)
    .publish()
    .await?;
    past.hours_ago(53, 5);
    let (spoilt, german, secret, frank_said, _) = try_join5(
        seed.post(dave, "It was the gardener. It is always the gardener.")
            .content_warning("The end of last night's film")
            .publish(),
        seed.post(
            dave,
            "Heute früh Nebel über dem Sund, und die Fähre hat gehupt. #ferry #nebel",
        )
        .language("de")
        .publish(),
        seed.post(
            carol,
            "Only those I let in can read this. Bob can, Alice can't yet.",
        )
        .publish(),
        seed.post(
            frank,
            "Daily reminder that my podcast exists. Daily reminder that my podcast exists.",
        )
        .publish(),
        seed.post(mallory, "@alice You never answer! @alice @bob")
            .publish(),
    )
    .await?;
    past.hours_ago(50, 30);
    try_join4(
        seed.favourite(bob, &first),
        seed.favourite(alice, &german),
        seed.bookmark(alice, &german),
        seed.boost(alice, &german),
    )
    .await?;
    try_join4(
        seed.favourite(bob, &followers),
        seed.favourite(bob, &secret),
        seed.favourite(bob, &unlisted),
        seed.favourite(alice, &frank_said),
    )
    .await?;
    past.hours_ago(49, 0);
    try_join(seed.boost(bob, &spoilt), seed.boost(erin, &german)).await?;
    Ok(())
}

/// A conversation with branches, six answers deep.
async fn thread(seed: &Seeding, cast: &Cast, past: &Past<'_>) -> Result<(), AskError> {
    let Cast {
        alice,
        bob,
        dave,
        erin,
        ..
    } = cast;
    past.hours_ago(26, 0);
    let root = seed
        .post(
            alice,
            "What is the smallest thing that you repaired and were proud of? #repair",
        )
        .publish()
        .await?;
    past.hours_ago(25, 48);
    let (bobs, daves) = try_join(
        seed.post(bob, "@alice A freewheel pawl spring. Eleven millimetres, and I found it again on the floor.")
            .reply_to(&root)
            .publish(),
        seed.post(dave, "@alice My grandmother's pepper mill. #repair")
            .reply_to(&root)
            .publish(),
    )
    .await?;
    past.hours_ago(25, 20);
    let (again, _) = try_join(
        seed.post(alice, "@bob With a magnet?")
            .reply_to(&bobs)
            .publish(),
        seed.post(alice, "@dave Does it still grind?")
            .reply_to(&daves)
            .publish(),
    )
    .await?;
    past.hours_ago(25, 2);
    let sock = seed
        .post(bob, "@alice With my sock.")
        .reply_to(&again)
        .publish()
        .await?;
    past.hours_ago(24, 55);
    let (_, answer) = try_join(
        seed.post(
            erin,
            "@bob I am a bot and can't help with socks. The next ferry goes at 07:10.",
        )
        .reply_to(&sock)
        .publish(),
        seed.post(alice, "@bob 👏 That is the spirit of this place.")
            .reply_to(&sock)
            .publish(),
    )
    .await?;
    past.hours_ago(24, 30);
    try_join4(
        seed.favourite(alice, &sock),
        seed.favourite(dave, &sock),
        seed.favourite(bob, &answer),
        seed.bookmark(bob, &root),
    )
    .await?;
    Ok(())
}

async fn today(seed: &Seeding, cast: &Cast, past: &Past<'_>) -> Result<(), AskError> {
    let Cast {
        alice,
        bob,
        dave,
        erin,
        ..
    } = cast;
    past.hours_ago(9, 10);
    let (timetable, long, script) = try_join3(
        seed.post(bob, "New opening hours: Tuesday to Saturday, ten to six. Bring cake.").publish(),
        seed.post(
            dave,
            "Some clients cut long posts off, some let them push everything else from the screen, and some do both. This one is here to find out \
             which. It has four hundred characters and some more, a link (https://example.org/a/rather/long/path/that/has/no/place/to/break?with=a&query=too), \
             a name (@bob), a tag (#testing) and a word that is longer than the column: \
             Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft.",
        )
        .publish(),
        seed.post(dave, "字が小さい？ 絵文字は👩🏽‍🔬🏳️‍🌈、右から左は שלום، مرحبا, combining: e\u{301} n\u{303}.\n\nA second paragraph\nwith two lines.")
            .language("ja")
            .publish(),
    )
    .await?;
    past.hours_ago(6, 0);
    seed.post(erin, "The ferry goes at 12:10, 14:10 and 16:10. #ferry")
        .publish()
        .await?;
    past.hours_ago(5, 30);
    try_join4(
        seed.boost(alice, &timetable),
        seed.favourite(alice, &timetable),
        seed.bookmark(alice, &long),
        seed.favourite(bob, &script),
    )
    .await?;
    past.hours_ago(3, 20);
    seed.edit(
        &timetable,
        "New opening hours: Tuesday to Saturday, ten to seven. Bring cake.",
    )
    .await?;
    past.hours_ago(2, 5);
    let (goldcrest, _) = try_join(
        seed.post(alice, "A goldcrest weighs as much as a sheet of paper, and flies over the North Sea. #birds #goldcrest")
            .publish(),
        seed.post(alice, "The spoon-billed sandpiper photos are not for the squeamish: leech on a leg.")
            .content_warning("Leech")
            .publish(),
    )
    .await?;
    past.hours_ago(1, 30);
    try_join4(
        seed.boost(bob, &goldcrest),
        seed.favourite(bob, &goldcrest),
        seed.favourite(dave, &goldcrest),
        seed.post(
            bob,
            "@alice Everybody here wants to come along when you ring the next ones. #birds",
        )
        .reply_to(&goldcrest)
        .publish(),
    )
    .await?;
    Ok(())
}

/// What ends friendships, and who waits for an answer.
async fn endings(seed: &Seeding, cast: &Cast, past: &Past<'_>) -> Result<(), AskError> {
    let Cast {
        alice,
        dave,
        frank,
        mallory,
        ..
    } = cast;
    past.hours_ago(1, 0);
    seed.block(alice, mallory).await?;
    seed.mute(alice, frank).await?;
    past.hours_ago(0, 40);
    // Whoever asked still waits when everybody may follow again.
    seed.ask_to_follow(dave, alice).await?;
    let open = ProfileChanges {
        locked: Some(false),
        ..ProfileChanges::default()
    };
    seed.change_profile(alice, open).await?;
    past.hours_ago(0, 20);
    seed.applicant(
        "victor",
        "I ring the bell of the ferry, and would like to tell of it.",
    )
    .await?;
    past.hours_ago(0, 0);
    Ok(())
}
