//! The tests that separate two causes, from the verdict that names one to the verdict that uses its result.

use dropscope::classify::{Classifier, Pattern, SeparationTest, Verdict};
use dropscope::diagnostics::event::Initiator;
use dropscope::diagnostics::{Event, LinkActivity};
use dropscope::state::MonitorRequest;

use crate::simulated::network::LineState;
use crate::simulated::scope::{RunSetup, SimulatedScope, hours, millis, minutes, secs};

/// When the peer closes a session, judged each tenth of a second.
struct Closer<'a> {
    scope: &'a SimulatedScope,
    /// Seconds from the connect, or with `until_silent` from the newest packet of the client, to the close.
    limit_secs: f64,
    until_silent: bool,
    /// The close may be this many seconds later.
    spread_secs: f64,
    /// Sessions with another client id than this one stay up.
    only_client_id: Option<&'a str>,
}

impl Closer<'_> {
    async fn run(&self, time: std::time::Duration) {
        let end = self.scope.now().plus(time);
        while self.scope.now().boot < end.boot {
            self.scope.run(millis(100)).await;
            let is_live = self.scope.live_state().await.runtime.activity == LinkActivity::Connected;
            let events = self.scope.events();
            let connects = events.select(|event| is_connect(event).then_some(()));
            let Some((start, ())) = connects.last() else { continue };
            let ping = events.pings().last().map(|(at, _)| *at).filter(|_| self.until_silent);
            let from = ping.filter(|ping| ping.boot > start.boot).unwrap_or(*start);
            let jitter =
                self.spread_secs * f64::from(u32::try_from(connects.len() * 5 % 7).expect("small")) / 6.0;
            let is_due = self.scope.now().since(from).as_secs_f64() >= self.limit_secs + jitter;
            if is_due && is_live && self.is_exposed() {
                self.scope.net.line(LineState::Fin);
            }
        }
    }

    fn is_exposed(&self) -> bool {
        let connect = self.scope.net.broker().last_connect();
        self.only_client_id.is_none_or(|id| connect.is_some_and(|connect| connect.client_id == id))
    }
}

fn is_connect(event: &Event) -> bool {
    matches!(event, Event::Connected(_))
}

/// The verdict that screens and exports would show now.
fn verdict(scope: &SimulatedScope) -> std::sync::Arc<Verdict> {
    let mut classifier = Classifier::new();
    for observed in scope.events().0 {
        classifier.apply(observed.at, &observed.event);
    }
    classifier.verdict_at(scope.now())
}

fn probability(verdict: &Verdict, pattern: Pattern) -> f64 {
    verdict.classification.hypothesis(pattern).map_or(0.0, |one| one.probability)
}

fn silent_run() -> SimulatedScope {
    let mut setup = RunSetup::default();
    setup.link.keep_alive_secs = 1_200;
    setup.start()
}

#[tokio::test(start_paused = true)]
async fn a_ping_halfway_tells_an_idle_limit_from_a_lifetime() {
    for (until_silent, truth, rival) in [
        (true, Pattern::IdleTimeout, Pattern::FixedLifetime),
        (false, Pattern::FixedLifetime, Pattern::IdleTimeout),
    ] {
        let scope = silent_run();
        let closer =
            Closer { scope: &scope, limit_secs: 120.0, until_silent, spread_secs: 0.3, only_client_id: None };
        closer.run(minutes(16)).await;
        let before = verdict(&scope);
        let test = before.diagnosis.separation.clone();
        let test = test.unwrap_or_else(|| panic!("waiting cannot separate the two: {before:#?}"));
        assert!(
            matches!(test, SeparationTest::PingHalfway { limit_secs } if (limit_secs - 120.0).abs() < 2.0)
        );
        assert!(probability(&before, truth) < 0.9, "{before:#?}");
        scope.send_request(MonitorRequest::RunSeparation(test)).await;
        closer.run(minutes(25)).await;
        assert!(scope.live_state().await.snapshot.experiment.is_some(), "the test runs");
        let after = verdict(&scope);
        assert_eq!(after.classification.pattern, truth, "{:#?}", after.classification);
        assert!(after.classification.confidence >= 0.9, "{:#?}", after.classification);
        assert!(probability(&after, rival) < 0.05, "{:#?}", after.classification);
        assert_eq!(after.diagnosis.separation, None, "nothing is left to separate");
        scope.send_request(MonitorRequest::EndSeparation).await;
        assert!(scope.live_state().await.snapshot.experiment.is_none());
        let pings = scope.events().pings().len();
        assert!(pings > 10, "{pings}");
        scope.run(minutes(15)).await;
        assert!(scope.events().pings().len() <= pings + 1, "as often as the keep-alive demands again");
        scope.finish().await;
    }
}

