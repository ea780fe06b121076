//! A whole microblog server inside another program, in ten lines.

use kinglet::Server;
use kinglet::domain::account::Role;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().in_memory().start().await?;
    let password = "a password for this moment";
    let alice = server.create_account("alice", "alice@example.org", password, Role::Owner);
    let token = server
        .create_token(alice.await?, "read write follow")
        .await?;
    println!(
        "{} serves alice, whose token is {}",
        server.url(),
        token.expose()
    );
    tokio::signal::ctrl_c().await?;
    Ok(server.shutdown().await?)
}
