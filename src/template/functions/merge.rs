//! `merge` and its kin: what one map lacks or, when overwriting, has otherwise is taken from others, map by map.

use super::super::map::Map;
use super::super::value::{Type, Value};
use super::{Args, Failure};

/// How maps are merged.
#[derive(Clone, Copy)]
pub(super) struct Merge {
    pub overwrites: bool,
    /// Maps that cannot be merged give the empty string, where others fail.
    pub swallows: bool,
}

/// Why a merge ends.
enum Stop {
    /// Go's panics and the bounds: nobody swallows them.
    Failure(Failure),
    /// The source has a map where the target has a pointer.
    DifferentTypes,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

/// The first argument, into which the others are merged one by one.
pub(super) fn merged(args: Args<'_>, merge: Merge) -> Result<Value, Failure> {
    let mut target = args.map(0).clone();
    if target.is_nil() && args.rest(1).iter().any(|source| source.length() > 0) {
        target = Map::new(target.key_type(), target.value_type(), Vec::new());
    }
    for index in 1..=args.rest(1).len() {
        match merge.into(&target, args.map(index), args) {
            Ok(()) => {}
            Err(Stop::DifferentTypes) if merge.swallows => return Ok("".into()),
            Err(Stop::DifferentTypes) => return Err(Failure::new("src and dst must be of same type")),
            Err(Stop::Failure(failure)) => return Err(failure),
        }
    }
    Ok(target.into())
}

impl Merge {
    fn into(self, target: &Map, source: &Map, args: Args<'_>) -> Result<(), Stop> {
        for (key, new) in source.entries().iter() {
            args.spend(4)?;
            let old = target.get(key);
            match (&old, new) {
                (_, Value::Nil) if !self.overwrites => continue,
                (Some(Value::Map(old)), Value::Map(new)) => self.into_entry(old, new, args)?,
                (Some(Value::Object(old)), Value::Map(_)) if old.kind_name() == "ptr" && !self.overwrites => {
                    return Err(Stop::DifferentTypes);
                }
                _ => {}
            }
            if self.takes(old.as_ref(), new) {
                assignable(target, source)?;
                args.spend(target.insert(key, new.clone())?)?;
            }
        }
        Ok(())
    }

    /// A map under the same key of both.
    fn into_entry(self, target: &Map, source: &Map, args: Args<'_>) -> Result<(), Stop> {
        if source.key_type() != target.key_type() && source.len() > 0 {
            let (found, wanted) = (source.key_type(), target.key_type());
            let text = format!("reflect.Value.MapIndex: value of type {found} is not assignable to type {wanted}");
            return Err(Failure::new(text).into());
        }
        if target.is_nil() { Ok(()) } else { self.into(target, source, args) }
    }

    /// Whether the new value takes the old one's place.
    fn takes(self, old: Option<&Value>, new: &Value) -> bool {
        match old.filter(|old| old.is_true()) {
            None => true,
            Some(Value::Map(_)) if matches!(new, Value::Map(_)) => false,
            Some(_) => self.overwrites,
        }
    }
}

/// Whether values of one map may be put into the other.
fn assignable(target: &Map, source: &Map) -> Result<(), Failure> {
    let (wanted, found) = (target.value_type(), source.value_type());
    if *wanted == Type::Any || wanted == found {
        return Ok(());
    }
    let text = format!("reflect.Value.SetMapIndex: value of type {found} is not assignable to type {wanted}");
    Err(Failure::new(text))
}
