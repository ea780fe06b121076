//! How a client is tested against a real server: each test has one of its own, filled with what it needs.
//!
//! ```sh
//! cargo test --example client_test
//! ```
//!
//! The client is a few lines here; yours takes its place. It works by itself, too: `cargo run --example client_test --
//! https://social.example.org` prints what that server's public timeline says; with a token in `CLIENT_TOKEN` it writes the texts
//! that follow, and prints one's home.

use std::error::Error;

use reqwest::Client;
use serde_json::{Value, json};

/// The client under test.
struct Timeline {
    http: Client,
    url: String,
    token: Option<String>,
}

impl Timeline {
    fn new(url: &str, token: Option<&str>) -> Self {
        Self {
            http: Client::new(),
            url: url.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    /// Who wrote what, the newest first: of everybody's public posts, or with a token of one's own home.
    async fn read(&self) -> Result<Vec<(String, String)>, reqwest::Error> {
        let name = if self.token.is_some() {
            "home"
        } else {
            "public"
        };
        let mut request = self
            .http
            .get(format!("{}/api/v1/timelines/{name}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let posts: Vec<Value> = request.send().await?.error_for_status()?.json().await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |post: &Value| (text(&post["account"]["acct"]), text(&post["content"]));
        Ok(posts.iter().map(line).collect())
    }

    async fn write(&self, status: &str) -> Result<(), reqwest::Error> {
        let request = self.http.post(format!("{}/api/v1/statuses", self.url));
        let request = request.bearer_auth(self.token.as_deref().unwrap_or_default());
        request
            .json(&json!({ "status": status }))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("which server? give its address")?;
    let token = std::env::var("CLIENT_TOKEN").ok();
    let client = Timeline::new(&url, token.as_deref());
    for status in arguments {
        client.write(&status).await?;
    }
    for (author, content) in client.read().await? {
        println!("{author}: {content}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kinglet::Server;
    use kinglet::clock::{ManualClock, Timestamp};

    use super::*;

    /// A server that is like any other of its kind: the same ids, the same tokens, the same time.
    async fn server() -> Server {
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let builder = Server::builder().in_memory().seed(1).clock(clock);
        builder.start().await.expect("a server starts")
    }

    #[tokio::test]
    async fn home_shows_whom_one_follows() -> Result<(), Box<dyn Error>> {
        let server = server().await;
        let seed = server.seed();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| seed.person(name));
        let (alice, bob, carol) = (alice.await?, bob.await?, carol.await?);
        seed.follow(&alice, &bob).await?;
        seed.post(&bob, "Wrens").publish().await?;
        seed.post(&carol, "Owls").publish().await?;

        let home = Timeline::new(server.url(), Some(alice.token()))
            .read()
            .await?;
        assert_eq!(home, [("bob".to_owned(), "<p>Wrens</p>".to_owned())]);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_written_is_there_for_everybody() -> Result<(), Box<dyn Error>> {
        let server = server().await;
        let alice = server.seed().person("alice").await?;
        let stranger = Timeline::new(server.url(), None);
        assert_eq!(stranger.read().await?, []);
        Timeline::new(server.url(), Some(alice.token()))
            .write("Hello")
            .await?;
        assert_eq!(
            stranger.read().await?,
            [("alice".to_owned(), "<p>Hello</p>".to_owned())]
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_token_that_opens_too_little_is_an_error() -> Result<(), Box<dyn Error>> {
        let server = server().await;
        let alice = server
            .seed()
            .person("alice")
            .scopes("read:accounts")
            .await?;
        let client = Timeline::new(server.url(), Some(alice.token()));
        let status = client.read().await.expect_err("it may not").status();
        assert_eq!(status.map(|status| status.as_u16()), Some(403));
        Ok(())
    }

    /// Without asynchronous code, but for the client's.
    #[test]
    fn a_test_needs_no_runtime_of_its_own() -> Result<(), Box<dyn Error>> {
        let server = Server::builder().in_memory().start_blocking()?;
        server.block_on(async {
            let alice = server.seed().person("alice").await?;
            server.seed().post(&alice, "Hello").publish().await?;
            assert_eq!(Timeline::new(server.url(), None).read().await?.len(), 1);
            Ok(())
        })
    }
}
