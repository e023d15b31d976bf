//! The numbers that each mechanism fits, one type per mechanism.
//!
//! Exports hold them as an object of names and numbers (`limit_secs`, booleans as 1.0, what is absent left out).
//! That form is a contract; only the module `named` contains the names.

mod named;

/// The fitted numbers of one pattern.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum FittedParameters {
    /// The pattern has no numbers, or none could be fitted.
    #[default]
    None,
    /// Sessions end at one age.
    FixedLifetime(LifetimeParameters),
    /// Drops follow the wall clock.
    Scheduled(ScheduleParameters),
    /// A silence of a certain length ends the session.
    IdleTimeout(IdleTimeoutParameters),
    /// Two kinds of session, short and long.
    Bursty(BurstParameters),
    /// Sessions end after a number of messages.
    MessageCount(MessageCountParameters),
    /// A burst of messages ends the session.
    MessageRate(MessageRateParameters),
    /// A publish to one topic ends the session.
    PublishTriggered(DelayParameters),
    /// A system event ends the session.
    SystemEvent(DelayParameters),
    /// The session ends when its credentials expire.
    CredentialExpiry(CredentialExpiryParameters),
    /// Another client with the same client id takes the session over.
    ClientIdTakeover(TakeoverParameters),
    /// The broker or the path to it is gone for minutes.
    Outage(OutageParameters),
    /// The broker received nothing from this client for 1.5 keep-alives, or a ping stayed unanswered.
    KeepAliveTimeout(KeepAliveParameters),
}

/// The age at which sessions end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LifetimeParameters {
    /// The age, in seconds.
    pub limit_secs: f64,
    /// Standard deviation around it, in seconds.
    pub spread_secs: f64,
}

/// Period and phase of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduleParameters {
    /// Seconds from one tick to the next.
    pub period_secs: f64,
    /// Unix time of a tick, modulo the period, in seconds.
    pub phase_secs: f64,
    /// Standard deviation around the ticks, in seconds.
    pub spread_secs: f64,
    /// Whether the ticks move by an hour with daylight saving time.
    pub follows_local_time: bool,
}

/// The length of silence that ends a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum IdleTimeoutParameters {
    /// The peer closes when the limit is reached.
    ClosedAtLimit {
        /// The limit, in seconds.
        limit_secs: f64,
        /// Standard deviation around it, in seconds.
        spread_secs: f64,
        /// Which packets the limit waits for.
        direction: SilenceDirection,
    },
    /// The next packet of the client after the silence is lost or reset.
    NoticedAtNextPacket {
        /// The shortest silence that ended a session, in seconds.
        shortest_fatal_silence_secs: f64,
        /// The longest silence below it that a session survived, in seconds.
        longest_survived_silence_secs: Option<f64>,
        /// The hours of the day during which it happens; `None` for all of them.
        hours: Option<ActiveHours>,
    },
}

/// The direction of a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SilenceDirection {
    /// No packet in either direction.
    #[default]
    Either,
    /// No packet from the peer, whatever this client sends.
    FromPeer,
    /// No packet from this client, whatever the peer sends.
    FromClient,
}

/// A part of the day, in hours (UTC, 0 to 24); it may reach over midnight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActiveHours {
    /// Its start.
    pub from: f64,
    /// Its end; below the start where it reaches over midnight.
    pub to: f64,
}

impl ActiveHours {
    /// The shortest part of a day around some hours, in whole hours; `None` if they are all over the day.
    pub fn around(hours: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut hours: Vec<f64> = hours.into_iter().map(|hour| hour.rem_euclid(24.0)).collect();
        hours.sort_unstable_by(f64::total_cmp);
        let (first, last) = (*hours.first()?, *hours.last()?);
        // The longest pause between two of them is outside.
        let mut widest = (first + 24.0 - last, last, first);
        for (one, other) in hours.iter().zip(hours.iter().skip(1)) {
            if other - one > widest.0 {
                widest = (other - one, *one, *other);
            }
        }
        // Whole hours must not close the pause.
        (widest.0 >= 2.0)
            .then(|| Self { from: widest.2.floor(), to: (widest.1 + 1e-9).ceil().rem_euclid(24.0) })
    }

