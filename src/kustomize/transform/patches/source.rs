//! Where patches are written, and what their text is: a strategic merge or a JSON patch.

use std::borrow::Cow;
use std::sync::Arc;

use crate::kustomize::error::Error;
use crate::kustomize::kustomization::{Patch, PatchArgs, Selector};
use crate::kustomize::layer::{Accumulation, Layer};
use crate::kustomize::load::File;
use crate::kustomize::resource::{Resource, objects};
use crate::kustomize::transform::json_patch::JsonPatch;
use crate::kustomize::transform::select::Select;
use crate::object::{Node, Place};

/// The field or plugin that a patch is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kustomize) enum Form {
    /// `patches`: a merge or a JSON patch.
    Any,
    /// `patchesStrategicMerge`.
    Merge,
    /// `patchesJson6902`.
    Json,
}

/// Where the text of a patch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source<'p> {
    Inline(&'p str),
    Path(&'p str),
}

/// A patch with its text.
#[derive(Clone, Debug)]
pub(in crate::kustomize) struct PatchSource<'p> {
    pub form: Form,
    pub text: Cow<'p, str>,
    /// `None` for text in the kustomization file.
    pub file: Option<File>,
    /// Where the lines of such a text begin.
    pub place: Place,
    pub target: Option<&'p Selector>,
    pub options: PatchArgs,
}

/// A patch that was read.
pub(super) struct Prepared {
    pub form: Form,
    pub change: Change,
    pub target: Option<Select>,
    pub options: PatchArgs,
}

pub(super) enum Change {
    Merge(Vec<Resource>),
    Json(JsonPatch),
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Merge(patches) => patches.is_empty(),
            Self::Json(patch) => patch.is_empty(),
        }
    }
}

impl<'p> Source<'p> {
    /// Where an entry of `patches` or `patchesJson6902` has its text; exactly one of `patch` and `path` says so.
    fn of(patch: &'p Patch, form: Form) -> Result<Self, Error> {
        let text = if form == Form::Any { patch.patch.trim() } else { &*patch.patch };
        let has_name = patch.target.as_ref().is_some_and(|target| !target.name.is_empty());
        match (text, &*patch.path) {
            _ if form == Form::Json && !has_name => Err(Error::new("the name is missing").in_field("target")),
            ("", "") => Err(Error::new("neither patch nor path is given")),
            (text, "") => Ok(Self::Inline(text)),
            ("", path) => Ok(Self::Path(path)),
            _ => Err(Error::new("both patch and path are given")),
        }
    }

    /// Where an entry of `patchesStrategicMerge` has its text: in itself if it reads as one, else in the file that it
    /// names.
    fn of_merge(entry: &'p str) -> Self {
        // The name of a file is a line without a colon; to read it as YAML would tell the same, and take longer.
        let may_be_text = entry.is_empty() || entry.contains([':', '\n', '#']);
        if may_be_text && objects::read(entry.as_bytes(), 0).is_ok() { Self::Inline(entry) } else { Self::Path(entry) }
    }

    fn text(self, build: &mut Accumulation<'_>, layer: &Layer) -> Result<(Cow<'p, str>, Option<File>), Error> {
        match self {
            Self::Inline(text) => Ok((text.into(), None)),
            Self::Path(path) => {
                let file = build.loader.load(&layer.root, path)?;
                let text = String::from_utf8(file.content.to_vec())
                    .map_err(|cause| Error::new("reading the patch").in_file(&file.name, 0).caused_by(cause))?;
                Ok((text.into(), Some(file)))
            }
        }
    }
}

impl<'p> PatchSource<'p> {
    /// The patch of an entry of `patches` or `patchesJson6902`.
    pub(in crate::kustomize) fn of(
        build: &mut Accumulation<'_>,
        layer: &Layer,
        patch: &'p Patch,
        form: Form,
    ) -> Result<Self, Error> {
        let (text, file) = Source::of(patch, form)?.text(build, layer)?;
        let options = patch.options.clone().unwrap_or_default();
        Ok(Self { form, text, file, place: Place::default(), target: patch.target.as_ref(), options })
    }

    /// The patches of an entry of `patchesStrategicMerge`.
    pub(in crate::kustomize) fn of_merge(
        build: &mut Accumulation<'_>,
        layer: &Layer,
        entry: &'p str,
    ) -> Result<Self, Error> {
        let (text, file) = Source::of_merge(entry).text(build, layer)?;
        Ok(Self { text, file, ..Self::inline(entry) })
    }

    /// Strategic merges as they stand in a plugin's field.
    pub(in crate::kustomize) fn inline(text: &'p str) -> Self {
        let (place, options) = (Place::default(), PatchArgs::default());
        Self { form: Form::Merge, text: text.into(), file: None, place, target: None, options }
    }

    /// With the place in the kustomization file at which the lines of its text begin, where it stands there.
    pub(in crate::kustomize) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    pub(super) fn prepared(&self) -> Result<Prepared, Error> {
        let target = self.target.map(Select::new).transpose().map_err(|error| error.in_field("target"))?;
        let number = self.file.as_ref().map_or(0, |file| file.number);
        let in_file = |error: Error| match &self.file {
            Some(file) => error.in_file(&file.name, 0),
            None => error.in_text("reading the patch"),
        };
        let merge = || match &self.file {
            Some(file) => file.objects().map(Arc::unwrap_or_clone).map_err(in_file),
            None => objects::read(self.text.as_bytes(), 0).map_err(in_file),
        };
        let mut change = match self.form {
            Form::Any => self.either(merge(), || JsonPatch::read(&self.text, number).map_err(in_file))?,
            Form::Merge => Change::Merge(merge()?),
            Form::Json => match JsonPatch::read(&self.text, number)? {
                patch if patch.is_empty() => return Err(Error::new("the JSON patch is empty")),
                patch => Change::Json(patch),
            },
        };
        if self.file.is_none() && self.place.line > 0 {
            match &mut change {
                Change::Merge(patches) => patches.iter_mut().for_each(|patch| move_lines(&mut patch.node, self.place)),
                Change::Json(patch) => patch.values_mut().for_each(|value| move_lines(value, self.place)),
            }
        }
        Ok(Prepared { form: self.form, change, target, options: self.options.clone() })
    }

    /// Text is a JSON patch only where it is no merge patch: that is a list, and a merge patch never. What is neither is
    /// refused as what it looks like.
    fn either(
        &self,
        merge: Result<Vec<Resource>, Error>,
        json: impl FnOnce() -> Result<JsonPatch, Error>,
    ) -> Result<Change, Error> {
        let merge = match merge {
            Ok(merge) => return Ok(Change::Merge(merge)),
            Err(error) => error,
        };
        match json() {
            Ok(json) => Ok(Change::Json(json)),
            Err(json) if self.text.trim_start().starts_with(['[', '-']) && !self.text.starts_with("---") => {
                Err(json.in_text("reading the JSON patch"))
            }
            Err(_) => Err(merge.in_text("reading the patch")),
        }
    }
}

/// Makes the lines of a text those of the file in which it begins at `start`. As deep as its reader has bounded.
fn move_lines(node: &mut Node, start: Place) {
    match node {
        Node::Scalar(scalar) if scalar.place.line > 0 => {
            scalar.place = Place { file: start.file, line: start.line + scalar.place.line - 1 };
        }
        Node::Scalar(_) => {}
        Node::Sequence(items) => Arc::make_mut(items).iter_mut().for_each(|item| move_lines(item, start)),
        Node::Mapping(fields) => fields.iter_mut().for_each(|(_, value)| move_lines(value, start)),
    }
}
