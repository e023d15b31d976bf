//! The water heater at the broker, in simulated time.

use std::time::Duration;

use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::time::Instant;

use super::client::{ConnectOptions, TestClient, TestPacket, connect_options};
use crate::clock::TokioClock;
use crate::diagnostics::MqttVersion;
use crate::lab::{
    AnswerCorruption, AnswerMode, Broker, BrokerOptions, Fault, HeaterControl, HeaterOptions, SimulatedHeater,
};

const ALL: &str = "cmd/52/navilink-aabbccddeeff/#";
const ANSWERS: &str = "cmd/52/navilink-aabbccddeeff/navien-client-0a1b2c3d/res";

struct HeaterFixture {
    broker: Broker,
    heater: SimulatedHeater,
    control: HeaterControl,
    app: TestClient<DuplexStream>,
}

async fn scene(scale: f64) -> HeaterFixture {
    let broker = Broker::start(BrokerOptions::default());
    let options = HeaterOptions { scale, simulates_draws: false, ..HeaterOptions::default() };
    let heater = SimulatedHeater::start(broker.control(), TokioClock::at_noon(), options);
    let control = heater.control();
    control.connected(1).await;
    let (ours, theirs) = tokio::io::duplex(1 << 18);
    broker.attach(theirs);
    let (mut app, _) = TestClient::connect(
        ours,
        ConnectOptions { keep_alive: 0, ..connect_options(MqttVersion::V311, "app") },
    )
    .await;
    assert_eq!(app.subscribe(ALL, 1).await, TestPacket::SubAck(vec![1]));
    HeaterFixture { broker, heater, control, app }
}

impl HeaterFixture {
    /// Sends a command of the reference client and reads the broker's PUBACK and the echo.
    async fn send(&mut self, command: &str) {
        let commands = include_str!("../../../tests/fixtures/navien-commands.json");
        let command = serde_json::from_str::<Value>(commands).unwrap()[command].take();
        let topic = command["topic"].as_str().unwrap();
        self.app.publish(topic, &command["payload"].to_string(), 1, false).await;
        assert_eq!(self.app.next().await, TestPacket::PubAck(9));
        match self.app.next().await {
            TestPacket::Publish { topic: echo, .. } => assert_eq!(echo, topic),
            other => panic!("{other:?}"),
        }
    }

    /// Topic and payload of the next message; `None` after five minutes of silence.
    async fn next_publish(&mut self) -> Option<(String, String)> {
        match self.app.next_within(Duration::from_secs(300)).await {
            TestPacket::Publish { topic, payload, qos, retain, .. } => {
                assert_eq!((qos, retain), (1, false));
                Some((topic, payload))
            }
            TestPacket::Silence => None,
            other => panic!("{other:?}"),
        }
    }

    async fn status(&mut self) -> Option<Value> {
        self.send("request_device_status").await;
        let (topic, payload) = self.next_publish().await?;
        assert_eq!(topic, ANSWERS);
        Some(serde_json::from_str::<Value>(&payload).unwrap()["response"]["status"].take())
    }

    async fn connections(&self, expected: usize) {
        self.broker.control().wait_for(|counts| counts.connections == expected).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_and_commands_applied() {
    let mut scene = scene(1.0).await;
    assert_eq!(scene.status().await.unwrap()["dhwOperationSetting"], 3);
    scene.send("set_power_off").await;
    let (topic, payload) = scene.next_publish().await.unwrap();
    let answer: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(topic, ANSWERS);
    assert_eq!(answer["response"]["status"]["dhwOperationSetting"], 6);
    assert_eq!(scene.control.status()["dhwOperationSetting"], 6);
    // The app's own subscription does not cover these answers; another one does.
    assert_eq!(
        scene.app.subscribe("cmd/52/navien-client-0a1b2c3d/res/#", 1).await,
        TestPacket::SubAck(vec![1])
    );
    scene.send("request_energy_usage").await;
    let (topic, _) = scene.next_publish().await.unwrap();
    assert_eq!(topic, "cmd/52/navien-client-0a1b2c3d/res/energy-usage-daily-query/rd");
}

#[tokio::test(start_paused = true)]
async fn time_passes_in_the_tank_as_the_scale_says() {
    let mut scene = scene(600.0).await;
    let before = scene.status().await.unwrap();
    assert_eq!((&before["compUse"], before["tankLowerTemperature"].as_i64()), (&2.into(), Some(563)));
    // Twelve seconds are two hours: the setpoint is reached.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let after = scene.status().await.unwrap();
    assert_eq!(after["compUse"], 1);
    assert!(after["tankLowerTemperature"].as_i64().unwrap() > 590, "{after}");
    scene.control.draw_water(60.0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(scene.status().await.unwrap()["tankLowerTemperature"].as_i64().unwrap() < 500);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_answer_arrives_on_time_and_a_silent_device_stays_connected() {
    let mut scene = scene(1.0).await;
    scene.control.set_answer_mode(AnswerMode::Delayed(Duration::from_secs(45)));
    let requested_at = Instant::now();
    assert!(scene.status().await.is_some());
    assert_eq!(requested_at.elapsed().as_secs(), 45);
    scene.control.set_answer_mode(AnswerMode::Silent);
    assert_eq!(scene.status().await, None);
    assert_eq!(scene.broker.control().connections(), 2);
    scene.control.set_answer_mode(AnswerMode::Normal);
    assert!(scene.status().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_corrupted_answer_is_delivered_unchanged() {
    let mut scene = scene(1.0).await;
    scene.control.set_answer_mode(AnswerMode::Corrupted(AnswerCorruption::OtherTopic));
    scene.send("request_device_status").await;
    assert_eq!(scene.next_publish().await.unwrap().0, format!("{ANSWERS}/elsewhere"));
    scene.control.set_answer_mode(AnswerMode::Corrupted(AnswerCorruption::Truncated));
    scene.send("request_device_status").await;
    let (_, payload) = scene.next_publish().await.unwrap();
    assert!(serde_json::from_str::<Value>(&payload).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_offline_device_is_gone_until_it_comes_back() {
    let mut scene = scene(1.0).await;
    scene.control.go_offline();
    scene.connections(1).await;
    assert!(!scene.control.is_online());
    assert_eq!(scene.status().await, None);
    scene.control.go_online();
    scene.control.connected(2).await;
    assert!(scene.status().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_device_connects_again_by_itself_and_at_a_command() {
    let mut scene = scene(1.0).await;
    assert!(scene.broker.control().inject_client("navilink-aabbccddeeff", &Fault::Fin));
    scene.control.connected(2).await;
    assert!(scene.status().await.is_some());
    scene.send("reconnect_wifi").await;
    assert!(scene.next_publish().await.is_some());
    scene.control.connected(3).await;
    scene.send("reset_wifi").await;
    assert!(scene.next_publish().await.is_some());
    scene.connections(1).await;
    assert_eq!(scene.status().await, None);
}

#[tokio::test(start_paused = true)]
async fn the_device_stops_when_dropped() {
    let scene = scene(1.0).await;
    drop(scene.heater);
    scene.broker.control().wait_for(|counts| counts.connections == 1).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), scene.broker.stop()).await.unwrap();
}
