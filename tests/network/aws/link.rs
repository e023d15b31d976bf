//! Signed connects, refused ones, renewed keys, the limit of 24 hours: the events of the link for each.

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

use crate::aws::fixture::{AwsFixture, KEY_LIFETIME, SignedLink, WrongClock, assert_no_secrets};

async fn connected(watched: &mut SignedLink) -> ConnectedEvent {
    watched
        .until("a session", |event| match event {
            Event::Connected(connected) => Some(connected.clone()),
            _ => None,
        })
        .await
}

async fn failed(watched: &mut SignedLink) -> ConnectFailedEvent {
    watched
        .until("a failed connect", |event| match event {
            Event::ConnectFailed(failed) => Some(failed.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_signed_upgrade_is_accepted_and_the_expiry_is_reported_first() {
    let fixture = AwsFixture::new(AwsLimits::default()).await;
    let keys = fixture.issue_keys(KEY_LIFETIME);
    let mut watched = fixture.link(|_| ());
    connected(&mut watched).await;
    let [Event::Credentials { expires_at }, Event::Attempt(attempt), Event::Connected(_)] =
        &watched.events()[..]
    else {
        panic!("{:?}", watched.events());
    };
    let left = expires_at.signed_duration_since(dropscope::diagnostics::Clock::now(&SystemClock::new()).wall);
    assert!(left > TimeDelta::minutes(55) && left <= TimeDelta::minutes(60), "{left}");
    let phases: Vec<_> = attempt.phases.iter().map(|timing| (timing.phase, timing.ok)).collect();
    let expected = [Phase::Credentials, Phase::Dns, Phase::Tcp, Phase::Websocket, Phase::Connack];
    assert_eq!(phases, expected.map(|phase| (phase, true)));
    assert_no_secrets(&format!("{:?} {:?}", watched.events(), watched.link), &[&keys]);
}

#[tokio::test]
async fn expired_keys_are_refused_reloaded_and_the_session_resumes() {
    let fixture = AwsFixture::new(AwsLimits::default()).await;
    let old = fixture.issue_keys(KEY_LIFETIME);
    let mut watched = fixture.link(|_| ());
    connected(&mut watched).await;
    fixture.rules.credential_store().expire_all();
    let new = fixture.issue_keys(2 * KEY_LIFETIME);
    assert_eq!(fixture.broker.control().inject(&Fault::Reset), 1);
    // The first attempt is a quick one, with the cached keys.
    let refused = failed(&mut watched).await;
    assert_eq!((refused.phase, refused.http_status), (Some(Phase::Websocket), Some(403)), "{refused:?}");
    assert!(!refused.error_message.unwrap().contains("clock is"), "the clocks agree");
    let back = connected(&mut watched).await;
    assert_eq!((back.event_type, back.attempt_number), (ConnectKind::DeepReconnected, 2));
    let expiries =
        watched.events().into_iter().filter(|event| matches!(event, Event::Credentials { .. })).count();
    assert_eq!(expiries, 2, "each expiry once: {:?}", watched.events());
    assert_no_secrets(&format!("{:?}", watched.events()), &[&old, &new]);
}

#[tokio::test]
async fn a_wrong_clock_is_named_in_the_error() {
    let fixture = AwsFixture::new(AwsLimits::default()).await;
    fixture.issue_keys(KEY_LIFETIME);
    for (offset, words) in [
        (TimeDelta::seconds(-14 * 60 - 20), "this computer's clock is 14 min behind the server's"),
        (TimeDelta::hours(3), "this computer's clock is 3 h ahead of the server's"),
    ] {
        let clock = Arc::new(WrongClock(SystemClock::new(), offset));
        // Keys that have expired by a clock that is ahead are read and tried all the same.
        let mut watched = fixture.link_by(clock, |_| ());
        let refused = failed(&mut watched).await;
        let message = refused.error_message.unwrap();
        assert!(message.contains(&format!("{words}: signatures are refused")), "{message}");
        let attempt = watched.events().into_iter().find_map(|event| match event {
            Event::Attempt(attempt) => attempt.phases.last(),
            _ => None,
        });
        assert_eq!(attempt.unwrap().error.as_deref(), Some(message.as_str()));
    }
}

/// A connection limit of 2.5 s instead of 24 h.
fn short_day() -> AwsLimits {
    AwsLimits { connection_ttl: Duration::from_millis(2500), ..AwsLimits::default() }
}

#[tokio::test]
async fn the_cut_after_a_day_is_a_drop() {
    let fixture = AwsFixture::new(short_day()).await;
    fixture.issue_keys(KEY_LIFETIME);
    let mut watched = fixture.link(|_| ());
    watched.until("a drop", |event| matches!(event, Event::Dropped(_)).then_some(())).await;
    let back = connected(&mut watched).await;
    assert_eq!(back.event_type, ConnectKind::Resumed);
}

#[tokio::test]
async fn a_planned_reconnect_comes_before_the_cut_and_is_no_drop() {
    let fixture = AwsFixture::new(short_day()).await;
    let old = fixture.issue_keys(KEY_LIFETIME);
    let mut watched = fixture.link(|settings| {
        let websocket_limit = Some(Duration::from_millis(2500));
        let margin = Some(Duration::from_millis(1200));
        settings.planned_reconnect = Some(PlannedReconnect { margin, websocket_limit });
    });
    connected(&mut watched).await;
    let new = fixture.issue_keys(2 * KEY_LIFETIME);
    for _ in 0..3 {
        connected(&mut watched).await;
    }
    let count =
        |matches: fn(&Event) -> bool| watched.events().into_iter().filter(|event| matches(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Disconnected { by: Initiator::Planned })), 3);
    assert_eq!(count(|event| matches!(event, Event::Dropped(_) | Event::ConnectFailed(_))), 0);
    assert_eq!(count(|event| matches!(event, Event::Credentials { .. })), 2, "keys are read again");
    let is_first = |event: &Event| match event {
        Event::Connected(connected) => connected.event_type == ConnectKind::Connected,
        _ => true,
    };
    assert!(watched.events().into_iter().all(is_first), "no reconnect after a drop: {:?}", watched.events());
    assert_no_secrets(&format!("{:?}", watched.events()), &[&old, &new]);
}

#[tokio::test]
async fn keys_that_cannot_be_renewed_lead_to_one_planned_reconnect_not_to_many() {
    let fixture = AwsFixture::new(AwsLimits::default()).await;
    fixture.issue_keys(Duration::from_secs(4));
    let mut watched = fixture.link(|settings| {
        settings.signer = settings.signer.take().map(DriftingSigner::wrap);
        let margin = Some(Duration::from_secs(3));
        settings.planned_reconnect = Some(PlannedReconnect { margin, websocket_limit: None });
    });
    connected(&mut watched).await;
    connected(&mut watched).await;
    let more =
        watched.until("a disconnect", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    assert!(tokio::time::timeout(Duration::from_secs(3), more).await.is_err());
    let expiries =
        watched.events().into_iter().filter(|event| matches!(event, Event::Credentials { .. })).count();
    assert_eq!(expiries, 1, "they are the same: {:?}", watched.events());
}

/// Reports the same expiry with a small difference each time, as with two clocks that drift apart.
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

/// Refuses to sign, temporarily or permanently.
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
    use dropscope::diagnostics::LinkActivity;
    use dropscope::diagnostics::event::Layer;

    let fixture = AwsFixture::new(AwsLimits::default()).await;
    let refused = SignFailure::refused("the password is wrong");
    for failure in [SignFailure::unavailable(Layer::Local, "the account's cloud does not answer"), refused] {
        let is_permanent = failure.is_permanent;
        let detail = failure.detail.clone();
        let mut watched = fixture.link(|settings| settings.signer = Some(Arc::new(RefusingSigner(failure))));
        let event = failed(&mut watched).await;
        assert_eq!(event.phase, Some(Phase::Credentials));
        assert_eq!(event.error_name.as_deref(), Some("AWS_AUTH_SIGNING_NO_CREDENTIALS"));
        assert!(event.error_message.unwrap().contains(&detail));
        assert_eq!(event.http_status, is_permanent.then_some(401), "exit code 4 depends on it");
        let LinkStatus { activity, .. } = watched.link.status();
        assert_eq!(activity == LinkActivity::GivenUp, is_permanent, "{activity:?}");
    }
}
