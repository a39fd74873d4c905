//! `tagwright template`: renders a commit message and shows where its template is wrong.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::failure::Failure;
use super::{Format, Outcome, input, output, report};
use crate::engine::message::{self, MessageError, MessageTemplate};
use crate::object::NamespacedName;
use crate::standalone::{Inputs, World};
use crate::yaml;

mod mistake;
mod sample;

/// Renders the commit message of an automation
///
/// The data are a sample: five changes in three files. The message template comes from `--message`, or from the
/// ImageUpdateAutomations of `--objects`, whose names and `messageTemplateValues` are in the data then. `--data` gives
/// other data. A mistake is shown where it is in the template.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("template").required(true).multiple(true).args(["message", "objects"]),
    after_help = "Examples:
  tagwright template --message message.tmpl
  tagwright template --objects ./clusters/production
  echo '{{ range .Changed.Changes }}{{ println .OldValue `to` .NewValue }}{{ end }}' | tagwright template --message -
  tagwright template --message message.tmpl --data data.yaml -o json"
)]
pub(super) struct Args {
    /// The file with the message template; `-` is stdin
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,

    /// Files or directories with ImageUpdateAutomation objects (repeatable)
    #[arg(long, value_name = "PATH", conflicts_with = "data")]
    objects: Vec<PathBuf>,

    /// The data of the template as YAML or JSON
    #[arg(long, value_name = "FILE", requires = "message")]
    data: Option<PathBuf>,

    /// Where objects without a namespace go
    #[arg(short, long, value_name = "NAMESPACE", default_value = "flux-system")]
    namespace: String,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// More than the engine takes, so that it says so itself.
const TEMPLATE_BYTES_MAX: u64 = 1 << 20;
const DATA_BYTES_MAX: u64 = 16 << 20;

/// A template on its way through.
struct Rendered {
    /// None where the data are given.
    automation: Option<NamespacedName>,
    /// The file or the field that the template is from.
    origin: String,
    template: String,
    message: Result<String, MessageError>,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let world = world(args)?;
    let all = match &args.data {
        Some(data) => vec![with_data(args, data)?],
        None => with_sample(args, &world)?,
    };
    match args.output {
        Format::Json => output::json(&json!({ "messages": all.iter().map(as_json).collect::<Vec<_>>() }))?,
        Format::Text => print(&all)?,
    }
    let advice = |one: &Rendered| message::advice(&one.template, one.message.as_ref().ok()?);
    all.iter().filter_map(advice).for_each(|advice| output::hint(&advice));
    let has_failed = world.has_errors() || all.iter().any(|one| one.message.is_err());
    Ok(if has_failed { Outcome::PartlyFailed } else { Outcome::Done })
}

/// The objects; nothing without `--objects`. Tells what is wrong with them.
fn world(args: &Args) -> Result<World, Failure> {
    if args.objects.is_empty() {
        return Ok(World::default());
    }
    let inputs = Inputs { paths: args.objects.clone(), secrets: Vec::new(), namespace: args.namespace.clone() };
    let world = inputs.read()?;
    report::problems(&world.problems);
    if world.objects.image_update_automations.is_empty() {
        return Err(Failure::new("the objects hold no ImageUpdateAutomation that can be read"));
    }
    Ok(world)
}

fn with_data(args: &Args, file: &Path) -> Result<Rendered, Failure> {
    let (origin, template) = given_template(args)?.unwrap_or_default();
    let data = data(file).map_err(|failure| failure.doing(format!("reading {}", file.display())))?;
    let message = message::render_given(&template, &data);
    Ok(Rendered { automation: None, origin, template, message })
}

/// The one document of the file.
fn data(file: &Path) -> Result<Json, Failure> {
    let mut documents = yaml::documents(&text(file, DATA_BYTES_MAX)?)?;
    match documents.len() {
        0 => Ok(Json::Null),
        1 => Ok(documents.swap_remove(0).value),
        count => Err(Failure::new(format!("{count} documents, and the data are one"))),
    }
}

/// The template for the automation of each object, or of the sample.
fn with_sample(args: &Args, world: &World) -> Result<Vec<Rendered>, Failure> {
    let given = given_template(args)?;
    let automations = world.objects.image_update_automations.iter();
    let mut of_objects = automations
        .filter_map(|(id, automation)| Some((id, &automation.spec.git.as_ref()?.commit)))
        .map(|(id, commit)| (id.clone(), commit.message_template().to_owned(), commit.message_template_values.clone()))
        .peekable();
    let sample = of_objects.peek().is_none().then(|| (sample::automation(), String::new(), Default::default()));
    let changes = sample::changes();
    let latest = sample::latest();
    let rendered = |(id, own, values): (NamespacedName, String, _)| {
        let field = || (format!("{id}: spec.git.commit.messageTemplate"), own);
        let (origin, text) = given.clone().unwrap_or_else(field);
        let template = MessageTemplate { text, values };
        let message = message::render(&template, &id, &changes, &latest);
        Rendered { automation: Some(id), origin, template: template.text, message }
    };
    Ok(of_objects.chain(sample).map(rendered).collect())
}

/// The template of `--message` and the name of its file.
fn given_template(args: &Args) -> Result<Option<(String, String)>, Failure> {
    let Some(file) = &args.message else { return Ok(None) };
    let doing = |failure: Failure| failure.doing(format!("reading the template from {}", name(file)));
    Ok(Some((name(file), text(file, TEMPLATE_BYTES_MAX).map_err(doing)?)))
}

fn name(file: &Path) -> String {
    if input::is_stdin(file) { "stdin".to_owned() } else { file.display().to_string() }
}

/// A file's text, up to a bound.
fn text(file: &Path, bytes_max: u64) -> Result<String, Failure> {
    let text = input::text(input::source(file)?, bytes_max)?;
    text.ok_or_else(|| Failure::new(format!("larger than {bytes_max} bytes")))
}

/// The messages on stdout; of several each under the name of its automation.
fn print(all: &[Rendered]) -> Result<(), Failure> {
    for (at, one) in all.iter().enumerate() {
        if let (Some(automation), true) = (&one.automation, all.len() > 1) {
            output::line(&format!("{}==> {automation} <==", if at > 0 { "\n" } else { "" }))?;
        }
        match &one.message {
            Ok(message) => output::line(&output::printable(message.trim_end_matches('\n')))?,
            Err(error) => output::failure(&mistake::shown(&one.origin, &one.template, error)),
        }
    }
    Ok(())
}

fn as_json(one: &Rendered) -> Json {
    let error = one.message.as_ref().err().map(|error| {
        let (line, column) = error.place(&one.template).unzip();
        json!({ "line": line, "column": column, "message": error.message(), "hint": error.hint() })
    });
    json!({ "automation": one.automation, "message": one.message.as_ref().ok(), "error": error })
}
