//! Messages that were counted in windows.

use super::{Log, count_burst};
use crate::classify::session::{PacketSeen, Secs};

impl Log {
    pub(super) fn traffic(&mut self, now: Secs, published: u64, received: u64, window: f64) {
        if published > 0 || received > 0 {
            self.packet_recorded();
        }
        self.aggregated = self.aggregated.saturating_add(published).saturating_add(received);
        let window = if window.is_finite() { window.max(0.0) } else { 0.0 };
        let window_ends = |start: Secs, out: bool| {
            [(now - window).max(start), now].map(|at| PacketSeen {
                at,
                is_outgoing: out,
                is_ping: false,
                needs_no_reply: out,
            })
        };
        if let Some(live) = &mut self.live {
            live.session.published = live.session.published.saturating_add(published);
            live.session.received = live.session.received.saturating_add(received);
            for (count, out) in [(published, true), (received, false)] {
                if count > 0 {
                    let [from, to] = window_ends(live.session.start, out);
                    live.record_packet(from, &mut self.silences);
                    live.record_window_end(to);
                }
            }
            let bursts = &mut self.bursts;
            live.record_publish_window(now, published, window, &mut |size| count_burst(bursts, size));
        } else if self.is_awaiting_reconnect
            && let Some(session) = self.sessions.last_mut()
            && (now - session.end).abs() < 0.002
            && let Some(ending) = &mut session.ending
        {
            // The counting window was still open when the session dropped.
            session.published = session.published.saturating_add(published);
            session.received = session.received.saturating_add(received);
            for (count, out) in [(published, true), (received, false)] {
                if count > 0 {
                    ending.packets.extend(window_ends(session.start, out));
                }
            }
            ending.packets.sort_by(|one, other| one.at.total_cmp(&other.at));
        }
    }
}
