//! What does our own link tell of the lab's AWS rules, cloud and water heater? Real sockets throughout.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene must fail")]

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dropscope::aws::{Credentials, Target, presign};
use dropscope::clock::SystemClock;
use dropscope::diagnostics::event::{ConnectFailed, Connected, Dropped, How, Layer, Phase};
use dropscope::diagnostics::{Clock, Event};
use dropscope::lab::{
    AwsRules, Broker, BrokerOptions, Endpoint, Fault, Keyring, Limits, NavienLab, NavienLabOptions, Policy,
};
use dropscope::mqtt::connector::{BoxFuture, Connector, WireConnector};
use dropscope::mqtt::settings::{
    AddressFamily, BackoffSettings, BrokerAddress, LinkSettings, Transport, VersionChoice,
};
use dropscope::mqtt::wire::{Opened, Progress};
use dropscope::mqtt::{Link, Publish};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes on a busy computer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Drives the link until it tells what is looked for.
async fn until<T>(link: &mut Link, mut find: impl FnMut(&Event) -> Option<T>) -> T {
    let searching = async {
        loop {
            if let Some(found) = find(&link.next().await.event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, searching).await.unwrap()
}

async fn connected(link: &mut Link) -> Connected {
    let connected = until(link, |event| match event {
        Event::Connected(connected) => Some(connected.clone()),
        _ => None,
    });
    let connected = connected.await;
    until(link, |event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
    connected
}

async fn dropped(link: &mut Link) -> Dropped {
    until(link, |event| match event {
        Event::Dropped(dropped) => Some(dropped.clone()),
        _ => None,
    })
    .await
}

async fn connect_failed(link: &mut Link) -> ConnectFailed {
    until(link, |event| match event {
        Event::ConnectFailed(failed) => Some(failed.clone()),
        _ => None,
    })
    .await
}

fn settings(transport: Transport, port: u16, id: &str) -> LinkSettings {
    let broker = BrokerAddress { transport, host: "127.0.0.1".into(), port, path: "/mqtt".into() };
    let mut settings = LinkSettings::new(broker, id);
    settings.version = VersionChoice::V311;
    settings.family = AddressFamily::V4;
    settings.subscriptions = vec![("cmd/52/navilink-aabbccddeeff/#".to_owned(), 1)];
    settings.backoff = BackoffSettings {
        initial: Duration::from_millis(10),
        max: Duration::from_millis(400),
        min_connect_interval: Duration::from_millis(5),
        ..BackoffSettings::default()
    };
    settings
}

fn publish(topic: &str, payload: String) -> Publish {
    Publish {
        topic: topic.to_owned(),
        payload: payload.into(),
        qos: 1,
        retain: false,
        name: "test".to_owned(),
        correlation_id: None,
    }
}

/// An AWS broker without signatures, over TCP, and a link to it.
async fn over_tcp(limits: Limits, version: VersionChoice) -> (Broker, Arc<AwsRules>, Link) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let keyring = Arc::new(Keyring::new(Arc::clone(&clock)));
    let rules = Arc::new(AwsRules::new(limits, Policy::default(), keyring, Arc::clone(&clock)));
    let broker = Broker::start(BrokerOptions::aws(Arc::clone(&rules)));
    let port = broker.listen(Endpoint::Tcp).await.unwrap().port();
    let mut link =
        Link::new(LinkSettings { version, ..settings(Transport::Tcp, port, "under-test") }, clock).unwrap();
    link.connect();
    (broker, rules, link)
}

/// What a client is told when AWS ends its session over TCP.
fn assert_ended(told: &Dropped, version: VersionChoice, reason: u8) {
    let manner = (told.layer, told.how, told.reason_code);
    let expected = match version {
        VersionChoice::V5 => (Some(Layer::Mqtt), Some(How::Disconnect), Some(reason)),
        _ => (Some(Layer::Tcp), Some(How::Fin), None),
    };
    assert_eq!(manner, expected, "{told:?}");
}

#[tokio::test]
async fn a_forbidden_publish_ends_the_session_and_haste_is_refused() {
    for (version, code) in [(VersionChoice::V311, None), (VersionChoice::V5, Some(0x97))] {
        // Longer than at AWS, so that a busy computer is too hasty as well.
        let limits = Limits { connect_interval: Duration::from_secs(3), ..Limits::default() };
        let (_broker, rules, mut link) = over_tcp(limits, version).await;
        connected(&mut link).await;
        rules.set_policy(Policy { denied: vec!["cmd/secret".into()], ..Policy::default() });
        link.publish(publish("cmd/secret", "x".into()));
        assert_ended(&dropped(&mut link).await, version, 0x87);
        let failed = connect_failed(&mut link).await;
        assert_eq!((failed.phase, failed.return_code), (Some(Phase::Connack), code), "{failed:?}");
        connected(&mut link).await;
    }
}

#[tokio::test]
async fn the_connection_ends_at_its_age_and_at_one_and_a_half_keep_alives() {
    let old = Limits { connection_ttl: Duration::from_millis(1200), ..Limits::default() };
    let second = Duration::from_secs(1);
    let hasty = Limits { keep_alive_min: second, keep_alive_max: second, ..Limits::default() };
    for (limits, millis) in [(old, 1200), (hasty.clone(), 1500)] {
        let (_broker, _, mut link) = over_tcp(limits, VersionChoice::V311).await;
        let began = tokio::time::Instant::now();
        connected(&mut link).await;
        assert_ended(&dropped(&mut link).await, VersionChoice::V311, 0);
        let lived = began.elapsed().as_millis();
        assert!((millis..millis + 800).contains(&lived), "{lived} ms");
    }
    // MQTT 5 clients are told the keep-alive and follow it.
    let (_broker, _, mut link) = over_tcp(hasty, VersionChoice::V5).await;
    connected(&mut link).await;
    let quiet = tokio::time::timeout(Duration::from_millis(2500), dropped(&mut link)).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

/// Signs each attempt anew with the newest credentials.
#[derive(Debug)]
struct Signing {
    wire: WireConnector,
    credentials: Arc<Mutex<Credentials>>,
}

impl Connector for Signing {
    fn open<'a>(
        &'a self,
        settings: &'a LinkSettings,
        clock: &'a Arc<dyn Clock>,
        progress: &'a Progress,
        deep: bool,
    ) -> BoxFuture<'a, Opened> {
        let credentials = self.credentials.lock().unwrap().clone();
        let host = format!("{}:{}", settings.broker.host, settings.broker.port);
        let target = Target { host: &host, path: "/mqtt", region: "us-east-1" };
        let path = presign(target, &credentials, clock.now().wall, None);
        let broker = BrokerAddress { path, ..settings.broker.clone() };
        let settings = LinkSettings { broker, ..settings.clone() };
        Box::pin(async move { self.wire.open(&settings, clock, progress, deep).await })
    }
}

async fn sign_in(rest_url: &str, email: &str, password: &SecretString) -> Credentials {
    let (host, path) = rest_url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = json!({ "userId": email, "password": password.expose_secret() }).to_string();
    let mut tcp = TcpStream::connect(host).await.unwrap();
    let head = format!("POST /{path}/user/sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let text = |field: &str| answer["data"]["token"][field].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: text("accessKeyId"),
        secret_key: text("secretKey").into(),
        session_token: Some(text("sessionToken").into()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expired_show_at_the_upgrade_after_the_next_drop() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let lab = NavienLab::start(NavienLabOptions::default(), Arc::clone(&clock)).await.unwrap();
    let control = lab.control();
    let newest = sign_in(&lab.rest_url, &lab.email, &lab.password).await;
    let credentials = Arc::new(Mutex::new(newest));
    let mut ca_file = tempfile::NamedTempFile::new().unwrap();
    ca_file.write_all(lab.ca_pem.as_bytes()).unwrap();
    let port = lab.iot_endpoint.rsplit(':').next().unwrap().trim_end_matches("/mqtt").parse().unwrap();
    let mut settings = settings(Transport::Wss, port, "navien-client-0a1b2c3d");
    settings.tls.ca_file = Some(ca_file.path().to_owned());
    let wire = WireConnector::new(&settings).unwrap();
    let connector = Arc::new(Signing { wire, credentials: Arc::clone(&credentials) });
    let mut link = Link::with_connector(settings, clock, connector, 7).unwrap();
    link.connect();
    connected(&mut link).await;

    // The heater answers through the cloud.
    let commands: Value = serde_json::from_str(include_str!("fixtures/navien-commands.json")).unwrap();
    let command = &commands["request_device_status"];
    link.publish(publish(command["topic"].as_str().unwrap(), command["payload"].to_string()));
    let answers = command["payload"]["responseTopic"].as_str().unwrap();
    let is_answer = |event: &Event| match event {
        Event::Received(message) => (*message.topic == *answers).then_some(()),
        _ => None,
    };
    until(&mut link, is_answer).await;

    // Expired credentials do not end a session.
    control.rules.keyring().expire_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(control.broker.strike_client("navien-client-0a1b2c3d", &Fault::Fin));
    let told = dropped(&mut link).await;
    assert_eq!((told.layer, told.how), (Some(Layer::Tls), Some(How::TlsClose)), "{told:?}");
    let failed = connect_failed(&mut link).await;
    assert_eq!((failed.phase, failed.http_status), (Some(Phase::Websocket), Some(403)), "{failed:?}");
    assert_eq!(failed.error_name.as_deref(), Some("AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"));
    assert!(!format!("{failed:?}").contains("X-Amz-Signature"));

    let fresh = sign_in(&lab.rest_url, &lab.email, &lab.password).await;
    *credentials.lock().unwrap() = fresh;
    connected(&mut link).await;
    lab.stop().await;
}
