//! Tests of the lanes of the timeline.

use std::time::Duration;

use chrono::{TimeZone, Utc};

use crate::diagnostics::event::{
    ConnectKind, ConnectedEvent, DroppedEvent, Initiator, StartedEvent, SystemSource,
};
use crate::diagnostics::{Diagnostics, Event, MarkKind, Snapshot, Stamp};

use super::lanes::{self, KeepAliveSpan, LinkCell};
use super::window::TimelineWindow;

/// A fold with events at given seconds.
struct TimelineFixture(Diagnostics);

impl TimelineFixture {
    fn new(max_events: usize) -> Self {
        let mut run = Self(Diagnostics::new(max_events));
        run.at(0.0, &Event::Started(StartedEvent { keep_alive_secs: 60.0, ..StartedEvent::default() }));
        run
    }

    fn at(&mut self, secs: f64, event: &Event) {
        self.0.apply(stamp(secs), event);
    }

    fn connect(&mut self, secs: f64, keep_alive_secs: u32, attempt_number: u32) {
        self.at(
            secs,
            &Event::Connected(ConnectedEvent {
                event_type: ConnectKind::Connected,
                attempt_number,
                keep_alive_secs: keep_alive_secs.into(),
                ..ConnectedEvent::default()
            }),
        );
    }

    fn drop(&mut self, secs: f64) {
        self.at(secs, &Event::Dropped(DroppedEvent { ..DroppedEvent::default() }));
    }

    /// The state at `secs`, and a window of `columns` seconds that ends there.
    fn window(&mut self, secs: f64, columns: usize) -> (Snapshot, TimelineWindow) {
        let snapshot = self.0.snapshot(stamp(secs));
        let span = Duration::from_secs(u64::try_from(columns).expect("a small number"));
        let window = TimelineWindow::new(snapshot.at, span, Duration::ZERO, columns);
        (snapshot, window)
    }

    fn link(&mut self, secs: f64, columns: usize) -> String {
        let (snapshot, window) = self.window(secs, columns);
        let sign = |cell: &LinkCell| match cell {
            LinkCell::Unknown => ' ',
            LinkCell::Up => '-',
            LinkCell::Off => 'o',
            LinkCell::Down => '.',
            LinkCell::Drops(count) => char::from_digit(*count, 10).unwrap_or('#'),
        };
        lanes::link(&snapshot, &window).iter().map(sign).collect()
    }
}

fn stamp(secs: f64) -> Stamp {
    let start = Utc.timestamp_opt(1_700_000_000, 0).single().expect("a valid instant");
    Stamp::new(start, Duration::ZERO).plus(Duration::from_secs_f64(secs))
}

#[test]
fn up_down_off_and_unknown_have_different_cells() {
    let mut run = TimelineFixture::new(100);
    run.connect(0.2, 60, 0);
    run.drop(5.5);
    run.connect(8.5, 60, 1);
    run.at(12.5, &Event::Disconnected { by: Initiator::User });
    run.connect(15.5, 60, 0);
    assert_eq!(run.link(18.9, 22), "   -----1...---oooo---");
}

#[test]
fn brief_down_time_marks_its_column() {
    let mut run = TimelineFixture::new(100);
    run.connect(0.0, 60, 0);
    run.drop(3.4);
    run.connect(3.6, 60, 1);
    run.at(7.4, &Event::Disconnected { by: Initiator::Experiment });
    run.connect(7.6, 60, 0);
    assert_eq!(run.link(9.9, 10), "---1---o--");
}

#[test]
fn drops_of_one_column_are_counted() {
    let mut run = TimelineFixture::new(100);
    for drop in 0..4 {
        let at = 2.0 + f64::from(drop) * 0.2;
        run.connect(at, 60, 1);
        run.drop(at + 0.1);
    }
    assert_eq!(run.link(4.5, 5), "..4..");
}

#[test]
fn slow_first_connect_is_down_and_a_quick_one_is_not() {
    let mut slow = TimelineFixture::new(100);
    slow.connect(3.5, 60, 0);
    assert_eq!(slow.link(5.5, 6), "....--");
    let mut quick = TimelineFixture::new(100);
    quick.connect(0.4, 60, 0);
    assert_eq!(quick.link(2.5, 3), "---");
    assert_eq!(TimelineFixture::new(100).link(4.5, 5), ".....", "never connected");
}

#[test]
fn evicted_history_is_unknown() {
    let mut run = TimelineFixture::new(1);
    run.connect(0.0, 60, 0);
    run.drop(2.5);
    run.connect(4.5, 60, 1);
    assert_eq!(run.link(6.5, 7), "  1 ---", "only the newest session and drop are retained");
}

#[test]
fn keep_alive_lane_changes_where_the_keep_alive_changed() {
    let mut run = TimelineFixture::new(100);
    run.connect(0.0, 1_200, 0);
    run.drop(4.5);
    run.connect(5.5, 1_200, 1);
    run.at(9.5, &Event::Disconnected { by: Initiator::Experiment });
    run.connect(10.0, 60, 0);
    let (snapshot, window) = run.window(19.5, 20);
    let span = |first, last, keep_alive_secs, starts_here| KeepAliveSpan {
        first,
        last,
        keep_alive_secs,
        starts_here,
    };
    assert_eq!(
        lanes::keep_alive_spans(&snapshot, &window),
        [span(0, 9, 1_200, false), span(10, 19, 60, true)]
    );
}

#[test]
fn a_shared_column_shows_the_most_important_mark() {
    let mut run = TimelineFixture::new(100);
    run.connect(0.0, 60, 0);
    run.at(3.1, &Event::Note { text: "router restarted".into() });
    run.at(3.2, &Event::System { source: SystemSource::Power, message: "suspended".into() });
    run.at(3.3, &Event::Note { text: "and again".into() });
    run.at(5.0, &Event::System { source: SystemSource::Network, message: "eth0 down".into() });
    run.at(6.0, &Event::KeepAliveChanged { from: 60.0, to: 30.0 });
    let (snapshot, window) = run.window(9.5, 10);
    let marks = lanes::marks(&snapshot, &window);
    assert_eq!(marks.len(), 2, "{marks:?}");
    assert_eq!((marks[0].column, marks[0].kind, marks[0].count), (3, MarkKind::Note, 2));
    assert_eq!(&*marks[0].text, "and again");
    assert_eq!((marks[1].column, marks[1].kind), (5, MarkKind::System));
}
