//! `dropscope navien`: sign in, choose the device, watch the connection to its cloud.

mod identity;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use super::watch::watch;
use super::{refuse, runtime, settings};
use crate::cli;
use crate::cli::Unit;
use crate::clock::SystemClock;
use crate::config::{BrokerUrl, Cloud, Directories, Settings, Span, Target};
use crate::diagnostics::aws_limits::AWS_WEBSOCKET_LIMIT;
use crate::diagnostics::clean::clean;
use crate::diagnostics::{Clock, Disguise};
use crate::exit::Code;
use crate::mqtt::settings::{BrokerAddress, Transport};
use crate::navien::account::{
    API_URL, Account, AccountError, AccountSettings, ApiUrl, Device, HttpTransport, NoChoice, choose,
};
use crate::navien::connection::{AccountSigner, CLIENT_ID_PREFIX, ENDPOINT};
use crate::navien::heater::{Heater, HeaterSettings};
use crate::navien::protocol::TemperatureUnit;
use crate::navien::protocol::topic::{self, BadName, Client};

use identity::{Identity, NoIdentity};

/// Where to go, checked before anybody is asked for a password.
struct Places {
    api: ApiUrl,
    broker: BrokerAddress,
}

/// How often the state may be asked for, in seconds: more often is a load, less often is never.
const STATUS_EVERY_SECS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// What was said about the device.
struct Wanted {
    name: Option<String>,
    heater: HeaterSettings,
}

/// Signs in and watches the device until the run is over.
pub(super) fn navien(wanted: cli::Navien) -> color_eyre::Result<ExitCode> {
    let places = match places(wanted.api_url.as_deref(), wanted.iot_endpoint.as_ref()) {
        Ok(places) => places,
        Err(sentence) => return Ok(refuse(&sentence)),
    };
    let heater = match heater_settings(&wanted) {
        Ok(heater) => heater,
        Err(sentence) => return Ok(refuse(&sentence)),
    };
    let username = wanted.options.broker.username.clone();
    let password_file = wanted.options.broker.password_file.clone();
    let cloud = Cloud { id_prefix: CLIENT_ID_PREFIX, profile: wanted.profile };
    let mut settings = match settings(wanted.options, &wanted.file, Target::Cloud(cloud)) {
        Ok(settings) => settings,
        Err(error) => return Ok(refuse(&error)),
    };
    settings.link.broker = places.broker;
    let identity = match identity::identity(username.as_deref(), password_file.as_deref()) {
        Ok(identity) => identity,
        Err(NoIdentity::Cancelled) => return Ok(Code::Interrupted.into()),
        Err(error) => return Ok(refuse(&error)),
    };
    let wanted = Wanted { name: wanted.device, heater };
    runtime()?.block_on(run(settings, places.api, identity, wanted))
}

fn heater_settings(wanted: &cli::Navien) -> Result<HeaterSettings, String> {
    let mut settings = HeaterSettings {
        unit: match wanted.unit {
            Unit::Device => None,
            Unit::Celsius => Some(TemperatureUnit::Celsius),
            Unit::Fahrenheit => Some(TemperatureUnit::Fahrenheit),
        },
        allow_one_way: wanted.allow_one_way.unwrap_or(false),
        ..HeaterSettings::default()
    };
    if let Some(Span(every)) = wanted.status_every {
        if !STATUS_EVERY_SECS.contains(&every.as_secs()) {
            return Err("--status-every: give 10s to 24h, or --quiet-link to ask never.".to_owned());
        }
        settings.status_every = every;
    }
    Ok(settings)
}

fn places(api_url: Option<&str>, iot_endpoint: Option<&BrokerUrl>) -> Result<Places, String> {
    let api = api_url.unwrap_or(API_URL).parse().map_err(|error| format!("--api-url: {error}."))?;
    let default = BrokerUrl::new(ENDPOINT);
    let url = iot_endpoint.unwrap_or(&default).parse();
    let url = url.map_err(|error| format!("--iot-endpoint: {error}."))?;
    if url.address.transport != Transport::Wss || url.address.path.contains('?') || url.username.is_some() {
        return Err("--iot-endpoint: write it as wss://HOST[:PORT]/PATH.".to_owned());
    }
    Ok(Places { api, broker: url.address })
}

async fn run(
    mut settings: Settings,
    api: ApiUrl,
    identity: Identity,
    wanted: Wanted,
) -> color_eyre::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let account = AccountSettings {
        email: identity.email,
        password: identity.password,
        cloud: api.as_str().to_owned(),
        cache: Some(Directories::of_this_user().navien_tokens()),
    };
    let ca_file = settings.link.tls.ca_file.clone();
    let transport = match HttpTransport::new(api, ca_file, settings.link.family, Arc::clone(&clock)) {
        Ok(transport) => transport,
        Err(error) => return Ok(refuse(&error)),
    };
    let account = Arc::new(Account::new(account, Arc::new(transport), Arc::clone(&clock)));
    if io::stderr().is_terminal() {
        tell("signing in…");
    }
    let devices = match account.devices().await {
        Ok(devices) => devices,
        Err(error) => return Ok(give_up(&error)),
    };
    let choice = match choose(&devices, wanted.name.as_deref()) {
        Ok(choice) => choice,
        Err(error @ NoChoice::NoDevice) => return Ok(refuse(&error)),
        Err(error) => return Ok(refuse(&format!("{error}\n{}", list(&devices)))),
    };
    if choice.is_ambiguous {
        let shown = clean(&choice.device.name).into_owned();
        tell(&format!("watching {shown}; --device chooses another:\n{}", list(&devices)));
    }
    let link = &mut settings.link;
    let heater = match heater(&choice.device, &link.client_id, wanted.heater, &*clock) {
        Ok(heater) => heater,
        Err(error) => return Ok(refuse(&error)),
    };
    if let Some(planned) = &mut link.planned_reconnect {
        planned.websocket_limit = Some(AWS_WEBSOCKET_LIMIT);
    }
    link.signer = Some(Arc::new(AccountSigner::new(account, &link.broker, clock)));
    settings.disguise = Disguise::new([(choice.device.mac_address, "device".to_owned())]);
    watch(settings, Some(Box::new(heater)), None, |_| ()).await.map(|watched| watched.code)
}

/// The device behind the connection, under a session id of its own.
fn heater(
    device: &Device,
    client_id: &str,
    settings: HeaterSettings,
    clock: &dyn Clock,
) -> Result<Heater, BadName> {
    let address = topic::Device::new(device.device_type, &device.mac_address, &device.additional_value)?;
    let client = Client::new(client_id, &format!("{:032x}", rand::random::<u128>()))?;
    Ok(Heater::new(&device.name, address, client, settings, clock.now().wall))
}

/// One line per device: address, name, whether it is online.
fn list(devices: &[Device]) -> String {
    devices.iter().fold(String::new(), |mut text, device| {
        let state = match device.is_online {
            Some(true) => "online",
            Some(false) => "offline",
            None => "unknown",
        };
        let _ = writeln!(text, "  {}  {:<8} {}", device.mac_address, state, clean(&device.name));
        text
    })
}

/// One sentence and the code: refused credentials, or never connected.
fn give_up(error: &AccountError) -> ExitCode {
    tell(&format!("error: {error}"));
    let code = if error.is_fatal() { Code::RefusedCredentials } else { Code::NeverConnected };
    code.into()
}

/// Messages go to standard error; nothing can be done if that is closed.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}
