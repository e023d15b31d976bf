//! The examples run to their end against the lab and show what they promise.

#[path = "../../examples/record_and_analyze.rs"]
mod record_and_analyze;
#[path = "../../examples/rumqttc.rs"]
mod rumqttc_client;

#[tokio::test]
async fn the_collector_counts_the_drops_of_a_rumqttc_client() {
    let mut collector = rumqttc_client::run().await.unwrap();
    let metrics = collector.get_metrics();
    assert_eq!((metrics.total_sessions, metrics.total_connection_drops), (3, 3));
    let drops = collector.get_recent_drops(10);
    let names: Vec<_> = drops.iter().filter_map(|drop| drop.event.error_name.as_deref()).collect();
    assert_eq!(names, ["AWS_IO_SOCKET_CLOSED"; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_of_the_link_is_analyzed() {
    let dir = tempfile::tempdir().unwrap();
    let text = record_and_analyze::run(dir.path()).await.unwrap();
    assert!(text.contains("AWS_IO_SOCKET_CLOSED") && text.contains("run.jsonl"), "{text}");
}

#[test]
fn both_examples_end_without_an_error() {
    rumqttc_client::main().unwrap();
    record_and_analyze::main().unwrap();
}
