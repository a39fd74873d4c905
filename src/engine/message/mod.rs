//! Message: renders the commit message of an automation.
//!
//! Takes the message template, its values and the changes; gives the text above the trailers. What templates see
//! is in [`data`].

mod advice;
mod data;
mod given;
mod place;

use std::collections::BTreeMap;

use super::rewrite::InFile;
use crate::api::DEFAULT_MESSAGE;
use crate::object::NamespacedName;
use crate::setter::{Change, Latest};
use crate::template::{self, Template, Value};

/// The name that error texts give the template, as in Flux.
const TEMPLATE_NAME: &str = "commit message";

/// `spec.git.commit.messageTemplate`, or the default one, and `messageTemplateValues`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageTemplate {
    pub text: String,
    pub values: BTreeMap<String, String>,
}

/// Why there is no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("spec.git.commit.messageTemplate: {0}")]
    Template(#[from] template::Error),
    #[error("spec.git.commit.messageTemplate: the message holds a NUL character, which Git does not take")]
    Nul,
}

impl MessageError {
    /// The line and the column where the mistake in `template` is, from 1, the column in bytes.
    pub fn place(&self, template: &str) -> Option<(usize, usize)> {
        let Self::Template(error) = self else { return None };
        let (line, column) = (error.line()?, error.column()?);
        let text = template.split('\n').nth(line - 1).unwrap_or_default();
        Some((line, 1 + place::wrong_field(text, column, error.message()).unwrap_or(column)))
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        match self {
            Self::Template(error) => error.message(),
            Self::Nul => "the message holds a NUL character, which Git does not take",
        }
    }

    /// Advice for the user.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Template(error) => advice::of_error(error),
            Self::Nul => None,
        }
    }
}

/// Advice on a template that gives a message: it asks for what Flux has removed, or for a value that is not there.
pub fn advice(template: &str, message: &str) -> Option<String> {
    advice::of_removed(template).or_else(|| advice::of_missing(message))
}

/// Renders the message for `changes`, which `automation` made with the images of `latest`.
pub fn render(
    template: &MessageTemplate,
    automation: &NamespacedName,
    changes: &[InFile<Change>],
    latest: &Latest,
) -> Result<String, MessageError> {
    let parsed = Template::parse(TEMPLATE_NAME, &template.text)?;
    // Plain text, as the default is, asks nothing about changes, which may be thousands.
    let data = match template.text.contains("{{") {
        true => data::template_data(&template.text, automation, changes, latest, &template.values),
        false => Value::Nil,
    };
    checked(parsed.render(&data)?)
}

/// Renders the message for other data than ours.
pub fn render_given(template: &str, data: &serde_json::Value) -> Result<String, MessageError> {
    checked(Template::parse(TEMPLATE_NAME, template)?.render(&given::value(data))?)
}

fn checked(message: String) -> Result<String, MessageError> {
    match message.trim() {
        // A commit needs a title, and trailers one to stand under.
        "" => Ok(DEFAULT_MESSAGE.to_owned()),
        _ if message.contains('\0') => Err(MessageError::Nul),
        _ => Ok(message),
    }
}
