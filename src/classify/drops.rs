//! When did each session die, as far as can be known?
//!
//! Detection is not death: a dead path is noticed one keep-alive later, so the times of detection are locked to
//! our own pings whatever killed the path. Every mechanism is judged on the death window instead.

use super::log::Log;
use super::math::median;
use super::session::{Ending, Kind, Secs, Session};

/// Room for clocks and round trips when two moments are told apart, in seconds.
const SLACK: f64 = 0.05;
/// A packet of ours this long before a close may have been answered by it, in seconds.
const ANSWERED_WITHIN: f64 = 2.0;
/// How long after our last packet something must have come, in seconds, for the way to have been open.
const HEARD_AFTER: f64 = 1.0;
/// Deadlines of clients that are believed, in seconds.
const DEADLINES: std::ops::Range<f64> = 0.5..95.0;
/// A bad spell kills the next session within this, in seconds (or three keep-alives).
const SPELL: f64 = 300.0;

/// One drop with its death window.
#[derive(Debug, Clone)]
pub(super) struct Drop {
    /// Which session.
    pub(super) session: usize,
    pub(super) start: Secs,
    /// Whether the beginning of the session was seen.
    pub(super) known: bool,
    /// When it was noticed.
    pub(super) detected: Secs,
    /// What to add to a time of this session for the wall clock.
    pub(super) to_wall: f64,
    pub(super) kind: Kind,
    pub(super) keep_alive: f64,
    /// Last proof of life, and the latest possible death.
    pub(super) lo: Secs,
    pub(super) hi: Secs,
    /// The first packet of ours that nobody answered, or that was answered by the end.
    pub(super) tx: Option<Secs>,
    /// The silence before that packet.
    pub(super) silence: Option<f64>,
    /// The peer was heard well after the ping that it did not answer: nothing had died, our own deadline ended it.
    pub(super) own_deadline: bool,
    /// The session before died of the same bad spell.
    pub(super) continuation: bool,
}

/// When the last packets of a session passed.
struct Tail {
    sent: Secs,
    pinged: Secs,
    heard: Secs,
}

impl Tail {
    fn of(session: &Session, ending: &Ending) -> Self {
        let newest = |out: bool| {
            ending.acts.iter().rev().find(|act| act.out == out).map_or(session.start, |act| act.at)
        };
        Self { sent: newest(true), pinged: ending.last_ping.unwrap_or(session.start), heard: newest(false) }
    }
}

/// All drops of a log, oldest first, with the client's own deadline taken into account.
pub(super) fn drops(log: &Log) -> Vec<Drop> {
    let dropped: Vec<(usize, &Session, &Ending)> = log
        .sessions
        .iter()
        .enumerate()
        .filter_map(|(index, session)| Some((index, session, session.ending.as_deref()?)))
        .collect();
    let deadline = deadline(&dropped);
    let silent = dropped.iter().filter(|(_, _, ending)| ending.kind == Kind::Silent).count();
    let mut drops: Vec<Drop> = dropped
        .iter()
        .map(|(index, session, ending)| window(*index, session, ending, deadline, silent))
        .collect();
    mark_continuations(log, &mut drops);
    drops
}

