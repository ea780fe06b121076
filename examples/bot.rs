//! A bot that greets back whoever mentions it, through the Mastodon API as on any server.
//!
//! ```sh
//! cargo run --example bot                                                # against a server of its own, to look at
//! BOT_TOKEN=... cargo run --example bot -- https://social.example.org    # against yours, until Ctrl-C
//! ```
//!
//! On your own instance `kinglet user create bot ...` and `kinglet token create bot --scopes "read write"` make its account.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use kinglet::Server;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// How often the bot looks for mentions.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// The most mentions that it asks for at once.
const MENTIONS_PER_LOOK: &str = "30";

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Bot {
    http: Client,
    url: String,
    token: String,
    /// The newest mention that was answered.
    seen: Option<String>,
}

impl Bot {
    fn new(url: &str, token: &str) -> Self {
        Self {
            http: Client::new(),
            url: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            seen: None,
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Outcome<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Answers every mention that came since the last time, the oldest first; tells how many there were.
    async fn look(&mut self) -> Outcome<usize> {
        let mut answered = 0;
        loop {
            let url = format!("{}/api/v1/notifications", self.url);
            let mut query = vec![("types[]", "mention"), ("limit", MENTIONS_PER_LOOK)];
            // The page that begins right after what was seen; without `min_id` the first page would be the newest.
            query.push(("min_id", self.seen.as_deref().unwrap_or("0")));
            let mentions = self.ask(self.http.get(url).query(&query)).await?;
            let mentions = mentions.as_array().ok_or("a list was expected")?.clone();
            if mentions.is_empty() {
                return Ok(answered);
            }
            for mention in mentions.iter().rev() {
                self.answer(mention).await?;
                self.seen = mention["id"].as_str().map(str::to_owned);
                answered += 1;
            }
        }
    }

    async fn answer(&self, mention: &Value) -> Outcome<()> {
        let account = &mention["account"];
        // Two bots that greet each other would never stop.
        if account["bot"] == true {
            return Ok(());
        }
        let (Some(handle), Some(id)) = (account["acct"].as_str(), mention["id"].as_str()) else {
            return Err("a mention comes from an account and has an id".into());
        };
        let name = match account["display_name"].as_str() {
            None | Some("") => handle,
            Some(name) => name,
        };
        let status = json!({
            "status": format!("@{handle} Hello, {name}!"),
            "in_reply_to_id": mention["status"]["id"],
            "visibility": mention["status"]["visibility"],
        });
        let url = format!("{}/api/v1/statuses", self.url);
        // A bot that fell over in between and asks again gets the same answer, not a second one.
        let request = self
            .http
            .post(url)
            .header("Idempotency-Key", id)
            .json(&status);
        self.ask(request).await?;
        Ok(())
    }
}

/// Shows the bot at work on a throwaway server.
async fn show() -> Outcome<()> {
    let server = Server::builder().in_memory().start().await?;
    let seed = server.seed();
    let alice = seed.person("alice").display_name("Alice").await?;
    let greeter = seed.person("greeter").bot().await?;
    seed.post(&alice, "@greeter Good morning!")
        .publish()
        .await?;

    let mut bot = Bot::new(server.url(), greeter.token());
    println!("answered: {}", bot.look().await?);
    println!("answered: {}", bot.look().await?);

    let asks = Client::new().get(format!("{}/api/v1/notifications", server.url()));
    let told = asks
        .bearer_auth(alice.token())
        .send()
        .await?
        .json::<Value>()
        .await?;
    let greeting = &told[0]["status"];
    println!(
        "alice reads: {}",
        greeting["content"].as_str().ok_or("no greeting")?
    );
    Ok(server.shutdown().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let Some(url) = std::env::args().nth(1) else {
        return show().await;
    };
    let token = std::env::var("BOT_TOKEN").map_err(|_| "BOT_TOKEN has to hold an access token")?;
    let mut bot = Bot::new(&url, &token);
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    // One that is kept: a Ctrl-C while the bot looks is heard afterwards, and no answer is cut in two.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            biased;
            ended = &mut interrupted => return Ok(ended?),
            _ = interval.tick() => {}
        }
        match bot.look().await {
            Ok(0) => {}
            Ok(answered) => println!("answered: {answered}"),
            // The next look may have more luck.
            Err(error) => eprintln!("{error}"),
        }
    }
}
