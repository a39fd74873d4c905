//! `tagwright ledger`: what the memory below the state directory holds, out of it and into it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use super::failure::Failure;
use super::git::StateArgs;
use super::{Format, Outcome, input, output};
use crate::image::{Repository, Tag};
use crate::ledger::{Door, Fact, Filter, View};

/// One fact of an import.
const LINE_BYTES_MAX: usize = 16 << 10;
const IMPORT_BYTES_MAX: u64 = 1 << 30;
/// So many facts are merged in one step.
const BATCH: usize = 5000;

/// Shows, exports and imports the memory: which tags were seen when, which moved, which vanished
///
/// `sync --state DIR` remembers what it saw. A running service is asked over its socket in the state directory; without
/// one the file is read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright ledger show ghcr.io/acme/web --state /var/lib/tagwright
  tagwright ledger export --state /var/lib/tagwright > memory.jsonl")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(Show),
    Export(Export),
    Import(Import),
}

/// Shows when the tags of an image repository were first seen, moved and vanished
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1: nothing is known of the image.

Examples:
  tagwright ledger show nginx
  tagwright ledger show ghcr.io/acme/web --tag 1.2.3
  tagwright ledger show ghcr.io/acme/web -o json | jq '.[].tags[] | select(.digests | length > 1)'")]
struct Show {
    /// An image repository, without tag
    #[arg(value_name = "IMAGE")]
    image: Repository,

    /// Only this tag, with all its digests
    #[arg(long, value_name = "TAG")]
    tag: Option<Tag>,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    state: StateArgs,
}

/// Writes all facts as lines of JSON, in a stable order
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright ledger export > memory.jsonl
  tagwright ledger export --state old | tagwright ledger import --state new -")]
struct Export {
    #[command(flatten)]
    state: StateArgs,
}

/// Merges the facts of an export: what was seen first wins
///
/// All lines are checked before the first one is used. Importing twice gives the same as once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright ledger import memory.jsonl --state /var/lib/tagwright
  ssh old-host tagwright ledger export | tagwright ledger import -")]
struct Import {
    /// Lines of JSON as export writes them; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    state: StateArgs,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    match &args.verb {
        Verb::Show(args) => show(args),
        Verb::Export(args) => export(args),
        Verb::Import(args) => import(args),
    }
}

/// What is known of one view, as JSON shows it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    image: String,
    access: String,
    scanned: Option<String>,
    tags: Vec<ShownTag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTag {
    tag: String,
    first_seen: String,
    vanished: Option<String>,
    /// Oldest first.
    digests: Vec<ShownDigest>,
}

#[derive(Debug, Serialize)]
struct ShownDigest {
    digest: String,
    since: String,
}

fn show(args: &Show) -> Result<Outcome, Failure> {
    let image = args.image.to_string();
    let tag = args.tag.as_ref().map(ToString::to_string);
    let mut views: BTreeMap<View, Shown> = BTreeMap::new();
    let asked = tag.as_ref().map_or_else(|| image.clone(), |tag| format!("{image}:{tag}"));
    let is_there = each(&args.state.folder()?, &Filter { repository: Some(image.clone()), tag }, |fact| {
        gather(&mut views, fact);
        ControlFlow::Continue(())
    })?;
    let views: Vec<Shown> = views.into_values().filter(|view| args.tag.is_none() || !view.tags.is_empty()).collect();
    match args.output {
        Format::Json => output::json(&views)?,
        Format::Text if views.is_empty() && is_there => output::talk(&format!("nothing is remembered of {asked}")),
        Format::Text if views.is_empty() => {}
        Format::Text => print(&views, args.tag.is_some())?,
    }
    Ok(if views.is_empty() { Outcome::Negative } else { Outcome::Done })
}

fn gather(views: &mut BTreeMap<View, Shown>, fact: Fact) {
    match fact {
        Fact::Scan { view, at, fingerprint, .. } => {
            // Without a fingerprint it was no scan.
            shown(views, view).scanned = (fingerprint != 0).then(|| at.to_string());
        }
        Fact::Tag { view, tag, first_seen, vanished } => shown(views, view).tags.push(ShownTag {
            tag: tag.to_string(),
            first_seen: first_seen.to_string(),
            vanished: vanished.map(|time| time.to_string()),
            digests: Vec::new(),
        }),
        Fact::Digest { view, digest, since, .. } => {
            if let Some(tag) = shown(views, view).tags.last_mut() {
                tag.digests.push(ShownDigest { digest: digest.to_string(), since: since.to_string() });
            }
        }
        Fact::Created { .. } | Fact::Latest { .. } => {}
    }
}

fn shown(views: &mut BTreeMap<View, Shown>, view: View) -> &mut Shown {
    let new = Shown { image: view.repository.clone(), access: view.access.clone(), ..Shown::default() };
    views.entry(view).or_insert(new)
}

