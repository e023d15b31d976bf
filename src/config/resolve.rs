//! What do all sources together mean?

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::device_options::DeviceOptions;
use super::options::{MqttOptions, ReconnectOptions, TlsOptions};
use super::settings::{ExportSettings, RecordingPlace, RecordingSettings, RunSettings, Settings, UiSettings};
use super::validate as check;
use super::{BrokerUrl, ConfigError, Directories, Options, ParsedUrl, Profile, Span, TEMPLATE};
use crate::diagnostics::NameMask;
use crate::diagnostics::aws_limits::{AWS_WEBSOCKET_LIMIT, is_aws};
use crate::logging::{LogSettings, Verbosity};
use crate::mqtt::PlannedReconnect;
use crate::mqtt::settings::{
    AddressFamily, BrokerAddress, LinkSettings, TlsSettings, Transport, VersionChoice,
};

/// How often `--export-file` is refreshed when nothing else is said.
const EXPORT_FILE_EVERY: Duration = Duration::from_secs(300);
const MEBIBYTE: u64 = 1024 * 1024;

/// What the settings depend on beside the options.
pub struct Surroundings<'a> {
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// The places of this user.
    pub directories: Directories,
    /// Any number; makes the generated client id unique.
    pub random: u32,
}

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The broker of the URL.
    Broker,
    /// A broker inside the program: its address is filled in when it listens, and what the
    /// configuration says about the user's own broker (credentials, TLS) does not apply.
    Embedded(Embedded),
    /// A device cloud that is signed in to: its address is filled in by the caller. User name and password
    /// are the account's, not the broker's, and the file's own broker is another one.
    Cloud(Cloud),
}

/// How a device cloud is reached, unless this run was told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloud {
    /// What a generated client id begins with.
    pub id_prefix: &'static str,
    /// Everything else.
    pub profile: Profile,
}

/// How a broker inside the program is reached, unless this run was told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedded {
    /// How to get there.
    pub transport: Transport,
    /// Which protocol to speak.
    pub version: VersionChoice,
    /// Keep-alive in seconds.
    pub keep_alive_secs: u16,
    /// How long to wait for a PINGRESP.
    pub ping_timeout: Duration,
}

/// Merges and validates: `said` (flags and environment) before `file` before the defaults.
///
/// # Errors
///
/// The first rule that is broken, as one sentence.
pub fn resolve(
    said: Options,
    file: Options,
    target: Target,
    surroundings: &Surroundings<'_>,
) -> Result<Settings, ConfigError> {
    let mut file = file;
    if target != Target::Broker {
        // The file is about the user's own broker.
        file.mqtt = MqttOptions::default();
        file.reconnect = ReconnectOptions::default();
        (file.device, file.command) = (DeviceOptions::default(), Vec::new());
    }
    if matches!(target, Target::Cloud(_)) {
        file.broker.client_id = None;
        file.tls = TlsOptions::default();
    }
    let broker = broker(&said, &file, target, surroundings)?;
    let said_tls = said.tls.clone();
    let options = merge(said, file);
    check::files(&options)?;
    let link = link(&options, broker, target, surroundings)?;
    if !matches!(target, Target::Embedded(_)) {
        check::certificate(&options.tls)?;
        check::tls_has_effect(&said_tls, &link)?;
    }
    Ok(Settings {
        link,
        device: super::device::device(&options.device, &options.command)
            .map_err(|mistake| ConfigError::Command(mistake.why))?,
        quiet_link: options.mqtt.quiet_link.unwrap_or(false),
        recording: recording(&options, &surroundings.directories)?,
        export: export(&options, &surroundings.directories)?,
        run: run(&options, surroundings)?,
        ui: ui(&options, surroundings),
        log: log(&options, &surroundings.directories),
        disguise: NameMask::default(),
    })
}

/// The configuration in force as a file, without secrets: what was said, and the defaults for the rest.
///
/// # Errors
///
/// If the built-in sample file is not valid (a test keeps it so).
pub fn effective(said: Options, file: Options) -> Result<String, ConfigError> {
    let defaults = super::file::parse(TEMPLATE, Path::new("(sample)"))?;
    toml::to_string(&merge(said, file).over(defaults)).map_err(|error| ConfigError::FileInvalid {
        file: PathBuf::from("(effective)"),
        line: 0,
        why: error.to_string(),
    })
}

/// `said` over `file`, where one option said takes the place of its opposite in the file.
fn merge(said: Options, mut file: Options) -> Options {
    if said.broker.ipv4.is_some() || said.broker.ipv6.is_some() {
        (file.broker.ipv4, file.broker.ipv6) = (None, None);
    }
    if said.record.record.is_some() || said.record.no_record.is_some() {
        (file.record.record, file.record.no_record) = (None, None);
    }
    said.over(file)
}

struct Broker {
    address: BrokerAddress,
    username: Option<String>,
    password: Option<SecretString>,
}

