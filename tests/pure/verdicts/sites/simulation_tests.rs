//! The simulation is honest: what it records is what a client can see.

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::DropKind;

use super::kinds::KINDS;
use super::sampler::Sampler;

#[test]
fn no_packet_arrives_after_the_death_and_no_drop_is_noticed_before_it() {
    for (kind, plan_of) in KINDS {
        let mut sampler = Sampler::new(kind, 3, 0);
        let plan = plan_of(&mut sampler);
        let trace = super::simulation::simulate(&plan.site, &mut sampler);
        for drop in &trace.drops {
            assert!(drop.died <= drop.at && drop.connected <= drop.died, "{kind}: {drop:?}");
            let arrived = trace.lines.iter().filter(|line| {
                matches!(line.event, Event::Received(_) | Event::Ping { .. } | Event::Subscribed { .. })
                    && line.at > drop.died
                    && line.at < drop.at
            });
            assert_eq!(arrived.count(), 0, "{kind}: {drop:?}");
        }
        assert!(trace.lines.windows(2).all(|pair| pair[0].at <= pair[1].at), "{kind}");
    }
}

#[test]
fn a_lost_path_is_noticed_at_a_deadline() {
    for seed in 0..30 {
        let mut sampler = Sampler::new("day_talkers", seed, 0);
        let plan = super::kinds::KINDS[1].1(&mut sampler);
        let client = &plan.site.client;
        let trace = super::simulation::simulate(&plan.site, &mut sampler);
        let noticed = trace.lines.iter().filter_map(|line| match &line.event {
            Event::Dropped(dropped) => Some((dropped.how, dropped.last_tx_secs)),
            _ => None,
        });
        for (how, sent) in noticed.filter(|(how, _)| *how == Some(DropKind::PingTimeout)) {
            let ago = sent.expect("recorded");
            assert!(ago <= client.ping_timeout + 0.01, "seed {seed}: {how:?} {ago} s after the last packet");
        }
    }
}

#[test]
fn a_client_that_hung_sends_nothing_before_it_notices_the_end() {
    for seed in 0..30 {
        let mut sampler = Sampler::new("missed_keep_alives", seed, 0);
        let plan = super::kinds::KINDS[14].1(&mut sampler);
        let trace = super::simulation::simulate(&plan.site, &mut sampler);
        let ends = trace.lines.iter().filter_map(|line| match &line.event {
            Event::Dropped(dropped) => dropped.last_tx_secs,
            _ => None,
        });
        for (drop, sent) in
            trace.drops.iter().zip(ends).filter(|(drop, _)| drop.cause == "keep_alive_timeout")
        {
            assert!(
                sent > 1.4 * plan.site.client.keep_alive,
                "seed {seed}: {drop:?}, {sent} s after a packet"
            );
        }
    }
}

#[test]
fn no_silence_survives_an_idle_limit_in_force() {
    for (kind, plan_of) in KINDS.into_iter().filter(|(kind, _)| ["day_talkers", "cures"].contains(kind)) {
        for seed in 0..30 {
            let mut sampler = Sampler::new(kind, seed, 0);
            let plan = plan_of(&mut sampler);
            let limit = plan.site.idle_limits[0];
            let trace = super::simulation::simulate(&plan.site, &mut sampler);
            let longest = trace.survived.iter().copied().fold(0.0, f64::max);
            let most = limit.limit + limit.tick + 1.0;
            assert!(longest <= most, "{kind} {seed}: {longest} s survived a limit of {most} s");
            for drop in trace.drops.iter().filter(|drop| drop.cause == "idle_timeout") {
                assert!(drop.silence >= limit.limit - 1e-6, "{kind} {seed}: {drop:?}");
            }
        }
    }
}

#[test]
fn a_case_is_the_same_whenever_it_is_drawn_and_reads_back_as_written() {
    for (kind, _) in KINDS {
        let (first, again) = (super::case(kind, 5), super::case(kind, 5));
        assert_eq!(first.events, again.events, "{kind}");
        assert_ne!(first.events, super::case(kind, 6).events, "{kind}");
        let file = crate::verdicts::rendering::file(&first);
        let mut reader =
            dropscope::diagnostics::recording::RecordingReader::new(file.into_bytes().leak() as &[u8]);
        let read: Vec<_> = reader.by_ref().map(|line| line.expect("memory")).collect();
        assert_eq!(reader.stats().skipped(), 0, "{kind}");
        assert_eq!(read.len(), first.events.len(), "{kind}");
    }
}

/// `cargo test --test pure sites::simulation_tests::survey -- --ignored --nocapture` shows what the worlds are like.
#[test]
#[ignore = "prints figures for whoever changes a kind"]
fn survey() {
    let seeds =
        std::env::var("DROPSCOPE_VERDICTS_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    for (kind, _) in KINDS {
        let cases: Vec<_> = (0..seeds).map(|seed| super::labeled_case(kind, seed)).collect();
        println!("{kind}");
        for (case, foreign) in cases {
            let drops = case.events.iter().filter(|one| matches!(one.event, Event::Dropped(_))).count();
            let last = case.events.last().expect("a recording");
            println!(
                "  {:28} {:>4} lines {:>3} drops {:>5.1} h {} {:?} second {:?} foreign {foreign:.2} {:?} {:?} {}",
                case.name,
                case.events.len(),
                drops,
                last.at.boot.as_secs_f64() / 3600.0,
                case.truth,
                case.also,
                case.second,
                case.parameter,
                case.now,
                if case.cured { "cured" } else { "" },
            );
        }
    }
}