/// Sessions of some seconds, as beside another client; with `only_client_id` that other client uses this id.
async fn short_lives(only_client_id: Option<&str>) -> (SimulatedScope, std::sync::Arc<Verdict>) {
    let scope = RunSetup::default().start();
    let closer =
        Closer { scope: &scope, limit_secs: 1.5, until_silent: false, spread_secs: 4.0, only_client_id };
    closer.run(minutes(6)).await;
    let before = verdict(&scope);
    assert_eq!(before.diagnosis.separation, Some(SeparationTest::FreshClientId), "{before:#?}");
    scope.send_request(MonitorRequest::RunSeparation(SeparationTest::FreshClientId)).await;
    closer.run(minutes(12)).await;
    let after = verdict(&scope);
    (scope, after)
}

#[tokio::test(start_paused = true)]
async fn a_fresh_client_id_that_ends_the_drops_proves_the_takeover() {
    let (scope, after) = short_lives(Some("dropscope-sim")).await;
    assert_eq!(after.classification.pattern, Pattern::ClientIdTakeover, "{after:#?}");
    assert!(after.classification.confidence >= 0.9, "{:#?}", after.classification);
    assert!(after.diagnosis.calm.is_some_and(|calm| calm.is_success() && calm.has_other_client_id));
    assert!(after.diagnosis.next.text.contains("client id"), "{:?}", after.diagnosis.next);
    let fresh = scope.net.broker().last_connect().expect("a connect").client_id;
    assert!(fresh != "dropscope-sim" && fresh.starts_with("dropscope-"), "{fresh}");
    scope.send_request(MonitorRequest::EndSeparation).await;
    scope.run(secs(70)).await;
    assert_eq!(
        scope.net.broker().last_connect().map(|connect| connect.client_id).as_deref(),
        Some("dropscope-sim")
    );
    let by = scope.events().select(|event| match event {
        Event::Disconnected { by } => Some(*by),
        _ => None,
    });
    assert!(by.iter().all(|(_, by)| *by == Initiator::Experiment), "{by:?}");
    scope.finish().await;
}

#[tokio::test(start_paused = true)]
async fn drops_that_go_on_with_a_fresh_client_id_are_no_takeover() {
    let (scope, after) = short_lives(None).await;
    assert!(probability(&after, Pattern::ClientIdTakeover) < 0.1, "{:#?}", after.classification);
    assert_ne!(after.diagnosis.separation, Some(SeparationTest::FreshClientId));
    scope.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_binds_the_client_id_ends_the_test() {
    use dropscope::lab::{Fault, FaultTrigger, PlannedFault};
    let scope = RunSetup::default().start();
    scope.run(minutes(5)).await;
    // NOT AUTHORIZED for every CONNECT from now on, until the old id is back.
    scope.net.broker().plan_fault(PlannedFault::every_at(FaultTrigger::OnConnect, Fault::RefuseConnect(5)));
    scope.send_request(MonitorRequest::RunSeparation(SeparationTest::FreshClientId)).await;
    scope.run(secs(20)).await;
    scope.net.broker().clear_planned_faults();
    scope.run(minutes(3)).await;
    let state = scope.live_state().await;
    assert!(state.snapshot.experiment.is_none(), "the refusal ends the test");
    assert!(
        state.runtime.notices.iter().any(|notice| notice.text.contains("does not accept a fresh client id")),
        "{:?}",
        state.runtime.notices
    );
    assert_eq!(
        scope.net.broker().last_connect().map(|connect| connect.client_id).as_deref(),
        Some("dropscope-sim")
    );
    let end = scope.finish().await;
    assert_eq!(end.snapshot().metrics.total_connection_drops, 0);
}

#[tokio::test(start_paused = true)]
async fn a_running_test_ends_with_the_run_and_is_recorded_with_its_undoing() {
    let scope = silent_run();
    scope.run(minutes(5)).await;
    let test = SeparationTest::KeepAlive { secs: 60 };
    scope.send_request(MonitorRequest::RunSeparation(test)).await;
    scope.run(hours(1)).await;
    assert_eq!(scope.net.broker().last_connect().map(|connect| connect.keep_alive_secs), Some(60));
    let end = scope.finish().await;
    let steps = end.events.select(|event| match event {
        Event::Experiment { id, what, details } => {
            Some((id.clone(), what.clone(), details.get("by").cloned()))
        }
        _ => None,
    });
    let steps: Vec<_> = steps.into_iter().map(|(_, (id, what, by))| (id, what, by)).collect();
    let id = || SeparationTest::EXPERIMENT_ID.to_owned();
    assert_eq!(
        steps,
        [(id(), "started".to_owned(), None), (id(), "finished".to_owned(), Some("run_ended".into()))]
    );
}
