//! Merging and validating all sources of options.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::environment as names;
use super::settings::{
    ExportSettings, RecordingDestination, RecordingSettings, ResolvedSettings, RunSettings, UiSettings,
};
use super::validate as check;
use super::{
    BrokerUrl, ConfigError, ConnectionTarget, Directories, HumanDuration, Options, ParsedUrl, TEMPLATE,
};
use crate::diagnostics::aws_limits::{AWS_WEBSOCKET_LIMIT, is_aws};
use crate::diagnostics::{Diagnostics, NameMask};
use crate::logging::{LogSettings, Verbosity};
use crate::mqtt::PlannedReconnect;
use crate::mqtt::settings::{AddressFamily, BrokerAddress, LinkSettings, TlsSettings};

/// Default interval at which `--export-file` is replaced.
const EXPORT_FILE_EVERY: Duration = Duration::from_secs(300);
/// Default of `--record-size`.
const RECORD_SIZE_MIB: u64 = 64;
/// Default of `--record-files`.
const RECORD_FILES: usize = 8;
const MEBIBYTE: u64 = 1024 * 1024;

/// Inputs of the settings besides the options.
pub struct Environment<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// The directories of this user.
    pub directories: Directories,
    /// A random number that makes the generated client id unique.
    pub random: u32,
}

/// Merges and validates: `args` (flags and environment) precede `file`, which precedes the defaults.
///
/// # Errors
///
/// The first violated rule, as one sentence.
pub fn resolve(
    args: Options,
    mut file: Options,
    target: ConnectionTarget,
    environment: &Environment<'_>,
) -> Result<ResolvedSettings, ConfigError> {
    for part in target.ignored_parts {
        part.remove_from(&mut file);
    }
    let broker = broker(&args, &file, &target, environment)?;
    let args_tls = args.tls.clone();
    let options = merge(args, file);
    check::files(&options)?;
    let link = link(&options, broker, &target, environment)?;
    if target.has_tls_options {
        check::certificate(&options.tls)?;
        check::tls_has_effect(&args_tls, &link)?;
    }
    Ok(ResolvedSettings {
        link,
        device: super::device::device(&options.device, &options.command)
            .map_err(|error| ConfigError::Command(error.message))?,
        quiet_link: options.mqtt.quiet_link.unwrap_or(false),
        recording: recording(&options, &environment.directories)?,
        export: export(&options, &environment.directories)?,
        run: run(&options, environment)?,
        ui: ui(&options, environment),
        log: log(&options, &environment.directories),
        name_mask: NameMask::default(),
    })
}

/// The effective configuration as a file, without secrets: the given options, and the defaults for the rest.
///
/// # Errors
///
/// If the built-in sample file is not valid (a test checks that it is).
pub fn effective(args: Options, file: Options) -> Result<String, ConfigError> {
    let defaults = super::file::parse(TEMPLATE, Path::new("(sample)"))?;
    toml::to_string(&merge(args, file).with_fallback(defaults)).map_err(|error| ConfigError::FileInvalid {
        file: PathBuf::from("(effective)"),
        line: 0,
        why: error.to_string(),
    })
}

/// `args` before `file`; an option replaces its opposite in the file.
fn merge(args: Options, mut file: Options) -> Options {
    if args.broker.ipv4.is_some() || args.broker.ipv6.is_some() {
        (file.broker.ipv4, file.broker.ipv6) = (None, None);
    }
    if args.record.record.is_some() || args.record.no_record.is_some() {
        (file.record.record, file.record.no_record) = (None, None);
    }
    args.with_fallback(file)
}

struct ResolvedBroker {
    address: BrokerAddress,
    username: Option<String>,
    password: Option<SecretString>,
}

fn broker(
    args: &Options,
    file: &Options,
    target: &ConnectionTarget,
    environment: &Environment<'_>,
) -> Result<ResolvedBroker, ConfigError> {
    if let Some(address) = target.placeholder_address() {
        return Ok(ResolvedBroker { address, username: None, password: None });
    }
    let args_url = args.broker.url.as_ref().map(BrokerUrl::parse).transpose()?;
    let file_url = file.broker.url.as_ref().map(BrokerUrl::parse).transpose()?;
    // The user of the file's URL belongs to the file's broker, not to a broker of the command line.
    let file_url = if args_url.is_some() { None } else { file_url };
    let address = args_url.as_ref().or(file_url.as_ref()).map(|url| url.address.clone());
    let username_in = |url: &Option<ParsedUrl>| url.as_ref().and_then(|url| url.username.clone());
    let username = args
        .broker
        .username
        .clone()
        .or_else(|| username_in(&args_url))
        .or_else(|| file.broker.username.clone())
        .or_else(|| username_in(&file_url));
    let password = password(args, file, args_url.as_ref(), file_url.as_ref(), environment)?;
    Ok(ResolvedBroker { address: address.ok_or(ConfigError::NoBroker)?, username, password })
}

