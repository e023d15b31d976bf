//! Survived silences: how long a session was quiet and still worked afterwards.
//!
//! Only a packet from the peer proves that a session is alive. A silence that an outgoing packet ends is therefore
//! pending until the next packet arrives; if none does, it proves nothing.

use std::collections::VecDeque;
use std::ops::Range;

use super::session::{PacketSeen, Secs};
use super::survivors::SurvivalTable;

/// Silences shorter than this are no evidence about a limit, in seconds.
const MIN_SILENCE: f64 = 1.0;
/// Bits of the mantissa that tell stored lengths apart, below [`FINE_FROM`] seconds and from there on: 1.6 % and 0.1 % at most.
const COARSE_BITS: u32 = 6;
const FINE_BITS: u32 = 10;
const FINE_FROM: f64 = 15.0;
/// Keeps the bins of both resolutions apart.
const FINE_FLAG: u32 = 1 << 31;
/// Lengths of the newest time kept one by one before equal ones are counted together.
const MAX_OPEN: usize = 4_096;
/// Cells kept of each kind; beyond, the resolution in time becomes four times coarser.
const MAX_CELLS: usize = 16_384;
/// Finest resolution in time, in seconds.
const HOUR: f64 = 3_600.0;
/// Pending silences kept.
const MAX_PENDING: usize = 4_096;
/// TCP gives up on a packet without an acknowledgment after about this long, in seconds (Linux: 15 retransmissions, 924 s or
/// more): an own packet that old without an error did arrive.
const TCP_GIVES_UP: f64 = 1_200.0;
/// A close this soon after an own packet may answer it, in seconds.
const ANSWERED_WITHIN: f64 = 2.0;
/// Shift that keeps the seconds beyond 1.5 keep-alives positive.
pub(super) const EXCESS_SHIFT: f64 = 20.0;

/// What was quiet; the order is that of the tables of a [`SilenceLog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SilenceKind {
    /// No packet in either direction.
    Either,
    /// No outgoing packet.
    Outgoing,
    /// No packet from the peer.
    Incoming,
    /// No packet from the peer but answers to pings.
    PeerData,
    /// No outgoing packet: seconds beyond 1.5 keep-alives, plus [`EXCESS_SHIFT`].
    Excess,
}

/// One silence that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Silence {
    pub(super) kind: SilenceKind,
    /// Length in seconds.
    pub(super) length: f64,
    /// When it ended.
    pub(super) ended_at: Secs,
}

/// Silences of about the same length and time.
#[derive(Debug, Clone, Copy, Default)]
struct SilenceSum {
    count: u64,
    sum: f64,
}

impl SilenceSum {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }

    /// Mean length in seconds.
    fn mean(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of silences")]
        let count = self.count as f64;
        self.sum / count
    }
}

/// The survived silences of one kind, by time and length.
#[derive(Debug, Clone, Default)]
struct SilenceTable {
    /// Sorted by the start of the session or of the hour in milliseconds, whichever is later, then by [`bin`]. Two cells can
    /// have the same key.
    closed: Vec<((u64, u32), SilenceSum)>,
    /// Coarser resolution in time: a factor of 4 to this power.
    coarseness: i32,
    /// The silences of the newest time, which most belong to: by [`bin`] only when the time ends, since this is done for each
    /// packet.
    open: Vec<(u32, SilenceSum)>,
    open_at: u64,
}

/// Survived silences of all sessions, in bounded memory.
#[derive(Debug, Clone, Default)]
pub(super) struct SilenceLog {
    tables: [SilenceTable; 5],
}

impl SilenceLog {
    /// Counts a survived silence of a session that began at `session_start`.
    pub(super) fn add(&mut self, session_start: Secs, silence: Silence) {
        let is_evidence = silence.length >= MIN_SILENCE && silence.length.is_finite();
        if let Some(table) = self.tables.get_mut(silence.kind as usize).filter(|_| is_evidence) {
            table.add(session_start, silence);
        }
    }

    /// The lengths of one kind in the sessions that began within a range.
    pub(super) fn table(&self, kind: SilenceKind, range: &Range<Secs>) -> SurvivalTable {
        let mut cells: Vec<(u32, SilenceSum)> =
            self.cells(kind, range).map(|(_, bin, silences)| (bin, *silences)).collect();
        // Bins grow with the length: equal ones are counted together before the table is made.
        cells.sort_unstable_by_key(|&(bin, _)| bin);
        cells.dedup_by(|(bin, silences), (last, sum)| {
            let is_same = bin == last;
            if is_same {
                sum.add(*silences);
            }
            is_same
        });
        SurvivalTable::new(cells.into_iter().map(|(_, silences)| (silences.mean(), silences.count)).collect())
    }

