//! The account against scripted answers: which requests it sends, how often, and the effect of each answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{EMAIL, PASSWORD, settings};
use crate::clock::TokioClock;
use crate::diagnostics::Clock as _;
use crate::diagnostics::Transport::Wss;
use crate::diagnostics::event::Layer;
use crate::mqtt::connector::BoxFuture;
use crate::mqtt::settings::BrokerAddress;
use crate::mqtt::signer::Signer as _;
use crate::navien::account::rest::{CloudTransport, RequestBody, RestResponse};
use crate::navien::account::{Account, AccountError};
use crate::navien::connection::AccountSigner;

enum ScriptedAnswer {
    Respond(u16, String),
    Hang,
    Unreachable,
}

#[derive(Default)]
struct ScriptedTransport {
    answers: Mutex<VecDeque<ScriptedAnswer>>,
    requests: Mutex<Vec<(String, Option<String>, Value)>>,
}

impl std::fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl ScriptedTransport {
    fn push(&self, line: ScriptedAnswer) -> &Self {
        self.answers.lock().unwrap().push_back(line);
        self
    }

    fn ok(&self, data: &Value) -> &Self {
        self.push(ScriptedAnswer::Respond(
            200,
            json!({ "code": 200, "msg": "SUCCESS", "data": data }).to_string(),
        ))
    }

    fn fail(&self, code: u16, msg: &str) -> &Self {
        self.push(ScriptedAnswer::Respond(
            code,
            json!({ "code": code, "msg": msg, "data": null }).to_string(),
        ))
    }

    fn paths(&self) -> Vec<String> {
        self.requests.lock().unwrap().drain(..).map(|(path, ..)| path).collect()
    }
}

impl CloudTransport for ScriptedTransport {
    fn post<'a>(
        &'a self,
        path: &'a str,
        token: Option<&'a SecretString>,
        body: RequestBody,
    ) -> BoxFuture<'a, Result<RestResponse, AccountError>> {
        let body = serde_json::from_slice(&body.into_bytes()).unwrap();
        let token = token.map(|token| token.expose_secret().to_owned());
        self.requests.lock().unwrap().push((path.to_owned(), token, body));
        let line = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            // An answer takes time, in which other callers arrive.
            tokio::time::sleep(Duration::from_millis(10)).await;
            match line.expect("an answer for every request") {
                ScriptedAnswer::Respond(status, body) => {
                    Ok(RestResponse { status, body: body.into_bytes().into() })
                }
                ScriptedAnswer::Hang => std::future::pending().await,
                ScriptedAnswer::Unreachable => {
                    Err(AccountError::Unreachable { layer: Layer::Dns, why: "no such name".to_owned() })
                }
            }
        })
    }
}

/// Numbered tokens with these lifetimes in seconds.
fn token(number: u32, access_secs: u64, keys_secs: Option<u64>) -> Value {
    json!({
        "idToken": "", "accessToken": format!("access-{number}"), "refreshToken": format!("refresh-{number}"),
        "authenticationExpiresIn": access_secs, "accessKeyId": format!("ASIA{number}"),
        "secretKey": format!("secret-{number}"), "sessionToken": format!("session-{number}"),
        "authorizationExpiresIn": keys_secs,
    })
}

fn signed_in(number: u32, access_secs: u64, keys_secs: Option<u64>) -> Value {
    json!({ "userInfo": { "userType": "O", "userSeq": 7 }, "legal": [], "token": token(number, access_secs, keys_secs) })
}

fn scene() -> (Arc<ScriptedTransport>, Arc<TokioClock>, Account) {
    let (script, clock) = (Arc::new(ScriptedTransport::default()), TokioClock::at_noon());
    let account = Account::new(settings(None), script.clone(), clock.clone());
    (script, clock, account)
}

async fn key(account: &Account, fresh: bool) -> String {
    account.credentials(fresh).await.unwrap().keys.access_key_id
}

