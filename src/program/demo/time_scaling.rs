//! Scaling of the link's timeouts from field time to real time.

use std::time::Duration;

use crate::mqtt::settings::LinkSettings;

/// The shortest wait for a PINGRESP: at any speed this computer and its timers need some real time.
const MIN_PING_TIMEOUT: Duration = Duration::from_millis(500);
/// The shortest deadline of a connect phase.
const MIN_PHASE_TIMEOUT: Duration = Duration::from_millis(500);
/// The shortest TCP keep-alive that the operating system accepts.
const MIN_TCP_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// The shortest delay before an attempt to reconnect.
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(5);
/// The shortest upper limit of that delay.
const MIN_RECONNECT_DELAY_CAP: Duration = Duration::from_millis(100);

/// Converts the timeouts of a link from field time to real time.
pub(super) fn scale_link_timeouts(link: &mut LinkSettings, speed: f64) {
    link.time_scale = speed;
    if speed <= 1.0 {
        return;
    }
    let scale_down = |time: &mut Duration, min: Duration| *time = time.div_f64(speed).max(min);
    scale_down(&mut link.ping_timeout, MIN_PING_TIMEOUT);
    let phases = &mut link.timeouts;
    for phase in [
        &mut phases.credentials,
        &mut phases.dns,
        &mut phases.tcp,
        &mut phases.tls,
        &mut phases.websocket,
        &mut phases.connack,
    ] {
        scale_down(phase, MIN_PHASE_TIMEOUT);
    }
    let backoff = &mut link.backoff;
    scale_down(&mut backoff.initial, MIN_RECONNECT_DELAY);
    scale_down(&mut backoff.max, MIN_RECONNECT_DELAY_CAP);
    scale_down(&mut backoff.min_connect_interval, Duration::ZERO);
    scale_down(&mut backoff.stable_after, Duration::ZERO);
    scale_down(&mut link.queue.max_age, MIN_RECONNECT_DELAY_CAP);
    if let Some(time) = &mut link.tcp_keep_alive {
        scale_down(time, MIN_TCP_KEEP_ALIVE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Transport;
    use crate::mqtt::settings::BrokerAddress;

    #[test]
    fn timeouts_are_scaled_down_to_their_minimum() {
        let address =
            || BrokerAddress { transport: Transport::Tcp, host: "h".into(), port: 1, path: "/".into() };
        let mut link = LinkSettings::new(address(), "c");
        scale_link_timeouts(&mut link, 10.0);
        assert_eq!((link.ping_timeout, link.backoff.max), (Duration::from_secs(1), Duration::from_secs(6)));
        scale_link_timeouts(&mut link, 80_000.0);
        assert_eq!((link.ping_timeout, link.backoff.initial), (MIN_PING_TIMEOUT, MIN_RECONNECT_DELAY));
        assert!(link.backoff.initial <= link.backoff.max);
        let mut link = LinkSettings::new(address(), "c");
        scale_link_timeouts(&mut link, 1.0);
        assert_eq!(link.ping_timeout, Duration::from_secs(10), "nothing changes at the speed of the field");
    }
}
