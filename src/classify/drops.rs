//! The death window of each drop: the interval in which the session died.
//!
//! Detection is not death: a dead path is detected up to one keep-alive later, so the times of detection follow the
//! client's own pings, whatever ended the path. Every mechanism is therefore fitted to the death window.

mod send_timeout;

use super::log::Log;
use super::math::median;
use super::session::{EndKind, Secs, Session, SessionEnding};

/// Tolerance for clocks and round trips when two times are compared, in seconds.
const TIMESTAMP_TOLERANCE: f64 = 0.05;
/// A close within this time after an outgoing packet may be the answer to it, in seconds.
const ANSWERED_WITHIN: f64 = 2.0;
/// An incoming packet this long after the last outgoing one proves that the path was up, in seconds.
const OPEN_PATH_MARGIN: f64 = 1.0;
/// Plausible ping timeouts of clients, in seconds.
const PLAUSIBLE_PING_TIMEOUTS: std::ops::Range<f64> = 0.5..95.0;
/// A burst ends the next session within this, in seconds (or three keep-alives).
const BURST_SECS: f64 = 300.0;

/// One drop with its death window.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one drop")]
pub(super) struct DeathWindow {
    /// Index of its session.
    pub(super) session: usize,
    pub(super) start: Secs,
    /// Whether the start of the session was recorded.
    pub(super) is_start_known: bool,
    /// Time of the detection.
    pub(super) detected: Secs,
    /// Offset from a time of this session to the wall clock, in seconds.
    pub(super) to_wall: f64,
    pub(super) kind: EndKind,
    pub(super) keep_alive: f64,
    /// Last proof of life, and the latest possible death.
    pub(super) lo: Secs,
    pub(super) hi: Secs,
    /// The first outgoing packet that was not answered, or that the close answered.
    pub(super) tx: Option<Secs>,
    /// The silence before that packet.
    pub(super) silence: Option<f64>,
    /// Whether the peer sent something well after the ping that it did not answer: the session was alive, and the
    /// client's own timeout ended it.
    pub(super) is_own_timeout: bool,
    /// Whether the previous session died in the same burst.
    pub(super) is_continuation: bool,
    /// Whether the recording shows when the last packets were sent and received.
    pub(super) is_activity_known: bool,
    /// Whether the recording contains the packets of its run.
    pub(super) are_packets_recorded: bool,
}

/// Times of the last packets of a session.
struct LastPackets {
    sent: Secs,
    ping: Secs,
    received: Secs,
}

impl LastPackets {
    fn of(session: &Session, ending: &SessionEnding) -> Self {
        let newest = |out: bool| {
            ending
                .packets
                .iter()
                .rev()
                .find(|packet| packet.is_outgoing == out)
                .map_or(session.start, |packet| packet.at)
        };
        Self { sent: newest(true), ping: ending.last_ping.unwrap_or(session.start), received: newest(false) }
    }
}

/// All drops of a log, oldest first, with the client's own deadline taken into account.
pub(super) fn drops(log: &Log) -> Vec<DeathWindow> {
    let dropped: Vec<(usize, &Session, &SessionEnding)> = log
        .sessions
        .iter()
        .enumerate()
        .filter_map(|(index, session)| Some((index, session, session.ending.as_deref()?)))
        .collect();
    let interval = log.ping_intervals.usual().map_or(1.0, |usual| usual.min(1.0));
    let deadline = ping_timeout(&dropped, interval);
    let send_timeout = send_timeout::send_timeout(&dropped);
    let silent = dropped.iter().filter(|(_, _, ending)| ending.kind == EndKind::Silent).count();
    let mut drops: Vec<DeathWindow> = dropped
        .iter()
        .map(|(index, session, ending)| {
            let mut drop = death_window(*index, session, ending, (deadline, interval), silent);
            if let Some(lost) = send_timeout.and_then(|timeout| timeout.lost_packet(session.end, ending)) {
                lost_at(&mut drop, session, ending, lost);
            }
            drop.are_packets_recorded = log.coverage(session).has_packets;
            drop.is_activity_known = ending.last_rx.is_some() || drop.are_packets_recorded;
            if !drop.is_activity_known {
                // Whether a packet of this client preceded the close is not known.
                drop.kind = ending.kind;
                widen_to_keep_alive(&mut drop);
            }
            drop
        })
        .collect();
    mark_continuations(log, &mut drops);
    drops
}

