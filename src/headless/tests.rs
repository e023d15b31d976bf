//! Events and states in, lines out; simulated time.

use std::sync::Mutex;

use chrono::{DateTime, Utc};

use super::*;
use crate::diagnostics::event::{CommandState, CommandUpdate, Event, Message, ProbeResult};
use crate::diagnostics::{Diagnostics, Stamp};
use crate::state::RuntimeStatus;

fn stamp(secs: u64) -> Stamp {
    let wall: DateTime<Utc> = "2026-11-20T14:03:22.500Z".parse().expect("a time");
    Stamp::new(wall, Duration::ZERO).plus(Duration::from_secs(secs))
}

fn state(finished: bool) -> Arc<LiveState> {
    let snapshot = Diagnostics::new(1).snapshot(stamp(0));
    Arc::new(LiveState {
        snapshot,
        verdict: None,
        runtime: RuntimeStatus { finished, ..RuntimeStatus::default() },
    })
}

fn options(json: bool) -> HeadlessOptions {
    HeadlessOptions { verbose: false, json, ascii: false, summary_every: Duration::from_secs(60) }
}

fn note(secs: u64, text: &str) -> Arc<StampedEvent> {
    Arc::new(StampedEvent { at: stamp(secs), event: Event::Note { text: text.to_owned() } })
}

fn summary() -> String {
    Summary(&state(true).snapshot).to_string()
}

fn one_line() -> String {
    format!("{}\n", encode(&note(1, "one")))
}

/// A writer that the test can read and make fail.
#[derive(Clone, Default)]
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    failure: Option<ErrorKind>,
}

