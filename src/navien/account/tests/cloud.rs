//! The account against the lab's cloud: real HTTP on loopback, in the vendor's documented form.

use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::TokioClock;
use crate::diagnostics::event::Layer;
use crate::lab::LabCertificates;
use crate::lab::{
    Broker, BrokerOptions, CloudFault, CloudOptions, HeaterOptions, LabCredentialStore, ListedDevice,
    SimulatedCloud, SimulatedHeater,
};
use crate::mqtt::settings::AddressFamily;
use crate::navien::account::{Account, AccountError, AccountSettings, ApiUrl, HttpTransport};

struct AccountFixture {
    clock: Arc<TokioClock>,
    cloud: SimulatedCloud,
    home: tempfile::TempDir,
    _heater: SimulatedHeater,
    _broker: Broker,
}

impl AccountFixture {
    async fn new(absent: u16, options: CloudOptions) -> Self {
        let clock = TokioClock::at_noon();
        let broker = Broker::start(BrokerOptions::default());
        let heater = SimulatedHeater::start(broker.control(), clock.clone(), HeaterOptions::default());
        let mut devices = vec![ListedDevice::heater(heater.control())];
        devices.extend((0..absent).map(ListedDevice::offline));
        let credential_store = Arc::new(LabCredentialStore::new(clock.clone()));
        let cloud = SimulatedCloud::start(clock.clone(), credential_store, devices, options).await.unwrap();
        Self { clock, cloud, home: tempfile::tempdir().unwrap(), _heater: heater, _broker: broker }
    }

    fn account(&self) -> Account {
        self.account_of(&self.cloud.control().email(), self.cloud.control().password())
    }

    fn account_of(&self, email: &str, password: SecretString) -> Account {
        let url: ApiUrl = self.cloud.url().parse().unwrap();
        let settings = AccountSettings {
            email: email.to_owned(),
            password,
            cloud: url.as_str().to_owned(),
            cache: Some(self.cache()),
        };
        let transport = HttpTransport::new(url, None, AddressFamily::Any, self.clock.clone()).unwrap();
        Account::new(settings, Arc::new(transport), self.clock.clone())
    }

    fn cache(&self) -> std::path::PathBuf {
        self.home.path().join("state/navien-tokens.json")
    }

    /// The requests since the last call, with the codes of their answers.
    fn served(&self, known: &mut usize) -> Vec<(String, u16)> {
        let served = self.cloud.control().served();
        let new = served[*known..].iter().map(|served| (served.path.clone(), served.code)).collect();
        *known = served.len();
        new
    }
}

fn expected_requests(paths: &[(&str, u16)]) -> Vec<(String, u16)> {
    paths.iter().map(|(path, code)| ((*path).to_owned(), *code)).collect()
}

