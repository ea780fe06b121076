//! Parameters as clients really send them: urlencoded, multipart and JSON bodies and query strings, all in one tree.
//!
//! Names nest as in Rails: `media_ids[]=1&poll[options][]=a&fields_attributes[0][name]=x`. An explicit JSON null is
//! the same as an absent parameter, numbers and booleans are their text.

use std::borrow::Cow;
use std::str::FromStr;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use percent_encoding::percent_decode;
use serde_json::Value as Json;

use super::call::BodyStream;
use crate::inquiry;
use crate::problem::Problem;

/// The most parameters of one request, counted at the leaves.
pub const FIELDS_MAX: usize = 1000;
/// How deep parameters nest.
pub const DEPTH_MAX: usize = 8;
/// The longest name of a parameter, brackets included, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// The most that a form without files may hold, in bytes.
pub const FORM_BYTES_MAX: usize = 1024 * 1024;
/// The most files in one request.
pub const FILES_MAX: usize = 4;

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text; numbers and booleans too.
    Text(String),
    /// The same plain name several times.
    Repeated(Vec<String>),
    /// A list: `name[]`, or a JSON array.
    List(Vec<Value>),
    /// Named parts: `name[part]`, or a JSON object.
    Object(Form),
}

/// Named parameters: those of forms in the order in which they came, those of JSON by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form(Vec<(String, Value)>);

/// Whether a route wants files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// A file is refused with a sentence.
    Refused,
    /// Files up to this size each, in bytes.
    UpTo(usize),
}

/// A file that came in a multipart body.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The parameter's name.
    pub name: String,
    /// What the client says the type is.
    pub content_type: Option<String>,
    /// The file.
    pub bytes: Bytes,
}

/// What has been built, with what is left of the bounds.
pub(super) struct Builder {
    pub(super) form: Form,
    fields_left: usize,
}

fn wrong_shape(name: &str, wanted: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::malformed(format!("The parameter \"{name}\" must be {wanted}"))
}

fn wrong_value(name: &str, wanted: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::invalid(format!("The parameter \"{name}\" must be {wanted}"))
}

fn too_many() -> Problem {
    Problem::malformed("The request has too many parameters")
}

fn too_deep() -> Problem {
    Problem::malformed("The request's parameters nest too deep")
}

/// Reads `a=1&b[]=2`, from a body or a query.
///
/// # Errors
/// Malformed: no text, NUL, too many, too deep, or a name used in two ways.
pub fn from_urlencoded(bytes: &[u8]) -> Result<Form, Problem> {
    let mut builder = Builder::new();
    for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        builder.add(&name, value)?;
    }
    Ok(builder.form)
}

fn decode(raw: &[u8]) -> Result<String, Problem> {
    let spaced: Cow<'_, [u8]> = if raw.contains(&b'+') {
        let swap = |b: &u8| if *b == b'+' { b' ' } else { *b };
        Cow::Owned(raw.iter().map(swap).collect())
    } else {
        Cow::Borrowed(raw)
    };
    text(percent_decode(&spaced).collect())
}

/// Text as every parameter must be: UTF-8 without NUL.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Problem::malformed("The request's parameters are not valid UTF-8 text"))?;
    without_nul(text)
}

fn without_nul(text: String) -> Result<String, Problem> {
    if text.contains('\0') {
        return Err(Problem::malformed(
            "The request's parameters hold a NUL character",
        ));
    }
    Ok(text)
}

/// Reads a JSON object.
///
/// # Errors
/// Malformed: no JSON, no object, too many, too deep, NUL.
pub fn from_json(bytes: &[u8]) -> Result<Form, Problem> {
    let json: Json = serde_json::from_slice(bytes)
        .map_err(|_| Problem::malformed("The request's body is not valid JSON"))?;
    let Json::Object(members) = json else {
        return Err(Problem::malformed(
            "The request's body must be a JSON object",
        ));
    };
    let mut fields_left = FIELDS_MAX;
    object_of_json(members, DEPTH_MAX, &mut fields_left)
}

