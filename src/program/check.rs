//! `dropscope check`: one connect, every phase timed, a verdict, an exit code.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;
use serde_json::json;

use super::{print, usage_error};
use crate::cli::CheckFormat;
use crate::clock::SystemClock;
use crate::config::ResolvedSettings;
use crate::diagnostics::clean::clean;
use crate::diagnostics::sentence::phase_words;
use crate::diagnostics::{Clock, RecordedWord, Stamp};
use crate::exit::{ExitReason, is_credentials_refusal};
use crate::mqtt::{self, CheckReport};

/// Days of validity below which the verdict warns about the certificate.
const CERTIFICATE_WARNING_DAYS: i64 = 21;

/// Connects once and prints the phases and the verdict.
pub(super) async fn check(settings: &ResolvedSettings, format: CheckFormat) -> color_eyre::Result<ExitCode> {
    let clock = Arc::new(SystemClock::new());
    let report = match mqtt::check(&settings.link, Arc::clone(&clock) as Arc<dyn Clock>).await {
        Ok(report) => report,
        Err(error) => return Ok(usage_error(&error)),
    };
    let now = clock.now();
    let text = match format {
        CheckFormat::Text => text(settings, &report, now)?,
        CheckFormat::Json => json(settings, &report, now)?,
    };
    print(text.as_bytes())?;
    Ok(exit_reason(&report).into())
}

fn exit_reason(report: &CheckReport) -> ExitReason {
    let Some(failure) = &report.failure else { return ExitReason::Success };
    if is_credentials_refusal(failure.return_code, failure.http_status) {
        ExitReason::RefusedCredentials
    } else {
        ExitReason::NeverConnected
    }
}

fn address(settings: &ResolvedSettings) -> String {
    let broker = &settings.link.broker;
    format!("{} {}:{}", broker.transport.name(), broker.host, broker.port)
}

fn days_left(report: &CheckReport, now: Stamp) -> Option<i64> {
    let certificate = report.certificate.as_ref()?;
    Some(certificate.not_after.signed_duration_since(now.wall).num_days())
}

fn verdict(report: &CheckReport, now: Stamp) -> String {
    if let Some(failure) = &report.failure {
        let why = failure.error_message.as_deref().unwrap_or("no reason was given");
        return format!("FAILED at {}: {}", failure.phase.map_or("connect", phase_words), clean(why));
    }
    match days_left(report, now) {
        Some(days) if days < CERTIFICATE_WARNING_DAYS => {
            format!("OK, but the broker's certificate expires in {days} days")
        }
        _ if report.ping_ms.is_none() => "CONNECTED, but no answer to the ping".to_owned(),
        _ => "OK".to_owned(),
    }
}

fn text(settings: &ResolvedSettings, report: &CheckReport, now: Stamp) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{}  client id {}", clean(&address(settings)), clean(&settings.link.client_id))?;
    for phase in &report.attempt.phases {
        let mark = if phase.ok { "ok    " } else { "FAILED" };
        let detail = phase.error.as_deref().or(phase.detail.as_deref()).unwrap_or_default();
        writeln!(out, "  {:<10} {mark} {:>9.1} ms  {}", phase_words(phase.phase), phase.ms, clean(detail))?;
    }
    if let Some(ping) = report.ping_ms {
        writeln!(out, "  {:<10} ok     {ping:>9.1} ms  PINGREQ to PINGRESP", "ping")?;
    }
    if let Some(connected) = &report.connected {
        let version = connected.mqtt_version.as_ref().map_or("?", RecordedWord::as_str);
        let session = if connected.session_present { "resumed" } else { "new" };
        writeln!(out, "  MQTT {version}, session {session}, keep-alive {} s", connected.keep_alive_secs)?;
        for (name, value) in connected.limits.iter().flatten() {
            writeln!(out, "  limit {}: {value}", clean(name))?;
        }
    }
    if let (Some(certificate), Some(days)) = (&report.certificate, days_left(report, now)) {
        let until = certificate.not_after.format("%Y-%m-%d");
        writeln!(out, "  certificate {}, valid until {until} ({days} days)", clean(&certificate.subject))?;
        writeln!(out, "  issued by {}", clean(&certificate.issuer))?;
    }
    writeln!(out, "{}", verdict(report, now))?;
    Ok(out)
}

fn json(settings: &ResolvedSettings, report: &CheckReport, now: Stamp) -> serde_json::Result<String> {
    let certificate = report.certificate.as_ref().map(|certificate| {
        json!({
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "names": certificate.names,
            "not_before": certificate.not_before,
            "not_after": certificate.not_after,
            "days_left": days_left(report, now),
        })
    });
    let value = json!({
        "schema_version": 1,
        "timestamp": chrono::DateTime::<Utc>::to_rfc3339(&now.wall),
        "endpoint": {
            "transport": settings.link.broker.transport.name(),
            "host": settings.link.broker.host,
            "port": settings.link.broker.port,
        },
        "client_id": settings.link.client_id,
        "ok": report.failure.is_none(),
        "verdict": verdict(report, now),
        "exit_code": exit_reason(report).number(),
        "phases": report.attempt.phases,
        "connected": report.connected,
        "failure": report.failure,
        "ping_ms": report.ping_ms,
        "certificate": certificate,
    });
    serde_json::to_string_pretty(&value).map(|text| text + "\n")
}