fn print(views: &[Shown], all_digests: bool) -> Result<(), Failure> {
    for (number, view) in views.iter().enumerate() {
        // Each view is introduced where there are several, or where it is not everybody's.
        if views.len() > 1 || !view.access.is_empty() {
            let access = if view.access.is_empty() { "anonymous" } else { &view.access };
            output::line(&format!(
                "{}{} ({})",
                if number > 0 { "\n" } else { "" },
                view.image,
                output::printable(access)
            ))?;
        }
        let rows = view.tags.iter().flat_map(|tag| rows(tag, all_digests)).collect();
        output::table(&["TAG", "FIRST SEEN", "DIGEST", "MOVED", "VANISHED"], rows)?;
    }
    Ok(())
}

/// A row for the present digest of a tag, or one for each, newest first.
fn rows(tag: &ShownTag, all_digests: bool) -> Vec<Vec<String>> {
    let row = |digest: &str, moved: Option<&str>| {
        let or_dash = |time: Option<&str>| time.map_or_else(|| "-".to_owned(), seconds);
        let vanished = or_dash(tag.vanished.as_deref());
        vec![tag.tag.clone(), seconds(&tag.first_seen), digest.to_owned(), or_dash(moved), vanished]
    };
    let count = if all_digests { tag.digests.len() } else { 1 };
    let moved = |at: usize| (at > 0).then(|| tag.digests[at].since.as_str());
    let known = tag.digests.iter().enumerate().rev().take(count);
    let rows: Vec<_> = known
        .map(|(at, known)| row(if all_digests { &known.digest } else { short(&known.digest) }, moved(at)))
        .collect();
    if rows.is_empty() { vec![row("-", None)] } else { rows }
}

/// `sha256:` and twelve digits, as Docker prints it.
fn short(digest: &str) -> &str {
    let end = digest.find(':').map_or(digest.len(), |colon| (colon + 13).min(digest.len()));
    &digest[..end]
}

/// A time for people, without fractions of a second.
fn seconds(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(whole, _)| format!("{whole}Z"))
}

fn export(args: &Export) -> Result<Outcome, Failure> {
    let mut printed = Ok(());
    let mut text = String::new();
    each(&args.state.folder()?, &Filter::default(), |fact| {
        text.push_str(&format!("{fact}\n"));
        if text.len() > 1 << 16 {
            printed = output::raw(text.as_bytes());
            text.clear();
        }
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    printed?;
    output::raw(text.as_bytes())?;
    Ok(Outcome::Done)
}

/// Gives each fact that is known below `state` to `take`. False where nothing was ever remembered, which is told.
fn each(state: &Path, filter: &Filter, take: impl FnMut(Fact) -> ControlFlow<()>) -> Result<bool, Failure> {
    if !Door::exists(state)? {
        output::talk(&format!("nothing is remembered in {}", state.display()));
        output::hint("--state names the directory that `sync` was given, if it is another one");
        return Ok(false);
    }
    open(state)?.facts(filter, Timestamp::now(), take)?;
    Ok(true)
}

fn open(state: &Path) -> Result<Door, Failure> {
    let (door, warning) = Door::open(state)?;
    warning.iter().for_each(|warning| output::warning(&warning.to_string()));
    Ok(door)
}

fn import(args: &Import) -> Result<Outcome, Failure> {
    let text = read(&args.file).map_err(|failure| failure.doing(named(&args.file)))?;
    let batches = |take: &mut dyn FnMut(&[Fact]) -> Result<(), Failure>| {
        in_batches(&text, take).map_err(|failure| failure.doing(named(&args.file)))
    };
    batches(&mut |_| Ok(()))?;
    let mut door = open(&args.state.folder()?)?;
    let mut count = 0;
    batches(&mut |facts| {
        count += facts.len();
        Ok(door.import(facts, Timestamp::now())?)
    })?;
    output::talk(&format!("merged {count} facts"));
    Ok(Outcome::Done)
}

fn named(file: &Path) -> String {
    if input::is_stdin(file) { "importing standard input".to_owned() } else { format!("importing {}", file.display()) }
}

fn read(file: &Path) -> Result<String, Failure> {
    let bytes = input::bytes(input::source(file)?, IMPORT_BYTES_MAX)?;
    let bytes = bytes.ok_or_else(|| Failure::new("larger than 1 GiB: split it by lines"))?;
    String::from_utf8(bytes).map_err(|error| {
        let text = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = text.iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::new(format!("line {line}: expected UTF-8"))
    })
}

/// Reads the facts, some at a time. Empty lines are none.
fn in_batches(text: &str, take: &mut dyn FnMut(&[Fact]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut facts = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        facts.push(fact(line).map_err(|failure| failure.doing(format!("line {}", number + 1)))?);
        if facts.len() == BATCH {
            take(&facts)?;
            facts.clear();
        }
    }
    take(&facts)
}

fn fact(line: &str) -> Result<Fact, Failure> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Failure::new("longer than 16 KiB, which no fact is"));
    }
    Ok(line.parse::<Fact>()?)
}