fn broker(
    said: &Options,
    file: &Options,
    target: Target,
    surroundings: &Surroundings<'_>,
) -> Result<Broker, ConfigError> {
    let inside = match target {
        Target::Embedded(embedded) => Some((embedded.transport, "127.0.0.1")),
        // No address, so that any family will do until there is one.
        Target::Cloud(_) => Some((Transport::Wss, "cloud.invalid")),
        Target::Broker => None,
    };
    if let Some((transport, host)) = inside {
        let address = BrokerAddress { transport, host: host.into(), port: 0, path: "/mqtt".into() };
        return Ok(Broker { address, username: None, password: None });
    }
    let said_url = said.broker.url.as_ref().map(BrokerUrl::parse).transpose()?;
    let file_url = file.broker.url.as_ref().map(BrokerUrl::parse).transpose()?;
    // A user of the file's URL belongs to the file's broker, not to one named on the command line.
    let file_url = if said_url.is_some() { None } else { file_url };
    let address = said_url.as_ref().or(file_url.as_ref()).map(|url| url.address.clone());
    let name_in = |url: &Option<ParsedUrl>| url.as_ref().and_then(|url| url.username.clone());
    let username = said
        .broker
        .username
        .clone()
        .or_else(|| name_in(&said_url))
        .or_else(|| file.broker.username.clone())
        .or_else(|| name_in(&file_url));
    let password = password(said, file, said_url.as_ref(), file_url.as_ref(), surroundings)?;
    Ok(Broker { address: address.ok_or(ConfigError::NoBroker)?, username, password })
}

/// Flag, then URL, then environment, then file: the nearer to this run, the better.
fn password(
    said: &Options,
    file: &Options,
    said_url: Option<&ParsedUrl>,
    file_url: Option<&ParsedUrl>,
    surroundings: &Surroundings<'_>,
) -> Result<Option<SecretString>, ConfigError> {
    if let Some(path) = &said.broker.password_file {
        return password_from(path).map(Some);
    }
    if let Some(password) = said_url.and_then(|url| url.password.clone()) {
        return Ok(Some(password));
    }
    if let Some(password) = (surroundings.variable)("DROPSCOPE_PASSWORD").filter(|text| !text.is_empty()) {
        return Ok(Some(SecretString::from(password)));
    }
    if let Some(path) = &file.broker.password_file {
        return password_from(path).map(Some);
    }
    Ok(file_url.and_then(|url| url.password.clone()))
}

/// The first line of a password file.
///
/// # Errors
///
/// When it cannot be read, or is empty.
pub fn password_from(path: &Path) -> Result<SecretString, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|error| ConfigError::PasswordFile(path.to_owned(), error.to_string()))?;
    let line = text.lines().next().unwrap_or("");
    if line.is_empty() {
        return Err(ConfigError::EmptyPasswordFile(path.to_owned()));
    }
    Ok(SecretString::from(line))
}

fn link(
    options: &Options,
    broker: Broker,
    target: Target,
    surroundings: &Surroundings<'_>,
) -> Result<LinkSettings, ConfigError> {
    let own_id = options.broker.client_id.clone();
    check::session(options.mqtt.no_clean_session == Some(true), own_id.is_some())?;
    let prefix = if let Target::Cloud(cloud) = target { cloud.id_prefix } else { "dropscope-" };
    let id = own_id.unwrap_or_else(|| format!("{prefix}{:08x}", surroundings.random));
    check::client_id(&id)?;
    let mut link = LinkSettings::new(broker.address, id);
    if let Target::Embedded(embedded) = target {
        link.keep_alive_secs = embedded.keep_alive_secs;
        link.ping_timeout = embedded.ping_timeout;
        link.version = embedded.version;
    }
    if let Target::Cloud(cloud) = target {
        cloud.profile.apply(&mut link);
    }
    link.username = broker.username;
    link.password = broker.password;
    check::credentials(&link)?;
    link.family = family(options)?;
    check::family(&link)?;
    link.tcp_keep_alive = options.broker.tcp_keep_alive.map(|Span(time)| time).filter(|time| !time.is_zero());
    if !matches!(target, Target::Embedded(_)) {
        link.tls = tls(options)?;
    }
    mqtt(options, &mut link)?;
    reconnect(options, &mut link)?;
    Ok(link)
}

fn family(options: &Options) -> Result<AddressFamily, ConfigError> {
    match (options.broker.ipv4.unwrap_or(false), options.broker.ipv6.unwrap_or(false)) {
        (true, true) => Err(ConfigError::BothFamilies),
        (true, false) => Ok(AddressFamily::V4),
        (false, true) => Ok(AddressFamily::V6),
        (false, false) => Ok(AddressFamily::Any),
    }
}

fn tls(options: &Options) -> Result<TlsSettings, ConfigError> {
    let alpn = options.tls.alpn.clone().unwrap_or_default();
    check::alpn(&alpn)?;
    Ok(TlsSettings {
        ca_file: options.tls.cafile.clone(),
        certificate: options.tls.cert.clone(),
        private_key: options.tls.key.clone(),
        alpn,
        server_name: options.tls.servername.clone(),
    })
}