/// The client's ping timeout: the median over the silent drops, for that of the two usual ping policies (pings when
/// idle, pings always) which varies less; 0 if it cannot be estimated.
fn ping_timeout(dropped: &[(usize, &Session, &SessionEnding)], interval: f64) -> f64 {
    let mut idle = Vec::new();
    let mut always = Vec::new();
    for (_, session, ending) in dropped {
        if ending.kind == EndKind::Silent {
            let last = LastPackets::of(session, ending);
            let interval = interval * session.keep_alive;
            idle.push(session.end - last.sent - interval);
            always.push(session.end - last.ping - interval);
        }
    }
    let robust_median = |values: &mut Vec<f64>| {
        values.retain(|value| PLAUSIBLE_PING_TIMEOUTS.contains(value));
        let middle = median(values)?;
        let mut deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
        Some((values.len(), median(&mut deviations).unwrap_or(0.0), middle))
    };
    match (robust_median(&mut idle), robust_median(&mut always)) {
        (Some(one), Some(other)) => {
            if other.0 > one.0 || (other.0 == one.0 && other.1 < one.1) {
                other.2
            } else {
                one.2
            }
        }
        (Some(only), None) | (None, Some(only)) => only.2,
        (None, None) => 0.0,
    }
}

fn death_window(
    index: usize,
    session: &Session,
    ending: &SessionEnding,
    (deadline, interval): (f64, f64),
    silent_drops: usize,
) -> DeathWindow {
    let last = LastPackets::of(session, ending);
    let keep_alive = session.keep_alive;
    let detected = session.end;
    let mut kind = ending.kind;
    let mut last_tx = ending.last_tx;
    let since_last_sent = detected - last.sent;
    // The server's 1.5 keep-alives detect a dead path as well, if the client's timeout is longer: the pings were sent,
    // and the path lost them.
    let is_server_timeout = kind == EndKind::Clean
        && silent_drops >= 2
        && deadline >= 0.3 * keep_alive
        && (-1.0..4.0).contains(&(since_last_sent - 1.5 * keep_alive))
        && last_tx.is_none_or(|last| (last - 0.5 * keep_alive).abs() < 4.0);
    if is_server_timeout {
        kind = EndKind::Silent;
        last_tx = last_tx.or(Some(0.5 * keep_alive - 1.0));
    } else if kind == EndKind::Clean
        && ending.how.is_none()
        && (-0.2..1.0).contains(&(since_last_sent - keep_alive))
    {
        // Closed at the moment a ping was due: an answer to that ping.
        kind = EndKind::Reset;
    }
    if kind == EndKind::Reset && last_tx.is_some_and(|last| last > ANSWERED_WITHIN) {
        // No outgoing packet was in flight: this reset answers nothing, and its time is exact.
        kind = EndKind::Clean;
    }
    let mut drop = DeathWindow {
        session: index,
        start: session.start,
        is_start_known: session.is_start_known,
        detected,
        to_wall: session.end_wall - detected,
        kind,
        keep_alive,
        lo: detected,
        hi: detected,
        tx: None,
        silence: None,
        is_own_timeout: false,
        is_continuation: false,
        is_activity_known: true,
        are_packets_recorded: true,
    };
    let last_alive = match ending.last_rx {
        Some(last) => (detected - last).max(session.start),
        None => last.received.max(session.start),
    };
    match kind {
        EndKind::Silent => silent_window(&mut drop, ending, last_alive, last_tx, deadline),
        EndKind::Clean | EndKind::Reset => closed_window(&mut drop, ending, last_alive, last_tx),
        EndKind::Local => {}
    }
    if let (EndKind::Silent, Some(last_rx), Some(sent)) = (ending.kind, ending.last_rx, ending.last_tx) {
        drop.is_own_timeout = last_rx + OPEN_PATH_MARGIN < sent;
    }
    if let Some(tx) = drop.tx {
        let before = last_activity_before(session, ending, tx);
        let silence = (tx - before).max(0.0);
        // The client's pings were due, whether or not their loss was recorded.
        let longest = interval * keep_alive;
        drop.silence = Some(if kind == EndKind::Silent { silence.min(longest) } else { silence });
    }
    drop
}

/// The window of a drop whose first lost packet is known: every packet before it was acknowledged.
fn lost_at(drop: &mut DeathWindow, session: &Session, ending: &SessionEnding, lost: Secs) {
    let before = last_activity_before(session, ending, lost);
    (drop.lo, drop.hi, drop.tx) = (before, lost, Some(lost));
    drop.silence = Some((lost - before).max(0.0));
    drop.is_own_timeout = false;
}

