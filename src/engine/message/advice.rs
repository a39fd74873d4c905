//! Advice for the mistakes that people make in message templates.
//!
//! Takes a template's error, or the template itself; gives what to write instead, where that is known.

use super::data::TYPES;
use crate::nearest::nearest;
use crate::template::{Error, Functions};

/// Fields that Flux removed. They work here, since old manifests have them.
const REMOVED: &[(&str, &str)] = &[(".Updated", ".Changed"), (".Changed.ImageResult", ".Changed")];

/// Functions of sprig that Flux leaves out: their answers are not made of their input alone.
const OUTSIDE: &str = "date dateInZone dateModify date_in_zone date_modify env expandenv getHostByName htmlDate \
    htmlDateInZone now randAlpha randAlphaNum randAscii randBytes randNumeric uuidv4";

/// Functions that Helm adds to sprig's.
const OF_HELM: &str = "fromJsonArray fromToml fromYaml fromYamlArray include lookup required toToml toYaml tpl";

/// What other template languages call the language's own words.
const KEYWORDS: &[(&str, &str)] = &[
    ("endif endfor endforeach endrange endwith endblock fi done", "{{ end }}"),
    ("elseif elsif elif", "{{ else if … }}"),
    ("for foreach each loop", "{{ range … }}"),
    ("unless", "{{ if not … }}"),
    ("let var", "{{ $name := … }}"),
    ("null none undefined", "nil"),
];

/// Fields of Argo CD Image Updater's templates, and what says the same here.
const OF_ARGO: &[(&str, &str)] = &[
    ("AppName", ": here it is .AutomationObject.Name"),
    ("AppChanges", ": here they are .Changed.Changes, each with .OldValue and .NewValue"),
    ("Images", ": here they are .Changed.Changes, each with .OldValue and .NewValue"),
    ("SHA256", " and their branch names"),
];

/// What to do about an error.
pub(super) fn of_error(error: &Error) -> Option<String> {
    let message = error.message();
    if let Some(line) = error.unclosed() {
        return Some(format!("the block that begins in line {line} has no {{{{ end }}}}"));
    }
    if let Some(name) = between(message, "function \"", "\" not defined") {
        return of_function(name);
    }
    if let Some(name) = between(message, "undefined variable \"$", "\"") {
        return Some(of_variable(name));
    }
    if let Some((field, kind)) =
        between(message, "can't evaluate field ", "").and_then(|rest| rest.split_once(" in type "))
    {
        return of_field(field, kind);
    }
    PHRASES.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, advice)| (*advice).to_owned())
}

/// What messages hold, and what that asks for.
const PHRASES: &[(&str, &str)] = &[
    ("unclosed action", "an action ends with }}"),
    ("unclosed comment", "a comment is written {{/* so */}}"),
    ("comment ends before closing delimiter", "a comment is written {{/* so */}}"),
    ("unexpected \"/\" in", "a comment is written {{/* so */}}, without spaces within the braces"),
    ("illegal number syntax: \"-\"", "a trim marker has a space before it: … -}}"),
    ("bad number syntax: \"-", "a trim marker has a space behind it: {{- …"),
    ("bad character U+002D '-'", "a key with a dash is taken by index: {{ index .Values \"my-key\" }}"),
    (
        "bad character U+005B '['",
        "items and keys are taken by index: (index .Changed.Changes 0), (index .Values \"key\")",
    ),
    ("malformed character constant", "strings are written \"so\" or `so`"),
    ("unrecognized character in action: U+201", "strings have straight quotes: \"so\" or `so`"),
    ("unterminated", "strings are written \"so\" or `so`"),
    ("unexpected {{end}}", "this {{ end }} has no if, range, with, block or define"),
    ("unexpected {{else}}", "an {{ else }} belongs to one if, range or with"),
    ("unexpected <define>", "templates are defined at the top, outside of any other block"),
    ("unexpected \"=\"", "a variable is declared by := and compared by eq"),
    ("found int64", "sprig's arithmetic gives int64; make an int of it: (int …)"),
    ("expected int; got int64", "sprig's arithmetic gives int64; make an int of it: (int …)"),
    ("comparison: int and int64", "sprig's arithmetic gives int64; make an int of it: (int …)"),
    ("nil pointer evaluating", "ask for the value first: {{ with … }}"),
    ("\" not defined", "a template is defined in the same text: {{ define \"name\" }}…{{ end }}"),
    ("template: multiple definition", "each define and block needs a name of its own"),
];

