use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A QoS 0 PUBLISH of 64 bytes payload, `count` times.
fn flood(count: usize) -> Vec<u8> {
    let mut packet = vec![0x30, 69, 0, 3, b'a', b'/', b'b'];
    packet.extend([0; 64]);
    packet.repeat(count)
}

/// Messages recorded one by one, and messages counted.
fn tally(events: &[Event]) -> (u64, u64) {
    let single = events.iter().filter(|event| matches!(event, Event::Received(_))).count() as u64;
    let counted =
        events.iter().map(|event| if let Event::Traffic { received, .. } = event { *received } else { 0 });
    (single, counted.sum())
}

#[tokio::test(start_paused = true)]
async fn few_messages_are_reported_one_by_one() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        for _ in 0..100 {
            peer.send(&flood(2)).await;
            peer.serve_for(SECOND).await;
        }
    });
    let mut link = script.link(settings());
    assert_eq!(tally(&during(&mut link, 99 * SECOND).await), (198, 0));
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_counted_and_neither_pings_nor_the_end_are_disturbed() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        for tick in 0..1000 {
            peer.send(&flood(100)).await;
            let limit = Duration::from_millis(100);
            // Answers pings between two bursts.
            let started = Instant::now();
            let _ = tokio::time::timeout(limit, async {
                let packet = peer.v4().await;
                assert_eq!(packet, v4::Packet::PingReq, "{tick}");
                peer.answer(packet).await;
                std::future::pending::<()>().await;
            })
            .await;
            assert!(started.elapsed() <= limit);
        }
    });
    let mut link = script.link(LinkSettings { keep_alive_secs: 10, ..settings() });
    let mut events = Vec::new();
    while !events.last().is_some_and(|event| matches!(event, Event::Dropped(_))) {
        events.push(next(&mut link).await.event);
    }
    let (single, counted) = tally(&events);
    assert_eq!(single + counted, 100_000, "all counted before the drop is recorded");
    assert!(single <= 20 * 101, "{single}");
    let kinds = kinds(&events);
    let count = |kind: &str| kinds.iter().filter(|known| **known == kind).count();
    assert!((99..=101).contains(&count("traffic")), "{}", count("traffic"));
    assert!((9..=10).contains(&count("ping")), "{}", count("ping"));
}

#[tokio::test(start_paused = true)]
async fn a_broker_without_pingresp_is_noticed_under_an_endless_flood() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        loop {
            peer.send(&flood(100)).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut link = script.link(settings());
    let (_, at) = until(&mut link, dropped).await;
    assert!(at.boot <= Duration::from_millis(70_010), "{at:?}");
}

/// Real time: the read throughput of one core over memory. An unoptimized build reads about 2 million
/// messages per second; work per message, such as reading a clock, would be visible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_is_fast() {
    const MESSAGES: u64 = 300_000;
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        let burst = flood(1000);
        for _ in 0..MESSAGES / 1000 {
            peer.send(&burst).await;
        }
    });
    let mut link = script.link(settings());
    until(&mut link, connected).await;
    let started = Instant::now();
    let mut events = Vec::new();
    while !events.last().is_some_and(|event| matches!(event, Event::Dropped(_))) {
        events.push(link.next().await.event);
    }
    let (single, counted) = tally(&events);
    assert_eq!(single + counted, MESSAGES);
    println!("{:.0} messages/s", f64::from(300_000) / started.elapsed().as_secs_f64());
    assert!(started.elapsed() < 2 * SECOND, "slower than 150,000 messages a second");
}