/// Without recorded packets only the keep-alive bounds the time of a death that was noticed late: the client sends a ping
/// at least once per keep-alive, and waits at most about another one for its answer.
fn widen_to_keep_alive(drop: &mut DeathWindow) {
    drop.silence = None;
    drop.is_own_timeout = false;
    let earliest = |keep_alives: f64| (drop.detected - keep_alives * drop.keep_alive).max(drop.start);
    match drop.kind {
        EndKind::Clean | EndKind::Local => (drop.lo, drop.hi) = (drop.detected, drop.detected),
        EndKind::Reset => drop.lo = earliest(1.1),
        EndKind::Silent => {
            drop.lo = earliest(2.0);
            drop.hi = drop.hi.max(drop.lo);
        }
    }
}

/// The newest activity in either direction before an outgoing packet.
fn last_activity_before(session: &Session, ending: &SessionEnding, tx: Secs) -> Secs {
    if let Some((first, before)) = ending.unanswered
        && (first - tx).abs() <= TIMESTAMP_TOLERANCE
    {
        return before.max(session.start);
    }
    let before = ending.packets.iter().rev().find(|packet| packet.at < tx - TIMESTAMP_TOLERANCE);
    before.map_or(session.start, |packet| packet.at.max(session.start))
}

fn silent_window(
    drop: &mut DeathWindow,
    ending: &SessionEnding,
    last_alive: Secs,
    last_tx: Option<f64>,
    deadline: f64,
) {
    // The newest outgoing packet may have followed the ping whose timeout expired.
    let ping = drop.detected - deadline.min(drop.detected - last_alive);
    let unanswered = match last_tx {
        Some(last) if deadline > last => ping,
        Some(last) => drop.detected - last,
        None => ping,
    };
    // An unanswered publish may precede the ping.
    let mut outgoing_times = ending
        .unanswered
        .iter()
        .map(|(first, _)| *first)
        .chain(ending.packets.iter().filter(|packet| packet.is_outgoing).map(|packet| packet.at));
    let first_after_last_alive = outgoing_times.find(|out| *out > last_alive + TIMESTAMP_TOLERANCE);
    let tx = first_after_last_alive.map_or(unanswered, |early| early.min(unanswered)).max(last_alive);
    drop.tx = Some(tx);
    drop.lo = last_alive;
    // A packet without an answer may have arrived: the path was up at the latest until a packet was sent that
    // requires an answer.
    let reply_expected_at = ending
        .packets
        .iter()
        .filter(|packet| packet.is_outgoing && !packet.needs_no_reply)
        .map(|packet| packet.at);
    let reply_expected_at = reply_expected_at
        .filter(|out| *out > last_alive + TIMESTAMP_TOLERANCE)
        .fold(unanswered, f64::min)
        .max(tx);
    drop.hi =
        if reply_expected_at <= last_alive { last_alive.max(drop.detected - 0.5) } else { reply_expected_at };
}

fn closed_window(drop: &mut DeathWindow, ending: &SessionEnding, last_alive: Secs, last_tx: Option<f64>) {
    let is_near_end = |out: &Secs| drop.detected - out <= ANSWERED_WITHIN;
    let out =
        ending.packets.iter().filter(|packet| packet.is_outgoing).map(|packet| packet.at).filter(is_near_end);
    let reported = last_tx.filter(|last| *last <= ANSWERED_WITHIN).map(|last| drop.detected - last);
    let first = out.chain(reported).reduce(f64::min);
    if drop.kind == EndKind::Reset {
        drop.lo = last_alive.min(drop.hi);
        // A reset answers an outgoing packet, recorded or not.
        drop.tx = Some(first.unwrap_or(drop.detected - 0.02));
    } else {
        drop.tx = first;
    }
}

fn mark_continuations(log: &Log, drops: &mut [DeathWindow]) {
    for drop in drops {
        let follows_a_drop = drop
            .session
            .checked_sub(1)
            .and_then(|before| log.sessions.get(before))
            .is_some_and(|before| before.ending.is_some());
        let died_soon = drop.hi - drop.start <= BURST_SECS.min(3.0 * drop.keep_alive);
        let is_unanswered = matches!(drop.kind, EndKind::Silent | EndKind::Local);
        drop.is_continuation = drop.is_start_known && follows_a_drop && is_unanswered && died_soon;
    }
}
