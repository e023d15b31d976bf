//! A client of the vendor's cloud: signs in, and connects to the IoT endpoint with signed requests.

use std::path::Path;
use std::sync::{Arc, Mutex};

use dropscope::aws::{Credentials, SigningTarget, presign};
use dropscope::clock::SystemClock;
use dropscope::diagnostics::Transport;
use dropscope::mqtt::Link;
use dropscope::mqtt::connector::OpenRequest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rewriting_connector::RewritingConnector;

/// The raw answer to a sign-in, without an HTTP client.
pub(crate) async fn post(rest_url: &str, email: &str, password: &SecretString) -> String {
    let (host, path) = rest_url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = json!({ "userId": email, "password": password.expose_secret() }).to_string();
    let mut tcp = TcpStream::connect(host).await.unwrap();
    let head = format!("POST /{path}/user/sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) async fn sign_in(rest_url: &str, email: &str, password: &SecretString) -> Credentials {
    let answer = post(rest_url, email, password).await;
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let text = |field: &str| answer["data"]["token"][field].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: text("accessKeyId"),
        secret_key: text("secretKey").into(),
        session_token: Some(text("sessionToken").into()),
    }
}

/// A link to the IoT endpoint that signs with the current credentials.
pub(crate) fn signing_link(endpoint: &str, ca_file: &Path, credentials: &Arc<Mutex<Credentials>>) -> Link {
    let port = endpoint.rsplit(':').next().unwrap().trim_end_matches("/mqtt").parse().unwrap();
    let mut settings = crate::navien::settings(Transport::Wss, port, "navien-client-0a1b2c3d");
    settings.tls.ca_file = Some(ca_file.to_owned());
    let credentials = Arc::clone(credentials);
    let sign = move |request: OpenRequest<'_>| {
        let mut settings = request.settings.clone();
        let host = format!("{}:{}", settings.broker.host, settings.broker.port);
        let target = SigningTarget { host: &host, path: "/mqtt", region: "us-east-1" };
        let now = request.clock.now().wall;
        settings.broker.path = presign(target, &credentials.lock().unwrap(), now, None);
        settings
    };
    let connector = Arc::new(RewritingConnector::new(&settings, sign).unwrap());
    Link::with_connector(settings, Arc::new(SystemClock::new()), connector, 7).unwrap()
}
