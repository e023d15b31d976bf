//! The catalog is complete, and the ranking agrees with domain knowledge.

use std::collections::BTreeSet;

use super::*;
use crate::diagnostics::event::SystemSource;

/// The rows of the investigation guide.
fn guide_rows() -> Vec<String> {
    [('A', 13), ('B', 8), ('C', 7), ('D', 8)]
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")))
        .collect()
}

fn parse_causes(text: &str) -> Vec<Cause> {
    toml::from_str::<CauseFile>(text).expect("a catalogue").cause
}

#[test]
fn the_catalogue_is_complete() {
    let all: Vec<Cause> = FILES.iter().flat_map(|text| parse_causes(text)).collect();
    assert_eq!(all, catalogue());
    let keys: Vec<&str> = catalogue().iter().filter_map(|cause| cause.key.as_deref()).collect();
    for row in guide_rows() {
        assert_eq!(keys.iter().filter(|key| **key == row).count(), 1, "{row}");
    }
    assert_eq!(keys.len(), guide_rows().len());
    let ids: BTreeSet<&str> = catalogue().iter().map(|cause| cause.id.as_str()).collect();
    assert_eq!(ids.len(), catalogue().len(), "an id is there twice");
    for cause in catalogue() {
        assert!(cause.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        for list in [
            &cause.evidence_for,
            &cause.evidence_against,
            &cause.client_check,
            &cause.server_check,
            &cause.fix,
        ] {
            assert!(!list.is_empty() && list.iter().all(|line| !line.trim().is_empty()), "{}", cause.id);
        }
        assert!(cause.name.len() < 70 && cause.meaning.len() > 40, "{}", cause.id);
        assert!(!cause.look_alikes.is_empty(), "{}", cause.id);
        for look_alike in &cause.look_alikes {
            assert!(ids.contains(look_alike.cause.as_str()), "{}: {}", cause.id, look_alike.cause);
            assert!(
                look_alike.cause != cause.id && !look_alike.how_to_distinguish.is_empty(),
                "{}",
                cause.id
            );
        }
    }
}

#[test]
fn the_text_names_no_metric_or_tool_that_does_not_exist() {
    let wrong = ["NumberOfConnections", "RejectedConnections", "ethtool", "dropscope nat", "wol g"];
    let metric = |word: &str| {
        let known = ["Success", "AuthError", "ClientError", "ServerError", "Throttle", "ClientIDThrottle"];
        let families = ["Connect", "Ping", "PublishIn", "PublishOut", "Subscribe", "Unsubscribe"];
        match word.split_once('.') {
            Some((family, name)) if families.contains(&family) => known.contains(&name),
            _ => true,
        }
    };
    for text in FILES {
        for word in wrong {
            assert!(!text.contains(word), "{word}");
        }
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '.'));
        for word in words.map(|word| word.trim_end_matches('.')) {
            assert!(metric(word), "no such CloudWatch metric: {word}");
        }
    }
}