fn mqtt(options: &Options, link: &mut LinkSettings) -> Result<(), ConfigError> {
    let said = &options.mqtt;
    set(&mut link.version, said.mqtt_version.map(Into::into));
    set(&mut link.keep_alive_secs, said.keep_alive.map(|keep_alive| keep_alive.0));
    set(&mut link.ping_timeout, said.ping_timeout.map(|Span(time)| time));
    check::ping_timeout(link.ping_timeout)?;
    set(&mut link.ping_policy, said.ping_policy.map(Into::into));
    set(&mut link.clean_session, said.no_clean_session.map(|keeps| !keeps));
    let qos = check::qos(said.qos.unwrap_or(0))?;
    for filter in said.topic.iter().flatten() {
        check::topic_filter(filter)?;
        link.subscriptions.push((filter.clone(), qos));
    }
    set(&mut link.queue.capacity, said.command_queue);
    check::in_range("command-queue", link.queue.capacity as u64, 1, 100_000)
}

fn reconnect(options: &Options, link: &mut LinkSettings) -> Result<(), ConfigError> {
    let said = &options.reconnect;
    set(&mut link.backoff.initial, said.initial_reconnect_delay.map(|Span(time)| time));
    set(&mut link.backoff.max, said.max_reconnect_delay.map(|Span(time)| time));
    set(&mut link.backoff.deep_threshold, said.deep_reconnect_threshold);
    set(&mut link.backoff.max_attempts, said.max_reconnect_attempts.map(|attempts| attempts.0));
    let margin = said.planned_margin.map(|Span(time)| time);
    check::planned_margin(margin)?;
    if said.planned_reconnect.unwrap_or(false) {
        let broker = &link.broker;
        let is_limited = broker.transport.is_websocket() && is_aws(&broker.host);
        let websocket_limit = is_limited.then_some(AWS_WEBSOCKET_LIMIT);
        link.planned_reconnect = Some(PlannedReconnect { margin, websocket_limit });
    }
    check::backoff(&link.backoff)
}

fn set<T>(default: &mut T, said: Option<T>) {
    if let Some(value) = said {
        *default = value;
    }
}

fn recording(options: &Options, directories: &Directories) -> Result<RecordingSettings, ConfigError> {
    let said = &options.record;
    let (size, max_files) = (said.record_size.unwrap_or(64), said.record_files.unwrap_or(8));
    check::in_range("record-size", size, 1, 65_536)?;
    check::in_range("record-files", max_files as u64, 1, 1_000)?;
    let place = match (&said.record, said.no_record.unwrap_or(false)) {
        (Some(_), true) => return Err(ConfigError::RecordOrNot),
        (Some(path), false) => RecordingPlace::File(path.clone()),
        (None, true) => RecordingPlace::Off,
        (None, false) => RecordingPlace::Directory(directories.recordings()),
    };
    Ok(RecordingSettings { place, max_bytes: size * MEBIBYTE, max_files })
}

fn export(options: &Options, directories: &Directories) -> Result<ExportSettings, ConfigError> {
    let said = &options.export;
    let file = said.export_file.clone();
    let default = file.is_some().then_some(EXPORT_FILE_EVERY);
    let every = said.export_every.map_or(default, |Span(time)| (!time.is_zero()).then_some(time));
    every.map_or(Ok(()), check::export_every)?;
    Ok(ExportSettings {
        dir: said.export_dir.clone().unwrap_or_else(|| directories.exports()),
        file,
        every,
        redact: !said.no_redact.unwrap_or(false),
    })
}

fn run(options: &Options, surroundings: &Surroundings<'_>) -> Result<RunSettings, ConfigError> {
    let said = &options.run;
    let duration = said.duration.map(|Span(time)| time);
    check::duration(duration)?;
    let max_events = said.max_events.unwrap_or(1_000);
    check::in_range("max-events", max_events as u64, 1, 1_000_000)?;
    let json = said.json.unwrap_or(false);
    Ok(RunSettings {
        headless: json || said.headless.unwrap_or(false) || !surroundings.is_terminal,
        json,
        duration,
        fail_on: said.fail_on.clone().unwrap_or_default(),
        max_events,
    })
}

fn ui(options: &Options, surroundings: &Surroundings<'_>) -> UiSettings {
    let said = &options.screen;
    let variable = |name| (surroundings.variable)(name).filter(|value| !value.is_empty());
    UiSettings {
        no_color: said.no_color.unwrap_or_else(|| variable("NO_COLOR").is_some()),
        ascii: said.ascii.unwrap_or_else(|| is_ascii_terminal(variable)),
        mouse: !said.no_mouse.unwrap_or(false),
        keys: options.keys.clone(),
    }
}

/// Whether the locale was set to something other than UTF-8, or the terminal is a bare one.
fn is_ascii_terminal(variable: impl Fn(&'static str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&variable);
    let is_utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    !is_utf8 || variable("TERM").is_some_and(|term| term == "dumb")
}

fn log(options: &Options, directories: &Directories) -> LogSettings {
    let verbosity = match options.log.verbose {
        0 => Verbosity::Normal,
        1 => Verbosity::Verbose,
        _ => Verbosity::Trace,
    };
    LogSettings { file: options.log.log_file.clone().unwrap_or_else(|| directories.log_file()), verbosity }
}
