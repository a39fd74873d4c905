//! Told: what a repeated `sync` has said already. In goes each round as JSON, out comes whether it says anything new.
//!
//! Rounds repeat what the rounds before them told of single objects; only what differs is news.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// How things stood when they were told last, by object, file and warning.
#[derive(Debug, Default)]
pub struct Told(BTreeMap<String, Value>);

/// A warning that is not given any more is no news.
const WARNING: &str = "warning ";

impl Told {
    /// Takes note of a round. True when something in it was not told before.
    pub fn note(&mut self, round: &Value, is_whole: bool) -> bool {
        let mut now = standing(round);
        self.keep_running(round, &mut now);
        let is_gone = |known: &String| is_whole && !known.starts_with(WARNING) && !now.contains_key(known);
        let is_news = has_pushed(round)
            || now.iter().any(|(name, value)| self.0.get(name) != Some(value))
            || self.0.keys().any(is_gone);
        if is_whole {
            self.0.clear();
        }
        self.0.extend(now);
        is_news
    }

    /// What is under way is as it was told before, until it ends.
    fn keep_running(&self, round: &Value, now: &mut BTreeMap<String, Value>) {
        for automation in list(round, "automations").iter().filter(|automation| automation["running"] == true) {
            let name = name("automations", automation);
            if let Some(known) = self.0.get(&name) {
                now.insert(name, known.clone());
            }
        }
    }
}

fn name(kind: &str, object: &Value) -> String {
    format!("{kind} {} {}", object["namespace"], object["name"])
}

fn has_pushed(round: &Value) -> bool {
    list(round, "automations").iter().any(is_pushed)
}

fn is_pushed(automation: &Value) -> bool {
    automation["commit"].is_string()
}

/// How things stand after the round: what it changed itself is not in it, since the next one will not find it.
fn standing(round: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::from([("problems".to_owned(), round["problems"].clone())]);
    for kind in ["policies", "automations"] {
        for object in list(round, kind) {
            let warnings = list(object, "warnings").iter().map(|text| (format!("{WARNING}{text}"), Value::Null));
            all.extend(warnings);
            all.insert(name(kind, object), lasting(object));
        }
    }
    all
}

fn lasting(object: &Value) -> Value {
    let mut lasting = object.clone();
    let passing: &[&str] = if is_pushed(object) { &["commit", "effect", "diff"] } else { &[] };
    for field in passing.iter().chain(&["was", "downgrade", "warnings"]) {
        lasting[*field] = Value::Null;
    }
    if is_pushed(object) {
        lasting["changes"] = json!([]);
    }
    lasting
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}