fn object_of_json(
    members: serde_json::Map<String, Json>,
    depth_left: usize,
    fields_left: &mut usize,
) -> Result<Form, Problem> {
    let mut form = Form::default();
    for (name, json) in members {
        let name = without_nul(name)?;
        // Some clients name a list `ids[]` in JSON as they do in forms.
        let name = name.strip_suffix("[]").unwrap_or(&name).to_owned();
        if let Some(value) = value_of_json(json, depth_left, fields_left)? {
            form.0.push((name, value));
        }
    }
    Ok(form)
}

fn value_of_json(
    json: Json,
    depth_left: usize,
    fields_left: &mut usize,
) -> Result<Option<Value>, Problem> {
    let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
    *fields_left = fields_left.checked_sub(1).ok_or_else(too_many)?;
    Ok(Some(match json {
        Json::Null => return Ok(None),
        Json::Bool(flag) => Value::Text(flag.to_string()),
        Json::Number(number) => Value::Text(number.to_string()),
        Json::String(text) => Value::Text(without_nul(text)?),
        Json::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                list.extend(value_of_json(item, depth_left, fields_left)?);
            }
            Value::List(list)
        }
        Json::Object(members) => Value::Object(object_of_json(members, depth_left, fields_left)?),
    }))
}

/// Reads a body by its type.
///
/// # Errors
/// Malformed, too large, too slow, of a type that is not understood, or with files that nobody wants.
pub async fn read(
    content_type: Option<&str>,
    body: BodyStream,
    files: Files,
) -> Result<(Form, Vec<Upload>), Problem> {
    let media_type = content_type.unwrap_or("").split(';').next().unwrap_or("");
    let media_type = media_type.trim().to_ascii_lowercase();
    if media_type == "multipart/form-data" {
        let boundary = multer::parse_boundary(content_type.unwrap_or(""))
            .map_err(|_| Problem::malformed("The multipart body names no boundary"))?;
        return read_multipart(&boundary, body, files).await;
    }
    let form = match media_type.as_str() {
        "application/x-www-form-urlencoded" => from_urlencoded(&collect(body).await?)?,
        "application/json" => match collect(body).await? {
            empty if empty.is_empty() => Form::default(),
            bytes => from_json(&bytes)?,
        },
        // Clients that send nothing are careless about what type it has.
        _ => match is_empty(body).await? {
            true => Form::default(),
            false => return Err(Problem::unsupported_type()),
        },
    };
    Ok((form, Vec::new()))
}

async fn is_empty(mut body: BodyStream) -> Result<bool, Problem> {
    while let Some(piece) = body.next().await {
        if !piece.map_err(|error| Problem::of_body(&error))?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn collect(mut body: BodyStream) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| Problem::of_body(&error))?;
        if first.len() + all.len() + piece.len() > FORM_BYTES_MAX {
            return Err(Problem::too_large());
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies are one piece and need no copy.
            first = piece;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

async fn read_multipart(
    boundary: &str,
    body: BodyStream,
    files: Files,
) -> Result<(Form, Vec<Upload>), Problem> {
    let mut parts = multer::Multipart::new(body, boundary);
    let mut builder = Builder::new();
    let mut uploads = Vec::new();
    let mut form_bytes_left = FORM_BYTES_MAX;
    while let Some(mut part) = parts.next_field().await.map_err(of_multipart)? {
        let name = part.name().unwrap_or_default().to_owned();
        let name = without_nul(name)?;
        let is_file = part.file_name().is_some();
        let content_type = part.content_type().map(ToString::to_string);
        let bytes_max = match (is_file, files) {
            (false, _) => form_bytes_left,
            (true, Files::UpTo(bytes_max)) => bytes_max,
            (true, Files::Refused) => 0,
        };
        let mut bytes = BytesMut::new();
        while let Some(piece) = part.chunk().await.map_err(of_multipart)? {
            if bytes.len() + piece.len() > bytes_max {
                return Err(match (is_file, files) {
                    (true, Files::Refused) => wrong_value(&name, "a text, not a file"),
                    _ => Problem::too_large(),
                });
            }
            bytes.extend_from_slice(&piece);
        }
        if !is_file {
            form_bytes_left -= bytes.len();
            builder.add(&name, text(bytes.into())?)?;
        } else if !bytes.is_empty() {
            // A browser sends an empty file for a field that was left alone.
            if uploads.len() == FILES_MAX {
                return Err(too_many());
            }
            uploads.push(Upload {
                name,
                content_type,
                bytes: bytes.freeze(),
            });
        }
    }
    Ok((builder.form, uploads))
}

pub(super) fn of_multipart(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(cause) => Problem::of_body(cause.as_ref()),
        _ => Problem::malformed("The multipart body is broken"),
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            form: Form::default(),
            fields_left: FIELDS_MAX,
        }
    }

    pub(super) fn add(&mut self, name: &str, value: String) -> Result<(), Problem> {
        self.fields_left = self.fields_left.checked_sub(1).ok_or_else(too_many)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Problem::malformed("A parameter's name is too long"));
        }
        let (root, keys) = split_name(name);
        if keys.len() >= DEPTH_MAX {
            return Err(too_deep());
        }
        self.form
            .insert(root, &keys, value)
            .map_err(|Clash| wrong_shape(root, "of one kind: a text, a list or an object"))
    }
}

