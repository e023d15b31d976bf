//! A monitor in this process: account, link and monitor wired as in the program, with scaled time.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, LinkState, NameMask, Transport};
use dropscope::export::{RecorderSettings, RecorderTarget};
use dropscope::monitor::{self, DeviceSettings, MonitorHandle, MonitorSettings};
use dropscope::mqtt::Link;
use dropscope::mqtt::settings::{AddressFamily, BrokerAddress, LinkSettings};
use dropscope::navien::account::{Account, AccountDevice, AccountSettings, HttpTransport, select_device};
use dropscope::navien::connection::AccountSigner;
use dropscope::navien::heater::{Heater, HeaterSettings};
use dropscope::navien::protocol::topic::{self, ClientIdentity};
use dropscope::report_writer::ReportSettings;
use dropscope::state::{LiveState, MonitorRequest};
use serde_json::Value;

use crate::navien::scene::NavienFixture;
use crate::navien::screen::{SIZES, Screen};
use crate::navien::settings;

/// Longer than any scenario here takes on a busy computer.
pub(crate) const STATE_TIMEOUT: Duration = Duration::from_secs(90);
/// The host name of the endpoint: AWS is recognized by it. It is not resolved.
const AWS: &str = "lab-ats.iot.us-east-1.amazonaws.com";

/// A running monitor.
pub(crate) struct Running<'a> {
    scene: &'a NavienFixture,
    handle: MonitorHandle,
    export: PathBuf,
}

/// Starts watching with an account of its own; records and exports into the scene's home. Sends no automatic
/// commands.
pub(crate) async fn start<'a>(
    scene: &'a NavienFixture,
    id: &str,
    adjust: impl FnOnce(&mut LinkSettings),
) -> Running<'a> {
    watch(scene, id, true, adjust).await
}

/// Like [`start`]; with automatic status requests unless the link is quiet.
pub(crate) async fn watch<'a>(
    scene: &'a NavienFixture,
    id: &str,
    quiet: bool,
    adjust: impl FnOnce(&mut LinkSettings),
) -> Running<'a> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let port = scene.lab.iot_endpoint.rsplit(':').next().unwrap().trim_end_matches("/mqtt").parse().unwrap();
    let mut link = settings(Transport::Wss, port, id);
    link.tls.ca_file = Some(scene.authority());
    link.time_scale = scene.scale;
    let account = Arc::new(account(scene, &clock));
    let device = select_device(&account.devices().await.unwrap(), None).unwrap().device;
    link.signer = Some(Arc::new(AccountSigner::new(account, &link.broker, Arc::clone(&clock))));
    adjust(&mut link);
    let export = scene.home.path().join(format!("exports/{id}.json"));
    let reports = ReportSettings {
        file: Some(export.clone()),
        at_exit: true,
        ..ReportSettings::new(scene.home.path().join("exports"))
    };
    let recording = RecorderTarget::File(scene.home.path().join(format!("{id}.jsonl")));
    let shown_broker = BrokerAddress { host: AWS.into(), ..link.broker.clone() };
    let settings = MonitorSettings {
        recorder: Some(RecorderSettings::new(recording)),
        device: Some(DeviceSettings { device: Box::new(heater(&device, id, &*clock)), quiet }),
        name_mask: NameMask::new([(device.mac_address, "device".to_owned())]),
        ..MonitorSettings::new(LinkSettings { broker: shown_broker, ..link.clone() }, reports)
    };
    let link = Link::new(link, Arc::clone(&clock)).unwrap();
    let (handle, _) = monitor::spawn_with(link, settings, clock);
    Running { scene, handle, export }
}

fn heater(device: &AccountDevice, id: &str, clock: &dyn Clock) -> Heater {
    let address =
        topic::DeviceAddress::new(device.device_type, &device.mac_address, &device.additional_value);
    let client = ClientIdentity::new(id, "00112233445566778899aabbccddeeff").unwrap();
    Heater::new(&device.name, address.unwrap(), client, HeaterSettings::default(), clock.now().wall)
}

