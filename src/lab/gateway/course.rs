//! When does an ailment strike all connections of a gateway at once, and how?

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ailment::{Ailment, AilmentId, Manner, OutageManner, TakeoverTime};
use super::blow::Blow;
use super::field_time::{exponential, random};
use super::gate::{Armed, Shared};

/// Shortest time between two acts in field seconds.
const SHORTEST: f64 = 0.001;
/// The same in real time, so that no ailment can keep a processor busy.
const BREATH: Duration = Duration::from_millis(1);

/// Something that concerns all connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Act {
    Strike(Blow),
    OutageBegins(OutageManner),
    OutageEnds(OutageManner),
}

/// The times at which an ailment acts.
pub(super) struct Course {
    ailment: Ailment,
    random: StdRng,
    /// Field seconds from the arming to the latest act.
    at: f64,
    /// Acts so far.
    acts: u64,
}

impl Course {
    /// `None` for an ailment that waits for something in each session, or for the credentials.
    /// `wall_secs` is the time of the clock when it is armed, in field seconds.
    pub(super) fn of(ailment: &Ailment, seed: u64, id: AilmentId, wall_secs: f64) -> Option<Self> {
        let at = match *ailment {
            // One period early: each act adds one.
            Ailment::Schedule { every_secs, phase_secs, .. } => {
                let every = every_secs.max(SHORTEST);
                -(wall_secs - phase_secs).rem_euclid(every)
            }
            Ailment::RandomLoss { .. }
            | Ailment::Burst { .. }
            | Ailment::Takeover { when: TakeoverTime::EverySecs(_) }
            | Ailment::Outage { .. }
            | Ailment::TlsAlert { .. }
            | Ailment::WebSocketClose { .. }
            | Ailment::ServerDisconnect { .. }
            | Ailment::Maintenance { .. } => 0.0,
            _ => return None,
        };
        Some(Self { ailment: ailment.clone(), random: random(seed, id, 0), at, acts: 0 })
    }

    /// The next act, and when it comes in field seconds after the arming. `None`: that was all.
    pub(super) fn next(&mut self) -> Option<(f64, Act)> {
        let (wait, act) = self.step()?;
        self.at += if wait > SHORTEST { wait } else { SHORTEST };
        self.acts += 1;
        Some((self.at, act))
    }

    fn step(&mut self) -> Option<(f64, Act)> {
        let random = &mut self.random;
        let end = |manner| Act::Strike(Blow::End(manner));
        Some(match self.ailment {
            Ailment::Schedule { every_secs, manner, .. } => (every_secs, end(manner)),
            Ailment::RandomLoss { mean_secs, manner } => (exponential(random, mean_secs), end(manner)),
            Ailment::Burst { mean_secs, count, spacing_secs, manner } => {
                let is_first = self.acts.is_multiple_of(u64::from(count.max(1)));
                let wait = if is_first { exponential(random, mean_secs) } else { spacing_secs };
                (wait, end(manner))
            }
            Ailment::Takeover { when: TakeoverTime::EverySecs(secs) } => (secs, Act::Strike(Blow::Intrude)),
            Ailment::Outage { every_secs, lasting_secs, manner } => {
                if self.acts.is_multiple_of(2) {
                    (every_secs, Act::OutageBegins(manner))
                } else {
                    (lasting_secs, Act::OutageEnds(manner))
                }
            }
            Ailment::TlsAlert { every_secs } => (every_secs, Act::Strike(Blow::TlsAlert)),
            Ailment::WebSocketClose { code, mean_secs } => {
                (exponential(random, mean_secs), end(Manner::WsClose(code)))
            }
            Ailment::ServerDisconnect { reason, mean_secs } => {
                (exponential(random, mean_secs), end(Manner::Disconnect(reason)))
            }
            Ailment::Maintenance { at_secs } if self.acts == 0 => (at_secs, end(Manner::Disconnect(0x8B))),
            _ => return None,
        })
    }
}

/// Lets an ailment act until it is disarmed or the gateway stops.
pub(super) async fn run(shared: Arc<Shared>, armed: Armed, tasks: mpsc::Sender<()>) {
    if let Ailment::CredentialExpiry { at_secs, ends_sessions } = armed.ailment {
        expire_credentials(&shared, &armed, at_secs, ends_sessions).await;
        shared.accept_credentials(armed.id);
        return;
    }
    let wall_secs = shared.wall_secs(armed.since);
    let Some(mut course) = Course::of(&armed.ailment, shared.seed, armed.id, wall_secs) else { return };
    let (mut outage, mut earliest) = (None, armed.since);
    while let Some((at, act)) = course.next() {
        let due = (armed.since + shared.scale.real(at)).max(earliest);
        earliest = due + BREATH;
        if wait(&armed.disarmed, due).await.is_none() {
            break;
        }
        match act {
            Act::Strike(blow) => shared.strike_all(armed.id, blow),
            Act::OutageBegins(manner) => {
                outage = Some(manner);
                shared.begin_outage(armed.id, manner).await;
            }
            Act::OutageEnds(manner) => {
                outage = None;
                shared.end_outage(armed.id, manner, &tasks).await;
            }
        }
    }
    if let Some(manner) = outage {
        shared.end_outage(armed.id, manner, &tasks).await;
    }
}

async fn expire_credentials(shared: &Shared, armed: &Armed, at_secs: f64, ends_sessions: bool) {
    let mut renewals = shared.renewals.subscribe();
    let mut since = armed.since;
    loop {
        tokio::select! {
            biased;
            over = wait(&armed.disarmed, since + shared.scale.real(at_secs)) => {
                if over.is_none() {
                    return;
                }
                shared.refuse_credentials(armed.id);
                if ends_sessions {
                    shared.strike_all(armed.id, Blow::End(Manner::Fin));
                }
                let renewed = tokio::select! {
                    () = armed.disarmed.cancelled() => return,
                    renewed = renewals.changed() => renewed,
                };
                if renewed.is_err() {
                    return;
                }
                shared.accept_credentials(armed.id);
            }
            renewed = renewals.changed() => {
                if renewed.is_err() {
                    return;
                }
            }
        }
        since = Instant::now();
    }
}

/// `None` if it was disarmed first.
async fn wait(disarmed: &CancellationToken, until: Instant) -> Option<()> {
    tokio::select! {
        biased;
        () = disarmed.cancelled() => None,
        () = sleep_until(until) => Some(()),
    }
}
