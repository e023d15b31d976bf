//! The queue of publishes. It is bounded, and each publish reaches exactly one final state.
//!
//! Final states: sent (QoS 0), acknowledged (QoS 1), expired, dropped-full or lost. A full queue drops its
//! oldest publish.
//!
//! A QoS 1 publish whose session drops before the PUBACK is sent once more on the next session, unless
//! the drop came within [`QUARANTINE`] of sending it: then the publish may be the reason for the drop, and
//! sending it again would end every session that follows. It ends as lost. After a second drop it ends as
//! lost too. The repetition is a new PUBLISH with a new packet id, because a new session has no record of
//! the old one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::engine::{MAX_IN_FLIGHT, SendLimits};
use super::settings::QueueSettings;
use crate::diagnostics::event::{CommandState, CommandUpdate, Event, Message, StampedEvent};
use crate::diagnostics::traffic::{MessageDirection, TrafficLimiter};
use crate::diagnostics::{NameMask, Stamp};

/// A drop this soon after a publish makes the publish suspect as its cause.
pub(super) const QUARANTINE: Duration = Duration::from_secs(1);

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// 0 or 1; higher values are sent as 1, and the broker may lower it.
    pub qos: u8,
    /// Retain flag; left out where the broker does not support it.
    pub retain: bool,
    /// Display name for the list of commands.
    pub name: String,
    /// Identifies its states; generated when `None`.
    pub correlation_id: Option<String>,
}

/// A topic whose publishes are not sent, for an experiment.
#[derive(Debug, Clone)]
pub struct WithheldTopic {
    /// The topic as recorded.
    pub recorded: String,
    /// The names that are not recorded as they are.
    pub name_mask: NameMask,
}

impl WithheldTopic {
    /// Whether `topic` is recorded as the withheld one.
    pub(super) fn matches(&self, topic: &str) -> bool {
        self.name_mask.is_recorded_as(topic, &self.recorded)
    }
}

#[derive(Debug)]
struct QueuedPublish {
    publish: Publish,
    id: String,
    requested_at: Stamp,
    /// Recorded as queued.
    is_announced: bool,
    /// When it was passed to the wire.
    sent_at: Option<Stamp>,
    /// The wire accepted all of it.
    is_flushed: bool,
    /// Quality of service on the wire.
    qos: u8,
    /// It was sent a second time.
    is_resent: bool,
}

impl QueuedPublish {
    fn command_event(&self, state: CommandState, now: Stamp) -> StampedEvent {
        let event = Event::Command(CommandUpdate {
            correlation_id: self.id.clone(),
            name: self.publish.name.clone(),
            state,
            ms: Some(now.since(self.requested_at).as_secs_f64() * 1000.0),
        });
        StampedEvent { at: now, event }
    }

    fn published_event(&self, queued: bool, qos: u8, now: Stamp) -> StampedEvent {
        let event = Event::Published(Message {
            topic: self.publish.topic.as_str().into(),
            bytes: self.publish.payload.len() as u64,
            queued,
            correlation_id: Some(self.id.clone()),
            qos: Some(qos),
        });
        StampedEvent { at: now, event }
    }

    fn is_too_old(&self, now: Stamp, max_age: Duration) -> bool {
        now.since(self.requested_at) >= max_age
    }
}

/// A publish that is to be sent now.
#[derive(Debug, PartialEq)]
pub(super) struct OutgoingPublish {
    /// 0 for QoS 0.
    pub(super) pkid: u16,
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: u8,
    pub(super) retain: bool,
}

/// The queue; survives sessions.
#[derive(Debug)]
pub(super) struct PublishQueue {
    settings: QueueSettings,
    waiting: VecDeque<QueuedPublish>,
    /// QoS 0 publishes that the wire has not accepted yet.
    unflushed_qos0: Vec<QueuedPublish>,
    in_flight: BTreeMap<u16, QueuedPublish>,
    /// Topic whose publishes are not sent, for an experiment.
    withheld: Option<WithheldTopic>,
    id_prefix: String,
    generated_ids: u64,
}

