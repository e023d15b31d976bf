//! Answers that another world would give as well: they are never sure, and a separating test or more time decides.

use super::{MAX_UNPROVEN_TAKEOVER, Posterior};
use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::session::EndKind;
use crate::classify::{ActiveHours, FittedParameters, IdleTimeoutParameters, Pattern};

/// Most probability of bursts that have a rival.
const MAX_DOUBTFUL_BURSTS: f64 = 0.89;
/// Most probability of a limit that has a rival.
const MAX_DOUBTFUL_LIMIT: f64 = 0.89;

/// The most that may be claimed of the answer; `None` without such a rival.
pub(super) fn most_confidence(case: &Case, posterior: &Posterior) -> Option<f64> {
    match posterior.pattern {
        Pattern::Bursty if is_daily(case) || is_closed_by_peer(case) => Some(MAX_DOUBTFUL_BURSTS),
        Pattern::FixedLifetime if is_short(posterior) && is_closed_by_peer(case) => {
            Some(MAX_UNPROVEN_TAKEOVER)
        }
        Pattern::IdleTimeout if is_never_alive(case, posterior) => Some(MAX_DOUBTFUL_LIMIT),
        _ => None,
    }
}

/// Whether the drops of several days all came in the same part of the day. Bursts alone do not explain that.
fn is_daily(case: &Case) -> bool {
    /// Longest part of a day, in hours, and fewest days.
    const MAX_HOURS: f64 = 10.0;
    const MIN_DAYS: usize = 3;
    const DAY: f64 = 86_400.0;
    let moments: Vec<f64> = case.drops().map(|(_, drop)| drop.detected + drop.to_wall).collect();
    let mut days: Vec<f64> = moments.iter().map(|at| at.div_euclid(DAY)).collect();
    days.dedup();
    let hours = ActiveHours::around(moments.iter().map(|at| at.rem_euclid(DAY) / 3_600.0));
    days.len() >= MIN_DAYS && hours.is_some_and(|hours| hours.length() <= MAX_HOURS)
}

/// Whether the peer closed most sessions in order, and the client id is one that another client may have: a second client that
/// comes now and then, or reconnects after a constant delay, does the same.
fn is_closed_by_peer(case: &Case) -> bool {
    let by_peer = case.drops().filter(|(_, drop)| drop.kind == EndKind::Clean);
    let has_own_id =
        |drop: &DeathWindow| case.frame.session(drop).is_some_and(|session| !session.has_random_client_id());
    2 * by_peer.filter(|(_, drop)| has_own_id(drop)).count() > case.count()
}

/// Whether the sessions live no longer than a client usually waits before it reconnects.
fn is_short(posterior: &Posterior) -> bool {
    /// The longest usual delay, in seconds.
    const LONGEST_DELAY: f64 = 65.0;
    let fit = posterior.fits.get(&Pattern::FixedLifetime);
    fit.and_then(|fit| fit.parameters.limit_secs()).is_some_and(|secs| secs <= LONGEST_DELAY)
}

/// Whether no session that the silence ended had shown a sign of life after its connect: a path that dies soon after each
/// connect, or a broker that answers no ping, looks the same.
fn is_never_alive(case: &Case, posterior: &Posterior) -> bool {
    /// Packets this soon after the connect belong to it, in seconds.
    const CONNECT_SECS: f64 = 2.0;
    let Some(fit) = posterior.fits.get(&Pattern::IdleTimeout) else { return false };
    let is_noticed = matches!(
        fit.parameters,
        FittedParameters::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket { .. })
    );
    let hits = fit.hits.iter().filter_map(|index| case.frame.drops.get(*index));
    is_noticed && hits.into_iter().all(|drop| drop.lo - drop.start <= CONNECT_SECS)
}
