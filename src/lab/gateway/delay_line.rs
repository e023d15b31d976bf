//! Packets in transit on a slow path; they keep their order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

/// Bytes in transit above which no more are accepted.
const MAX_BYTES: usize = 256 * 1024;

/// One direction of a path.
#[derive(Debug, Default)]
pub(super) struct DelayLine {
    in_transit: VecDeque<(Instant, BytesMut)>,
    bytes: usize,
}

impl DelayLine {
    pub(super) fn is_empty(&self) -> bool {
        self.in_transit.is_empty()
    }

    /// Whether more bytes may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    /// When the next bytes arrive.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.in_transit.front().map(|(arrival, _)| *arrival)
    }

    /// Sends bytes. They arrive after those sent earlier.
    pub(super) fn send(&mut self, now: Instant, delay: Duration, bytes: &[u8]) {
        let last = self.in_transit.back().map_or(now, |(arrival, _)| *arrival);
        self.bytes += bytes.len();
        self.in_transit.push_back(((now + delay).max(last), BytesMut::from(bytes)));
    }

    /// Sends bytes that arrive together with the last ones.
    pub(super) fn append(&mut self, now: Instant, bytes: &[u8]) {
        match self.in_transit.back_mut() {
            Some((_, last)) => {
                self.bytes += bytes.len();
                last.extend_from_slice(bytes);
            }
            None => self.send(now, Duration::ZERO, bytes),
        }
    }

    /// Moves the bytes that have arrived to `out`.
    pub(super) fn receive(&mut self, now: Instant, out: &mut BytesMut) {
        while self.next_arrival().is_some_and(|arrival| arrival <= now) {
            self.pop_front(out);
        }
    }

    /// Moves all bytes to `out`.
    pub(super) fn drain(&mut self, out: &mut BytesMut) {
        while !self.is_empty() {
            self.pop_front(out);
        }
    }

    fn pop_front(&mut self, out: &mut BytesMut) {
        if let Some((_, bytes)) = self.in_transit.pop_front() {
            self.bytes -= bytes.len();
            out.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_arrive_late_and_in_order() {
        let now = Instant::now();
        let at_millis = |millis| now + Duration::from_millis(millis);
        let mut line = DelayLine::default();
        line.send(now, Duration::from_millis(100), b"slow");
        line.send(at_millis(10), Duration::from_millis(5), b" fast");
        line.append(at_millis(11), b"er");
        let mut out = BytesMut::new();
        line.receive(at_millis(99), &mut out);
        assert!(out.is_empty());
        assert_eq!(line.next_arrival(), Some(at_millis(100)));
        line.receive(at_millis(100), &mut out);
        assert_eq!(&out[..], b"slow faster");
        assert!(line.is_empty() && line.has_room() && line.bytes == 0);
        line.send(now, Duration::from_secs(1), &vec![0; MAX_BYTES]);
        assert!(!line.has_room());
        line.drain(&mut out);
        assert!(line.is_empty());
    }
}
