//! Writing: new posts, answers, edits.

use super::frame::{Visit, errors, is_correctable, sentence};
use super::posts::own;
use super::render;
use super::session::{Notice, local_path};
use super::timelines::answered;
use super::views::post::{ComposeForm, ComposePage, EditPostPage};
use super::views::{FormErrors, Frame, Nav};
use crate::actors::posts::fill::show_post;
use crate::actors::posts::{Draft, RewritePost, WritePost};
use crate::context::Context;
use crate::domain::account::Preferences;
use crate::domain::error_code::ErrorCode;
use crate::domain::post::PostView;
use crate::domain::visibility::Visibility;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::ids::PostId;
use crate::problem::Problem;
use crate::reply::Response;
use crate::secret::random_token;

/// Random bytes of the key that makes sending a form twice harmless.
const KEY_BYTES: usize = 16;

/// What the fields of a form start with.
struct Start {
    visibility: Visibility,
    language: Option<String>,
    status: String,
    spoiler_text: String,
}

impl Start {
    fn of(preferences: Preferences) -> Self {
        Self {
            visibility: preferences.visibility,
            language: preferences.language,
            status: String::new(),
            spoiler_text: String::new(),
        }
    }
}

fn new_form(visit: &Visit, frame: &Frame, start: Start) -> ComposeForm {
    let mut rng = visit.context.instance.randomness.rng();
    let viewer = frame.viewer.as_ref();
    ComposeForm {
        action: "/posts".to_owned(),
        csrf: frame.csrf.clone(),
        return_to: String::new(),
        idempotency_key: random_token::<KEY_BYTES>(&mut rng).into_exposed(),
        in_reply_to_id: None,
        status: start.status,
        spoiler_text: start.spoiler_text,
        visibilities: render::audiences(start.visibility),
        languages: render::languages(start.language.as_deref()),
        characters_max: visit.context.instance.config.limits.post_characters_max,
        label: "What's new?".to_owned(),
        submit: "Post".to_owned(),
        autofocus: false,
        avatar_url: viewer.map_or(String::new(), |viewer| viewer.avatar_url.clone()),
        errors: FormErrors::default(),
    }
}

/// How the reader's posts are written unless they say otherwise.
pub(super) async fn preferences(visit: &Visit) -> Result<Preferences, Problem> {
    let own = visit.own_facts().await?;
    Ok(own.map(|own| own.preferences.clone()).unwrap_or_default())
}

/// The form above the home timeline.
pub(super) async fn home_form(visit: &Visit, frame: &Frame) -> Result<ComposeForm, Problem> {
    let start = Start::of(preferences(visit).await?);
    Ok(ComposeForm {
        return_to: "/".to_owned(),
        ..new_form(visit, frame, start)
    })
}

/// An answer is for no more people than the post that it answers.
fn reply_visibility(own: Visibility, parent: Visibility) -> Visibility {
    let width = |visibility| {
        Visibility::ALL
            .iter()
            .position(|known| *known == visibility)
    };
    if width(own) >= width(parent) {
        own
    } else {
        parent
    }
}

/// The form below a post: it names whom the post names.
pub(super) async fn reply_form(
    visit: &Visit,
    frame: &Frame,
    parent: &PostView,
) -> Result<ComposeForm, Problem> {
    let mut start = Start::of(preferences(visit).await?);
    start.visibility = reply_visibility(start.visibility, parent.post.facts.visibility);
    start.spoiler_text = parent.post.spoiler.clone();
    let reader = visit.reader();
    let mut names = vec![(parent.author.id, &parent.author.name)];
    names.extend(
        parent
            .post
            .mentions
            .iter()
            .map(|named| (named.account, &named.name)),
    );
    let mut seen = Vec::new();
    for (account, name) in names {
        if Some(account) != reader && !seen.contains(&account) {
            seen.push(account);
            start.status.push_str(&format!("@{name} "));
        }
    }
    let path = render::post_path(&parent.author.name, parent.post.facts.id);
    Ok(ComposeForm {
        return_to: path,
        in_reply_to_id: Some(parent.post.facts.id.to_string()),
        label: format!("Reply to {}", render::shown_name(&parent.author)),
        submit: "Reply".to_owned(),
        ..new_form(visit, frame, start)
    })
}

