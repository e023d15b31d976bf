//! Each cause of a drop is named on the screen and in the export.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dropscope::classify::Pattern;
use dropscope::diagnostics::event::Phase;
use dropscope::lab::{CloudFault, NavienLabOptions, Policy};
use dropscope::state::{LiveState, MonitorRequest};
use serde_json::Value;
use tokio::time::sleep;

use crate::navien::running::{Running, start};
use crate::navien::scene::NavienFixture;
use crate::navien::signing::{sign_in, signing_link};

/// The client id, also used by the rival client.
const ID: &str = "navien-client-0a1b2c3d";

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn scene(scale: f64, credentials_life: Duration) -> NavienFixture {
    NavienFixture::new(NavienLabOptions {
        scale,
        credentials_lifetime: credentials_life,
        ..NavienLabOptions::default()
    })
    .await
}

/// Whether the verdict has this pattern and this cause of the catalogue.
fn has_cause(state: &LiveState, pattern: Pattern, cause: &str) -> bool {
    let verdict = state.verdict.as_ref();
    verdict.is_some_and(|verdict| {
        verdict.classification.pattern == pattern && verdict.cause().is_some_and(|best| best.id == cause)
    })
}

/// Asserts that all these words are in each of the texts.
fn assert_contains(texts: &[String], words: &[&str]) {
    for text in texts {
        for word in words {
            assert!(text.contains(word), "{word:?} is missing in\n{text}");
        }
    }
}

/// The classification and its evidence in the export.
fn classification(export: &Value) -> (&str, &str, String) {
    let (classification, follows) =
        (&export["dropscope"]["classification"], &export["dropscope"]["diagnosis"]);
    let of = |value: &'static str| classification[value].as_str().unwrap();
    (of("pattern"), follows["causes"][0]["name"].as_str().unwrap(), classification["evidence"].to_string())
}

