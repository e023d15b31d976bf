//! The verdict on the screens: every confidence level, at every size.
//!
//! The verdicts are built here, so that these tests are independent of the classifier.

use std::sync::Arc;

use chrono::TimeDelta;
use dropscope::classify::causes::catalogue;
use dropscope::classify::{
    Advice, AdviceAction, Calm, DropPrediction, OutcomeShares, Pattern, PresentFault, PresentFaultKind,
    RankedCause, SecondaryFinding, SeparationTest, Verdict,
};
use dropscope::diagnostics::RunningExperiment;
use dropscope::diagnostics::event::ConnectKind;
use dropscope::state::LiveState;
use dropscope::tui::model::Popup;
use ratatui::style::{Color, Modifier};

use super::{ScreenFixture, color_of, detail, sample, snap};

/// A verdict with these probabilities, the answer first.
fn verdict(published: &LiveState, shares: &[(Pattern, f64, u64)]) -> Verdict {
    let mut verdict = Verdict::undetermined(published.snapshot.at);
    let classification = &mut verdict.classification;
    for one in &mut classification.hypotheses {
        let share = shares.iter().find(|share| share.0 == one.pattern);
        (one.probability, one.hits) = share.map_or((0.0008, 0), |share| (share.1, share.2));
    }
    classification.hypotheses.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    (classification.pattern, classification.confidence) = (shares[0].0, shares[0].1);
    classification.drops = published.snapshot.metrics.total_connection_drops;
    classification.missing = None;
    verdict
}

fn texts(sentences: &[&str]) -> Vec<String> {
    sentences.iter().map(|text| (*text).to_owned()).collect()
}

fn scene(mut published: LiveState, verdict: Verdict) -> ScreenFixture {
    published.verdict = Some(Arc::new(verdict));
    ScreenFixture::new(published)
}

pub(crate) fn sure() -> ScreenFixture {
    let published = sample::after_drops();
    let shares = [
        (Pattern::IdleTimeout, 0.914, 4),
        (Pattern::Random, 0.052, 5),
        (Pattern::KeepAliveTimeout, 0.021, 1),
    ];
    let mut verdict = verdict(&published, &shares);
    verdict.classification.parameters.insert("shortest_fatal_silence_secs".into(), 285.0);
    verdict.classification.evidence = texts(&[
        "4 of 5 drops followed a silence of 285 s or more",
        "sessions survived 212 shorter silences, up to 283 s",
        "at keep-alive 60 s there was no drop in 3 h 30 min",
    ]);
    verdict.classification.missing =
        Some("whether the network was up: no network probe runs beside the connection".into());
    verdict.diagnosis.against = texts(&["1 drop does not fit"]);
    verdict.diagnosis.separate = Some(
        "idle timeout or random loss: one longer silence that is survived, or a shorter keep-alive under which it \
         still drops, decides"
            .into(),
    );
    let text = "a keep-alive of 240 s or less ends it";
    verdict.diagnosis.next = Advice::new(text, AdviceAction::ShortenKeepAlive);
    verdict.diagnosis.outcomes =
        OutcomeShares { network: 0.88, server: 0.06, client: 0.02, environment: 0.04 };
    scene(published, verdict)
}

/// With causes of the catalog and a prediction.
pub(crate) fn two_causes() -> ScreenFixture {
    let published = sample::thousand_drops();
    let shares = [
        (Pattern::FixedLifetime, 0.71, 760),
        (Pattern::ClientIdTakeover, 0.264, 282),
        (Pattern::Scheduled, 0.012, 300),
    ];
    let mut verdict = verdict(&published, &shares);
    verdict.classification.confidence = 0.974;
    verdict.classification.evidence = texts(&[
        "760 of 1150 drops came when the session was 2 h old (± 1 s); no session lived longer",
        "the same at 3 keep-alive values: it is not about silence",
        "282 of 1150 drops: reason code 0x8E (session taken over)",
    ]);
    verdict.diagnosis.also = vec![
        SecondaryFinding {
            pattern: Pattern::ClientIdTakeover,
            hits: 282,
            sentence: "282 drops show that another client with the same client id takes over the session"
                .into(),
        },
        SecondaryFinding {
            pattern: Pattern::Outage,
            hits: 14,
            sentence: "14 drops show that for minutes at a time no connect succeeds".into(),
        },
    ];
    verdict.diagnosis.against = texts(&["94 drops do not fit"]);
    let cause =
        |id: &str, name: &str, probability| RankedCause { id: id.into(), name: name.into(), probability };
    verdict.diagnosis.causes = vec![
        cause("broker_lifetime", "the broker limits the length of a connection", 0.62),
        cause("token_lifetime", "a token that lives as long as the session", 0.31),
    ];
    let text = "reconnect on purpose shortly before 2 h";
    verdict.diagnosis.next = Advice::new(text, AdviceAction::Outside);
    let at = published.snapshot.at.wall + TimeDelta::seconds(725);
    verdict.diagnosis.expected = Some(DropPrediction { at, within_secs: 1.2 });
    scene(published, verdict)
}

