//! An application server that takes events, as small as can be.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// Answers `echo` with what it is sent, `slow` never, `fail` with 400.
pub(crate) struct Handler {
    address: String,
    slow_arrived: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Handler {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let slow_arrived = Arc::new(Notify::new());
        let arrived = slow_arrived.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, arrived.clone()));
            }
        });
        Self { address, slow_arrived, task }
    }

    /// Waits until a `slow` has arrived that will never be answered.
    pub(crate) async fn slow_arrived(&self) {
        self.slow_arrived.notified().await;
    }

    /// The settings of a service that uses it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[[hubs.chat.event_handlers]]\nurl_template = \"http://{}/{{event}}\"\nuser_event_pattern = \"echo,slow,fail\"\nvalidate = false\n",
            self.address
        )
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request after the other, until the service closes.
async fn serve(socket: TcpStream, slow_arrived: Arc<Notify>) {
    let mut socket = BufReader::new(socket);
    loop {
        let mut request = String::new();
        let (mut length, mut kind) = (0, "application/octet-stream".to_owned());
        if socket.read_line(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.unwrap_or(0) <= 2 {
                break;
            }
            let (name, value) = line.split_once(':').expect("it is a header");
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().expect("it is a number"),
                "content-type" => kind = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        if socket.read_exact(&mut body).await.is_err() {
            return;
        }
        let status = match request.split_whitespace().nth(1) {
            Some("/slow") => {
                slow_arrived.notify_one();
                return std::future::pending().await;
            }
            Some("/fail") => "400 Bad Request",
            _ => "200 OK",
        };
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        let answered = async {
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(&body).await
        };
        if answered.await.is_err() {
            return;
        }
    }
}
