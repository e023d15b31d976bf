//! A gateway before an embedded broker, and clients that connect through it.

use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;

use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{ConnectOptions, TestClient, TestPacket, connect_options};
use crate::lab::{Broker, BrokerOptions, Gateway, GatewayControl, GatewayOptions, PathFault, Upstream};

pub(super) const BOTH: [MqttVersion; 2] = [MqttVersion::V311, MqttVersion::V5];

/// A broker and a gateway without sockets, so that time can be simulated.
pub(super) struct FaultGatewayFixture {
    pub(super) broker: Broker,
    pub(super) gateway: Gateway,
    pub(super) control: GatewayControl,
    pub(super) started: Instant,
}

impl FaultGatewayFixture {
    /// A gateway with the given faults, with one field minute per second.
    pub(super) fn new(faults: impl IntoIterator<Item = PathFault>) -> Self {
        Self::with(GatewayOptions { seed: 7, scale: 60.0, wall_secs: 0.0 }, faults)
    }

    pub(super) fn with(options: GatewayOptions, faults: impl IntoIterator<Item = PathFault>) -> Self {
        let broker = Broker::start(BrokerOptions::default());
        let gateway = Gateway::start(Upstream::Broker(broker.control()), options);
        let control = gateway.control();
        for fault in faults {
            control.arm(fault);
        }
        Self { broker, gateway, control, started: Instant::now() }
    }

    /// A client that is accepted.
    pub(super) async fn client(&self, version: MqttVersion, id: &'static str) -> TestClient<DuplexStream> {
        let (client, got) = self.connect(connect_options(version, id)).await;
        assert!(matches!(got, TestPacket::ConnAck { code: 0, .. }), "{got:?}");
        client
    }

    /// A client, and the answer to its CONNECT.
    pub(super) async fn connect(&self, options: ConnectOptions) -> (TestClient<DuplexStream>, TestPacket) {
        let (near, far) = duplex(64 * 1024);
        self.gateway.attach(far);
        TestClient::connect(near, options).await
    }

    /// Time since the start of the scene.
    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The log of injections, without times.
    pub(super) fn injection_log(&self) -> Vec<(Option<u64>, String)> {
        self.control
            .injections()
            .into_iter()
            .map(|injection| (injection.connection, injection.description))
            .collect()
    }

    pub(super) async fn stop(self) {
        self.gateway.stop().await;
        self.broker.stop().await;
        assert_eq!(self.control.connections(), 0);
    }
}

/// Waits for the next packet or the end, and returns it with its time.
pub(super) async fn last_packet(client: &mut TestClient<DuplexStream>) -> (TestPacket, Instant) {
    let got = client.next_within(Duration::from_secs(100_000)).await;
    (got, Instant::now())
}