/// `GET /compose`: a form on a page of its own.
pub(super) async fn page(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.member()?;
    let frame = visit.frame(Nav::Compose).await?;
    let start = Start::of(preferences(&visit).await?);
    let form = ComposeForm {
        autofocus: true,
        ..new_form(&visit, &frame, start)
    };
    let page = ComposePage {
        frame,
        replying_to: None,
        form,
    };
    visit.page(&page)
}

fn draft(form: &Form) -> Result<Draft, Problem> {
    let text =
        |name| -> Result<String, Problem> { Ok(form.text(name)?.unwrap_or_default().to_owned()) };
    let language = text("language")?;
    Ok(Draft {
        text: text("status")?,
        spoiler: text("spoiler_text")?,
        sensitive: None,
        language: (!language.is_empty()).then_some(language),
    })
}

fn visibility(form: &Form) -> Result<Option<Visibility>, Problem> {
    match form.text("visibility")? {
        None | Some("") => Ok(None),
        Some(name) => Visibility::from_api_name(name)
            .map(Some)
            .ok_or_else(|| Problem::invalid("Choose who may see the post")),
    }
}

/// Which field a refused text concerns.
fn field_of(sentence: &str) -> &'static str {
    if sentence.starts_with("Text ") {
        "status"
    } else if sentence.starts_with("Language ") {
        "language"
    } else {
        ""
    }
}

fn refusal(problem: &Problem) -> FormErrors {
    let sentence = sentence(problem);
    errors(field_of(&sentence), sentence)
}

async fn publish(visit: &Visit, form: &Form) -> Result<PostId, Problem> {
    let draft = draft(form)?;
    // A form that the browser restored has the key of what was sent before: another text is another post.
    let key = form
        .text("idempotency_key")?
        .filter(|key| !key.is_empty())
        .map(|key| format!("{key}\0{}\0{}", draft.spoiler, draft.text));
    let message = WritePost {
        author: visit.member()?,
        draft,
        visibility: visibility(form)?,
        reply_to: form.parsed("in_reply_to_id", "the id of a post")?,
        app: None,
        idempotency_key: key,
    };
    Ok(visit.context.actors.posts.send(message).await??)
}

/// `POST /posts`: publishes.
pub(super) async fn write(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let name = visit.guest.member()?.name.clone();
    let return_to = form.text("return_to")?.unwrap_or_default().to_owned();
    match publish(&visit, &form).await {
        Ok(post) if return_to.is_empty() => {
            visit.go(&render::post_path(&name, post), Some(Notice::PostPublished))
        }
        Ok(post) => {
            let path = local_path(&return_to);
            let path = path.split('#').next().unwrap_or(path);
            visit.go(&format!("{path}#p-{post}"), Some(Notice::PostPublished))
        }
        Err(problem) if problem.code() == ErrorCode::NotFound => {
            let gone = Problem::invalid(
                "The post that you answer is gone. Sent again, this becomes a post of its own",
            );
            refused_write(visit, &form, return_to, &gone).await
        }
        Err(problem) if is_correctable(&problem) => {
            refused_write(visit, &form, return_to, &problem).await
        }
        Err(problem) => Err(problem),
    }
}

