//! Templates: against Go's own answers, with Flux-shaped data, and within bounds.

mod bounds;
mod flux;
mod functions;
mod fuzz;
mod language;
mod oracle;

use tagwright::template::{Template, Value};

/// What a template gives: its output, or the text of its error.
fn rendered(template: &Template, data: &Value) -> String {
    template.render(data).unwrap_or_else(|error| error.to_string())
}

/// Renders `template`, named `t`, and compares the output or the text of the error.
fn check(template: &str, data: &Value, want: &str) {
    let got = match Template::parse("t", template) {
        Ok(template) => rendered(&template, data),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, want, "of {template:?}");
}
