//! Signed anew, refused, renewed, cut after 24 hours: what the link tells of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use dropscope::clock::SystemClock;
use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{ConnectFailedEvent, ConnectKind, ConnectedEvent, Initiator, Phase};
use dropscope::lab::{AwsLimits, Fault};
use dropscope::mqtt::PlannedReconnect;
use dropscope::mqtt::signer::{SignFailure, SignedTarget, Signer};
use dropscope::mqtt::{LinkStatus, connector::BoxFuture};

use crate::aws::fixture::{AwsFixture, KEY_LIFETIME, WatchedLink, WrongClock, assert_no_secrets};

async fn connected(watched: &mut WatchedLink) -> ConnectedEvent {
    watched
        .until(|event| match event {
            Event::Connected(connected) => Some(connected.clone()),
            _ => None,
        })
        .await
}

async fn failed(watched: &mut WatchedLink) -> ConnectFailedEvent {
    watched
        .until(|event| match event {
            Event::ConnectFailed(failed) => Some(failed.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_signed_upgrade_is_accepted_and_the_expiry_is_reported_first() {
    let scene = AwsFixture::new(AwsLimits::default()).await;
    let keys = scene.issue_keys(KEY_LIFETIME);
    let mut watched = scene.link(|_| ());
    connected(&mut watched).await;
    let [Event::Credentials { expires_at }, Event::Attempt(attempt), Event::Connected(_)] =
        &watched.events[..]
    else {
        panic!("{:?}", watched.events);
    };
    let left = expires_at.signed_duration_since(dropscope::diagnostics::Clock::now(&SystemClock::new()).wall);
    assert!(left > TimeDelta::minutes(55) && left <= TimeDelta::minutes(60), "{left}");
    let phases: Vec<_> = attempt.phases.iter().map(|timing| (timing.phase, timing.ok)).collect();
    let expected = [Phase::Credentials, Phase::Dns, Phase::Tcp, Phase::Websocket, Phase::Connack];
    assert_eq!(phases, expected.map(|phase| (phase, true)));
    assert_no_secrets(&format!("{:?} {:?}", watched.events, watched.link), &[&keys]);
}

#[tokio::test]
async fn expired_keys_are_refused_reloaded_and_the_session_resumes() {
    let scene = AwsFixture::new(AwsLimits::default()).await;
    let old = scene.issue_keys(KEY_LIFETIME);
    let mut watched = scene.link(|_| ());
    connected(&mut watched).await;
    scene.rules.credential_store().expire_all();
    let new = scene.issue_keys(2 * KEY_LIFETIME);
    assert_eq!(scene.broker.control().inject(&Fault::Reset), 1);
    // The first try is a quick one, with the keys that are known.
    let refused = failed(&mut watched).await;
    assert_eq!((refused.phase, refused.http_status), (Some(Phase::Websocket), Some(403)), "{refused:?}");
    assert!(!refused.error_message.unwrap().contains("clock is"), "the clocks agree");
    let back = connected(&mut watched).await;
    assert_eq!((back.event_type, back.attempt_number), (ConnectKind::DeepReconnected, 2));
    let expiries = watched.events.iter().filter(|event| matches!(event, Event::Credentials { .. })).count();
    assert_eq!(expiries, 2, "each expiry once: {:?}", watched.events);
    assert_no_secrets(&format!("{:?}", watched.events), &[&old, &new]);
}

#[tokio::test]
async fn a_wrong_clock_is_named_in_the_error() {
    let scene = AwsFixture::new(AwsLimits::default()).await;
    scene.issue_keys(KEY_LIFETIME);
    for (offset, words) in [
        (TimeDelta::seconds(-14 * 60 - 20), "this computer's clock is 14 min behind the server's"),
        (TimeDelta::hours(3), "this computer's clock is 3 h ahead of the server's"),
    ] {
        let clock = Arc::new(WrongClock(SystemClock::new(), offset));
        // Known to have expired by a clock that is ahead, or not: they are read and tried all the same.
        let mut watched = scene.link_by(clock, |_| ());
        let refused = failed(&mut watched).await;
        let message = refused.error_message.unwrap();
        assert!(message.contains(&format!("{words}: signatures are refused")), "{message}");
        let attempt = watched.events.iter().find_map(|event| match event {
            Event::Attempt(attempt) => attempt.phases.last(),
            _ => None,
        });
        assert_eq!(attempt.unwrap().error.as_deref(), Some(message.as_str()));
    }
}

/// A day of 2.5 seconds.
fn short_day() -> AwsLimits {
    AwsLimits { connection_ttl: Duration::from_millis(2500), ..AwsLimits::default() }
}

#[tokio::test]
async fn the_cut_after_a_day_is_a_drop() {
    let scene = AwsFixture::new(short_day()).await;
    scene.issue_keys(KEY_LIFETIME);
    let mut watched = scene.link(|_| ());
    watched.until(|event| matches!(event, Event::Dropped(_)).then_some(())).await;
    let back = connected(&mut watched).await;
    assert_eq!(back.event_type, ConnectKind::Resumed);
}

#[tokio::test]
async fn a_planned_reconnect_comes_before_the_cut_and_is_no_drop() {
    let scene = AwsFixture::new(short_day()).await;
    let old = scene.issue_keys(KEY_LIFETIME);
    let mut watched = scene.link(|settings| {
        let websocket_limit = Some(Duration::from_millis(2500));
        let margin = Some(Duration::from_millis(1200));
        settings.planned_reconnect = Some(PlannedReconnect { margin, websocket_limit });
    });
    connected(&mut watched).await;
    let new = scene.issue_keys(2 * KEY_LIFETIME);
    for _ in 0..3 {
        connected(&mut watched).await;
    }
    let count = |matches: fn(&Event) -> bool| watched.events.iter().filter(|event| matches(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Disconnected { by: Initiator::Planned })), 3);
    assert_eq!(count(|event| matches!(event, Event::Dropped(_) | Event::ConnectFailed(_))), 0);
    assert_eq!(count(|event| matches!(event, Event::Credentials { .. })), 2, "keys are read anew");
    let is_first = |event: &Event| match event {
        Event::Connected(connected) => connected.event_type == ConnectKind::Connected,
        _ => true,
    };
    assert!(watched.events.iter().all(is_first), "none came back from a drop: {:?}", watched.events);
    assert_no_secrets(&format!("{:?}", watched.events), &[&old, &new]);
}

#[tokio::test]
async fn keys_that_cannot_be_renewed_lead_to_one_planned_reconnect_not_to_many() {
    let scene = AwsFixture::new(AwsLimits::default()).await;
    scene.issue_keys(Duration::from_secs(4));
    let mut watched = scene.link(|settings| {
        settings.signer = settings.signer.take().map(DriftingSigner::wrap);
        let margin = Some(Duration::from_secs(3));
        settings.planned_reconnect = Some(PlannedReconnect { margin, websocket_limit: None });
    });
    connected(&mut watched).await;
    connected(&mut watched).await;
    let more = watched.until(|event| matches!(event, Event::Disconnected { .. }).then_some(()));
    assert!(tokio::time::timeout(Duration::from_secs(3), more).await.is_err());
    let expiries = watched.events.iter().filter(|event| matches!(event, Event::Credentials { .. })).count();
    assert_eq!(expiries, 1, "they are the same: {:?}", watched.events);
}

/// Reckons the same expiry anew each time, and is a little off, as two clocks drift apart.
#[derive(Debug)]
struct DriftingSigner(Arc<dyn Signer>, AtomicI64);

impl DriftingSigner {
    fn wrap(signer: Arc<dyn Signer>) -> Arc<dyn Signer> {
        Arc::new(Self(signer, AtomicI64::new(0)))
    }
}

impl Signer for DriftingSigner {
    fn sign(&self, fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>> {
        Box::pin(async move {
            let offset = TimeDelta::milliseconds(self.1.fetch_add(1, Ordering::Relaxed));
            let signed = self.0.sign(fresh).await?;
            Ok(SignedTarget { expires_at: signed.expires_at.map(|end| end + offset), ..signed })
        })
    }

    fn on_refused(&self, status: u16, server_date: Option<chrono::DateTime<chrono::Utc>>) {
        self.0.on_refused(status, server_date);
    }
}

/// Says no, for now or for good.
#[derive(Debug)]
struct RefusingSigner(SignFailure);

impl Signer for RefusingSigner {
    fn sign(&self, _fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>> {
        Box::pin(async { Err(self.0.clone()) })
    }

    fn on_refused(&self, _status: u16, _server_date: Option<chrono::DateTime<chrono::Utc>>) {}
}

#[tokio::test]
async fn without_credentials_an_attempt_fails_in_a_phase_of_its_own() {
    use dropscope::diagnostics::event::Layer;
    use dropscope::mqtt::Activity;

    let scene = AwsFixture::new(AwsLimits::default()).await;
    let refused = SignFailure::refused("the password is wrong");
    for failure in [SignFailure::unavailable(Layer::Local, "the account's cloud is silent"), refused] {
        let for_good = failure.is_permanent;
        let detail = failure.detail.clone();
        let mut watched = scene.link(|settings| settings.signer = Some(Arc::new(RefusingSigner(failure))));
        let event = failed(&mut watched).await;
        assert_eq!(event.phase, Some(Phase::Credentials));
        assert_eq!(event.error_name.as_deref(), Some("AWS_AUTH_SIGNING_NO_CREDENTIALS"));
        assert!(event.error_message.unwrap().contains(&detail));
        assert_eq!(event.http_status, for_good.then_some(401), "what exit code 4 goes by");
        let LinkStatus { activity, .. } = watched.link.status();
        assert_eq!(activity == Activity::GivenUp, for_good, "{activity:?}");
    }
}
