//! A whole microblog server inside another program, in ten lines.

use kinglet::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().in_memory().start_blocking()?;
    println!("kinglet answers at {}", server.url());
    println!("Press Enter to stop it.");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
