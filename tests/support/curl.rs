//! curl as a client: it speaks TLS, the PROXY protocol and unix sockets by code that has nothing to do with the server's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reqwest::{StatusCode, Url};

use super::website::Page;

/// What an answer's status is printed after.
const STATUS_MARK: &str = "\nkinglet-status: ";
/// How long an answer may take, in seconds.
const ANSWER_SECS_MAX: &str = "20";

/// curl with options that every request of a test has.
#[derive(Clone)]
pub struct Curl {
    options: Vec<String>,
    cookies: Option<PathBuf>,
}

/// What came of a request.
pub struct Fetched {
    /// curl's own exit code: 0 when there was an answer.
    pub code: i32,
    /// The answer's status, 0 without one.
    pub status: u16,
    /// Body, after the headers when they were asked for.
    pub text: String,
    /// What curl complained about.
    pub complaint: String,
}

impl Curl {
    /// With these options.
    pub fn new<S: Into<String>>(options: impl IntoIterator<Item = S>) -> Self {
        Self {
            options: options.into_iter().map(Into::into).collect(),
            cookies: None,
        }
    }

    /// With one more option and its value.
    pub fn with(mut self, option: &str, value: impl AsRef<Path>) -> Self {
        let value = value.as_ref().to_str().expect("UTF-8");
        self.options.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// That keeps cookies in a file.
    pub fn keeping_cookies(mut self, file: &Path) -> Self {
        self.cookies = Some(file.to_owned());
        self
    }

    /// Asks with these options beside its own.
    pub fn fetch(&self, url: &str, more: &[&str]) -> Fetched {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--noproxy", "*"])
            .args(["--max-time", ANSWER_SECS_MAX])
            .args(["--write-out", &format!("{STATUS_MARK}%{{http_code}}")])
            .args(&self.options)
            .args(more)
            .arg(url)
            .stdin(Stdio::null());
        if let Some(file) = &self.cookies {
            command
                .arg("--cookie")
                .arg(file)
                .arg("--cookie-jar")
                .arg(file);
        }
        let output: Output = command
            .output()
            .expect("curl is missing: run tests/install first");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        let (text, status) = printed.rsplit_once(STATUS_MARK).unwrap_or(("", "0"));
        Fetched {
            code: output.status.code().expect("curl isn't killed"),
            status: status.trim().parse().expect("a status"),
            text: text.to_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Opens a page of the website, which has to answer.
    #[track_caller]
    pub fn open(&self, url: &str, more: &[&str]) -> Page {
        let fetched = self.fetch(url, more);
        assert_eq!(fetched.code, 0, "{url}: {}", fetched.complaint);
        Page {
            url: Url::parse(url).expect("a URL"),
            status: StatusCode::from_u16(fetched.status).expect("a status"),
            html: fetched.text,
        }
    }

    /// Sends the form of a page that leads to `action` as it stands there, with `filled` in.
    #[track_caller]
    pub fn send(&self, instance: &str, page: &Page, action: &str, filled: &[(&str, &str)]) -> Page {
        let mut fields = page.hidden_fields(action);
        for (name, value) in filled {
            fields.retain(|(other, _)| other != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let fields: Vec<String> = fields
            .into_iter()
            .flat_map(|(name, value)| ["--data-urlencode".to_owned(), format!("{name}={value}")])
            .collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        self.open(&format!("{instance}{action}"), &fields)
    }

    /// Logs in at the website as a person would, and gives back the page of home.
    #[track_caller]
    pub fn log_in(&self, instance: &str, name: &str, password: &str) -> Page {
        let page = self.open(&format!("{instance}/login"), &[]);
        assert_eq!(page.status, StatusCode::OK, "{}", page.html);
        let filled = [("return_to", "/"), ("login", name), ("password", password)];
        let answer = self.send(instance, &page, "/login", &filled);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.html);
        self.open(&format!("{instance}/"), &[])
    }
}