/// Undetermined, with a pattern that leads.
pub(crate) fn lead() -> ScreenFixture {
    let published = sample::after_drops();
    let shares = [
        (Pattern::Undetermined, 0.44, 0),
        (Pattern::FixedLifetime, 0.38, 3),
        (Pattern::Scheduled, 0.12, 3),
        (Pattern::Random, 0.05, 5),
    ];
    let mut verdict = verdict(&published, &shares);
    verdict.classification.evidence = texts(&[
        "first indication (fixed lifetime): 3 of 5 drops came when the session was 4 h 20 min old (± 37 s); no session lived \
         longer",
    ]);
    verdict.classification.missing =
        Some("5 drops in 21 h 21 min; 3 more are needed, at this rate in about 12 h 48 min".into());
    verdict.diagnosis.separate = Some(
        "fixed lifetime or scheduled: reconnect once at a time of your choice: a lifetime moves with the connect, a \
         schedule does not"
            .into(),
    );
    let text = "reconnect now: a lifetime moves with the connect, a schedule does not";
    verdict.diagnosis.next = Advice::new(text, AdviceAction::Reconnect);
    scene(published, verdict)
}

fn few() -> ScreenFixture {
    let mut run = sample::Run::new(60).started("mqtts://broker.example", "dropscope-7f3a");
    run.connect(ConnectKind::Connected, 0);
    run.live(3_000.0);
    run.hangup(58.0);
    run.advance(1.9);
    run.connect(ConnectKind::Resumed, 1);
    run.live(20.0);
    let published = run.published();
    let mut verdict = verdict(&published, &[(Pattern::Undetermined, 0.999, 0)]);
    verdict.classification.missing =
        Some("1 drop in 50 min; 2 more are needed, at this rate in about 1 h 40 min".into());
    let text = "leave it running, and read the newest drop";
    verdict.diagnosis.next = Advice::new(text, AdviceAction::OpenDrop);
    scene(published, verdict)
}

fn nothing_yet() -> ScreenFixture {
    let published = sample::quiet();
    let verdict = Verdict::undetermined(published.snapshot.at);
    scene(published, verdict)
}

/// The broker's certificate expired before the first connect.
fn never_connected() -> ScreenFixture {
    let published = sample::connecting();
    let mut verdict = Verdict::undetermined(published.snapshot.at);
    verdict.diagnosis.now = Some(PresentFault {
        until: None,
        kind: PresentFaultKind::Certificate,
        since: published.snapshot.at.wall - TimeDelta::minutes(7),
        attempts: 12,
        sentence: "the server's certificate has expired: valid until 2026-11-03".into(),
        advice: "have the certificate renewed, or set the clock of this computer".into(),
    });
    scene(published, verdict)
}

/// A pattern is known, and a shorter keep-alive has ended the drops.
fn cured() -> ScreenFixture {
    let fixture = sure();
    let mut published = fixture.published.clone();
    let mut verdict = published.verdict.as_deref().expect("a verdict").clone();
    verdict.diagnosis.calm = Some(Calm {
        has_other_client_id: false,
        since: published.snapshot.at.wall - TimeDelta::hours(5),
        keep_alive_secs: Some(60.0),
        connected_secs: 17_900.0,
        drops: 0,
        expected: 8.4,
        secs_per_drop_before: 2_131.0,
    });
    published.verdict = Some(Arc::new(verdict));
    ScreenFixture::new(published)
}

/// Another client or something else; `runs` for how long the test has been running.
fn separating(runs: Option<TimeDelta>) -> ScreenFixture {
    let mut published = sample::after_drops();
    let shares = [(Pattern::ClientIdTakeover, 0.89, 5), (Pattern::Bursty, 0.04, 5)];
    let mut verdict = verdict(&published, &shares);
    let test = SeparationTest::FreshClientId;
    verdict.classification.evidence =
        texts(&["all 5 drops: the peer closed soon after the connect, 3 s on average (1 s to 9 s)"]);
    verdict.diagnosis.separate =
        Some(format!("another client or something else: {}. {}", test.title(), test.description()));
    verdict.diagnosis.separation = Some(test.clone());
    published.snapshot.experiment = runs.map(|runs| {
        let since = published.snapshot.at.minus(runs.to_std().expect("a duration"));
        let title = (RunningExperiment::TITLE.to_owned(), test.title().into());
        let id = SeparationTest::EXPERIMENT_ID.to_owned();
        Arc::new(RunningExperiment { id, since, details: [title].into() })
    });
    scene(published, verdict)
}

#[test]
fn separating_test_is_offered_confirmed_and_shown_while_it_runs() {
    snap("separation-offered", &separating(None));
    let question = Popup::Separate(SeparationTest::FreshClientId);
    snap("separation-question", &separating(None).with(|model| model.popup = Some(question)));
    snap("separation-running", &separating(Some(TimeDelta::minutes(12))));
    snap("separation-full", &why(separating(None)));
}

fn why(scene: ScreenFixture) -> ScreenFixture {
    scene.with(|model| model.popup = Some(Popup::Why { scroll: 0 }))
}

