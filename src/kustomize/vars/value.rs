//! The value of a var: what stands for `$(NAME)` alone, and what it is amid other text.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::kustomize::error::Error;
use crate::object::{Node, Scalar, Tag};

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

    pub(super) fn whole(&self) -> Option<&Scalar> {
        self.used().map(|forms| &forms.whole)
    }

    pub(super) fn part(&self) -> Option<&str> {
        self.used().map(|forms| &*forms.part)
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
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(Error::new(format!("{text} is neither true nor false"))),
    }
}

/// Go's verb `g`: an exponent below 1e-4 and from 1e6 on.
fn general(float: f64) -> String {
    let written = format!("{float:e}");
    let (mantissa, exponent) = written.split_once('e').expect("the format writes an exponent");
    match exponent.parse::<i32>().expect("an exponent is an integer") {
        -4..6 => float.to_string(),
        exponent => format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}
