//! How do the field's times of a link become those that pass in a scaled run?

use std::time::Duration;

use crate::mqtt::settings::LinkSettings;

/// However fast time passes, this computer and its timers need some of it: the shortest wait for a PINGRESP.
const LEAST_PING_TIMEOUT: Duration = Duration::from_millis(500);
/// The shortest deadline of a connect phase.
const LEAST_PHASE: Duration = Duration::from_millis(500);
/// The shortest time the system can wait before it probes a connection.
const LEAST_TCP_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// The shortest delay before an attempt to reconnect.
const LEAST_DELAY: Duration = Duration::from_millis(5);
/// The shortest upper limit of that delay.
const LEAST_LONGEST_DELAY: Duration = Duration::from_millis(100);

/// Turns the field's times of a link into those that pass here.
pub(super) fn hasten(link: &mut LinkSettings, speed: f64) {
    link.time_scale = speed;
    if speed <= 1.0 {
        return;
    }
    let real = |time: &mut Duration, least: Duration| *time = time.div_f64(speed).max(least);
    real(&mut link.ping_timeout, LEAST_PING_TIMEOUT);
    let phases = &mut link.timeouts;
    for phase in [
        &mut phases.credentials,
        &mut phases.dns,
        &mut phases.tcp,
        &mut phases.tls,
        &mut phases.websocket,
        &mut phases.connack,
    ] {
        real(phase, LEAST_PHASE);
    }
    let backoff = &mut link.backoff;
    real(&mut backoff.initial, LEAST_DELAY);
    real(&mut backoff.max, LEAST_LONGEST_DELAY);
    real(&mut backoff.min_connect_interval, Duration::ZERO);
    real(&mut backoff.stable_after, Duration::ZERO);
    real(&mut link.queue.max_age, LEAST_LONGEST_DELAY);
    if let Some(time) = &mut link.tcp_keep_alive {
        real(time, LEAST_TCP_KEEP_ALIVE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::settings::{BrokerAddress, Transport};

    #[test]
    fn times_are_hastened_but_not_beyond_what_this_computer_can_do() {
        let address =
            || BrokerAddress { transport: Transport::Tcp, host: "h".into(), port: 1, path: "/".into() };
        let mut link = LinkSettings::new(address(), "c");
        hasten(&mut link, 10.0);
        assert_eq!((link.ping_timeout, link.backoff.max), (Duration::from_secs(1), Duration::from_secs(6)));
        hasten(&mut link, 80_000.0);
        assert_eq!((link.ping_timeout, link.backoff.initial), (LEAST_PING_TIMEOUT, LEAST_DELAY));
        assert!(link.backoff.initial <= link.backoff.max);
        let mut link = LinkSettings::new(address(), "c");
        hasten(&mut link, 1.0);
        assert_eq!(link.ping_timeout, Duration::from_secs(10), "nothing changes at the speed of the field");
    }
}
