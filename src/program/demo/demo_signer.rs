//! The credentials of the demo's client, in scenarios whose credentials expire.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::SystemClock;
use crate::diagnostics::{Clock as _, Stamp};
use crate::mqtt::connector::BoxFuture;
use crate::mqtt::signer::{SignFailure, SignedTarget, Signer};

/// The credentials of the watched client: issued when the lab was started, renewed periodically.
#[derive(Debug)]
pub(super) struct DemoSigner {
    /// The path of the upgrade request; nothing is signed here.
    pub(super) path: String,
    pub(super) clock: SystemClock,
    /// When the first credentials were issued.
    pub(super) issued_at: Stamp,
    /// Time between renewals, and the lifetime of each.
    pub(super) renewal_interval: Duration,
    pub(super) lifetime: Duration,
}

impl DemoSigner {
    /// When the credentials held at a time expire.
    fn expiry(&self, now: Stamp) -> Option<DateTime<Utc>> {
        let interval = self.renewal_interval.max(Duration::from_millis(1));
        let renewals = now.since(self.issued_at).as_nanos() / interval.as_nanos();
        // Counted from the first issue: the same credentials always have the same expiry.
        let issued_after = interval.checked_mul(u32::try_from(renewals).ok()?)?;
        self.issued_at
            .wall
            .checked_add_signed(TimeDelta::from_std(issued_after.checked_add(self.lifetime)?).ok()?)
    }
}

impl Signer for DemoSigner {
    fn sign(&self, _fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>> {
        let path_and_query = self.path.clone().into();
        let signed = SignedTarget { path_and_query, expires_at: self.expiry(self.clock.now()) };
        Box::pin(std::future::ready(Ok(signed)))
    }

    fn on_refused(&self, _status: u16, _server_date: Option<DateTime<Utc>>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_is_constant_between_renewals() {
        let issued = Stamp::new("2026-08-03T12:00:00Z".parse().unwrap(), Duration::from_secs(5));
        let signer = DemoSigner {
            path: "/mqtt".into(),
            clock: SystemClock::new(),
            issued_at: issued,
            renewal_interval: Duration::from_secs(65),
            lifetime: Duration::from_secs(60),
        };
        let expiry = |secs: f64| {
            let expiry = signer.expiry(issued.plus(Duration::from_secs_f64(secs))).unwrap();
            (expiry - issued.wall).num_seconds()
        };
        assert_eq!([expiry(0.0), expiry(59.0), expiry(64.9)], [60, 60, 60]);
        assert_eq!([expiry(65.0), expiry(129.0), expiry(130.0)], [125, 125, 190]);
    }
}
