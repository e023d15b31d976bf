//! The options of the command line, the environment and the file.
//!
//! Each option is declared once: the flag, the `DROPSCOPE_…` variable and the key in the file carry the
//! same name (`cli` derives the variable). Options that are not given stay empty here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::BrokerUrl;
use super::device_options::{CommandOptions, DeviceOptions};
use super::values::{AttemptLimit, HumanDuration, KeepAlive, PingPolicyOption};
use crate::diagnostics::VersionChoice;
use crate::exit::FailOn;

/// The options of one source.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[group(skip)]
pub struct Options {
    /// Login and address of the broker.
    #[command(flatten)]
    pub broker: ConnectionOptions,
    /// The MQTT session.
    #[command(flatten)]
    pub mqtt: MqttOptions,
    /// TLS, for mqtts:// and wss://.
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Reconnecting.
    #[command(flatten)]
    pub reconnect: ReconnectOptions,
    /// Recording.
    #[command(flatten)]
    pub record: RecordOptions,
    /// Export.
    #[command(flatten)]
    pub export: ExportOutputOptions,
    /// Run.
    #[command(flatten)]
    pub run: RunOptions,
    /// Screen.
    #[command(flatten)]
    pub screen: ScreenOptions,
    /// Log.
    #[command(flatten)]
    pub log: LogOptions,
    /// Keys of the screen by action, in the file only.
    #[arg(skip)]
    pub keys: BTreeMap<String, Vec<String>>,
    /// The device behind the broker, in the file only.
    #[arg(skip)]
    pub device: DeviceOptions,
    /// Its commands, in the file only.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<CommandOptions>,
}

impl Options {
    /// These options; those that are not set come from `lower`.
    #[must_use]
    pub fn with_fallback(self, lower: Self) -> Self {
        let mut keys = lower.keys;
        keys.extend(self.keys);
        Self {
            broker: self.broker.with_fallback(lower.broker),
            mqtt: self.mqtt.with_fallback(lower.mqtt),
            tls: self.tls.with_fallback(lower.tls),
            reconnect: self.reconnect.with_fallback(lower.reconnect),
            record: self.record.with_fallback(lower.record),
            export: self.export.with_fallback(lower.export),
            run: self.run.with_fallback(lower.run),
            screen: self.screen.with_fallback(lower.screen),
            log: self.log.with_fallback(lower.log),
            keys,
            device: if self.device == DeviceOptions::default() { lower.device } else { self.device },
            command: if self.command.is_empty() { lower.command } else { self.command },
        }
    }
}

/// `with_fallback` for a group of options.
macro_rules! layered {
    ($group:ident: $($field:ident),*) => {
        impl $group {
            fn with_fallback(self, lower: Self) -> Self {
                Self { $($field: self.$field.or(lower.$field)),* }
            }
        }
    };
}

layered!(ConnectionOptions: url, client_id, username, password_file, ipv4, ipv6, tcp_keep_alive);
layered!(MqttOptions: mqtt_version, keep_alive, ping_timeout, ping_policy, no_clean_session, topic, qos, command_queue, quiet_link);
layered!(TlsOptions: cafile, cert, key, servername, alpn);
layered!(ReconnectOptions: initial_reconnect_delay, max_reconnect_delay, deep_reconnect_threshold, max_reconnect_attempts, planned_reconnect, planned_margin);
layered!(RecordOptions: record, no_record, record_size, record_files);
layered!(ExportOutputOptions: export_dir, export_file, export_every, no_redact);
layered!(RunOptions: headless, json, duration, fail_on, max_events);
layered!(ScreenOptions: no_color, ascii, no_mouse);

/// Who to connect as, and how to get there.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Who to connect as, and how to get there")]
#[group(skip)]
pub struct ConnectionOptions {
    /// Broker URL, when the command line has none.
    #[arg(skip)]
    pub url: Option<BrokerUrl>,
    /// MQTT client id [default: dropscope- and 8 random hex digits]
    ///
    /// Two programs with one client id drop each other in turns.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// User name
    ///
    /// The password comes from `DROPSCOPE_PASSWORD`, from --password-file or from the URL. It has no flag, because every user of the computer could read it.
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Use IPv4 addresses only
    #[arg(long, overrides_with = "ipv6")]
    pub ipv4: Option<bool>,
    /// Use IPv6 addresses only
    #[arg(long, overrides_with = "ipv4")]
    pub ipv6: Option<bool>,
    /// Send TCP keep-alive probes after this much silence [default: off]
    ///
    /// Off, because it would hide NAT timeouts. Plain numbers are seconds; 0 = off.
    #[arg(long, value_name = "TIME")]
    pub tcp_keep_alive: Option<HumanDuration>,
}

/// The MQTT session.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "The MQTT session")]
#[group(skip)]
pub struct MqttOptions {
    /// Protocol version [default: auto]
    #[arg(long, value_name = "VERSION")]
    pub mqtt_version: Option<VersionChoice>,
    /// Keep-alive in seconds, 0 = off, at most 65535 [default: 60]
    #[arg(long, short = 'k', value_name = "SECONDS")]
    pub keep_alive: Option<KeepAlive>,
    /// How long to wait for a PINGRESP before the session counts as dead [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub ping_timeout: Option<HumanDuration>,
    /// When to send a PINGREQ [default: always]
    #[arg(long, value_name = "WHEN")]
    pub ping_policy: Option<PingPolicyOption>,
    /// Ask the broker to keep the session between connects
    ///
    /// Needs a --client-id, or the broker keeps a session that is never resumed.
    #[arg(long)]
    pub no_clean_session: Option<bool>,
    /// Topic filter to subscribe to; may be repeated [default: none]
    #[arg(long, short = 't', value_name = "FILTER")]
    pub topic: Option<Vec<String>>,
    /// Quality of service of the subscriptions, 0 or 1 [default: 0]
    #[arg(long, short = 'q', value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1))]
    pub qos: Option<u8>,
    /// Publishes kept while there is no connection, 1 to 100000 [default: 200]
    #[arg(long, value_name = "COUNT")]
    pub command_queue: Option<usize>,
    /// Send nothing to the device automatically, so that an idle connection stays idle
    #[arg(long)]
    pub quiet_link: Option<bool>,
}

