//! An instance with some life: people, what they wrote over four weeks, what they thought of it, and who looks after it.

use kinglet::config::Config;
use kinglet::domain::account::Role;
use serde_json::{Value, json};

use super::server::{Client, Rig, START, password_of};
use super::smtp::MailServer;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;
/// Days of small talk before what is worth a look.
const SMALL_TALK_DAYS: i64 = 24;
/// How long ago the first of them came.
const BEGINNING_MINUTES: i64 = (SMALL_TALK_DAYS + 4) * DAY_MINUTES;
/// From the beginning to six in the morning.
const FIRST_MORNING_MINUTES: i64 = 947;
/// How long people are awake.
const WAKING_MINUTES: i64 = 15 * 60;

/// The instance.
pub struct Village {
    /// Where it lives, with its people.
    pub rig: Rig,
    /// The name of whoever looks at it.
    pub viewer: &'static str,
    /// The name of whoever looks after it.
    pub owner: &'static str,
    /// The path of a post with answers.
    pub thread: String,
    /// Where its mail goes.
    pub smtp: MailServer,
}

/// Somebody who lives there.
struct Villager {
    name: &'static str,
    display_name: &'static str,
    bio: &'static str,
    fields: &'static [(&'static str, &'static str)],
    /// Indices of those whom they follow.
    follows: &'static [usize],
}

/// Something that was said.
struct Said {
    minutes_ago: i64,
    by: usize,
    text: &'static str,
    /// A content warning, or "".
    warning: &'static str,
    visibility: &'static str,
    /// The index of what it answers.
    answers: Option<usize>,
    favourites: &'static [usize],
    boosts: &'static [usize],
}

const MIRELA: usize = 0;
const TOMAS: usize = 1;
const WREN: usize = 2;
const ADA: usize = 3;
const HARBOUR: usize = 4;
const JONAS: usize = 5;
const GRAINNE: usize = 6;
const YUKI: usize = 7;

const VILLAGERS: [Villager; 8] = [
    Villager {
        name: "mirela",
        display_name: "Mirela Popescu",
        bio: "Repairs clocks, reads slowly, walks fast. Mostly here in the evening.",
        fields: &[
            ("Pronouns", "she/her"),
            ("Workshop", "https://clocks.example"),
        ],
        follows: &[TOMAS, WREN, ADA, HARBOUR, GRAINNE, YUKI],
    },
    Villager {
        name: "tomas",
        display_name: "Tomás Herrera",
        bio: "Photographs what stands still: #lichen, lighthouses, old machines. Answers every letter.",
        fields: &[
            ("Camera", "A 1962 folding one"),
            ("Pictures", "https://herrera.example/plates"),
            ("Where", "The far end of the pier"),
        ],
        follows: &[MIRELA, WREN, GRAINNE, YUKI],
    },
    Villager {
        name: "wren",
        display_name: "Wren",
        bio: "Small, brown, loud before sunrise.",
        fields: &[],
        follows: &[MIRELA, TOMAS, ADA, GRAINNE],
    },
    Villager {
        name: "ada",
        display_name: "Ada Lindqvist",
        bio: "Writes compilers by day and #crosswords by night.",
        fields: &[("Code", "https://lindqvist.example/source")],
        follows: &[MIRELA, WREN, JONAS],
    },
    Villager {
        name: "harbour",
        display_name: "Harbour Weather",
        bio: "Wind, tide and light, four times a day. A program writes this.",
        fields: &[],
        follows: &[],
    },
    Villager {
        name: "jonas",
        display_name: "Jonas Okafor",
        bio: "Baker. The oven is lit at three.",
        fields: &[("Open", "Tuesday to Saturday, 6 to 13")],
        follows: &[MIRELA, ADA],
    },
    Villager {
        name: "grainne",
        display_name: "Gráinne Ní Bhriain",
        bio: "Ferry pilot. Twelve crossings a day, never the same one twice.",
        fields: &[],
        follows: &[MIRELA, TOMAS, HARBOUR, WREN],
    },
    Villager {
        name: "yuki",
        display_name: "ゆき",
        bio: "本と港と猫。Books, harbours, cats.",
        fields: &[("Languages", "日本語, English")],
        follows: &[MIRELA, TOMAS],
    },
];

