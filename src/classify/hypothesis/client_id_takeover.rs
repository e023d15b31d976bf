//! Takeover: another client with the same client id takes over the session.
//!
//! Short sessions right after each reconnect, closed by the peer: the other client reconnects after its own backoff.
//! Each session is an opportunity. MQTT 5 names it by a reason code.

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln_beta_binomial, ln_mean_exp, ln_normal, real};
use crate::classify::reason_code::SESSION_TAKEN_OVER;
use crate::classify::session::{EndKind, Session};
use crate::classify::{BurstParameters, FittedParameters, TakeoverParameters};

use super::{Fit, reason};

/// Median lives beside another client, in seconds; the last three are for a client that backs off.
const MEDIANS: [f64; 12] = [0.5, 0.8, 1.2, 2.0, 3.0, 4.5, 7.0, 11.0, 16.0, 25.0, 45.0, 80.0];
/// Spreads of the logarithm of the life.
const SPREADS: [f64; 4] = [0.25, 0.4, 0.6, 0.9];
/// Log prior of a client that backs off, relative to one that does not.
const BACKOFF_PENALTY: f64 = 2.5;

/// Log prior of lives that spread by a factor of two or more, relative to steadier ones: the other client has a timer.
const WIDE_PENALTY: f64 = 1.2;
/// Log likelihood ratio of a refused connect right after a drop, and of a reset instead of a close, against a takeover.
const REFUSED_PENALTY: f64 = 2.0;
const RESET_PENALTY: f64 = 0.7;
/// Log odds that a client id with eight random hexadecimal digits is in use twice.
const LN_ODDS_OF_A_DUPLICATE_RANDOM_ID: f64 = 12.0;

/// Lives that the peer ended, shortest first, with sums over their logarithms.
struct PeerEndedLives {
    /// Logarithm of the age in seconds, and the drop.
    lives: Vec<(f64, usize)>,
    /// Sums of the logarithms and of their squares over all before each.
    sums: Vec<(f64, f64)>,
}

impl PeerEndedLives {
    fn new(case: &Case) -> Self {
        let mut lives: Vec<(f64, usize)> = case
            .drops()
            .filter(|(_, drop)| drop.is_start_known && matches!(drop.kind, EndKind::Clean | EndKind::Reset))
            .filter(|(_, drop)| drop.detected > drop.start && !has_random_client_id(case, drop))
            .map(|(index, drop)| ((drop.detected - drop.start).ln(), index))
            .collect();
        lives.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut sums = vec![(0.0, 0.0)];
        for (age, _) in &lives {
            let (sum, squares) = sums.last().copied().unwrap_or_default();
            sums.push((sum + age, squares + age * age));
        }
        Self { lives, sums }
    }

    /// The number of lives within three spreads of a median and below `most`, and their log-normal log density.
    fn near_median(&self, median: f64, spread: f64, most: f64) -> (usize, f64) {
        let (center, reach) = (median.ln(), 3.0 * spread);
        let from = self.lives.partition_point(|(age, _)| *age < center - reach);
        let to = self.lives.partition_point(|(age, _)| *age <= center + reach && *age < most.ln()).max(from);
        let at = |index: usize| self.sums.get(index).copied().unwrap_or_default();
        let hits = real(to - from);
        let (sum, squares) = (at(to).0 - at(from).0, at(to).1 - at(from).1);
        let off = squares - 2.0 * center * sum + hits * center * center;
        (to - from, hits * ln_normal(0.0, spread) - 0.5 * off / (spread * spread) - sum)
    }

    /// The drops of the lives below an age in seconds, ascending.
    fn below(&self, most: f64) -> Vec<usize> {
        let mut drops: Vec<usize> =
            self.lives.iter().take_while(|(age, _)| *age < most.ln()).map(|(_, drop)| *drop).collect();
        drops.sort_unstable();
        drops
    }
}

/// Fits a takeover; a mixture of short and long lives that the peer ended is evidence for it rather than for bursts.
pub(super) fn fit(case: &Case, bursty: &mut Fit) -> Fit {
    let mut fit = short_lives(case);
    compare_with_bursts(case, &mut fit, bursty);
    fit.log_evidence -= lost_probe_penalty(case) + against_a_rival(case, &fit);
    let closed = real(case.drops().filter(|(_, drop)| drop.kind == EndKind::Clean).count());
    let clean_close_factor = ln_beta_binomial(closed, case.count_f64(), 20.0, 1.0)
        - ln_beta_binomial(closed, case.count_f64(), 1.0, 1.0);
    fit.log_evidence += clean_close_factor.min(0.0);
    if has_mostly_random_client_ids(case) {
        fit.log_evidence = fit.log_evidence.min(case.null - LN_ODDS_OF_A_DUPLICATE_RANDOM_ID);
    }
    if let FittedParameters::ClientIdTakeover(fitted) = &mut fit.parameters {
        fitted.is_shown_by_fresh_id = is_shown_by_a_fresh_id(case, &fit.hits);
    }
    if let Some((factor, hits)) = reason::reason_code_factor(case, &[SESSION_TAKEN_OVER])
        && factor > 0.0
    {
        fit.log_evidence = fit.log_evidence.max(case.null) + factor;
        fit.opportunities = fit.opportunities.max(real(hits.len()));
        fit.hits = hits;
        let fitted = match fit.parameters {
            FittedParameters::ClientIdTakeover(fitted) => fitted,
            _ => TakeoverParameters::default(),
        };
        fit.parameters =
            FittedParameters::ClientIdTakeover(TakeoverParameters { is_named_by_broker: true, ..fitted });
    }
    fit
}

