//! Sprig's regular expressions, in Go's syntax. What they do is counted in the steps of the run.

use std::ops::Range;
use std::rc::Rc;

use super::super::growth;
use super::super::limits::{BYTES_READ_A_STEP, OUTPUT_BYTES_MAX};
use super::super::list::List;
use super::super::text::Text;
use super::super::value::{Type, Value};
use super::{Args, Failure, Function, check_bytes, check_items};
use crate::goregex::{Error, Fuel, Matches, Search, Template};

const STRING: Type = Type::String;
const INT: Type = Type::Int;

pub(super) static TABLE: &[Function] = &[
    Function::new("mustRegexFind", &[STRING, STRING], find),
    Function::new("mustRegexFindAll", &[STRING, STRING, INT], find_all),
    Function::new("mustRegexMatch", &[STRING, STRING], must_match),
    Function::new("mustRegexReplaceAll", &[STRING, STRING, STRING], replace_all),
    Function::new("mustRegexReplaceAllLiteral", &[STRING, STRING, STRING], replace_all_literal),
    Function::new("mustRegexSplit", &[STRING, STRING, INT], split),
    Function::new("regexFind", &[STRING, STRING], find),
    Function::new("regexFindAll", &[STRING, STRING, INT], find_all),
    Function::new("regexMatch", &[STRING, STRING], is_match),
    Function::new("regexQuoteMeta", &[STRING], |args| quote(args.text(0).as_bytes())),
    Function::new("regexReplaceAll", &[STRING, STRING, STRING], replace_all),
    Function::new("regexReplaceAllLiteral", &[STRING, STRING, STRING], replace_all_literal),
    Function::new("regexSplit", &[STRING, STRING, INT], split),
];

/// Units of fuel to a step of the run.
const FUEL_A_STEP: usize = 4;

/// The regular expression that is the first argument.
struct Regex<'a> {
    args: Args<'a>,
    search: Rc<Search>,
}

/// Why there is no regular expression.
enum Broken {
    /// Go refuses the pattern, too.
    Pattern(Failure),
    Bound(Failure),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Failure {
        match broken {
            Broken::Pattern(failure) | Broken::Bound(failure) => failure,
        }
    }
}