impl Pipe {
    fn failing(kind: ErrorKind) -> Self {
        Self { failure: Some(kind), ..Self::default() }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().expect("a lock").clone()).expect("text")
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.failure {
            return Err(kind.into());
        }
        self.bytes.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn run_with_events(
    json: bool,
    out: &Pipe,
    err: &Pipe,
    events: &[Arc<StampedEvent>],
) -> io::Result<HeadlessOutcome> {
    let (sender, receiver) = broadcast::channel(4);
    let (_publish, published) = watch::channel(state(true));
    for event in events {
        sender.send(Arc::clone(event)).expect("a receiver");
    }
    run(receiver, published, options(json), out.clone(), err.clone()).await
}

#[tokio::test]
async fn queued_events_are_written_before_the_summary() {
    let (out, err) = (Pipe::default(), Pipe::default());
    let outcome =
        run_with_events(true, &out, &err, &[note(1, "one"), note(2, "two")]).await.expect("an outcome");
    assert_eq!(outcome, HeadlessOutcome::Finished);
    assert_eq!(out.text(), format!("{}\n{}\n", encode(&note(1, "one")), encode(&note(2, "two"))));
    let lines = "2026-11-20 14:03:23Z · Note: one\n2026-11-20 14:03:24Z · Note: two\n";
    assert_eq!(err.text(), format!("{lines}{}", summary()));
}

#[tokio::test]
async fn without_json_the_summary_is_the_output() {
    let (out, err) = (Pipe::default(), Pipe::default());
    run_with_events(false, &out, &err, &[note(1, "one")]).await.expect("an outcome");
    assert_eq!(out.text(), summary());
    assert_eq!(err.text(), "2026-11-20 14:03:23Z · Note: one\n");
}

#[tokio::test]
async fn lost_events_are_counted_and_reported() {
    let (out, err) = (Pipe::default(), Pipe::default());
    let events: Vec<_> = (0..10).map(|secs| note(secs, "x")).collect();
    run_with_events(false, &out, &err, &events).await.expect("an outcome");
    assert!(
        err.text()
            .starts_with("2026-11-20 14:03:22Z ! 6 events dropped from this output: too many at once\n")
    );
    assert_eq!(err.text().lines().count(), 1 + 4);
    assert_eq!(out.text(), format!("{}6 events dropped from this output\n", summary()));
}

#[tokio::test]
async fn a_closed_output_ends_the_run_without_error() {
    let (out, err) = (Pipe::failing(ErrorKind::BrokenPipe), Pipe::default());
    let outcome =
        run_with_events(true, &out, &err, &[note(1, "one"), note(2, "two")]).await.expect("no error");
    assert_eq!(outcome, HeadlessOutcome::OutputClosed);
    assert_eq!(err.text().lines().count(), 1);
    let full = run_with_events(true, &Pipe::failing(ErrorKind::StorageFull), &err, &[note(1, "one")]).await;
    assert_eq!(full.expect_err("an error").kind(), ErrorKind::StorageFull);
}

#[tokio::test]
async fn a_closed_standard_error_does_not_end_the_run() {
    let (out, err) = (Pipe::default(), Pipe::failing(ErrorKind::BrokenPipe));
    let outcome = run_with_events(true, &out, &err, &[note(1, "one")]).await.expect("an outcome");
    assert_eq!((outcome, out.text().as_str()), (HeadlessOutcome::Finished, one_line().as_str()));
}

#[tokio::test(start_paused = true)]
async fn summaries_are_periodic_until_the_run_is_finished() {
    let (sender, receiver) = broadcast::channel(4);
    let (publish, published) = watch::channel(state(false));
    let (out, err) = (Pipe::default(), Pipe::default());
    let task = tokio::spawn(run(receiver, published, options(true), out.clone(), err.clone()));
    tokio::time::sleep(Duration::from_secs(190)).await;
    assert_eq!(err.text(), summary().repeat(3));
    sender.send(note(190, "last")).expect("a receiver");
    publish.send(state(true)).expect("a receiver");
    assert_eq!(task.await.expect("no panic").expect("an outcome"), HeadlessOutcome::Finished);
    assert_eq!(out.text(), format!("{}\n", encode(&note(190, "last"))));
    assert!(err.text().ends_with(&format!("Note: last\n{}", summary())), "{}", err.text());
}

#[tokio::test(start_paused = true)]
async fn notices_and_recorder_failures_are_written_once() {
    let (_sender, receiver) = broadcast::channel(4);
    let (publish, published) = watch::channel(state(false));
    let (out, err) = (Pipe::default(), Pipe::default());
    let task = tokio::spawn(run(receiver, published, options(true), out, err.clone()));
    let notice = |secs, kind, text: &str| Notice { at: stamp(secs), kind, text: text.into() };
    let failing = RecorderState::Failing { error: "disk full".into(), lost_lines: 0 };
    let written = notice(1, NoticeKind::Good, "written a\u{1b}b");
    let failed = notice(2, NoticeKind::Bad, "cannot write");
    let steps = [
        (vec![written.clone()], RecorderState::Off, false),
        (vec![written.clone(), failed.clone()], failing.clone(), false),
        (vec![failed.clone()], failing, false),
        (vec![failed, written], RecorderState::Off, true),
    ];
    for (notices, recorder, finished) in steps {
        let mut next = (*state(finished)).clone();
        (next.runtime.notices, next.runtime.recorder) = (notices, recorder);
        publish.send(Arc::new(next)).expect("a receiver");
        // Simulated time advances only when the task has read this state.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.await.expect("no panic").expect("an outcome");
    let lines = "2026-11-20 14:03:23Z ✓ written a\u{fffd}b\n\
        2026-11-20 14:03:24Z ✗ cannot write\n\
        2026-11-20 14:03:22Z ✗ the recording cannot be written: disk full; monitoring continues\n\
        2026-11-20 14:03:23Z ✓ written a\u{fffd}b\n\
        2026-11-20 14:03:22Z ✓ the recording is being written again\n";
    assert_eq!(err.text(), format!("{lines}{}", summary()));
}

#[tokio::test]
async fn a_closed_event_channel_ends_the_run() {
    let (sender, receiver) = broadcast::channel(4);
    let (publish, published) = watch::channel(state(false));
    sender.send(note(1, "one")).expect("a receiver");
    drop((sender, publish));
    let (out, err) = (Pipe::default(), Pipe::default());
    let outcome = run(receiver, published, options(true), out.clone(), err).await.expect("an outcome");
    assert_eq!((outcome, out.text().as_str()), (HeadlessOutcome::Finished, one_line().as_str()));
}

#[test]
fn ordinary_events_are_written_only_when_verbose() {
    let message = |queued| Message {
        topic: "a/b\x1b[2J".into(),
        bytes: 12,
        queued,
        correlation_id: None,
        qos: Some(1),
    };
    let command = CommandUpdate {
        correlation_id: "1".to_owned(),
        name: "status".to_owned(),
        state: CommandState::Acknowledged,
        ms: Some(41.0),
    };
    let probe =
        ProbeResult { probe: "dns".to_owned(), ok: true, rtt_ms: Some(3.0), error: None, target: None };
    let cases = [
        (Event::Received(message(false)), "received a/b\u{fffd}[2J (12 bytes, QoS 1)"),
        (Event::Published(message(false)), "sent a/b\u{fffd}[2J (12 bytes, QoS 1)"),
        (Event::Published(message(true)), "queued a/b\u{fffd}[2J (12 bytes, QoS 1)"),
        (Event::Ping { rtt_ms: 0.25 }, "ping answered in 0.2 ms"),
        (
            Event::Traffic { published: 1, received: 200, window_secs: 1.0 },
            "200 messages received, 1 sent within 1.0 s",
        ),
        (Event::Command(command), "status is acknowledged after 41 ms"),
        (Event::Probe(probe), "probe dns answered in 3.0 ms"),
    ];
    for (event, text) in cases {
        let observed = StampedEvent { at: stamp(0), event };
        assert_eq!(event_line(&observed, false, false), None, "{text}");
        assert_eq!(event_line(&observed, true, false), Some(format!("2026-11-20 14:03:22Z · {text}")));
    }
}

#[test]
fn ascii_lines_are_ascii() {
    for level in [Level::Info, Level::Good, Level::Warn, Level::Bad] {
        let text = status_line(stamp(0), level, "gone — naïve… \u{202e}", true);
        assert!(text.is_ascii(), "{text}");
        assert!(text.ends_with(" gone - na?ve. ?"), "{text}");
    }
}

fn state_with_verdict(pattern: Pattern, finished: bool) -> Arc<LiveState> {
    let mut verdict = Verdict::undetermined(stamp(9));
    (verdict.classification.pattern, verdict.classification.confidence) = (pattern, 0.91);
    let mut next = (*state(finished)).clone();
    next.verdict = Some(Arc::new(verdict));
    Arc::new(next)
}

#[tokio::test(start_paused = true)]
async fn a_changed_verdict_is_written_once_and_the_last_one_ends_the_summary() {
    let (_sender, receiver) = broadcast::channel(4);
    let (publish, published) = watch::channel(state_with_verdict(Pattern::Undetermined, false));
    let (out, err) = (Pipe::default(), Pipe::default());
    let task = tokio::spawn(run(receiver, published, options(true), out.clone(), err.clone()));
    for pattern in [Pattern::Undetermined, Pattern::IdleTimeout, Pattern::IdleTimeout, Pattern::Undetermined]
    {
        publish.send(state_with_verdict(pattern, false)).expect("a receiver");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    publish.send(state_with_verdict(Pattern::Outage, true)).expect("a receiver");
    task.await.expect("no panic").expect("an outcome");
    let prefix = "2026-11-20 14:03:31Z · Verdict: ";
    let lines: Vec<_> =
        err.text().lines().filter_map(|line| line.strip_prefix(prefix).map(str::to_owned)).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("idle timeout, 91 % (sure): a NAT, firewall or proxy"), "{lines:?}");
    assert!(lines[1].starts_with("undetermined: ") && lines[2].starts_with("outage, 91 %"), "{lines:?}");
    assert!(err.text().contains("\nWhy                   outage, 91 % (sure): "), "{}", err.text());
    assert!(err.text().ends_with("\nNext step             leave it running\n"), "{}", err.text());
    assert_eq!(out.text(), "", "the recording holds what happened, not what was concluded");
}
