//! The REST cloud over real sockets: fields, errors, lifetimes and faults.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::http::{HttpReply, post, send};
use crate::clock::TokioClock;
use crate::lab::{
    Broker, BrokerOptions, CloudFault, CloudOptions, HeaterOptions, LabCredentialStore, ListedDevice,
    ServedRequest, SimulatedCloud, SimulatedHeater,
};

struct CloudFixture {
    clock: Arc<TokioClock>,
    cloud: SimulatedCloud,
    heater: SimulatedHeater,
    _broker: Broker,
}

async fn scene(absent: u16, options: CloudOptions) -> CloudFixture {
    let clock = TokioClock::at_noon();
    let broker = Broker::start(BrokerOptions::default());
    let heater = SimulatedHeater::start(broker.control(), clock.clone(), HeaterOptions::default());
    let mut devices = vec![ListedDevice::heater(heater.control())];
    devices.extend((0..absent).map(ListedDevice::offline));
    let credential_store = Arc::new(LabCredentialStore::new(clock.clone()));
    let cloud = SimulatedCloud::start(clock.clone(), credential_store, devices, options).await.unwrap();
    CloudFixture { clock, cloud, heater, _broker: broker }
}

impl CloudFixture {
    async fn post(&self, path: &str, token: Option<&str>, body: Value) -> HttpReply {
        post(&self.cloud.url(), path, token, &body).await
    }

