//! A server with named people and a clock that is moved by hand, and a client that speaks to it as an app would.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kinglet::clock::{Clock as _, ManualClock, Timestamp};
use kinglet::config::Config;
use kinglet::domain::access::Authority;
use kinglet::domain::account::Role;
use kinglet::domain::job::JobState;
use kinglet::ids::AccountId;
use kinglet::store::queries::jobs::{ListJobs, ListSchedules};
use kinglet::store::units::{RunTaskNow, SuspendAccount, UnsuspendAccount};
use kinglet::{Server, ServerBuilder};
use reqwest::Method;
use reqwest::header::{COOKIE, HeaderMap};
use serde_json::Value as Json;

/// When the clock of every rig starts: 2026-09-21T14:13:20Z.
pub const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// What the tokens of people are good for.
pub const SCOPES: &str = "read write follow push";
/// How long an answer may take before a test gives up.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// How long work that nobody waits for may take before a test gives up.
const WORK_TIME_MAX: Duration = Duration::from_secs(20);
/// How often a test looks whether it is done.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// A person's password.
pub fn password_of(name: &str) -> String {
    format!("the password of {name}")
}

/// A server with people.
pub struct Rig {
    /// The server.
    pub server: Server,
    /// Its clock, which stands still until it is moved.
    pub clock: Arc<ManualClock>,
    people: HashMap<String, Person>,
}

/// Somebody with an account and a token.
#[derive(Clone)]
pub struct Person {
    /// The account's name.
    pub name: String,
    /// The account.
    pub id: AccountId,
    /// Asks in this person's name.
    pub client: Client,
}

impl Rig {
    /// A throwaway server without rate limits, and an account and a token for each name.
    pub async fn start(names: &[&str]) -> Self {
        Self::start_with(names, |builder| builder).await
    }

    /// As [`Rig::start`], with a server that `change` has the last word on.
    pub async fn start_with(
        names: &[&str],
        change: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".parse().expect("an address");
        config.limits.rate_limits = false;
        Self::start_configured(config, names, change).await
    }

    /// As [`Rig::start_with`], with a configuration of the test's own.
    pub async fn start_configured(
        config: Config,
        names: &[&str],
        change: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let clock = ManualClock::at(START);
        let builder = Server::builder()
            .config(config)
            .in_memory()
            .clock(clock.clone())
            .seed(7);
        let server = change(builder).start().await.expect("the server starts");
        let mut rig = Self {
            server,
            clock,
            people: HashMap::new(),
        };
        for name in names {
            rig.add(name, Role::User).await;
        }
        rig
    }

    /// Makes one more account.
    pub async fn add(&mut self, name: &str, role: Role) -> Person {
        let email = format!("{name}@example.org");
        let password = password_of(name);
        let made = self.server.create_account(name, &email, &password, role);
        let id = made.await.expect("the name is free");
        let person = Person {
            name: name.to_owned(),
            id,
            client: self.client_of(id, SCOPES).await,
        };
        self.people.insert(name.to_owned(), person.clone());
        person
    }

    /// A person that the rig knows.
    pub fn person(&self, name: &str) -> &Person {
        self.people.get(name).expect("the rig knows this person")
    }

    /// A person's client.
    pub fn client(&self, name: &str) -> &Client {
        &self.person(name).client
    }

    /// A client with another token of the same account.
    pub async fn client_of(&self, account: AccountId, scopes: &str) -> Client {
        let token = self.server.create_token(account, scopes).await;
        let token = token.expect("the account is there").into_exposed();
        Client::new(self.server.url()).with_token(token)
    }

    /// Hides an account, or shows it again, as the operator would.
    pub async fn set_suspended(&self, account: AccountId, suspended: bool) {
        let actors = &self.server.instance().actors;
        let by = Authority::Operator;
        let done = if suspended {
            actors.perform(SuspendAccount { by, account }).await
        } else {
            actors.perform(UnsuspendAccount { by, account }).await
        };
        done.expect("an operator may");
    }

