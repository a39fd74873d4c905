//! The value of a var: what stands for `$(NAME)` alone, and what it is amid other text.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::kustomize::error::Error;
use crate::kustomize::go;
use crate::object::{Node, Scalar, Tag};
use crate::yaml::general;

/// How many bytes all values together may come to in the texts of a build.
const BYTES_MAX: usize = 64 << 20;

pub(super) struct Value {
    /// `None` for a list or a mapping: it stands in no text, and its variables stay as they are.
    scalar: Option<Forms>,
    is_used: AtomicBool,
}

struct Forms {
    /// In the place of a whole text, with its type.
    whole: Scalar,
    part: String,
}

impl Value {
    /// Numbers are written anew, as Go writes them. Only decimal ones are understood: kustomize goes no further.
    pub(super) fn of(node: &Node) -> Result<Self, Error> {
        let scalar = node.as_scalar().map(Forms::of).transpose()?;
        Ok(Self { scalar, is_used: AtomicBool::new(false) })
    }

    fn used(&self) -> Option<&Forms> {
        self.is_used.store(true, Ordering::Relaxed);
        self.scalar.as_ref()
    }

    /// What a user may not have meant; `name` is that of the var.
    pub(super) fn warning(&self, name: &str) -> Option<String> {
        let is_used = self.is_used.load(Ordering::Relaxed);
        match self.scalar {
            None if is_used => Some(format!("the var {name} reads a list or a mapping, and $({name}) stays as it is")),
            _ if is_used => None,
            _ => Some(format!("$({name}) stands in no field that takes vars")),
        }
    }
}

/// The values of all vars by their names, and how much text they may still become.
pub(super) struct Values<'v> {
    by_name: HashMap<&'v str, Value>,
    room: AtomicUsize,
}

impl<'v> Values<'v> {
    pub(super) fn new(by_name: HashMap<&'v str, Value>) -> Self {
        Self { by_name, room: AtomicUsize::new(BYTES_MAX) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.by_name.get(name)
    }

    /// The value in the place of a whole text, with its type.
    pub(super) fn whole<'a>(&self, value: &'a Value) -> Result<Option<&'a Scalar>, Error> {
        self.take(value).map(|forms| forms.map(|forms| &forms.whole))
    }

    /// The value amid other text.
    pub(super) fn part<'a>(&self, value: &'a Value) -> Result<Option<&'a str>, Error> {
        self.take(value).map(|forms| forms.map(|forms| &*forms.part))
    }

    fn take<'a>(&self, value: &'a Value) -> Result<Option<&'a Forms>, Error> {
        let Some(forms) = value.used() else { return Ok(None) };
        let left = |room: usize| room.checked_sub(forms.part.len());
        match self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left) {
            Ok(_) => Ok(Some(forms)),
            Err(_) => Err(Error::new(format!("the values of vars come to more than {BYTES_MAX} bytes"))),
        }
    }
}

impl Forms {
    fn of(scalar: &Scalar) -> Result<Self, Error> {
        let (whole, part) = match scalar.tag {
            Tag::Int => alike(integer(&scalar.text)?),
            Tag::Float => {
                let float = float(&scalar.text)?;
                (float.to_string(), general(float))
            }
            Tag::Bool => alike(boolean(&scalar.text)?),
            _ => alike(&scalar.text),
        };
        let tag = if let Tag::Int | Tag::Float | Tag::Bool = scalar.tag { scalar.tag } else { Tag::Str };
        Ok(Self { whole: Scalar::new(whole, tag), part })
    }
}

fn alike(text: impl ToString) -> (String, String) {
    (text.to_string(), text.to_string())
}

fn integer(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|cause| Error::new(format!("{text} is no decimal integer of 64 bits")).caused_by(cause))
}

fn float(text: &str) -> Result<f64, Error> {
    text.parse()
        .ok()
        .filter(|float: &f64| float.is_finite())
        .ok_or_else(|| Error::new(format!("{text} is no finite number")))
}

fn boolean(text: &str) -> Result<bool, Error> {
    go::boolean(text).ok_or_else(|| Error::new(format!("{text} is neither true nor false")))
}
