//! `tagwright select`: chooses the latest image of a repository, or of a list of tags.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::access::RegistryArgs;
use super::failure::Failure;
use super::guard::GuardArgs;
use super::scan::tell_skipped;
use super::{Format, Outcome, input, output};
use crate::engine::scan::Scan;
use crate::engine::select::{PassedOver, Sieved, without};
use crate::image::{Digest, Repository, TagKind};
use crate::policy::{self, Direction, FilterRules, Moved, Order, Rules, Selector, Verdict};

/// More than any registry lists, in bytes: what `--tags-from` reads at most.
const TAGS_BYTES_MAX: u64 = 256 << 20;

/// Chooses the latest image by policy and says why
///
/// The tags come from the registry, or from a file with one tag a line. Exit code 1 when no tag qualifies.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("order").required(true).args(["semver", "numerical", "alphabetical"]),
    group = clap::ArgGroup::new("source").required(true).multiple(true).args(["image", "tags_from"]),
    after_help = "Examples:
  tagwright select ghcr.io/stefanprodan/podinfo --semver '^6'
  tagwright select nginx --semver '~1.27' --pattern '^(?P<v>[0-9.]+)-alpine$' --extract '$v' --explain
  tagwright select ghcr.io/acme/web --semver '^1' --min-age 7d --state /var/lib/tagwright --explain
  git tag | tagwright select --tags-from - --semver '>=1.0.0-0' -o json"
)]
pub(super) struct Args {
    /// The image repository, without tag; with `--tags-from` it is named in the answer and not asked
    image: Option<Repository>,

    /// Take the tags from this file, one a line, instead of the registry (`-` is stdin)
    #[arg(long, value_name = "FILE")]
    tags_from: Option<PathBuf>,

    /// The greatest version in this range, such as `^1.2`, `1.x`, `>=1.0.0-0 <2.0.0`
    #[arg(long, value_name = "RANGE")]
    semver: Option<String>,

    /// By number: `asc` takes the greatest, `desc` the least
    #[arg(long, value_enum, value_name = "ORDER")]
    numerical: Option<OrderArg>,

    /// By byte order: `asc` takes the last, `desc` the first
    #[arg(long, value_enum, value_name = "ORDER")]
    alphabetical: Option<OrderArg>,

    /// Only tags that match this regular expression (Go syntax, unanchored)
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,

    /// What of the tag is compared: a replacement such as `$ts` over the groups of `--pattern`
    #[arg(long, value_name = "REPLACEMENT", requires = "pattern")]
    extract: Option<String>,

    /// Drop tags that match this regular expression (repeatable)
    #[arg(long, value_name = "REGEX")]
    exclude: Vec<String>,

    /// With `--semver`: `1` and `1.2` are versions too, as in Argo CD
    #[arg(long, requires = "semver")]
    loose: bool,

    /// Print every tag with its verdict and the reason
    #[arg(long)]
    explain: bool,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    guard: GuardArgs,

    #[command(flatten)]
    registry: RegistryArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OrderArg {
    Asc,
    Desc,
}

/// The answer as JSON; `tags` is empty without `--explain`.
#[derive(Serialize)]
struct Answer<'a> {
    image: Option<String>,
    latest: Option<Latest<'a>>,
    error: Option<String>,
    tags: Vec<TagVerdict<'a>>,
}

#[derive(Serialize)]
struct Latest<'a> {
    tag: &'a str,
    digest: Option<String>,
}

#[derive(Serialize)]
struct TagVerdict<'a> {
    tag: &'a str,
    verdict: &'static str,
    reason: String,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let found = Selector::new(&rules(args)).map_err(Failure::from);
    let found = found.and_then(|selector| {
        let found = find(args, &selector)?;
        Ok((selector, found))
    });
    let (selector, Found { tags, passed_over, digest, moved }) = match found {
        Ok(found) => found,
        Err(failure) => {
            if args.output == Format::Json {
                output::json(&answer(args, None, Vec::new(), Some(failure.cause().message.clone())))?;
            }
            return Err(failure);
        }
    };
    let latest = selector.latest(&tags);
    let moved = latest.zip(moved.as_ref());
    moved.iter().for_each(|(tag, moved)| output::warning(&format!("tag {tag} {moved}")));
    let mut verdicts = if args.explain { verdicts(&selector, &tags, &passed_over) } else { Vec::new() };
    verdicts.first_mut().zip(moved).into_iter().for_each(|(best, (_, moved))| best.reason += &format!("; {moved}"));
    match args.output {
        Format::Json => {
            let latest = latest.map(|tag| Latest { tag, digest: digest.map(|digest| digest.to_string()) });
            output::json(&answer(args, latest, verdicts, None))?;
        }
        Format::Text => print(args, latest, verdicts)?,
    }
    if latest.is_none() && args.output == Format::Text {
        output::talk(&format!("no tag of {} qualifies", tags.len() + passed_over.len()));
        if !args.explain {
            output::hint("--explain gives every tag's verdict");
        }
    }
    Ok(if latest.is_some() { Outcome::Done } else { Outcome::Negative })
}

