//! Topic names and topic filters (MQTT 3.1.1 §4.7).

/// Whether a topic filter matches a topic name.
///
/// rumqttc's `matches` slices the first byte off the topic, which panics inside a multi-byte
/// character, and never matches a literal `$`.
pub fn filter_matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for filter_level in filter.split('/') {
        match (filter_level, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (filter_level, Some(level)) if filter_level == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Whether a text can be subscribed to.
pub fn is_filter(text: &str) -> bool {
    let last = text.split('/').count().saturating_sub(1);
    let is_level = |(index, level): (usize, &str)| match level {
        "+" => true,
        "#" => index == last,
        name => !name.contains(['+', '#']),
    };
    is_valid_length_and_text(text) && text.split('/').enumerate().all(is_level)
}

/// Whether a text can be published to.
pub fn is_topic(text: &str) -> bool {
    is_valid_length_and_text(text) && !text.contains(['+', '#'])
}

fn is_valid_length_and_text(text: &str) -> bool {
    !text.is_empty() && u16::try_from(text.len()).is_ok() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_per_mqtt_specification() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("+/+", "/finish", true),
            ("+", "/finish", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("#", "日本/x", true),
            ("a/+/c", "a//c", true),
        ] {
            assert_eq!(filter_matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn wildcards_stand_alone_and_never_in_a_topic() {
        for (text, filter, topic) in [
            ("a/b", true, true),
            ("a/+/#", true, false),
            ("a/#/b", false, false),
            ("a+", false, false),
            ("", false, false),
            ("a\n", false, false),
        ] {
            assert_eq!((is_filter(text), is_topic(text)), (filter, topic), "{text}");
        }
    }
}