/// The form once more, with what was typed.
async fn refused_write(
    mut visit: Visit,
    form: &Form,
    return_to: String,
    problem: &Problem,
) -> Result<Response, Problem> {
    let frame = visit.frame(Nav::Compose).await?;
    let parent: Option<PostId> = form.parsed("in_reply_to_id", "the id of a post")?;
    let parent = match parent {
        Some(id) => show_post(&visit.context.actors, &visit.onlooker, id).await?,
        None => None,
    };
    let text =
        |name| -> Result<String, Problem> { Ok(form.text(name)?.unwrap_or_default().to_owned()) };
    let start = Start {
        visibility: visibility(form)
            .ok()
            .flatten()
            .unwrap_or(Visibility::Public),
        language: Some(text("language")?).filter(|language| !language.is_empty()),
        status: text("status")?,
        spoiler_text: text("spoiler_text")?,
    };
    let replying_to = match &parent {
        None => None,
        Some(parent) => {
            let answered = answered(&visit, std::slice::from_ref(parent)).await?;
            Some(visit.renderer().card(parent, &answered))
        }
    };
    let mut compose = new_form(&visit, &frame, start);
    compose.return_to = return_to;
    compose.autofocus = true;
    compose.errors = refusal(problem);
    if let Some(parent) = &parent {
        compose.in_reply_to_id = Some(parent.post.facts.id.to_string());
        compose.label = format!("Reply to {}", render::shown_name(&parent.author));
        compose.submit = "Reply".to_owned();
    }
    let page = ComposePage {
        frame,
        replying_to,
        form: compose,
    };
    visit.refused(&page, problem)
}

fn edit_form(visit: &Visit, frame: &Frame, view: &PostView, start: Start) -> ComposeForm {
    let path = render::post_path(&view.author.name, view.post.facts.id);
    ComposeForm {
        action: format!("/posts/{}/edit", view.post.facts.id),
        return_to: path,
        idempotency_key: String::new(),
        visibilities: Vec::new(),
        label: "Your post".to_owned(),
        submit: "Save".to_owned(),
        autofocus: true,
        ..new_form(visit, frame, start)
    }
}

/// `GET /posts/:id/edit`: the form with the post's source.
pub(super) async fn edit_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let view = own(&visit).await?;
    let frame = visit.frame(Nav::Elsewhere).await?;
    let start = Start {
        visibility: view.post.facts.visibility,
        language: view.post.language.clone(),
        status: view.post.text.clone(),
        spoiler_text: view.post.spoiler.clone(),
    };
    let form = edit_form(&visit, &frame, &view, start);
    let page = EditPostPage {
        frame,
        post_path: render::post_path(&view.author.name, view.post.facts.id),
        form,
    };
    visit.page(&page)
}

/// `POST /posts/:id/edit`: replaces a post's text.
pub(super) async fn edit(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let view = own(&visit).await?;
    let mut draft = draft(&form)?;
    // The form has no field for it: what was marked stays marked.
    draft.sensitive = Some(view.post.sensitive || !draft.spoiler.trim().is_empty());
    let start = Start {
        visibility: view.post.facts.visibility,
        language: draft.language.clone(),
        status: draft.text.clone(),
        spoiler_text: draft.spoiler.clone(),
    };
    let message = RewritePost {
        author: visit.member()?,
        post: view.post.facts.id,
        draft,
    };
    let rewritten = visit.context.actors.posts.send(message).await?;
    match rewritten.map_err(Problem::from) {
        Ok(()) => {
            let path = local_path(form.text("return_to")?.unwrap_or_default()).to_owned();
            visit.go(&path, Some(Notice::PostSaved))
        }
        Err(problem) if is_correctable(&problem) => {
            let frame = visit.frame(Nav::Elsewhere).await?;
            let mut form = edit_form(&visit, &frame, &view, start);
            form.errors = refusal(&problem);
            let page = EditPostPage {
                frame,
                post_path: render::post_path(&view.author.name, view.post.facts.id),
                form,
            };
            visit.refused(&page, &problem)
        }
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_starts_with_the_narrower_audience() {
        use Visibility::{Direct, Followers, Public, Unlisted};
        for (own, parent, both) in [
            (Public, Public, Public),
            (Public, Direct, Direct),
            (Followers, Unlisted, Followers),
            (Unlisted, Followers, Followers),
        ] {
            assert_eq!(reply_visibility(own, parent), both);
        }
    }
}
