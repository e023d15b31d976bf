//! Which faults act, at the plain broker's gateway and at the one before the IoT endpoint?
//!
//! Every command acts on both in the same order, so that an ailment has one number at both.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::demo::named;
use super::{Answer, clean};
use crate::lab::scenario::BLOWS;
use crate::lab::{Ailment, AilmentId, GatewayControl, Stage};

/// Strikes told by `strikes`, for each gateway.
const NEWEST: usize = 20;

/// Both gateways, by the names that people are told.
pub(super) struct Gateways<'a> {
    stage: &'a Stage,
    all: [(&'static str, GatewayControl); 2],
}

impl<'a> Gateways<'a> {
    pub(super) fn new(stage: &'a Stage, iot: GatewayControl) -> Self {
        Self { stage, all: [("plain", stage.control().clone()), ("iot", iot)] }
    }

    pub(super) fn arm(&self, what: &str) -> Result<Answer, String> {
        let ailments = if what.starts_with(['{', '"']) {
            let ailment: Ailment = serde_json::from_str(what)
                .map_err(|error| format!("this is no ailment: {}", clean(&error.to_string())))?;
            vec![ailment]
        } else if what.is_empty() {
            return Err("arm what? A scenario, or an ailment in JSON".to_owned());
        } else {
            (named(what)?.ailments)()
        };
        let arm = |ailment: &Ailment| self.everywhere(|gateway| Some(gateway.arm(ailment.clone())));
        Ok(told("armed", &ailments.iter().flat_map(arm).collect()))
    }

    pub(super) fn disarm(&self, what: &str) -> Result<Answer, String> {
        let ids: BTreeSet<AilmentId> = if what == "all" {
            let armed = self.all.iter().flat_map(|(_, gateway)| gateway.armed());
            armed.map(|(id, _)| id).collect()
        } else {
            let id = what.parse().map_err(|_| "disarm which? A number of list, or all".to_owned())?;
            BTreeSet::from([AilmentId(id)])
        };
        let disarm = |id: AilmentId| self.everywhere(|gateway| gateway.disarm(id).then_some(id));
        let disarmed: BTreeSet<u64> = ids.into_iter().flat_map(disarm).collect();
        if disarmed.is_empty() && what != "all" {
            return Err(format!("nothing is armed under the number {}", clean(what)));
        }
        Ok(told("disarmed", &disarmed))
    }

    pub(super) fn list(&self) -> Answer {
        let (mut text, mut data) = (Vec::new(), Vec::new());
        for (name, gateway) in &self.all {
            for (id, ailment) in gateway.armed() {
                text.push(format!("{name:5} {} {}", id.0, json!(ailment)));
                data.push(json!({"gateway": name, "id": id, "ailment": ailment}));
            }
        }
        if data.is_empty() {
            text.push("nothing is armed".to_owned());
        }
        Answer::new(text.join("\n"), Value::Array(data))
    }

    pub(super) fn strike(&self, name: &str) -> Result<Answer, String> {
        let blow = BLOWS.iter().find(|blow| blow.name == name).ok_or_else(|| {
            let known: Vec<_> = BLOWS.iter().map(|blow| blow.name).collect();
            format!("there is no fault `{}`; there are {}", clean(name), known.join(", "))
        })?;
        let ids = self.everywhere(|gateway| Some(self.stage.strike_at(gateway, blow)));
        Ok(Answer::new(blow.what, json!({"id": ids.first()})))
    }

    pub(super) fn strikes(&self) -> Answer {
        let (mut text, mut data) = (Vec::new(), Vec::new());
        for (name, gateway) in &self.all {
            let strikes = gateway.strikes();
            for strike in &strikes[strikes.len().saturating_sub(NEWEST)..] {
                let connection = strike.connection.map_or("all".to_owned(), |number| number.to_string());
                let secs = strike.at.as_secs_f64();
                text.push(format!("{name:5} {secs:.3} s  connection {connection}  {}", strike.what));
                let mut line = json!(strike);
                line["gateway"] = json!(name);
                data.push(line);
            }
        }
        if data.is_empty() {
            text.push("nothing was done yet".to_owned());
        }
        Answer::new(text.join("\n"), Value::Array(data))
    }

    pub(super) fn tally(&self) -> Answer {
        let (mut text, mut data) = (Vec::new(), json!({}));
        for (name, gateway) in &self.all {
            let tally = gateway.tally();
            text.push(format!("{name:5} {tally:?}"));
            data[name] = json!(tally);
        }
        Answer::new(text.join("\n"), data)
    }

    pub(super) fn renew(&self) -> Answer {
        self.all.iter().for_each(|(_, gateway)| gateway.renew_credentials());
        Answer::new("renewed", Value::Null)
    }

    /// The numbers that an act gave, each once.
    fn everywhere(&self, act: impl Fn(&GatewayControl) -> Option<AilmentId>) -> BTreeSet<u64> {
        self.all.iter().filter_map(|(_, gateway)| act(gateway)).map(|id| id.0).collect()
    }
}

fn told(what: &str, ids: &BTreeSet<u64>) -> Answer {
    let words: Vec<_> = ids.iter().map(u64::to_string).collect();
    Answer::new(format!("{what} {}", words.join(" ")), json!({"ids": ids}))
}