/// Those that the guard refuses come after those that qualify, and before those that the rules reject.
fn verdicts<'a>(selector: &'a Selector, tags: &'a [String], passed_over: &'a [PassedOver]) -> Vec<TagVerdict<'a>> {
    let explained = selector.explain(tags);
    let told = |v: &Verdict<'a>| TagVerdict { tag: v.tag, verdict: word(v.outcome), reason: reason(v) };
    let refused = passed_over.iter().map(|over| TagVerdict {
        tag: &over.tag,
        verdict: word(policy::Outcome::Rejected),
        reason: over.why.to_string(),
    });
    let (eligible, rejected): (Vec<_>, Vec<_>) =
        explained.iter().partition(|verdict| verdict.outcome != policy::Outcome::Rejected);
    eligible.into_iter().map(told).chain(refused).chain(rejected.into_iter().map(told)).collect()
}

fn rules(args: &Args) -> Rules {
    let direction = |order| if order == OrderArg::Asc { Direction::Ascending } else { Direction::Descending };
    let order = match (&args.semver, args.numerical, args.alphabetical) {
        (Some(range), _, _) => Order::Semver { range: range.clone(), loose: args.loose },
        (_, Some(order), _) => Order::Numerical(direction(order)),
        (_, _, order) => Order::Alphabetical(direction(order.unwrap_or(OrderArg::Asc))),
    };
    let filter = args.pattern.clone().map(|pattern| FilterRules { pattern, extract: args.extract.clone() });
    Rules { order, filter, exclude: args.exclude.clone() }
}

/// The tags to choose from, those that the guard refuses, and what it asked of the best of the others.
#[derive(Default)]
struct Found {
    tags: Vec<String>,
    passed_over: Vec<PassedOver>,
    digest: Option<Digest>,
    moved: Option<Moved>,
}

fn find(args: &Args, selector: &Selector) -> Result<Found, Failure> {
    match (&args.tags_from, &args.image) {
        (Some(file), _) => {
            let text = read_tags(file)?;
            let tags = text.lines().map(str::trim_end).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
            Ok(Found { tags, ..Found::default() })
        }
        (None, Some(image)) => {
            let progress = output::progress(format!("listing tags of {image}"));
            let (scan, sieved) = match args.guard.guard().is_set() {
                true => args.guard.scan(&args.registry, image, selector)?,
                false => (scan(args, image)?, Sieved::default()),
            };
            progress.finish_and_clear();
            tell_skipped(image, &scan);
            let Sieved { passed_over, digest, moved, .. } = sieved;
            let tags = without(&scan.tags, &passed_over).into_iter().map(ToString::to_string).collect();
            Ok(Found { tags, passed_over, digest, moved })
        }
        (None, None) => Err(Failure::new("neither IMAGE nor --tags-from is given")),
    }
}

fn scan(args: &Args, image: &Repository) -> Result<Scan, Failure> {
    let scans = args.registry.scan(std::slice::from_ref(image))?;
    Ok(scans.into_iter().next().expect("an outcome for each image")?)
}

fn read_tags(file: &Path) -> Result<String, Failure> {
    let doing = || format!("reading tags from {}", file.display());
    let text = input::source(file).and_then(|source| input::text(source, TAGS_BYTES_MAX));
    let text = text.map_err(|error| Failure::from(error).doing(doing()))?;
    text.ok_or_else(|| Failure::new(format!("it is larger than {TAGS_BYTES_MAX} bytes")).doing(doing()))
}

fn answer<'a>(args: &Args, latest: Option<Latest<'a>>, tags: Vec<TagVerdict<'a>>, error: Option<String>) -> Answer<'a> {
    Answer { image: args.image.as_ref().map(ToString::to_string), latest, error, tags }
}

/// What a tag that was passed over is, if it is no image, and why it was passed over.
fn reason(verdict: &Verdict<'_>) -> String {
    match TagKind::of(verdict.tag) {
        kind if kind != TagKind::Image && verdict.outcome == policy::Outcome::Rejected => {
            format!("{kind}: {}", verdict.reason)
        }
        _ => verdict.reason.to_string(),
    }
}

fn word(outcome: policy::Outcome) -> &'static str {
    match outcome {
        policy::Outcome::Latest => "latest",
        policy::Outcome::Eligible => "eligible",
        policy::Outcome::Rejected => "rejected",
    }
}

fn print(args: &Args, latest: Option<&str>, verdicts: Vec<TagVerdict<'_>>) -> Result<(), Failure> {
    if args.explain {
        let rows = verdicts.into_iter().map(|v| vec![v.tag.to_owned(), v.verdict.to_owned(), v.reason]);
        return output::table(&["TAG", "VERDICT", "REASON"], rows.collect());
    }
    match (latest, &args.image) {
        (Some(tag), Some(image)) => output::line(&format!("{image}:{tag}")),
        (Some(tag), None) => output::line(tag),
        (None, _) => Ok(()),
    }
}