/// Precedence: flag, URL, environment, file.
fn password(
    args: &Options,
    file: &Options,
    args_url: Option<&ParsedUrl>,
    file_url: Option<&ParsedUrl>,
    environment: &Environment<'_>,
) -> Result<Option<SecretString>, ConfigError> {
    if let Some(path) = &args.broker.password_file {
        return read_password_file(path).map(Some);
    }
    if let Some(password) = args_url.and_then(|url| url.password.clone()) {
        return Ok(Some(password));
    }
    if let Some(password) = (environment.variable)(names::PASSWORD).filter(|text| !text.is_empty()) {
        return Ok(Some(SecretString::from(password)));
    }
    if let Some(path) = &file.broker.password_file {
        return read_password_file(path).map(Some);
    }
    Ok(file_url.and_then(|url| url.password.clone()))
}

/// The first line of a password file.
///
/// # Errors
///
/// If it cannot be read or is empty.
pub fn read_password_file(path: &Path) -> Result<SecretString, ConfigError> {
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
    broker: ResolvedBroker,
    target: &ConnectionTarget,
    environment: &Environment<'_>,
) -> Result<LinkSettings, ConfigError> {
    let own_id = options.broker.client_id.clone();
    check::session(options.mqtt.no_clean_session == Some(true), own_id.is_some())?;
    let prefix = own_id.is_none().then(|| target.client_id_prefix.to_owned());
    let id = own_id.unwrap_or_else(|| format!("{}{:08x}", target.client_id_prefix, environment.random));
    check::client_id(&id)?;
    let mut link = LinkSettings::new(broker.address, id);
    link.client_id_prefix = prefix;
    target.defaults.apply(&mut link);
    link.username = broker.username;
    link.password = broker.password;
    check::credentials(&link)?;
    link.family = family(options)?;
    check::family(&link)?;
    link.tcp_keep_alive =
        options.broker.tcp_keep_alive.map(|HumanDuration(time)| time).filter(|time| !time.is_zero());
    if target.has_tls_options {
        link.tls = tls(options)?;
    }
    mqtt(options, &mut link)?;
    reconnect(options, &mut link)?;
    Ok(link)
}

