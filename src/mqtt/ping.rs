//! When is a PINGREQ due, and how long did the answer take? Pure; times come in as stamps.

use std::time::Duration;

use super::settings::PingPolicy;
use crate::diagnostics::Stamp;

/// PINGREQ→PINGRESP of one session. At most one PINGREQ is unanswered at a time.
#[derive(Debug)]
pub(super) struct Pinger {
    /// Keep-alive in force; `None` = off.
    every: Option<Duration>,
    policy: PingPolicy,
    /// Start of the session, or the last PINGREQ.
    last: Stamp,
    unanswered: Option<Stamp>,
}

impl Pinger {
    pub(super) fn new(keep_alive: Duration, policy: PingPolicy, start: Stamp) -> Self {
        let every = (!keep_alive.is_zero()).then_some(keep_alive);
        Self { every, policy, last: start, unanswered: None }
    }

    /// When the next PINGREQ is due; `None` while one is unanswered, or with keep-alive off.
    pub(super) fn due(&self, last_tx: Option<Stamp>) -> Option<Stamp> {
        let every = self.every.filter(|_| self.unanswered.is_none())?;
        let from = match self.policy {
            PingPolicy::Always => self.last,
            PingPolicy::WhenIdle => last_tx.map_or(self.last, |sent| sent.max(self.last)),
        };
        Some(from.plus(every))
    }

    /// A PINGREQ was sent.
    pub(super) fn sent(&mut self, now: Stamp) {
        self.last = now;
        self.unanswered = Some(now);
    }

    /// A PINGRESP arrived; the round trip, unless nobody asked.
    pub(super) fn answered(&mut self, now: Stamp) -> Option<Duration> {
        self.unanswered.take().map(|sent| now.since(sent))
    }

    /// Since when a PINGREQ is unanswered.
    pub(super) fn unanswered(&self) -> Option<Stamp> {
        self.unanswered
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(secs: u64) -> Stamp {
        Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs))
    }

    #[test]
    fn always_pings_whatever_the_traffic_and_when_idle_does_not() {
        let always = Pinger::new(Duration::from_secs(60), PingPolicy::Always, at(0));
        let idle = Pinger::new(Duration::from_secs(60), PingPolicy::WhenIdle, at(0));
        for (last_tx, due_always, due_idle) in [(None, 60, 60), (Some(at(50)), 60, 110)] {
            assert_eq!(always.due(last_tx), Some(at(due_always)));
            assert_eq!(idle.due(last_tx), Some(at(due_idle)));
        }
        assert_eq!(Pinger::new(Duration::ZERO, PingPolicy::Always, at(0)).due(None), None);
    }

    #[test]
    fn one_question_one_answer() {
        let mut pinger = Pinger::new(Duration::from_secs(10), PingPolicy::Always, at(0));
        assert_eq!(pinger.answered(at(1)), None);
        pinger.sent(at(10));
        assert_eq!((pinger.due(None), pinger.unanswered()), (None, Some(at(10))));
        assert_eq!(pinger.answered(at(12)), Some(Duration::from_secs(2)));
        assert_eq!(pinger.due(None), Some(at(20)));
    }
}
