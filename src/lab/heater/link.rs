//! The device's connection to the broker.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::{Error, QoS, v4};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, sleep_until};

use super::command::LinkEffect;
use super::{AnswerMode, HeaterShared};

/// Buffer between device and broker.
const PIPE_BYTES: usize = 256 * 1024;
/// Largest packet the device reads.
const MAX_PACKET: usize = 256 * 1024;
/// How long the device waits before it connects again.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);
/// How long the device waits for the broker's answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most delayed answers at once.
const MAX_DELAYED: usize = 256;

/// A delayed message.
struct DelayedAnswer {
    at: Instant,
    topic: String,
    payload: Vec<u8>,
}

/// How a session with the broker ended.
enum SessionOutcome {
    /// The connection was closed.
    Disconnected,
    /// The broker has stopped.
    BrokerStopped,
}

/// Connects, and reconnects while the device is on, until the lab stops.
pub(super) async fn run(shared: std::sync::Arc<HeaterShared>) {
    let mut online = shared.online.subscribe();
    loop {
        if online.wait_for(|is_online| *is_online).await.is_err() {
            return;
        }
        let ended = tokio::select! {
            ended = session(&shared) => ended,
            _ = online.wait_for(|is_online| !*is_online) => continue,
        };
        if let Ok(SessionOutcome::BrokerStopped) = ended {
            return;
        }
        sleep(RECONNECT_DELAY).await;
    }
}

async fn session(shared: &HeaterShared) -> io::Result<SessionOutcome> {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    if !shared.broker.attach(theirs) {
        return Ok(SessionOutcome::BrokerStopped);
    }
    let mut connection = HeaterConnection { stream: ours, inbox: BytesMut::new(), last_id: 0 };
    connection.connect_and_subscribe(shared).await?;
    let mut delayed: Vec<DelayedAnswer> = Vec::new();
    let mut ping = tokio::time::interval(shared.options.ping_interval.max(Duration::from_millis(1)));
    loop {
        let next_delayed = delayed.iter().map(|delayed| delayed.at).min();
        let packet = tokio::select! {
            packet = connection.next() => packet?,
            _ = ping.tick() => {
                connection.write(&[0xC0, 0]).await?;
                continue;
            }
            () = sleep_until_optional(next_delayed) => {
                let now = Instant::now();
                for due in delayed.extract_if(.., |delayed| delayed.at <= now) {
                    connection.publish(&due.topic, due.payload).await?;
                }
                continue;
            }
        };
        let v4::Packet::Publish(publish) = packet else { continue };
        if publish.qos == QoS::AtLeastOnce {
            let [high, low] = publish.pkid.to_be_bytes();
            connection.write(&[0x40, 2, high, low]).await?;
        }
        let Some(answer) = shared.answer(&publish.topic, &publish.payload) else { continue };
        let link_effect = answer.link_effect;
        match shared.answer_mode() {
            AnswerMode::Normal => {
                let (topic, payload) = answer.intact();
                connection.publish(&topic, payload).await?;
            }
            AnswerMode::Corrupted(corruption) => {
                let (topic, payload) = answer.corrupted(corruption);
                connection.publish(&topic, payload).await?;
            }
            AnswerMode::Delayed(delay) if delayed.len() < MAX_DELAYED => {
                let (topic, payload) = answer.intact();
                delayed.push(DelayedAnswer { at: Instant::now() + delay, topic, payload });
            }
            AnswerMode::Delayed(_) | AnswerMode::Silent => {}
        }
        match link_effect {
            LinkEffect::None => {}
            LinkEffect::Reconnect => return Ok(SessionOutcome::Disconnected),
            LinkEffect::ForgetNetwork => {
                shared.online.send_replace(false);
            }
        }
    }
}

/// Waits until the time; forever without one.
async fn sleep_until_optional(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// MQTT 3.1.1 packets over an in-memory stream.
struct HeaterConnection {
    stream: DuplexStream,
    inbox: BytesMut,
    last_id: u16,
}

impl HeaterConnection {
    /// Sends CONNECT and SUBSCRIBE and reads their answers.
    async fn connect_and_subscribe(&mut self, shared: &HeaterShared) -> io::Result<()> {
        let identity = &shared.options.identity;
        let mut connect = v4::Connect::new(format!("navilink-{}", identity.mac_address));
        connect.keep_alive = shared.options.keep_alive_secs;
        let mut out = BytesMut::new();
        connect.write(&mut out).map_err(io::Error::other)?;
        self.write(&out).await?;
        self.expect_packet(
            |packet| matches!(packet, v4::Packet::ConnAck(ack) if ack.code == v4::ConnectReturnCode::Success),
        )
        .await?;
        // AWS's `x/#` does not match `x`.
        let topic = identity.topic();
        let filters = ["st", "st/#", "ctrl", "ctrl/#"];
        let filters =
            filters.map(|place| v4::SubscribeFilter::new(format!("{topic}/{place}"), QoS::AtLeastOnce));
        let mut subscribe = v4::Subscribe::new_many(filters);
        subscribe.pkid = 1;
        out.clear();
        subscribe.write(&mut out).map_err(io::Error::other)?;
        self.write(&out).await?;
        self.expect_packet(|packet| matches!(packet, v4::Packet::SubAck(_))).await?;
        shared.ready.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn expect_packet(&mut self, is_match: impl Fn(&v4::Packet) -> bool) -> io::Result<()> {
        let packet = tokio::time::timeout(RESPONSE_TIMEOUT, self.next()).await??;
        if is_match(&packet) { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    async fn publish(&mut self, topic: &str, payload: Vec<u8>) -> io::Result<()> {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let mut publish = v4::Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = self.last_id;
        let mut out = BytesMut::new();
        publish.write(&mut out).map_err(io::Error::other)?;
        self.write(&out).await
    }

    /// Cancel-safe: bytes read stay in the inbox.
    async fn next(&mut self) -> io::Result<v4::Packet> {
        loop {
            match v4::Packet::read(&mut self.inbox, MAX_PACKET) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
