//! The console commands for the device cloud and the water heater of the lab.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::WrapErr as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::super::demo::DeleteOnDrop;
use super::{ConsoleReply, clean};
use crate::clock::SystemClock;
use crate::lab::{
    AnswerCorruption, AnswerMode, CloudFault, GatewayControl, LabOptions, NavienControl, NavienLab,
    NavienLabOptions,
};

/// The longest a late answer may take, in field seconds.
const MAX_DELAY_SECS: f64 = 86_400.0;
/// The faults of `cloud misbehave`.
const CLOUD_FAULTS: &str = "malformed, bad-gateway, no-data, hang, hang-up or failure";

/// The device cloud of the lab and the file with the certificate of its authority, which is removed at the end.
pub(super) struct NavienConsole {
    lab: NavienLab,
    control: NavienControl,
    authority: DeleteOnDrop,
    speed: f64,
}

impl NavienConsole {
    /// Starts it and writes the authority into the directory.
    pub(super) async fn start(options: LabOptions, directory: &Path) -> color_eyre::Result<Self> {
        let lab_options =
            NavienLabOptions { seed: options.seed, scale: options.speed, ..NavienLabOptions::default() };
        let lab = NavienLab::start(lab_options, Arc::new(SystemClock::new()))
            .await
            .wrap_err("cannot start the lab's cloud on loopback")?;
        let authority = directory.join(format!("lab-iot-ca-{}.pem", std::process::id()));
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&authority, &lab.ca_pem))
            .wrap_err_with(|| format!("cannot write the IoT authority to {}", authority.display()))?;
        let control = lab.control();
        Ok(Self { lab, control, authority: DeleteOnDrop(authority), speed: options.speed })
    }

    /// The gateway before the IoT endpoint.
    pub(super) fn gateway(&self) -> GatewayControl {
        self.control.gateway.clone()
    }

    /// Where it is and how to get in. The password is of this run and opens nothing else.
    pub(super) fn connection_info(&self) -> Result<ConsoleReply, std::fmt::Error> {
        let NavienLab { rest_url, iot_endpoint, region, email, password, .. } = &self.lab;
        let (password, authority) = (password.expose_secret(), self.authority.0.display());
        let mut text = String::new();
        writeln!(text, "cloud {rest_url}\nuser {email}\npassword {password}")?;
        writeln!(text, "iot {iot_endpoint} (signed for {region})\niot-authority {authority}")?;
        let data = json!({
            "rest_url": rest_url,
            "iot_endpoint": iot_endpoint,
            "region": region,
            "email": email,
            "password": password,
            "authority": self.authority.0,
        });
        Ok(ConsoleReply::new(text, data))
    }

    /// Executes the command after `heater`.
    pub(super) fn heater(&self, command: &str) -> Result<ConsoleReply, String> {
        let heater = &self.control.heater;
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["online"] => heater.go_online(),
            ["offline"] => heater.go_offline(),
            ["honest"] => heater.set_answer_mode(AnswerMode::Normal),
            ["late", secs] => heater.set_answer_mode(AnswerMode::Delayed(self.field_delay(secs)?)),
            ["wrong"] => heater.set_answer_mode(AnswerMode::Corrupted(AnswerCorruption::UnknownValues)),
            ["silent"] => heater.set_answer_mode(AnswerMode::Silent),
            _ => return Err("heater needs online, offline, honest, late SECS, wrong or silent".to_owned()),
        }
        Ok(ConsoleReply::new(format!("the heater is {}", words.join(" ")), Value::Null))
    }

    /// Executes the command after `cloud`.
    pub(super) fn cloud(&self, command: &str) -> Result<ConsoleReply, String> {
        let cloud = &self.control.cloud;
        let (what, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match (what, rest.trim()) {
            ("misbehave", rest) => self.inject_cloud_fault(rest),
            ("behave", "") => {
                cloud.clear_faults();
                Ok(ConsoleReply::new("the cloud answers correctly", Value::Null))
            }
            ("expire", "") => {
                cloud.expire_tokens();
                self.control.rules.credential_store().expire_all();
                Ok(ConsoleReply::new("tokens and credentials have expired; sessions continue", Value::Null))
            }
            ("password", new) if !new.is_empty() => {
                cloud.change_password(new);
                Ok(ConsoleReply::new("the password has changed", Value::Null))
            }
            _ => Err("cloud needs misbehave WHAT [TIMES], behave, expire or password NEW".to_owned()),
        }
    }

    fn inject_cloud_fault(&self, command: &str) -> Result<ConsoleReply, String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (what, times) = match words[..] {
            [what] => (what, 1),
            [what, times] => {
                let times = times.parse().ok().filter(|times| *times > 0);
                (what, times.ok_or("TIMES must be a number from 1")?)
            }
            _ => return Err(format!("misbehave needs {CLOUD_FAULTS}, and how often")),
        };
        let cloud_fault = match what {
            "malformed" => CloudFault::Malformed,
            "bad-gateway" => CloudFault::BadGateway,
            "no-data" => CloudFault::NoData,
            "hang" => CloudFault::Hang,
            "hang-up" => CloudFault::HangUp,
            "failure" => CloudFault::Failure { code: 500, message: "INTERNAL_SERVER_ERROR".to_owned() },
            _ => return Err(format!("the cloud cannot do `{}`; it can {CLOUD_FAULTS}", clean(what))),
        };
        self.control.cloud.inject_fault(&cloud_fault, times);
        Ok(ConsoleReply::new(format!("the next {times} answers: {what}"), json!({"times": times})))
    }

    /// The real time that a delay in field seconds takes.
    fn field_delay(&self, secs: &str) -> Result<Duration, String> {
        let secs = secs.parse().ok().filter(|secs| (0.0..=MAX_DELAY_SECS).contains(secs));
        let delay = secs.and_then(|secs: f64| Duration::try_from_secs_f64(secs / self.speed).ok());
        delay.ok_or_else(|| "SECS must be a number from 0 to 86400".to_owned())
    }

    /// Stops everything, frees the ports and removes the file.
    pub(super) async fn stop(self) {
        self.lab.stop().await;
    }
}
