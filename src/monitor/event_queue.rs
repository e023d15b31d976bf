//! The order of events that follow from others.

use crate::diagnostics::StampedEvent;

/// Events to fold. The events that follow from one come right after it, before those that already wait, so that a
/// recording lists a cause and its consequences together.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    /// Reversed: the next event is the last.
    reversed: Vec<StampedEvent>,
}

impl EventQueue {
    /// Inserts events, in this order, before those that wait.
    pub(super) fn insert_next(
        &mut self,
        events: impl IntoIterator<Item = StampedEvent, IntoIter: DoubleEndedIterator>,
    ) {
        self.reversed.extend(events.into_iter().rev());
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<StampedEvent> {
        self.reversed.pop()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::{Event, Stamp};

    fn notes<const N: usize>(texts: [&str; N]) -> Vec<StampedEvent> {
        let at = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
        texts.map(|text| StampedEvent { at, event: Event::Note { text: text.to_owned() } }).into()
    }

    #[test]
    fn consequences_come_right_after_their_cause() {
        let mut queue = EventQueue::default();
        queue.insert_next(notes(["a", "b"]));
        let mut order = Vec::new();
        while let Some(observed) = queue.pop() {
            let Event::Note { text } = observed.event else { continue };
            match &*text {
                "a" => queue.insert_next(notes(["a1", "a2"])),
                "a1" => queue.insert_next(notes(["a1x"])),
                _ => {}
            }
            order.push(text);
        }
        assert_eq!(order, ["a", "a1", "a1x", "a2", "b"]);
    }
}