/// What `text` asks for that Flux does not give any more.
pub(super) fn of_removed(text: &str) -> Option<String> {
    let actions = || text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let names = |action: &str, field: &str| {
        let after = |(at, _): (usize, &str)| action[at + field.len()..].chars().next();
        action.match_indices(field).any(|found| !after(found).is_some_and(char::is_alphanumeric))
    };
    let (field, instead) = REMOVED.iter().find(|(field, _)| actions().any(|action| names(action, field)))?;
    Some(format!("{field} works here, but Flux has removed it; {instead} is in both"))
}

/// What a message holds that nobody means to write.
pub(super) fn of_missing(message: &str) -> Option<String> {
    let advice = match message.contains("<no value>") {
        true => "<no value> stands where a map does not have the key; {{ with … }} leaves it out",
        false if has_complaint(message) => {
            "%! stands where a verb of printf and its value do not go together; %v fits all"
        }
        false => return None,
    };
    Some(advice.to_owned())
}

/// Whether printf wrote what is wrong with its verbs: `%!d(string=x)`, `%!(EXTRA int=1)`.
fn has_complaint(message: &str) -> bool {
    let complains = |rest: &str| {
        let words = rest.strip_prefix(char::is_alphabetic).unwrap_or(rest).strip_prefix('(');
        words.is_some_and(|words| words.starts_with(|c: char| c.is_ascii_alphabetic() || c == '['))
    };
    message.split("%!").skip(1).any(complains)
}

fn of_function(name: &str) -> Option<String> {
    let is_in = |names: &str| names.split_whitespace().any(|known| known == name);
    if is_in(OUTSIDE) {
        return Some(format!("Flux's templates have no {name} either: a message is made of its data alone"));
    }
    if is_in(OF_HELM) {
        return Some(format!("{name} is Helm's, not sprig's"));
    }
    if let Some((_, word)) = KEYWORDS.iter().find(|(names, _)| is_in(names)) {
        return Some(format!("write {word}"));
    }
    if TYPES.iter().any(|(_, fields)| fields.contains(&name)) {
        return Some(format!("a field has a dot before it: .{name}"));
    }
    nearest(name, Functions::standard().names()).map(|known| format!("did you mean {known}?"))
}

fn of_variable(name: &str) -> String {
    match fields_of(ROOT).contains(&name) {
        true => format!("a field of the data has a dot: .{name}, and $.{name} inside range and with"),
        false => "a variable lives until the {{ end }} of the block that declares it; only $ is everywhere".to_owned(),
    }
}

/// The type of the data.
const ROOT: &str = "source.TemplateData";

fn fields_of(kind: &str) -> &'static [&'static str] {
    TYPES.iter().find(|(name, _)| *name == kind).map_or(&[], |(_, fields)| *fields)
}

fn of_field(field: &str, kind: &str) -> Option<String> {
    let fields = fields_of(kind);
    if let (ROOT, Some((_, instead))) = (kind, OF_ARGO.iter().find(|(known, _)| *known == field)) {
        return Some(format!("{field} is of Argo CD Image Updater's templates{instead}"));
    }
    if let Some(known) = nearest(field, fields.iter().copied()) {
        return Some(format!("did you mean {known}?"));
    }
    if kind != ROOT && fields_of(ROOT).contains(&field) {
        return Some(format!("inside range and with the dot is another value; write $.{field}"));
    }
    if fields.is_empty() {
        return of_plain(field, kind);
    }
    Some(format!("the fields of {kind} are {}", fields.join(", ")))
}

/// What to do where `kind` has no fields at all: a list, a map of objects, or the index that a range counts.
fn of_plain(field: &str, kind: &str) -> Option<String> {
    let is_of_object = fields_of("update.ObjectIdentifier").contains(&field);
    let advice = match kind {
        "int" => "over a list, range gives the index first: {{ range $index, $item := … }}",
        "[]update.Change" if is_of_object => OF_OBJECTS,
        "update.ObjectChanges" => OF_OBJECTS,
        _ if kind.starts_with("[]") => "a list has no fields, its items have: {{ range … }}",
        _ => return None,
    };
    Some(advice.to_owned())
}

const OF_OBJECTS: &str = "the object is the key: {{ range $object, $changes := .Changed.Objects }}{{ $object.Kind }}";

/// What stands between two texts.
pub(super) fn between<'a>(message: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(before)?;
    if after.is_empty() { Some(rest) } else { rest.split_once(after).map(|(found, _)| found) }
}
