//! Told: what a repeated `sync` has said already. In goes what each round says, out comes whether any of it is new.
//!
//! Rounds repeat what the rounds before them told of single objects; only what differs is news.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::{Value, json};

/// A policy or an automation, with its kind.
type Object = (&'static str, Value);

/// How things stood when they were told last: hashes, since a process that waits must not hold the JSON of all its
/// objects for good.
#[derive(Debug, Default)]
pub struct Told {
    hasher: RandomState,
    standing: Standing,
}

#[derive(Debug, Default)]
struct Standing {
    /// By the name of the object; what is wrong with the files is one more.
    objects: HashMap<u64, u64>,
    /// One that is not given any more is no news.
    warnings: HashSet<u64>,
}

impl Told {
    /// Takes note of a round: of the whole world or a part of it, what is wrong with the files, and how its objects are,
    /// one at a time, since all of them are large. True when something in it was not told before.
    pub fn note(
        &mut self,
        is_whole: bool,
        problems: &Value,
        objects: impl IntoIterator<Item = serde_json::Result<(&'static str, Value)>>,
    ) -> serde_json::Result<bool> {
        let (mut now, mut has_pushed) = (Standing::default(), false);
        now.objects.insert(self.hasher.hash_one("problems"), self.hasher.hash_one(problems));
        for object in objects {
            let object = object?;
            has_pushed |= is_pushed(&object.1);
            self.add(object, &mut now);
        }
        let is_news = has_pushed || now.adds_to(&self.standing) || (is_whole && now.lacks_of(&self.standing));
        match is_whole {
            true => self.standing = now,
            false => self.standing.extend(now),
        }
        Ok(is_news)
    }

    /// Adds how an object stands after its round: what the round changed itself is not in it, since the next one will
    /// not find it. What is under way is as it was told before, until it ends.
    fn add(&self, (kind, mut object): Object, now: &mut Standing) {
        let warnings = object["warnings"].as_array().into_iter().flatten();
        now.warnings.extend(warnings.map(|text| self.hasher.hash_one(text)));
        let name = self.hasher.hash_one((kind, &object["namespace"], &object["name"]));
        let known = if object["running"] == true { self.standing.objects.get(&name) } else { None };
        let state = known.copied().unwrap_or_else(|| {
            make_lasting(&mut object);
            self.hasher.hash_one(&object)
        });
        now.objects.insert(name, state);
    }
}

impl Standing {
    fn adds_to(&self, told: &Self) -> bool {
        let mut objects = self.objects.iter();
        objects.any(|(name, state)| told.objects.get(name) != Some(state)) || !self.warnings.is_subset(&told.warnings)
    }

    fn lacks_of(&self, told: &Self) -> bool {
        told.objects.keys().any(|name| !self.objects.contains_key(name))
    }

    fn extend(&mut self, now: Self) {
        self.objects.extend(now.objects);
        self.warnings.extend(now.warnings);
    }
}

fn is_pushed(object: &Value) -> bool {
    object["commit"].is_string()
}

fn make_lasting(object: &mut Value) {
    let is_pushed = is_pushed(object);
    let passing: &[&str] = if is_pushed { &["commit", "effect", "diff"] } else { &[] };
    for field in passing.iter().chain(&["was", "downgrade", "warnings"]) {
        object[*field] = Value::Null;
    }
    if is_pushed {
        object["changes"] = json!([]);
    }
}
