//! The clock that a schedule follows, and the drops and sessions on it.

use crate::classify::case::Case;

/// One drop on the wall clock.
pub(super) struct WallWindow {
    pub(super) drop: usize,
    pub(super) lo: f64,
    pub(super) hi: f64,
}

/// The clock that a schedule follows.
#[derive(Clone, Copy)]
pub(super) enum ScheduleClock {
    /// The wall clock of this computer, with every step that was made.
    Recorded,
    /// A clock that was never stepped; it shows the present time of this computer's: seconds from the boot axis to it.
    Unstepped(f64),
}

impl ScheduleClock {
    /// The time on this clock; `to_wall` leads from the boot axis to the recorded wall clock.
    fn at(self, secs: f64, to_wall: f64) -> f64 {
        secs + match self {
            Self::Recorded => to_wall,
            Self::Unstepped(newest) => newest,
        }
    }
}

/// The drops on a clock, oldest first.
pub(super) fn moments(case: &Case, clock: ScheduleClock) -> Vec<WallWindow> {
    let mut moments: Vec<WallWindow> = case
        .drops()
        .filter(|(_, drop)| !drop.is_own_timeout)
        .map(|(index, drop)| WallWindow {
            drop: index,
            lo: clock.at(drop.lo, drop.to_wall),
            hi: clock.at(drop.hi, drop.to_wall),
        })
        .collect();
    moments.sort_unstable_by(|one, other| one.hi.total_cmp(&other.hi));
    moments
}

/// Start and end of each session on the wall clock, as far back as the drops of the search. A session that dropped
/// ends at its last proof of life.
pub(super) fn lives(case: &Case, clock: ScheduleClock, moments: &[WallWindow]) -> Vec<(f64, f64)> {
    let since = moments.first().map_or(0.0, |first| first.lo);
    let is_cut = case.count() > moments.len();
    let sessions = case.frame.sessions.iter().enumerate().map(|(index, session)| {
        let drop = case.frame.drop_by_session.get(index).copied().flatten();
        let end = match drop.and_then(|drop| case.frame.drops.get(drop)) {
            Some(drop) => clock.at(drop.lo, drop.to_wall),
            None => clock.at(session.end, session.end_wall - session.end),
        };
        (clock.at(session.start, session.start_wall - session.start), end)
    });
    sessions.filter(|(_, end)| !is_cut || *end >= since).collect()
}
