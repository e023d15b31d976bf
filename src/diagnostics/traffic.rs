//! Limits how many messages a second are recorded one by one; the others are counted per second.

use std::time::Duration;

use super::Stamp;
use super::event::Event;

/// Length of a counting window.
pub const TRAFFIC_WINDOW: Duration = Duration::from_secs(1);

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageDirection {
    /// To the broker.
    Published,
    /// From the broker.
    Received,
}

/// Lets the first `limit` messages of each second through one by one and counts the others, so that a
/// flood adds one `traffic` line a second to a recording.
///
/// Every message is either let through or counted in exactly one [`Event::Traffic`].
#[derive(Debug)]
pub struct TrafficLimiter {
    limit: u32,
    window: Option<TrafficWindow>,
}

#[derive(Debug)]
struct TrafficWindow {
    start: Stamp,
    recorded_individually: u32,
    published: u64,
    received: u64,
}

impl TrafficLimiter {
    /// A limiter that lets `limit` messages a second through.
    pub fn new(limit: u32) -> Self {
        Self { limit, window: None }
    }

    /// Whether the message is to be recorded by itself; if not, it has been counted. Call
    /// [`TrafficLimiter::due`] with the same `now` first (once for a batch of messages is enough).
    pub fn admit(&mut self, now: Stamp, direction: MessageDirection) -> bool {
        let window = self.window.get_or_insert(TrafficWindow {
            start: now,
            recorded_individually: 0,
            published: 0,
            received: 0,
        });
        if window.recorded_individually < self.limit {
            window.recorded_individually += 1;
            return true;
        }
        match direction {
            MessageDirection::Published => window.published += 1,
            MessageDirection::Received => window.received += 1,
        }
        false
    }

    /// Closes the window if its second is over; the event holds the counts.
    pub fn due(&mut self, now: Stamp) -> Option<Event> {
        let is_over = self.window.as_ref().is_some_and(|window| now.since(window.start) >= TRAFFIC_WINDOW);
        if is_over { self.flush(now) } else { None }
    }

    /// Closes the window now: before the end of a session, so that what was counted precedes it.
    pub fn flush(&mut self, now: Stamp) -> Option<Event> {
        let window = self.window.take()?;
        (window.published + window.received > 0).then(|| Event::Traffic {
            published: window.published,
            received: window.received,
            window_secs: now.since(window.start).as_secs_f64(),
        })
    }

    /// When [`TrafficLimiter::due`] returns an event; `None` while nothing is counted.
    pub fn deadline(&self) -> Option<Stamp> {
        let window = self.window.as_ref()?;
        (window.published + window.received > 0).then(|| window.start.plus(TRAFFIC_WINDOW))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_millis(ms))
    }

    #[test]
    fn below_the_limit_every_message_is_recorded() {
        let mut limiter = TrafficLimiter::new(2);
        for second in 0..100 {
            for ms in [0, 500] {
                let now = at(second * 1000 + ms);
                assert_eq!(limiter.due(now), None);
                assert!(limiter.admit(now, MessageDirection::Received));
            }
        }
        assert_eq!(limiter.deadline(), None);
    }

    #[test]
    fn every_message_of_a_flood_is_recorded_or_counted_once() {
        let mut limiter = TrafficLimiter::new(20);
        let (mut recorded, mut counted, mut lines) = (0, 0, 0);
        let mut count_event = |event: Option<Event>| {
            if let Some(Event::Traffic { published, received, window_secs }) = event {
                assert!((0.0..=1.5).contains(&window_secs));
                counted += published + received;
                lines += 1;
            }
        };
        for ms in 0..10_000 {
            count_event(limiter.due(at(ms)));
            for direction in
                [MessageDirection::Received, MessageDirection::Received, MessageDirection::Published]
            {
                recorded += u64::from(limiter.admit(at(ms), direction));
            }
        }
        assert_eq!(limiter.deadline(), Some(at(10_000)));
        count_event(limiter.flush(at(10_000)));
        assert_eq!((recorded + counted, recorded, lines), (30_000, 200, 10));
        assert_eq!(limiter.flush(at(10_001)), None);
    }
}