    /// Calls `visit` with time, length and number of the silences in the sessions that began within a range. The time is
    /// exact to an hour.
    pub(super) fn for_each(
        &self,
        kind: SilenceKind,
        range: &Range<Secs>,
        visit: &mut dyn FnMut(Secs, f64, u64),
    ) {
        for (at, _, silences) in self.cells(kind, range) {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of some years")]
            let at = at as f64 / 1_000.0;
            visit(at, silences.mean(), silences.count);
        }
    }

    /// Time in milliseconds, bin and silences of one kind in the sessions that began within a range.
    fn cells(&self, kind: SilenceKind, range: &Range<Secs>) -> impl Iterator<Item = (u64, u32, &SilenceSum)> {
        let within = millis(range.start)..millis(range.end);
        let table = self.tables.get(kind as usize);
        let open = table.filter(|table| within.contains(&table.open_at));
        let open = open
            .into_iter()
            .flat_map(|table| table.open.iter().map(|(bin, cell)| (table.open_at, *bin, cell)));
        let closed = table.map(|table| table.closed.as_slice()).unwrap_or_default();
        let first = closed.partition_point(|&((at, _), _)| at < within.start);
        let closed = closed.iter().skip(first).map(|((at, bin), cell)| (*at, *bin, cell));
        closed.take_while(move |(at, ..)| *at < within.end).chain(open)
    }
}

impl SilenceTable {
    fn add(&mut self, session_start: Secs, silence: Silence) {
        let bucket = HOUR * 4_f64.powi(self.coarseness);
        let in_bucket = (silence.ended_at / bucket).floor() * bucket;
        let at = if self.coarseness == 0 { in_bucket.max(session_start) } else { in_bucket };
        let at = millis(at);
        if at != self.open_at || self.open.len() >= MAX_OPEN {
            self.close();
            self.open_at = at;
        }
        self.open.push((bin(silence.length), SilenceSum { count: 1, sum: silence.length }));
    }

