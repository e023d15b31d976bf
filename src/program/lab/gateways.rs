//! The faults at the gateway of the plain broker and at the gateway before the IoT endpoint.
//!
//! Every command acts on both in the same order, so that a fault has the same number at both.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::demo::scenario_by_name;
use super::{ConsoleReply, clean};
use crate::lab::scenario::MANUAL_FAULTS;
use crate::lab::{GatewayControl, LabSetup, PathFault, PathFaultId};

/// Injections listed by `injections`, for each gateway.
const MAX_LISTED_FAULTS: usize = 20;

/// Both gateways, with their displayed names.
pub(super) struct Gateways<'a> {
    lab_setup: &'a LabSetup,
    all: [(&'static str, GatewayControl); 2],
}

impl<'a> Gateways<'a> {
    pub(super) fn new(lab_setup: &'a LabSetup, iot: GatewayControl) -> Self {
        Self { lab_setup, all: [("plain", lab_setup.control().clone()), ("iot", iot)] }
    }

    pub(super) fn arm(&self, argument: &str) -> Result<ConsoleReply, String> {
        let faults = if argument.starts_with(['{', '"']) {
            let fault: PathFault = serde_json::from_str(argument)
                .map_err(|error| format!("this is not a fault: {}", clean(&error.to_string())))?;
            vec![fault]
        } else if argument.is_empty() {
            return Err("arm needs a scenario, or a fault in JSON".to_owned());
        } else {
            scenario_by_name(argument)?.path_faults.clone()
        };
        let arm_everywhere =
            |fault: &PathFault| self.on_each_gateway(|gateway| Some(gateway.arm(fault.clone())));
        Ok(ids_reply("armed", &faults.iter().flat_map(arm_everywhere).collect()))
    }

    pub(super) fn disarm(&self, argument: &str) -> Result<ConsoleReply, String> {
        let ids: BTreeSet<PathFaultId> = if argument == "all" {
            let armed = self.all.iter().flat_map(|(_, gateway)| gateway.armed_faults());
            armed.map(|(id, _)| id).collect()
        } else {
            let id = argument.parse().map_err(|_| "disarm needs a number of list, or all".to_owned())?;
            BTreeSet::from([PathFaultId(id)])
        };
        let disarm_everywhere =
            |id: PathFaultId| self.on_each_gateway(|gateway| gateway.disarm(id).then_some(id));
        let disarmed: BTreeSet<u64> = ids.into_iter().flat_map(disarm_everywhere).collect();
        if disarmed.is_empty() && argument != "all" {
            return Err(format!("nothing is armed under the number {}", clean(argument)));
        }
        Ok(ids_reply("disarmed", &disarmed))
    }

    pub(super) fn list(&self) -> ConsoleReply {
        let (mut text, mut data) = (Vec::new(), Vec::new());
        for (name, gateway) in &self.all {
            for (id, fault) in gateway.armed_faults() {
                text.push(format!("{name:5} {} {}", id.0, json!(fault)));
                data.push(json!({"gateway": name, "id": id, "ailment": fault}));
            }
        }
        if data.is_empty() {
            text.push("nothing is armed".to_owned());
        }
        ConsoleReply::new(text.join("\n"), Value::Array(data))
    }

    pub(super) fn inject(&self, name: &str) -> Result<ConsoleReply, String> {
        let fault_action = MANUAL_FAULTS.iter().find(|fault| fault.name == name).ok_or_else(|| {
            let known: Vec<_> = MANUAL_FAULTS.iter().map(|fault| fault.name).collect();
            format!("there is no fault `{}`; there are {}", clean(name), known.join(", "))
        })?;
        let ids = self.on_each_gateway(|gateway| Some(self.lab_setup.inject_at(gateway, fault_action)));
        Ok(ConsoleReply::new(fault_action.description, json!({"id": ids.first()})))
    }

    pub(super) fn injected_faults(&self) -> ConsoleReply {
        let (mut text, mut data) = (Vec::new(), Vec::new());
        for (name, gateway) in &self.all {
            let injected = gateway.injections();
            for fault in &injected[injected.len().saturating_sub(MAX_LISTED_FAULTS)..] {
                let connection = fault.connection.map_or("all".to_owned(), |number| number.to_string());
                let secs = fault.at.as_secs_f64();
                text.push(format!("{name:5} {secs:.3} s  connection {connection}  {}", fault.description));
                let mut line = json!(fault);
                line["gateway"] = json!(name);
                data.push(line);
            }
        }
        if data.is_empty() {
            text.push("nothing was injected yet".to_owned());
        }
        ConsoleReply::new(text.join("\n"), Value::Array(data))
    }

    pub(super) fn packet_counts(&self) -> ConsoleReply {
        let (mut text, mut data) = (Vec::new(), json!({}));
        for (name, gateway) in &self.all {
            let counts = gateway.counters();
            text.push(format!("{name:5} {counts:?}"));
            data[name] = json!(counts);
        }
        ConsoleReply::new(text.join("\n"), data)
    }

    pub(super) fn renew(&self) -> ConsoleReply {
        self.all.iter().for_each(|(_, gateway)| gateway.renew_credentials());
        ConsoleReply::new("renewed", Value::Null)
    }

    /// The fault numbers returned by the action, each once.
    fn on_each_gateway(&self, action: impl Fn(&GatewayControl) -> Option<PathFaultId>) -> BTreeSet<u64> {
        self.all.iter().filter_map(|(_, gateway)| action(gateway)).map(|id| id.0).collect()
    }
}

fn ids_reply(verb: &str, ids: &BTreeSet<u64>) -> ConsoleReply {
    let words: Vec<_> = ids.iter().map(u64::to_string).collect();
    ConsoleReply::new(format!("{verb} {}", words.join(" ")), json!({"ids": ids}))
}
