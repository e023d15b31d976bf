//! Failures of the account and a wrong clock of this computer, as shown by the program.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, ClockReading};
use dropscope::lab::NavienLabOptions;
use serde_json::{Value, json};

use crate::navien::scene::{NavienFixture, Watch};
use crate::navien::screen::{SIZES, Screen, state_after};

/// The lab's clock, which differs from this computer's.
#[derive(Debug)]
struct SkewedClock(SystemClock, TimeDelta);

impl Clock for SkewedClock {
    fn read(&self) -> ClockReading {
        let mut reading = self.0.read();
        reading.stamp.wall += self.1;
        reading
    }
}

/// The panels of the Overview that explain the missing session, at both sizes.
fn panels(watch: &Watch) -> Vec<(String, String)> {
    let state = state_after(watch.output());
    let screens = SIZES.map(|size| Screen::overview(&state, size));
    screens.iter().map(|screen| (screen.panel("Link"), screen.panel("Why"))).collect()
}

/// The failed connects in the export.
fn failures(export: &Value) -> String {
    let marks = export["dropscope"]["evidence"]["marks"].as_array().unwrap();
    let failed = marks.iter().filter(|mark| mark["kind"] == "connect_failed");
    failed.map(|mark| mark["text"].as_str().unwrap().to_owned() + "\n").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_is_shown_with_its_offset() {
    for (minutes, words) in [
        (14_i64, "this computer's clock is 14 min behind the server's: signatures are refused"),
        (-180, "this computer's clock is 3 h ahead of the server's: signatures are refused"),
    ] {
        // A little more, because the amount is cut to whole minutes and the server's time to whole seconds.
        let off = TimeDelta::seconds(minutes * 60 + 20 * minutes.signum());
        let clock = Arc::new(SkewedClock(SystemClock::new(), off));
        let scene = NavienFixture::with_clock(clock, NavienLabOptions::default()).await;
        let retry_args = ["--max-reconnect-attempts", "2", "--initial-reconnect-delay", "0.1"];
        let mut watch = scene.watch(&retry_args);
        for _ in 0..2 {
            let failed = watch.next("connect_failed");
            assert_eq!((&failed["phase"], &failed["http_status"]), (&json!("websocket"), &json!(403)));
            assert!(failed["error_message"].as_str().unwrap().contains(words), "{failed}");
            let (name, message) = (failed["error_name"].as_str().unwrap(), failed.to_string());
            assert_eq!(name, "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE", "{message}");
        }
        let denied = scene.control.rules.last_denial().map(|denied| denied.to_string());
        assert!(denied.is_some_and(|why| why.contains("clock is")), "the lab checks the date");
        for (link, why) in panels(&watch) {
            // Lines are cut at the edge of the screen, but after the words that matter.
            let seen = &words[..words.find(" the server's").unwrap()];
            assert!(link.contains(&format!("last attempt failed in WebSocket: {seen}")), "{link}");
            assert!(
                why.contains("CANNOT CONNECT") && why.contains("set the clock of this computer"),
                "{why}"
            );
        }
        // On a larger screen the Why panel shows it as well.
        let (_, why) = panels(&watch).pop().unwrap();
        assert!(why.contains(words), "{why}");
        let (code, output) = watch.wait_for_exit();
        assert_eq!(code, Some(4), "{output}");
        assert!(output.contains(words), "{output}");
        let export = scene.export();
        assert!(failures(&export).contains(words), "{export:#}");
        let facts = export["dropscope"]["evidence"]["facts"].to_string();
        assert!(facts.contains(words), "{facts}");
        // There was never a session, so there are no statements about drops.
        assert_eq!(export["dropscope"]["classification"]["pattern"], "undetermined");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_changed_meanwhile_ends_the_run() {
    let scene = NavienFixture::new(NavienLabOptions::default()).await;
    let mut watch = scene.watch(&["--profile", "nwp500-default", "--initial-reconnect-delay", "0.1"]);
    let started = watch.next("started");
    assert_eq!(started["keep_alive_secs"], json!(1200));
    watch.next("subscribed");
    scene.control.cloud.change_password("another one");
    scene.control.rules.credential_store().expire_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.drop_connection(started["client_id"].as_str().unwrap()).await;
    let words = "the cloud does not accept this e-mail address and password";
    let failed = watch.until("connect_failed", |event| event["phase"] == "credentials");
    assert!(failed["error_message"].as_str().unwrap().contains(words), "{failed}");
    for (link, _) in panels(&watch) {
        assert!(link.contains("last attempt failed in credentials: the cloud does not accept"), "{link}");
    }
    let (code, output) = watch.wait_for_exit();
    assert_eq!((code, output.contains(words)), (Some(4), true), "{output}");
    let export = scene.export();
    assert!(failures(&export).contains(words), "{export:#}");
    let after = export["dropscope"]["drops"][0]["after"].to_string();
    assert!(after.contains("HTTP 403") && after.contains(words), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_refresh_token_leads_to_one_sign_in() {
    let scene = NavienFixture::new(NavienLabOptions::default()).await;
    let watch_once = || {
        let mut watch = scene.watch(&[]);
        watch.next("subscribed");
        watch.end()
    };
    let (code, output) = watch_once();
    assert_eq!(code, Some(0), "{output}");
    let request_counts = || ["/user/sign-in", "/auth/refresh"].map(|path| scene.request_count(path));
    assert_eq!(request_counts(), [1, 0]);

    // The access token expired: the refresh token gives another one.
    scene.control.cloud.expire_tokens();
    let (code, output) = watch_once();
    assert_eq!((code, request_counts()), (Some(0), [1, 1]), "{output}");

    // The refresh token expired as well.
    scene.control.cloud.expire_tokens();
    scene.control.cloud.revoke_refresh_tokens();
    let (code, output) = watch_once();
    assert_eq!((code, request_counts()), (Some(0), [2, 2]), "{output}");
    let export = scene.export();
    assert_eq!(export["dropscope"]["connect_failures"]["total"], 0);
    assert_eq!(failures(&export), "");

    // The next run uses the result.
    let (code, output) = watch_once();
    assert_eq!((code, request_counts()), (Some(0), [2, 2]), "{output}");
}