/// TLS, for mqtts:// and wss://.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "TLS, for mqtts:// and wss://")]
#[group(skip)]
pub struct TlsOptions {
    /// PEM file with the accepted certificate authorities [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub cafile: Option<PathBuf>,
    /// PEM file with the client certificate chain; needs --key
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// PEM file with the private key of the client; needs --cert
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Server name for SNI and for the certificate check [default: the host of the URL]
    #[arg(long, value_name = "NAME")]
    pub servername: Option<String>,
    /// ALPN protocol to offer, for example x-amzn-mqtt-ca; may be repeated [default: none]
    #[arg(long, value_name = "PROTOCOL")]
    pub alpn: Option<Vec<String>>,
}

/// Reconnecting.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Reconnecting")]
#[group(skip)]
pub struct ReconnectOptions {
    /// Delay before the first reconnect attempt; it doubles with each failure [default: 0.5s]
    #[arg(long, value_name = "TIME")]
    pub initial_reconnect_delay: Option<HumanDuration>,
    /// Longest delay between two attempts [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub max_reconnect_delay: Option<HumanDuration>,
    /// Failed attempts between two complete rebuilds of addresses, credentials and state [default: 5]
    #[arg(long, value_name = "COUNT")]
    pub deep_reconnect_threshold: Option<u32>,
    /// Attempts per outage before giving up; -1 = no limit [default: -1]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub max_reconnect_attempts: Option<AttemptLimit>,
    /// Reconnect before credentials expire or AWS's 24 h limit for wss:// ends
    ///
    /// It does not count as a drop. Off, because it hides drops that other clients see. Only `wss://` at AWS IoT has
    /// such a limit.
    #[arg(long)]
    pub planned_reconnect: Option<bool>,
    /// How long before the limit [default: a tenth of the available time, at most 10m]
    #[arg(long, value_name = "TIME")]
    pub planned_margin: Option<HumanDuration>,
}

/// Recording.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Recording")]
#[group(skip)]
pub struct RecordOptions {
    /// Record to this file [default: a new file in the state directory]
    #[arg(long, value_name = "FILE", overrides_with = "no_record")]
    pub record: Option<PathBuf>,
    /// Do not record
    #[arg(long, overrides_with = "record")]
    pub no_record: Option<bool>,
    /// Start a new recording file at this size in MiB, 1 to 65536 [default: 64]
    #[arg(long, value_name = "MIB")]
    pub record_size: Option<u64>,
    /// Recording files kept per run, 1 to 1000 [default: 8]
    #[arg(long, value_name = "COUNT")]
    pub record_files: Option<usize>,
}

/// Export.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Export")]
#[group(skip)]
pub struct ExportOutputOptions {
    /// Directory for exports and reports [default: exports in the state directory]
    #[arg(long, value_name = "DIR")]
    pub export_dir: Option<PathBuf>,
    /// Write each JSON export to this file, replacing the one before
    #[arg(long, value_name = "FILE")]
    pub export_file: Option<PathBuf>,
    /// Interval of automatic exports; 0 = only on request and at the end [default: 0, with --export-file 5m]
    #[arg(long, value_name = "TIME")]
    pub export_every: Option<HumanDuration>,
    /// Leave names, ids and addresses readable in exports and reports
    #[arg(long)]
    pub no_redact: Option<bool>,
}

/// Run.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Run")]
#[group(skip)]
pub struct RunOptions {
    /// No screen; write one line per event to standard error
    ///
    /// The default when standard output is not a terminal.
    #[arg(long)]
    pub headless: Option<bool>,
    /// Write the recording to standard output, one JSON object per line; implies --headless
    #[arg(long)]
    pub json: Option<bool>,
    /// Stop after this time, for example 24h [default: never]
    #[arg(long, value_name = "TIME")]
    pub duration: Option<HumanDuration>,
    /// Exit with code 5 if this condition is met; may be repeated
    ///
    /// Conditions: drops>0, drops>=3, availability<99.9 (percent), mttr>5s, mtbf<1h.
    #[arg(long, value_name = "CONDITION", value_delimiter = ',')]
    pub fail_on: Option<Vec<FailOn>>,
    /// Drops, sessions and log entries kept in memory, each, 1 to 1000000 [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub max_events: Option<usize>,
}

/// Screen.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Screen")]
#[group(skip)]
pub struct ScreenOptions {
    /// Disable colors (`NO_COLOR` does the same)
    #[arg(long)]
    pub no_color: Option<bool>,
    /// Draw with ASCII characters only [default: from the locale]
    #[arg(long)]
    pub ascii: Option<bool>,
    /// Do not capture the mouse
    #[arg(long)]
    pub no_mouse: Option<bool>,
}

/// Log.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Log")]
#[group(skip)]
pub struct LogOptions {
    /// The program's own log [default: dropscope.log in the state directory]
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// More detail in the log and in headless lines: -v every event, -vv program internals
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl LogOptions {
    fn with_fallback(self, lower: Self) -> Self {
        let verbose = if self.verbose > 0 { self.verbose } else { lower.verbose };
        Self { log_file: self.log_file.or(lower.log_file), verbose }
    }
}