    /// From now on this person speaks through another client.
    pub fn replace_client(&mut self, name: &str, client: Client) {
        let person = self.people.get_mut(name);
        person.expect("the rig knows this person").client = client;
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.server.url())
    }

    /// Waits until so many jobs are dead, and so many wait for another attempt.
    pub async fn wait_for_failures(&self, dead: usize, retrying: usize) {
        let actors = &self.server.instance().actors;
        let count = async |state| {
            let jobs = actors.find(ListJobs { state }).await;
            jobs.expect("an answer").len()
        };
        let failed = async {
            while (count(JobState::Dead).await, count(JobState::Waiting).await) != (dead, retrying)
            {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let failed = tokio::time::timeout(WORK_TIME_MAX, failed).await;
        failed.expect("they fail in time");
    }

    /// Has the statistics counted by the task that counts them.
    pub async fn count_statistics(&self) {
        self.pass_seconds(1);
        let asked_at = self.clock.now();
        let actors = &self.server.instance().actors;
        let counted = async {
            let task = || RunTaskNow {
                by: Authority::Operator,
                task: "statistics".to_owned(),
            };
            // Until the schedule is made there is no such task.
            while actors.perform(task()).await.is_err() {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            loop {
                let rows = actors.find(ListSchedules).await.expect("an answer");
                let row = rows.iter().find(|row| row.task == "statistics");
                let row = row.expect("it was planned");
                assert_eq!(row.last_error, None);
                let began = row.started_at.is_some_and(|at| at >= asked_at);
                if began && row.due_at > self.clock.now() {
                    return;
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let counted = tokio::time::timeout(WORK_TIME_MAX, counted).await;
        counted.expect("the statistics come to rest");
    }

    /// What the clock shows, in milliseconds since 1970.
    pub fn clock_now(&self) -> i64 {
        self.clock.now().millis()
    }

    /// Moves the clock forward.
    pub fn pass_seconds(&self, seconds: i64) {
        self.clock.advance_millis(seconds * 1000);
    }
}

/// Speaks to a server; follows no redirects and keeps no cookies.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    cookie: Option<String>,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Client {
    /// A client without a token.
    pub fn new(base: &str) -> Self {
        Self {
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(ANSWER_TIME_MAX)
                .no_proxy()
                .build()
                .expect("a client"),
            base: base.to_owned(),
            token: None,
            cookie: None,
        }
    }

    /// The same client with a token.
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The same client with a cookie, `name=value`, as a browser has one.
    pub fn with_cookie(mut self, cookie: impl Into<String>) -> Self {
        self.cookie = Some(cookie.into());
        self
    }

    /// The token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A request that is not sent yet. `path` begins with a slash, or is a whole URL such as a Link header holds.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = match path.strip_prefix('/') {
            Some(_) => format!("{}{path}", self.base),
            None => path.to_owned(),
        };
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        request
    }

    /// Sends a request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a text"),
        }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET` of what is no text, which has to be 200.
    pub async fn get_bytes(&self, path: &str) -> Vec<u8> {
        let response = self.request(Method::GET, path).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.bytes().await.expect("a body").to_vec()
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: Json) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    /// `POST` without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    /// `POST` of a form.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(fields))
            .await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: Json) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body))
            .await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        match serde_json::from_str(&self.text) {
            Ok(json) => json,
            Err(error) => panic!("{error}: {} {}", self.status, self.text),
        }
    }

    /// The body as JSON of an answer that has to be 200.
    #[track_caller]
    pub fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The sentence of an answer that has to be this refusal.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let sentence = self.json()["error"].as_str().map(str::to_owned);
        sentence.expect("a refusal has a sentence")
    }

    /// A header's value; empty when it isn't there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.unwrap_or(Ok("")).expect("a header of ASCII")
    }

    /// The address that the Link header gives for `rel`.
    pub fn link(&self, rel: &str) -> Option<String> {
        let wanted = format!("rel=\"{rel}\"");
        let links = self.header("link").split(',');
        links
            .map(str::trim)
            .find(|link| link.ends_with(&wanted))
            .and_then(|link| link.strip_prefix('<')?.split_once('>'))
            .map(|(url, _)| url.to_owned())
    }
}