/// The index of the post whose thread is worth a look.
const THREAD: usize = 8;

const SAID: [Said; 18] = [
    Said {
        minutes_ago: 4000,
        by: ADA,
        text: "After nine years the parser handles its own grammar. I made tea and looked out of the window for an hour. #compilers",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[MIRELA, WREN, JONAS],
        boosts: &[WREN],
    },
    Said {
        minutes_ago: 3300,
        by: JONAS,
        text: "Rye is back. The starter survived my holiday better than I did.",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[ADA],
        boosts: &[],
    },
    Said {
        minutes_ago: 2500,
        by: YUKI,
        text: "港の灯りが好きです。霧の夜は、音だけが先に届く。 #港",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[TOMAS, MIRELA],
        boosts: &[TOMAS],
    },
    Said {
        minutes_ago: 1700,
        by: WREN,
        text: "Counted the dawn chorus from the roof: eleven species, one of them a car alarm. #birds",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[MIRELA, GRAINNE, TOMAS],
        boosts: &[GRAINNE],
    },
    Said {
        minutes_ago: 1650,
        by: GRAINNE,
        text: "@wren The car alarm has the better phrasing, to be fair.",
        warning: "",
        visibility: "public",
        answers: Some(3),
        favourites: &[WREN],
        boosts: &[],
    },
    Said {
        minutes_ago: 1300,
        by: ADA,
        text: "It was the lighthouse keeper's brother, and the barometer was wrong on purpose.",
        warning: "How the serial ends",
        visibility: "public",
        answers: None,
        favourites: &[JONAS],
        boosts: &[],
    },
    Said {
        minutes_ago: 900,
        by: TOMAS,
        text: "Waited four hours for the fog to lift off the breakwater. It didn't, and the picture is better for it. The plate needs two more days to dry: https://herrera.example/plates/breakwater #lichen #slowphotography",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[WREN, YUKI, GRAINNE, MIRELA],
        boosts: &[YUKI, GRAINNE],
    },
    Said {
        minutes_ago: 610,
        by: HARBOUR,
        text: "06:00. Wind north-west 4, gusts 6. Low water 07:48, 0.9 m. First light 06:52, sunrise 07:31.",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[GRAINNE],
        boosts: &[],
    },
    Said {
        minutes_ago: 420,
        by: MIRELA,
        text: "Opened a marine chronometer from 1911 today. Somebody before me had scratched the date of each repair inside the case: 1923, 1938, 1946, 1979. I added mine, very small. #clocks",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[TOMAS, WREN, ADA, GRAINNE, YUKI],
        boosts: &[TOMAS, WREN, ADA],
    },
    Said {
        minutes_ago: 395,
        by: TOMAS,
        text: "@mirela Did 1946 sign it? There was a repairer on Quay Street who drew a little anchor.",
        warning: "",
        visibility: "public",
        answers: Some(8),
        favourites: &[MIRELA],
        boosts: &[],
    },
    Said {
        minutes_ago: 380,
        by: MIRELA,
        text: "@tomas There *is* an anchor! I took it for a maker's mark. You have just made my evening.",
        warning: "",
        visibility: "public",
        answers: Some(9),
        favourites: &[TOMAS, WREN],
        boosts: &[],
    },
    Said {
        minutes_ago: 350,
        by: GRAINNE,
        text: "@mirela My grandmother's ferry ran on that clock, or on one of its sisters. It was four seconds fast and nobody was allowed to correct it.",
        warning: "",
        visibility: "public",
        answers: Some(8),
        favourites: &[MIRELA, ADA],
        boosts: &[],
    },
    Said {
        minutes_ago: 250,
        by: HARBOUR,
        text: "12:00. Wind west 3. High water 14:02, 4.1 m. Visibility 12 miles, light haze.",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[],
        boosts: &[],
    },
    Said {
        minutes_ago: 140,
        by: GRAINNE,
        text: "Crossing eight: a seal kept pace with us as far as the second buoy, then lost interest. Fair enough.",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[MIRELA, TOMAS, WREN],
        boosts: &[TOMAS],
    },
    Said {
        minutes_ago: 75,
        by: YUKI,
        text: "A cat has moved into the second-hand bookshop. It sleeps on the poetry and refuses to be sold.",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[MIRELA, ADA],
        boosts: &[],
    },
    Said {
        minutes_ago: 38,
        by: TOMAS,
        text: "Evening light on the cranes, ten minutes of it. I had one plate left and used it on the seagull.",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[GRAINNE, MIRELA],
        boosts: &[],
    },
    Said {
        minutes_ago: 21,
        by: WREN,
        text: "@mirela Bring the chronometer on Sunday? I have cake, and a drawer full of tiny screws that belong to nothing.",
        warning: "",
        visibility: "private",
        answers: None,
        favourites: &[],
        boosts: &[],
    },
    Said {
        minutes_ago: 6,
        by: ADA,
        text: "Nine letters, \"keeps the time but never spends it\". Not CLOCKWORK. #crosswords",
        warning: "",
        visibility: "public",
        answers: None,
        favourites: &[MIRELA],
        boosts: &[],
    },
];

