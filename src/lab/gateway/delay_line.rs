//! How do packets spend their time on a slow path without overtaking each other?

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

/// Bytes under way above which nothing more is taken.
const ROOM: usize = 256 * 1024;

/// One direction of a path.
#[derive(Debug, Default)]
pub(super) struct DelayLine {
    under_way: VecDeque<(Instant, BytesMut)>,
    bytes: usize,
}

impl DelayLine {
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether more may set out.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < ROOM
    }

    /// When the next bytes arrive.
    pub(super) fn due(&self) -> Option<Instant> {
        self.under_way.front().map(|(arrival, _)| *arrival)
    }

    /// Sends bytes on their way. None arrive before those sent earlier.
    pub(super) fn send(&mut self, now: Instant, delay: Duration, bytes: &[u8]) {
        let last = self.under_way.back().map_or(now, |(arrival, _)| *arrival);
        self.bytes += bytes.len();
        self.under_way.push_back(((now + delay).max(last), BytesMut::from(bytes)));
    }

    /// Sends bytes together with the last ones.
    pub(super) fn append(&mut self, now: Instant, bytes: &[u8]) {
        match self.under_way.back_mut() {
            Some((_, last)) => {
                self.bytes += bytes.len();
                last.extend_from_slice(bytes);
            }
            None => self.send(now, Duration::ZERO, bytes),
        }
    }

    /// Hands out what has arrived.
    pub(super) fn receive(&mut self, now: Instant, out: &mut BytesMut) {
        while self.due().is_some_and(|arrival| arrival <= now) {
            self.take_one(out);
        }
    }

    /// Hands out everything.
    pub(super) fn drain(&mut self, out: &mut BytesMut) {
        while !self.is_empty() {
            self.take_one(out);
        }
    }

    fn take_one(&mut self, out: &mut BytesMut) {
        if let Some((_, bytes)) = self.under_way.pop_front() {
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
        let after = |millis| now + Duration::from_millis(millis);
        let mut line = DelayLine::default();
        line.send(now, Duration::from_millis(100), b"slow");
        line.send(after(10), Duration::from_millis(5), b" fast");
        line.append(after(11), b"er");
        let mut out = BytesMut::new();
        line.receive(after(99), &mut out);
        assert!(out.is_empty());
        assert_eq!(line.due(), Some(after(100)));
        line.receive(after(100), &mut out);
        assert_eq!(&out[..], b"slow faster");
        assert!(line.is_empty() && line.has_room() && line.bytes == 0);
        line.send(now, Duration::from_secs(1), &vec![0; ROOM]);
        assert!(!line.has_room());
        line.drain(&mut out);
        assert!(line.is_empty());
    }
}
