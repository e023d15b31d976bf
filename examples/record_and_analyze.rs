//! Watch a broker with dropscope's own link, record the run, and analyze the recording: the program without a screen.
//!
//! `cargo run --example record_and_analyze` ends by itself: the lab's broker resets two sessions.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use dropscope::analysis::{self, AnalysisReport, TextStyle};
use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Event, Transport};
use dropscope::export::{RecorderSettings, RecorderTarget};
use dropscope::lab::{Broker, BrokerOptions, Fault, ListenerEndpoint};
use dropscope::monitor::{self, MonitorSettings};
use dropscope::mqtt::settings::{BrokerAddress, LinkSettings};
use dropscope::report_writer::ReportSettings;
use dropscope::state::MonitorRequest;

const DROPS: usize = 2;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("dropscope-example-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let text = runtime.block_on(run(&dir));
    std::fs::remove_dir_all(&dir)?;
    println!("{}", text?);
    Ok(())
}

/// Records a run with two drops below `dir` and returns what the analysis of the recording finds.
pub(crate) async fn run(dir: &Path) -> Result<String, Box<dyn Error>> {
    let broker = Broker::start(BrokerOptions::default());
    let port = broker.listen(ListenerEndpoint::Tcp).await?.port();
    let address =
        BrokerAddress { transport: Transport::Tcp, host: "127.0.0.1".into(), port, path: String::new() };
    let recording = dir.join("run.jsonl");
    let reports = ReportSettings::new(dir.join("exports"));
    let settings = MonitorSettings {
        recorder: Some(RecorderSettings::new(RecorderTarget::File(recording.clone()))),
        ..MonitorSettings::new(LinkSettings::new(address, "example"), reports)
    };
    let (handle, mut events) = monitor::spawn(settings, Arc::new(SystemClock::new()))?;
    let mut drops = 0;
    while drops < DROPS {
        match &events.recv().await?.event {
            Event::Connected(_) => _ = broker.control().inject(&Fault::Reset),
            Event::Dropped(_) => drops += 1,
            _ => {}
        }
    }
    handle.requests.send(MonitorRequest::Shutdown).await?;
    handle.finished().await?;
    broker.stop().await;

    let lookup = analysis::find_inputs(&[recording]);
    let (analysis, input) = analysis::analyze(lookup.sources, 1_000);
    let analysis = analysis.ok_or("the recording has no event")?;
    Ok(AnalysisReport::new(&analysis, &input, true).text(TextStyle { color: false, width: 100 }))
}
