//! The time after which a client's TCP gives up on a packet that nobody acknowledges.
//!
//! A publish with QoS 0 needs no answer of the broker, but its TCP segment needs an acknowledgment. Where a connection ends
//! with a socket error a constant time after one of the packets, that packet was the first to be lost: each one before it was
//! acknowledged, so that the path was up until then. (Linux: `TCP_USER_TIMEOUT`, or the retransmissions of `tcp_retries2`.)

use super::super::math::real;
use super::super::session::{EndKind, Secs, Session, SessionEnding};
use crate::diagnostics::event::DropKind;

/// Ages of packets that can be such a time, in seconds.
const PLAUSIBLE: std::ops::Range<f64> = 3.0..1_000.0;
/// Fewest drops that show it, and their least share.
const MIN_DROPS: usize = 5;
const MIN_SHARE: f64 = 0.7;
/// Largest chance that a packet of a drop has that age by coincidence.
const MAX_CHANCE: f64 = 0.35;

/// The time, from `secs` to `secs` and a little more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SendTimeout {
    secs: f64,
}

impl SendTimeout {
    /// The packet that was lost first, if the drop shows it.
    pub(super) fn lost_packet(self, detected: Secs, ending: &SessionEnding) -> Option<Secs> {
        if !is_socket_error(ending) {
            return None;
        }
        let window = window_from(self.secs);
        let sent = ending.packets.iter().filter(|packet| packet.is_outgoing).map(|packet| packet.at);
        sent.into_iter().find(|at| window.contains(&(detected - at)))
    }
}

/// Ages that count as the same.
fn window_from(secs: f64) -> std::ops::RangeInclusive<f64> {
    secs - 0.01..=secs + 0.6 + 0.02 * secs
}

fn is_socket_error(ending: &SessionEnding) -> bool {
    ending.kind == EndKind::Silent && ending.how == Some(DropKind::Io)
}

/// The age that a packet of nearly all drops by a socket error has; `None` if there is no such age.
pub(super) fn send_timeout(dropped: &[(usize, &Session, &SessionEnding)]) -> Option<SendTimeout> {
    let errors: Vec<_> = dropped.iter().filter(|(_, _, ending)| is_socket_error(ending)).collect();
    let mut ages: Vec<(f64, usize)> = Vec::new();
    for (index, (_, session, ending)) in errors.iter().enumerate() {
        let sent = ending.packets.iter().filter(|packet| packet.is_outgoing);
        let all = sent.map(|packet| (session.end - packet.at, index));
        ages.extend(all.filter(|(age, _)| PLAUSIBLE.contains(age)));
    }
    if errors.len() < MIN_DROPS {
        return None;
    }
    ages.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let longest = ages.last()?.0;
    let per_sec = real(ages.len()) / real(errors.len()) / longest.max(1.0);
    let mut best: Option<(usize, f64)> = None;
    for (first, (secs, _)) in ages.iter().enumerate() {
        let window = window_from(*secs);
        let chance = per_sec * (window.end() - window.start());
        let within = ages.iter().skip(first).take_while(|(age, _)| window.contains(age));
        let mut drops: Vec<usize> = within.map(|(_, drop)| *drop).collect();
        drops.sort_unstable();
        drops.dedup();
        let is_enough = drops.len() >= MIN_DROPS && real(drops.len()) >= MIN_SHARE * real(errors.len());
        if is_enough && chance <= MAX_CHANCE && best.is_none_or(|(most, _)| drops.len() > most) {
            best = Some((drops.len(), *secs));
        }
    }
    best.map(|(_, secs)| SendTimeout { secs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::session::PacketSeen;

    fn session_with_publishes(ages: &[f64]) -> (Session, SessionEnding) {
        let end = 10_000.0;
        let mut session = Session::begin(0.0, 0.0, 600.0);
        session.end = end;
        let packet =
            |age: &f64| PacketSeen { at: end - age, is_outgoing: true, is_ping: false, needs_no_reply: true };
        let ending = SessionEnding {
            kind: EndKind::Silent,
            how: Some(DropKind::Io),
            layer: None,
            reason_code: None,
            stated: None,
            is_own_network: false,
            ws_close_code: None,
            last_rx: None,
            last_tx: None,
            packets: ages.iter().map(packet).collect(),
            unanswered: None,
            last_ping: None,
            publishes: Vec::new(),
            bursts: Vec::new(),
            reconnect_secs: None,
            failed_connects: 0,
        };
        (session, ending)
    }

    #[test]
    fn the_first_lost_packet_has_the_same_age_in_each_drop() {
        let drops: Vec<(Session, SessionEnding)> = [
            [447.5, 128.6, 73.6, 11.1],
            [453.7, 129.8, 51.4, 23.0],
            [439.2, 127.3, 111.1, 28.6],
            [531.2, 129.8, 100.5, 82.5],
            [569.4, 129.7, 16.4, 6.7],
            [498.6, 361.5, 225.8, 24.8],
        ]
        .iter()
        .map(|ages| session_with_publishes(ages))
        .collect();
        let dropped: Vec<_> =
            drops.iter().enumerate().map(|(index, (session, ending))| (index, session, ending)).collect();
        let timeout = send_timeout(&dropped).expect("a timeout");
        let lost: Vec<Option<f64>> =
            drops.iter().map(|(session, ending)| timeout.lost_packet(session.end, ending)).collect();
        let expected = [128.6, 129.8, 127.3, 129.8, 129.7].map(|age| Some(10_000.0 - age));
        assert_eq!(lost[..5], expected);
        assert_eq!(lost[5], None);
    }

    #[test]
    fn ages_without_a_common_value_show_none() {
        let drops: Vec<(Session, SessionEnding)> = (0..8)
            .map(|drop| {
                let shift = 37.0 * f64::from(drop);
                session_with_publishes(&[400.0 + shift, 210.0 + 0.5 * shift, 33.0 + 0.2 * shift])
            })
            .collect();
        let dropped: Vec<_> =
            drops.iter().enumerate().map(|(index, (session, ending))| (index, session, ending)).collect();
        assert_eq!(send_timeout(&dropped), None);
    }
}