/// `a[b][]` as `a` and `["b", ""]`; a name whose brackets don't match is one plain name.
fn split_name(name: &str) -> (&str, Vec<&str>) {
    let whole = (name, Vec::new());
    let Some(open) = name.find('[').filter(|open| *open > 0) else {
        return whole;
    };
    let (root, mut rest) = name.split_at(open);
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let Some((key, after)) = rest
            .strip_prefix('[')
            .and_then(|inner| inner.split_once(']'))
        else {
            return whole;
        };
        keys.push(key);
        rest = after;
    }
    (root, keys)
}

fn texts<'a>(name: &str, values: impl Iterator<Item = &'a Value>) -> Result<Vec<&'a str>, Problem> {
    let texts = values.map(|value| match value {
        Value::Text(text) => Ok(text.as_str()),
        _ => Err(wrong_shape(name, "a list of texts")),
    });
    texts.collect()
}

/// One name was used in two ways.
struct Clash;

impl Form {
    fn insert(&mut self, name: &str, keys: &[&str], text: String) -> Result<(), Clash> {
        let Some(at) = self.0.iter().position(|(known, _)| known == name) else {
            self.0.push((name.to_owned(), Value::nested(keys, text)?));
            return Ok(());
        };
        self.0[at].1.insert(keys, text)
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        inquiry::asked_for(name);
        self.find(name)
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a parameter is there, with whatever value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| {
            inquiry::asked_for(name);
            (name.as_str(), value)
        })
    }

    /// The names of all parameters as they would be written in a form, those of nested ones too.
    pub(crate) fn names(&self) -> Vec<Vec<&str>> {
        let mut names = Vec::new();
        self.add_names(&[], &mut names);
        names
    }

    fn add_names<'a>(&'a self, outer: &[&'a str], names: &mut Vec<Vec<&'a str>>) {
        for (name, value) in &self.0 {
            let path: Vec<&str> = outer.iter().copied().chain([name.as_str()]).collect();
            let inner: Vec<&Form> = match value {
                Value::Object(form) => vec![form],
                Value::List(items) => items
                    .iter()
                    .filter_map(|item| match item {
                        Value::Object(form) => Some(form),
                        _ => None,
                    })
                    .collect(),
                Value::Text(_) | Value::Repeated(_) => Vec::new(),
            };
            for form in &inner {
                form.add_names(&path, names);
            }
            if inner.is_empty() {
                names.push(path);
            }
        }
    }

    /// Takes over what `other` has and this form lacks.
    pub fn complete_with(&mut self, other: Form) {
        for (name, value) in other.0 {
            if self.find(&name).is_none() {
                self.0.push((name, value));
            }
        }
    }

    /// A text. Of a repeated name the last counts.
    ///
    /// # Errors
    /// Malformed when it is a list or an object.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Repeated(texts)) => Ok(texts.last().map(String::as_str)),
            Some(_) => Err(wrong_shape(name, "a text")),
        }
    }

    /// A text that must be there and hold more than white space.
    ///
    /// # Errors
    /// Invalid when it is absent or blank; malformed when it is no text.
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        match self.text(name)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(Problem::invalid(format!(
                "The parameter \"{name}\" is missing"
            ))),
        }
    }

    /// A yes or no: `true`, `1`, `on`, `t`, `yes` and their opposites; an empty text is absent.
    ///
    /// # Errors
    /// Invalid when it is another text; malformed when it is no text.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" | "1" | "on" | "t" | "yes" => Ok(Some(true)),
            "false" | "0" | "off" | "f" | "no" => Ok(Some(false)),
            _ => Err(wrong_value(name, "true or false")),
        }
    }

    /// A whole number; an empty text is absent.
    ///
    /// # Errors
    /// Invalid when it is another text; malformed when it is no text.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        self.parsed(name, "a whole number")
    }

    /// A text that stands for something, such as an id; an empty text is absent. `wanted` completes "must be ...".
    ///
    /// # Errors
    /// Invalid when it stands for nothing; malformed when it is no text.
    pub fn parsed<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, Problem> {
        match self.text(name)?.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(wrong_value(name, wanted)),
            },
        }
    }

    /// A list of texts: `name[]=a&name[]=b`, `name=a&name=b`, `name[0]=a`, a JSON array, or one text alone.
    ///
    /// # Errors
    /// Malformed when an item is no text.
    pub fn list(&self, name: &str) -> Result<Vec<&str>, Problem> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Text(text)) => Ok(vec![text]),
            Some(Value::Repeated(all)) => Ok(all.iter().map(String::as_str).collect()),
            Some(Value::List(items)) => texts(name, items.iter()),
            Some(Value::Object(form)) => match form.in_order() {
                Some(values) => texts(name, values.into_iter()),
                None => Err(wrong_shape(name, "a list of texts")),
            },
        }
    }

    /// A list of ids.
    ///
    /// # Errors
    /// Invalid when an item is no id; malformed when it is no text.
    pub fn ids<T: FromStr>(&self, name: &str) -> Result<Vec<T>, Problem> {
        let texts = self.list(name)?.into_iter();
        let ids = texts.map(|text| text.parse().map_err(|_| wrong_value(name, "a list of ids")));
        ids.collect()
    }

    /// Named parts.
    ///
    /// # Errors
    /// Malformed when it is something else.
    pub fn object(&self, name: &str) -> Result<Option<&Form>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(form)) => Ok(Some(form)),
            // A form's way to say "nothing of it".
            Some(Value::Text(text)) if text.is_empty() => Ok(None),
            Some(_) => Err(wrong_shape(name, "an object")),
        }
    }

    /// A list of objects: `name[0][part]=x`, `name[][part]=x`, or a JSON array or object with numbers as names.
    ///
    /// # Errors
    /// Malformed when it or an item is something else.
    pub fn objects(&self, name: &str) -> Result<Vec<&Form>, Problem> {
        let wrong = || wrong_shape(name, "a list of objects");
        let values = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::List(items)) => items.iter().collect(),
            Some(Value::Object(form)) => form.in_order().ok_or_else(wrong)?,
            Some(_) => return Err(wrong()),
        };
        let object = |value: &'_ Value| matches!(value, Value::Object(_));
        if !values.iter().all(|value| object(value)) {
            return Err(wrong());
        }
        let forms = values.into_iter().filter_map(|value| match value {
            Value::Object(form) => Some(form),
            _ => None,
        });
        Ok(forms.collect())
    }

    /// The values by rising number when all names are numbers.
    fn in_order(&self) -> Option<Vec<&Value>> {
        let numbered = self
            .0
            .iter()
            .map(|(name, value)| Some((name.parse::<u32>().ok()?, value)));
        let mut numbered: Vec<_> = numbered.collect::<Option<_>>()?;
        for (name, _) in &self.0 {
            inquiry::asked_for(name);
        }
        numbered.sort_by_key(|(number, _)| *number);
        Some(numbered.into_iter().map(|(_, value)| value).collect())
    }
}

