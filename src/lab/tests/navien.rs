//! A client over real sockets: sign in, sign, connect, send requests, be refused, reconnect.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::client::{TestClient, TestPacket, connect_options};
use super::http::post;
use crate::aws::{Credentials, SignatureError, SigningTarget, presign};
use crate::clock::TokioClock;
use crate::diagnostics::{Clock, MqttVersion};
use crate::lab::transport::WebSocketBytes;
use crate::lab::{NavienLab, NavienLabOptions, PathFault, Policy, UpgradeDenial};

struct App {
    lab: NavienLab,
    clock: Arc<TokioClock>,
}

type Upgraded = Result<WebSocketBytes<TlsStream<TcpStream>>, Error>;

async fn app(options: NavienLabOptions) -> App {
    let clock = TokioClock::at_noon();
    App { lab: NavienLab::start(options, clock.clone()).await.unwrap(), clock }
}

impl App {
    async fn sign_in(&self) -> (String, Credentials) {
        let body = json!({ "userId": self.lab.email, "password": self.lab.password.expose_secret() });
        let answer = post(&self.lab.rest_url, "/user/sign-in", None, &body).await.json();
        let token = &answer["data"]["token"];
        let text = |field: &str| token[field].as_str().unwrap().to_owned();
        let credentials = Credentials {
            access_key_id: text("accessKeyId"),
            secret_key: text("secretKey").into(),
            session_token: Some(text("sessionToken").into()),
        };
        (text("accessToken"), credentials)
    }

    async fn upgrade(&self, credentials: &Credentials) -> Upgraded {
        let host = self.lab.iot_endpoint.split('/').nth(2).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.lab.ca_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(host).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        let target = SigningTarget { host, path: "/mqtt", region: self.lab.region };
        let signed = presign(target, credentials, self.clock.now().wall, None);
        let mut request = format!("wss://{host}{signed}").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
        let (socket, _) = tokio_tungstenite::client_async(request, tls).await?;
        Ok(WebSocketBytes::new(socket))
    }

    async fn assert_forbidden(&self, credentials: &Credentials) {
        match self.upgrade(credentials).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status().as_u16(), 403);
                assert!(response.headers().contains_key("Date"));
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("the upgrade was accepted"),
        }
    }
}

const STATUS_TOPIC: &str = "cmd/52/navilink-aabbccddeeff/st";

