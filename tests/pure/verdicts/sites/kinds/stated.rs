//! Drops and failed connects that state their cause: reason codes, own limits, certificates, HTTP status.

use dropscope::diagnostics::{MqttVersion, Transport};

use super::super::sampler::Sampler;
use super::super::site::{
    Death, HOUR, Mechanism, Pause, PauseKind, Refusal, Sender, Site, Spacing, TokenRule, Trigger,
};
use super::{Expectation, Plan, base, outages};

pub(super) fn plan(sampler: &mut Sampler) -> Plan {
    let mut site = base::site(sampler);
    site.broker.version = MqttVersion::V5;
    base::any_traffic(&mut site, sampler);
    site.most_drops = usize::try_from(sampler.whole(3, 50)).unwrap_or(3);
    base::fit(&mut site);
    let expected = match sampler.variant(9) {
        0 => shutting_down(&mut site, sampler),
        1 => keep_alive(&mut site, sampler),
        2 => taken_over(&mut site, sampler),
        3 | 4 => rate_or_quota(&mut site, sampler),
        5 => own_limit(&mut site, sampler),
        6 => expired_authorization(&mut site, sampler),
        7 => longest_session(&mut site, sampler),
        _ => {
            let is_websocket = matches!(site.broker.transport, Transport::Ws | Transport::Wss);
            let refusal = match (is_websocket, site.broker.transport.is_tls()) {
                (true, _) => sampler.pick(&[Refusal::HttpStatus(401), Refusal::HttpStatus(403)]),
                (_, true) => {
                    sampler.pick(&[Refusal::CertificateExpired, Refusal::TlsAlert, Refusal::UnknownIssuer])
                }
                _ => Refusal::Login,
            };
            outages::final_failure(&mut site, sampler, refusal)
        }
    };
    Plan { site, expected }
}

fn stated(truth: &'static str, also: &[&'static str], least: usize) -> Expectation {
    Expectation {
        fixed: Some(truth),
        also: also.to_vec(),
        least: vec![(truth, least)],
        ..Expectation::default()
    }
}

/// A broker that announces each restart.
fn shutting_down(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let mean = site.duration / f64::from(sampler.whole(3, 20));
    let kill = Mechanism::new("outage", Trigger::Random(mean), Death::Close).with_code(Some(0x8B));
    site.mechanisms.push(kill.with_downtime(1.0, sampler.log_uniform(3.0, 120.0), Refusal::Refused));
    stated("outage", &["random", "undetermined"], 2)
}

/// The server heard nothing for 1.5 keep-alives, because the client hung.
fn keep_alive(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    site.client.is_dropscope = false;
    site.client.id = base::chosen_id(sampler);
    let mean = site.duration / f64::from(sampler.whole(3, 20));
    site.pauses = stalls(site, sampler, mean);
    stated("keep_alive_timeout", &[], 2)
}

/// Times in which a client's loop hangs for longer than the server waits.
pub(super) fn stalls(site: &Site, sampler: &mut Sampler, mean: f64) -> Vec<Pause> {
    let mut pauses: Vec<Pause> = Vec::new();
    for at in base::random_times(sampler, 0.0, site.duration, mean) {
        let secs = site.client.keep_alive * sampler.log_uniform(0.9, 4.0) + sampler.uniform(0.0, 5.0);
        if pauses.last().is_none_or(|last| last.at + last.secs + 1.0 < at) {
            pauses.push(Pause { at, secs, kind: PauseKind::Stall });
        }
    }
    pauses
}

fn taken_over(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    site.client.id = base::chosen_id(sampler);
    let trigger = if sampler.chance(0.5) {
        let low = sampler.log_uniform(0.5, 30.0);
        Trigger::AfterConnect(low, low * sampler.log_uniform(1.1, 10.0))
    } else {
        Trigger::Random(site.duration / f64::from(sampler.whole(3, 30)))
    };
    site.mechanisms.push(Mechanism::new("client_id_takeover", trigger, Death::Close).with_code(Some(0x8E)));
    stated("client_id_takeover", &[], 2)
}

/// Groups of messages that are too many for the broker.
fn rate_or_quota(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let count = sampler.whole(8, 40);
    let nth = sampler.whole(count / 2, count);
    let mean = sampler.log_uniform(0.5, 8.0) * HOUR;
    let spacing = Spacing::Groups { count, within: sampler.log_uniform(0.005, 0.05), mean };
    let mut talk = base::stream(sampler, Sender::Client, spacing);
    talk.topic = "log/upload";
    talk.qos = 0;
    let within = (0.002, sampler.log_uniform(0.01, 0.3));
    let trigger = Trigger::OnPublish { stream: site.streams.len(), nth, within, until: None };
    site.streams.push(talk);
    let code = sampler.pick(&[0x96, 0x97, 0x93]);
    site.mechanisms.push(Mechanism::new("message_rate", trigger, Death::Close).with_code(Some(code)));
    stated("message_rate", &["message_count", "publish_triggered"], 2)
}

/// A received packet exceeds the client's own maximum.
fn own_limit(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    site.client.is_dropscope = true;
    let mean = sampler.log_uniform(0.2, 5.0) * HOUR;
    let mut large = base::stream(sampler, Sender::Server, Spacing::Poisson(mean));
    large.topic = "camera/full";
    let trigger = Trigger::OnReceive { stream: site.streams.len() };
    site.streams.push(large);
    site.mechanisms.push(Mechanism::new("publish_triggered", trigger, Death::OwnLimit));
    stated("publish_triggered", &["undetermined", "random", "message_rate"], 2)
}

/// DISCONNECT "maximum connect time".
fn longest_session(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let limit = base::lifetime(sampler, 600.0, site.duration / 3.0);
    let kill = Mechanism { death: Death::Close, ..base::lifetime_mechanism(sampler, limit) };
    site.mechanisms.push(kill.with_code(Some(0xA0)));
    Expectation { parameter: Some(("limit_secs", limit)), ..stated("fixed_lifetime", &[], 2) }
}

/// DISCONNECT "not authorized" when the credentials expire.
fn expired_authorization(site: &mut Site, sampler: &mut Sampler) -> Expectation {
    let validity = sampler.configured(900.0, 4.0 * HOUR);
    let late = sampler.log_uniform(0.05, 1.4);
    let trigger = Trigger::Expiry { validity, late, token: TokenRule::WhenExpired };
    site.mechanisms.push(Mechanism::new("credential_expiry", trigger, Death::Close).with_code(Some(0x87)));
    stated("credential_expiry", &[], 2)
}