/// What is said on any day, and by whom.
const SMALL_TALK: [(usize, &str); 11] = [
    (HARBOUR, "06:00. Wind west 4, sea moderate."),
    (JONAS, "Seeded loaves until noon. #bread"),
    (WREN, "Blackcap in the hedge by the school. #birds"),
    (GRAINNE, "Crossing three, flat calm, everybody on deck."),
    (ADA, "One clue a day keeps the compiler away. #crosswords"),
    (
        MIRELA,
        "A carriage clock came in with a note: it only stops on Sundays. #clocks",
    ),
    (HARBOUR, "12:00. Wind south-west 3, visibility good."),
    (TOMAS, "Two plates, one of them sharp."),
    (YUKI, "朝の市場、まだ静か。"),
    (WREN, "Swifts overhead, seven. #birds"),
    (GRAINNE, "Heard the curlews before I saw the quay. #birds"),
];

/// Who likes some of it.
const ADMIRERS: &[usize] = &[MIRELA, GRAINNE, WREN];

/// Who passes some of it on.
const BOOSTERS: &[usize] = &[TOMAS, YUKI, ADA, MIRELA];

/// The name of whoever looks after the village.
const OWNER: &str = "keeper";

impl Village {
    /// Starts a server and lets the days pass.
    pub async fn found() -> Self {
        let smtp = MailServer::start().await;
        let mut config = Config::default();
        config.http.listen = ([127, 0, 0, 1], 0).into();
        config.limits.rate_limits = false;
        config.instance.title = "Quayside".to_owned();
        config.instance.description =
            "A small harbour town's place to talk: weather, clocks, birds and bread.".to_owned();
        config.mail.url = smtp.url().parse().expect("a mail URL");
        let names = VILLAGERS.map(|villager| villager.name);
        let mut rig = Rig::start_configured(config, &names, |builder| builder).await;
        rig.add(OWNER, Role::Owner).await;
        let now = START.plus_millis(BEGINNING_MINUTES * MINUTE_MS);
        settle(&rig).await;
        talk_small(&rig).await;
        let mut posts: Vec<String> = Vec::new();
        for said in &SAID {
            rig.clock
                .set(now.plus_millis(-said.minutes_ago * MINUTE_MS));
            let answered = said.answers.map(|answered| posts[answered].as_str());
            posts.push(say(&rig, said, answered).await);
        }
        let viewer = rig.person(VILLAGERS[MIRELA].name);
        change_profile(&viewer.client, &json!({"locked": true})).await;
        rig.clock.set(now.plus_millis(-2 * MINUTE_MS));
        let path = format!("/api/v1/accounts/{}/follow", viewer.id);
        client(&rig, HARBOUR).post_empty(&path).await.ok();
        rig.clock.set(now);
        write_in_vain(&rig).await;
        rig.count_statistics().await;
        Self {
            thread: format!("/@{}/{}", viewer.name, posts[THREAD]),
            viewer: VILLAGERS[MIRELA].name,
            owner: OWNER,
            smtp,
            rig,
        }
    }
}