fn short_lives(case: &Case) -> Fit {
    let lives = PeerEndedLives::new(case);
    // Nobody can take over a session with a random client id.
    let sessions = case.frame.sessions.iter().filter(|session| !session.has_random_client_id());
    let sessions = real(sessions.count());
    let mut terms = Vec::new();
    let mut best: Option<(f64, f64)> = None;
    for median in MEDIANS {
        for spread in SPREADS {
            let (hits, density) = lives.near_median(median, spread, (4.0 * median).max(30.0));
            if hits < 2 {
                continue;
            }
            let penalty = if median > 20.0 { BACKOFF_PENALTY } else { 0.0 }
                + if spread > 0.5 { WIDE_PENALTY } else { 0.0 };
            let evidence =
                ln_beta_binomial(real(hits), sessions, 2.0, 1.0) + case.ln_background(hits) + density
                    - penalty;
            terms.push(evidence);
            if best.is_none_or(|(most, _)| evidence > most) {
                best = Some((evidence, median));
            }
        }
    }
    let Some((_, median)) = best else { return Fit::impossible() };
    let most = if median > 16.0 { 4.0 * median } else { 20.0 };
    Fit {
        log_evidence: ln_mean_exp(&terms, MEDIANS.len() * SPREADS.len()),
        hits: lives.below(most),
        counts_hits: true,
        opportunities: sessions,
        parameters: typical_life(median),
        ..Fit::default()
    }
}

fn compare_with_bursts(case: &Case, fit: &mut Fit, bursty: &mut Fit) {
    let FittedParameters::Bursty(BurstParameters { short_life_secs: short, long_life_secs: long }) =
        bursty.parameters
    else {
        return;
    };
    if short >= 10.0 || short.is_nan() {
        return;
    }
    let by_peer =
        case.drops().filter(|(_, drop)| matches!(drop.kind, EndKind::Clean | EndKind::Reset)).count();
    if real(by_peer) < 0.7 * case.count_f64() {
        return;
    }
    // A flapping network rarely closes sessions cleanly.
    let closed = case.drops().filter(|(_, drop)| drop.kind == EndKind::Clean).count();
    let is_mostly_clean = real(closed) >= 0.9 * case.count_f64();
    let (takeover_penalty, bursty_penalty) =
        if short < 5.0 || is_mostly_clean { (1.0, 4.0) } else { (2.5, 1.5) };
    if bursty.log_evidence - takeover_penalty > fit.log_evidence {
        fit.log_evidence = bursty.log_evidence - takeover_penalty;
        let is_short = |drop: &DeathWindow| {
            matches!(drop.kind, EndKind::Clean | EndKind::Reset)
                && drop.detected - drop.start < (short * long).sqrt()
        };
        fit.hits = case
            .drops()
            .filter(|(_, drop)| drop.is_start_known && is_short(drop))
            .map(|(index, _)| index)
            .collect();
        fit.opportunities = real(case.frame.sessions.len());
        fit.parameters = typical_life(short);
    }
    bursty.log_evidence -= bursty_penalty;
}

fn typical_life(secs: f64) -> FittedParameters {
    FittedParameters::ClientIdTakeover(TakeoverParameters {
        typical_life_secs: Some(secs),
        ..TakeoverParameters::default()
    })
}

/// What speaks against another client, as a log penalty. A rival that takes the session over leaves a working broker behind:
/// the next connect is accepted at once.
fn against_a_rival(case: &Case, fit: &Fit) -> f64 {
    let frame = case.frame;
    let hits: Vec<&DeathWindow> = fit.hits.iter().filter_map(|index| frame.drops.get(*index)).collect();
    let count = |is: &dyn Fn(&&&DeathWindow) -> bool| real(hits.iter().filter(is).count());
    let refused = count(&|drop| frame.session_ending(drop).is_some_and(|ending| ending.failed_connects > 0));
    let reset = count(&|drop| drop.kind == EndKind::Reset);
    REFUSED_PENALTY * refused + RESET_PENALTY * reset
}

/// Whether most drops are those of sessions with a random client id.
fn has_mostly_random_client_ids(case: &Case) -> bool {
    2 * case.drops().filter(|(_, drop)| has_random_client_id(case, drop)).count() > case.count()
}

fn has_random_client_id(case: &Case, drop: &DeathWindow) -> bool {
    case.frame.session(drop).is_some_and(Session::has_random_client_id)
}

/// Whether sessions with a fresh client id stayed up where several takeovers were due.
fn is_shown_by_a_fresh_id(case: &Case, hits: &[usize]) -> bool {
    /// Takeovers due, of which none came: less than one chance in fifty at the old rate.
    const MIN_DUE: f64 = 4.0;
    if case.drops().any(|(_, drop)| has_random_client_id(case, drop)) {
        return false;
    }
    let connected = |is_random: bool| {
        let sessions =
            case.frame.sessions.iter().filter(|session| session.has_random_client_id() == is_random);
        sessions.map(|session| session.age()).sum::<f64>()
    };
    let due = real(hits.len()) * connected(true) / connected(false).max(1.0);
    due >= MIN_DUE
}

/// A flapping network also loses probes; a takeover does not.
fn lost_probe_penalty(case: &Case) -> f64 {
    if case.frame.log.failed_probes.is_empty() {
        return 0.0;
    }
    let (mut short, mut lost) = (0_usize, 0_usize);
    for (_, drop) in case.drops().filter(|(_, drop)| drop.is_start_known && drop.detected - drop.start < 60.0)
    {
        short += 1;
        lost += usize::from(case.frame.probe_failed(drop.detected - 5.0, drop.detected + 10.0));
    }
    (1.6 * (real(lost) - 0.05 * real(short)).max(0.0)).min(8.0)
}