impl<'a> Regex<'a> {
    fn new(args: Args<'a>) -> Result<Regex<'a>, Broken> {
        let search = args.work.search(args.text(0), || compile(args, args.text(0)))?;
        Ok(Regex { args, search })
    }

    /// Calls `found` with the places of each match in turn, of at most `count`.
    fn each(
        &self,
        mut matches: Matches<'_>,
        count: usize,
        mut found: impl FnMut(&[usize]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for _ in 0..count {
            let next = fueled(self.args, |fuel| matches.next(fuel))?;
            match next.map_err(|error| failure(&error))? {
                Some(places) => found(places)?,
                None => break,
            }
        }
        Ok(())
    }

    /// The places of at most `count` matches.
    fn places(&self, text: &[u8], count: usize) -> Result<Vec<Range<usize>>, Failure> {
        let mut places = Vec::new();
        self.each(self.search.matches(text), count, |found| {
            places.push(found[0]..found[1]);
            check_items(places.len())
        })?;
        Ok(places)
    }

    /// The text with each match replaced by what `replacement` appends for its places.
    fn replaced(
        &self,
        text: &[u8],
        matches: Matches<'_>,
        replacement: impl Fn(&mut Vec<u8>, &[usize]) -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let (mut out, mut copied) = (Vec::new(), 0);
        self.each(matches, usize::MAX, |places| {
            out.extend_from_slice(&text[copied..places[0]]);
            replacement(&mut out, places)?;
            copied = places[1];
            check_bytes(out.len())
        })?;
        out.extend_from_slice(&text[copied..]);
        check_bytes(out.len())?;
        Ok(out.into())
    }
}

/// Does what takes fuel with what the run has left, and counts what it took.
fn fueled<T>(args: Args<'_>, work: impl FnOnce(&mut Fuel) -> T) -> Result<T, Failure> {
    let mut fuel = Fuel::new(args.work.left() * FUEL_A_STEP);
    let before = fuel.left();
    let done = work(&mut fuel);
    args.spend(1 + (before - fuel.left()) / FUEL_A_STEP)?;
    Ok(done)
}

fn compile(args: Args<'_>, pattern: &Text) -> Result<Search, Broken> {
    let Ok(text) = std::str::from_utf8(pattern.as_bytes()) else {
        let quoted = pattern.to_str_lossy();
        return Err(Broken::Pattern(Failure::new(format!("error parsing regexp: invalid UTF-8: `{quoted}`"))));
    };
    match fueled(args, |fuel| Search::new(text, fuel)).map_err(Broken::Bound)? {
        Ok(search) => Ok(search),
        Err(error) if error.is_bound() => Err(Broken::Bound(failure(&error))),
        Err(error) => Err(Broken::Pattern(failure(&error))),
    }
}

fn failure(error: &Error) -> Failure {
    Failure::new(format!("error parsing regexp: {error}"))
}

fn is_match(args: Args<'_>) -> Result<Value, Failure> {
    let regex = match Regex::new(args) {
        Err(Broken::Pattern(_)) => return Ok(false.into()),
        regex => regex?,
    };
    Ok((!regex.places(args.text(1).as_bytes(), 1)?.is_empty()).into())
}

fn must_match(args: Args<'_>) -> Result<Value, Failure> {
    Ok((!Regex::new(args)?.places(args.text(1).as_bytes(), 1)?.is_empty()).into())
}

fn find(args: Args<'_>) -> Result<Value, Failure> {
    let text = args.text(1).as_bytes();
    let found = Regex::new(args)?.places(text, 1)?.into_iter().next();
    Ok(found.map_or("".into(), |place| text[place].into()))
}

/// A negative number is no limit.
fn limit(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn find_all(args: Args<'_>) -> Result<Value, Failure> {
    let text = args.text(1).as_bytes();
    let places = Regex::new(args)?.places(text, limit(args.int(2)))?;
    if places.is_empty() {
        return Ok(List::nil(&Type::String).into());
    }
    Ok(strings(places.into_iter().map(|place| &text[place]).collect(), FOUND_CAPACITY))
}

/// Go makes room for so many matches at first.
const FOUND_CAPACITY: usize = 10;

/// The texts in a list that had room for `capacity` of them, and grew as Go's lists do.
fn strings(texts: Vec<&[u8]>, mut capacity: usize) -> Value {
    while capacity < texts.len() {
        capacity = growth::grown(&Type::String, capacity, capacity + 1);
    }
    List::with_capacity(&Type::String, texts.into_iter().map(Value::from).collect(), capacity).into()
}

/// The parts between matches, at most as many as asked for.
fn split(args: Args<'_>) -> Result<Value, Failure> {
    let (text, count) = (args.text(1).as_bytes(), limit(args.int(2)));
    let regex = Regex::new(args)?;
    if count == 0 {
        return Ok(List::nil(&Type::String).into());
    }
    if text.is_empty() && !args.text(0).as_bytes().is_empty() {
        return Ok(List::strings([""]).into());
    }
    let places = regex.places(text, count)?;
    let capacity = places.len();
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    for place in places {
        if parts.len() == count - 1 {
            break;
        }
        end = place.start;
        // What matches nothing at the very start parts nothing.
        if place.end != 0 {
            parts.push(&text[start..end]);
        }
        start = place.end;
    }
    if end != text.len() {
        parts.push(&text[start..]);
    }
    Ok(strings(parts, capacity))
}

/// `$1`, `${name}` and `$$` in the replacement stand for groups and a dollar sign.
fn replace_all(args: Args<'_>) -> Result<Value, Failure> {
    let (text, replacement) = (args.text(1).as_bytes(), args.text(2).as_bytes());
    if !replacement.contains(&b'$') {
        return replace_all_literal(args);
    }
    let regex = Regex::new(args)?;
    // A reference may go through all the groups, where the template is read and again at each match.
    let references = replacement.iter().filter(|&&byte| byte == b'$').count();
    let steps = replacement.len() + references * regex.search.groups() / BYTES_READ_A_STEP;
    args.spend(steps)?;
    // Names of groups end where something is no UTF-8.
    let chunk = |chunk: std::str::Utf8Chunk<'_>| (regex.search.template(chunk.valid()), chunk.invalid().to_vec());
    let pieces: Vec<(Template, Vec<u8>)> = replacement.utf8_chunks().map(chunk).collect();
    regex.replaced(text, regex.search.matches_with_groups(text), |out, places| {
        args.spend(steps / BYTES_READ_A_STEP)?;
        for (template, invalid) in &pieces {
            template.append(out, OUTPUT_BYTES_MAX, |group| text.get(places[2 * group]..places[2 * group + 1]));
            out.extend_from_slice(invalid);
        }
        Ok(())
    })
}

fn replace_all_literal(args: Args<'_>) -> Result<Value, Failure> {
    let (text, replacement) = (args.text(1).as_bytes(), args.text(2).as_bytes());
    let regex = Regex::new(args)?;
    regex.replaced(text, regex.search.matches(text), |out, _| {
        out.extend_from_slice(replacement);
        Ok(())
    })
}

/// The text with a backslash before each sign that means something in a pattern.
fn quote(text: &[u8]) -> Result<Value, Failure> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if br"\.+*?()|[]{}^$".contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
    check_bytes(out.len())?;
    Ok(out.into())
}