fn account(scene: &NavienFixture, clock: &Arc<dyn Clock>) -> Account {
    let settings = AccountSettings {
        email: scene.lab.email.clone(),
        password: scene.control.cloud.password(),
        cloud: scene.lab.rest_url.clone(),
        cache: Some(scene.tokens()),
    };
    let url = scene.lab.rest_url.parse().unwrap();
    let transport = HttpTransport::new(url, None, AddressFamily::V4, Arc::clone(clock)).unwrap();
    Account::new(settings, Arc::new(transport), Arc::clone(clock))
}

impl Running<'_> {
    /// The first state that matches.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        is_match: impl FnMut(&LiveState) -> bool,
    ) -> Arc<LiveState> {
        let mut is_match = is_match;
        let fits = self.handle.live_state.wait_for(|state| is_match(state));
        let found = tokio::time::timeout(STATE_TIMEOUT, fits).await.map(|found| found.unwrap().clone());
        found.unwrap_or_else(|_| {
            let last = self.handle.live_state.borrow().clone();
            let classification =
                last.verdict.as_ref().map(|verdict| (&verdict.classification, &verdict.diagnosis));
            let screen = Screen::overview(&last, SIZES[1]).text();
            panic!("never: {what}\n{screen}\n{classification:#?}")
        })
    }

    /// Waits for a subscribed session after this many drops.
    pub(crate) async fn until_connected(&mut self, drops: u64) -> Arc<LiveState> {
        let is_up = |state: &LiveState| {
            let snapshot = &state.snapshot;
            matches!(snapshot.link, LinkState::Connected { .. })
                && snapshot.session.subscriptions == 2
                && snapshot.metrics.total_connection_drops >= drops
        };
        self.until(&format!("up after {drops} drops"), is_up).await
    }

    pub(crate) async fn send_request(&self, request: MonitorRequest) {
        self.handle.requests.send(request).await.unwrap();
    }

    /// A panel of the Overview at both sizes; kept for the search for secrets.
    pub(crate) fn panel(&self, state: &LiveState, title: &str) -> [String; 2] {
        SIZES.map(|size| self.without_secrets(&Screen::overview(state, size)).panel(title))
    }

    /// The Device screen at both sizes.
    pub(crate) fn device(&self, state: &LiveState) -> [String; 2] {
        SIZES.map(|size| self.without_secrets(&Screen::device(state, size)).text())
    }

    /// A drop in detail, as one line.
    pub(crate) fn drop(&self, state: &LiveState, number: u64) -> String {
        self.without_secrets(&Screen::drop(state, number)).panel(&format!("Drop {number}"))
    }

    fn without_secrets<'b>(&self, screen: &'b Screen) -> &'b Screen {
        self.scene.new_file("screen").1.write_all(screen.text().as_bytes()).unwrap();
        screen
    }

    /// A new export.
    pub(crate) async fn export(&mut self) -> Value {
        let _ = fs::remove_file(&self.export);
        self.send_request(MonitorRequest::Export).await;
        let written = async {
            // It replaces the old one atomically.
            while !self.export.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(STATE_TIMEOUT, written).await.unwrap();
        serde_json::from_slice(&fs::read(&self.export).unwrap()).unwrap()
    }

    /// Ends the run; its last export.
    pub(crate) async fn end(self) -> Value {
        self.send_request(MonitorRequest::Report).await;
        self.send_request(MonitorRequest::Shutdown).await;
        tokio::time::timeout(STATE_TIMEOUT, self.handle.finished()).await.unwrap().unwrap();
        assert!(self.scene.has_written(".md", "#") && self.scene.has_written(".screen", "Link"));
        serde_json::from_slice(&fs::read(&self.export).unwrap()).unwrap()
    }
}
