//! Checkpoints along a recording, from which a seek continues.

use std::time::Duration;

use super::replay_state::ReplayState;

/// Most checkpoints retained; each holds the fold (some hundred kilobytes) and a position in a file.
const MAX_CHECKPOINTS: usize = 64;
/// Events between the first checkpoints.
const FIRST_STRIDE: u64 = 4_096;

/// States along the recording, evenly spaced in events, with bounded memory: when there are too many, every
/// second one is removed and the distance doubles.
#[derive(Debug)]
pub(super) struct Checkpoints {
    states: Vec<ReplayState>,
    stride: u64,
}

impl Checkpoints {
    /// The beginning only.
    pub(super) fn new(beginning: ReplayState) -> Self {
        Self { states: vec![beginning], stride: FIRST_STRIDE }
    }

    /// Whether a checkpoint is due after this many events.
    pub(super) fn is_due(&self, events: u64) -> bool {
        events.is_multiple_of(self.stride)
    }

    /// Adds a state later than all others.
    pub(super) fn push(&mut self, state: ReplayState) {
        self.states.push(state);
        if self.states.len() > MAX_CHECKPOINTS {
            self.stride *= 2;
            let stride = self.stride;
            self.states.retain(|state| state.events().is_multiple_of(stride));
        }
    }

    /// Adds the state at the end of the recording.
    pub(super) fn push_end(&mut self, state: ReplayState) {
        self.states.push(state);
    }

    /// The latest state at or before `to`.
    pub(super) fn nearest(&self, to: Duration) -> Option<&ReplayState> {
        let after = self.states.partition_point(|state| state.position() <= to);
        self.states.get(after.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Stamp;
    use crate::diagnostics::event::{Event, StampedEvent};

    #[test]
    fn checkpoints_are_bounded_and_evenly_spaced() {
        let mut state = ReplayState::new(10);
        let mut checkpoints = Checkpoints::new(state.clone());
        let events = FIRST_STRIDE * 300;
        let start = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
        for n in 0..events {
            let at = start.plus(Duration::from_secs(n));
            state.apply(&StampedEvent { at, event: Event::Unknown });
            if checkpoints.is_due(state.events()) {
                checkpoints.push(state.clone());
            }
        }
        assert!(
            (MAX_CHECKPOINTS / 2..=MAX_CHECKPOINTS).contains(&checkpoints.states.len()),
            "{}",
            checkpoints.states.len()
        );
        for n in (0..events).step_by(77_777) {
            let nearest = checkpoints.nearest(Duration::from_secs(n)).expect("the beginning at least");
            assert!(nearest.position() <= Duration::from_secs(n));
            assert!(n - nearest.position().as_secs() <= checkpoints.stride, "{n}");
        }
    }
}
