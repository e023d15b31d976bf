use std::time::Duration;

use super::*;
use crate::diagnostics::event::DropKind;

#[test]
fn memory_is_bounded_for_any_number_of_sessions_topics_and_events() {
    let mut log = Log::default();
    let start = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
    for index in 0..30_000_u32 {
        let at = |secs: f64| start.plus(Duration::from_secs_f64(10.0 * f64::from(index) + secs));
        // Letters only: digits are masked as counters.
        let name: String = index.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
        let published = Message { topic: Arc::from(format!("t/{name}")), ..Message::default() };
        let dropped = DroppedEvent { how: Some(DropKind::Fin), ..DroppedEvent::default() };
        log.apply(at(0.0), &Event::Connected(ConnectedEvent::default()));
        log.apply(at(1.0), &Event::Published(published));
        log.apply(at(2.0), &Event::System { source: SystemSource::Service, message: name });
        log.apply(at(3.0), &Event::Dropped(dropped));
    }
    assert!((10_000..=MAX_SESSIONS).contains(&log.sessions.len()), "{} sessions", log.sessions.len());
    assert!(log.system_events.len() <= MAX_ENTRIES);
    assert!(log.topics.names.len() <= MAX_NAMES + 1 && log.system_names.names.len() <= MAX_NAMES + 1);
}
