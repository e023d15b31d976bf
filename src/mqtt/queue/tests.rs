use chrono::DateTime;

use super::*;
use CommandState::{Acknowledged, DroppedFull, Expired, Lost, NotSent, Queued, Sent, TooLarge};

const ALLOWED: SendLimits = SendLimits { max_packet: 1000, max_qos: 1, in_flight: 2, retain: true };

fn at(secs: u64) -> Stamp {
    Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs))
}

/// The queue and its events.
struct QueueFixture {
    queue: PublishQueue,
    gate: TrafficLimiter,
    out: VecDeque<StampedEvent>,
}

impl QueueFixture {
    fn new(capacity: usize) -> Self {
        let settings = QueueSettings { capacity, max_age: Duration::from_secs(300) };
        Self {
            queue: PublishQueue::new(settings, "t".to_owned()),
            gate: TrafficLimiter::new(100),
            out: VecDeque::new(),
        }
    }

    fn push(&mut self, name: &str, qos: u8, now: u64) {
        let publish = Publish {
            topic: format!("x/{name}"),
            payload: Bytes::from_static(b"payload"),
            qos,
            retain: true,
            name: name.to_owned(),
            correlation_id: Some(name.to_owned()),
        };
        self.queue.push(publish, 1000, at(now), &mut self.out);
    }

    fn next(&mut self, allowed: SendLimits, now: u64) -> Option<OutgoingPublish> {
        self.queue.next(allowed, |_, _| true, at(now), &mut self.out)
    }

    /// Sends all publishes that are allowed now, and flushes.
    fn send(&mut self, now: u64) -> Vec<u16> {
        let mut ids = Vec::new();
        while let Some(next) = self.next(ALLOWED, now) {
            ids.push(next.pkid);
        }
        self.queue.on_flushed(at(now), &mut self.gate, &mut self.out);
        ids
    }

    fn command_states(&mut self) -> Vec<(String, CommandState)> {
        let commands = self.out.drain(..).filter_map(|observed| match observed.event {
            Event::Command(command) => Some((command.correlation_id, command.state)),
            _ => None,
        });
        commands.collect()
    }

    fn expect(&mut self, expected: &[(&str, CommandState)]) {
        let expected: Vec<_> = expected.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect();
        assert_eq!(self.command_states(), expected);
    }
}

#[test]
fn qos_0_ends_as_sent_and_qos_1_as_acknowledged() {
    let mut bench = QueueFixture::new(10);
    bench.push("a", 0, 0);
    bench.push("b", 1, 0);
    assert_eq!(bench.send(1), [0, 1]);
    bench.expect(&[("a", Sent), ("b", Sent)]);
    bench.queue.on_puback(1, None, at(2), &mut bench.gate, &mut bench.out);
    bench.expect(&[("b", Acknowledged)]);
    assert_eq!((bench.queue.waiting(), bench.queue.in_flight()), (0, 0));
}

#[test]
fn the_receive_maximum_is_never_exceeded_and_order_is_preserved() {
    let mut bench = QueueFixture::new(10);
    for name in ["a", "b", "c"] {
        bench.push(name, 1, 0);
    }
    bench.push("d", 0, 0);
    assert_eq!(bench.send(1), [1, 2]);
    assert_eq!((bench.queue.waiting(), bench.queue.in_flight()), (2, 2));
    bench.queue.on_puback(1, None, at(2), &mut bench.gate, &mut bench.out);
    assert_eq!(bench.send(2), [1, 0]);
    bench.expect(&[("a", Sent), ("b", Sent), ("a", Acknowledged), ("d", Sent), ("c", Sent)]);
}

#[test]
fn qos_and_retain_that_the_broker_does_not_support_are_left_out() {
    let mut bench = QueueFixture::new(10);
    bench.push("a", 1, 0);
    let allowed = SendLimits { max_qos: 0, retain: false, ..ALLOWED };
    let next = bench.next(allowed, 0).unwrap();
    assert_eq!((next.qos, next.pkid, next.retain), (0, 0, false));
}

#[test]
fn a_full_queue_drops_the_oldest_and_old_ones_expire() {
    let mut bench = QueueFixture::new(2);
    bench.push("a", 0, 0);
    bench.push("b", 0, 10);
    bench.push("c", 0, 20);
    bench.queue.announce(at(20), &mut bench.out);
    bench.expect(&[("a", DroppedFull), ("b", Queued), ("c", Queued)]);
    assert_eq!(bench.queue.next_expiry(), Some(at(310)));
    bench.queue.expire(at(309), &mut bench.out);
    bench.expect(&[]);
    bench.queue.expire(at(310), &mut bench.out);
    bench.expect(&[("b", Expired)]);
}

#[test]
fn in_flight_publishes_of_a_dropped_session_are_resent_once_unless_suspect() {
    let mut bench = QueueFixture::new(10);
    bench.push("old", 1, 0);
    bench.send(0);
    bench.push("suspect", 1, 5);
    bench.send(5);
    bench.command_states();
    bench.queue.session_ended(true, at(5), &mut bench.out);
    bench.expect(&[("old", Queued), ("suspect", Lost)]);
    assert_eq!(bench.send(6), [1]);
    bench.queue.session_ended(true, at(20), &mut bench.out);
    bench.expect(&[("old", Sent), ("old", Lost)]);
}

#[test]
fn a_clean_disconnect_makes_nothing_suspect_but_unsent_bytes_are_lost() {
    let mut bench = QueueFixture::new(10);
    bench.push("a", 1, 0);
    bench.push("b", 0, 0);
    while bench.next(ALLOWED, 0).is_some() {}
    bench.queue.session_ended(false, at(0), &mut bench.out);
    bench.expect(&[("b", Lost), ("a", Queued)]);
}

#[test]
fn unsendable_publishes_are_refused_and_harm_nothing() {
    let mut bench = QueueFixture::new(10);
    for topic in ["", "a/#", "a/+/b", "nul\0"] {
        let publish = Publish {
            topic: topic.to_owned(),
            payload: Bytes::new(),
            qos: 0,
            retain: false,
            name: "n".to_owned(),
            correlation_id: None,
        };
        bench.queue.push(publish, 1000, at(0), &mut bench.out);
    }
    bench.expect(&[("t-1", NotSent), ("t-2", NotSent), ("t-3", NotSent), ("t-4", NotSent)]);
    bench.push("large", 0, 0);
    bench.push("small", 0, 0);
    let fits = |publish: &Publish, _| publish.topic != "x/large";
    let next = bench.queue.next(ALLOWED, fits, at(0), &mut bench.out).unwrap();
    assert_eq!(next.topic, "x/small");
    bench.expect(&[("large", TooLarge)]);
}

#[test]
fn abandoning_leaves_nothing_unaccounted_for() {
    let mut bench = QueueFixture::new(10);
    for name in ["a", "b", "c", "d"] {
        bench.push(name, 1, 0);
    }
    bench.next(ALLOWED, 0);
    bench.queue.abandon(at(1), &mut bench.out);
    bench.expect(&[("a", Lost), ("b", Lost), ("c", Lost), ("d", Lost)]);
    assert_eq!((bench.queue.waiting(), bench.queue.in_flight()), (0, 0));
}