fn family(options: &Options) -> Result<AddressFamily, ConfigError> {
    match (options.broker.ipv4.unwrap_or(false), options.broker.ipv6.unwrap_or(false)) {
        (true, true) => Err(ConfigError::ConflictingFamilies),
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
    let mqtt_options = &options.mqtt;
    set_if_some(&mut link.version, mqtt_options.mqtt_version);
    set_if_some(&mut link.keep_alive_secs, mqtt_options.keep_alive.map(|keep_alive| keep_alive.0));
    set_if_some(&mut link.ping_timeout, mqtt_options.ping_timeout.map(|HumanDuration(time)| time));
    check::ping_timeout(link.ping_timeout)?;
    set_if_some(&mut link.ping_policy, mqtt_options.ping_policy.map(Into::into));
    set_if_some(&mut link.clean_session, mqtt_options.no_clean_session.map(|is_persistent| !is_persistent));
    let qos = check::qos(mqtt_options.qos.unwrap_or(0))?;
    for filter in mqtt_options.topic.iter().flatten() {
        check::topic_filter(filter)?;
        link.subscriptions.push((filter.clone(), qos));
    }
    set_if_some(&mut link.queue.capacity, mqtt_options.command_queue);
    check::in_range("command-queue", link.queue.capacity as u64, 1, 100_000)
}

fn reconnect(options: &Options, link: &mut LinkSettings) -> Result<(), ConfigError> {
    let reconnect_options = &options.reconnect;
    set_if_some(
        &mut link.backoff.initial,
        reconnect_options.initial_reconnect_delay.map(|HumanDuration(time)| time),
    );
    set_if_some(&mut link.backoff.max, reconnect_options.max_reconnect_delay.map(|HumanDuration(time)| time));
    set_if_some(&mut link.backoff.deep_threshold, reconnect_options.deep_reconnect_threshold);
    set_if_some(
        &mut link.backoff.max_attempts,
        reconnect_options.max_reconnect_attempts.map(|attempts| attempts.0),
    );
    let margin = reconnect_options.planned_margin.map(|HumanDuration(time)| time);
    check::planned_margin(margin)?;
    if reconnect_options.planned_reconnect.unwrap_or(false) {
        let broker = &link.broker;
        let is_limited = broker.transport.is_websocket() && is_aws(&broker.host);
        let websocket_limit = is_limited.then_some(AWS_WEBSOCKET_LIMIT);
        link.planned_reconnect = Some(PlannedReconnect { margin, websocket_limit });
    }
    check::backoff(&link.backoff)
}

fn set_if_some<T>(default: &mut T, override_value: Option<T>) {
    if let Some(value) = override_value {
        *default = value;
    }
}

fn recording(options: &Options, directories: &Directories) -> Result<RecordingSettings, ConfigError> {
    let record_options = &options.record;
    let (size, max_files) = (
        record_options.record_size.unwrap_or(RECORD_SIZE_MIB),
        record_options.record_files.unwrap_or(RECORD_FILES),
    );
    check::in_range("record-size", size, 1, 65_536)?;
    check::in_range("record-files", max_files as u64, 1, 1_000)?;
    let destination = match (&record_options.record, record_options.no_record.unwrap_or(false)) {
        (Some(_), true) => return Err(ConfigError::ConflictingRecordFlags),
        (Some(path), false) => RecordingDestination::File(path.clone()),
        (None, true) => RecordingDestination::Off,
        (None, false) => RecordingDestination::Directory(directories.recordings()),
    };
    Ok(RecordingSettings { destination, max_bytes: size * MEBIBYTE, max_files })
}

fn export(options: &Options, directories: &Directories) -> Result<ExportSettings, ConfigError> {
    let export_options = &options.export;
    let file = export_options.export_file.clone();
    let default = file.is_some().then_some(EXPORT_FILE_EVERY);
    let every =
        export_options.export_every.map_or(default, |HumanDuration(time)| (!time.is_zero()).then_some(time));
    every.map_or(Ok(()), check::export_every)?;
    Ok(ExportSettings {
        dir: export_options.export_dir.clone().unwrap_or_else(|| directories.exports()),
        file,
        every,
        redact: !export_options.no_redact.unwrap_or(false),
    })
}

fn run(options: &Options, environment: &Environment<'_>) -> Result<RunSettings, ConfigError> {
    let run_options = &options.run;
    let duration = run_options.duration.map(|HumanDuration(time)| time);
    check::duration(duration)?;
    let max_events = run_options.max_events.unwrap_or(Diagnostics::DEFAULT_MAX_EVENTS);
    check::in_range("max-events", max_events as u64, 1, 1_000_000)?;
    let json = run_options.json.unwrap_or(false);
    Ok(RunSettings {
        headless: json || run_options.headless.unwrap_or(false) || !environment.is_terminal,
        json,
        duration,
        fail_on: run_options.fail_on.clone().unwrap_or_default(),
        max_events,
    })
}

fn ui(options: &Options, environment: &Environment<'_>) -> UiSettings {
    let screen_options = &options.screen;
    let variable = |name| (environment.variable)(name).filter(|value| !value.is_empty());
    UiSettings {
        no_color: screen_options.no_color.unwrap_or_else(|| variable(names::NO_COLOR).is_some()),
        ascii: screen_options.ascii.unwrap_or_else(|| is_ascii_terminal(variable)),
        mouse: !screen_options.no_mouse.unwrap_or(false),
        keys: options.keys.clone(),
    }
}

/// Whether the locale is set to another encoding than UTF-8, or the terminal is `dumb`.
fn is_ascii_terminal(variable: impl Fn(&'static str) -> Option<String>) -> bool {
    let locale = names::LOCALE.into_iter().find_map(&variable);
    let is_utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    !is_utf8 || variable(names::TERM).is_some_and(|term| term == "dumb")
}

fn log(options: &Options, directories: &Directories) -> LogSettings {
    let verbosity = match options.log.verbose {
        0 => Verbosity::Normal,
        1 => Verbosity::Verbose,
        _ => Verbosity::Trace,
    };
    LogSettings { file: options.log.log_file.clone().unwrap_or_else(|| directories.log_file()), verbosity }
}
