//! Time of one frame: the Overview at 200×60 with 1,000 drops retained; the target is 1 ms.

use std::hint::black_box;
use std::time::Duration;

use chrono::{FixedOffset, TimeZone, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use dropscope::diagnostics::event::{
    ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer, StartedEvent, SystemSource,
};
use dropscope::diagnostics::{Diagnostics, Event, LinkActivity, MqttVersion, Stamp};
use dropscope::state::{LiveState, RuntimeStatus};
use dropscope::tui::keymap::Keymap;
use dropscope::tui::model::Model;
use dropscope::tui::theme::{Glyphs, Theme};
use dropscope::tui::view::{self, ViewContext, ViewState};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const DROPS: u32 = 1_000;
/// Four names, so that the histogram has something to sort.
const NAMES: [(&str, DropKind); 4] = [
    ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", DropKind::Fin),
    ("AWS_ERROR_MQTT_TIMEOUT", DropKind::PingTimeout),
    ("AWS_IO_SOCKET_CLOSED", DropKind::Io),
    ("AWS_IO_TLS_CLOSED_GRACEFUL", DropKind::TlsClose),
];

fn stamp(secs: f64) -> Stamp {
    let start = Utc.timestamp_opt(1_700_000_000, 0).single().unwrap_or_default();
    Stamp::new(start, Duration::ZERO).plus(Duration::from_secs_f64(secs))
}

/// A run of 1,000 sessions of about ten minutes, each ended by a drop, with a mark at every tenth.
fn live_state() -> LiveState {
    let mut fold = Diagnostics::new(Diagnostics::DEFAULT_MAX_EVENTS);
    let started = StartedEvent {
        keep_alive_secs: 60.0,
        endpoint: "mqtts://broker:8883".into(),
        ..StartedEvent::default()
    };
    fold.apply(stamp(0.0), &Event::Started(started));
    for index in 0..=DROPS {
        let start = f64::from(index) * 600.0;
        fold.apply(
            stamp(start),
            &Event::Connected(ConnectedEvent {
                event_type: ConnectKind::Resumed,
                return_code: Some(0),
                attempt_number: 1,
                keep_alive_secs: 60.0,
                mqtt_version: Some(MqttVersion::V5.into()),
                ..ConnectedEvent::default()
            }),
        );
        fold.apply(stamp(start + 60.0), &Event::Ping { rtt_ms: 40.0 + f64::from(index % 17) });
        if index % 10 == 0 {
            let message = "wlan0 roamed".to_owned();
            fold.apply(stamp(start + 90.0), &Event::System { source: SystemSource::Network, message });
        }
        if index < DROPS {
            let (name, how) = NAMES[index as usize % NAMES.len()];
            fold.apply(stamp(start + 590.0 + f64::from(index % 7)), &dropped(name, how));
        }
    }
    let snapshot = fold.snapshot(stamp(f64::from(DROPS) * 600.0 + 120.0));
    LiveState {
        snapshot,
        verdict: None,
        runtime: RuntimeStatus { activity: LinkActivity::Connected, ..RuntimeStatus::default() },
    }
}

fn dropped(name: &str, how: DropKind) -> Event {
    Event::Dropped(DroppedEvent {
        error_name: Some(name.into()),
        active_subscriptions: 1,
        layer: Some(Layer::Tcp),
        how: Some(how),
        last_rx_secs: Some(20.0),
        last_tx_secs: Some(0.4),
        ..DroppedEvent::default()
    })
}

fn overview(criterion: &mut Criterion) {
    let live_state = live_state();
    let (model, theme, glyphs, keymap) =
        (Model::default(), Theme::default_dark(), Glyphs::unicode(), Keymap::default());
    let context = ViewContext {
        published: &live_state,
        live: &live_state,
        model: &model,
        theme: &theme,
        glyphs: &glyphs,
        now: live_state.snapshot.at,
        live_now: live_state.snapshot.at,
        clock_now: live_state.snapshot.at,
        offset: FixedOffset::east_opt(0).unwrap_or_else(|| unreachable!("zero is a valid offset")),
        keymap: &keymap,
    };
    let mut state = ViewState::default();
    let Ok(mut terminal) = Terminal::new(TestBackend::new(200, 60));
    criterion.bench_function("overview 200x60 with 1,000 drops", |bencher| {
        bencher.iter(|| terminal.draw(|frame| view::render(frame, black_box(&context), &mut state)).is_ok());
    });
}

criterion_group!(draw, overview);
criterion_main!(draw);
