//! Parses a line that has exactly the form [`super::encode`] writes.
//!
//! Nearly all lines of a long recording are messages and pings, and `serde` takes several times as long for a
//! tagged and flattened enumeration as all other work. This parser accepts only the exact form of the frequent
//! kinds: the same keys in the same order, no spaces, no escapes, no signs, no exponents. Every other line is
//! left to the general parser, and a line accepted here means the same there.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::super::event::{CommandState, CommandUpdate, Event, Message, ProbeResult};
use super::line_scanner::LineScanner;

/// The content of a line; `m` in microseconds.
#[derive(Debug, PartialEq)]
pub(super) struct ParsedLine {
    pub(super) t: DateTime<Utc>,
    pub(super) m: Option<i64>,
    pub(super) event: Event,
}

/// Parses the exact form and caches what repeats from line to line.
#[derive(Debug, Clone, Default)]
pub(super) struct FastParser {
    date: Option<([u8; 10], NaiveDate)>,
    topics: TopicCache,
}

impl FastParser {
    /// The line without surrounding space; `None` leaves it to the general parser.
    pub(super) fn parse_line(&mut self, line: &[u8]) -> Option<ParsedLine> {
        let mut scan = LineScanner::new(line);
        scan.literal(b"{\"t\":\"")?;
        let t = self.time(scan.take()?)?;
        scan.literal(b"\",\"")?;
        let m = match scan.literal(b"m\":") {
            Some(()) => {
                let m = scan.micros()?;
                scan.literal(b",\"")?;
                Some(m)
            }
            None => None,
        };
        scan.literal(b"kind\":\"")?;
        let event = self.event(&mut scan)?;
        scan.literal(b"}")?;
        scan.is_empty().then_some(ParsedLine { t, m, event })
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    fn time(&mut self, text: &[u8; 24]) -> Option<DateTime<Utc>> {
        let [date @ .., b'T', h1, h0, b':', m1, m0, b':', s1, s0, b'.', f2, f1, f0, b'Z'] = text else {
            return None;
        };
        let date = match self.date {
            Some((text, known)) if text == *date => known,
            _ => {
                let read = day(date)?;
                self.date = Some((*date, read));
                read
            }
        };
        let [hour, minute, second] = [[h1, h0], [m1, m0], [s1, s0]].map(|[high, low]| number(&[*high, *low]));
        let time = NaiveTime::from_hms_milli_opt(hour?, minute?, second?, number(&[*f2, *f1, *f0])?)?;
        Some(date.and_time(time).and_utc())
    }

    fn event(&mut self, scan: &mut LineScanner<'_>) -> Option<Event> {
        // The first letter of the kind keeps the comparisons few.
        match scan.first()? {
            b'r' => {
                scan.literal(b"received\",\"topic\":\"")?;
                Some(Event::Received(self.message(scan)?))
            }
            b'p' if scan.literal(b"ping\",\"rtt_ms\":").is_some() => {
                Some(Event::Ping { rtt_ms: scan.decimal()? })
            }
            b'p' if scan.literal(b"published\",\"topic\":\"").is_some() => {
                Some(Event::Published(self.message(scan)?))
            }
            b'p' => probe(scan),
            b't' => traffic(scan),
            b'c' => command(scan),
            _ => None,
        }
    }

    fn message(&mut self, scan: &mut LineScanner<'_>) -> Option<Message> {
        let topic = self.topics.intern(scan.text()?);
        scan.literal(b",\"bytes\":")?;
        let bytes = scan.integer()?;
        let queued = scan.literal(b",\"queued\":true").is_some();
        let correlation_id = match scan.literal(b",\"correlation_id\":\"") {
            Some(()) => Some(scan.text()?.to_owned()),
            None => None,
        };
        let qos = match scan.literal(b",\"qos\":") {
            Some(()) => Some(u8::try_from(scan.integer()?).ok()?),
            None => None,
        };
        Some(Message { topic, bytes, queued, correlation_id, qos })
    }
}

fn probe(scan: &mut LineScanner<'_>) -> Option<Event> {
    scan.literal(b"probe\",\"probe\":\"")?;
    let probe = scan.text()?.to_owned();
    scan.literal(b",\"ok\":")?;
    let ok = scan.boolean()?;
    scan.literal(b",\"rtt_ms\":")?;
    let rtt_ms = match scan.literal(b"null") {
        Some(()) => None,
        None => Some(scan.decimal()?),
    };
    scan.literal(b",\"error\":")?;
    let error = if scan.literal(b"null").is_some() {
        None
    } else {
        scan.literal(b"\"")?;
        Some(scan.text()?.to_owned())
    };
    let target = match scan.literal(b",\"target\":\"") {
        Some(()) => Some(scan.text()?.to_owned()),
        None => None,
    };
    Some(Event::Probe(ProbeResult { probe, ok, rtt_ms, error, target }))
}

fn traffic(scan: &mut LineScanner<'_>) -> Option<Event> {
    scan.literal(b"traffic\",\"published\":")?;
    let published = scan.integer()?;
    scan.literal(b",\"received\":")?;
    let received = scan.integer()?;
    scan.literal(b",\"window_secs\":")?;
    Some(Event::Traffic { published, received, window_secs: scan.decimal()? })
}

fn command(scan: &mut LineScanner<'_>) -> Option<Event> {
    scan.literal(b"command\",\"correlation_id\":\"")?;
    let correlation_id = scan.text()?.to_owned();
    scan.literal(b",\"name\":\"")?;
    let name = scan.text()?.to_owned();
    scan.literal(b",\"state\":\"")?;
    let state = match scan.text()? {
        "queued" => CommandState::Queued,
        "sent" => CommandState::Sent,
        "acknowledged" => CommandState::Acknowledged,
        "answered" => CommandState::Answered,
        "expired" => CommandState::Expired,
        "lost" => CommandState::Lost,
        "refused" => CommandState::Refused,
        "too_large" => CommandState::TooLarge,
        "not_sent" => CommandState::NotSent,
        "unanswered" => CommandState::Unanswered,
        "dropped_full" => CommandState::DroppedFull,
        _ => return None,
    };
    let ms = match scan.literal(b",\"ms\":") {
        Some(()) => Some(scan.decimal()?),
        None => None,
    };
    Some(Event::Command(CommandUpdate { correlation_id, name, state, ms }))
}

/// `YYYY-MM-DD` of four-digit years.
fn day(text: &[u8; 10]) -> Option<NaiveDate> {
    let [y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0] = text else { return None };
    let year = number(&[*y3, *y2, *y1, *y0]).filter(|year| *year >= 1000)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(&[*m1, *m0])?, number(&[*d1, *d0])?)
}