impl PublishQueue {
    /// An empty queue; `id_prefix` distinguishes the correlation ids of this run from those of others.
    pub(super) fn new(settings: QueueSettings, id_prefix: String) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            unflushed_qos0: Vec::new(),
            in_flight: BTreeMap::new(),
            withheld: None,
            id_prefix,
            generated_ids: 0,
        }
    }

    /// Publishes waiting for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Publishes sent and not acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Withholds the publishes to a topic, or those to none. Those that wait are not sent.
    pub(super) fn withhold(
        &mut self,
        topic: Option<WithheldTopic>,
        now: Stamp,
        out: &mut VecDeque<StampedEvent>,
    ) {
        self.withheld = topic;
        for entry in std::mem::take(&mut self.waiting) {
            if self.is_withheld(&entry.publish.topic) {
                out.push_back(entry.command_event(CommandState::NotSent, now));
            } else {
                self.waiting.push_back(entry);
            }
        }
    }

    /// Whether publishes to this topic are withheld.
    pub(super) fn is_withheld(&self, topic: &str) -> bool {
        self.withheld.as_ref().is_some_and(|withheld| withheld.matches(topic))
    }

    /// Adds a publish; one larger than `max_packet` is refused, because it could never be sent.
    pub(super) fn push(
        &mut self,
        publish: Publish,
        max_packet: usize,
        now: Stamp,
        out: &mut VecDeque<StampedEvent>,
    ) {
        let id = publish.correlation_id.clone().unwrap_or_else(|| {
            self.generated_ids += 1;
            format!("{}-{}", self.id_prefix, self.generated_ids)
        });
        let entry = QueuedPublish {
            publish,
            id,
            requested_at: now,
            is_announced: false,
            sent_at: None,
            is_flushed: false,
            qos: 0,
            is_resent: false,
        };
        let withheld = self.is_withheld(&entry.publish.topic).then_some(CommandState::NotSent);
        if let Some(state) = withheld.or_else(|| unsendable_state(&entry.publish, max_packet)) {
            tracing::warn!(name = %entry.publish.name, ?state, "publish not sent");
            out.push_back(entry.command_event(state, now));
            return;
        }
        if self.waiting.len() >= self.settings.capacity.max(1)
            && let Some(oldest) = self.waiting.pop_front()
        {
            out.push_back(oldest.command_event(CommandState::DroppedFull, now));
        }
        self.waiting.push_back(entry);
    }

    /// Records as queued the publishes that could not be sent at once.
    pub(super) fn announce(&mut self, now: Stamp, out: &mut VecDeque<StampedEvent>) {
        // Unannounced entries are always the newest ones.
        let fresh = self.waiting.iter().rev().take_while(|entry| !entry.is_announced).count();
        let from = self.waiting.len() - fresh;
        for entry in self.waiting.range_mut(from..) {
            entry.is_announced = true;
            out.push_back(entry.published_event(true, entry.publish.qos.min(1), now));
            out.push_back(entry.command_event(CommandState::Queued, now));
        }
    }

    /// Removes publishes that waited too long.
    pub(super) fn expire(&mut self, now: Stamp, out: &mut VecDeque<StampedEvent>) {
        let max_age = self.settings.max_age;
        while self.waiting.front().is_some_and(|oldest| oldest.is_too_old(now, max_age))
            && let Some(oldest) = self.waiting.pop_front()
        {
            out.push_back(oldest.command_event(CommandState::Expired, now));
        }
    }

    /// When the next publish expires.
    pub(super) fn next_expiry(&self) -> Option<Stamp> {
        self.waiting.front().map(|oldest| oldest.requested_at.plus(self.settings.max_age))
    }

    /// The next publish the broker accepts now. One larger than `fits` allows is refused here, so that it
    /// cannot harm the connection.
    pub(super) fn next(
        &mut self,
        allowed: SendLimits,
        fits: impl Fn(&Publish, u8) -> bool,
        now: Stamp,
        out: &mut VecDeque<StampedEvent>,
    ) -> Option<OutgoingPublish> {
        loop {
            let qos = self.waiting.front()?.publish.qos.min(1).min(allowed.max_qos);
            if qos > 0 && self.in_flight.len() >= usize::from(allowed.in_flight.min(MAX_IN_FLIGHT)) {
                return None;
            }
            let mut entry = self.waiting.pop_front()?;
            if !fits(&entry.publish, qos) {
                tracing::warn!(name = %entry.publish.name, "publish not sent: larger than the broker accepts");
                out.push_back(entry.command_event(CommandState::TooLarge, now));
                continue;
            }
            let pkid = if qos > 0 { self.free_packet_id()? } else { 0 };
            entry.sent_at = Some(now);
            entry.is_flushed = false;
            entry.qos = qos;
            let outgoing = OutgoingPublish {
                pkid,
                topic: entry.publish.topic.clone(),
                payload: entry.publish.payload.clone(),
                qos,
                retain: entry.publish.retain && allowed.retain,
            };
            if qos > 0 {
                self.in_flight.insert(pkid, entry);
            } else {
                self.unflushed_qos0.push(entry);
            }
            return Some(outgoing);
        }
    }

    fn free_packet_id(&self) -> Option<u16> {
        (1..=MAX_IN_FLIGHT).find(|id| !self.in_flight.contains_key(id))
    }

    /// The wire accepted everything passed to it.
    pub(super) fn on_flushed(
        &mut self,
        now: Stamp,
        traffic_limiter: &mut TrafficLimiter,
        out: &mut VecDeque<StampedEvent>,
    ) {
        for entry in self.unflushed_qos0.drain(..) {
            record_sent(&entry, now, traffic_limiter, out);
        }
        for entry in self.in_flight.values_mut().filter(|entry| !entry.is_flushed) {
            entry.is_flushed = true;
            record_sent(entry, now, traffic_limiter, out);
        }
    }

    /// A PUBACK arrived; `error_code`: it refuses the publish.
    pub(super) fn on_puback(
        &mut self,
        pkid: u16,
        error_code: Option<u8>,
        now: Stamp,
        traffic_limiter: &mut TrafficLimiter,
        out: &mut VecDeque<StampedEvent>,
    ) {
        let Some(entry) = self.in_flight.remove(&pkid) else { return };
        if !entry.is_flushed {
            record_sent(&entry, now, traffic_limiter, out);
        }
        let state = match error_code {
            None => CommandState::Acknowledged,
            Some(code) => {
                tracing::warn!(name = %entry.publish.name, code, "the broker refused a publish");
                CommandState::Refused
            }
        };
        out.push_back(entry.command_event(state, now));
    }

    /// The session is over; `dropped`: it was not closed on purpose.
    pub(super) fn session_ended(&mut self, dropped: bool, now: Stamp, out: &mut VecDeque<StampedEvent>) {
        for entry in self.unflushed_qos0.drain(..) {
            out.push_back(entry.command_event(CommandState::Lost, now));
        }
        let mut to_resend = Vec::new();
        for (_, mut entry) in std::mem::take(&mut self.in_flight) {
            let suspect = dropped && entry.sent_at.is_some_and(|sent| now.since(sent) < QUARANTINE);
            if suspect || entry.is_resent || self.is_withheld(&entry.publish.topic) {
                out.push_back(entry.command_event(CommandState::Lost, now));
            } else if entry.is_too_old(now, self.settings.max_age) {
                out.push_back(entry.command_event(CommandState::Expired, now));
            } else {
                entry.is_resent = true;
                entry.is_announced = true;
                out.push_back(entry.command_event(CommandState::Queued, now));
                to_resend.push(entry);
            }
        }
        to_resend.sort_by_key(|entry| (entry.requested_at, entry.sent_at));
        for entry in to_resend.into_iter().rev() {
            self.waiting.push_front(entry);
        }
        while self.waiting.len() > self.settings.capacity.max(1) {
            if let Some(oldest) = self.waiting.pop_front() {
                out.push_back(oldest.command_event(CommandState::DroppedFull, now));
            }
        }
        self.announce(now, out);
    }

    /// The run is over: publishes that are still queued are lost.
    pub(super) fn abandon(&mut self, now: Stamp, out: &mut VecDeque<StampedEvent>) {
        let in_flight = std::mem::take(&mut self.in_flight).into_values();
        for entry in self.unflushed_qos0.drain(..).chain(in_flight).chain(self.waiting.drain(..)) {
            out.push_back(entry.command_event(CommandState::Lost, now));
        }
    }
}

fn record_sent(
    entry: &QueuedPublish,
    now: Stamp,
    traffic_limiter: &mut TrafficLimiter,
    out: &mut VecDeque<StampedEvent>,
) {
    if traffic_limiter.admit(now, MessageDirection::Published) {
        out.push_back(entry.published_event(false, entry.qos, now));
    }
    out.push_back(entry.command_event(CommandState::Sent, now));
}

/// Why a publish can never be sent, if so.
/// Why a publish can never be sent, as its final state.
fn unsendable_state(publish: &Publish, max_packet: usize) -> Option<CommandState> {
    let topic = &publish.topic;
    if topic.is_empty() || topic.contains(['+', '#', '\0']) || topic.len() > usize::from(u16::MAX) {
        Some(CommandState::NotSent)
    } else if topic.len() + publish.payload.len() + 16 > max_packet {
        Some(CommandState::TooLarge)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
