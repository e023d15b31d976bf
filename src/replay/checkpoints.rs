//! From where is a place in the recording reached soonest?

use std::time::Duration;

use super::reel::Reel;

/// Most checkpoints kept; each holds the folds (some hundred kilobytes) and a place in a file.
const MOST: usize = 64;
/// Events between the first checkpoints.
const FIRST_STRIDE: u64 = 4_096;

/// States along the recording, evenly spaced in events, with bounded memory: when there are too many, every
/// second one goes and the distance doubles.
#[derive(Debug)]
pub(super) struct Checkpoints {
    kept: Vec<Reel>,
    stride: u64,
}

impl Checkpoints {
    /// The beginning only.
    pub(super) fn new(beginning: Reel) -> Self {
        Self { kept: vec![beginning], stride: FIRST_STRIDE }
    }

    /// Whether a state after so many events is to be kept.
    pub(super) fn wants(&self, events: u64) -> bool {
        events.is_multiple_of(self.stride)
    }

    /// Keeps a state later than all others.
    pub(super) fn keep(&mut self, reel: Reel) {
        self.kept.push(reel);
        if self.kept.len() > MOST {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|reel| reel.events().is_multiple_of(stride));
        }
    }

    /// Keeps the state at the end of the recording.
    pub(super) fn keep_end(&mut self, reel: Reel) {
        self.kept.push(reel);
    }

    /// The latest state that does not lie behind `to`.
    pub(super) fn nearest(&self, to: Duration) -> Option<&Reel> {
        let after = self.kept.partition_point(|reel| reel.position() <= to);
        self.kept.get(after.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Stamp;
    use crate::diagnostics::event::{Event, Observed};

    #[test]
    fn many_events_leave_few_checkpoints_evenly_spread() {
        let mut reel = Reel::new(10);
        let mut checkpoints = Checkpoints::new(reel.clone());
        let events = FIRST_STRIDE * 300;
        let start = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
        for n in 0..events {
            let at = start.plus(Duration::from_secs(n));
            reel.apply(&Observed { at, event: Event::Unknown });
            if checkpoints.wants(reel.events()) {
                checkpoints.keep(reel.clone());
            }
        }
        assert!((MOST / 2..=MOST).contains(&checkpoints.kept.len()), "{}", checkpoints.kept.len());
        for n in (0..events).step_by(77_777) {
            let nearest = checkpoints.nearest(Duration::from_secs(n)).expect("the beginning at least");
            assert!(nearest.position() <= Duration::from_secs(n));
            assert!(n - nearest.position().as_secs() <= checkpoints.stride, "{n}");
        }
    }
}
