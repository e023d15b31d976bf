//! The topics that a client may use.

/// The topic filters of a client, like an IoT policy: a topic is forbidden unless it is allowed and not
/// denied. Topics that begin with `$` are never allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Filters of the topics that the client may publish to.
    pub publish: Vec<String>,
    /// Filters that the client may subscribe to; a subscription must be covered by one of these.
    pub subscribe: Vec<String>,
    /// Filters denied for both; they take precedence.
    pub denied: Vec<String>,
}

impl Default for Policy {
    /// Allows every ordinary topic.
    fn default() -> Self {
        let everything = vec!["#".to_owned()];
        Self { publish: everything.clone(), subscribe: everything, denied: Vec::new() }
    }
}

impl Policy {
    /// Whether a client may publish to this topic (a last will included).
    pub fn may_publish(&self, topic: &str) -> bool {
        self.is_allowed(&self.publish, topic)
    }

    /// Whether a client may subscribe to this filter.
    pub fn may_subscribe(&self, filter: &str) -> bool {
        self.is_allowed(&self.subscribe, filter)
    }

    fn is_allowed(&self, allowed: &[String], name: &str) -> bool {
        let covers_name = |resource: &String| covers(resource, name);
        !name.starts_with('$') && allowed.iter().any(covers_name) && !self.denied.iter().any(covers_name)
    }
}

/// Whether everything that `inner` (a topic or a filter) can match is matched by `outer`.
fn covers(outer: &str, inner: &str) -> bool {
    let mut inner = inner.split('/');
    for level in outer.split('/') {
        match (level, inner.next()) {
            ("#", _) => return true,
            ("+", Some(level)) if level != "#" => {}
            (level, Some(same)) if level == same => {}
            _ => return false,
        }
    }
    inner.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_must_lie_within_what_is_allowed() {
        for (outer, inner, expected) in [
            ("#", "a/+/#", true),
            ("a/#", "a/b", true),
            ("a/#", "a/+/c", true),
            ("a/#", "+/b", false),
            ("a/#", "#", false),
            ("a/+", "a/b", true),
            ("a/+", "a/+", true),
            ("a/+", "a/#", false),
            ("a/b", "a/+", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
        ] {
            assert_eq!(covers(outer, inner), expected, "{inner} within {outer}");
        }
    }

    #[test]
    fn deny_takes_precedence_and_system_topics_are_never_allowed() {
        let policy = Policy { denied: vec!["a/secret".to_owned()], ..Policy::default() };
        assert!(policy.may_publish("a/b") && policy.may_subscribe("a/#"));
        assert!(!policy.may_publish("a/secret"));
        for topic in ["$aws/things/x/shadow/get", "$SYS/x", "$share/g/a"] {
            assert!(!policy.may_publish(topic) && !policy.may_subscribe(topic), "{topic}");
        }
        let narrow = Policy { publish: vec!["cmd/+/x".to_owned()], ..Policy::default() };
        assert!(narrow.may_publish("cmd/52/x") && !narrow.may_publish("cmd/52/y"));
    }
}
