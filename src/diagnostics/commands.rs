//! The outcome of each command and publish, and the time to the answers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::Stamp;
use super::distribution::Distribution;
use super::event::{AlertState, CommandState, CommandUpdate};

/// The alert rule for a device that does not answer although the connection is up.
pub const SILENT_DEVICE: &str = "device-silent";

/// Commands kept in the history.
const MAX_RECORDS: usize = 200;
/// Names with round trips of their own.
const MAX_NAMES: usize = 64;

/// The life of one command or publish. Times are field time.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRecord {
    /// Ties the states together.
    pub correlation_id: Arc<str>,
    /// What the user calls it, as recorded: to be cleaned before it is shown.
    pub name: Arc<str>,
    /// The newest state; an answer is final.
    pub state: CommandState,
    /// When it was requested: its first event.
    pub requested_at: Stamp,
    /// When it last went out.
    pub sent: Option<Stamp>,
    /// When the PUBACK arrived.
    pub acknowledged: Option<Stamp>,
    /// When the device answered.
    pub answered: Option<Stamp>,
    /// When it reached the newest state.
    pub at: Stamp,
    /// How often it went out; 2 after a drop before the PUBACK.
    pub sends: u32,
}

impl CommandRecord {
    /// From sending to the device's answer.
    pub fn round_trip(&self) -> Option<Duration> {
        Some(self.answered?.since(self.sent?))
    }

    /// From sending to the PUBACK.
    pub fn acknowledgement(&self) -> Option<Duration> {
        Some(self.acknowledged?.since(self.sent?))
    }

    fn apply_state(&mut self, at: Stamp, state: CommandState) {
        match state {
            CommandState::Sent => {
                self.sent = Some(at);
                self.sends = self.sends.saturating_add(1);
            }
            CommandState::Acknowledged => self.acknowledged = Some(at),
            CommandState::Answered => self.answered = Some(at),
            _ => {}
        }
        // The answer may arrive before the PUBACK, and it is final.
        if self.state != CommandState::Answered {
            (self.state, self.at) = (state, at);
        }
    }
}

/// Points of the distribution of round trips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundTrips {
    /// Answers counted.
    pub count: u64,
    /// Median.
    pub p50: Duration,
    /// 95th percentile.
    pub p95: Duration,
    /// The longest.
    pub max: Duration,
}

/// The newest commands with their outcomes, and the round trips of all. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct CommandHistory {
    records: Arc<VecDeque<Arc<CommandRecord>>>,
    /// Records that were pushed out of the history.
    evicted: u64,
    /// Round trips of all commands, and by name.
    round_trips: Option<RoundTrips>,
    by_name: Arc<BTreeMap<Arc<str>, RoundTrips>>,
    silent_since: Option<Stamp>,
}

impl CommandHistory {
    /// The commands, oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Arc<CommandRecord>> + ExactSizeIterator {
        self.records.iter()
    }

    /// Commands that are no longer kept.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Round trips of all answered commands.
    pub fn round_trips(&self) -> Option<RoundTrips> {
        self.round_trips
    }

    /// Round trips of the commands of a name (the first 64 names only).
    pub fn round_trips_of(&self, name: &str) -> Option<RoundTrips> {
        self.by_name.get(name).copied()
    }

    /// Since when the device has not answered although the connection is up.
    pub fn silent_since(&self) -> Option<Stamp> {
        self.silent_since
    }
}

/// Folds command updates into a [`CommandHistory`]: O(1) per event, bounded.
#[derive(Debug, Clone, Default)]
pub(super) struct CommandFold {
    history: CommandHistory,
    /// Where a record is: its number since the beginning.
    record_numbers: HashMap<Arc<str>, u64>,
    all_round_trips: Option<Distribution>,
    round_trips_by_name: BTreeMap<Arc<str>, Distribution>,
    stale: bool,
}

impl CommandFold {
    pub(super) fn apply(&mut self, at: Stamp, command: &CommandUpdate) {
        let before = self.record_index(&command.correlation_id);
        let index = before.unwrap_or_else(|| self.insert_record(at, command));
        let records = Arc::make_mut(&mut self.history.records);
        let Some(record) = records.get_mut(index).map(Arc::make_mut) else { return };
        let was_answered = record.answered.is_some();
        record.apply_state(at, command.state);
        let answered = record.round_trip().filter(|_| !was_answered);
        if let Some(took) = answered {
            let name = Arc::clone(&record.name);
            self.count(name, took);
        }
    }

    /// An alert changed state.
    pub(super) fn alert(&mut self, at: Stamp, rule: &str, state: Option<AlertState>) {
        if rule != SILENT_DEVICE {
            return;
        }
        self.history.silent_since = match state {
            Some(AlertState::Raised) => self.history.silent_since.or(Some(at)),
            _ => None,
        };
    }

    /// A new run began: no answer to an earlier command can arrive.
    pub(super) fn run_ended(&mut self) {
        self.history.silent_since = None;
    }

    pub(super) fn history(&mut self) -> CommandHistory {
        if std::mem::take(&mut self.stale) {
            self.history.round_trips = self.all_round_trips.as_ref().and_then(round_trip_percentiles);
            let named = self
                .round_trips_by_name
                .iter()
                .filter_map(|(name, all)| Some((Arc::clone(name), round_trip_percentiles(all)?)));
            self.history.by_name = Arc::new(named.collect());
        }
        self.history.clone()
    }

