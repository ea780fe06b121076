//! Somebody at the website, with a cookie jar and no browser: opens pages and sends the forms on them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, StatusCode, Url};

/// How long somebody waits for a page.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody at the website.
pub struct Visitor {
    client: Client,
    cookies: Arc<Jar>,
}

/// A page as it was answered, after redirects.
pub struct Page {
    /// Where it was found in the end.
    pub url: Url,
    /// The answer's status.
    pub status: StatusCode,
    /// Its HTML.
    pub html: String,
}

impl Visitor {
    /// Somebody who was never here before.
    pub fn new() -> Self {
        let cookies = Arc::new(Jar::default());
        let client = Client::builder()
            .cookie_provider(Arc::clone(&cookies))
            .timeout(PATIENCE)
            .build()
            .expect("a client without special wishes");
        Self { client, cookies }
    }

    /// The header by which an address knows them.
    pub fn cookies(&self, url: &Url) -> String {
        let header = self.cookies.cookies(url).expect("they were there");
        header.to_str().expect("cookies are text").to_owned()
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) -> Page {
        let answer = self.client.get(url).send().await.expect("an answer");
        Page::from_answer(answer).await
    }

    /// Sends the form with this `action` as it stands on the page, with `filled` in.
    pub async fn send(&self, page: &Page, action: &str, filled: &[(&str, &str)]) -> Page {
        let mut fields = page.hidden_fields(action);
        for (name, value) in filled {
            fields.retain(|(other, _)| other != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let target = page.url.join(action).expect("the action is an address");
        let request = self.client.post(target).form(&fields);
        Page::from_answer(request.send().await.expect("an answer")).await
    }

    /// Sends the form with this `action`, a file as its last field.
    pub async fn upload(
        &self,
        page: &Page,
        action: &str,
        filled: &[(&str, &str)],
        (field, name, bytes): (&str, &str, Vec<u8>),
    ) -> Page {
        let mut form = Form::new();
        for (name, value) in page.hidden_fields(action) {
            form = form.text(name, value);
        }
        for (name, value) in filled {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let file = Part::bytes(bytes).file_name(name.to_owned());
        let form = form.part(field.to_owned(), file);
        let target = page.url.join(action).expect("the action is an address");
        let request = self.client.post(target).multipart(form);
        Page::from_answer(request.send().await.expect("an answer")).await
    }

    /// Presses a button of the page's action form that leads to `action`.
    pub async fn send_act(&self, page: &Page, action: &str) -> Page {
        let fields = page.fields_of("id=\"act\"");
        let target = page.url.join(action).expect("the action is an address");
        let fields: Vec<_> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        self.post(target.as_str(), &fields).await
    }

    /// Sends fields as they are.
    pub async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.client.post(url).form(fields);
        Page::from_answer(request.send().await.expect("an answer")).await
    }
}

impl Page {
    async fn from_answer(answer: reqwest::Response) -> Self {
        Self {
            url: answer.url().clone(),
            status: answer.status(),
            html: answer.text().await.expect("a page is text"),
        }
    }

    /// What stands in the first `element`, without tags.
    pub fn text_of(&self, element: &str) -> Option<String> {
        let (_, inside) = self.html.split_once(&format!("<{element}"))?;
        let (_, inside) = inside.split_once('>')?;
        let (inside, _) = inside.split_once(&format!("</{element}>"))?;
        Some(unescaped(inside))
    }

    /// The hidden fields of the form that leads to `action`.
    pub fn hidden_fields(&self, action: &str) -> Vec<(String, String)> {
        self.fields_of(&format!(" action=\"{action}\""))
    }

    /// The hidden fields of the first form whose tag has this mark.
    fn fields_of(&self, mark: &str) -> Vec<(String, String)> {
        let forms = self.html.split("<form").skip(1);
        let form = forms
            .map(|rest| rest.split("</form>").next().unwrap_or(rest))
            .find(|form| form.split('>').next().unwrap_or_default().contains(mark))
            .unwrap_or_else(|| panic!("{} has no form with {mark}:\n{}", self.url, self.html));
        form.split("<input")
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
            .collect()
    }
}

/// The value of an attribute of a tag as the website writes them: with double quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next().map(unescaped)
}

/// Text with the character references that escaping makes undone.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}
