//! Pings of one session: when a PINGREQ is due, and how long its PINGRESP took. Pure; times come in as stamps.

use std::time::Duration;

use super::settings::PingPolicy;
use crate::diagnostics::Stamp;

/// Batches of packets read after the ping deadline before it counts although there is more to read: after a
/// suspend of this computer the PINGRESP may wait behind other packets.
const MAX_BATCHES_PAST_DEADLINE: usize = 64;

/// PINGREQ→PINGRESP of one session. At most one PINGREQ is unanswered at a time.
#[derive(Debug)]
pub(super) struct Pinger {
    /// Keep-alive in force; `None` = off.
    interval: Option<Duration>,
    /// Longest time between two PINGREQs that an experiment allows, whatever the traffic.
    experiment_interval: Option<Duration>,
    policy: PingPolicy,
    /// Start of the session, or the last PINGREQ.
    last: Stamp,
    outstanding_since: Option<Stamp>,
    batches_past_deadline: usize,
}

impl Pinger {
    pub(super) fn new(keep_alive: Duration, policy: PingPolicy, start: Stamp) -> Self {
        let interval = (!keep_alive.is_zero()).then_some(keep_alive);
        Self {
            interval,
            experiment_interval: None,
            policy,
            last: start,
            outstanding_since: None,
            batches_past_deadline: 0,
        }
    }

    /// Sets the longest time between two PINGREQs, whatever the traffic; `None`: that of the keep-alive.
    pub(super) fn set_experiment_interval(&mut self, interval: Option<Duration>) {
        self.experiment_interval = interval.filter(|interval| !interval.is_zero());
    }

    /// When the next PINGREQ is due; `None` while one is unanswered, or with keep-alive off.
    pub(super) fn next_due(&self, last_tx: Option<Stamp>) -> Option<Stamp> {
        if self.outstanding_since.is_some() {
            return None;
        }
        let from = match self.policy {
            PingPolicy::Always => self.last,
            PingPolicy::WhenIdle => last_tx.map_or(self.last, |sent| sent.max(self.last)),
        };
        let of_keep_alive = self.interval.map(|interval| from.plus(interval));
        let of_experiment = self.experiment_interval.map(|interval| self.last.plus(interval));
        of_keep_alive.into_iter().chain(of_experiment).min_by_key(|due| due.boot)
    }

    /// A PINGREQ was sent.
    pub(super) fn on_pingreq_sent(&mut self, now: Stamp) {
        self.last = now;
        self.outstanding_since = Some(now);
        self.batches_past_deadline = 0;
    }

    /// A PINGRESP arrived; the round trip, if a PINGREQ was unanswered.
    pub(super) fn on_pingresp(&mut self, now: Stamp) -> Option<Duration> {
        self.outstanding_since.take().map(|sent| now.since(sent))
    }

    /// A batch of packets was read after the deadline of the PINGRESP. `drained`: nothing is left to read.
    /// Whether the response counts as missing.
    pub(super) fn is_response_missing(&mut self, drained: bool) -> bool {
        self.batches_past_deadline += 1;
        drained || self.batches_past_deadline > MAX_BATCHES_PAST_DEADLINE
    }

    /// Since when a PINGREQ is unanswered.
    pub(super) fn outstanding_since(&self) -> Option<Stamp> {
        self.outstanding_since
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
    fn pings_are_sent_during_traffic_only_with_policy_always() {
        let always = Pinger::new(Duration::from_secs(60), PingPolicy::Always, at(0));
        let idle = Pinger::new(Duration::from_secs(60), PingPolicy::WhenIdle, at(0));
        for (last_tx, due_always, due_idle) in [(None, 60, 60), (Some(at(50)), 60, 110)] {
            assert_eq!(always.next_due(last_tx), Some(at(due_always)));
            assert_eq!(idle.next_due(last_tx), Some(at(due_idle)));
        }
        assert_eq!(Pinger::new(Duration::ZERO, PingPolicy::Always, at(0)).next_due(None), None);
    }

    #[test]
    fn an_experiment_pings_more_often_but_never_less_often_than_the_keep_alive() {
        for policy in [PingPolicy::Always, PingPolicy::WhenIdle] {
            let mut pinger = Pinger::new(Duration::from_secs(60), policy, at(0));
            for (secs, due) in [(25, 25), (90, 60)] {
                pinger.set_experiment_interval(Some(Duration::from_secs(secs)));
                assert_eq!(pinger.next_due(None), Some(at(due)), "{policy:?}");
            }
            pinger.set_experiment_interval(None);
            assert_eq!(pinger.next_due(None), Some(at(60)));
        }
        // Traffic does not replace these pings, and they are sent with the keep-alive off too.
        let mut off = Pinger::new(Duration::ZERO, PingPolicy::WhenIdle, at(0));
        off.set_experiment_interval(Some(Duration::from_secs(25)));
        assert_eq!(off.next_due(Some(at(20))), Some(at(25)));
        off.on_pingreq_sent(at(25));
        assert_eq!(off.next_due(None), None);
    }

    #[test]
    fn one_pingreq_gets_one_round_trip() {
        let mut pinger = Pinger::new(Duration::from_secs(10), PingPolicy::Always, at(0));
        assert_eq!(pinger.on_pingresp(at(1)), None);
        pinger.on_pingreq_sent(at(10));
        assert_eq!((pinger.next_due(None), pinger.outstanding_since()), (None, Some(at(10))));
        assert_eq!(pinger.on_pingresp(at(12)), Some(Duration::from_secs(2)));
        assert_eq!(pinger.next_due(None), Some(at(20)));
    }

    #[test]
    fn a_missing_response_counts_once_nothing_is_left_to_read_or_after_many_batches() {
        let mut pinger = Pinger::new(Duration::from_secs(10), PingPolicy::Always, at(0));
        pinger.on_pingreq_sent(at(10));
        let batches = (1..100).find(|_| pinger.is_response_missing(false));
        assert_eq!(batches, Some(MAX_BATCHES_PAST_DEADLINE + 1));
        pinger.on_pingreq_sent(at(20));
        assert!(!pinger.is_response_missing(false));
        assert!(pinger.is_response_missing(true));
    }
}