/// A few digits.
fn number<const N: usize>(digits: &[u8; N]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// Recent topics, so that a message needs no allocation. Bounded: a new topic replaces another.
#[derive(Debug, Clone, Default)]
struct TopicCache {
    slots: Vec<Option<Arc<str>>>,
}

impl TopicCache {
    const SLOTS: usize = 256;
    /// Longer topics are rare and not cached.
    const MAX_TOPIC_BYTES: usize = 256;

    fn intern(&mut self, topic: &str) -> Arc<str> {
        if topic.len() > Self::MAX_TOPIC_BYTES {
            return topic.into();
        }
        if self.slots.is_empty() {
            self.slots.resize(Self::SLOTS, None);
        }
        let Some(slot) = self.slots.get_mut(hash(topic.as_bytes()) % Self::SLOTS) else {
            return topic.into();
        };
        match slot {
            Some(known) if **known == *topic => Arc::clone(known),
            _ => Arc::clone(slot.insert(topic.into())),
        }
    }
}

/// Eight bytes at a time; good enough for places in a small table.
fn hash(bytes: &[u8]) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(ODD).rotate_left(23);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    if let Some(last) = last.get_mut(..rest.len()) {
        last.copy_from_slice(rest);
    }
    hash = mix(hash, u64::from_le_bytes(last));
    usize::try_from(hash >> 40).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_event_kinds_take_the_fast_path() {
        for rest in [
            r#""kind":"ping","rtt_ms":41.5}"#,
            r#""kind":"ping","rtt_ms":41.523017000000003}"#,
            r#""kind":"received","topic":"site/1/ü","bytes":64,"qos":1}"#,
            r#""kind":"published","topic":"a","bytes":0,"queued":true,"correlation_id":"x","qos":0}"#,
            r#""kind":"traffic","published":1,"received":18446744073709551,"window_secs":1.000004}"#,
            r#""kind":"probe","probe":"icmp","ok":true,"rtt_ms":0.25,"error":null,"target":"10.0.0.1"}"#,
            r#""kind":"probe","probe":"dns","ok":false,"rtt_ms":null,"error":"no answer"}"#,
            r#""kind":"command","correlation_id":"c","name":"n","state":"sent","ms":3}"#,
        ] {
            let line = format!("{{\"t\":\"2026-08-03T12:00:00.250Z\",\"m\":3.000007,{rest}");
            assert!(FastParser::default().parse_line(line.as_bytes()).is_some(), "{line}");
        }
    }

    #[test]
    fn equal_topics_are_one_allocation_and_many_are_bounded() {
        let mut topics = TopicCache::default();
        assert!(Arc::ptr_eq(&topics.intern("a/b"), &topics.intern("a/b")));
        for n in 0..10_000 {
            assert_eq!(&*topics.intern(&format!("site/{n}/status")), format!("site/{n}/status"));
        }
        assert_eq!(topics.slots.len(), TopicCache::SLOTS);
        assert!(topics.slots.iter().filter(|place| place.is_some()).count() > TopicCache::SLOTS / 2);
    }
}
