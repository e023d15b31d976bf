//! When do messages come too fast to record each? Above a limit they are counted per second.

use std::time::Duration;

use super::Stamp;
use super::event::Event;

/// Length of a counting window.
pub const WINDOW: Duration = Duration::from_secs(1);

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the broker.
    Published,
    /// From the broker.
    Received,
}

/// Lets the first `limit` messages of each second through one by one and counts the others, so that a
/// flood costs a recording one `traffic` line a second.
///
/// Every message is either let through or counted in exactly one [`Event::Traffic`].
#[derive(Debug)]
pub struct TrafficGate {
    limit: u32,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    start: Stamp,
    single: u32,
    published: u64,
    received: u64,
}

impl TrafficGate {
    /// A gate that lets `limit` messages a second through.
    pub fn new(limit: u32) -> Self {
        Self { limit, window: None }
    }

    /// Whether the message is to be recorded by itself; if not, it has been counted. Call
    /// [`TrafficGate::due`] with the same `now` first (once for a batch of messages is enough).
    pub fn admit(&mut self, now: Stamp, way: Way) -> bool {
        let window = self.window.get_or_insert(Window { start: now, single: 0, published: 0, received: 0 });
        if window.single < self.limit {
            window.single += 1;
            return true;
        }
        match way {
            Way::Published => window.published += 1,
            Way::Received => window.received += 1,
        }
        false
    }

    /// Closes the window if its second is over; the event tells what was counted in it.
    pub fn due(&mut self, now: Stamp) -> Option<Event> {
        let over = self.window.as_ref().is_some_and(|window| now.since(window.start) >= WINDOW);
        if over { self.flush(now) } else { None }
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

    /// When [`TrafficGate::due`] has something to tell; `None` while nothing is counted.
    pub fn deadline(&self) -> Option<Stamp> {
        let window = self.window.as_ref()?;
        (window.published + window.received > 0).then(|| window.start.plus(WINDOW))
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
    fn few_messages_pass_one_by_one_for_ever() {
        let mut gate = TrafficGate::new(2);
        for second in 0..100 {
            for ms in [0, 500] {
                let now = at(second * 1000 + ms);
                assert_eq!(gate.due(now), None);
                assert!(gate.admit(now, Way::Received));
            }
        }
        assert_eq!(gate.deadline(), None);
    }

    #[test]
    fn every_message_of_a_flood_is_recorded_or_counted_once() {
        let mut gate = TrafficGate::new(20);
        let (mut single, mut counted, mut lines) = (0, 0, 0);
        let mut tally = |event: Option<Event>| {
            if let Some(Event::Traffic { published, received, window_secs }) = event {
                assert!((0.0..=1.5).contains(&window_secs));
                counted += published + received;
                lines += 1;
            }
        };
        for ms in 0..10_000 {
            tally(gate.due(at(ms)));
            for way in [Way::Received, Way::Received, Way::Published] {
                single += u64::from(gate.admit(at(ms), way));
            }
        }
        assert_eq!(gate.deadline(), Some(at(10_000)));
        tally(gate.flush(at(10_000)));
        assert_eq!((single + counted, single, lines), (30_000, 200, 10));
        assert_eq!(gate.flush(at(10_001)), None);
    }
}
