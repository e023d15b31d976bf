//! Masks names that are private to the user where an event is observed.
//!
//! Topics can contain the MAC address of a device. The run replaces such a name before the event reaches a
//! recording, a log, an export or a screen.

use std::sync::Arc;

use super::event::{Event, Message};

/// Names and their replacements in events. `Debug` shows no name.
#[derive(Clone, Default)]
pub struct NameMask {
    names: Vec<(String, String)>,
}

impl std::fmt::Debug for NameMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameMask").field("names", &self.names.len()).finish()
    }
}

impl NameMask {
    /// Pairs of a name and its replacement; empty names are ignored.
    pub fn new(names: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { names: names.into_iter().filter(|(name, _)| !name.is_empty()).collect() }
    }

    /// Replaces the names in all topics of the event, and in its error message.
    pub fn apply(&self, event: &mut Event) {
        if self.names.is_empty() {
            return;
        }
        match event {
            Event::Published(message) | Event::Received(message) => self.message(message),
            Event::Subscribed { filters, .. } => filters.iter_mut().for_each(|filter| self.text(filter)),
            Event::Command(command) => self.text(&mut command.name),
            Event::Device { message } => self.text(message),
            Event::Experiment { details, .. } => details.values_mut().for_each(|value| self.json(value)),
            Event::Dropped(dropped) => {
                dropped.error_message.iter_mut().for_each(|text| self.text(text));
                dropped
                    .packets
                    .iter_mut()
                    .filter_map(|packet| packet.topic.as_mut())
                    .for_each(|t| self.topic(t));
            }
            Event::ConnectFailed(failed) => failed.error_message.iter_mut().for_each(|text| self.text(text)),
            _ => {}
        }
    }

    /// Whether events hold `name` as `recorded`.
    pub fn is_recorded_as(&self, name: &str, recorded: &str) -> bool {
        self.masked(name).map_or_else(|| name == recorded, |masked| masked == recorded)
    }

    fn message(&self, message: &mut Message) {
        self.topic(&mut message.topic);
    }

    fn json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.text(text),
            serde_json::Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|value| self.json(value)),
            _ => {}
        }
    }

    fn topic(&self, topic: &mut Arc<str>) {
        if let Some(masked) = self.masked(topic) {
            *topic = masked.into();
        }
    }

    fn text(&self, text: &mut String) {
        if let Some(masked) = self.masked(text) {
            *text = masked;
        }
    }

    /// `None` if there is nothing to replace, which is the rule.
    fn masked(&self, text: &str) -> Option<String> {
        let has_any = self.names.iter().any(|(name, _)| text.contains(name));
        has_any.then(|| {
            self.names
                .iter()
                .fold(text.to_owned(), |text, (name, replacement)| text.replace(name, replacement))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::event::{
        CommandState, CommandUpdate, ConnectFailedEvent, DroppedEvent, PacketNote,
    };

    #[test]
    fn every_event_field_is_masked() {
        let topic = "cmd/52/navilink-aabbccddeeff/st";
        let message = Message { topic: topic.into(), ..Message::default() };
        let note = PacketNote {
            ago_secs: 1.0,
            incoming: false,
            packet: "PUBLISH".into(),
            topic: Some(topic.into()),
            bytes: 7,
        };
        let error_message = Some(format!("not allowed: {topic}"));
        let events = [
            Event::Published(message.clone()),
            Event::Received(message),
            Event::Subscribed { filters: vec![topic.into()], return_codes: vec![1] },
            Event::Command(CommandUpdate {
                correlation_id: "1".into(),
                name: topic.into(),
                state: CommandState::Sent,
                ms: None,
            }),
            Event::Device { message: topic.into() },
            Event::Dropped(DroppedEvent {
                error_message: error_message.clone(),
                packets: vec![note],
                ..DroppedEvent::default()
            }),
            Event::ConnectFailed(ConnectFailedEvent { error_message, ..ConnectFailedEvent::default() }),
            Event::Experiment {
                id: "separation".into(),
                what: "started".into(),
                details: [("separation".to_owned(), serde_json::json!({"topics": [topic]}))].into(),
            },
        ];
        let mask =
            NameMask::new([("aabbccddeeff".to_owned(), "device".to_owned()), (String::new(), "x".into())]);
        for mut event in events {
            let before = format!("{event:?}");
            NameMask::default().apply(&mut event);
            assert_eq!(format!("{event:?}"), before);
            mask.apply(&mut event);
            assert_eq!(format!("{event:?}"), before.replace("aabbccddeeff", "device"));
        }
        assert!(!format!("{mask:?}").contains("aabb"));
        assert!(
            mask.is_recorded_as(topic, "cmd/52/navilink-device/st") && !mask.is_recorded_as(topic, topic)
        );
        assert!(mask.is_recorded_as("a/b", "a/b") && !mask.is_recorded_as("a/b", "a"));
    }
}