#[tokio::test(start_paused = true)]
async fn concurrent_callers_share_one_request() {
    let (script, clock, account) = scene();
    script.ok(&signed_in(1, 3600, Some(3600)));
    let (a, b, c, d) =
        tokio::join!(key(&account, false), key(&account, true), key(&account, false), account.sign_in());
    assert_eq!((a, b, c, d.unwrap().number), ("ASIA1".into(), "ASIA1".into(), "ASIA1".into(), Some(7)));
    assert_eq!(script.paths(), ["/user/sign-in"]);

    clock.skip(3600);
    script.ok(&token(2, 3600, None)).ok(&json!([])).ok(&json!([]));
    let (one, two) = tokio::join!(account.devices(), account.devices());
    assert!(one.unwrap().is_empty() && two.unwrap().is_empty());
    assert_eq!(script.paths(), ["/auth/refresh", "/device/list", "/device/list"]);

    // Both callers find their token refused; one of them renews it for both.
    for _ in 0..2 {
        script.fail(401, "Unauthorized");
    }
    script.ok(&token(3, 3600, None)).ok(&json!([])).ok(&json!([]));
    let (one, two) = tokio::join!(account.devices(), account.devices());
    assert!(one.is_ok() && two.is_ok());
    let requests = script.paths();
    assert_eq!(requests.iter().filter(|path| *path == "/auth/refresh").count(), 1, "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_times_out_after_thirty_seconds() {
    let (script, _, account) = scene();
    script.push(ScriptedAnswer::Hang);
    let began = Instant::now();
    let error = account.sign_in().await.unwrap_err();
    assert_eq!(error, AccountError::TimedOut(Duration::from_secs(30)));
    assert!(!error.is_fatal() && error.to_string().contains("30 s"));
    assert_eq!(began.elapsed().as_secs(), 30);
    script.ok(&signed_in(1, 3600, Some(3600)));
    assert!(account.sign_in().await.is_ok(), "the next request is not blocked");
}

#[tokio::test(start_paused = true)]
async fn only_a_real_401_is_a_wrong_password() {
    let html = "<html><body>Invalid session, unauthorized</body></html>";
    for (status, body, is_fatal) in [
        (401, r#"{"code":401,"msg":"Invalid email or password","data":null}"#, true),
        (200, r#"{"code":401,"msg":"NO","data":""}"#, true),
        (200, r#"{"code":"401"}"#, true),
        (401, r#"{"msg":"x"}"#, true),
        (500, r#"{"code":500,"msg":"Invalid parameter"}"#, false),
        (200, r#"{"code":403,"msg":"unauthorized","data":null}"#, false),
        (401, html, false),
        (502, html, false),
        (200, r#"{"code":200,"msg":"SUCCESS","data":{"tok"#, false),
        (200, r#"{"code":200,"msg":"SUCCESS"}"#, false),
        (200, r#"{"code":200,"data":{"token":{"accessToken":""}}}"#, false),
        (200, r#"{"code":200,"data":{"token":[]}}"#, false),
        (500, r#"{"code":200,"data":{"token":{"accessToken":"a"}}}"#, false),
        (200, "", false),
        (204, "null", false),
        (200, "[]", false),
    ] {
        let (script, _, account) = scene();
        script.push(ScriptedAnswer::Respond(status, body.to_owned()));
        let error = account.credentials(false).await.unwrap_err();
        assert_eq!(error.is_fatal(), is_fatal, "{status} {body}: {error}");
        assert_eq!(error == AccountError::WrongPassword, is_fatal);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_with_401_leads_to_a_sign_in() {
    let (script, clock, account) = scene();
    script.ok(&signed_in(1, 3600, Some(7200)));
    account.sign_in().await.unwrap();
    clock.skip(3400);
    script.fail(401, "Invalid refresh token").ok(&signed_in(2, 3600, Some(7200))).ok(&json!([]));
    account.devices().await.unwrap();
    assert_eq!(script.paths(), ["/user/sign-in", "/auth/refresh", "/user/sign-in", "/device/list"]);
}

#[tokio::test(start_paused = true)]
async fn tokens_and_keys_expire_independently() {
    // The keys expire first: only a sign-in gives new ones.
    let (script, clock, account) = scene();
    script.ok(&signed_in(1, 7200, Some(1800)));
    let first = account.credentials(false).await.unwrap();
    assert_eq!(first.expires_at.unwrap() - clock.now().wall, chrono::TimeDelta::milliseconds(1_799_990 + 10));
    clock.skip(1600);
    assert_eq!(key(&account, false).await, "ASIA1");
    script.ok(&json!([]));
    account.devices().await.unwrap();
    clock.skip(30);
    script.ok(&signed_in(2, 7200, Some(1800)));
    assert_eq!(key(&account, false).await, "ASIA2", "a tenth of its lifetime before expiry");
    assert_eq!(script.paths(), ["/user/sign-in", "/device/list", "/user/sign-in"]);

    // A refresh without keys does not extend the lifetime of the old ones.
    let (script, clock, account) = scene();
    script.ok(&signed_in(1, 1800, Some(3600)));
    account.sign_in().await.unwrap();
    clock.skip(1700);
    let without = json!({ "accessToken": "access-2", "authenticationExpiresIn": "3600", "accessKeyId": "", "secretKey": null });
    script.ok(&without).ok(&json!([]));
    account.devices().await.unwrap();
    assert_eq!(script.requests.lock().unwrap().last().unwrap().1.as_deref(), Some("access-2"));
    let credentials = account.credentials(false).await.unwrap();
    assert_eq!(
        (
            credentials.keys.access_key_id.as_str(),
            (credentials.expires_at.unwrap() - clock.now().wall).num_seconds()
        ),
        ("ASIA1", 1899)
    );
    clock.skip(1610);
    script.ok(&signed_in(3, 1800, Some(3600)));
    assert_eq!(key(&account, false).await, "ASIA3");

    // A refresh with keys does.
    clock.skip(1700);
    script.ok(&token(4, 3600, Some(3600))).ok(&json!([]));
    account.devices().await.unwrap();
    clock.skip(1700);
    assert_eq!(key(&account, false).await, "ASIA4");
    // The refresh without a refresh token of its own kept the old one.
    let requests = script.requests.lock().unwrap();
    let refreshed: Vec<_> = requests
        .iter()
        .filter(|(path, ..)| path == "/auth/refresh")
        .map(|(.., body)| body["refreshToken"].clone())
        .collect();
    assert_eq!(refreshed, ["refresh-1", "refresh-3"]);
}

#[tokio::test(start_paused = true)]
async fn refused_keys_are_replaced_at_most_once_a_minute() {
    let (script, clock, account) = scene();
    script.ok(&signed_in(1, 3600, None));
    let first = account.credentials(false).await.unwrap();
    assert_eq!(first.expires_at, None, "an unreported expiry stays unknown");
    script.ok(&signed_in(2, 3600, None));
    assert_eq!(key(&account, true).await, "ASIA2");
    // Refused again at once: the keys are not the cause.
    assert_eq!(key(&account, true).await, "ASIA2");
    clock.skip(60);
    script.ok(&signed_in(3, 3600, None));
    assert_eq!(key(&account, true).await, "ASIA3");
    assert_eq!(script.paths().len(), 3);
    // Without a reported expiry the documented lifetime is assumed.
    clock.skip(3400);
    script.ok(&signed_in(4, 3600, None));
    assert_eq!(key(&account, false).await, "ASIA4");
}

#[tokio::test(start_paused = true)]
async fn short_lifetimes_are_used_up_and_an_outage_before_expiry_is_harmless() {
    let (script, clock, account) = scene();
    script.ok(&signed_in(1, 20, Some(20)));
    account.sign_in().await.unwrap();
    clock.skip(17);
    assert_eq!(key(&account, false).await, "ASIA1");
    clock.skip(1);
    for line in [ScriptedAnswer::Unreachable, ScriptedAnswer::Respond(502, "<html>".to_owned())] {
        script.push(line);
        assert_eq!(key(&account, false).await, "ASIA1", "due but not expired");
    }
    script.push(ScriptedAnswer::Unreachable).ok(&json!([]));
    assert!(account.devices().await.is_ok(), "the access token as well");
    clock.skip(2);
    script.push(ScriptedAnswer::Unreachable).push(ScriptedAnswer::Unreachable);
    assert!(account.credentials(false).await.is_err() && account.devices().await.is_err());
    script.fail(401, "Invalid email or password");
    assert_eq!(account.credentials(false).await.unwrap_err(), AccountError::WrongPassword);
}

#[tokio::test(start_paused = true)]
async fn a_cloud_outage_does_not_block_reconnects_while_keys_are_valid() {
    let (script, clock, account) = scene();
    let endpoint =
        BrokerAddress { transport: Wss, host: "iot.example".into(), port: 443, path: "/mqtt".into() };
    let signer = AccountSigner::new(Arc::new(account), &endpoint, clock.clone());
    script.ok(&signed_in(1, 3600, Some(3600)));
    let first = signer.sign(false).await.unwrap();
    let target = first.path_and_query.expose_secret();
    assert!(target.starts_with("/mqtt?X-Amz-Algorithm=") && target.contains("ASIA1%2F20"), "{target}");
    assert_eq!((first.expires_at.unwrap() - clock.now().wall).num_seconds(), 3600);
    // A reconnect asks for fresh keys although the old ones were not refused.
    script.push(ScriptedAnswer::Unreachable);
    assert_eq!(signer.sign(true).await.unwrap().expires_at, first.expires_at);
    signer.on_refused(403, None);
    script.push(ScriptedAnswer::Unreachable);
    let failure = signer.sign(true).await.unwrap_err();
    assert_eq!((failure.layer, failure.is_permanent, failure.http_status), (Layer::Dns, false, None));
    let refused = "AWS refused the credentials, and there are no new ones: the cloud cannot be reached";
    assert!(failure.detail.starts_with(refused), "{}", failure.detail);
    script.ok(&signed_in(2, 3600, Some(3600)));
    assert_ne!(signer.sign(true).await.unwrap().expires_at, first.expires_at);
    // Expired keys are not used.
    clock.skip(3600);
    script.push(ScriptedAnswer::Unreachable);
    let failure = signer.sign(true).await.unwrap_err();
    let over = "the AWS credentials have expired, and there are no new ones: the cloud cannot be reached";
    assert!(failure.detail.starts_with(over), "{}", failure.detail);
    script.fail(401, "Invalid email or password");
    let failure = signer.sign(false).await.unwrap_err();
    assert_eq!((failure.is_permanent, failure.http_status), (true, Some(401)));
    let shown = format!("{signer:?} {failure:?}");
    assert!(!shown.contains(EMAIL) && !shown.contains("ASIA"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn an_endless_device_list_is_bounded() {
    let (script, _, account) = scene();
    let page: Value = (0..20)
        .map(|number| json!({ "deviceInfo": { "macAddress": format!("aabbccddee{number:02}") } }))
        .collect();
    script.ok(&signed_in(1, 3600, Some(3600))).ok(&page).ok(&page);
    assert_eq!(account.devices().await.unwrap().len(), 20);
    script.ok(&page).ok(&json!([null]));
    assert_eq!(account.devices().await.unwrap().len(), 20);
    let requests = script.requests.lock().unwrap();
    assert_eq!(requests[2].2, json!({ "offset": 20, "count": 20, "userId": EMAIL }));
    assert_eq!(requests[2].1.as_deref(), Some("access-1"), "raw, without Bearer");
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_shown() {
    let (script, _, account) = scene();
    script.ok(&signed_in(1, 3600, Some(3600)));
    let credentials = account.credentials(false).await.unwrap();
    script.fail(400, &format!("no such user {EMAIL}\u{1b}[2J"));
    let error = account.devices().await.unwrap_err();
    let body = RequestBody::json(&json!({ "password": PASSWORD }));
    let answer = RestResponse { status: 200, body: PASSWORD.as_bytes().to_vec().into() };
    let shown = format!(
        "{account:?} {credentials:?} {error} {error:?} {body:?} {answer:?} {:?} {:?}",
        settings(None),
        account.user().await
    );
    for private in [EMAIL, PASSWORD, "access-1", "refresh-1", "ASIA1", "secret-1", "session-1", "\u{1b}"] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
    assert!(shown.contains("no such user (e-mail)"), "{shown}");
}
