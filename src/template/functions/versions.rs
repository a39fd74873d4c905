//! Sprig's semantic versions: an object with the fields and methods of Masterminds/semver 3.3, and comparison with a
//! range.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::object::{Fields, Method, Object};
use super::super::value::{Type, Value};
use super::{Args, Failure, Function};
use crate::semver::{Dialect, Range, RangeError, VERSION_BYTES_MAX, Version, VersionError};

const STRING: Type = Type::String;
const POINTER: Type = Type::Object("*semver.Version");

pub(super) static TABLE: &[Function] = &[
    Function::new("semver", &[STRING], |args| {
        args.spend(STEPS)?;
        parsed(&args.text(0).to_str_lossy())
            .map(|version| Value::object(SemanticVersion { is_pointer: true, ..version }))
    }),
    Function::new("semverCompare", &[STRING, STRING], compared),
];

/// What reading a version and asking for its parts takes, about.
const STEPS: usize = 24;
/// So many bytes of a range, squared, are a step: finding `A - B` in it takes time in that order.
const SQUARE_BYTES_A_STEP: usize = 128;

fn compared(args: Args<'_>) -> Result<Value, Failure> {
    let range = args.text(0).to_str_lossy();
    args.spend(STEPS + range.len().min(1 << 10).pow(2) / SQUARE_BYTES_A_STEP)?;
    let range = Range::parse(&range, Dialect::V3_3).map_err(|error| range_failure(&error))?;
    let version = parsed(&args.text(1).to_str_lossy())?;
    Ok(range.contains(&version.as_version()).into())
}

/// In the words of 3.3, which has no bounds.
fn range_failure(error: &RangeError) -> Failure {
    Failure::new(match error {
        RangeError::EmptyGroup { group } | RangeError::Comparison { group, .. } => {
            format!("improper constraint: {group}")
        }
        RangeError::Version { .. } => "constraint Parser Error".to_owned(),
        RangeError::TooLong | RangeError::TooManyGroups => format!("the constraint {error}"),
    })
}

fn parsed(text: &str) -> Result<SemanticVersion, Failure> {
    let Version { major, minor, patch, pre } =
        Version::parse(text, false).map_err(|error| version_failure(error, text))?;
    let metadata = text.split_once('+').map_or("", |(_, metadata)| metadata);
    let (pre, metadata, original) = (pre.to_owned(), metadata.to_owned(), text.to_owned());
    Ok(SemanticVersion { is_pointer: false, major, minor, patch, pre, metadata, original })
}

fn version_failure(error: VersionError, text: &str) -> Failure {
    let digits =
        || text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() > 18 && digits.parse::<u64>().is_err());
    Failure::new(match error {
        VersionError::TooLong => format!("the version {error}"),
        VersionError::LeadingZero => SEGMENT.to_owned(),
        VersionError::NumberTooLarge => format!(
            "Error parsing version segment: strconv.ParseUint: parsing \"{}\": value out of range",
            digits().unwrap_or(text)
        ),
        _ => "Invalid Semantic Version".to_owned(),
    })
}

const SEGMENT: &str = "Version segment starts with 0";

/// Go's `semver.Version`, or a pointer to one, which has more methods.
#[derive(Clone, Debug, Default)]
struct SemanticVersion {
    is_pointer: bool,
    major: u64,
    minor: u64,
    patch: u64,
    pre: String,
    metadata: String,
    original: String,
}

