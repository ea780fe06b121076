//! A site with a microblog inside: its front page shows what its members wrote, which it asks the embedded server for
//! without HTTP, and the microblog itself has an address of its own.
//!
//! ```sh
//! cargo run --example embed                # throwaway
//! cargo run --example embed -- club-data   # keeps everything in ./club-data
//! ```

use std::error::Error;

use kinglet::Server;
use kinglet::actors::error::AskError;
use kinglet::actors::posts::fill::{PostSource, read_posts};
use kinglet::domain::account::Role;
use kinglet::domain::page::Page;
use kinglet::domain::visibility::Onlooker;
use kinglet::instance::Instance;
use kinglet::store::queries::lists::PostList;
use tokio::net::TcpListener;
use warp::Filter;
use warp::reply::{Response, html, with_status};

/// Posts on the front page.
const NEWS: usize = 5;

/// The site's own page: the newest public posts, as a stranger may see them.
async fn front_page(microblog: Instance) -> Response {
    use warp::Reply as _;
    match news(&microblog).await {
        Ok(items) => html(format!(
            "<!DOCTYPE html><title>Bird club</title><h1>Bird club</h1><ul>{items}</ul>\
             <p><a href=\"{}\">To our microblog</a>\n",
            microblog.url
        ))
        .into_response(),
        Err(error) => {
            with_status(format!("{error}\n"), warp::http::StatusCode::BAD_GATEWAY).into_response()
        }
    }
}

async fn news(microblog: &Instance) -> Result<String, AskError> {
    let source = PostSource::List(PostList::Public);
    let page = Page::newest(NEWS);
    let posts = read_posts(&microblog.actors, &Onlooker::default(), &source, page).await?;
    let item = |view: kinglet::domain::post::PostView| {
        format!(
            "<li>{}: {}",
            escaped(&view.author.name),
            escaped(&view.post.text)
        )
    };
    Ok(posts.into_values().map(item).collect())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The club's first member, in a directory where nobody lives yet.
async fn settle(server: &Server) -> Result<(), AskError> {
    let seed = server.seed();
    let taken = server
        .create_account(
            "alice",
            "alice@example.org",
            "a password for this moment",
            Role::Owner,
        )
        .await;
    match taken {
        Ok(alice) => drop(
            seed.post(alice, "First swallows over the pond & the <barn>")
                .publish()
                .await?,
        ),
        // She was there the last time.
        Err(AskError::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let builder =
        Server::builder().configure(|config| config.instance.title = "Bird club".to_owned());
    let builder = match std::env::args().nth(1) {
        None => builder.in_memory(),
        Some(data_dir) => builder.data_dir(data_dir),
    };
    let mut server = builder.start().await?;
    settle(&server).await?;

    let microblog = server.instance().clone();
    let site = warp::path::end().then(move || front_page(microblog.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("the site: http://{}/", listener.local_addr()?);
    println!("its microblog: {}/", server.url());
    tokio::select! {
        () = warp::serve(site).incoming(listener).run() => {}
        // A server that can't go on says why.
        ended = server.ended() => return Ok(ended?),
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(server.shutdown().await?)
}
