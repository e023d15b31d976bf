//! A small MQTT client on rumqttc's codecs that reports exactly what it receives.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::{Error as V4Error, QoS as V4QoS, v4};
use rumqttc::v5::mqttbytes::{Error as V5Error, QoS as V5QoS, v5};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::diagnostics::MqttVersion;
use crate::lab::ApplicationMessage;

/// What the client received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TestPacket {
    ConnAck {
        session_present: bool,
        code: u8,
    },
    Publish {
        topic: String,
        payload: String,
        qos: u8,
        retain: bool,
        dup: bool,
    },
    SubAck(Vec<u8>),
    UnsubAck,
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
    PingResp,
    Disconnect(u8),
    Fin,
    Broken(io::ErrorKind),
    Malformed(String),
    /// Nothing within the time limit.
    Silence,
}

pub(super) fn message(topic: &str, payload: &str) -> TestPacket {
    TestPacket::Publish { topic: topic.into(), payload: payload.into(), qos: 0, retain: false, dup: false }
}

pub(super) struct TestClient<S> {
    pub(super) stream: S,
    version: MqttVersion,
    inbox: BytesMut,
    acknowledges: bool,
}

/// The options of the CONNECT.
#[derive(Clone)]
pub(super) struct ConnectOptions {
    pub(super) version: MqttVersion,
    pub(super) id: &'static str,
    pub(super) keep_alive: u16,
    pub(super) clean: bool,
    pub(super) will: Option<ApplicationMessage>,
    pub(super) login: Option<(&'static str, &'static str)>,
}

pub(super) fn connect_options(version: MqttVersion, id: &'static str) -> ConnectOptions {
    ConnectOptions { version, id, keep_alive: 60, clean: true, will: None, login: None }
}

