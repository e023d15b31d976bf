//! `dropscope navien`: sign in, choose the device, watch the connection to its cloud.

mod device_choice;
mod keyring_entry;
mod login;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use super::watch::watch;
use super::{runtime, settings, usage_error};
use crate::clock::SystemClock;
use crate::config::{BrokerUrl, ConnectionTarget, Directories, ResolvedSettings};
use crate::diagnostics::aws_limits::AWS_WEBSOCKET_LIMIT;
use crate::diagnostics::clean::clean;
use crate::diagnostics::{Clock, NameMask, Transport};
use crate::exit::ExitReason;
use crate::mqtt::settings::BrokerAddress;
use crate::navien::account::{
    API_URL, Account, AccountDevice, AccountError, AccountSettings, ApiUrl, HttpTransport, SelectionError,
    select_device,
};
use crate::navien::connection::{AccountSigner, CLIENT_ID_PREFIX, ENDPOINT};
use crate::{cli, keyring};

use device_choice::DeviceChoice;
use keyring_entry::KeyringEntry;
use login::{AccountLogin, CredentialSources, LoginError, PasswordSource};

/// Endpoints, validated before any prompt for a password.
struct CloudEndpoints {
    api: ApiUrl,
    broker: BrokerAddress,
}

/// Signs in and watches the device until the run ends.
pub(super) fn navien(args: cli::NavienArgs) -> color_eyre::Result<ExitCode> {
    let endpoints = match cloud_endpoints(args.api_url.as_deref(), args.iot_endpoint.as_ref()) {
        Ok(endpoints) => endpoints,
        Err(sentence) => return Ok(usage_error(&sentence)),
    };
    let choice = match DeviceChoice::from_args(&args) {
        Ok(choice) => choice,
        Err(sentence) => return Ok(usage_error(&sentence)),
    };
    let username = args.options.broker.username.clone();
    let password_file = args.options.broker.password_file.clone();
    let sources = CredentialSources {
        username: username.as_deref(),
        password_file: password_file.as_deref(),
        variable: &|name| std::env::var(name).ok(),
    };
    if args.forget_password == Some(true) {
        return Ok(delete_password(&sources, &endpoints.api));
    }
    let target = ConnectionTarget::cloud(CLIENT_ID_PREFIX, args.profile);
    let mut settings = match settings(args.options, &args.file, target) {
        Ok(settings) => settings,
        Err(error) => return Ok(usage_error(&error)),
    };
    settings.link.broker = endpoints.broker;
    let login = match login::resolve_login(&sources, &endpoints.api, Arc::new(keyring::system_keyring())) {
        Ok(login) => login,
        Err(error) => return Ok(report_login_error(&error)),
    };
    runtime()?.block_on(run(settings, endpoints.api, login, choice))
}

/// Deletes the password from the keyring.
fn delete_password(sources: &CredentialSources<'_>, api: &ApiUrl) -> ExitCode {
    let email = match login::resolve_email(sources) {
        Ok(email) => email,
        Err(error) => return report_login_error(&error),
    };
    let entry = KeyringEntry::new(Arc::new(keyring::system_keyring()), api, &email, login::is_interactive());
    match entry.delete() {
        Ok(true) => print_message("deleted the password of this account from the keyring"),
        Ok(false) => print_message("the keyring holds no password of this account"),
        Err(error) => {
            print_message(&format!("error: the password cannot be deleted: {error}."));
            return ExitReason::RuntimeError.into();
        }
    }
    ExitReason::Success.into()
}

/// Reports a missing login.
fn report_login_error(error: &LoginError) -> ExitCode {
    match error {
        LoginError::Cancelled => ExitReason::Interrupted.into(),
        error => usage_error(error),
    }
}

fn cloud_endpoints(
    api_url: Option<&str>,
    iot_endpoint: Option<&BrokerUrl>,
) -> Result<CloudEndpoints, String> {
    let api = api_url.unwrap_or(API_URL).parse().map_err(|error| format!("--api-url: {error}."))?;
    let default = BrokerUrl::new(ENDPOINT);
    let url = iot_endpoint.unwrap_or(&default).parse();
    let url = url.map_err(|error| format!("--iot-endpoint: {error}."))?;
    if url.address.transport != Transport::Wss || url.address.path.contains('?') || url.username.is_some() {
        return Err("--iot-endpoint: write it as wss://HOST[:PORT]/PATH.".to_owned());
    }
    Ok(CloudEndpoints { api, broker: url.address })
}