    fn close(&mut self) {
        let at = self.open_at;
        let is_late = self.closed.last().is_some_and(|&((newest, _), _)| newest > at);
        self.open.sort_unstable_by_key(|&(bin, _)| bin);
        let first = self.closed.len();
        for (bin, silences) in self.open.drain(..) {
            append(&mut self.closed, first, (at, bin), silences);
        }
        if is_late {
            self.closed.sort_by_key(|&(key, _)| key);
        }
        if self.closed.len() > MAX_CELLS {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.coarseness += 1;
        let bucket = millis(HOUR * 4_f64.powi(self.coarseness)).max(1);
        let mut cells = std::mem::take(&mut self.closed);
        for ((at, _), _) in &mut cells {
            *at = *at / bucket * bucket;
        }
        cells.sort_unstable_by_key(|&(key, _)| key);
        for (key, silences) in cells {
            append(&mut self.closed, 0, key, silences);
        }
    }
}

/// Adds to the last cell, if that is of the same key and at `first` or later, else as a new cell.
fn append(cells: &mut Vec<((u64, u32), SilenceSum)>, first: usize, key: (u64, u32), silences: SilenceSum) {
    match cells.get_mut(first..).and_then(<[_]>::last_mut) {
        Some((last, sum)) if *last == key => sum.add(silences),
        _ => cells.push((key, silences)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; times of some years in milliseconds"
)]
fn millis(at: Secs) -> u64 {
    (at.max(0.0) * 1_000.0).floor() as u64
}

/// Number of the bin of a length: exponent and leading bits of the mantissa, which grow like a logarithm.
#[expect(clippy::cast_possible_truncation, reason = "22 bits at most are left")]
fn bin(length: f64) -> u32 {
    let bits = if length < FINE_FROM { COARSE_BITS } else { FINE_BITS };
    let number = (length.to_bits() >> (f64::MANTISSA_DIGITS - 1 - bits)) as u32;
    if length < FINE_FROM { number } else { FINE_FLAG | number }
}

/// The silences of the live session.
#[derive(Debug, Clone)]
pub(super) struct SilenceTracker {
    session_start: Secs,
    last_any: Secs,
    last_outgoing: Secs,
    last_incoming: Secs,
    last_peer_data: Secs,
    /// Ended by an outgoing packet, with no packet of the peer since.
    pending: VecDeque<Silence>,
}

impl SilenceTracker {
    /// A session that begins now. The CONNACK is its first packet from the peer.
    pub(super) fn new(at: Secs) -> Self {
        Self {
            session_start: at,
            last_any: at,
            last_outgoing: at,
            last_incoming: at,
            last_peer_data: at,
            pending: VecDeque::new(),
        }
    }

    /// Seconds from the newest outgoing packet to a moment.
    pub(super) fn since_outgoing(&self, at: Secs) -> f64 {
        (at - self.last_outgoing).max(0.0)
    }

    /// Takes a packet; silences known to be survived are counted.
    pub(super) fn packet(&mut self, packet: PacketSeen, keep_alive: f64, survived: &mut SilenceLog) {
        let quiet =
            Silence { kind: SilenceKind::Either, length: packet.at - self.last_any, ended_at: packet.at };
        if packet.is_outgoing {
            self.confirm_before(packet.at - TCP_GIVES_UP, survived);
            let pause = packet.at - self.last_outgoing;
            self.push(quiet);
            self.push(Silence { kind: SilenceKind::Outgoing, length: pause, ..quiet });
            if pause > 1.2 * keep_alive {
                let excess = (pause - 1.5 * keep_alive + EXCESS_SHIFT).max(1.0);
                self.push(Silence { kind: SilenceKind::Excess, length: excess, ..quiet });
            }
        } else {
            for silence in self.pending.drain(..) {
                survived.add(self.session_start, silence);
            }
            survived.add(self.session_start, quiet);
            let since = packet.at - self.last_incoming;
            survived.add(self.session_start, Silence { kind: SilenceKind::Incoming, length: since, ..quiet });
            if !packet.is_ping {
                let since = packet.at - self.last_peer_data;
                survived
                    .add(self.session_start, Silence { kind: SilenceKind::PeerData, length: since, ..quiet });
            }
        }
        self.activity(packet);
    }

    /// Takes the end of a window of counted messages: activity went on until then.
    pub(super) fn activity(&mut self, packet: PacketSeen) {
        self.last_any = self.last_any.max(packet.at);
        if packet.is_outgoing {
            self.last_outgoing = self.last_outgoing.max(packet.at);
        } else {
            self.last_incoming = self.last_incoming.max(packet.at);
            if !packet.is_ping {
                self.last_peer_data = self.last_peer_data.max(packet.at);
            }
        }
    }

    fn push(&mut self, silence: Silence) {
        if silence.length >= MIN_SILENCE && self.pending.len() < MAX_PENDING {
            self.pending.push_back(silence);
        }
    }

    fn confirm_before(&mut self, until: Secs, survived: &mut SilenceLog) {
        while let Some(silence) = self.pending.front().copied().filter(|silence| silence.ended_at < until) {
            survived.add(self.session_start, silence);
            self.pending.pop_front();
        }
    }

    /// Takes the end of the session. What the peer sends at last, a close or a reset, proves that the path was alive.
    pub(super) fn end(mut self, at: Secs, is_noticed_at_once: bool, survived: &mut SilenceLog) {
        let unproven = if is_noticed_at_once { ANSWERED_WITHIN } else { TCP_GIVES_UP };
        self.confirm_before(at - unproven, survived);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(at: f64, is_outgoing: bool) -> PacketSeen {
        PacketSeen { at, is_outgoing, is_ping: false, needs_no_reply: false }
    }

    fn lengths(log: &SilenceLog, kind: SilenceKind, range: Range<f64>) -> Vec<f64> {
        let mut lengths = Vec::new();
        log.for_each(kind, &range, &mut |_, length, count| {
            lengths.extend(std::iter::repeat_n(length, usize::try_from(count).expect("few")));
        });
        lengths
    }

    #[test]
    fn a_silence_before_an_own_packet_counts_only_after_an_answer() {
        let mut log = SilenceLog::default();
        let mut tracker = SilenceTracker::new(0.0);
        tracker.packet(packet(100.0, true), 60.0, &mut log);
        assert!(lengths(&log, SilenceKind::Either, 0.0..1e9).is_empty());
        tracker.packet(packet(100.5, false), 60.0, &mut log);
        assert_eq!(lengths(&log, SilenceKind::Either, 0.0..1e9), [100.0]);
        tracker.packet(packet(300.5, true), 60.0, &mut log);
        tracker.clone().end(300.7, true, &mut log);
        tracker.clone().end(900.0, false, &mut log);
        assert_eq!(lengths(&log, SilenceKind::Outgoing, 0.0..1e9), [100.0]);
        tracker.end(310.0, true, &mut log);
        assert_eq!(lengths(&log, SilenceKind::Either, 0.0..1e9), [100.0, 200.0]);
    }

    #[test]
    fn sessions_outside_of_the_range_do_not_count() {
        let mut log = SilenceLog::default();
        for start in [0.0, 1_000.0] {
            SilenceTracker::new(start).packet(packet(start + 500.0, false), 60.0, &mut log);
        }
        assert_eq!(lengths(&log, SilenceKind::Either, 0.0..1e9).len(), 2);
        assert_eq!(lengths(&log, SilenceKind::Either, 900.0..1e9).len(), 1);
        assert_eq!(lengths(&log, SilenceKind::Incoming, 0.0..900.0).len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_no_silence_is_lost() {
        let mut log = SilenceLog::default();
        for index in 0..60_000_u32 {
            let silence = Silence {
                kind: SilenceKind::Either,
                length: 20.0 + f64::from(index % 977),
                ended_at: 977.0 * f64::from(index),
            };
            log.add(silence.ended_at - 1_000.0, silence);
        }
        assert!(log.tables[0].closed.len() <= MAX_CELLS + MAX_OPEN);
        assert_eq!(lengths(&log, SilenceKind::Either, 0.0..1e12).len(), 60_000);
    }
}