fn client(rig: &Rig, villager: usize) -> &Client {
    rig.client(VILLAGERS[villager].name)
}

/// Everybody fills in a profile and follows whom they follow.
async fn settle(rig: &Rig) {
    for (index, villager) in VILLAGERS.iter().enumerate() {
        let fields = villager.fields.iter();
        let fields: Vec<Value> = fields
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let profile = json!({
            "display_name": villager.display_name,
            "note": villager.bio,
            "bot": index == HARBOUR,
            "fields_attributes": fields,
        });
        change_profile(client(rig, index), &profile).await;
        for followed in villager.follows {
            let followed = rig.person(VILLAGERS[*followed].name).id;
            let path = format!("/api/v1/accounts/{followed}/follow");
            client(rig, index).post_empty(&path).await.ok();
        }
    }
}

/// Many days on which nothing much happens, some of them livelier than others.
async fn talk_small(rig: &Rig) {
    let mut talk = SMALL_TALK.iter().cycle();
    for day in 0..SMALL_TALK_DAYS {
        let count = 2 + day * 5 % 7;
        for at in 0..count {
            let (by, text) = talk.next().expect("they never stop");
            let minute = FIRST_MORNING_MINUTES
                + day * DAY_MINUTES
                + at * WAKING_MINUTES / count
                + (day * 37 + at * 53) % 60;
            rig.clock.set(START.plus_millis(minute * MINUTE_MS));
            let turn = usize::try_from(day + at).expect("no day before the first");
            let crowd = turn % (ADMIRERS.len() + 1);
            let booster = turn / 4 % BOOSTERS.len();
            let said = Said {
                minutes_ago: 0,
                by: *by,
                text,
                warning: "",
                visibility: "public",
                answers: None,
                favourites: &ADMIRERS[..crowd],
                boosts: &BOOSTERS[booster..booster + crowd / ADMIRERS.len()],
            };
            say(rig, &said, None).await;
        }
    }
}

/// A mail that is refused for good, and one that is put off.
async fn write_in_vain(rig: &Rig) {
    for (name, email) in [
        ("otis", "gone@letters.example"),
        ("pippa", "greylisted@letters.example"),
    ] {
        let password = password_of(name);
        let made = rig
            .server
            .create_account(name, email, &password, Role::User);
        made.await.expect("the name is free");
    }
    let post =
        json!({"status": "@otis @pippa The last ferry leaves at nine", "visibility": "direct"});
    let answer = client(rig, GRAINNE).post("/api/v1/statuses", post).await;
    answer.ok();
    rig.wait_for_failures(1, 1).await;
}

async fn change_profile(client: &Client, profile: &Value) {
    let path = "/api/v1/accounts/update_credentials";
    client.patch(path, profile.clone()).await.ok();
}

/// Writes a post, which some favour and boost a little later; gives back its id.
async fn say(rig: &Rig, said: &Said, answered: Option<&str>) -> String {
    let post = json!({
        "status": said.text,
        "visibility": said.visibility,
        "spoiler_text": said.warning,
        "in_reply_to_id": answered,
    });
    let answer = client(rig, said.by).post("/api/v1/statuses", post).await;
    let id = answer.ok()["id"].as_str().map(str::to_owned);
    let id = id.expect("a post has an id");
    let favourites = said.favourites.iter().map(|who| (who, "favourite"));
    let boosts = said.boosts.iter().map(|who| (who, "reblog"));
    for (who, act) in favourites.chain(boosts) {
        rig.clock.advance_millis(MINUTE_MS / 2);
        let path = format!("/api/v1/statuses/{id}/{act}");
        client(rig, *who).post_empty(&path).await.ok();
    }
    id
}
