//! An AWS endpoint of the lab, and a user whose keys are in a profile file.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use dropscope::aws::Credentials;
use dropscope::aws_keys::{KeySigner, KeySource};
use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, ClockReading, Event, StampedEvent, Transport};
use dropscope::lab::{
    AwsLimits, AwsRules, Broker, BrokerOptions, LabCredentialStore, ListenerEndpoint, Policy,
};
use dropscope::mqtt::Link;
use dropscope::mqtt::settings::{BackoffSettings, LinkSettings};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::loopback::{loopback_address, wait_for_event};
use crate::navien::leaks::Secrets;

/// An hour: keys that outlive every test.
pub(crate) const KEY_LIFETIME: Duration = Duration::from_secs(3600);

/// A computer whose clock is off.
#[derive(Debug)]
pub(crate) struct WrongClock(pub(crate) SystemClock, pub(crate) TimeDelta);

impl Clock for WrongClock {
    fn read(&self) -> ClockReading {
        let mut reading = self.0.read();
        reading.stamp.wall += self.1;
        reading
    }
}

/// The lab's endpoint and the user's home. On drop, all files in the home except the profile are searched for keys
/// and signatures.
pub(crate) struct AwsFixture {
    pub(crate) broker: Broker,
    pub(crate) rules: Arc<AwsRules>,
    pub(crate) port: u16,
    pub(crate) home: TempDir,
}

impl AwsFixture {
    pub(crate) async fn new(limits: AwsLimits) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let keyring = Arc::new(LabCredentialStore::new(Arc::clone(&clock)));
        let rules = Arc::new(AwsRules::new(limits, Policy::default(), keyring, clock));
        let broker = Broker::start(BrokerOptions::aws(Arc::clone(&rules)));
        let port = broker.listen(ListenerEndpoint::Ws).await.unwrap().port();
        Self { broker, rules, port, home: tempfile::tempdir().unwrap() }
    }

    /// Issues keys and writes them to the user's profile, as a tool for temporary keys does.
    pub(crate) fn issue_keys(&self, life: Duration) -> Credentials {
        let keys = self.rules.credential_store().issue(life);
        write_profile(self.home.path(), &keys, SystemClock::new().now().wall + life);
        keys
    }

    pub(crate) fn settings(&self, clock: &Arc<dyn Clock>) -> LinkSettings {
        let broker = loopback_address(Transport::Ws, self.port);
        let mut settings = LinkSettings::new(broker, "under-test");
        let home = self.home.path().display().to_string();
        let source = KeySource::new(Arc::new(move |name| (name == "HOME").then(|| home.clone())), None);
        let signer = KeySigner::new(source, &settings.broker, "us-east-1".into(), Arc::clone(clock));
        settings.signer = Some(Arc::new(signer));
        settings.backoff = BackoffSettings {
            initial: Duration::from_millis(10),
            max: Duration::from_millis(200),
            min_connect_interval: Duration::from_millis(1100),
            ..BackoffSettings::default()
        };
        settings
    }

    pub(crate) fn link(&self, adjust: impl FnOnce(&mut LinkSettings)) -> SignedLink {
        self.link_by(Arc::new(SystemClock::new()), adjust)
    }

    pub(crate) fn link_by(
        &self,
        clock: Arc<dyn Clock>,
        adjust: impl FnOnce(&mut LinkSettings),
    ) -> SignedLink {
        let mut settings = self.settings(&clock);
        adjust(&mut settings);
        let mut link = Link::new(settings, clock).unwrap();
        link.connect();
        SignedLink { link, observed: Vec::new() }
    }
}

impl Drop for AwsFixture {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut secrets = Secrets::new();
        for keys in self.rules.credential_store().issued() {
            secrets.add("AWS key id", &keys.access_key_id, false);
            secrets.add("AWS secret key", keys.secret_key.expose_secret(), false);
            secrets.add("AWS session token", keys.session_token.unwrap().expose_secret(), false);
        }
        let profile = self.home.path().join(".aws/credentials");
        assert_eq!(secrets.found_below(self.home.path(), &[profile]), Vec::<String>::new());
    }
}

pub(crate) fn write_profile(home: &Path, keys: &Credentials, expiry: chrono::DateTime<chrono::Utc>) {
    fs::create_dir_all(home.join(".aws")).unwrap();
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\nexpiration = {}\n",
        keys.access_key_id,
        keys.secret_key.expose_secret(),
        keys.session_token.as_ref().unwrap().expose_secret(),
        expiry.to_rfc3339(),
    );
    fs::write(home.join(".aws/credentials"), text).unwrap();
}

/// Checks that the text contains no keys and no part of a signed URL.
pub(crate) fn assert_no_secrets(text: &str, keys: &[&Credentials]) {
    for keys in keys {
        let token = keys.session_token.as_ref().unwrap().expose_secret();
        for secret in [keys.secret_key.expose_secret(), token, &token[..40], &keys.access_key_id] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(!text.contains("X-Amz-"), "{text}");
}

/// A link and its events.
pub(crate) struct SignedLink {
    pub(crate) link: Link,
    observed: Vec<StampedEvent>,
}

impl SignedLink {
    /// Drives the link until `find` returns something.
    pub(crate) async fn until<T>(&mut self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let find = |observed: &StampedEvent| find(&observed.event);
        wait_for_event(&mut self.link, &mut self.observed, what, find).await.unwrap()
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<&Event> {
        self.observed.iter().map(|observed| &observed.event).collect()
    }
}
