//! Servers as values: they start, answer, stop, and leave nothing behind.

use kinglet::Server;

async fn health(server: &Server) -> String {
    let answer = reqwest::get(format!("{}/health", server.url())).await;
    answer.expect("an answer").text().await.expect("a text")
}

#[tokio::test]
async fn a_throwaway_server_answers_and_leaves_nothing_behind() {
    let server = Server::builder().in_memory().start().await.expect("starts");
    assert_eq!(health(&server).await, "OK");
    let data_dir = server.data_dir().to_owned();
    assert!(data_dir.join("kinglet.db").exists());
    server.shutdown().await.expect("stops cleanly");
    assert!(!data_dir.exists());
}

#[test]
fn several_servers_live_in_one_process_and_a_dropped_one_ends() {
    let servers: Vec<Server> = (0..3)
        .map(|_| {
            Server::builder()
                .in_memory()
                .start_blocking()
                .expect("starts")
        })
        .collect();
    let addresses: std::collections::HashSet<_> = servers.iter().map(Server::addr).collect();
    assert_eq!(addresses.len(), 3);
    drop(servers);
    for address in addresses {
        std::net::TcpListener::bind(address).expect("the port is free again");
    }
}

#[tokio::test]
async fn a_directory_outlives_its_server_and_has_one_at_a_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let first = Server::builder()
        .data_dir(&data)
        .start()
        .await
        .expect("starts");
    let second = Server::builder().data_dir(&data).start().await;
    let refusal = second.expect_err("the directory is taken").to_string();
    assert!(
        refusal.contains("another kinglet uses this data directory"),
        "{refusal}"
    );
    assert_eq!(health(&first).await, "OK");
    first.shutdown().await.expect("stops cleanly");
    let wal = std::fs::metadata(data.join("kinglet.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "the last checkpoint has taken everything in");
    let third = Server::builder()
        .data_dir(&data)
        .start()
        .await
        .expect("starts again");
    assert_eq!(health(&third).await, "OK");
}
