//! Objects from YAML files.
//!
//! Takes texts with their file names; gives the objects of our kinds, Secrets and ServiceAccounts by name, and every
//! problem with its file, document and field. Other kinds are passed over: manifests of all sorts lie in one folder.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::decode::decode;
use super::git_repository::GitRepositorySpec;
use super::image_policy::ImagePolicySpec;
use super::image_repository::ImageRepositorySpec;
use super::image_update_automation::ImageUpdateAutomationSpec;
use super::meta::{IMAGE_GROUP, Kind, SOURCE_GROUP, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Problem, Severity};
use super::service_account::ServiceAccount;
use crate::object::{NamespacedName, ObjectId, Value};
use crate::secret::SecretData;
use crate::yaml;
use crate::yaml::split::Places;

/// The text of one file.
#[derive(Clone, Copy, Debug)]
pub struct SourceText<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// What the files hold. Problems are in the order of the files.
#[derive(Debug, Default)]
pub struct Loaded {
    pub objects: Objects,
    pub problems: Vec<Problem>,
}

/// Reads all objects of `sources`; an object without a namespace is in `default_namespace`.
pub fn load<'a>(sources: impl IntoIterator<Item = SourceText<'a>>, default_namespace: &str) -> Loaded {
    let mut loader = Loader { loaded: Loaded::default(), first_places: BTreeMap::new(), default_namespace };
    for source in sources {
        loader.file(source);
    }
    loader.loaded
}

struct Loader<'n> {
    loaded: Loaded,
    /// Where each object was met first, as people say it.
    first_places: BTreeMap<(Kind, NamespacedName), String>,
    default_namespace: &'n str,
}

#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    document: usize,
    line: usize,
}

/// One object of a document, and where it stands.
struct Subject<'a> {
    place: Place<'a>,
    /// The way to the object within its document, such as `items[2].`; empty without a List.
    prefix: &'a str,
    value: &'a Value,
    id: ObjectId,
}

impl Loader<'_> {
    /// One document after the other: the values of a large file at once are many times its size, and one that does not
    /// parse must not stop the others.
    fn file(&mut self, source: SourceText) {
        let (mut before, mut places) = (0, Places::new(source.text));
        for range in yaml::split::documents(source.text) {
            let lines = places.of(range.start).0 - 1;
            let part = SourceText { text: &source.text[range], ..source };
            match yaml::documents(part.text) {
                Ok(documents) => {
                    self.documents(part.file, before, lines, &documents);
                    before += documents.len();
                }
                Err(error) => {
                    let error = yaml::Error { line: error.line + lines, ..error };
                    self.loaded.problems.push(unreadable(part, &error));
                    before += 1;
                }
            }
        }
    }

    /// Documents that stand behind `before` others, `lines` lines into their file.
    fn documents(&mut self, file: &str, before: usize, lines: usize, documents: &[yaml::Document]) {
        for (at, document) in documents.iter().enumerate() {
            let place = Place { file, document: before + at + 1, line: lines + document.line };
            self.document(&document.value, place, "");
        }
    }

    /// Goes as deep as Lists lie in each other, which the YAML parser bounds.
    fn document(&mut self, value: &Value, place: Place, prefix: &str) {
        if let Some(items) = items_of_list(value) {
            for (at, item) in items.iter().enumerate() {
                self.document(item, place, &format!("{prefix}items[{at}]."));
            }
        } else if let Some(id) = self.identity(value) {
            self.subject(&Subject { place, prefix, value, id });
        }
    }

    fn identity(&self, value: &Value) -> Option<ObjectId> {
        let mut id = ObjectId::of(value)?;
        if id.namespace.is_empty() {
            self.default_namespace.clone_into(&mut id.namespace);
        }
        Some(id)
    }

    fn subject(&mut self, subject: &Subject) {
        match kind_of(&subject.id) {
            Some(kind) if self.is_first(kind, subject) => self.object(kind, subject),
            None if group_of(&subject.id) == IMAGE_GROUP => {
                self.loaded.problems.push(subject.problem(Severity::Error, unknown_kind(&subject.id.kind)));
            }
            _ => {}
        }
    }

    /// False, with a problem, when the object was met before: nobody can say which of the two is meant.
    fn is_first(&mut self, kind: Kind, subject: &Subject) -> bool {
        // A name that is missing is a problem of its own.
        if subject.id.name.is_empty() {
            return true;
        }
        let first = match self.first_places.entry((kind, subject.name())) {
            Entry::Vacant(entry) => {
                entry.insert(format!("document {} of {}", subject.place.document, subject.place.file));
                return true;
            }
            Entry::Occupied(entry) => entry.get().clone(),
        };
        let name = subject.name();
        let message = format!("there is another {kind} {name}, expected one; the first is {first}");
        self.break_object(kind, subject, FieldError::new("metadata.name", message));
        self.loaded.objects.remove(kind, &name);
        false
    }

    fn object(&mut self, kind: Kind, subject: &Subject) {
        match kind {
            Kind::ImageRepository => self.custom::<ImageRepositorySpec>(subject),
            Kind::ImagePolicy => self.custom::<ImagePolicySpec>(subject),
            Kind::ImageUpdateAutomation => self.custom::<ImageUpdateAutomationSpec>(subject),
            Kind::GitRepository => self.custom::<GitRepositorySpec>(subject),
            Kind::Secret => self.secret(subject),
            Kind::ServiceAccount => self.service_account(subject),
        }
    }

    fn custom<S: Spec>(&mut self, subject: &Subject) {
        let version = match version_of(S::KIND, &subject.id) {
            Ok(version) => version,
            Err(error) => return self.break_object(S::KIND, subject, error),
        };
        let (object, report) = decode::<S>(subject.value, version, self.default_namespace);
        if let Some(object) = object.filter(|_| report.errors.is_empty()) {
            S::shelf(&mut self.loaded.objects).insert(object.name(), object);
        }
        for error in report.errors {
            self.break_object(S::KIND, subject, error);
        }
        let warnings = report.warnings.into_iter().map(|warning| subject.problem(Severity::Warning, warning));
        self.loaded.problems.extend(warnings);
    }

    fn secret(&mut self, subject: &Subject) {
        if subject.value.get("sops").is_some() {
            let message = "is encrypted with SOPS and cannot be read here, expected plain data";
            return self.break_object(Kind::Secret, subject, FieldError::new("", message));
        }
        if subject.id.name.is_empty() {
            let error = FieldError::new("metadata.name", "is required");
            return self.break_object(Kind::Secret, subject, error);
        }
        match SecretData::from_object(subject.value) {
            Ok(data) => drop(self.loaded.objects.secrets.insert(subject.name(), data)),
            Err(error) => self.break_object(Kind::Secret, subject, FieldError::new("", error)),
        }
    }

    fn service_account(&mut self, subject: &Subject) {
        if subject.id.name.is_empty() {
            let error = FieldError::new("metadata.name", "is required");
            return self.break_object(Kind::ServiceAccount, subject, error);
        }
        match ServiceAccount::from_object(subject.value) {
            Ok(account) => drop(self.loaded.objects.service_accounts.insert(subject.name(), account)),
            Err(wrong) => {
                self.break_object(Kind::ServiceAccount, subject, FieldError::new("imagePullSecrets", wrong));
            }
        }
    }

    /// Reports a problem for which the object is left out, and remembers that the object is there. A problem of a kind
    /// of the core group is a warning: it harms only those who refer to the object, and most of them are not ours.
    fn break_object(&mut self, kind: Kind, subject: &Subject, error: FieldError) {
        let severity = if kind.group().is_empty() { Severity::Warning } else { Severity::Error };
        let problem = subject.problem(severity, error);
        if !subject.id.name.is_empty() {
            let broken = &mut self.loaded.objects.broken;
            broken.entry((kind, subject.name())).or_insert_with(|| problem.to_string());
        }
        self.loaded.problems.push(problem);
    }
}

