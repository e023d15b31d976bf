//! The signed upgrade over real sockets: accepted and refused requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::aws::{Credentials, SignatureError, SigningTarget, presign};
use crate::clock::TokioClock;
use crate::diagnostics::Clock;
use crate::lab::{
    AwsLimits, AwsRules, Broker, BrokerOptions, LabCredentialStore, ListenerEndpoint, Policy, UpgradeDenial,
};

struct AwsEndpoint {
    clock: Arc<TokioClock>,
    rules: Arc<AwsRules>,
    address: SocketAddr,
    broker: Broker,
}

async fn aws_endpoint() -> AwsEndpoint {
    let clock = TokioClock::at_noon();
    let credential_store = Arc::new(LabCredentialStore::new(clock.clone()));
    let rules =
        Arc::new(AwsRules::new(AwsLimits::default(), Policy::default(), credential_store, clock.clone()));
    let broker = Broker::start(BrokerOptions::aws(Arc::clone(&rules)));
    let address = broker.listen(ListenerEndpoint::Ws).await.unwrap();
    AwsEndpoint { clock, rules, address, broker }
}

type Upgraded = Result<WebSocketStream<TcpStream>, Error>;

impl AwsEndpoint {
    fn signed(&self, credentials: &Credentials, off: TimeDelta) -> String {
        let host = self.address.to_string();
        let target = SigningTarget { host: &host, path: "/mqtt", region: "us-east-1" };
        presign(target, credentials, self.clock.now().wall + off, None)
    }

    async fn upgrade(&self, target: &str, protocol: Option<&'static str>) -> Upgraded {
        let mut request = format!("ws://{}{target}", self.address).into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
        }
        let tcp = TcpStream::connect(self.address).await.unwrap();
        tokio_tungstenite::client_async(request, tcp).await.map(|(socket, _)| socket)
    }

    async fn refused(&self, target: &str) -> (u16, Option<String>, Option<UpgradeDenial>) {
        match self.upgrade(target, Some("mqtt")).await {
            Err(Error::Http(response)) => {
                let date = response.headers().get("Date").map(|date| date.to_str().unwrap().to_owned());
                (response.status().as_u16(), date, self.rules.last_denial())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_signed_request_becomes_an_mqtt_connection() {
    let endpoint = aws_endpoint().await;
    let keys = endpoint.rules.credential_store().issue(Duration::from_secs(3600));
    let target = endpoint.signed(&keys, TimeDelta::zero());
    let mut socket = endpoint.upgrade(&target, Some("mqtt")).await.unwrap();
    assert_eq!(endpoint.rules.last_denial(), None);
    socket.send(Message::binary(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x".as_slice())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary([0x20, 2, 0, 0].as_slice()));
    match endpoint.upgrade(&target, None).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 400),
        other => panic!("without subprotocol: {other:?}"),
    }
    endpoint.broker.stop().await;
}

#[tokio::test]
async fn a_bad_stale_or_skewed_signature_gets_403_and_the_date() {
    let endpoint = aws_endpoint().await;
    let keys = endpoint.rules.credential_store().issue(Duration::from_secs(3600));
    let forged = Credentials { secret_key: "guessed".into(), ..keys.clone() };
    let unknown = Credentials { access_key_id: "ASIAUNKNOWN".into(), ..keys.clone() };
    let without_token = Credentials { session_token: None, ..keys.clone() };
    let now = TimeDelta::zero();
    let host = endpoint.address.to_string();
    let elsewhere = SigningTarget { host: &host, path: "/mqtt", region: "eu-west-1" };
    let elsewhere = presign(elsewhere, &keys, endpoint.clock.now().wall, None);
    for (target, denial) in [
        (elsewhere, UpgradeDenial::WrongRegion),
        ("/mqtt".to_owned(), UpgradeDenial::Signature(SignatureError::Missing("X-Amz-Algorithm"))),
        (endpoint.signed(&forged, now), UpgradeDenial::Signature(SignatureError::Mismatch)),
        (endpoint.signed(&keys, TimeDelta::minutes(-6)), UpgradeDenial::Signature(SignatureError::Expired)),
        (endpoint.signed(&keys, TimeDelta::minutes(6)), UpgradeDenial::Signature(SignatureError::ClockAhead)),
        (endpoint.signed(&unknown, now), UpgradeDenial::UnknownKey),
        (endpoint.signed(&without_token, now), UpgradeDenial::WrongToken),
    ] {
        let (status, date, reason) = endpoint.refused(&target).await;
        assert_eq!((status, reason), (403, Some(denial)));
        let date = date.unwrap();
        assert!(date.starts_with("Mon, 03 Aug 2026 12:0") && date.ends_with(" GMT"), "{date}");
    }
    assert_eq!(endpoint.refused("/other").await.0, 404);
    endpoint.rules.credential_store().expire_all();
    let (status, _, reason) = endpoint.refused(&endpoint.signed(&keys, now)).await;
    assert_eq!((status, reason), (403, Some(UpgradeDenial::Expired)));
    assert!(
        endpoint
            .upgrade(
                &endpoint.signed(&endpoint.rules.credential_store().issue(Duration::from_secs(60)), now),
                Some("mqtt")
            )
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_expire_by_themselves() {
    let clock = TokioClock::at_noon();
    let credential_store = LabCredentialStore::new(clock.clone());
    let keys = credential_store.issue(Duration::from_secs(3600));
    let check = || {
        let target = SigningTarget { host: "h", path: "/mqtt", region: "us-east-1" };
        let signed = presign(target, &keys, clock.now().wall, None);
        let presigned = crate::aws::PresignedUrl::parse(&signed).unwrap();
        credential_store.check(&presigned, |name| (name == "host").then(|| "h".to_owned()))
    };
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert_eq!(check(), Ok(()));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(check(), Err(UpgradeDenial::Expired));
}

#[tokio::test]
async fn credentials_differ_from_issue_to_issue() {
    let credential_store = LabCredentialStore::new(TokioClock::at_noon());
    let (one, two) =
        (credential_store.issue(Duration::from_secs(1)), credential_store.issue(Duration::from_secs(1)));
    assert_ne!(one.access_key_id, two.access_key_id);
    assert_eq!((one.access_key_id.len(), &one.access_key_id[..4]), (20, "ASIA"));
}
