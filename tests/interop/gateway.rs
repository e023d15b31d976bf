//! Mosquitto's own clients and broker through the lab's fault gateway.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use dropscope::diagnostics::Transport;
use dropscope::lab::{
    Broker, BrokerOptions, DropManner, Gateway, GatewayControl, GatewayOptions, ListenerEndpoint, PathFault,
    Upstream,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::broker;
use crate::loopback::TEST_TIMEOUT;
use crate::mosquitto::{Mosquitto, PASSWORD, USER, installed};

const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];
const TOPIC: &str = "lab/interop";

/// A gateway in front of a broker, and its addresses for mosquitto's clients.
struct GatewayFixture {
    /// Keeps the embedded broker alive.
    _embedded: Option<Broker>,
    _gateway: Gateway,
    control: GatewayControl,
    /// Over TCP, and over WebSocket through a bridge.
    addresses: [(&'static str, SocketAddr); 2],
    _bridge: JoinSet<()>,
}

impl GatewayFixture {
    async fn embedded() -> Self {
        let broker = Broker::start(BrokerOptions::default());
        let upstream = Upstream::Broker(broker.control());
        Self { _embedded: Some(broker), ..Self::with_upstream(upstream).await }
    }

    async fn with_upstream(upstream: Upstream) -> Self {
        let gateway = Gateway::start(upstream, GatewayOptions::default());
        let tcp = gateway.listen(ListenerEndpoint::Tcp).await.expect("a port");
        let ws = gateway.listen(ListenerEndpoint::Ws).await.expect("a port");
        let mut tasks = JoinSet::new();
        let bridged = bridge(ws, &mut tasks).await;
        let control = gateway.control();
        let addresses = [("tcp", tcp), ("ws", bridged)];
        Self { _embedded: None, _gateway: gateway, control, addresses, _bridge: tasks }
    }
}

/// Carries a client's TCP over WebSocket: mosquitto's clients support WebSocket only from version 2.1 on.
async fn bridge(websocket: SocketAddr, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((tcp, _)) = listener.accept().await {
            connections.spawn(carry(tcp, websocket));
        }
    });
    address
}

async fn carry(tcp: TcpStream, websocket: SocketAddr) {
    let mut request = format!("ws://{websocket}/mqtt").into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().expect("a value"));
    let stream = TcpStream::connect(websocket).await.expect("a gateway");
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("an upgrade");
    let (mut to_gateway, mut from_gateway) = socket.split();
    let (mut from_client, mut to_client) = tcp.into_split();
    let up = async {
        let mut bytes = vec![0; 4096];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            let message = Message::Binary(Bytes::copy_from_slice(&bytes[..count]));
            if to_gateway.send(message).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = from_gateway.next().await {
            if to_client.write_all(&message.into_data()).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// A subscriber that ends after so many messages.
struct Subscriber(Child);

fn client(program: &str, address: SocketAddr, version: &str, rest: &[&str]) -> Command {
    let mut command = Command::new(installed(program).expect("mosquitto's clients beside mosquitto"));
    command.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-V", version, "-t", TOPIC]);
    command.args(["-u", USER, "-P", PASSWORD]).args(rest).stdin(Stdio::null());
    command
}

impl Subscriber {
    /// Starts it, and waits until it has its CONNACK and its SUBACK.
    async fn start(
        fixture: &GatewayFixture,
        transport: usize,
        version: &'static str,
        count: &'static str,
    ) -> Self {
        let packets = || fixture.control.counters().packets_to_client;
        let expected_packets = packets() + 2;
        let child = client(
            "mosquitto_sub",
            fixture.addresses[transport].1,
            version,
            &["-q", "2", "-C", count, "-W", "40"],
        )
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
        let subscribed = async {
            while packets() < expected_packets {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TEST_TIMEOUT, subscribed).await.expect("a subscription");
        Self(child)
    }

    /// Its output, after a successful end.
    async fn finish(mut self) -> Vec<String> {
        with_timeout(move || {
            let mut output = String::new();
            self.0.stdout.take().expect("its output").read_to_string(&mut output).expect("text");
            let status = self.0.wait().expect("an end");
            assert!(status.success(), "{status}: {output}");
            output.lines().map(str::to_owned).collect()
        })
        .await
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn publish(address: SocketAddr, version: &'static str, rest: &'static [&'static str]) {
    let status = with_timeout(move || client("mosquitto_pub", address, version, rest).status()).await;
    let status = status.expect("a process");
    assert!(status.success(), "{status}");
}

async fn with_timeout<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = timeout(TEST_TIMEOUT, spawn_blocking(work)).await;
    done.expect("no timeout").expect("no panic")
}

/// Messages of every QoS from one transport to the other.
async fn exchange(fixture: &GatewayFixture) {
    for version in VERSIONS {
        for (from, to) in [(0, 1), (1, 0)] {
            let (sender, receiver) = (fixture.addresses[from], fixture.addresses[to]);
            let subscriber = Subscriber::start(fixture, to, version, "3").await;
            publish(sender.1, version, &["-q", "0", "-m", "zero"]).await;
            publish(sender.1, version, &["-q", "1", "-m", "one"]).await;
            publish(sender.1, version, &["-q", "2", "-m", "two"]).await;
            let context = format!("{version} from {} to {}", sender.0, receiver.0);
            assert_eq!(subscriber.finish().await, ["zero", "one", "two"], "{context}");
        }
    }
    assert_eq!(fixture.control.injections(), []);
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn mosquittos_clients_reach_the_embedded_broker_through_the_gateway() {
    if broker().is_none() {
        return;
    }
    exchange(&GatewayFixture::embedded().await).await;
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn mosquittos_clients_reach_mosquitto_through_the_gateway() {
    let Some(broker) = broker() else { return };
    let port = Mosquitto::address(&broker, Transport::Tcp).port;
    exchange(&GatewayFixture::with_upstream(Upstream::Address((Ipv4Addr::LOCALHOST, port).into())).await)
        .await;
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn mosquittos_client_reconnects_after_each_fault() {
    if broker().is_none() {
        return;
    }
    for version in VERSIONS {
        for manner in [DropManner::Fin, DropManner::Reset, DropManner::WsClose(1001)] {
            for transport in [0, 1] {
                let fixture = GatewayFixture::embedded().await;
                let subscriber = Subscriber::start(&fixture, transport, version, "1").await;
                let mut injections = fixture.control.watch_injections();
                let end =
                    fixture.control.arm(PathFault::SessionLifetime { secs: 0.0, jitter_secs: 0.0, manner });
                let injected = timeout(TEST_TIMEOUT, injections.wait_for(|count| *count > 0)).await;
                injected.expect("a fault in time").expect("a gateway");
                fixture.control.disarm(end);
                // Retained, because it may arrive before the client has reconnected.
                let (name, address) = fixture.addresses[transport];
                publish(address, version, &["-r", "-q", "1", "-m", "again"]).await;
                assert_eq!(subscriber.finish().await, ["again"], "{version} {manner:?} {name}");
                assert!(fixture.control.counters().sessions >= 3, "{:?}", fixture.control.counters());
            }
        }
    }
}
