//! The state after some events of a recording, and its position.

use std::time::Duration;

use super::source::ReplayPosition;
use crate::diagnostics::Stamp;
use crate::diagnostics::event::StampedEvent;
use crate::diagnostics::recording::Decoder;
use crate::state::EventFold;

/// The state after some events. A clone is a checkpoint.
#[derive(Debug, Clone)]
pub(super) struct ReplayState {
    /// The position of the next event; of a checkpoint only.
    pub(super) file_position: ReplayPosition,
    /// The decoder for the next event; of a checkpoint only.
    pub(super) decoder: Decoder,
    /// The folded events.
    pub(super) fold: EventFold,
    /// Field time of the first event.
    origin: Option<Stamp>,
    /// The newest event by the boot clock, as recorded.
    latest: Option<Stamp>,
    position: Duration,
    events: u64,
}

impl ReplayState {
    /// No event yet.
    pub(super) fn new(max_events: usize) -> Self {
        Self {
            file_position: ReplayPosition::default(),
            decoder: Decoder::new(),
            fold: EventFold::new(max_events),
            origin: None,
            latest: None,
            position: Duration::ZERO,
            events: 0,
        }
    }

    /// Events folded.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Field time from the first event to the newest one.
    pub(super) fn position(&self) -> Duration {
        self.position
    }

    /// Field time of the first event.
    pub(super) fn origin(&self) -> Option<Stamp> {
        self.origin
    }

    /// Field time of the newest event.
    pub(super) fn field_now(&self) -> Option<Stamp> {
        self.latest.map(|newest| self.fold.field_time(newest))
    }

    /// The position of an event if it came next. A stamp that runs backwards on the boot clock is simultaneous with the
    /// event before, as in the fold.
    pub(super) fn position_of(&self, observed: &StampedEvent) -> Duration {
        let mut scale = self.fold.time_scale();
        scale.observe(observed.at, &observed.event);
        let field = scale.stamp(observed.at);
        self.origin.map_or(Duration::ZERO, |origin| field.since(origin)).max(self.position)
    }

    /// Folds an event.
    pub(super) fn apply(&mut self, observed: &StampedEvent) {
        self.position = self.position_of(observed);
        self.fold.apply(observed.at, &observed.event);
        self.origin.get_or_insert(self.fold.field_time(observed.at));
        let boot = self.latest.map_or(observed.at.boot, |newest| newest.boot.max(observed.at.boot));
        self.latest = Some(Stamp { boot, ..observed.at });
        self.events += 1;
    }

    /// The moment at a position not before the newest event, on the clocks of the recording.
    pub(super) fn stamp_at(&self, position: Duration) -> Stamp {
        let newest = self.latest.unwrap_or(Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO));
        let field = position.saturating_sub(self.position);
        let factor = self.fold.time_scale().factor();
        if factor.to_bits() == 1.0_f64.to_bits() {
            return newest.plus(field);
        }
        let recorded = Duration::try_from_secs_f64(field.as_secs_f64() / factor);
        newest.plus(recorded.unwrap_or(Duration::ZERO))
    }
}
