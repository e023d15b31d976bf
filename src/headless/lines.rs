//! The one-line form of an event.

use std::fmt::Write as _;
use std::time::Duration;

use crate::diagnostics::clean::clean;
use crate::diagnostics::event::{Attempt, CommandState, CommandUpdate, Event, Message, StampedEvent};
use crate::diagnostics::sentence::{duration_words, phase_words, sentence};
use crate::diagnostics::{Level, Stamp, words};

/// `2026-11-20 14:03:22Z ✗ sentence` for a notable event, or for every event if `verbose`.
///
/// Free of control characters, without a line end.
pub fn event_line(observed: &StampedEvent, verbose: bool, is_ascii: bool) -> Option<String> {
    let (level, text) = sentence(&observed.event).or_else(|| {
        verbose.then(|| verbose_text(&observed.event)).flatten().map(|text| (Level::Info, text))
    })?;
    Some(status_line(observed.at, level, &text, is_ascii))
}

/// A line of the program itself in the same form.
pub fn status_line(at: Stamp, level: Level, text: &str, is_ascii: bool) -> String {
    let symbol = match (level, is_ascii) {
        (Level::Info, false) => '·',
        (Level::Info, true) => '.',
        (Level::Good, false) => '✓',
        (Level::Good, true) => '+',
        (Level::Warn, _) => '!',
        (Level::Bad, false) => '✗',
        (Level::Bad, true) => 'x',
    };
    let text = clean(text);
    let text = if is_ascii { to_ascii(&text) } else { text.into_owned() };
    format!("{} {symbol} {text}", at.wall.format("%Y-%m-%d %H:%M:%SZ"))
}

/// The text with ASCII forms of the punctuation that the program uses; every other character becomes `?`.
pub(super) fn to_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '—' | '–' => ascii.push('-'),
            '…' => ascii.push('.'),
            '±' => ascii.push_str("+-"),
            other if other.is_ascii() => ascii.push(other),
            _ => ascii.push('?'),
        }
    }
    ascii
}

/// The text of an event that is not notable, for verbose output.
fn verbose_text(event: &Event) -> Option<String> {
    Some(match event {
        Event::Published(message) if message.queued => format!("queued {}", message_words(message)),
        Event::Published(message) => format!("sent {}", message_words(message)),
        Event::Received(message) => format!("received {}", message_words(message)),
        Event::Traffic { published, received, window_secs } => {
            let window = Duration::try_from_secs_f64(*window_secs).unwrap_or_default();
            let received = words::count(*received, "message", "messages");
            format!("{received} received, {published} sent within {}", duration_words(window))
        }
        Event::Ping { rtt_ms } => format!("ping answered in {rtt_ms:.1} ms"),
        Event::Probe(probe) => match probe.rtt_ms {
            Some(rtt_ms) => format!("probe {} answered in {rtt_ms:.1} ms", probe.probe),
            None => format!("probe {} answered", probe.probe),
        },
        Event::Attempt(attempt) => attempt_words(attempt),
        Event::Command(command) => command_words(command),
        _ => return None,
    })
}

fn message_words(message: &Message) -> String {
    let qos = message.qos.map(|qos| format!(", QoS {qos}")).unwrap_or_default();
    format!("{} ({}{qos})", message.topic, words::count(message.bytes, "byte", "bytes"))
}

fn attempt_words(attempt: &Attempt) -> String {
    let mut text = format!("attempt {} ended", attempt.attempt_number);
    for (index, timing) in attempt.phases.iter().enumerate() {
        let took = Duration::try_from_secs_f64(timing.ms / 1e3).unwrap_or_default();
        let before = if index == 0 { ": " } else { ", " };
        let outcome = if timing.ok { "ok" } else { "failed" };
        let _ =
            write!(text, "{before}{} {outcome} after {}", phase_words(timing.phase), duration_words(took));
    }
    text
}

fn command_words(command: &CommandUpdate) -> String {
    let state = match command.state {
        CommandState::Queued => "queued",
        CommandState::Sent => "sent",
        CommandState::Acknowledged => "acknowledged",
        CommandState::Answered => "answered",
        CommandState::Expired => "expired",
        CommandState::Lost => "lost",
        CommandState::Refused => "refused by the broker",
        CommandState::TooLarge => "not sent, it is larger than the broker accepts",
        CommandState::NotSent => "not sent, its topic is not valid or is held back by a test",
        CommandState::Unanswered => "without an answer in time",
        CommandState::DroppedFull => "dropped, the queue is full",
        CommandState::Other => "in an unknown state",
    };
    let mut text = format!("{} is {state}", command.name);
    if let Some(took) = command.ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()) {
        let _ = write!(text, " after {}", duration_words(took));
    }
    text
}
