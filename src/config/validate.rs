//! The rules for settings: one function and one sentence for each.

use std::path::PathBuf;
use std::time::Duration;

use super::broker_url::BrokerUrlError;
use super::options::{Options, TlsOptions};
use crate::mqtt::settings::{AddressFamily, BackoffSettings, LinkSettings};
use crate::mqtt::{self, SettingsError};

/// Why settings are not usable, in one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is documented by its sentence")]
pub enum ConfigError {
    #[error("There is no configuration file {}.", .0.display())]
    FileMissing(PathBuf),
    #[error("The configuration file {} cannot be read: {}.", .0.display(), .1)]
    FileUnreadable(PathBuf, String),
    #[error("The configuration file {} has an unknown key `{key}` in line {line}; known there: {known}.", .file.display())]
    UnknownKey { file: PathBuf, line: usize, key: String, known: String },
    #[error("The configuration file {} is not valid in line {line}: {why}.", .file.display())]
    FileInvalid { file: PathBuf, line: usize, why: String },
    #[error("The commands of the configuration file are not usable: {0}.")]
    Command(String),
    #[error("Which broker? Give a URL, as in: dropscope mqtt://broker.example (or try: dropscope demo)")]
    NoBroker,
    #[error("The broker URL is not usable: {0}.")]
    Url(#[from] BrokerUrlError),
    #[error("The client id is empty; leave --client-id out to get a generated one.")]
    EmptyClientId,
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("The password file {} cannot be read: {}.", .0.display(), .1)]
    PasswordFile(PathBuf, String),
    #[error("The password file {} is empty.", .0.display())]
    EmptyPasswordFile(PathBuf),
    #[error("--ping-timeout must be from 100ms to 1h.")]
    PingTimeout,
    #[error("--cert and --key belong together; give both or neither.")]
    IncompleteClientCertificate,
    #[error("--{0} has no effect without TLS; use mqtts:// or wss:// in the broker URL.")]
    TlsOptionWithoutTls(&'static str),
    #[error("--alpn needs protocol names of 1 to 255 bytes.")]
    Alpn,
    #[error("--ipv4 and --ipv6 are mutually exclusive; give one of them.")]
    ConflictingFamilies,
    #[error("The broker address is IPv{0}, but --ipv{1} is set.")]
    FamilyMismatch(u8, u8),
    #[error("--initial-reconnect-delay must be above 0 and not above --max-reconnect-delay.")]
    ReconnectDelays,
    #[error("--max-reconnect-delay must be at most 1d.")]
    ReconnectDelayTooLong,
    #[error("--planned-margin must be above 0 and below 1d.")]
    PlannedMargin,
    #[error("--deep-reconnect-threshold must be at least 1.")]
    DeepThreshold,
    #[error("--{name} must be from {low} to {high}.")]
    OutOfRange { name: &'static str, low: u64, high: u64 },
    #[error("--record and --no-record are mutually exclusive; give one of them.")]
    ConflictingRecordFlags,
    #[error("--export-every must be at least 1s, or 0 for never.")]
    ExportEvery,
    #[error("--duration must be above 0.")]
    Duration,
    #[error("The setting for --{0} is a directory; name a file in it.")]
    DirectoryInsteadOfFile(&'static str),
}

pub(super) fn client_id(id: &str) -> Result<(), ConfigError> {
    if id.is_empty() {
        return Err(ConfigError::EmptyClientId);
    }
    Ok(mqtt::validate::client_id(id)?)
}

pub(super) fn session(is_persistent: bool, has_client_id: bool) -> Result<(), ConfigError> {
    if is_persistent && !has_client_id { Err(SettingsError::SessionWithoutClientId.into()) } else { Ok(()) }
}

pub(super) fn credentials(link: &LinkSettings) -> Result<(), ConfigError> {
    if link.password.is_some() && link.username.is_none() {
        return Err(SettingsError::PasswordWithoutUsername.into());
    }
    Ok(())
}

pub(super) fn topic_filter(filter: &str) -> Result<(), ConfigError> {
    Ok(mqtt::validate::topic_filter(filter)?)
}

pub(super) fn qos(qos: u8) -> Result<u8, ConfigError> {
    mqtt::validate::quality_of_service(qos)?;
    Ok(qos)
}

pub(super) fn ping_timeout(timeout: Duration) -> Result<(), ConfigError> {
    let allowed = Duration::from_millis(100)..=Duration::from_secs(3600);
    if allowed.contains(&timeout) { Ok(()) } else { Err(ConfigError::PingTimeout) }
}

pub(super) fn certificate(tls: &TlsOptions) -> Result<(), ConfigError> {
    if tls.cert.is_some() == tls.key.is_some() {
        Ok(())
    } else {
        Err(ConfigError::IncompleteClientCertificate)
    }
}

/// Checks only the arguments of this run: a file for several brokers may contain more.
pub(super) fn tls_has_effect(args: &TlsOptions, link: &LinkSettings) -> Result<(), ConfigError> {
    if link.broker.transport.is_tls() {
        return Ok(());
    }
    let given = [
        (args.cafile.is_some(), "cafile"),
        (args.cert.is_some(), "cert"),
        (args.key.is_some(), "key"),
        (args.servername.is_some(), "servername"),
        (args.alpn.is_some(), "alpn"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => Err(ConfigError::TlsOptionWithoutTls(name)),
        None => Ok(()),
    }
}

pub(super) fn alpn(protocols: &[String]) -> Result<(), ConfigError> {
    let is_valid = protocols.iter().all(|name| (1..=255).contains(&name.len()));
    if is_valid { Ok(()) } else { Err(ConfigError::Alpn) }
}

pub(super) fn family(link: &LinkSettings) -> Result<(), ConfigError> {
    match (link.broker.host.parse::<std::net::IpAddr>(), link.family) {
        (Ok(address), AddressFamily::V4) if address.is_ipv6() => Err(ConfigError::FamilyMismatch(6, 4)),
        (Ok(address), AddressFamily::V6) if address.is_ipv4() => Err(ConfigError::FamilyMismatch(4, 6)),
        _ => Ok(()),
    }
}

pub(super) fn backoff(backoff: &BackoffSettings) -> Result<(), ConfigError> {
    if backoff.initial.is_zero() || backoff.initial > backoff.max {
        return Err(ConfigError::ReconnectDelays);
    }
    if backoff.max > Duration::from_secs(86_400) {
        return Err(ConfigError::ReconnectDelayTooLong);
    }
    if backoff.deep_threshold == 0 {
        return Err(ConfigError::DeepThreshold);
    }
    Ok(())
}

pub(super) fn planned_margin(margin: Option<Duration>) -> Result<(), ConfigError> {
    match margin {
        Some(margin) if margin.is_zero() || margin >= Duration::from_secs(86_400) => {
            Err(ConfigError::PlannedMargin)
        }
        _ => Ok(()),
    }
}

pub(super) fn in_range(name: &'static str, value: u64, low: u64, high: u64) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(ConfigError::OutOfRange { name, low, high }) }
}

pub(super) fn export_every(every: Duration) -> Result<(), ConfigError> {
    if every < Duration::from_secs(1) { Err(ConfigError::ExportEvery) } else { Ok(()) }
}

pub(super) fn duration(duration: Option<Duration>) -> Result<(), ConfigError> {
    if duration.is_some_and(|time| time.is_zero()) { Err(ConfigError::Duration) } else { Ok(()) }
}

/// Options that name a file must not name a directory.
pub(super) fn files(options: &Options) -> Result<(), ConfigError> {
    let file_options = [
        ("record", &options.record.record),
        ("export-file", &options.export.export_file),
        ("log-file", &options.log.log_file),
    ];
    match file_options.into_iter().find(|(_, path)| path.as_ref().is_some_and(|path| path.is_dir())) {
        Some((name, _)) => Err(ConfigError::DirectoryInsteadOfFile(name)),
        None => Ok(()),
    }
}