async fn run(
    mut settings: ResolvedSettings,
    api: ApiUrl,
    login: AccountLogin,
    choice: DeviceChoice,
) -> color_eyre::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let account = AccountSettings {
        email: login.email.clone(),
        password: login.password.clone(),
        cloud: api.as_str().to_owned(),
        cache: Some(Directories::for_current_user().navien_tokens()),
    };
    let ca_file = settings.link.tls.ca_file.clone();
    let transport = match HttpTransport::new(api, ca_file, settings.link.family, Arc::clone(&clock)) {
        Ok(transport) => transport,
        Err(error) => return Ok(usage_error(&error)),
    };
    let account = Arc::new(Account::new(account, Arc::new(transport), Arc::clone(&clock)));
    if io::stderr().is_terminal() {
        print_message("signing in…");
    }
    let source = login.source.clone();
    if choice.should_store_password
        && let Err(error) = store_password(&account, login).await
    {
        return Ok(report_sign_in_failure(&error, &source));
    }
    let devices = match account.devices().await {
        Ok(devices) => devices,
        Err(error) => return Ok(report_sign_in_failure(&error, &source)),
    };
    let selection = match select_device(&devices, choice.name.as_deref()) {
        Ok(selection) => selection,
        Err(error @ SelectionError::NoDevice) => return Ok(usage_error(&error)),
        Err(error) => return Ok(usage_error(&format!("{error}\n{}", list(&devices)))),
    };
    if selection.is_ambiguous {
        let device_name = clean(&selection.device.name).into_owned();
        print_message(&format!("watching {device_name}; --device chooses another:\n{}", list(&devices)));
    }
    let link = &mut settings.link;
    let heater = match choice.build_heater(&selection.device, &link.client_id, &*clock) {
        Ok(heater) => heater,
        Err(error) => return Ok(usage_error(&error)),
    };
    if let Some(planned) = &mut link.planned_reconnect {
        planned.websocket_limit = Some(AWS_WEBSOCKET_LIMIT);
    }
    link.signer = Some(Arc::new(AccountSigner::new(account, &link.broker, clock)));
    settings.name_mask = NameMask::new([(selection.device.mac_address, "device".to_owned())]);
    // The log exists from here on: record the source of the password.
    watch(settings, Some(Box::new(heater)), None, |_| tracing::debug!(?source, "password of the account"))
        .await
        .map(|watched| watched.code)
}

/// Stores the password in the keyring if the cloud accepts it now: cached tokens do not prove that it is valid.
async fn store_password(account: &Account, login: AccountLogin) -> Result<(), AccountError> {
    if login.source == PasswordSource::Keyring {
        print_message("the keyring already holds the password of this account");
        return Ok(());
    }
    account.sign_in().await?;
    let AccountLogin { password, keyring_entry, .. } = login;
    let stored = tokio::task::spawn_blocking(move || {
        keyring_entry.store(&password).map_err(|error| error.to_string())
    });
    match stored.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(()) => print_message("stored the password in the keyring; --forget-password deletes it"),
        Err(why) => print_message(&format!("warning: the password is not stored: {why}; continuing")),
    }
    Ok(())
}

/// One line per device: address, name, whether it is online.
fn list(devices: &[AccountDevice]) -> String {
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

/// One sentence and the exit code: refused credentials, or never connected.
fn report_sign_in_failure(error: &AccountError, source: &PasswordSource) -> ExitCode {
    print_message(&format!("error: {error}"));
    if error.is_fatal() && *source == PasswordSource::Keyring {
        print_message(
            "the password came from the keyring: --forget-password deletes it, NAVIEN_PASSWORD overrides it",
        );
    }
    let code = if error.is_fatal() { ExitReason::RefusedCredentials } else { ExitReason::NeverConnected };
    code.into()
}

/// Writes to standard error; a closed standard error is ignored.
fn print_message(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}
