//! The runtime status at a moment of a recording, derived from the events.
//!
//! A replay reads ahead: an attempt is recorded when it ends and began earlier, and so did the ping whose answer follows.

use std::time::Duration;

use crate::diagnostics::event::{Attempt, DroppedEvent, Event, Phase, StampedEvent};
use crate::diagnostics::{LinkActivity, LinkState, Snapshot, Stamp};
use crate::state::RuntimeStatus;

/// The activity of the link at the moment of the snapshot. `now` and `next` are as recorded, in order; `field` converts
/// their times to field time, like those of the snapshot.
pub(super) fn runtime<'a>(
    snapshot: &Snapshot,
    now: Stamp,
    next: impl Iterator<Item = &'a StampedEvent>,
    field: impl Fn(Stamp) -> Stamp,
) -> RuntimeStatus {
    let mut runtime = RuntimeStatus::default();
    match snapshot.link {
        LinkState::Connected { since } => {
            let ping_sent_at = ping_sent_at(next, now).map(&field);
            let (last_rx, last_tx) = last_activity(snapshot, since);
            runtime.activity = LinkActivity::Connected;
            runtime.ping_outstanding_since = ping_sent_at;
            (runtime.last_rx, runtime.last_tx) = (last_rx, last_tx.max(ping_sent_at));
        }
        LinkState::Idle | LinkState::Connecting { .. } | LinkState::Down { .. } => {
            runtime.activity = attempt_activity(snapshot, now, next, field);
        }
        LinkState::Off { .. } => runtime.activity = LinkActivity::Off,
    }
    runtime
}

/// The last receive and the last send of the session, as far as events record them.
fn last_activity(snapshot: &Snapshot, since: Stamp) -> (Option<Stamp>, Option<Stamp>) {
    let (ping, session) = (&snapshot.ping, &snapshot.session);
    let last_rx = [Some(since), ping.last_at, session.last_message].into_iter().flatten().max();
    let ping_sent = ping.last_at.zip(ping.last_ms).map(|(at, ms)| earlier(at, ms / 1_000.0));
    let last_tx =
        [Some(connect_sent_at(snapshot, since)), ping_sent, session.last_publish].into_iter().flatten().max();
    (last_rx, last_tx)
}

/// When the CONNECT was sent whose CONNACK arrived at `since`.
fn connect_sent_at(snapshot: &Snapshot, since: Stamp) -> Stamp {
    let phases = snapshot.last_attempt.as_ref().map(|attempt| &attempt.phases);
    let last = phases.and_then(|phases| phases.last()).filter(|timing| timing.phase == Phase::Connack);
    last.map_or(since, |timing| earlier(since, timing.ms / 1_000.0))
}

/// When the unanswered ping was sent.
fn ping_sent_at<'a>(mut next: impl Iterator<Item = &'a StampedEvent>, now: Stamp) -> Option<Stamp> {
    let sent = next.find_map(|observed| match &observed.event {
        Event::Ping { rtt_ms } => Some(Some(earlier(observed.at, rtt_ms / 1_000.0))),
        Event::Dropped(dropped) => Some(unanswered_ping_age(dropped).map(|ago| earlier(observed.at, ago))),
        Event::Connected(_) | Event::Disconnected { .. } | Event::Started(_) => Some(None),
        _ => None,
    })?;
    sent.filter(|sent| now.has_reached(*sent))
}

/// Age at the drop, in seconds, of the ping that the drop left unanswered.
fn unanswered_ping_age(dropped: &DroppedEvent) -> Option<f64> {
    let last_pingreq =
        dropped.packets.iter().rposition(|packet| !packet.incoming && packet.packet == "PINGREQ")?;
    let is_answered = dropped.packets[last_pingreq..].iter().any(|packet| packet.packet == "PINGRESP");
    (!is_answered).then_some(dropped.packets[last_pingreq].ago_secs)
}

/// Waiting or connecting, derived from the attempt that ends next.
fn attempt_activity<'a>(
    snapshot: &Snapshot,
    now: Stamp,
    mut next: impl Iterator<Item = &'a StampedEvent>,
    field: impl Fn(Stamp) -> Stamp,
) -> LinkActivity {
    let next_attempt = next.find_map(|observed| match &observed.event {
        Event::Attempt(attempt) => Some(Some((observed.at, attempt))),
        Event::Connected(_) | Event::Disconnected { .. } | Event::Stopped { .. } | Event::Started(_) => {
            Some(None)
        }
        _ => None,
    });
    let (LinkState::Connecting { failures, .. } | LinkState::Down { failures, .. }) = snapshot.link else {
        return LinkActivity::Off;
    };
    let Some((ended, attempt)) = next_attempt.flatten() else {
        return LinkActivity::Waiting { until: snapshot.at, attempt: failures.saturating_add(1) };
    };
    let number = attempt.attempt_number;
    let duration_secs: f64 =
        attempt.phases.iter().map(|phase| phase.ms / 1_000.0).filter(|secs| *secs > 0.0).sum();
    let started_at = earlier(ended, duration_secs);
    if !now.has_reached(started_at) {
        return LinkActivity::Waiting { until: field(started_at), attempt: number };
    }
    connecting_activity(attempt, started_at, now, field)
}

fn connecting_activity(
    attempt: &Attempt,
    started_at: Stamp,
    now: Stamp,
    field: impl Fn(Stamp) -> Stamp,
) -> LinkActivity {
    let mut since = started_at;
    let mut phase = Phase::Dns;
    let mut start = started_at;
    for timing in &attempt.phases {
        if !now.has_reached(start) {
            break;
        }
        (phase, since) = (timing.phase, start);
        start = start.plus(Duration::try_from_secs_f64(timing.ms / 1_000.0).unwrap_or(Duration::ZERO));
    }
    LinkActivity::Connecting { phase, since: field(since), attempt: attempt.attempt_number }
}

/// The stamp so many seconds earlier on both clocks.
fn earlier(at: Stamp, secs: f64) -> Stamp {
    at.minus(Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO))
}
