//! A site over days: connects, the time between sessions, and what is known of each drop.

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{ConnectKind, Initiator, SystemSource};

use super::sampler::Sampler;
use super::site::{Change, PauseKind, Refusal, Site, Style, TokenRule, Trigger};

/// Most lines of a recording.
pub(super) const MOST_LINES: usize = 5_800;
/// Most steps of a simulation: packets that a bare recording does not contain.
pub(super) const MOST_STEPS: usize = 14_000;

/// One line before it is encoded.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Boot clock.
    pub(super) at: f64,
    /// Error of the wall clock.
    pub(super) ahead: f64,
    pub(super) event: Event,
}

/// What is true of one drop.
#[derive(Debug, Clone)]
pub(super) struct TrueDrop {
    pub(super) cause: &'static str,
    /// Time of the detection.
    pub(super) at: f64,
    /// Time at which the path or the peer ended it.
    pub(super) died: f64,
    pub(super) connected: f64,
    /// Age of the session at the last byte received.
    pub(super) proven: f64,
    /// Longest time without a delivered packet at the death.
    pub(super) silence: f64,
    /// Whether the recording states the cause (a reason code, an own limit).
    pub(super) stated: bool,
}

/// The result of a simulation.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) lines: Vec<Line>,
    pub(super) drops: Vec<TrueDrop>,
    /// The longest silences that ended with a packet from the server, of each session that had one.
    pub(super) survived: Vec<f64>,
    /// Ages at the last byte received of the sessions that did not drop.
    pub(super) unfinished: Vec<f64>,
    /// End of the recording.
    pub(super) end: f64,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionEnd {
    Dropped,
    /// The client reconnects on purpose.
    Reconnect(Initiator),
    Over,
}

/// The state that outlives a session.
#[derive(Debug)]
pub(super) struct Simulation<'a> {
    pub(super) site: &'a Site,
    pub(super) sampler: &'a mut Sampler,
    pub(super) now: f64,
    pub(super) ahead: f64,
    pub(super) trace: Trace,
    pub(super) keep_alive: f64,
    pub(super) local: String,
    pub(super) remote: String,
    /// Next message of each stream, and how many of its group were sent.
    pub(super) due: Vec<(f64, u32)>,
    pub(super) withheld: Vec<bool>,
    pub(super) subscribes: bool,
    /// Drops by each mechanism.
    pub(super) hits: Vec<u32>,
    /// When the credentials at hand expire.
    pub(super) token: Option<f64>,
    /// The broker or the network is unusable between these times.
    pub(super) down: Option<(f64, f64, Refusal)>,
    pub(super) next_change: usize,
    pub(super) next_pause: usize,
    pub(super) steps: usize,
    local_port: u16,
}

/// Runs a site.
pub(super) fn simulate(site: &Site, sampler: &mut Sampler) -> Trace {
    let mut simulation = Simulation {
        site,
        now: 0.0,
        ahead: 0.0,
        trace: Trace::default(),
        keep_alive: site.client.keep_alive,
        local: site.client.local.clone(),
        remote: site.broker.remote.clone(),
        due: vec![(0.0, 0); site.streams.len()],
        withheld: vec![false; site.streams.len()],
        subscribes: site.client.subscribes,
        hits: vec![0; site.mechanisms.len()],
        token: None,
        down: None,
        next_change: 0,
        next_pause: 0,
        steps: 0,
        local_port: 40_000,
        sampler,
    };
    for index in 0..site.streams.len() {
        let first = simulation.spacing(index, 0) * simulation.sampler.uniform(0.05, 1.0);
        simulation.due[index].0 = simulation.in_hours(index, first);
    }
    simulation.run();
    simulation.trace.end = simulation.now.min(site.duration);
    simulation.trace
}

