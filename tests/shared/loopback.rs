//! What every suite over real sockets needs: an address on loopback, and the wait for an event of a link.

use std::time::Duration;

use dropscope::diagnostics::{StampedEvent, Transport};
use dropscope::mqtt::Link;
use dropscope::mqtt::settings::BrokerAddress;

/// No step of a test takes longer on a busy computer.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(45);

/// A listener's address on 127.0.0.1.
pub(crate) fn loopback_address(transport: Transport, port: u16) -> BrokerAddress {
    BrokerAddress { transport, host: "127.0.0.1".to_owned(), port, path: "/mqtt".to_owned() }
}

/// Drives the link until `find` returns something; every event is added to `observed`.
///
/// # Errors
/// After [`TEST_TIMEOUT`], with the events so far.
pub(crate) async fn wait_for_event<T>(
    link: &mut Link,
    observed: &mut Vec<StampedEvent>,
    what: &str,
    mut find: impl FnMut(&StampedEvent) -> Option<T>,
) -> Result<T, String> {
    let search = async {
        loop {
            let event = link.next().await;
            let found = find(&event);
            observed.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(TEST_TIMEOUT, search).await;
    found.map_err(|_| {
        let events: Vec<String> = observed.iter().map(|observed| format!("{:?}", observed.event)).collect();
        format!("timed out waiting for {what}\n    {}", events.join("\n    "))
    })
}
