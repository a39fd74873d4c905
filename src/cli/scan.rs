//! `tagwright scan`: the tags of image repositories, and what they stand for.

mod referrers;

use serde::Serialize;

use super::access::RegistryArgs;
use super::failure::Failure;
use super::git::StateArgs;
use super::{Format, Outcome, memory, one_thread, output};
use crate::engine::cause::Cause;
use crate::engine::facts::{self, FactRequest};
use crate::engine::memory::Memory;
use crate::engine::scan::{Scan, ScanRequest, scan};
use crate::image::{Digest, ImageRef, Repository, Tag, TagKind};
use crate::registry::{Client, Created, Platform};

/// Lists the tags of image repositories
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright scan ghcr.io/stefanprodan/podinfo
  tagwright scan -o json nginx localhost:5000/web | jq -r '.[].tags[]'
  tagwright scan --images-only --created --platform linux/arm64 ghcr.io/stefanprodan/podinfo
  tagwright scan --referrers ghcr.io/stefanprodan/podinfo:6.5.1")]
pub(super) struct Args {
    /// Image repositories, without tag
    #[arg(required_unless_present = "referrers", value_name = "IMAGE")]
    images: Vec<Repository>,

    /// Leave out signatures, attestations, SBOMs and lists of referrers (`sha256-….sig` and the like)
    #[arg(long)]
    images_only: bool,

    /// List what refers to this image instead: its signatures, attestations, SBOMs and other artifacts
    #[arg(long, value_name = "IMAGE:TAG|IMAGE@DIGEST", value_parser = referrers::one_image)]
    #[arg(conflicts_with_all = ["images", "images_only", "digests", "created"])]
    referrers: Option<ImageRef>,

    /// Ask for the digest of every tag
    #[arg(long)]
    digests: bool,

    /// Ask when the image of every tag was built
    #[arg(long)]
    created: bool,

    /// With `--created`: the image for this platform (default: the first of an index)
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", requires = "created")]
    platform: Option<Platform>,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    registry: RegistryArgs,

    #[command(flatten)]
    state: StateArgs,
}

#[derive(Default, Serialize)]
struct Listed<'a> {
    image: String,
    tags: Vec<&'a str>,
    #[serde(rename = "latestTags")]
    latest_tags: Vec<&'a str>,
    /// Of the list; absent where it failed.
    revision: Option<String>,
    /// What was asked about each tag; absent unless something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a [Fact]>,
    /// How many entries are no tags, and the first of them.
    skipped: usize,
    samples: Vec<Sample<'a>>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Sample<'a> {
    tag: &'a str,
    reason: &'static str,
}

/// What a tag stands for.
#[derive(Serialize)]
struct Fact {
    tag: String,
    kind: &'static str,
    digest: Option<String>,
    created: Option<String>,
    /// The time is no time: the build writes the same one always.
    placeholder: bool,
    error: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    if let Some(image) = &args.referrers {
        return referrers::run(image, &args.registry, args.output);
    }
    let progress = output::progress("listing tags");
    let (client, requests) = args.registry.asking(&args.images)?;
    let runtime = one_thread()?;
    let mut scans = runtime.block_on(scan(&client, &requests));
    if args.images_only {
        scans.iter_mut().flatten().for_each(|scan| scan.tags.retain(|tag| tag.kind() == TagKind::Image));
    }
    let memory = if args.created { memory::open_as_cache(&args.state.folder()?) } else { Memory::default() };
    let facts = runtime.block_on(all_facts(args, &client, &memory, &requests, &scans));
    progress.finish_and_clear();
    match args.output {
        Format::Json => output::json(&listed(args, &scans, &facts))?,
        Format::Text if args.asks() => print_facts(args, &scans, &facts)?,
        Format::Text => print(&args.images, &scans)?,
    }
    let failed = scans.iter().any(Result::is_err) || facts.iter().flatten().any(|fact| fact.error.is_some());
    Ok(if failed { Outcome::PartlyFailed } else { Outcome::Done })
}

impl Args {
    /// Whether something is asked about every tag.
    fn asks(&self) -> bool {
        self.digests || self.created
    }
}

/// The facts of each repository; none where nothing is asked or the listing failed.
async fn all_facts(
    args: &Args,
    client: &Client,
    memory: &Memory,
    requests: &[ScanRequest],
    scans: &[Result<Scan, Cause>],
) -> Vec<Vec<Fact>> {
    let mut all = Vec::new();
    for (request, scan) in requests.iter().zip(scans) {
        let tags: &[Tag] = scan.as_ref().ok().filter(|_| args.asks()).map_or(&[], |scan| &scan.tags);
        all.push(facts_of(args, client, memory, request, tags).await);
    }
    all
}

async fn facts_of(args: &Args, client: &Client, memory: &Memory, request: &ScanRequest, tags: &[Tag]) -> Vec<Fact> {
    let ScanRequest { repository, access, .. } = request;
    let asked: Vec<FactRequest<'_>> = tags.iter().map(|tag| FactRequest { repository, tag, access }).collect();
    if args.created {
        let found = facts::created(client, memory, &asked, args.platform.as_ref()).await;
        let fact = |created: Result<Created, Cause>, tag| match created {
            Ok(created) => Fact::created(tag, &created),
            Err(cause) => Fact::failed(tag, cause),
        };
        let mut facts: Vec<Fact> = found.into_iter().zip(tags).map(|(created, tag)| fact(created, tag)).collect();
        if args.digests {
            add_digests(client, &asked, &mut facts).await;
        }
        return facts;
    }
    let found = facts::digests(client, &asked).await;
    let fact = |digest: Result<Digest, Cause>, tag| match digest {
        Ok(digest) => Fact { digest: Some(digest.to_string()), ..Fact::new(tag) },
        Err(cause) => Fact::failed(tag, cause),
    };
    found.into_iter().zip(tags).map(|(digest, tag)| fact(digest, tag)).collect()
}