fn status_request() -> String {
    let commands = include_str!("../../../tests/fixtures/navien-commands.json");
    let commands: Value = serde_json::from_str(commands).unwrap();
    commands["request_device_status"]["payload"].to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_signs_in_connects_and_reads_the_heater() {
    let app = app(NavienLabOptions { seed: 7, ..NavienLabOptions::default() }).await;
    assert!(app.lab.rest_url.starts_with("http://127.0.0.1:"));
    assert!(app.lab.iot_endpoint.starts_with("wss://127.0.0.1:") && app.lab.iot_endpoint.ends_with("/mqtt"));
    let (token, credentials) = app.sign_in().await;
    let body = json!({ "offset": 0, "count": 20, "userId": app.lab.email });
    let list = post(&app.lab.rest_url, "/device/list", Some(&token), &body).await.json();
    assert_eq!(list["data"][0]["deviceInfo"]["connected"], 2);
    let socket = app.upgrade(&credentials).await.unwrap();
    let (mut client, got) =
        TestClient::connect(socket, connect_options(MqttVersion::V311, "navien-client-0a1b2c3d")).await;
    assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 0 });
    assert_eq!(client.subscribe("cmd/52/navilink-aabbccddeeff/#", 1).await, TestPacket::SubAck(vec![1]));
    client.publish(STATUS_TOPIC, &status_request(), 1, false).await;
    let answer = loop {
        match client.next().await {
            TestPacket::Publish { topic, payload, .. } if topic.ends_with("/res") => break payload,
            TestPacket::Publish { .. } | TestPacket::PubAck(_) => {}
            other => panic!("{other:?}"),
        }
    };
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["response"]["status"]["dhwTemperatureSetting"], 120);
    // Topics other than the vendor's are forbidden.
    client.publish("other", "x", 1, false).await;
    assert_eq!(client.next().await, TestPacket::Fin);
    app.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_credentials_need_a_new_sign_in() {
    let app = app(NavienLabOptions { scale: 60.0, ..NavienLabOptions::default() }).await;
    let (_, credentials) = app.sign_in().await;
    // An hour of the field is a minute.
    app.clock.skip(58);
    assert!(app.upgrade(&credentials).await.is_ok());
    app.clock.skip(2);
    app.assert_forbidden(&credentials).await;
    assert_eq!(app.lab.control().rules.last_denial(), Some(UpgradeDenial::Expired));
    let (_, fresh) = app.sign_in().await;
    assert!(app.upgrade(&fresh).await.is_ok());
    app.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_refuses_wrong_signatures_and_expired_credentials() {
    let app = app(NavienLabOptions::default()).await;
    let (_, credentials) = app.sign_in().await;
    let forged = Credentials { secret_key: "of-somebody-else".into(), ..credentials.clone() };
    app.assert_forbidden(&forged).await;
    let control = app.lab.control();
    assert_eq!(control.rules.last_denial(), Some(UpgradeDenial::Signature(SignatureError::Mismatch)));
    assert_eq!(
        (control.gateway.counters().accepted, control.broker.connections()),
        (1, 1),
        "only the heater"
    );
    let id = control.gateway.arm(PathFault::CredentialExpiry { at_secs: 0.0, ends_sessions: false });
    let mut injections = control.gateway.watch_injections();
    injections.wait_for(|count| *count > 0).await.unwrap();
    app.assert_forbidden(&credentials).await;
    assert!(control.gateway.disarm(id));
    while app.upgrade(&credentials).await.is_err() {}
    app.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lab_stops_all_of_its_parts() {
    let app = app(NavienLabOptions::default()).await;
    let control = app.lab.control();
    control.rules.set_policy(Policy::default());
    assert_eq!(control.broker.connections(), 1, "the heater");
    let hosts: Vec<String> = [&app.lab.rest_url, &app.lab.iot_endpoint]
        .map(|url| url.split('/').nth(2).unwrap().to_owned())
        .to_vec();
    tokio::time::timeout(Duration::from_secs(5), app.lab.stop()).await.unwrap();
    for host in &hosts {
        assert!(TcpStream::connect(host).await.is_err(), "{host} still listens");
    }
    assert_eq!(control.broker.connections(), 0);
    assert!(control.broker.open_ports().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_differ_from_run_to_run_even_for_one_seed() {
    let (one, two) = (app(NavienLabOptions::default()).await, app(NavienLabOptions::default()).await);
    assert_ne!(one.lab.email, two.lab.email);
    assert_ne!(one.lab.password.expose_secret(), two.lab.password.expose_secret());
    assert_ne!(one.lab.ca_pem, two.lab.ca_pem);
    assert!(one.upgrade(&two.sign_in().await.1).await.is_err(), "credentials are those of one lab");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_lab_listens_no_longer() {
    let app = app(NavienLabOptions::default()).await;
    let hosts =
        [&app.lab.rest_url, &app.lab.iot_endpoint].map(|url| url.split('/').nth(2).unwrap().to_owned());
    drop(app.lab);
    let gone = async {
        for host in &hosts {
            while TcpStream::connect(host).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_heater_keeps_its_connection_at_any_time_scale() {
    for scale in [1.0, 60.0, 1440.0] {
        let app = app(NavienLabOptions { scale, ..NavienLabOptions::default() }).await;
        let broker = app.lab.control().broker;
        // Less than one field day, which ends every connection.
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert_eq!((broker.connection_counts().connects, broker.connections()), (1, 1), "{scale}");
        if scale > 1000.0 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            assert_eq!((broker.connection_counts().connects, broker.connections()), (2, 1), "{scale}");
        }
    }
}
