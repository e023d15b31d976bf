use super::*;
use crate::diagnostics::event::Message;
use crate::diagnostics::{Diagnostics, LinkState};

fn at(secs: f64) -> Stamp {
    let start = "2026-08-03T12:00:00Z".parse().unwrap();
    Stamp::new(start, Duration::from_secs(5)).plus(Duration::from_secs_f64(secs))
}

fn started(time_scale: Option<f64>) -> Event {
    Event::Started(StartedEvent { keep_alive_secs: 20.0, time_scale, ..StartedEvent::default() })
}

fn scaled(factor: f64) -> TimeScale {
    let mut scale = TimeScale::default();
    scale.observe(at(0.0), &started(Some(factor)));
    scale
}

#[test]
fn both_clocks_run_faster_from_the_start_on() {
    let scale = scaled(60.0);
    assert_eq!(scale.stamp(at(0.0)), at(0.0));
    assert_eq!(scale.stamp(at(2.5)), at(150.0));
    assert_eq!(scale.stamp(Stamp { boot: Duration::ZERO, ..at(0.0) }).boot, Duration::ZERO);
}

#[test]
fn every_length_of_an_event_grows_and_nothing_else() {
    let scale = scaled(60.0);
    let packet =
        PacketNote { ago_secs: 1.0, incoming: true, packet: "PUBLISH".into(), topic: None, bytes: 9 };
    let dropped = DroppedEvent {
        last_rx_secs: Some(4.0),
        last_tx_secs: Some(0.5),
        packets: vec![packet],
        error_code: Some(7),
        ..DroppedEvent::default()
    };
    let Event::Dropped(field) = scale.event(&Event::Dropped(dropped)).into_owned() else { panic!() };
    assert_eq!(
        (field.last_rx_secs, field.last_tx_secs, field.error_code),
        (Some(240.0), Some(30.0), Some(7))
    );
    assert!((field.packets[0].ago_secs - 60.0).abs() < 1e-9 && field.packets[0].bytes == 9);
    let ping = Event::Ping { rtt_ms: 0.5 };
    assert_eq!(*scale.event(&ping), Event::Ping { rtt_ms: 30.0 });
    let expires = Event::Credentials { expires_at: at(60.0).wall };
    assert_eq!(*scale.event(&expires), Event::Credentials { expires_at: at(3_600.0).wall });
    let received = Event::Received(Message { bytes: 5, ..Message::default() });
    assert_eq!(*scale.event(&received), received);
}

#[test]
fn a_run_that_is_not_scaled_is_left_alone_to_the_last_bit() {
    for factor in [None, Some(1.0), Some(f64::NAN), Some(0.0), Some(-3.0), Some(1e300)] {
        let mut scale = TimeScale::default();
        scale.observe(at(0.0), &started(factor));
        assert_eq!(scale, TimeScale::default(), "{factor:?}");
        let ping = Event::Ping { rtt_ms: 0.1 };
        assert!(matches!(scale.event(&ping), Cow::Borrowed(_)));
    }
}

#[test]
fn the_next_run_of_a_file_goes_on_where_the_last_one_was() {
    let mut scale = scaled(60.0);
    scale.observe(at(10.0), &started(Some(10.0)));
    assert_eq!(scale.stamp(at(10.0)), at(600.0));
    assert_eq!(scale.stamp(at(11.0)), at(610.0));
    scale.observe(at(12.0), &started(None));
    assert_eq!(scale.stamp(at(13.0)), at(621.0));
}

#[test]
fn the_fold_and_what_is_advanced_from_it_are_in_field_time() {
    let mut fold = Diagnostics::new(10);
    fold.apply(at(0.0), &started(Some(60.0)));
    fold.apply(
        at(1.0),
        &Event::Connected(ConnectedEvent { keep_alive_secs: 20.0, ..ConnectedEvent::default() }),
    );
    let snapshot = fold.snapshot(at(3.0));
    assert_eq!(snapshot.keep_alive_secs, 1_200);
    assert_eq!(snapshot.link, LinkState::Connected { since: at(60.0) });
    assert_eq!((snapshot.at, snapshot.metrics.connected), (at(180.0), Duration::from_secs(120)));
    let later = snapshot.advanced(at(4.0));
    assert_eq!((later.at, later.metrics.current_session_uptime), (at(240.0), Duration::from_secs(180)));
    assert_eq!((snapshot.field_time(at(5.0)), fold.field_time(at(5.0))), (at(300.0), at(300.0)));
}

#[test]
fn a_keep_alive_shorter_than_a_recorded_second_is_not_off() {
    let mut fold = Diagnostics::new(10);
    fold.apply(at(0.0), &started(Some(60.0)));
    fold.apply(at(0.0), &Event::KeepAliveChanged { from: 20.0, to: 10.0 / 60.0 });
    let snapshot = fold.snapshot(at(0.0));
    assert_eq!(snapshot.keep_alive_secs, 10);
    assert_eq!(&*snapshot.marks.last().unwrap().text, "keep-alive 1200 s → 10 s");
    assert!(snapshot.log.last().unwrap().text.ends_with("from 1200 s to 10 s"));
}