#[tokio::test]
async fn sign_in_lists_all_devices() {
    let scene = AccountFixture::new(25, CloudOptions::default()).await;
    let account = scene.account();
    let mut known = 0;
    let user = account.sign_in().await.unwrap();
    assert_eq!((user.number, user.kind.as_deref()), (Some(36_283), Some("O")));
    let devices = account.devices().await.unwrap();
    assert_eq!(devices.len(), 26);
    assert_eq!((devices[0].mac_address.as_str(), devices[0].is_online), ("aabbccddeeff", Some(true)));
    assert_eq!((devices[25].name.as_str(), devices[25].is_online), ("Heater 24", Some(false)));
    assert_eq!(account.device_info(&devices[25]).await.unwrap(), devices[25]);
    let list = ("/device/list", 200);
    assert_eq!(
        scene.served(&mut known),
        expected_requests(&[("/user/sign-in", 200), list, list, ("/device/info", 200)])
    );
    let unknown = crate::navien::account::AccountDevice { mac_address: "00".into(), ..devices[0].clone() };
    let error = account.device_info(&unknown).await.unwrap_err();
    assert!(matches!(error, AccountError::Refused { code: 404, .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_distinguished_from_cloud_faults() {
    let scene = AccountFixture::new(0, CloudOptions::default()).await;
    let email = scene.cloud.control().email();
    let wrong = scene.account_of(&email, "wrong".into()).sign_in().await.unwrap_err();
    assert_eq!(wrong, AccountError::WrongPassword);
    assert!(!scene.cache().exists());
    let account = scene.account();
    let control = scene.cloud.control();
    for (fault, words) in [
        (CloudFault::BadGateway, "HTTP 502): it is an HTML page"),
        (CloudFault::Malformed, "JSON is broken"),
        (CloudFault::NoData, "cannot be read"),
        (CloudFault::HangUp, "was closed early"),
        (
            CloudFault::Failure { code: 500, message: "Invalid parameter".into() },
            "code 500: Invalid parameter",
        ),
    ] {
        control.inject_fault(&fault, 1);
        let error = account.sign_in().await.unwrap_err();
        assert!(!error.is_fatal() && error.to_string().contains(words), "{fault:?}: {error}");
    }
    account.sign_in().await.unwrap();
    let url: ApiUrl = scene.cloud.url().parse().unwrap();
    scene.cloud.stop().await;
    let error = account.sign_in().await.unwrap_err();
    assert!(matches!(error, AccountError::Unreachable { .. }), "{error} at {}", url.as_str());
}

#[tokio::test]
async fn tokens_expire_are_refused_and_are_renewed() {
    let scene = AccountFixture::new(0, CloudOptions::default()).await;
    let (account, control, mut known) = (scene.account(), scene.cloud.control(), 0);
    account.sign_in().await.unwrap();
    scene.clock.skip(3400);
    account.devices().await.unwrap();
    let list = ("/device/list", 200);
    assert_eq!(
        scene.served(&mut known),
        expected_requests(&[("/user/sign-in", 200), ("/auth/refresh", 200), list])
    );
    control.expire_tokens();
    account.devices().await.unwrap();
    assert_eq!(
        scene.served(&mut known),
        expected_requests(&[("/device/list", 401), ("/auth/refresh", 200), list])
    );
    control.expire_tokens();
    control.revoke_refresh_tokens();
    account.devices().await.unwrap();
    let again = [("/device/list", 401), ("/auth/refresh", 401), ("/user/sign-in", 200), list];
    assert_eq!(scene.served(&mut known), expected_requests(&again));
    // The password was changed: the account cannot continue.
    control.change_password("another");
    control.expire_tokens();
    control.revoke_refresh_tokens();
    assert_eq!(account.devices().await.unwrap_err(), AccountError::WrongPassword);
}

#[tokio::test]
async fn keys_of_a_refresh_are_used() {
    for refresh_gives_credentials in [false, true] {
        let options = CloudOptions { refresh_gives_credentials, ..CloudOptions::default() };
        let scene = AccountFixture::new(0, options).await;
        let account = scene.account();
        let first = account.credentials(false).await.unwrap();
        scene.cloud.control().expire_tokens();
        account.devices().await.unwrap();
        let second = account.credentials(false).await.unwrap();
        let is_new = first.keys.access_key_id != second.keys.access_key_id;
        assert_eq!(is_new, refresh_gives_credentials);
    }
}

#[tokio::test]
async fn cached_tokens_are_restored_for_their_account_only() {
    let scene = AccountFixture::new(0, CloudOptions::default()).await;
    let (control, mut known) = (scene.cloud.control(), 0);
    let first = scene.account().credentials(false).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(scene.cache()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let text = std::fs::read_to_string(scene.cache()).unwrap();
    let (email, password) = (control.email(), control.password());
    for private in [email.as_str(), password.expose_secret()] {
        assert!(!text.contains(private));
    }
    scene.served(&mut known);

    // The next run sends no request before an expiry, and every expiry is unchanged.
    scene.clock.skip(600);
    let restored = scene.account();
    assert_eq!(restored.user().await.unwrap().number, Some(36_283));
    let again = restored.credentials(false).await.unwrap();
    assert_eq!(again.keys.access_key_id, first.keys.access_key_id);
    let apart = again.expires_at.unwrap() - first.expires_at.unwrap();
    assert!(apart.abs() < chrono::TimeDelta::seconds(1), "{apart}");
    assert_eq!(restored.devices().await.unwrap().len(), 1);
    assert_eq!(scene.served(&mut known), expected_requests(&[("/device/list", 200)]));

    // After a refresh the keys are stored with their old expiry.
    control.expire_tokens();
    restored.devices().await.unwrap();
    scene.served(&mut known);
    let third = scene.account().credentials(false).await.unwrap();
    assert_eq!(third.keys.access_key_id, first.keys.access_key_id);
    let apart = third.expires_at.unwrap() - first.expires_at.unwrap();
    assert!(apart.abs() < chrono::TimeDelta::seconds(1), "{apart}");

    // Expired tokens, tokens of other accounts and broken files are not used.
    scene.clock.skip(3000);
    assert_ne!(
        scene.account().credentials(false).await.unwrap().keys.access_key_id,
        first.keys.access_key_id
    );
    assert_eq!(scene.served(&mut known), expected_requests(&[("/user/sign-in", 200)]));
    assert!(scene.account().user().await.is_some());
    assert!(scene.account_of("else@example.invalid", "x".into()).user().await.is_none());
    for broken in
        ["", "{}", "null", "{\"format\":1}", &text[..text.len() / 2], &text.replace("tokens/1", "tokens/9")]
    {
        write(&scene.cache(), broken);
        assert!(scene.account().user().await.is_none(), "{broken}");
    }
}

/// TLS in front of the cloud, as `https://localhost:PORT/api/v2.1`, and the authority that signed its certificate.
async fn over_tls(cloud: &SimulatedCloud, folder: &Path) -> (String, std::path::PathBuf) {
    let certificates = LabCertificates::new().unwrap();
    let file = folder.join("ca.pem");
    write(&file, &certificates.ca_pem);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = cloud.url();
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (host, port) = (host.to_owned(), listener.local_addr().unwrap().port());
    let acceptor = tokio_rustls::TlsAcceptor::from(certificates.server_config);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut secured) = acceptor.accept(tcp).await else { continue };
            let mut plain = TcpStream::connect(&host).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut secured, &mut plain).await;
        }
    });
    (format!("https://127.0.0.1:{port}/{path}"), file)
}