/// The client's own deadline for a PINGRESP: the steadier of the two usual ping policies (pings when idle, pings
/// always), as the median over the silent drops; 0 if nothing tells.
fn deadline(dropped: &[(usize, &Session, &Ending)]) -> f64 {
    let mut idle = Vec::new();
    let mut always = Vec::new();
    for (_, session, ending) in dropped {
        if ending.kind == Kind::Silent {
            let tail = Tail::of(session, ending);
            idle.push(session.end - tail.sent - session.keep_alive);
            always.push(session.end - tail.pinged - session.keep_alive);
        }
    }
    let score = |values: &mut Vec<f64>| {
        values.retain(|value| DEADLINES.contains(value));
        let middle = median(values)?;
        let mut off: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
        Some((values.len(), median(&mut off).unwrap_or(0.0), middle))
    };
    match (score(&mut idle), score(&mut always)) {
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

fn window(index: usize, session: &Session, ending: &Ending, deadline: f64, silent: usize) -> Drop {
    let tail = Tail::of(session, ending);
    let keep_alive = session.keep_alive;
    let detected = session.end;
    let mut kind = ending.kind;
    let mut last_tx = ending.last_tx;
    let since_out = detected - tail.sent;
    // The server's one and a half keep-alives are a detector as well, when our own deadline is slower: the
    // pings were sent, and the path lost them.
    let server_noticed = kind == Kind::Clean
        && silent >= 2
        && deadline >= 0.3 * keep_alive
        && (-1.0..4.0).contains(&(since_out - 1.5 * keep_alive))
        && last_tx.is_none_or(|last| (last - 0.5 * keep_alive).abs() < 4.0);
    if server_noticed {
        kind = Kind::Silent;
        last_tx = last_tx.or(Some(0.5 * keep_alive - 1.0));
    } else if kind == Kind::Clean && ending.how.is_none() && (-0.2..1.0).contains(&(since_out - keep_alive)) {
        // Closed at the very moment our ping was due: an answer to that ping.
        kind = Kind::Reset;
    }
    if kind == Kind::Reset && last_tx.is_some_and(|last| last > ANSWERED_WITHIN) {
        // Nothing of ours was on the way: this reset answers nothing, and its moment is exact.
        kind = Kind::Clean;
    }
    let mut drop = Drop {
        session: index,
        start: session.start,
        known: session.known,
        detected,
        to_wall: session.end_wall - detected,
        kind,
        keep_alive,
        lo: detected,
        hi: detected,
        tx: None,
        silence: None,
        own_deadline: false,
        continuation: false,
    };
    let life = match ending.last_rx {
        Some(last) => (detected - last).max(session.start),
        None => tail.heard.max(session.start),
    };
    match kind {
        Kind::Silent => silent_window(&mut drop, ending, life, last_tx, deadline),
        Kind::Clean | Kind::Reset => closed_window(&mut drop, ending, life, last_tx),
        Kind::Local => {}
    }
    if let (Kind::Silent, Some(heard), Some(sent)) = (ending.kind, ending.last_rx, ending.last_tx) {
        drop.own_deadline = heard + HEARD_AFTER < sent;
    }
    if let Some(tx) = drop.tx {
        let before = activity_before(session, ending, tx);
        let silence = (tx - before).max(0.0);
        // Our own pings were due, whether or not their loss was written down.
        drop.silence = Some(if kind == Kind::Silent { silence.min(keep_alive) } else { silence });
    }
    drop
}

/// The newest activity in either direction before a packet of ours.
fn activity_before(session: &Session, ending: &Ending, tx: Secs) -> Secs {
    if let Some((first, before)) = ending.unanswered
        && (first - tx).abs() <= SLACK
    {
        return before.max(session.start);
    }
    let before = ending.acts.iter().rev().find(|act| act.at < tx - SLACK);
    before.map_or(session.start, |act| act.at.max(session.start))
}

fn silent_window(drop: &mut Drop, ending: &Ending, life: Secs, last_tx: Option<f64>, deadline: f64) {
    // The newest packet of ours may have followed the ping whose deadline passed.
    let ping = drop.detected - deadline.min(drop.detected - life);
    let unanswered = match last_tx {
        Some(last) if deadline > last => ping,
        Some(last) => drop.detected - last,
        None => ping,
    };
    // A publish that stayed unanswered came first.
    let mut outs = ending
        .unanswered
        .iter()
        .map(|(first, _)| *first)
        .chain(ending.acts.iter().filter(|act| act.out).map(|act| act.at));
    let early = outs.find(|out| *out > life + SLACK);
    let tx = early.map_or(unanswered, |early| early.min(unanswered)).max(life);
    drop.tx = Some(tx);
    drop.lo = life;
    // What nobody has to answer may have passed: the way was open at the latest until a packet went out that
    // asked for an answer.
    let asked = ending.acts.iter().filter(|act| act.out && !act.unasked).map(|act| act.at);
    let asked = asked.filter(|out| *out > life + SLACK).fold(unanswered, f64::min).max(tx);
    drop.hi = if asked <= life { life.max(drop.detected - 0.5) } else { asked };
}

fn closed_window(drop: &mut Drop, ending: &Ending, life: Secs, last_tx: Option<f64>) {
    let near = |out: &Secs| drop.detected - out <= ANSWERED_WITHIN;
    let out = ending.acts.iter().filter(|act| act.out).map(|act| act.at).filter(near);
    let told = last_tx.filter(|last| *last <= ANSWERED_WITHIN).map(|last| drop.detected - last);
    let first = out.chain(told).reduce(f64::min);
    if drop.kind == Kind::Reset {
        drop.lo = life.min(drop.hi);
        // A reset answers a packet of ours, written down or not.
        drop.tx = Some(first.unwrap_or(drop.detected - 0.02));
    } else {
        drop.tx = first;
    }
}

fn mark_continuations(log: &Log, drops: &mut [Drop]) {
    for drop in drops {
        let followed_a_drop = drop
            .session
            .checked_sub(1)
            .and_then(|before| log.sessions.get(before))
            .is_some_and(|before| before.ending.is_some());
        let died_soon = drop.hi - drop.start <= SPELL.min(3.0 * drop.keep_alive);
        let no_answer = matches!(drop.kind, Kind::Silent | Kind::Local);
        drop.continuation = drop.known && followed_a_drop && no_answer && died_soon;
    }
}