impl Subject<'_> {
    fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.id.namespace, &self.id.name)
    }

    fn problem(&self, severity: Severity, error: FieldError) -> Problem {
        let field = format!("{}{}", self.prefix, error.field);
        Problem {
            severity,
            file: self.place.file.to_owned(),
            document: self.place.document,
            line: self.place.line,
            object: (!self.id.kind.is_empty()).then(|| self.id.clone()),
            field: field.trim_end_matches('.').to_owned(),
            message: error.message,
        }
    }
}

/// A file that does not parse matters when it speaks of our kinds; otherwise it may be a template of another tool.
fn unreadable(source: SourceText, error: &yaml::Error) -> Problem {
    let is_ours = [IMAGE_GROUP, SOURCE_GROUP].iter().any(|group| source.text.contains(group));
    Problem {
        severity: if is_ours { Severity::Error } else { Severity::Warning },
        file: source.file.to_owned(),
        document: 0,
        line: error.line,
        object: None,
        field: String::new(),
        message: format!("not YAML at column {}: {}", error.column, error.message),
    }
}

/// As `kubectl` tells a List: by its kind and its items.
fn items_of_list(value: &Value) -> Option<&Vec<Value>> {
    let is_list = value.get("kind")?.as_str()?.ends_with("List");
    value.get("items")?.as_array().filter(|_| is_list)
}

/// The kind, when it is one of ours. Without any `apiVersion` the kind alone counts: it was forgotten.
fn kind_of(id: &ObjectId) -> Option<Kind> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == id.kind)?;
    let is_ours = match kind {
        Kind::Secret | Kind::ServiceAccount => id.api_version == "v1",
        _ => id.api_version.is_empty() || group_of(id) == kind.group(),
    };
    is_ours.then_some(kind)
}

fn group_of(id: &ObjectId) -> &str {
    id.api_version.split_once('/').map_or(id.api_version.as_str(), |(group, _)| group)
}

/// All kinds of the image group are ours.
fn unknown_kind(kind: &str) -> FieldError {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.group() == IMAGE_GROUP);
    let kinds = kinds.map(Kind::as_str).collect::<Vec<_>>().join(", ");
    let message = match kind {
        "" => format!("is required, one of {kinds}"),
        _ => format!("{kind:?} is not one of {kinds}"),
    };
    FieldError::new("kind", message)
}

fn version_of(kind: Kind, id: &ObjectId) -> Result<Version, FieldError> {
    let (group, written) = (kind.group(), &id.api_version);
    if written.is_empty() {
        return Err(FieldError::new("apiVersion", format!("is required, such as {group}/v1")));
    }
    let version = written.split_once('/').and_then(|(_, version)| Version::parse(version));
    version.ok_or_else(|| {
        let message = format!("{written:?} is not supported, expected {group}/v1, v1beta2 or v1beta1");
        FieldError::new("apiVersion", message)
    })
}