impl TestClient<TcpStream> {
    /// Connects over TCP and expects to be accepted.
    pub(super) async fn tcp(address: SocketAddr, version: MqttVersion, id: &'static str) -> Self {
        let (client, got) = Self::connect_tcp(address, connect_options(version, id)).await;
        assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 0 });
        client
    }

    /// Connects over TCP; returns the answer to the CONNECT.
    pub(super) async fn connect_tcp(address: SocketAddr, options: ConnectOptions) -> (Self, TestPacket) {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        TestClient::connect(stream, options).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TestClient<S> {
    /// Sends the CONNECT and reads the answer.
    pub(super) async fn connect(stream: S, options: ConnectOptions) -> (Self, TestPacket) {
        let mut client =
            Self { stream, version: options.version, inbox: BytesMut::new(), acknowledges: true };
        client.write(&connect(&options)).await;
        let got = client.next().await;
        (client, got)
    }

    pub(super) fn without_acknowledging(mut self) -> Self {
        self.acknowledges = false;
        self
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        // The broker may have closed already; only its answer matters.
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    pub(super) async fn subscribe(&mut self, filter: &str, qos: u8) -> TestPacket {
        let mut out = BytesMut::new();
        match self.version {
            MqttVersion::V311 => {
                let mut packet = v4::Subscribe::new(filter, v4_qos(qos));
                packet.pkid = 7;
                packet.write(&mut out).unwrap();
            }
            MqttVersion::V5 => {
                let mut packet = v5::Subscribe::new(v5::Filter::new(filter, v5_qos(qos)), None);
                packet.pkid = 7;
                packet.write(&mut out).unwrap();
            }
        }
        self.write(&out).await;
        self.next().await
    }

    pub(super) async fn unsubscribe(&mut self, filter: &str) -> TestPacket {
        let mut out = BytesMut::new();
        match self.version {
            MqttVersion::V311 => {
                v4::Unsubscribe { pkid: 8, topics: vec![filter.into()] }.write(&mut out).unwrap();
            }
            MqttVersion::V5 => {
                let filters = vec![filter.to_owned()];
                v5::Unsubscribe { pkid: 8, filters, properties: None }.write(&mut out).unwrap();
            }
        }
        self.write(&out).await;
        self.next().await
    }

    pub(super) async fn publish(&mut self, topic: &str, payload: &str, qos: u8, retain: bool) {
        let mut out = BytesMut::new();
        match self.version {
            MqttVersion::V311 => {
                let mut packet = v4::Publish::new(topic, v4_qos(qos), payload);
                packet.retain = retain;
                packet.pkid = if qos > 0 { 9 } else { 0 };
                packet.write(&mut out).unwrap();
            }
            MqttVersion::V5 => {
                let mut packet = v5::Publish::new(topic, v5_qos(qos), payload.to_owned(), None);
                packet.retain = retain;
                packet.pkid = if qos > 0 { 9 } else { 0 };
                packet.write(&mut out).unwrap();
            }
        }
        self.write(&out).await;
    }

    pub(super) async fn ping(&mut self) {
        self.write(&[0xC0, 0]).await;
    }

    /// The next packet or the end; [`TestPacket::Silence`] after five seconds.
    pub(super) async fn next(&mut self) -> TestPacket {
        self.next_within(Duration::from_secs(5)).await
    }

    pub(super) async fn next_within(&mut self, limit: Duration) -> TestPacket {
        tokio::time::timeout(limit, self.read()).await.unwrap_or(TestPacket::Silence)
    }

    async fn read(&mut self) -> TestPacket {
        loop {
            match self.decode() {
                Some((got, packet_id)) => {
                    if self.acknowledges && packet_id > 0 {
                        let [high, low] = packet_id.to_be_bytes();
                        let answer = match got {
                            TestPacket::PubRel(_) => 0x70,
                            TestPacket::Publish { qos: 2, .. } => 0x50,
                            _ => 0x40,
                        };
                        self.write(&[answer, 2, high, low]).await;
                    }
                    return got;
                }
                None => match self.stream.read_buf(&mut self.inbox).await {
                    Ok(0) => return TestPacket::Fin,
                    Ok(_) => {}
                    Err(error) => return TestPacket::Broken(error.kind()),
                },
            }
        }
    }

    /// The packet, and the id to acknowledge (0: none).
    fn decode(&mut self) -> Option<(TestPacket, u16)> {
        if let (MqttVersion::V5, [0xE0, 1, reason]) = (self.version, self.inbox.as_ref()) {
            let got = TestPacket::Disconnect(*reason);
            self.inbox.clear();
            return Some((got, 0));
        }
        match self.version {
            MqttVersion::V311 => match v4::Packet::read(&mut self.inbox, 1 << 20) {
                Ok(packet) => Some(from_v4(packet)),
                Err(V4Error::InsufficientBytes(_)) => None,
                Err(error) => Some((TestPacket::Malformed(error.to_string()), 0)),
            },
            MqttVersion::V5 => match v5::Packet::read(&mut self.inbox, Some(1 << 20)) {
                Ok(packet) => Some(from_v5(packet)),
                Err(V5Error::InsufficientBytes(_)) => None,
                Err(error) => Some((TestPacket::Malformed(error.to_string()), 0)),
            },
        }
    }
}

fn connect(options: &ConnectOptions) -> BytesMut {
    let mut out = BytesMut::new();
    match options.version {
        MqttVersion::V311 => {
            let mut packet = v4::Connect::new(options.id);
            packet.keep_alive = options.keep_alive;
            packet.clean_session = options.clean;
            packet.last_will = options.will.as_ref().map(|will| {
                v4::LastWill::new(&will.topic, will.payload.to_vec(), v4_qos(will.qos), will.retain)
            });
            packet.login = options.login.map(|(username, password)| v4::Login {
                username: username.into(),
                password: password.into(),
            });
            packet.write(&mut out).unwrap();
        }
        MqttVersion::V5 => {
            let mut properties = v5::ConnectProperties::new();
            properties.session_expiry_interval = (!options.clean).then_some(3600);
            let packet = v5::Connect {
                keep_alive: options.keep_alive,
                client_id: options.id.into(),
                clean_start: options.clean,
                properties: Some(properties),
            };
            let will = options.will.as_ref().map(|will| {
                let topic = will.topic.clone();
                v5::LastWill::new(topic, will.payload.to_vec(), v5_qos(will.qos), will.retain, None)
            });
            let login = options.login.map(|(username, password)| v5::Login {
                username: username.into(),
                password: password.into(),
            });
            packet.write(&will, &login, &mut out).unwrap();
        }
    }
    out
}

fn from_v4(packet: v4::Packet) -> (TestPacket, u16) {
    let got = match packet {
        v4::Packet::ConnAck(ack) => {
            TestPacket::ConnAck { session_present: ack.session_present, code: ack.code as u8 }
        }
        v4::Packet::Publish(p) => {
            let payload = String::from_utf8_lossy(&p.payload).into_owned();
            let (topic, qos, retain, dup) = (p.topic, p.qos as u8, p.retain, p.dup);
            return (TestPacket::Publish { topic, payload, qos, retain, dup }, p.pkid);
        }
        v4::Packet::SubAck(ack) => {
            let code = |code| match code {
                v4::SubscribeReasonCode::Success(qos) => qos as u8,
                v4::SubscribeReasonCode::Failure => 0x80,
            };
            TestPacket::SubAck(ack.return_codes.into_iter().map(code).collect())
        }
        v4::Packet::UnsubAck(_) => TestPacket::UnsubAck,
        v4::Packet::PubAck(ack) => TestPacket::PubAck(ack.pkid),
        v4::Packet::PubRec(ack) => TestPacket::PubRec(ack.pkid),
        v4::Packet::PubRel(release) => return (TestPacket::PubRel(release.pkid), release.pkid),
        v4::Packet::PubComp(ack) => TestPacket::PubComp(ack.pkid),
        v4::Packet::PingResp => TestPacket::PingResp,
        other => TestPacket::Malformed(format!("{other:?}")),
    };
    (got, 0)
}

fn from_v5(packet: v5::Packet) -> (TestPacket, u16) {
    let got = match packet {
        v5::Packet::ConnAck(ack) => {
            let code = match ack.code {
                v5::ConnectReturnCode::Success => 0,
                v5::ConnectReturnCode::NotAuthorized => 0x87,
                v5::ConnectReturnCode::ServerBusy => 0x89,
                v5::ConnectReturnCode::QuotaExceeded => 0x97,
                v5::ConnectReturnCode::ClientIdentifierNotValid => 0x85,
                v5::ConnectReturnCode::QoSNotSupported => 0x9B,
                other => return (TestPacket::Malformed(format!("{other:?}")), 0),
            };
            TestPacket::ConnAck { session_present: ack.session_present, code }
        }
        v5::Packet::Publish(p) => {
            let topic = String::from_utf8_lossy(&p.topic).into_owned();
            let payload = String::from_utf8_lossy(&p.payload).into_owned();
            let (qos, retain, dup) = (p.qos as u8, p.retain, p.dup);
            return (TestPacket::Publish { topic, payload, qos, retain, dup }, p.pkid);
        }
        v5::Packet::SubAck(ack) => {
            let code = |code| match code {
                v5::SubscribeReasonCode::Success(qos) => qos as u8,
                v5::SubscribeReasonCode::NotAuthorized => 0x87,
                v5::SubscribeReasonCode::TopicFilterInvalid => 0x8F,
                v5::SubscribeReasonCode::QuotaExceeded => 0x97,
                _ => 0x80,
            };
            TestPacket::SubAck(ack.return_codes.into_iter().map(code).collect())
        }
        v5::Packet::UnsubAck(_) => TestPacket::UnsubAck,
        v5::Packet::PubAck(ack) => TestPacket::PubAck(ack.pkid),
        v5::Packet::PubRec(ack) => TestPacket::PubRec(ack.pkid),
        v5::Packet::PubRel(release) => return (TestPacket::PubRel(release.pkid), release.pkid),
        v5::Packet::PubComp(ack) => TestPacket::PubComp(ack.pkid),
        v5::Packet::PingResp(_) => TestPacket::PingResp,
        v5::Packet::Disconnect(disconnect) => TestPacket::Disconnect(disconnect.reason_code as u8),
        other => TestPacket::Malformed(format!("{other:?}")),
    };
    (got, 0)
}

fn v4_qos(qos: u8) -> V4QoS {
    [V4QoS::AtMostOnce, V4QoS::AtLeastOnce, V4QoS::ExactlyOnce][usize::from(qos)]
}

fn v5_qos(qos: u8) -> V5QoS {
    [V5QoS::AtMostOnce, V5QoS::AtLeastOnce, V5QoS::ExactlyOnce][usize::from(qos)]
}
