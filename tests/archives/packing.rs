//! Archives as others make them: packed by Python's own libraries, so that nothing here is taken for true because kinglet says
//! so itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::process::Place;

/// Where the archives of these tests come from.
pub const THERE: &str = "https://there.example";
const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// Runs a script of Python in a directory.
pub fn python(script: &str, place: &Place) {
    run(script, place.path(), &[]);
}

fn run(script: &str, directory: &Path, arguments: &[&str]) {
    let done = Command::new("python3")
        .current_dir(directory)
        .arg("-c")
        .arg(script)
        .args(arguments)
        .output()
        .expect("Python runs");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
}

/// Packs files, given by name and content, into a ZIP as Mastodon does.
pub fn zip(path: &Path, files: &[(&str, &str)]) -> PathBuf {
    pack(
        path,
        files,
        "import json,sys,zipfile\n\
         archive = zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED)\n\
         for name, text in json.load(open(sys.argv[2])): archive.writestr(name, text)\n\
         archive.close()",
    )
}

/// Packs files into a tar.gz as Mastodon did before.
pub fn tar_gz(path: &Path, files: &[(&str, &str)]) -> PathBuf {
    pack(
        path,
        files,
        "import io,json,sys,tarfile\n\
         archive = tarfile.open(sys.argv[1], 'w:gz')\n\
         for name, text in json.load(open(sys.argv[2])):\n\
         \x20   entry = tarfile.TarInfo(name)\n\
         \x20   entry.size = len(text.encode())\n\
         \x20   archive.addfile(entry, io.BytesIO(text.encode()))\n\
         archive.close()",
    )
}

fn pack(path: &Path, files: &[(&str, &str)], script: &str) -> PathBuf {
    let list = path.with_extension("list");
    std::fs::write(&list, json!(files).to_string()).expect("it is written");
    let names = [path, &list].map(|path| path.to_str().expect("UTF-8"));
    run(script, path.parent().expect("a directory"), &names);
    path.to_owned()
}

/// A collection as Mastodon writes it.
pub fn collection(id: &str, items: &[Json]) -> String {
    json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": id,
        "type": "OrderedCollection",
        "totalItems": items.len(),
        "orderedItems": items,
    })
    .to_string()
}

/// The address of a post of the archive.
pub fn uri(id: u64) -> String {
    format!("{THERE}/users/ann/statuses/{id}")
}

/// A public post as Mastodon writes it; `change` adds to it or takes away.
pub fn create(id: u64, published: &str, content: &str, change: impl FnOnce(&mut Json)) -> Json {
    let mut note = json!({
        "id": uri(id),
        "type": "Note",
        "summary": null,
        "inReplyTo": null,
        "published": published,
        "url": format!("{THERE}/@ann/{id}"),
        "attributedTo": format!("{THERE}/users/ann"),
        "to": [PUBLIC],
        "cc": [format!("{THERE}/users/ann/followers")],
        "sensitive": false,
        "atomUri": uri(id),
        "inReplyToAtomUri": null,
        "conversation": "tag:there.example,2023:objectId=1:objectType=Conversation",
        "content": content,
        "contentMap": {"en": content},
        "attachment": [],
        "tag": [],
        "replies": {
            "id": format!("{}/replies", uri(id)),
            "type": "Collection",
            "first": {"type": "CollectionPage", "items": []},
        },
    });
    change(&mut note);
    json!({
        "id": format!("{}/activity", uri(id)),
        "type": "Create",
        "actor": format!("{THERE}/users/ann"),
        "published": published,
        "to": note["to"],
        "cc": note["cc"],
        "object": note,
    })
}

/// A boost as Mastodon writes it.
pub fn announce(id: u64, published: &str, of: &str) -> Json {
    json!({
        "id": format!("{}/activity", uri(id)),
        "type": "Announce",
        "actor": format!("{THERE}/users/ann"),
        "published": published,
        "to": [PUBLIC],
        "cc": [format!("{THERE}/users/ann/followers")],
        "object": of,
    })
}

/// The actor as Mastodon writes it.
pub fn actor() -> String {
    json!({
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": format!("{THERE}/users/ann"),
        "type": "Person",
        "outbox": "outbox.json",
        "likes": "likes.json",
        "bookmarks": "bookmarks.json",
        "preferredUsername": "ann",
        "name": "Ann of There",
        "summary": "<p>Birds &amp; <a href=\"https://there.example/tags/looms\" class=\"mention hashtag\" rel=\"tag\">#<span>looms</span></a></p>",
        "attachment": [{"type": "PropertyValue", "name": "Site", "value": "<a href=\"https://ann.example\">https://ann.example</a>"}],
    })
    .to_string()
}