#[test]
fn why_panel_for_each_confidence_level() {
    snap("why-sure", &sure());
    snap("why-two-causes", &two_causes());
    snap("why-lead", &lead());
    snap("why-few", &few());
    snap("why-nothing-yet", &nothing_yet());
    snap("why-never-connected", &never_connected());
    snap("why-cured", &cured());
}

#[test]
fn why_popup() {
    snap("why-full-sure", &why(sure()));
    snap("why-full-two-causes", &why(two_causes()));
    snap("why-full-lead", &why(lead()));
    snap("why-full-nothing-yet", &why(nothing_yet()));
    snap("why-full-never-connected", &why(never_connected()));
    snap("why-full-cured", &why(cured()));
}

#[test]
fn listed_cause_shows_its_check_and_its_fix() {
    let cause = &catalogue()[0];
    let ScreenFixture { published, .. } = sure();
    let mut verdict = (**published.verdict.as_ref().expect("one")).clone();
    verdict.diagnosis.causes =
        vec![RankedCause { id: cause.id.clone(), name: cause.name.clone(), probability: 0.8 }];
    let text = why(scene(published, verdict)).text(200, 100);
    for sentence in [&cause.name, &cause.meaning, &cause.client_check[0], &cause.fix[0]] {
        let start: String = sentence.chars().take(40).collect();
        assert!(text.contains(&start), "{start}\n{text}");
    }
    assert!(text.contains(" check ") && text.contains(" fix "), "{text}");
}

#[test]
fn drop_detail_shows_how_it_fits_the_verdict() {
    snap("why-drop", &sure().with(detail(3)));
}

#[test]
fn smallest_screens() {
    for (name, scene) in [("sure", sure()), ("two-causes", two_causes()), ("lead", lead())] {
        insta::assert_snapshot!(format!("why-{name}-20x5"), scene.text(20, 5));
        insta::assert_snapshot!(format!("why-{name}-60x20"), scene.text(60, 20));
    }
}

#[test]
fn ascii_without_color() {
    for (name, scene) in [("panel", sure()), ("full", why(two_causes()))] {
        let scene = scene.plain();
        snap(&format!("why-ascii-{name}"), &scene);
        for cell in scene.buffer(120, 40).content() {
            assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn why_panel_shows_answer_and_probability_at_any_size() {
    for (scene, expected) in [
        (sure(), ["IDLE TIMEOUT", "91 % sure"]),
        (two_causes(), ["FIXED LIFETIME", "97 % sure"]),
        (lead(), ["NO CLEAR PATTERN YET", "at best fixed lifetime, 38 %"]),
    ] {
        for (width, height) in [(40, 20), (50, 21), (72, 22), (80, 24), (103, 30), (120, 40), (200, 60)] {
            let text = scene.text(width, height);
            // Three rows have room for the next step and the headline only; the headline names no pattern.
            let expected = if height < 22 && expected[1].starts_with("at best") {
                &expected[..1]
            } else {
                &expected[..]
            };
            for part in expected {
                assert!(text.contains(part), "{width}x{height} {part}\n{text}");
            }
        }
    }
}

#[test]
fn why_panel_cuts_no_sentence() {
    for scene in [sure(), two_causes(), lead(), few(), nothing_yet()] {
        for (width, height) in [(72, 22), (80, 24), (120, 40)] {
            let text = scene.text(width, height);
            let panel = text
                .lines()
                .skip_while(|line| !line.contains(" Why "))
                .take_while(|line| !line.contains(" Drops "));
            let cut = panel
                .map(|line| line.rsplit('│').nth(1).unwrap_or_default().trim_end())
                .find(|line| line.ends_with('…'));
            assert_eq!(cut, None, "{width}x{height}\n{text}");
        }
    }
}

#[test]
fn confidence_is_shown_by_color_and_word() {
    assert_eq!(color_of(&sure(), "91 % sure"), (Color::Green, Modifier::BOLD));
    assert_eq!(color_of(&sure(), "\u{2212} 1 drop").0, Color::Red);
}

#[test]
fn prediction_is_shown_only_while_valid() {
    let is_shown = |change: fn(&mut LiveState)| {
        let ScreenFixture { mut published, .. } = two_causes();
        change(&mut published);
        ScreenFixture::new(published).text(80, 24).contains("next expected")
    };
    assert!(is_shown(|_| {}));
    assert!(!is_shown(|published| {
        let mut verdict = (**published.verdict.as_ref().expect("one")).clone();
        let at = published.snapshot.at.wall - TimeDelta::seconds(5);
        verdict.diagnosis.expected = Some(DropPrediction { at, within_secs: 1.2 });
        published.verdict = Some(Arc::new(verdict));
    }));
    assert!(!is_shown(|published| published.snapshot = sample::reconnecting().snapshot), "the link is down");
    assert!(
        !is_shown(|published| {
            let mut verdict = (**published.verdict.as_ref().expect("one")).clone();
            verdict.at = published.snapshot.since;
            published.verdict = Some(Arc::new(verdict));
        }),
        "a verdict on an earlier session"
    );
}