fn error_names(export: &Value) -> Vec<String> {
    let drops = export["recent_drops"].as_array().unwrap();
    drops.iter().map(|drop| drop["error_name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_ended_after_24_hours_is_a_fixed_lifetime() {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    // A day is six seconds, and half a minute of field time two milliseconds: a busy computer blurs the age.
    let scene = scene(14_400.0, YEAR).await;
    let mut running = start(&scene, ID, |link| link.keep_alive_secs = 1200).await;
    let up = running.until_connected(0).await;
    assert_contains(&running.panel(&up, "Link"), &["CONNECTED", "websocket", " h left"]);
    let named = |state: &LiveState| has_cause(state, Pattern::FixedLifetime, "websocket_lifetime");
    let state = running.until("a lifetime of 24 h", named).await;
    let name = "AWS ends WebSocket connections after 24 hours";
    let [small, large] = running.panel(&state, "Why");
    assert_contains(&[small, large], &["FIXED LIFETIME", name]);
    let newest = state.snapshot.metrics.total_connection_drops;
    assert_contains(
        &[running.drop(&state, newest)],
        &["ended by WebSocket closed, layer WebSocket", "The session lasted 1 d."],
    );
    let export = running.end().await;
    let (pattern, cause, evidence) = classification(&export);
    assert_eq!((pattern, cause), ("fixed_lifetime", name));
    assert!(evidence.contains("24 h") || evidence.contains("1 d"), "{evidence}");
    let limit = export["dropscope"]["classification"]["parameters"]["limit_secs"].as_f64().unwrap();
    assert!((limit - 86_400.0).abs() < 400.0, "{limit}");
    assert!(error_names(&export).iter().all(|name| name == "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_topic_is_a_rejected_publish() {
    let scene = scene(5.0, Duration::from_secs(86_400)).await;
    let base = format!("cmd/52/navilink-{}", scene.control.heater.identity().mac_address);
    let (good, bad) = (format!("{base}/st"), format!("{base}/ctrl"));
    let all = vec!["cmd/#".to_owned()];
    scene.control.rules.set_policy(Policy {
        publish: all.clone(),
        subscribe: all,
        denied: vec![bad.clone()],
    });
    let mut running = start(&scene, ID, |_| ()).await;
    let publish = |topic: &str| MonitorRequest::Publish {
        topic: topic.to_owned(),
        payload: "{}".into(),
        qos: 1,
        retain: false,
    };
    let named = |state: &LiveState| has_cause(state, Pattern::PublishTriggered, "refused_by_policy");
    let (mut state, mut drops) = (running.until_connected(0).await, 0);
    while !named(&state) {
        assert!(drops < 12, "not named after {drops} drops: {:#?}", state.verdict);
        for _ in 0..=drops % 3 {
            running.send_request(publish(&good)).await;
            sleep(millis(300)).await;
        }
        running.send_request(publish(&bad)).await;
        drops += 1;
        state = running.until_connected(drops).await;
    }
    // Two of two is a finding, so that the topic need not be published to a third time.
    assert!(drops >= 2, "no verdict after {drops} drops");
    let name = "the broker refuses what the client asks for";
    let panel = running.panel(&state, "Why");
    assert_contains(&panel, &["REJECTED PUBLISH", name, "Correct the topic or the policy:", "/ctrl\""]);
    assert_contains(&panel[1..], &["publishes to \"cmd/52/navilink-device/ctrl\" were followed by a drop"]);
    assert_contains(
        &[running.drop(&state, drops)],
        &["bytes to cmd/52/navilink-device/ctrl", "the broker may have refused that"],
    );
    let export = running.end().await;
    let (pattern, cause, evidence) = classification(&export);
    assert_eq!((pattern, cause), ("publish_triggered", name));
    assert!(evidence.contains("cmd/52/navilink-device/ctrl"), "{evidence}");
    assert_eq!(scene.recorded(ID, "credentials"), 1, "the credentials stay the same");
    let last = &export["dropscope"]["drops"][0]["last_packets"];
    assert!(last.to_string().contains("navilink-device/ctrl"), "{last}");
    assert!(error_names(&export).iter().all(|name| name == "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_client_with_the_same_id_is_a_takeover() {
    let scene = scene(5.0, Duration::from_secs(86_400)).await;
    let mut running = start(&scene, ID, |_| ()).await;
    running.until_connected(0).await;
    let credentials = sign_in(&scene.lab.rest_url, &scene.lab.email, &scene.lab.password).await;
    let mut rival =
        signing_link(&scene.lab.iot_endpoint, &scene.authority(), &Arc::new(Mutex::new(credentials)));
    rival.connect();
    let rival = tokio::spawn(async move {
        loop {
            rival.next().await;
        }
    });
    let named = |state: &LiveState| has_cause(state, Pattern::ClientIdTakeover, "client_id_taken");
    let state = running.until("a takeover", named).await;
    let name = "another client uses the same client id";
    assert_contains(&running.panel(&state, "Why"), &["CLIENT ID TAKEN OVER", name]);
    let newest = state.snapshot.metrics.total_connection_drops;
    assert_contains(&[running.drop(&state, newest)], &["ended by WebSocket closed", "client id taken over"]);
    let export = running.export().await;
    rival.abort();
    let (pattern, cause, evidence) = classification(&export);
    assert_eq!((pattern, cause), ("client_id_takeover", name));
    assert!(evidence.contains("two clients that take the session from each other"), "{evidence}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_credentials_are_shown_and_named_as_the_cause() {
    // An hour is four seconds.
    let scene = scene(900.0, Duration::from_secs(3600)).await;
    let mut running = start(&scene, ID, |link| link.keep_alive_secs = 300).await;
    let up = running.until_connected(0).await;
    assert_contains(&running.panel(&up, "Link"), &["CONNECTED", "min websocket 24.0 h left"]);

    // They expire during a session: the countdown ends, and the session stays connected.
    let over = |state: &LiveState| {
        state.snapshot.credentials_expire_at.is_some_and(|end| state.snapshot.at.wall > end)
    };
    let state = running.until("expired credentials", over).await;
    assert_contains(&running.panel(&state, "Link"), &["CONNECTED", "credentials expired"]);
    let pings = state.snapshot.session.pings;
    let lives = |state: &LiveState| state.snapshot.session.pings > pings + 3;
    let state = running.until("a session that lives on", lives).await;
    assert_eq!(state.snapshot.metrics.total_connection_drops, 0);

    // The next connect has new credentials and is not refused.
    let sign_ins = scene.request_count("/user/sign-in");
    scene.drop_connection(ID).await;
    let state = running.until_connected(1).await;
    assert_eq!(
        (state.snapshot.metrics.connect_failures, scene.request_count("/user/sign-in")),
        (0, sign_ins + 1)
    );

    // Withdrawn early: refused, followed by a sign-in.
    scene.control.rules.credential_store().expire_all();
    scene.drop_connection(ID).await;
    let state = running.until_connected(2).await;
    let words = ["the credentials are not accepted: expired, revoked", "HTTP 403"];
    assert_contains(&[running.drop(&state, 2)], &words);
    let export = running.export().await;
    let after = &export["dropscope"]["drops"][1]["after"];
    assert_contains(&[after.to_string()], &words);

    assert_no_new_credentials(&scene, &mut running).await;
    let export = running.end().await;
    let (pattern, cause, evidence) = classification(&export);
    assert_eq!((pattern, cause), ("outage", "the credentials have expired"));
    assert!(evidence.contains("connects failed meanwhile, mostly at"), "{evidence}");
    let names = &export["dropscope"]["connect_failures"]["by_error"];
    for name in ["AWS_AUTH_SIGNING_NO_CREDENTIALS", "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"] {
        assert!(names[name].as_u64() >= Some(3), "{names}");
    }
}

/// Several expiries while the cloud gives no new credentials for a while.
async fn assert_no_new_credentials(scene: &NavienFixture, running: &mut Running<'_>) {
    for drops in 3..6 {
        scene.control.rules.credential_store().expire_all();
        scene.control.cloud.inject_fault(&CloudFault::BadGateway, 1_000);
        scene.drop_connection(ID).await;
        let fails = |state: &LiveState| {
            let failed = state.snapshot.last_failure.as_ref();
            failed.is_some_and(|failed| failed.phase == Some(Phase::Credentials) && failed.attempt_number > 3)
        };
        let state = running.until("no new credentials", fails).await;
        let words = ["last attempt failed in credentials: AWS refused the credentials, and there are no new"];
        assert_contains(&running.panel(&state, "Link")[1..], &words);
        assert_contains(&running.panel(&state, "Link"), &["in credentials: AWS refused the credentials"]);
        let facts = running.export().await["dropscope"]["evidence"]["facts"].to_string();
        assert_contains(
            &[facts],
            &["AWS refused the credentials, and there are no new ones: invalid answer"],
        );
        scene.control.cloud.clear_faults();
        running.until_connected(drops).await;
        sleep(millis(700)).await;
    }
    let named = |state: &LiveState| has_cause(state, Pattern::Outage, "credentials_expired");
    let state = running.until("credentials as the cause", named).await;
    assert_contains(&running.panel(&state, "Why"), &["the credentials have expired"]);
}