    async fn sign_in(&self) -> Value {
        let control = self.cloud.control();
        let (email, password) = (control.email(), control.password());
        let body = json!({ "userId": email, "password": password.expose_secret() });
        let answer = self.post("/user/sign-in", None, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn token(&self) -> String {
        self.sign_in().await["data"]["token"]["accessToken"].as_str().unwrap().to_owned()
    }

    async fn list(&self, token: &str, offset: u64, count: u64) -> HttpReply {
        let email = self.cloud.control().email();
        let body = json!({ "offset": offset, "count": count, "userId": email });
        self.post("/device/list", Some(token), body).await
    }
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The same keys and kinds of values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
        other => other.clone(),
    }
}

#[tokio::test]
async fn sign_in_gives_the_fields_of_the_reference() {
    let scene = scene(0, CloudOptions::default()).await;
    let signed_in = scene.sign_in().await;
    let reference = fixture(include_str!("../../../tests/fixtures/navien-sign-in.json"));
    assert_eq!(shape(&signed_in), shape(&reference));
    let token = &signed_in["data"]["token"];
    assert_eq!(
        (&token["authenticationExpiresIn"], &token["authorizationExpiresIn"]),
        (&json!(3600), &json!(3600))
    );
    assert_eq!(token["accessToken"].as_str().unwrap().split('.').count(), 3);
    let again = scene.sign_in().await;
    for field in ["accessToken", "refreshToken", "accessKeyId", "secretKey", "sessionToken"] {
        assert_ne!(again["data"]["token"][field], token[field], "{field}");
    }
}

#[tokio::test]
async fn the_lab_remembers_every_secret() {
    let scene = scene(0, CloudOptions::default()).await;
    let control = scene.cloud.control();
    let mut expected = vec![control.email(), control.password().expose_secret().to_owned(), "another".into()];
    for _ in 0..2 {
        let signed_in = scene.sign_in().await;
        let fields = ["idToken", "accessToken", "refreshToken", "accessKeyId", "secretKey", "sessionToken"];
        expected.extend(fields.map(|field| signed_in["data"]["token"][field].as_str().unwrap().to_owned()));
    }
    control.change_password("another");
    control.expire_tokens();
    control.revoke_refresh_tokens();
    let mut known: Vec<String> =
        control.secrets().iter().map(|secret| secret.value.expose_secret().to_owned()).collect();
    known.sort();
    expected.sort();
    assert_eq!(known, expected);
}

#[tokio::test]
async fn a_wrong_password_is_401_in_the_envelope() {
    let scene = scene(0, CloudOptions::default()).await;
    let control = scene.cloud.control();
    let email = control.email();
    for (body, code) in [
        (json!({ "userId": email, "password": "wrong" }), 401),
        (json!({ "userId": "else@example.invalid", "password": control.password().expose_secret() }), 401),
        (json!({ "userId": email }), 400),
        (json!([]), 400),
    ] {
        let answer = scene.post("/user/sign-in", None, body.clone()).await;
        assert_eq!((answer.code(), answer.status), (u64::from(code), code), "{body}");
        assert_eq!(answer.json()["data"], Value::Null);
        assert_eq!(answer.json()["msg"].as_str().unwrap().contains("Invalid"), code == 401);
    }
    control.change_password("another");
    let answer = scene.post("/user/sign-in", None, json!({ "userId": email, "password": "another" })).await;
    assert_eq!(answer.code(), 200);
    let broken = send("POST", &scene.cloud.url(), "/user/sign-in", None, b"{").await;
    assert_eq!(broken.code(), 400);
}

#[tokio::test]
async fn the_device_list_has_pages_of_twenty() {
    let scene = scene(25, CloudOptions::default()).await;
    let token = scene.token().await;
    let first = scene.list(&token, 0, 20).await.json();
    let reference = fixture(include_str!("../../../tests/fixtures/navien-device-list.json"));
    assert_eq!(shape(&first["data"][0]), shape(&reference["data"][0]));
    assert_eq!(first["data"][0]["deviceInfo"]["macAddress"], "aabbccddeeff");
    assert_eq!(first["data"][0]["deviceInfo"]["connected"], 2);
    assert_eq!(
        (&first["data"][1]["deviceInfo"]["connected"], &first["data"][1]["location"]),
        (&json!(1), &json!({}))
    );
    let mut seen = Vec::new();
    for (offset, count, expected) in [(0, 20, 20), (20, 20, 6), (40, 20, 0), (0, 1000, 20), (25, 5, 1)] {
        let page = scene.list(&token, offset, count).await.json();
        let page = page["data"].as_array().unwrap().clone();
        assert_eq!(page.len(), expected, "{count} from {offset}");
        if count == 20 {
            seen.extend(page.iter().map(|device| device["deviceInfo"]["macAddress"].to_string()));
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 26);
    scene.heater.control().go_offline();
    assert_eq!(scene.list(&token, 0, 20).await.json()["data"][0]["deviceInfo"]["connected"], 1);
}

#[tokio::test]
async fn one_device_is_found_by_its_address() {
    let scene = scene(1, CloudOptions::default()).await;
    let (token, email) = (scene.token().await, scene.cloud.control().email());
    let request = |mac: &str, additional: &str| json!({ "macAddress": mac, "additionalValue": additional, "userId": email });
    let found = scene.post("/device/info", Some(&token), request("aabbccddeeff", "5322")).await.json();
    assert_eq!(found["data"], scene.list(&token, 0, 1).await.json()["data"][0]);
    assert_eq!(scene.post("/device/info", Some(&token), request("aabbccddeeff", "0")).await.code(), 404);
    let foreign = json!({ "macAddress": "aabbccddeeff", "additionalValue": "5322", "userId": "else" });
    assert_eq!(scene.post("/device/info", Some(&token), foreign).await.code(), 403);
}

#[tokio::test]
async fn only_the_raw_token_is_accepted() {
    let scene = scene(0, CloudOptions::default()).await;
    let token = scene.token().await;
    assert_eq!(scene.list(&token, 0, 20).await.code(), 200);
    for wrong in [format!("Bearer {token}"), format!("{token}x"), String::new()] {
        assert_eq!(scene.list(&wrong, 0, 20).await.code(), 401, "{wrong}");
    }
    assert_eq!(scene.post("/device/list", None, json!({})).await.code(), 401);
    assert_eq!(send("GET", &scene.cloud.url(), "/device/list", Some(&token), b"").await.code(), 405);
    assert_eq!(scene.post("/device/unheard-of", Some(&token), json!({})).await.code(), 404);
}

#[tokio::test]
async fn tokens_expire_and_are_refreshed() {
    let scene = scene(0, CloudOptions::default()).await;
    let signed_in = scene.sign_in().await["data"]["token"].clone();
    let (token, refresh) = (signed_in["accessToken"].as_str().unwrap(), &signed_in["refreshToken"]);
    scene.clock.skip(3590);
    assert_eq!(scene.list(token, 0, 20).await.code(), 200);
    scene.clock.skip(10);
    assert_eq!(scene.list(token, 0, 20).await.code(), 401);
    let refreshed = scene.post("/auth/refresh", None, json!({ "refreshToken": refresh })).await.json();
    let fresh = refreshed["data"]["accessToken"].as_str().unwrap();
    assert_ne!(fresh, token);
    assert_eq!((&refreshed["data"]["refreshToken"], refreshed["data"].get("accessKeyId")), (refresh, None));
    assert_eq!(scene.list(fresh, 0, 20).await.code(), 200);
    let control = scene.cloud.control();
    control.expire_tokens();
    assert_eq!(scene.list(fresh, 0, 20).await.code(), 401);
    control.revoke_refresh_tokens();
    assert_eq!(scene.post("/auth/refresh", None, json!({ "refreshToken": refresh })).await.code(), 401);
}

#[tokio::test]
async fn a_refresh_gives_credentials_if_configured() {
    let options = CloudOptions { refresh_gives_credentials: true, ..CloudOptions::default() };
    let scene = scene(0, options).await;
    let token = scene.sign_in().await["data"]["token"].clone();
    let request = json!({ "refreshToken": token["refreshToken"] });
    let refreshed = scene.post("/auth/refresh", None, request).await.json();
    assert_eq!(shape(&refreshed["data"]), shape(&token));
    assert_ne!(refreshed["data"]["accessKeyId"], token["accessKeyId"]);
}

#[tokio::test]
async fn injected_faults_replace_answers_and_end() {
    let scene = scene(0, CloudOptions::default()).await;
    let (token, control) = (scene.token().await, scene.cloud.control());
    control.inject_fault(&CloudFault::Malformed, 1);
    control.inject_fault(&CloudFault::BadGateway, 1);
    control.inject_fault(&CloudFault::Failure { code: 500, message: "Invalid parameter".into() }, 1);
    control.inject_fault(&CloudFault::NoData, 1);
    control.inject_fault(&CloudFault::HangUp, 1);
    let malformed = scene.list(&token, 0, 20).await;
    assert!(malformed.status == 200 && malformed.head.contains("application/json"), "{}", malformed.head);
    assert!(serde_json::from_str::<Value>(&malformed.body).is_err());
    let gateway = scene.list(&token, 0, 20).await;
    assert!(
        gateway.status == 502 && gateway.head.contains("text/html") && gateway.body.starts_with("<html>")
    );
    let failure = scene.list(&token, 0, 20).await;
    assert_eq!((failure.code(), failure.json()["msg"].as_str()), (500, Some("Invalid parameter")));
    assert_eq!(scene.list(&token, 0, 20).await.json().get("data"), None);
    assert_eq!(scene.list(&token, 0, 20).await.status, 0);
    let healthy = scene.list(&token, 0, 20).await;
    assert!(healthy.code() == 200 && healthy.head.contains("date: "), "{}", healthy.head);
    let served = control.served();
    assert_eq!(served[0], ServedRequest { path: "/user/sign-in".into(), code: 200 });
    let codes: Vec<u16> = served[1..].iter().map(|served| served.code).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 200]);
}

#[tokio::test]
async fn a_hanging_answer_ends_with_the_cloud_and_the_port_is_free() {
    let scene = scene(0, CloudOptions::default()).await;
    let (control, url) = (scene.cloud.control(), scene.cloud.url());
    control.inject_fault(&CloudFault::Hang, 100);
    let waiting = tokio::spawn(async move { post(&url, "/user/sign-in", None, &json!({})).await.status });
    while control.served().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    control.clear_faults();
    assert_eq!(scene.post("/user/sign-in", None, json!({})).await.code(), 400, "others are served");
    assert!(!waiting.is_finished());
    let host = scene.cloud.url().split('/').nth(2).unwrap().to_owned();
    assert!(host.starts_with("127.0.0.1:"));
    tokio::time::timeout(Duration::from_secs(5), scene.cloud.stop()).await.unwrap();
    assert_eq!(waiting.await.unwrap(), 0);
    assert!(TcpStream::connect(host).await.is_err());
}