impl Simulation<'_> {
    fn run(&mut self) {
        let started = self.started();
        self.record(started);
        self.now = self.sampler.uniform(0.01, 0.4);
        let mut event_type = ConnectKind::Connected;
        let mut delays = false;
        while self.connect(event_type, delays) {
            match self.session() {
                SessionEnd::Over => break,
                SessionEnd::Dropped => (event_type, delays) = (ConnectKind::Resumed, true),
                SessionEnd::Reconnect(by) => {
                    self.record(Event::Disconnected { by });
                    self.now += self.sampler.uniform(0.05, 0.6);
                    (event_type, delays) = (ConnectKind::Connected, false);
                }
            }
            if self.is_full() {
                // Most recordings end connected.
                self.connect(event_type, delays);
                break;
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.trace.drops.len() >= self.site.most_drops || self.is_over()
    }

    fn is_over(&self) -> bool {
        self.now >= self.site.duration || self.trace.lines.len() >= MOST_LINES || self.steps >= MOST_STEPS
    }

    pub(super) fn record(&mut self, event: Event) {
        if let Some(event) = super::recorder::recorded(event, self.site.style) {
            self.trace.lines.push(Line { at: self.now, ahead: self.ahead, event });
        }
    }

    /// Tries until a session is accepted; false at the end of the recording.
    fn connect(&mut self, event_type: ConnectKind, delays: bool) -> bool {
        let (first, longest) = self.site.client.backoff;
        let scatter = self.site.client.backoff_scatter;
        let mut delay = first;
        let mut attempt = u32::from(delays);
        loop {
            if delays || attempt > 0 {
                let wait = delay * (1.0 + scatter * self.sampler.uniform(-1.0, 1.0));
                if !self.wait_until(self.now + wait.max(0.02)) {
                    return false;
                }
                delay = (delay * 2.0).min(longest);
            }
            let refusal = self.down.filter(|(_, until, _)| self.now < *until).map(|(.., refusal)| refusal);
            let took = self.connect_time(refusal);
            if !self.wait_until(self.now + took) {
                return false;
            }
            let Some(refusal) = refusal else { break };
            self.record_failure(refusal, attempt, took);
            if self.is_over() {
                return false;
            }
            attempt += 1;
        }
        self.renew_token();
        self.local_port = 32_768 + (self.local_port - 32_767) % 28_000;
        self.record_connect(event_type, attempt, self.local_port);
        true
    }

    fn connect_time(&mut self, refusal: Option<Refusal>) -> f64 {
        let round_trip = self.site.broker.round_trip * self.sampler.uniform(0.9, 1.6);
        match refusal {
            None => 3.0 * round_trip,
            Some(Refusal::Unanswered) => self.sampler.uniform(9.0, 11.0),
            Some(Refusal::NoRoute) => 0.001,
            Some(Refusal::Dns) => self.sampler.uniform(0.02, 5.0),
            Some(_) => round_trip,
        }
    }

    /// Time passes without a session; false at the end of the recording.
    fn wait_until(&mut self, at: f64) -> bool {
        let mut at = at;
        loop {
            let change = self.site.timeline.get(self.next_change).map_or(f64::INFINITY, |(time, _)| *time);
            let pause = self.site.pauses.get(self.next_pause).map_or(f64::INFINITY, |pause| pause.at);
            if change.min(pause).max(self.now) > at {
                break;
            }
            if pause < change {
                let end = self.wake();
                at = at.max(end);
            } else {
                self.now = change.max(self.now);
                self.apply_change();
            }
        }
        if at >= self.site.duration {
            self.now = self.site.duration;
            return false;
        }
        self.now = at.max(self.now);
        true
    }

    /// The pause is over: its end, and what is recorded of it.
    pub(super) fn wake(&mut self) -> f64 {
        let pause = self.site.pauses[self.next_pause];
        self.next_pause += 1;
        self.now = self.now.max(pause.at + pause.secs);
        let system = match pause.kind {
            PauseKind::Stall => None,
            PauseKind::Sleep => {
                Some((SystemSource::Power, format!("this computer slept for {:.0} s", pause.secs.floor())))
            }
            PauseKind::Stopped => Some((
                SystemSource::Resource,
                format!("this process did not run for {:.0} s", pause.secs.floor()),
            )),
        };
        if let Some((source, message)) = system {
            self.record(Event::System { source, message });
        }
        self.now
    }

    /// Applies the next change; true if the client reconnects for it.
    pub(super) fn apply_change(&mut self) -> bool {
        let site = self.site;
        let (_, change) = &site.timeline[self.next_change];
        self.next_change += 1;
        match change {
            Change::KeepAlive(to) => {
                let from = std::mem::replace(&mut self.keep_alive, *to);
                self.record(Event::KeepAliveChanged { from, to: *to });
                return true;
            }
            Change::LocalAddress(address) => self.local.clone_from(address),
            Change::RemoteAddress(address) => self.remote.clone_from(address),
            Change::System(source, message) => {
                self.record(Event::System { source: *source, message: message.clone() });
            }
            Change::ClockStep(secs) => {
                self.ahead += secs;
                let sign = if *secs < 0.0 { '-' } else { '+' };
                let message = format!("wall clock stepped by {sign}{:.1} s", secs.abs());
                self.record(Event::System { source: SystemSource::Clock, message });
            }
            Change::Note(text) => self.record(Event::Note { text: (*text).to_owned() }),
        }
        false
    }

    /// New credentials before a connect, where the site has some.
    fn renew_token(&mut self) {
        let site = self.site;
        for mechanism in &site.mechanisms {
            let Trigger::Expiry { validity, token, .. } = mechanism.trigger else { continue };
            let is_valid = self.token.is_some_and(|expires| expires > self.now + 5.0);
            if is_valid && token == TokenRule::WhenExpired {
                continue;
            }
            // Another part of the client may have got them some time ago.
            let age = match token {
                TokenRule::WhenExpired if self.token.is_none() => self.sampler.uniform(0.0, 0.8) * validity,
                _ => self.sampler.uniform(0.2, 2.5),
            };
            // Expiry times have whole seconds.
            let of_day = site.start_of_day.rem_euclid(super::site::DAY);
            let expires = (self.now - age + validity + of_day).floor() - of_day;
            self.token = Some(expires);
            if let Some(expires_at) = super::recorder::wall_time(site, expires, self.ahead) {
                self.record(Event::Credentials { expires_at });
            }
        }
    }

    /// Time to the next message of a stream after the `sent`th of its group.
    pub(super) fn spacing(&mut self, index: usize, sent: u32) -> f64 {
        use super::site::Spacing;
        let secs = match self.site.streams[index].spacing {
            Spacing::Every(secs, scatter) => secs * (1.0 + scatter * self.sampler.uniform(-1.0, 1.0)),
            Spacing::Groups { count, within, .. } if sent > 0 && sent < count => within,
            Spacing::Poisson(mean) | Spacing::Groups { mean, .. } => self.sampler.exponential(mean),
        };
        secs.max(0.004)
    }

    /// The first time from `at` on at which the stream is active.
    pub(super) fn in_hours(&mut self, index: usize, at: f64) -> f64 {
        let within = super::site::next_within(self.site.streams[index].hours, at, self.site.start_of_day);
        if within > at { within + self.sampler.uniform(0.0, 90.0) } else { at }
    }

    /// Whether a bare recording is written.
    pub(super) fn is_bare(&self) -> bool {
        self.site.style != Style::Full
    }
}
