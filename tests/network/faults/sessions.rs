//! Every drop is named, and the link reconnects afterwards.

use std::fmt;
use std::time::Duration;

use dropscope::diagnostics::event::{CommandState, ConnectKind, DropKind, DroppedEvent};
use dropscope::diagnostics::{Event, Stamp, Transport, VersionChoice};
use dropscope::lab::{BrokerOptions, Fault};
use dropscope::mqtt::Publish;

use crate::faults::expected::{ExpectedDrop, TCP, WSS};
use crate::faults::fixture::Fixture;
use crate::faults::session_table::{REASONS, Row, SessionAction, TABLE};
use crate::faults::watched_link::{WatchedLink, run_all};

/// Keep-alive for rows that detect silence: the shortest possible.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_millis(300);
/// Tolerance for a busy computer; less than another keep-alive.
const SLACK: Duration = Duration::from_millis(800);

/// A row with one transport and version.
#[derive(Clone, Copy)]
struct Case {
    row: &'static Row,
    transport: Transport,
    version: VersionChoice,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} over {} with {:?}", self.row.name, self.transport.name(), self.version)
    }
}

fn cases(matches: impl Fn(&Row) -> bool) -> Vec<Case> {
    let rows = TABLE.iter().filter(|row| matches(row));
    rows.flat_map(|row| {
        let places =
            row.transports.iter().flat_map(|over| row.versions.iter().map(move |version| (*over, *version)));
        places.map(move |(transport, version)| Case { row, transport, version })
    })
    .collect()
}

