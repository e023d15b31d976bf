//! `dropscope navien`: sign in, choose the device, watch the connection to its cloud.

mod identity;
mod kept;
mod wanted;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use super::watch::watch;
use super::{refuse, runtime, settings};
use crate::cli;
use crate::clock::SystemClock;
use crate::config::{BrokerUrl, Cloud, Directories, Settings, Target};
use crate::diagnostics::aws_limits::AWS_WEBSOCKET_LIMIT;
use crate::diagnostics::clean::clean;
use crate::diagnostics::{Clock, NameMask};
use crate::exit::Code;
use crate::keyring;
use crate::mqtt::settings::{BrokerAddress, Transport};
use crate::navien::account::{
    API_URL, Account, AccountError, AccountSettings, ApiUrl, Device, HttpTransport, NoChoice, choose,
};
use crate::navien::connection::{AccountSigner, CLIENT_ID_PREFIX, ENDPOINT};

use identity::{Identity, NoIdentity, Source, Told};
use kept::Kept;
use wanted::Wanted;

/// Where to go, checked before anybody is asked for a password.
struct Places {
    api: ApiUrl,
    broker: BrokerAddress,
}

/// Signs in and watches the device until the run is over.
pub(super) fn navien(said: cli::Navien) -> color_eyre::Result<ExitCode> {
    let places = match places(said.api_url.as_deref(), said.iot_endpoint.as_ref()) {
        Ok(places) => places,
        Err(sentence) => return Ok(refuse(&sentence)),
    };
    let wanted = match Wanted::of(&said) {
        Ok(wanted) => wanted,
        Err(sentence) => return Ok(refuse(&sentence)),
    };
    let username = said.options.broker.username.clone();
    let password_file = said.options.broker.password_file.clone();
    let told = Told {
        username: username.as_deref(),
        password_file: password_file.as_deref(),
        variable: &|name| std::env::var(name).ok(),
    };
    if said.forget_password == Some(true) {
        return Ok(forget(&told, &places.api));
    }
    let cloud = Cloud { id_prefix: CLIENT_ID_PREFIX, profile: said.profile };
    let mut settings = match settings(said.options, &said.file, Target::Cloud(cloud)) {
        Ok(settings) => settings,
        Err(error) => return Ok(refuse(&error)),
    };
    settings.link.broker = places.broker;
    let identity = match identity::identity(&told, &places.api, Arc::new(keyring::system_keyring())) {
        Ok(identity) => identity,
        Err(error) => return Ok(nobody(&error)),
    };
    runtime()?.block_on(run(settings, places.api, identity, wanted))
}

/// Deletes the password from the keyring.
fn forget(told: &Told<'_>, api: &ApiUrl) -> ExitCode {
    let email = match identity::email(told) {
        Ok(email) => email,
        Err(error) => return nobody(&error),
    };
    let kept = Kept::new(Arc::new(keyring::system_keyring()), api, &email, identity::is_attended());
    match kept.forget() {
        Ok(true) => tell("the password of this account is deleted from the keyring"),
        Ok(false) => tell("the keyring holds no password of this account"),
        Err(error) => {
            tell(&format!("error: the password cannot be deleted: {error}."));
            return Code::Runtime.into();
        }
    }
    Code::Fine.into()
}

/// Without an identity nothing can be done.
fn nobody(error: &NoIdentity) -> ExitCode {
    match error {
        NoIdentity::Cancelled => Code::Interrupted.into(),
        error => refuse(error),
    }
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
        email: identity.email.clone(),
        password: identity.password.clone(),
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
    let source = identity.source.clone();
    if wanted.is_to_keep
        && let Err(error) = keep(&account, identity).await
    {
        return Ok(give_up(&error, &source));
    }
    let devices = match account.devices().await {
        Ok(devices) => devices,
        Err(error) => return Ok(give_up(&error, &source)),
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
    let heater = match wanted.heater(&choice.device, &link.client_id, &*clock) {
        Ok(heater) => heater,
        Err(error) => return Ok(refuse(&error)),
    };
    if let Some(planned) = &mut link.planned_reconnect {
        planned.websocket_limit = Some(AWS_WEBSOCKET_LIMIT);
    }
    link.signer = Some(Arc::new(AccountSigner::new(account, &link.broker, clock)));
    settings.disguise = NameMask::new([(choice.device.mac_address, "device".to_owned())]);
    // Where the password came from is said as soon as there is a log to say it in.
    watch(settings, Some(Box::new(heater)), None, |_| tracing::debug!(?source, "password of the account"))
        .await
        .map(|watched| watched.code)
}

/// Puts the password into the keyring if the cloud accepts it now: tokens of an earlier run prove nothing about it.
async fn keep(account: &Account, identity: Identity) -> Result<(), AccountError> {
    if identity.source == Source::Keyring {
        tell("the keyring holds the password of this account already");
        return Ok(());
    }
    account.sign_in().await?;
    let Identity { password, kept, .. } = identity;
    let stored =
        tokio::task::spawn_blocking(move || kept.store(&password).map_err(|error| error.to_string()));
    match stored.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(()) => tell("the password is in the keyring now; --forget-password deletes it"),
        Err(why) => tell(&format!("warning: the password is not kept, {why}; the run goes on")),
    }
    Ok(())
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
fn give_up(error: &AccountError, source: &Source) -> ExitCode {
    tell(&format!("error: {error}"));
    if error.is_fatal() && *source == Source::Keyring {
        tell(
            "the password came from the keyring: --forget-password deletes it, NAVIEN_PASSWORD comes before it",
        );
    }
    let code = if error.is_fatal() { Code::RefusedCredentials } else { Code::NeverConnected };
    code.into()
}

/// Messages go to standard error; nothing can be done if that is closed.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}
