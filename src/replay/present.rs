//! What would a running program have known beside the state, as far as the events tell?
//!
//! A replay knows what comes next: the attempt that is told when it is over began earlier, and so did the
//! ping whose answer is still to come.

use std::time::Duration;

use crate::diagnostics::event::{Attempt, Dropped, Event, Observed, Phase};
use crate::diagnostics::{LinkState, Snapshot, Stamp};
use crate::monitor::{LinkActivity, Runtime};

/// What the link was doing at the moment of the snapshot. `now` and `next` are as recorded, in order; `field`
/// turns their times into those of the snapshot.
pub(super) fn runtime<'a>(
    snapshot: &Snapshot,
    now: Stamp,
    next: impl Iterator<Item = &'a Observed>,
    field: impl Fn(Stamp) -> Stamp,
) -> Runtime {
    let mut runtime = Runtime::default();
    match snapshot.link {
        LinkState::Connected { since } => {
            let asked = asked(next, now).map(&field);
            let (heard, said) = last_bytes(snapshot, since);
            runtime.activity = LinkActivity::Connected;
            runtime.ping_outstanding_since = asked;
            (runtime.last_rx, runtime.last_tx) = (heard, said.max(asked));
        }
        LinkState::Idle | LinkState::Connecting { .. } | LinkState::Down { .. } => {
            runtime.activity = attempting(snapshot, now, next, field);
        }
        LinkState::Off { .. } => runtime.activity = LinkActivity::Off,
    }
    runtime
}

/// When the session last heard and said something, at the earliest.
fn last_bytes(snapshot: &Snapshot, since: Stamp) -> (Option<Stamp>, Option<Stamp>) {
    let (ping, session) = (&snapshot.ping, &snapshot.session);
    let heard = [Some(since), ping.last_at, session.last_message].into_iter().flatten().max();
    let pinged = ping.last_at.zip(ping.last_ms).map(|(at, ms)| before(at, ms / 1_000.0));
    let said = [Some(greeted(snapshot, since)), pinged, session.last_publish].into_iter().flatten().max();
    (heard, said)
}

/// When the CONNECT was sent whose answer came at `since`.
fn greeted(snapshot: &Snapshot, since: Stamp) -> Stamp {
    let phases = snapshot.last_attempt.as_ref().map(|attempt| &attempt.phases);
    let last = phases.and_then(|phases| phases.last()).filter(|timing| timing.phase == Phase::Connack);
    last.map_or(since, |timing| before(since, timing.ms / 1_000.0))
}

/// When the ping was sent that has no answer yet.
fn asked<'a>(mut next: impl Iterator<Item = &'a Observed>, now: Stamp) -> Option<Stamp> {
    let sent = next.find_map(|observed| match &observed.event {
        Event::Ping { rtt_ms } => Some(Some(before(observed.at, rtt_ms / 1_000.0))),
        Event::Dropped(dropped) => Some(unanswered(dropped).map(|ago| before(observed.at, ago))),
        Event::Connected(_) | Event::Disconnected { .. } | Event::Started(_) => Some(None),
        _ => None,
    })?;
    sent.filter(|sent| now.has_reached(*sent))
}

/// How long before the drop the ping was sent that the drop left without an answer.
fn unanswered(dropped: &Dropped) -> Option<f64> {
    let pinged = dropped.packets.iter().rposition(|packet| !packet.incoming && packet.packet == "PINGREQ")?;
    let is_answered = dropped.packets[pinged..].iter().any(|packet| packet.packet == "PINGRESP");
    (!is_answered).then_some(dropped.packets[pinged].ago_secs)
}

/// Waiting or connecting, by the attempt that ends next.
fn attempting<'a>(
    snapshot: &Snapshot,
    now: Stamp,
    mut next: impl Iterator<Item = &'a Observed>,
    field: impl Fn(Stamp) -> Stamp,
) -> LinkActivity {
    let told = next.find_map(|observed| match &observed.event {
        Event::Attempt(attempt) => Some(Some((observed.at, attempt))),
        Event::Connected(_) | Event::Disconnected { .. } | Event::Stopped { .. } | Event::Started(_) => {
            Some(None)
        }
        _ => None,
    });
    let (LinkState::Connecting { failures, .. } | LinkState::Down { failures, .. }) = snapshot.link else {
        return LinkActivity::Off;
    };
    let Some((ended, attempt)) = told.flatten() else {
        return LinkActivity::Waiting { until: snapshot.at, attempt: failures.saturating_add(1) };
    };
    let number = attempt.attempt_number;
    let lasted: f64 = attempt.phases.iter().map(|phase| phase.ms / 1_000.0).filter(|secs| *secs > 0.0).sum();
    let began = before(ended, lasted);
    if !now.has_reached(began) {
        return LinkActivity::Waiting { until: field(began), attempt: number };
    }
    connecting(attempt, began, now, field)
}

fn connecting(attempt: &Attempt, began: Stamp, now: Stamp, field: impl Fn(Stamp) -> Stamp) -> LinkActivity {
    let mut since = began;
    let mut phase = Phase::Dns;
    let mut start = began;
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
fn before(at: Stamp, secs: f64) -> Stamp {
    let ago = Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO);
    let wall = chrono::TimeDelta::from_std(ago).ok().and_then(|ago| at.wall.checked_sub_signed(ago));
    Stamp::new(wall.unwrap_or(at.wall), at.boot.saturating_sub(ago))
}
