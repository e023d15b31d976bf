//! What happens during a run: steps at fixed times after the start of the client. Deterministic.

use crate::world::World;

type Action = Box<dyn FnMut(&World)>;

/// The steps of a run in order of time.
#[derive(Default)]
pub(crate) struct Script {
    steps: Vec<(f64, Action)>,
}

impl Script {
    /// Adds a step, in seconds after the start of the client.
    pub(crate) fn at(&mut self, secs: f64, action: impl FnMut(&World) + 'static) {
        self.steps.push((secs, Box::new(action)));
        self.steps.sort_by(|one, other| one.0.total_cmp(&other.0));
    }

    /// Adds the same step at several times.
    pub(crate) fn at_each(
        &mut self,
        times: impl IntoIterator<Item = f64>,
        action: impl FnMut(&World) + Clone + 'static,
    ) {
        for secs in times {
            self.at(secs, action.clone());
        }
    }

    /// Runs the next step if its time has come.
    pub(crate) fn run_due(&mut self, now_secs: f64, world: &World) -> bool {
        if self.steps.first().is_none_or(|(secs, _)| *secs > now_secs) {
            return false;
        }
        let (_, mut action) = self.steps.remove(0);
        action(world);
        true
    }
}

/// Times from `first` on, each `period` later, up to ten minutes.
pub(crate) fn every(period: f64, first: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(first), move |time| Some(time + period)).take_while(|time| *time < 600.0)
}

/// Gaps in seconds of this mean, none shorter than `least`; what exceeds that has an exponential distribution.
pub(crate) fn exponential_gaps(seed: u64, mean: f64, least: f64) -> impl Iterator<Item = f64> {
    uniform(seed).map(move |share| least - (mean - least) * (1.0 - share).ln())
}

/// Gaps in seconds that are spread evenly between two lengths.
pub(crate) fn even_gaps(seed: u64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    uniform(seed).map(move |share| low + share * (high - low))
}

/// Times with these gaps between them, up to ten minutes.
pub(crate) fn times(gaps: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
    gaps.scan(0.0, |time, gap| {
        *time += gap;
        Some(*time)
    })
    .take_while(|time| *time < 600.0)
}

/// Numbers from 0 to below 1 (`SplitMix64`): the same in each run.
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let states = std::iter::successors(Some(seed), |state| Some(state.wrapping_add(0x9E37_79B9_7F4A_7C15)));
    states.skip(1).map(|state| {
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    })
}
