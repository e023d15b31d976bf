//! The session time limit of AWS IoT Core.

use std::time::Duration;

use super::{LinkState, Snapshot, Stamp, Transport};

/// Age at which AWS IoT Core closes every WebSocket connection (quota "WebSocket connection duration").
pub const AWS_WEBSOCKET_LIMIT: Duration = Duration::from_secs(86_400);

/// Whether a host is one of AWS's, in any of its partitions.
pub fn is_aws(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}

impl Snapshot {
    /// What is left at `now` of the 24 hours that AWS allows a WebSocket; zero once they are over.
    /// `None`: no session, no WebSocket, or not at AWS. An endpoint under another name counts as AWS's if
    /// its requests are signed with credentials that expire.
    pub fn websocket_time_left(&self, now: Stamp) -> Option<Duration> {
        let LinkState::Connected { since } = self.link else { return None };
        let started = self.started.as_ref()?;
        let (scheme, rest) = started.endpoint.split_once("://")?;
        let host = rest.split(['/', ':']).next()?;
        let is_at_aws = is_aws(host) || self.credentials_expire_at.is_some();
        let is_limited = Transport::from_scheme(scheme).is_some_and(Transport::is_websocket) && is_at_aws;
        is_limited.then(|| AWS_WEBSOCKET_LIMIT.saturating_sub(now.since(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Diagnostics;
    use crate::diagnostics::event::{ConnectedEvent, Event, StartedEvent};

    fn time_left(endpoint: &str, hours: u64) -> Option<Duration> {
        let at =
            |secs| Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::from_secs(secs));
        let mut run = Diagnostics::new(10);
        let started = StartedEvent { endpoint: endpoint.to_owned(), ..StartedEvent::default() };
        run.apply(at(0), &Event::Started(started));
        let now = at(hours * 3600);
        assert_eq!(run.snapshot(now).websocket_time_left(now), None, "not connected");
        run.apply(at(0), &Event::Connected(ConnectedEvent::default()));
        run.snapshot(now).websocket_time_left(now)
    }

    #[test]
    fn only_a_websocket_at_aws_counts_down() {
        let aws = "a1-ats.iot.us-east-1.amazonaws.com";
        assert_eq!(time_left(&format!("wss://{aws}:443/mqtt"), 1), Some(Duration::from_secs(23 * 3600)));
        assert_eq!(time_left(&format!("wss://{aws}/mqtt"), 30), Some(Duration::ZERO));
        assert_eq!(time_left(&format!("mqtts://{aws}:8883"), 1), None);
        assert_eq!(time_left("wss://broker.example:443/mqtt", 1), None);
        assert_eq!(time_left("no url", 1), None);
    }

    #[test]
    fn a_websocket_with_credentials_at_a_custom_domain_counts_down() {
        let at = |secs| Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::from_secs(secs));
        let mut run = Diagnostics::new(10);
        let started =
            StartedEvent { endpoint: "wss://iot.example/mqtt".to_owned(), ..StartedEvent::default() };
        run.apply(at(0), &Event::Started(started));
        run.apply(at(0), &Event::Connected(ConnectedEvent::default()));
        assert_eq!(run.snapshot(at(3600)).websocket_time_left(at(3600)), None);
        let expires_at = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1);
        run.apply(at(3600), &Event::Credentials { expires_at });
        assert_eq!(
            run.snapshot(at(7200)).websocket_time_left(at(7200)),
            Some(Duration::from_secs(22 * 3600))
        );
    }

    #[test]
    fn aws_hosts_are_recognized() {
        for host in
            ["a-ats.iot.us-east-1.amazonaws.com", "A.IOT.cn-north-1.AmazonAWS.com.cn", "x.amazonaws.com."]
        {
            assert!(is_aws(host), "{host}");
        }
        for host in ["amazonaws.com.example", "notamazonaws.com", "127.0.0.1", ""] {
            assert!(!is_aws(host), "{host}");
        }
    }
}