#[tokio::test]
async fn no_password_is_sent_to_an_untrusted_certificate() {
    let scene = AccountFixture::new(0, CloudOptions::default()).await;
    let (url, ca_file) = over_tls(&scene.cloud, scene.home.path()).await;
    let account = |ca_file: Option<&Path>| {
        let url: ApiUrl = url.parse().unwrap();
        let control = scene.cloud.control();
        let settings = AccountSettings {
            email: control.email(),
            password: control.password(),
            cloud: url.as_str().to_owned(),
            cache: None,
        };
        let ca_file = ca_file.map(Path::to_owned);
        let transport = HttpTransport::new(url, ca_file, AddressFamily::V4, scene.clock.clone()).unwrap();
        Account::new(settings, Arc::new(transport), scene.clock.clone())
    };
    assert_eq!(account(Some(&ca_file)).devices().await.unwrap().len(), 1);
    let served_before = scene.cloud.control().served().len();
    let other = scene.home.path().join("other.pem");
    write(&other, &LabCertificates::new().unwrap().ca_pem);
    let error = account(Some(&other)).devices().await.unwrap_err();
    assert!(matches!(error, AccountError::Unreachable { layer: Layer::Tls, .. }), "{error:?}");
    assert_eq!(scene.cloud.control().served().len(), served_before);
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
