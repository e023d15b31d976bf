//! A small HTTP client that reports exactly what it receives.

use std::fmt::Write;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status, header lines and body of an answer; everything empty if the server closed the connection.
#[derive(Debug, Default)]
pub(super) struct HttpReply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl HttpReply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    pub(super) fn code(&self) -> u64 {
        self.json()["code"].as_u64().unwrap()
    }
}

pub(super) async fn post(base: &str, path: &str, token: Option<&str>, body: &Value) -> HttpReply {
    send("POST", base, path, token, body.to_string().as_bytes()).await
}

pub(super) async fn send(
    method: &str,
    base: &str,
    path: &str,
    token: Option<&str>,
    body: &[u8],
) -> HttpReply {
    let rest = base.strip_prefix("http://").unwrap();
    let (host, root) = rest.split_at(rest.find('/').unwrap());
    let mut tcp = TcpStream::connect(host).await.unwrap();
    let mut request = format!("{method} {root}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if let Some(token) = token {
        let _ = write!(request, "authorization: {token}\r\n");
    }
    let _ = write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    tcp.write_all(request.as_bytes()).await.unwrap();
    tcp.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes without an answer may send a reset.
    let _ = tcp.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return HttpReply::default() };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    HttpReply { status, head: head.to_lowercase(), body: body.to_owned() }
}
