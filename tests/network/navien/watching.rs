//! `dropscope navien` as its user sees it, against the lab's cloud, endpoint and water heater.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dropscope::lab::NavienLabOptions;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::navien::scene::NavienFixture;
use crate::navien::signing::{sign_in, signing_link};
use crate::navien::{connected, heater_answers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_signs_in_shows_the_status_and_renews_expired_credentials() {
    let scene = NavienFixture::new(NavienLabOptions::default()).await;
    let mut watch = scene.watch(&[]);
    let started = watch.next("started");
    let id = started["client_id"].as_str().unwrap().to_owned();
    assert!(id.len() == 22 && id.starts_with("navien-client-"), "{id}");
    assert_eq!((&started["keep_alive_secs"], &started["mqtt_version"]), (&json!(60), &json!("3.1.1")));
    let ends = watch.next("credentials")["expires_at"].clone();
    let attempt = watch.next("attempt");
    let phases: Vec<_> =
        attempt["phases"].as_array().unwrap().iter().map(|phase| phase["phase"].clone()).collect();
    assert_eq!(phases, ["credentials", "dns", "tcp", "tls", "websocket", "connack"]);
    let subscribed = watch.next("subscribed");
    assert_eq!(subscribed["filters"], json!(["cmd/52/navilink-device/#", format!("cmd/52/{id}/res/#")]));
    assert_eq!(subscribed["return_codes"], json!([1, 1]));

    // Requests of another client and the answers of the heater are observed.
    let credentials = sign_in(&scene.lab.rest_url, &scene.lab.email, &scene.lab.password).await;
    let mut other =
        signing_link(&scene.lab.iot_endpoint, &scene.authority(), &Arc::new(Mutex::new(credentials)));
    other.connect();
    connected(&mut other).await;
    heater_answers(&mut other).await;
    let answer = "cmd/52/navilink-device/navien-client-0a1b2c3d/res";
    watch.until("received", |event| event["topic"] == answer);
    drop(other);

    // The keys expire; nothing happens until the next connect, which is refused and followed by a sign-in.
    let sign_ins = scene.request_count("/user/sign-in");
    scene.control.rules.credential_store().expire_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.drop_connection(&id).await;
    watch.next("dropped");
    let failed = watch.next("connect_failed");
    assert_eq!((&failed["http_status"], &failed["phase"]), (&json!(403), &json!("websocket")));
    let new_ends = watch.next("credentials")["expires_at"].clone();
    assert_ne!(new_ends, ends);
    watch.next("connected");
    watch.next("subscribed");
    assert_eq!(scene.request_count("/user/sign-in"), sign_ins + 1);
    let (code, output) = watch.end();
    assert_eq!(code, Some(0), "{output}");

    // A second run needs no sign-in.
    let mut again = scene.watch(&["--profile", "nwp500-default", "--keep-alive", "30"]);
    assert_eq!(again.next("started")["keep_alive_secs"], json!(30));
    again.next("subscribed");
    assert_eq!(scene.request_count("/user/sign-in"), sign_ins + 1);
    let (code, output) = again.end();
    assert_eq!(code, Some(0), "{output}");
    // The files searched at the end of the scene exist.
    for (name, text) in [
        ("navien-tokens.json", "access_token"),
        ("dropscope.log", "observed"),
        ("recordings", "subscribed"),
        ("diagnostics_", "recent_drops"),
        (".out", "subscribed"),
        (".err", "Watching"),
    ] {
        assert!(scene.has_written(name, text), "no {text} in {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_errors_have_a_message_and_an_exit_code() {
    let mut scene =
        NavienFixture::new(NavienLabOptions { absent_devices: 2, ..NavienLabOptions::default() }).await;
    let none = |_: &mut Command| {};
    let (code, output) = scene.run(&[], |command| {
        command.env("NAVIEN_PASSWORD", "wrong-password");
    });
    assert_eq!(
        (code, output.contains("does not accept this e-mail address and password")),
        (Some(4), true),
        "{output}"
    );
    assert!(!output.contains("wrong-password"));
    let (code, output) = scene.run(&[], |command| {
        command.env_remove("NAVIEN_PASSWORD");
    });
    assert_eq!(
        (code, output.contains("NAVIEN_PASSWORD") && output.contains("keyring")),
        (Some(2), true),
        "{output}"
    );
    let (code, output) = scene.run(&[], |command| {
        command.env_remove("NAVIEN_EMAIL");
    });
    assert_eq!((code, output.contains("NAVIEN_EMAIL")), (Some(2), true), "{output}");
    let (code, output) = scene.run(&["--device", "Attic"], none);
    assert_eq!(
        (code, output.contains("Heater 1") && output.contains("aabbcc000001")),
        (Some(2), true),
        "{output}"
    );
    for (option, value, sentence) in [
        ("--api-url", "http://cloud.example/api", "must begin with https://"),
        ("--iot-endpoint", "mqtts://broker.example", "wss://HOST"),
        ("--profile", "soft", "possible values"),
    ] {
        let (code, output) = scene.run(&[option, value], none);
        assert_eq!((code, output.contains(sentence)), (Some(2), true), "{output}");
    }
    let closed = ["--api-url", "http://127.0.0.1:1/api"];
    let (code, output) = scene.run(&closed, none);
    assert_eq!((code, output.contains("cannot be reached")), (Some(3), true), "{output}");

    // A password from a file, a device by its name, and a list where there is a choice.
    let password = format!("{}\n", scene.lab.password.expose_secret());
    scene.write_file("password", &password);
    let from_file = ["--password-file", "password", "--username", &scene.lab.email, "--duration", "1"];
    let (code, output) = scene.run(&from_file, |command| {
        command.env_remove("NAVIEN_PASSWORD").env_remove("NAVIEN_EMAIL");
    });
    assert_eq!(
        (code, output.contains("watching NWP500") && output.contains("Heater 0")),
        (Some(0), true),
        "{output}"
    );
    let (code, output) = scene.run(&["--device", "heater 1", "--duration", "1"], none);
    assert_eq!((code, output.contains("--device chooses")), (Some(0), false), "{output}");
}
