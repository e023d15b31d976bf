//! The time between sessions, and the end of the recording.

use std::sync::Arc;

use dropscope::diagnostics::event::{
    Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, Initiator, Message, Phase, PhaseTiming,
    StartedEvent,
};
use dropscope::diagnostics::{Event, Transport, VersionChoice};

use super::draw::Draw;
use super::plan::{Fault, FaultKind, Plan};

/// A recording has about this many lines at most.
pub(super) const LINES: usize = 4_000;

/// One line before it is rendered.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Boot clock, in seconds.
    pub(super) at: f64,
    /// Offset of the wall clock to the true time, in seconds.
    pub(super) ahead: f64,
    pub(super) event: Event,
    /// The cause of a drop.
    pub(super) cause: Option<&'static str>,
}

/// The result of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) lines: Vec<Line>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// By a fault: its index, or none for a loss through a stall or sleep.
    Dropped(Option<usize>),
    /// By this side.
    OnPurpose,
    /// The recorder stopped; it starts again.
    Restart,
    /// The recording is full.
    Over,
}

#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) draw: &'a mut Draw,
    pub(super) now: f64,
    pub(super) ahead: f64,
    pub(super) lines: Vec<Line>,
    pub(super) drops: u32,
    pub(super) keep_alive: f64,
    pub(super) keep_alive_index: usize,
    pub(super) due: Vec<f64>,
    pub(super) faults: Vec<Fault>,
    /// When the newest credentials expire.
    pub(super) expires: Option<f64>,
    /// Probes fail until then.
    pub(super) bad_until: f64,
    attempts: u32,
    resumed: bool,
}

pub(super) fn run_plan(plan: &Plan, draw: &mut Draw) -> Run {
    let due = plan.streams.iter().map(|stream| draw.gap(stream.gap) * draw.between(0.1, 1.0)).collect();
    let mut world = World {
        plan,
        draw,
        now: 0.0,
        ahead: 0.0,
        lines: Vec::new(),
        drops: 0,
        keep_alive: plan.keep_alive,
        keep_alive_index: 0,
        due,
        faults: plan.faults.clone(),
        expires: None,
        bad_until: -1.0,
        attempts: 0,
        resumed: false,
    };
    world.start();
    loop {
        world.connect();
        match world.session() {
            End::Dropped(fault) => world.reconnect(fault),
            End::OnPurpose => {
                let pause = world.draw.scale(0.5, 0.3 * world.plan.scale.max(10.0));
                world.wait(pause);
                world.resumed = false;
            }
            End::Restart => world.restart(),
            End::Over => break,
        }
        if world.is_over() {
            world.finish();
            break;
        }
    }
    Run { lines: world.lines }
}