/// A tag whose time cannot be told has a digest all the same.
async fn add_digests(client: &Client, asked: &[FactRequest<'_>], facts: &mut [Fact]) {
    let missing: Vec<usize> = (0..facts.len()).filter(|&at| facts[at].digest.is_none()).collect();
    let again: Vec<FactRequest<'_>> = missing.iter().map(|&at| asked[at]).collect();
    for (at, digest) in missing.into_iter().zip(facts::digests(client, &again).await) {
        facts[at].digest = digest.ok().map(|digest| digest.to_string());
    }
}

impl Fact {
    fn new(tag: &Tag) -> Self {
        let kind = word(tag.kind());
        Self { tag: tag.to_string(), kind, digest: None, created: None, placeholder: false, error: None }
    }

    fn created(tag: &Tag, found: &Created) -> Self {
        let (digest, created) = (Some(found.digest.to_string()), found.at.map(|at| at.to_string()));
        Self { digest, created, placeholder: found.is_placeholder(), ..Self::new(tag) }
    }

    fn failed(tag: &Tag, cause: Cause) -> Self {
        Self { error: Some(cause.message), ..Self::new(tag) }
    }

    /// The cells under TAG, DIGEST and CREATED, as far as they were asked for.
    fn row(&self, args: &Args, prefix: &str) -> Vec<String> {
        let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let mut row = vec![format!("{prefix}{}", self.tag)];
        if args.digests {
            row.push(cell(&self.digest));
        }
        if args.created {
            row.push(cell(&self.created) + if self.placeholder { " (placeholder)" } else { "" });
        }
        row
    }
}

fn word(kind: TagKind) -> &'static str {
    match kind {
        TagKind::Image => "image",
        TagKind::Signature => "signature",
        TagKind::Attestation => "attestation",
        TagKind::Sbom => "sbom",
        TagKind::Referrers => "referrers",
    }
}

fn listed<'a>(args: &Args, scans: &'a [Result<Scan, Cause>], facts: &'a [Vec<Fact>]) -> Vec<Listed<'a>> {
    let one = |((image, scan), facts): ((&Repository, &'a Result<Scan, Cause>), &'a Vec<Fact>)| {
        let (image, facts) = (image.to_string(), args.asks().then_some(facts.as_slice()));
        let empty = Listed { image, facts, ..Listed::default() };
        match scan {
            Err(cause) => Listed { error: Some(cause.message.as_str()), ..empty },
            Ok(scan) => Listed {
                tags: scan.tags.iter().map(Tag::as_str).collect(),
                latest_tags: scan.latest_tags().into_iter().map(Tag::as_str).collect(),
                revision: Some(scan.revision().to_string()),
                skipped: scan.skipped,
                samples: scan.samples.iter().map(|tag| Sample { tag: &tag.shown, reason: tag.reason }).collect(),
                ..empty
            },
        }
    };
    args.images.iter().zip(scans).zip(facts).map(one).collect()
}

/// One repository prints its tags alone, several print `IMAGE:TAG`.
fn print(images: &[Repository], scans: &[Result<Scan, Cause>]) -> Result<(), Failure> {
    let mut text = String::new();
    for (image, scan) in images.iter().zip(scans) {
        match scan {
            Ok(scan) => {
                let prefix = prefix(images, image);
                for tag in &scan.tags {
                    text.extend([&prefix, tag.as_str(), "\n"]);
                }
                tell_skipped(image, scan);
            }
            Err(cause) => output::failure(cause),
        }
    }
    output::text(&text)
}

fn prefix(images: &[Repository], image: &Repository) -> String {
    if images.len() > 1 { format!("{image}:") } else { String::new() }
}

fn print_facts(args: &Args, scans: &[Result<Scan, Cause>], facts: &[Vec<Fact>]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for ((image, scan), facts) in args.images.iter().zip(scans).zip(facts) {
        match scan {
            Ok(scan) => tell_skipped(image, scan),
            Err(cause) => output::failure(cause),
        }
        facts.iter().filter_map(|fact| fact.error.as_ref()).for_each(|error| output::failure(&Cause::new(error)));
        let prefix = prefix(&args.images, image);
        rows.extend(facts.iter().map(|fact| fact.row(args, &prefix)));
    }
    let asked = [("TAG", true), ("DIGEST", args.digests), ("CREATED", args.created)];
    let headers: Vec<&str> = asked.iter().filter(|(_, is_asked)| *is_asked).map(|(header, _)| *header).collect();
    output::table(&headers, rows)
}

/// Tells of the entries of a list that are no tags.
pub(super) fn tell_skipped(image: &Repository, scan: &Scan) {
    for tag in &scan.samples {
        output::warning(&format!("{image}: passed over {}: {}", tag.shown, tag.reason));
    }
    if scan.skipped > scan.samples.len() {
        output::warning(&format!("{image}: passed over {} tags in all", scan.skipped));
    }
}