#[test]
fn the_weights_are_complete_and_name_only_what_exists() {
    let ranking: Ranking = toml::from_str(include_str!("weights.toml")).expect("weights");
    let names: BTreeSet<&str> = full_context().facts().into_keys().collect();
    for pattern in Pattern::ALL {
        let prior = ranking.prior.get(&pattern).unwrap_or_else(|| panic!("no weights for {pattern}"));
        assert!(prior.get(OTHER_CAUSES).is_some_and(|rest| *rest > 0.0), "{pattern}");
        let sum: f64 = prior.values().sum();
        assert!((0.9..=1.1).contains(&sum), "{pattern}: {sum}");
        let outcomes = ranking.outcomes.get(&pattern).unwrap_or_else(|| panic!("no outcomes for {pattern}"));
        assert!((outcomes.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{pattern}");
        for id in prior.keys().filter(|id| *id != OTHER_CAUSES) {
            assert!(cause(id).is_some(), "{pattern} names {id}");
        }
    }
    for clue in &ranking.clue {
        assert!(!clue.why.is_empty() && !clue.when.is_empty() && !clue.times.is_empty());
        for name in clue.when.keys() {
            assert!(names.contains(name.as_str()), "{}: no fact is called {name}", clue.why);
        }
        for (id, factor) in &clue.times {
            assert!(cause(id).is_some(), "{}: {id}", clue.why);
            assert!(factor.is_finite() && *factor >= 0.0, "{}", clue.why);
        }
    }
}

#[test]
fn no_weight_rule_holds_without_facts() {
    let nothing = CauseContext::default().facts();
    for clue in &RANKING.clue {
        assert!(!clue.holds(&nothing), "{} holds for nothing", clue.why);
    }
}

/// A context with every field set, for the names of the facts.
fn full_context() -> CauseContext {
    CauseContext {
        transport: Some("wss".into()),
        is_aws: Some(true),
        keep_alive_secs: Some(60.0),
        limit_secs: Some(60.0),
        period_secs: Some(60.0),
        anchor: Some(Anchor::Connect),
        end_shares: Some(EndShares::default()),
        reason_code: Some(142),
        ws_close_code: Some(1006),
        first_try_share: Some(1.0),
        gateway_failing: Some(0.0),
        internet_failing: Some(0.0),
        dns_failing: Some(0.0),
        failed_phase: Some("tcp".into()),
        connects_refused: Some(true),
        http_status: Some(403),
        system_source: Some(SystemSource::Power),
        mqtt_version: Some("5".into()),
        session_age_secs: Some(60.0),
        credentials_known: Some(true),
        platform: Some("azure".into()),
        pings_sent_in_time: Some(true),
        client_id_is_random: Some(true),
        statement: Some("own_limit".into()),
    }
}

fn top_cause(pattern: Pattern, context: &CauseContext) -> (&'static str, f64) {
    let (cause, probability) = rank(pattern, context)[0];
    (&cause.id, probability)
}

#[test]
fn well_known_cases_rank_their_cause_first() {
    let wss = CauseContext { transport: Some("wss".into()), is_aws: Some(true), ..CauseContext::default() };
    let tls = CauseContext { transport: Some("tls".into()), is_aws: Some(false), ..CauseContext::default() };
    let lifetime_24_h =
        CauseContext { limit_secs: Some(86_400.5), keep_alive_secs: Some(60.0), ..wss.clone() };
    let (top, probability) = top_cause(Pattern::FixedLifetime, &lifetime_24_h);
    assert!(top == "websocket_lifetime" && probability > 0.9, "{top} {probability}");
    let lifetime_24_h_tcp = CauseContext { limit_secs: Some(86_400.0), ..tls.clone() };
    assert!(
        rank(Pattern::FixedLifetime, &lifetime_24_h_tcp)
            .iter()
            .all(|(cause, _)| cause.id != "websocket_lifetime")
    );

    let half_open = CauseContext { limit_secs: Some(1200.4), keep_alive_secs: Some(1200.0), ..wss.clone() };
    let ranked = rank(Pattern::FixedLifetime, &half_open);
    let two: BTreeSet<&str> = ranked[..2].iter().map(|(cause, _)| cause.id.as_str()).collect();
    assert_eq!(two, BTreeSet::from(["keep_alive_missed", "nat_idle_timeout"]), "{ranked:?}");
    let late_detection =
        CauseContext { limit_secs: Some(1801.0), keep_alive_secs: Some(1200.0), ..wss.clone() };
    assert_eq!(top_cause(Pattern::FixedLifetime, &late_detection).0, "keep_alive_missed");

    let idle_behind_proxy = CauseContext {
        limit_secs: Some(60.0),
        anchor: Some(Anchor::Idle),
        end_shares: Some(EndShares { ws_close: 1.0, ..EndShares::default() }),
        ..wss.clone()
    };
    assert_eq!(top_cause(Pattern::IdleTimeout, &idle_behind_proxy).0, "proxy_idle_timeout");
    let idle_behind_nat =
        CauseContext { end_shares: Some(EndShares { silent: 1.0, ..EndShares::default() }), ..tls.clone() };
    let (top, probability) = top_cause(Pattern::IdleTimeout, &idle_behind_nat);
    assert!(top == "nat_idle_timeout" && probability > 0.85, "{probability}");

    let session_taken_over = CauseContext { reason_code: Some(0x8e), ..tls.clone() };
    assert_eq!(top_cause(Pattern::Random, &session_taken_over).0, "client_id_taken");
    let daily_schedule =
        CauseContext { period_secs: Some(86_400.0), anchor: Some(Anchor::WallClock), ..tls.clone() };
    assert_eq!(top_cause(Pattern::Scheduled, &daily_schedule).0, "internet_line_reset");
    let gateway_probes_fail = CauseContext { gateway_failing: Some(0.6), ..tls.clone() };
    assert_eq!(top_cause(Pattern::Bursty, &gateway_probes_fail).0, "wifi_link");
    let internet_probes_fail =
        CauseContext { gateway_failing: Some(0.0), internet_failing: Some(0.8), ..tls.clone() };
    assert_eq!(top_cause(Pattern::Outage, &internet_probes_fail).0, "internet_line_reset");
    let refused = CauseContext { connects_refused: Some(true), failed_phase: Some("tcp".into()), ..tls };
    assert_eq!(top_cause(Pattern::Outage, &refused).0, "broker_restart");
    let expired = CauseContext { http_status: Some(403), failed_phase: Some("websocket".into()), ..wss };
    assert_eq!(top_cause(Pattern::Outage, &expired).0, "credentials_expired");
    for (source, id) in [
        (SystemSource::Power, "computer_slept"),
        (SystemSource::Dhcp, "address_lease"),
        (SystemSource::Network, "wifi_link"),
        (SystemSource::Cron, "scheduled_job"),
        (SystemSource::Resource, "host_stalled"),
    ] {
        let context = CauseContext { system_source: Some(source), ..CauseContext::default() };
        assert_eq!(top_cause(Pattern::SystemEvent, &context).0, id);
    }
}

#[test]
fn ranks_are_probabilities_in_order() {
    for pattern in Pattern::ALL {
        for context in [CauseContext::default(), full_context()] {
            let ranked = rank(pattern, &context);
            assert!(!ranked.is_empty(), "{pattern}");
            assert!(ranked.iter().map(|(_, probability)| probability).sum::<f64>() <= 1.0, "{pattern}");
            assert!(ranked.is_sorted_by(|(_, left), (_, right)| left >= right), "{pattern}");
        }
    }
    let non_finite =
        CauseContext { limit_secs: Some(f64::NAN), keep_alive_secs: Some(f64::INFINITY), ..full_context() };
    assert!(!rank(Pattern::FixedLifetime, &non_finite).is_empty());
}

fn hypothesis(pattern: Pattern, probability: f64) -> Hypothesis {
    Hypothesis { pattern, probability, hits: 0, opportunities: 0.0, log_bayes_factor: 0.0 }
}

#[test]
fn outcomes_are_mixed_by_probability() {
    let sure = outcomes(&[hypothesis(Pattern::IdleTimeout, 1.0)]);
    assert!((sure.network - 0.9).abs() < 1e-9 && (sure.client - 0.05).abs() < 1e-9);
    let mixed =
        outcomes(&[hypothesis(Pattern::IdleTimeout, 0.5), hypothesis(Pattern::ClientIdTakeover, 0.5)]);
    assert!((mixed.network - 0.45).abs() < 1e-9 && (mixed.client - 0.505).abs() < 1e-9);
    let even = OutcomeShares { network: 0.25, server: 0.25, client: 0.25, environment: 0.25 };
    assert_eq!(outcomes(&[hypothesis(Pattern::Undetermined, 1.0)]), even);
    assert_eq!(outcomes(&[]), even);
    assert_eq!(outcomes(&[hypothesis(Pattern::Random, f64::NAN)]), even);
}

#[test]
fn several_patterns_add_up() {
    let both = [hypothesis(Pattern::IdleTimeout, 0.6), hypothesis(Pattern::KeepAliveTimeout, 0.4)];
    let ranked = rank_all(&both, &CauseContext::default());
    assert_eq!(ranked[0].0.id, "nat_idle_timeout");
    assert!(ranked.iter().map(|(_, probability)| probability).sum::<f64>() <= 1.0);
    assert_eq!(ranked.iter().filter(|(cause, _)| cause.id == "nat_idle_timeout").count(), 1);
}

#[test]
fn periods_are_found_by_anchor_and_distance() {
    let causes_near = |anchor: Option<Anchor>, seconds, tolerance| -> Vec<&str> {
        named_periods(anchor, seconds, tolerance).iter().map(|period| period.causes[0].as_str()).collect()
    };
    assert_eq!(causes_near(Some(Anchor::Connect), 86_398.0, 5.0), ["websocket_lifetime"]);
    assert_eq!(causes_near(Some(Anchor::WallClock), 86_398.0, 5.0), ["internet_line_reset"]);
    assert_eq!(causes_near(None, 86_398.0, 5.0).len(), 2);
    let nearest = named_periods(Anchor::Idle, 320.0, 40.0)[0];
    assert!((nearest.seconds - 300.0).abs() < 1e-9, "{nearest:?}");
    assert!(causes_near(None, 777.0, 5.0).is_empty() && causes_near(None, f64::NAN, 5.0).is_empty());
    let known_periods =
        [15, 60, 90, 100, 120, 150, 240, 300, 350, 600, 900, 1200, 1800, 3600, 86_400].map(f64::from);
    for seconds in known_periods {
        assert!(!causes_near(None, seconds, 0.0).is_empty(), "{seconds}");
    }
    for period in periods::all_periods() {
        assert!(
            !period.causes.is_empty() && period.causes.iter().all(|id| cause(id).is_some()),
            "{period:?}"
        );
    }
}