impl World<'_> {
    pub(super) fn is_over(&self) -> bool {
        self.drops >= self.plan.drops || self.lines.len() >= LINES || self.now > 4e7
    }

    pub(super) fn record(&mut self, event: Event) {
        self.lines.push(Line { at: self.now, ahead: self.ahead, event, cause: None });
    }

    fn start(&mut self) {
        let started = StartedEvent {
            format: Some(dropscope::diagnostics::event::FORMAT.to_owned()),
            version: Some("0.1.0".to_owned()),
            keep_alive_secs: self.keep_alive,
            client_id: "scope-1".to_owned(),
            endpoint: "wss://broker.example:443/mqtt".to_owned(),
            mqtt_version: Some(if self.plan.mqtt5 { VersionChoice::V5 } else { VersionChoice::V311 }.into()),
            transport: Some(Transport::Wss.into()),
            ..StartedEvent::default()
        };
        self.record(Event::Started(started));
    }

    fn restart(&mut self) {
        if self.draw.chance(0.7) {
            self.record(Event::Stopped { by: None });
        }
        self.now += self.draw.scale(2.0, 3_000.0);
        for due in &mut self.due {
            *due = due.max(self.now);
        }
        self.resumed = false;
        self.start();
    }

    fn connect(&mut self) {
        if let Some(life) = self.plan.fetch {
            self.refresh(life);
        }
        let ms = 1_000.0 * self.plan.rtt * self.draw.between(1.0, 2.0);
        let timing = |phase| PhaseTiming { phase, ms, ok: true, error: None, detail: None };
        let phases =
            [Phase::Dns, Phase::Tcp, Phase::Tls, Phase::Websocket, Phase::Connack].map(timing).to_vec();
        self.record(Event::Attempt(Attempt { attempt_number: self.attempts, phases }));
        let event_type = if self.resumed { ConnectKind::Resumed } else { ConnectKind::Connected };
        self.record(Event::Connected(ConnectedEvent {
            event_type,
            return_code: Some(0),
            attempt_number: self.attempts,
            keep_alive_secs: self.keep_alive,
            remote: Some("203.0.113.7:443".to_owned()),
            ..ConnectedEvent::default()
        }));
        self.attempts = 0;
        if self.draw.chance(0.5) {
            self.record(Event::Subscribed { filters: vec!["dev/+/res".to_owned()], return_codes: vec![1] });
        }
    }

    pub(super) fn refresh(&mut self, life: f64) {
        let left = life * self.draw.between(0.97, 1.0);
        self.expires = Some(self.now + left);
        // The expiry is in true time; a reader with a wrong clock sees an offset.
        let micros = (1e6 * (self.now + left)).round();
        #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
        let expires_at = chrono::DateTime::from_timestamp_micros(super::render::EPOCH_US + micros as i64);
        self.record(Event::Credentials { expires_at: expires_at.expect("a date of this century") });
    }

    /// Runs the background activity while there is no session.
    pub(super) fn wait(&mut self, secs: f64) {
        let until = self.now + secs;
        while let Some(index) = self.next_stream().filter(|index| self.due[*index] <= until) {
            self.now = self.now.max(self.due[index]);
            self.stream_while_down(index);
        }
        self.now = until;
    }

    pub(super) fn next_stream(&self) -> Option<usize> {
        (0..self.due.len()).min_by(|a, b| self.due[*a].total_cmp(&self.due[*b]))
    }

    fn reconnect(&mut self, fault: Option<usize>) {
        self.resumed = true;
        self.attempts = 0;
        let (least, more) = self.plan.back;
        if let Some(FaultKind::Outage { low, high, .. }) = fault.map(|index| self.faults[index].kind.clone())
        {
            let secs = self.draw.scale(low, high);
            self.bad_until = self.bad_until.max(self.now + secs);
        }
        let mut delay = least + self.draw.exponential(more);
        while self.now + delay < self.bad_until || self.is_connect_refused() {
            self.wait(delay);
            self.fail_connect();
            delay = (delay.max(0.5) * self.draw.between(1.4, 2.2)).min(60.0 + 4.0 * least);
            if self.lines.len() > LINES + 500 {
                break;
            }
        }
        self.wait(delay);
        self.attempts += 1;
    }

    /// Whether an attempt fails although the path is up.
    fn is_connect_refused(&mut self) -> bool {
        let rough = self.connect_failure_share();
        let share = if rough > 0.0 { rough } else { 0.06 };
        self.attempts < 6 && self.draw.chance(share)
    }

    fn fail_connect(&mut self) {
        self.attempts += 1;
        let names = ["AWS_IO_SOCKET_TIMEOUT", "AWS_IO_SOCKET_CONNECTION_REFUSED", "AWS_IO_DNS_QUERY_FAILED"];
        let name = self.draw.pick(&names).to_owned();
        self.record(Event::ConnectFailed(ConnectFailedEvent {
            error_message: Some(name.to_lowercase()),
            error_name: Some(name),
            attempt_number: self.attempts,
            phase: Some(Phase::Tcp),
            ..ConnectFailedEvent::default()
        }));
    }

    /// The end of the file: connected, stopped, or with the path still down.
    fn finish(&mut self) {
        if self.draw.chance(0.6) {
            self.connect();
            let while_alive = self.draw.between(0.0, 0.3) * self.plan.scale.min(3_600.0);
            let quiet = while_alive.min(0.5 * self.keep_alive);
            self.now += quiet;
            if self.draw.chance(0.5) {
                self.record(Event::Disconnected { by: Initiator::Shutdown });
                self.record(Event::Stopped { by: None });
            } else {
                self.record(Event::Note { text: "looking".to_owned() });
            }
        }
    }

    pub(super) fn message(topic: &str, bytes: u64) -> Message {
        Message { topic: Arc::from(topic), bytes, ..Message::default() }
    }
}