    /// Its length in hours.
    pub fn length(self) -> f64 {
        let length = (self.to - self.from).rem_euclid(24.0);
        if length > 0.0 { length } else { 24.0 }
    }

    /// Whether an hour lies within.
    pub fn contains(self, hour: f64) -> bool {
        (hour - self.from).rem_euclid(24.0) <= self.length()
    }
}

/// Mean lengths of the two kinds of session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BurstParameters {
    /// Sessions within a burst of drops, in seconds.
    pub short_life_secs: f64,
    /// All other sessions, in seconds.
    pub long_life_secs: f64,
}

/// The number of messages after which sessions end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MessageCountParameters {
    /// Which messages count.
    pub scope: MessageScope,
    /// The number.
    pub limit: f64,
    /// Standard deviation around it, in messages.
    pub spread_messages: f64,
}

/// Which messages count towards a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageScope {
    /// Messages that this client published.
    Published,
    /// Messages in both directions.
    All,
}

/// The burst of own messages that ends a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MessageRateParameters {
    /// Its least size, in messages.
    pub burst_messages: f64,
}

/// How long the drop follows what causes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayParameters {
    /// The delay, in seconds.
    pub delay_secs: f64,
}

/// Which credentials count, and how long after their expiry the session ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CredentialExpiryParameters {
    /// From the expiry to the drop, in seconds.
    pub delay_secs: f64,
    /// Whose expiry it is.
    pub anchor: ExpiryAnchor,
}

/// The credentials whose expiry ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryAnchor {
    /// Those the session connected with: a later renewal does not save it.
    UsedAtConnect,
    /// The newest ones: a renewal moves the limit.
    Newest,
}

/// How a takeover shows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TakeoverParameters {
    /// Typical length of a session before the other client returns, in seconds.
    pub typical_life_secs: Option<f64>,
    /// Whether the broker sent reason code 0x8E (session taken over).
    pub is_named_by_broker: bool,
    /// Whether sessions with a fresh client id stayed up where several takeovers were due.
    pub is_shown_by_fresh_id: bool,
}

/// Outages, counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutageParameters {
    /// The longest time to reconnect, in seconds.
    pub longest_outage_secs: f64,
    /// Number of outages of minutes or more.
    pub outages: f64,
}

/// Which side noticed the silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeepAliveParameters {
    /// The broker closed after 1.5 keep-alives without a packet of the client.
    ClosedByBroker {
        /// Time without a packet of the client, in keep-alives.
        silence_in_keep_alives: Option<f64>,
        /// Whether the broker sent reason code 0x8D (keep-alive timeout).
        is_named_by_broker: bool,
    },
    /// A PINGREQ was not answered.
    PingUnanswered {
        /// Drops before which the peer sent something after that ping.
        heard_after_the_ping: f64,
    },
}

impl FittedParameters {
    /// The lifetime or idle limit, in seconds; where an idle limit is known only from above, the shortest silence
    /// that ended a session.
    pub fn limit_secs(&self) -> Option<f64> {
        match *self {
            Self::FixedLifetime(LifetimeParameters { limit_secs, .. })
            | Self::IdleTimeout(IdleTimeoutParameters::ClosedAtLimit { limit_secs, .. }) => Some(limit_secs),
            Self::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket {
                shortest_fatal_silence_secs,
                ..
            }) => Some(shortest_fatal_silence_secs),
            _ => None,
        }
    }

    /// The period of a schedule, in seconds.
    pub fn period_secs(&self) -> Option<f64> {
        match self {
            Self::Scheduled(schedule) => Some(schedule.period_secs),
            _ => None,
        }
    }

    /// Whether an MQTT 5 reason code of the broker names the pattern.
    pub fn is_named_by_broker(&self) -> bool {
        match self {
            Self::ClientIdTakeover(takeover) => takeover.is_named_by_broker,
            Self::KeepAliveTimeout(KeepAliveParameters::ClosedByBroker { is_named_by_broker, .. }) => {
                *is_named_by_broker
            }
            _ => false,
        }
    }
}