impl Value {
    fn nested(keys: &[&str], text: String) -> Result<Self, Clash> {
        match keys {
            [] => Ok(Self::Text(text)),
            ["", rest @ ..] => Ok(Self::List(vec![Self::nested(rest, text)?])),
            [key, rest @ ..] => {
                let mut form = Form::default();
                form.insert(key, rest, text)?;
                Ok(Self::Object(form))
            }
        }
    }

    fn insert(&mut self, keys: &[&str], text: String) -> Result<(), Clash> {
        match (self, keys) {
            (value @ Value::Text(_), []) => {
                let Value::Text(first) = std::mem::replace(value, Value::List(Vec::new())) else {
                    return Err(Clash);
                };
                *value = Value::Repeated(vec![first, text]);
                Ok(())
            }
            (Value::Repeated(texts), []) => {
                texts.push(text);
                Ok(())
            }
            (Value::List(items), ["", rest @ ..]) => {
                // `a[][x]=1&a[][y]=2&a[][x]=3` is two objects: a name that is there begins the next.
                if let ([key, deeper @ ..], Some(Value::Object(last))) = (rest, items.last_mut())
                    && !key.is_empty()
                    && (last.find(key).is_none() || deeper.first() == Some(&""))
                {
                    return last.insert(key, deeper, text);
                }
                items.push(Self::nested(rest, text)?);
                Ok(())
            }
            (Value::Object(form), [key, rest @ ..]) if !key.is_empty() => {
                form.insert(key, rest, text)
            }
            _ => Err(Clash),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    fn body(pieces: &[&'static [u8]]) -> BodyStream {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece)))
            .collect();
        Box::pin(stream::iter(pieces))
    }

    fn urlencoded(text: &str) -> Form {
        from_urlencoded(text.as_bytes()).expect("a form")
    }

    #[test]
    fn the_three_encodings_build_one_tree() {
        let form = urlencoded(
            "media_ids[]=1&media_ids%5B%5D=2&poll[multiple]=true&poll[options][]=a&poll[options][]=b&sensitive=1&status=hi+there",
        );
        let json = from_json(
            br#"{"status":"hi there","media_ids":["1",2],"poll":{"options":["a","b"],"multiple":true},"sensitive":1,"in_reply_to_id":null}"#,
        );
        assert_eq!(json.expect("a form"), form);
        assert_eq!(form.text("status").expect("text"), Some("hi there"));
        assert_eq!(form.list("media_ids").expect("list"), ["1", "2"]);
        assert_eq!(form.flag("sensitive").expect("flag"), Some(true));
        let poll = form.object("poll").expect("object").expect("there");
        assert_eq!(poll.list("options").expect("list"), ["a", "b"]);
        assert!(!form.has("in_reply_to_id"));
    }

    #[tokio::test]
    async fn multipart_is_a_form_too_and_files_are_refused_politely() {
        const TEXT: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"status\"\r\n\r\nh\xC3\xA9\r\n--x\r\nContent-Disposition: form-data; name=\"ids[]\"\r\n\r\n1\r\n--x--\r\n";
        let kind = Some("multipart/form-data; boundary=x");
        let (form, files) = read(kind, body(&[&TEXT[..50], &TEXT[50..]]), Files::Refused)
            .await
            .expect("a form");
        assert_eq!(form, urlencoded("status=h%C3%A9&ids[]=1"));
        assert!(files.is_empty());
        const FILE: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--x--\r\n";
        let refused = read(kind, body(&[FILE]), Files::Refused).await;
        let refused = refused.expect_err("refused");
        assert_eq!(refused.status(), 422);
        assert!(refused.sentence().contains("avatar"));
        let (_, files) = read(kind, body(&[FILE]), Files::UpTo(3))
            .await
            .expect("kept");
        assert_eq!(&files[0].bytes[..], b"PNG");
        let large = read(kind, body(&[FILE]), Files::UpTo(2)).await;
        assert_eq!(large.expect_err("too large").status(), 413);
        let broken = read(kind, body(&[&TEXT[..60]]), Files::Refused).await;
        assert_eq!(broken.expect_err("broken").status(), 400);
    }

    #[tokio::test]
    async fn other_types_are_refused_unless_there_is_nothing() {
        let refused = read(Some("text/plain"), body(&[b"hi"]), Files::Refused).await;
        assert_eq!(refused.expect_err("refused").status(), 415);
        for kind in [None, Some("text/plain"), Some("application/json")] {
            let (form, _) = read(kind, body(&[]), Files::Refused).await.expect("empty");
            assert!(form.is_empty());
        }
    }

    #[test]
    fn numbered_and_anonymous_objects_are_lists() {
        let form = urlencoded("f[10][name]=c&f[0][name]=a&f[0][value]=b");
        let names = |form: &Form| -> Vec<String> {
            let objects = form.objects("f").expect("objects");
            let name = |object: &&Form| object.text("name").expect("text").unwrap_or("").to_owned();
            objects.iter().map(name).collect()
        };
        assert_eq!(names(&form), ["a", "c"]);
        let form = urlencoded("f[][name]=a&f[][value]=1&f[][name]=b&f[][value]=2");
        assert_eq!(names(&form), ["a", "b"]);
        assert_eq!(form, {
            let json = br#"{"f":[{"name":"a","value":1},{"name":"b","value":2}]}"#;
            from_json(json).expect("a form")
        });
    }

    #[test]
    fn wrong_types_name_the_parameter() {
        let form = urlencoded("a[]=1&b=x&c[d]=1&n=1.5&twice=1&twice=2");
        for (problem, status, name) in [
            (form.text("a").map(drop), 400, "\"a\""),
            (form.flag("b").map(drop), 422, "\"b\""),
            (form.list("c").map(drop), 400, "\"c\""),
            (form.object("b").map(drop), 400, "\"b\""),
            (form.integer("n").map(drop), 422, "\"n\""),
            (form.required("z").map(drop), 422, "\"z\""),
        ] {
            let problem = problem.expect_err(name);
            assert_eq!(problem.status(), status, "{name}");
            assert!(problem.sentence().contains(name));
        }
        assert_eq!(form.text("twice").expect("text"), Some("2"));
        assert_eq!(form.list("twice").expect("list"), ["1", "2"]);
    }

    #[test]
    fn what_is_no_text_or_out_of_bounds_is_malformed() {
        let deep = format!("a{}=1", "[b]".repeat(DEPTH_MAX));
        let many = "a[]=1&".repeat(FIELDS_MAX + 1);
        for bad in [
            "a=%FF",
            "a=%00",
            "%00=a",
            "a=1&a[b]=2",
            deep.as_str(),
            &many,
        ] {
            let problem = from_urlencoded(bad.as_bytes()).expect_err("malformed");
            assert_eq!(problem.status(), 400);
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(20), "]".repeat(20));
        let very_deep = format!("{{\"a\":{}", "[".repeat(100_000));
        for bad in ["", "[]", "1", "{", "{\"a\":\"\\u0000\"}", &deep, &very_deep] {
            let problem = from_json(bad.as_bytes()).expect_err("malformed");
            assert_eq!(problem.status(), 400);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_form_or_malformed(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for result in [from_urlencoded(&bytes), from_json(&bytes)] {
                if let Err(problem) = result {
                    prop_assert_eq!(problem.status(), 400);
                }
            }
        }

        #[test]
        fn any_texts_survive_urlencoding(pairs in proptest::collection::vec(("[a-z]{1,4}", "[^\0]{0,12}"), 0..8)) {
            let encoded = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs.iter().map(|(name, value)| (format!("{name}[]"), value)))
                .finish();
            let form = urlencoded(&encoded);
            for (name, _) in &pairs {
                let wanted: Vec<&str> = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
                prop_assert_eq!(form.list(name).expect("a list"), wanted);
            }
        }
    }
}