impl SemanticVersion {
    fn as_version(&self) -> Version<'_> {
        Version { major: self.major, minor: self.minor, patch: self.patch, pre: &self.pre }
    }

    fn printed(&self) -> String {
        let before = |sign: &str, text: &str| if text.is_empty() { String::new() } else { format!("{sign}{text}") };
        let (pre, metadata) = (before("-", &self.pre), before("+", &self.metadata));
        format!("{}.{}.{}{pre}{metadata}", self.major, self.minor, self.patch)
    }

    /// Another version, as a value, whose original is how it prints, with a `v` if this one's has it.
    fn next(&self, change: impl FnOnce(&mut SemanticVersion)) -> Value {
        let mut next = SemanticVersion { is_pointer: false, ..self.clone() };
        change(&mut next);
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        next.original = format!("{prefix}{}", next.printed());
        Value::object(next)
    }

    /// The next release: numbers changed, prerelease and metadata gone.
    fn released(&self, change: impl FnOnce(&mut SemanticVersion)) -> Method {
        Method::returns(self.next(|next| {
            change(next);
            (next.pre, next.metadata) = (String::new(), String::new());
        }))
    }

    /// What holds of the order of this version and the argument.
    fn comparing<V: Into<Value> + 'static>(&self, answer: fn(Ordering) -> V) -> Method {
        let this = self.clone();
        Method::new(&[POINTER], move |arguments| {
            let other = arguments.first().and_then(SemanticVersion::of);
            let order = other.map(|other| this.as_version().cmp(&other.as_version()));
            order.map(|order| answer(order).into()).ok_or_else(|| Failure::new("no version to compare with"))
        })
    }

    /// A method that takes a text, which must hold only the characters of identifiers.
    fn setting(&self, name: &'static str, set: fn(&mut SemanticVersion, String)) -> Method {
        let this = self.clone();
        Method::new(&[STRING], move |arguments| {
            let Some(Value::String(text)) = arguments.first() else { return Err(Failure::new("no text")) };
            if text.as_bytes().len() > VERSION_BYTES_MAX {
                return Err(version_failure(VersionError::TooLong, ""));
            }
            let text = text.to_str_lossy().into_owned();
            check_identifiers(&text, name)?;
            Ok(this.next(|next| set(next, text)))
        })
    }

    fn of(value: &Value) -> Option<SemanticVersion> {
        let Value::Object(object) = value else { return None };
        let fields = object.fields();
        let [
            (_, Value::Uint64(major)),
            (_, Value::Uint64(minor)),
            (_, Value::Uint64(patch)),
            (_, Value::String(pre)),
            ..,
        ] = &*fields
        else {
            return None;
        };
        let (major, minor, patch, pre) = (*major, *minor, *patch, pre.to_str_lossy().into_owned());
        Some(SemanticVersion { major, minor, patch, pre, ..SemanticVersion::default() })
    }

    /// What only pointers have.
    fn method_of_pointer(&self, name: &str) -> Option<Method> {
        Some(match name {
            "Compare" => self.comparing(|order| order as i64),
            "Equal" => self.comparing(Ordering::is_eq),
            "GreaterThan" => self.comparing(Ordering::is_gt),
            "GreaterThanEqual" => self.comparing(Ordering::is_ge),
            "LessThan" => self.comparing(Ordering::is_lt),
            "LessThanEqual" => self.comparing(Ordering::is_le),
            "Original" => Method::returns(self.original.as_str()),
            _ => return None,
        })
    }
}

fn check_identifiers(text: &str, name: &str) -> Result<(), Failure> {
    let is_prerelease = name == "Prerelease";
    for identifier in text.split('.') {
        let is_number = identifier.bytes().all(|byte| byte.is_ascii_digit());
        if is_prerelease && is_number && identifier.len() > 1 && identifier.starts_with('0') {
            return Err(Failure::new(SEGMENT));
        }
        if !identifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Failure::new(format!("Invalid {name} string")));
        }
    }
    Ok(())
}

impl Object for SemanticVersion {
    fn type_name(&self) -> &'static str {
        if self.is_pointer { "*semver.Version" } else { "semver.Version" }
    }

    fn fields(&self) -> Fields<'_> {
        Fields::Owned(vec![
            ("major", Value::Uint64(self.major)),
            ("minor", Value::Uint64(self.minor)),
            ("patch", Value::Uint64(self.patch)),
            ("pre", self.pre.as_str().into()),
            ("metadata", self.metadata.as_str().into()),
            ("original", self.original.as_str().into()),
        ])
    }

    fn field(&self, _name: &str) -> Option<Value> {
        // Go shows templates no field whose name begins with a small letter.
        None
    }

    fn method(&self, name: &str) -> Option<Method> {
        Some(match name {
            "Major" => Method::returns(Value::Uint64(self.major)),
            "Minor" => Method::returns(Value::Uint64(self.minor)),
            "Patch" => Method::returns(Value::Uint64(self.patch)),
            "Prerelease" => Method::returns(self.pre.as_str()),
            "Metadata" => Method::returns(self.metadata.as_str()),
            "String" | "Value" => Method::returns(self.printed()),
            "IncMajor" => self.released(|next| {
                (next.major, next.minor, next.patch) = (next.major.wrapping_add(1), 0, 0);
            }),
            "IncMinor" => self.released(|next| (next.minor, next.patch) = (next.minor.wrapping_add(1), 0)),
            "IncPatch" if !self.pre.is_empty() => self.released(|_| {}),
            "IncPatch" => self.released(|next| next.patch = next.patch.wrapping_add(1)),
            "SetPrerelease" => self.setting("Prerelease", |next, text| next.pre = text),
            "SetMetadata" => self.setting("Metadata", |next, text| next.metadata = text),
            _ if self.is_pointer => return self.method_of_pointer(name),
            _ => return None,
        })
    }

    fn stringer(&self) -> Option<String> {
        Some(self.printed())
    }

    fn deep_copy(&self) -> Option<Arc<dyn Object>> {
        Some(Arc::new(SemanticVersion { is_pointer: self.is_pointer, ..SemanticVersion::default() }))
    }

    fn in_json(&self) -> Option<Value> {
        Some(self.printed().into())
    }
}