fn is_silence(row: &Row) -> bool {
    row.expected.how == DropKind::PingTimeout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_drop_is_named() {
    run_all(cases(|row| !is_silence(row)), run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_noticed_within_the_keep_alive_and_the_deadline() {
    run_all(cases(is_silence), run).await;
}

async fn run(case: Case) -> Result<(), String> {
    let Case { row, transport, version } = case;
    let max_packet = if matches!(row.action, SessionAction::Publish(_)) { 1000 } else { 1024 * 1024 };
    let mut fixture =
        Fixture::start(transport, version, BrokerOptions { max_packet, ..Default::default() }).await;
    if is_silence(row) {
        fixture.settings.keep_alive_secs = 1;
        fixture.settings.ping_timeout = PING_TIMEOUT;
    }
    let mut watched = fixture.watched_link();
    watched.connected(ConnectKind::Connected).await?;
    let before = fixture.clock.now();
    let (dropped, at) = perform(&row.action, &mut fixture, &mut watched).await?;
    row.expected.check(&dropped)?;
    if is_silence(row) {
        let took = at.since(before);
        let in_time = PING_TIMEOUT..=KEEP_ALIVE + PING_TIMEOUT + SLACK;
        if !in_time.contains(&took) {
            return Err(format!("noticed after {took:?}"));
        }
    }
    recover(row, &mut fixture, &mut watched).await
}

/// Performs the action and waits for the drop.
async fn perform(
    action: &SessionAction,
    fixture: &mut Fixture,
    watched: &mut WatchedLink,
) -> Result<(DroppedEvent, Stamp), String> {
    match action {
        SessionAction::Inject(fault) => {
            if fixture.control.inject(fault) != 1 {
                return Err("the broker has no client".to_owned());
            }
            watched.dropped().await
        }
        SessionAction::InjectWhileSending(fault) => {
            (0..150).for_each(|_| watched.link.publish(publish(50_000)));
            watched
                .until("a publish", |observed| matches!(observed.event, Event::Published(_)).then_some(()))
                .await?;
            fixture.control.inject(fault);
            watched.dropped().await
        }
        SessionAction::Kill => {
            let (dropped, ()) = tokio::join!(watched.dropped(), fixture.broker.take().unwrap().kill());
            dropped
        }
        SessionAction::Stop => {
            let (dropped, ()) = tokio::join!(watched.dropped(), fixture.broker.take().unwrap().stop());
            dropped
        }
        SessionAction::TakeOver => {
            let mut other = fixture.watched_link();
            let taken = async move { other.connected(ConnectKind::Connected).await };
            let (dropped, taken) = tokio::join!(watched.dropped(), taken);
            taken?;
            dropped
        }
        SessionAction::Publish(bytes) => {
            watched.link.publish(publish(*bytes));
            watched.dropped().await
        }
    }
}

fn publish(bytes: usize) -> Publish {
    Publish {
        topic: "elsewhere".to_owned(),
        payload: vec![b'x'; bytes].into(),
        qos: 0,
        retain: false,
        name: "test".to_owned(),
        correlation_id: None,
    }
}

/// The fault is over: the link reconnects, subscribes, and receives messages again.
async fn recover(row: &Row, fixture: &mut Fixture, watched: &mut WatchedLink) -> Result<(), String> {
    let broker_went = fixture.broker.is_none();
    if broker_went {
        let successor = fixture.restart_broker().await;
        fixture.control = successor.control();
        fixture.broker = Some(successor);
    }
    let connected = watched.connected(ConnectKind::Resumed).await?;
    if !broker_went && connected.attempt_number != 1 {
        return Err(format!("back only at attempt {}", connected.attempt_number));
    }
    let drops = watched.count(|event| matches!(event, Event::Dropped(_)));
    let is_one_drop = drops == 1 || matches!(row.action, SessionAction::TakeOver);
    if !is_one_drop {
        return Err(format!("reported as {drops} drops"));
    }
    fixture.broker.as_ref().unwrap().publish("test/back", "x");
    watched.until("a message", |observed| matches!(observed.event, Event::Received(_)).then_some(())).await
}

/// One DISCONNECT of MQTT 5.
#[derive(Clone, Copy)]
struct DisconnectCase {
    expected: ExpectedDrop,
    reason: u8,
    /// Without a property length.
    terse: bool,
    text: Option<&'static str>,
    transport: Transport,
}

impl fmt::Display for DisconnectCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.terse { "terse" } else { "full" };
        write!(f, "{form} DISCONNECT 0x{:02X} over {}", self.reason, self.transport.name())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_disconnect_reason_is_reported_in_its_long_and_its_short_form() {
    let forms = [(true, None), (false, None), (false, Some("be\u{1b}gone"))];
    let mut disconnects = Vec::new();
    for (reason, name) in REASONS.iter().copied() {
        let expected = ExpectedDrop::disconnect(reason, name);
        for transport in [TCP, WSS].concat() {
            disconnects.extend(forms.map(|(terse, text)| DisconnectCase {
                expected,
                reason,
                terse,
                text,
                transport,
            }));
        }
    }
    run_all(disconnects, check_disconnect).await;
}

async fn check_disconnect(case: DisconnectCase) -> Result<(), String> {
    let options = BrokerOptions { terse_disconnect: case.terse, ..Default::default() };
    let fixture = Fixture::start(case.transport, VersionChoice::V5, options).await;
    let mut watched = fixture.watched_link();
    watched.connected(ConnectKind::Connected).await?;
    let text = case.text.map(str::to_owned);
    fixture.control.inject(&Fault::Disconnect { reason: case.reason, text });
    let (dropped, _) = watched.dropped().await?;
    case.expected.check(&dropped)?;
    let message = dropped.error_message.unwrap_or_default();
    let has_reason_text = message.contains(&format!("0x{:02X}", case.reason))
        && !message.contains("does not know")
        && case.text.is_none_or(|_| message.contains("\"be\\u{1b}gone\""));
    if !has_reason_text {
        return Err(format!("reported as {message:?}"));
    }
    watched.connected(ConnectKind::Resumed).await.map(|_| ())
}

#[tokio::test]
async fn a_publish_over_the_broker_limit_harms_no_session() {
    let options = BrokerOptions { announced_max_packet: Some(1000), max_packet: 1000, ..Default::default() };
    let fixture = Fixture::start(Transport::Tcp, VersionChoice::V5, options).await;
    let mut watched = fixture.watched_link();
    watched.connected(ConnectKind::Connected).await.unwrap();
    for (bytes, end) in [(2000, CommandState::TooLarge), (20, CommandState::Sent)] {
        watched.link.publish(publish(bytes));
        let state = watched.until("the end of a publish", |observed| match &observed.event {
            Event::Command(command) if command.state != CommandState::Queued => Some(command.state),
            _ => None,
        });
        assert_eq!(state.await.unwrap(), end, "{bytes} bytes");
    }
    assert_eq!(watched.count(|event| matches!(event, Event::Dropped(_))), 0);
}