    /// The index of a record that is still kept.
    fn record_index(&self, id: &str) -> Option<usize> {
        let number = self.record_numbers.get(id)?;
        usize::try_from(number.checked_sub(self.history.evicted)?).ok()
    }

    fn insert_record(&mut self, at: Stamp, command: &CommandUpdate) -> usize {
        let records = Arc::make_mut(&mut self.history.records);
        if records.len() >= MAX_RECORDS
            && let Some(oldest) = records.pop_front()
        {
            self.record_numbers.remove(&oldest.correlation_id);
            self.history.evicted += 1;
        }
        let id: Arc<str> = command.correlation_id.as_str().into();
        let index = records.len();
        records.push_back(Arc::new(CommandRecord {
            correlation_id: Arc::clone(&id),
            name: command.name.as_str().into(),
            state: command.state,
            requested_at: at,
            sent: None,
            acknowledged: None,
            answered: None,
            at,
            sends: 0,
        }));
        self.record_numbers.insert(id, self.history.evicted + u64::try_from(index).unwrap_or(u64::MAX));
        index
    }

    fn count(&mut self, name: Arc<str>, took: Duration) {
        self.stale = true;
        // The distribution resolves 1 ms, too coarse for loopback: it holds them a thousandfold.
        let value = took.saturating_mul(1_000);
        self.all_round_trips.get_or_insert_with(Distribution::new).record(value);
        if self.round_trips_by_name.len() < MAX_NAMES || self.round_trips_by_name.contains_key(&name) {
            self.round_trips_by_name.entry(name).or_insert_with(Distribution::new).record(value);
        }
    }
}

fn round_trip_percentiles(all: &Distribution) -> Option<RoundTrips> {
    let unscale = |value: Option<Duration>| value.map(|thousandfold| thousandfold / 1_000);
    Some(RoundTrips {
        count: all.count(),
        p50: unscale(all.quantile(0.50))?,
        p95: unscale(all.quantile(0.95))?,
        max: unscale(all.max())?,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_millis(ms))
    }

    fn apply_state(fold: &mut CommandFold, ms: u64, id: &str, state: CommandState) {
        let command = CommandUpdate { correlation_id: id.into(), name: "status".into(), state, ms: None };
        fold.apply(at(ms), &command);
    }

    #[test]
    fn a_command_from_queue_to_answer_has_its_timestamps() {
        use CommandState::{Acknowledged, Answered, Queued, Sent};
        let mut fold = CommandFold::default();
        for (ms, state) in
            [(0, Queued), (900, Sent), (950, Queued), (1_000, Sent), (1_041, Answered), (1_050, Acknowledged)]
        {
            apply_state(&mut fold, ms, "a", state);
        }
        let history = fold.history();
        let record = history.records().next().expect("a record");
        assert_eq!((record.state, record.at, record.sends), (Answered, at(1_041), 2));
        assert_eq!(record.round_trip(), Some(Duration::from_millis(41)));
        assert_eq!(record.acknowledgement(), Some(Duration::from_millis(50)));
        let trips = history.round_trips_of("status").expect("round trips");
        assert_eq!((trips.count, trips.max), (1, Duration::from_millis(41)));
        assert_eq!(history.round_trips(), Some(trips));
    }

    #[test]
    fn a_late_answer_counts_and_a_second_one_does_not() {
        use CommandState::{Answered, Sent, Unanswered};
        let mut fold = CommandFold::default();
        for (ms, state) in [(0, Sent), (10_000, Unanswered), (12_000, Answered), (13_000, Answered)] {
            apply_state(&mut fold, ms, "a", state);
        }
        let history = fold.history();
        assert_eq!(history.records().next().map(|record| record.state), Some(Answered));
        assert_eq!(history.round_trips().map(|trips| trips.count), Some(1));
    }

    #[test]
    fn the_history_is_bounded_and_counts_evicted_records() {
        let mut fold = CommandFold::default();
        for number in 0..1_000 {
            apply_state(&mut fold, number, &number.to_string(), CommandState::Sent);
        }
        apply_state(&mut fold, 2_000, "0", CommandState::Answered);
        apply_state(&mut fold, 2_000, "999", CommandState::Answered);
        let history = fold.history();
        assert_eq!(
            (history.records().len(), history.evicted(), fold.record_numbers.len()),
            (MAX_RECORDS, 801, MAX_RECORDS)
        );
        let states: Vec<_> = history.records().rev().take(2).map(|record| record.state).collect();
        assert_eq!(
            states,
            [CommandState::Answered; 2],
            "the evicted record begins again, the retained one is found"
        );
        assert_eq!(
            history.round_trips().map(|trips| trips.count),
            Some(1),
            "what was sent unseen has no round trip"
        );
    }

    #[test]
    fn silence_begins_and_ends_with_its_alert() {
        let mut fold = CommandFold::default();
        fold.alert(at(5), "other", Some(AlertState::Raised));
        assert_eq!(fold.history().silent_since(), None);
        fold.alert(at(7), SILENT_DEVICE, Some(AlertState::Raised));
        fold.alert(at(9), SILENT_DEVICE, Some(AlertState::Raised));
        assert_eq!(fold.history().silent_since(), Some(at(7)));
        fold.alert(at(9), SILENT_DEVICE, Some(AlertState::Cleared));
        assert_eq!(fold.history().silent_since(), None);
    }
}
