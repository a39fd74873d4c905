//! The exchange of a push (`gitprotocol-pack`, "Pushing Data To a Server"): commands out, a verdict back.

use git2::Oid;

use super::advertisement::Advertisement;
use super::error::{Fault, printable};
use super::pktline::{self, Packet};
use super::refspec::{PushOptions, RefName};

/// What hooks may print before it is cut.
const OUTPUT_BYTES_MAX: usize = 8 << 10;

/// What the server says about a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Refused { target: RefName, reason: String, output: String },
}

/// Moves `target` from `old` (`None`: it must not exist) to `new`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) target: RefName,
    pub(super) old: Option<Oid>,
    pub(super) new: Oid,
}

/// The bytes in front of the pack: `commands`, all or none of them, and what else the server is told.
pub(super) fn commands(offer: &Advertisement, commands: &[Command], options: &PushOptions) -> Vec<u8> {
    let mut wanted = vec!["report-status", "side-band-64k", "ofs-delta"];
    wanted.extend((commands.len() > 1).then_some("atomic"));
    wanted.extend((!options.is_empty()).then_some("push-options"));
    let mut capabilities: Vec<&str> = wanted.into_iter().filter(|name| offer.can(name)).collect();
    let agent = concat!("agent=tagwright/", env!("CARGO_PKG_VERSION"));
    capabilities.push(agent);
    let mut out = Vec::new();
    for (at, Command { target, old, new }) in commands.iter().enumerate() {
        let (old, name) = (old.unwrap_or(Oid::ZERO_SHA1), target.as_str());
        let tail = if at == 0 { format!("\0 {}", capabilities.join(" ")) } else { String::new() };
        pktline::put(&mut out, format!("{old} {new} {name}{tail}").as_bytes());
    }
    pktline::put_flush(&mut out);
    if !options.is_empty() {
        options.iter().for_each(|option| pktline::put(&mut out, option.as_bytes()));
        pktline::put_flush(&mut out);
    }
    out
}

/// Reads the answer to `commands`: the first refusal, if there is one.
pub(super) fn verdict(offer: &Advertisement, commands: &[Command], answer: &[u8]) -> Result<Verdict, Fault> {
    if !offer.can("report-status") {
        return Err(Fault::Protocol { what: "it does not report what became of a push".to_owned() });
    }
    let Bands { report, output, fatal } =
        if offer.can("side-band-64k") { bands(answer)? } else { Bands::plain(answer) };
    let output = printable(&output, OUTPUT_BYTES_MAX);
    if !fatal.is_empty() {
        let target = commands[0].target.clone();
        return Ok(Verdict::Refused { target, reason: printable(&fatal, OUTPUT_BYTES_MAX), output });
    }
    let mut refusals = Vec::new();
    for Command { target, .. } in commands {
        // Gerrit says `no new changes` where it has this very commit under review already.
        let refusal = reason(target.as_str(), &report)?.filter(|reason| reason != "no new changes");
        refusals.extend(refusal.map(|reason| (target, reason)));
    }
    // Of several, all but one say no more than that they fell with that one.
    refusals.sort_by_key(|(_, reason)| reason.starts_with("atomic "));
    Ok(match refusals.into_iter().next() {
        None => Verdict::Done,
        Some((target, reason)) => Verdict::Refused { target: target.clone(), reason, output },
    })
}

/// True where a refusal means that another writer came first or is at it now. The words are those of Git's
/// `receive-pack`: of its report, and of its messages where the report says no more than `failed to update ref`.
pub(super) fn is_race(reason: &str, output: &str) -> bool {
    let reports = ["non-fast-forward", "fetch first", "stale info", "already exists", "incorrect old value"];
    let messages = ["but expected", "File exists"];
    reports.iter().any(|word| reason.contains(word)) || messages.iter().any(|word| output.contains(word))
}

#[derive(Default)]
struct Bands {
    report: Vec<u8>,
    output: Vec<u8>,
    fatal: Vec<u8>,
}

impl Bands {
    fn plain(answer: &[u8]) -> Self {
        Self { report: answer.to_vec(), ..Self::default() }
    }
}

fn bands(mut answer: &[u8]) -> Result<Bands, Fault> {
    let mut bands = Bands::default();
    loop {
        let line = match pktline::take(&mut answer)?.ok_or(Fault::Truncated)? {
            Packet::Flush => return Ok(bands),
            Packet::Line(line) => line,
        };
        match line.split_first() {
            Some((1, data)) => bands.report.extend_from_slice(data),
            Some((2, text)) => bands.output.extend_from_slice(text),
            Some((3, text)) => bands.fatal.extend_from_slice(text),
            // Servers that die early say so without a band.
            _ if line.starts_with(b"ERR ") => bands.fatal.extend_from_slice(&line[4..]),
            _ => return Err(Fault::Protocol { what: "a packet on an unknown band".to_owned() }),
        }
    }
}

/// Why `reference` was not moved, `None` when it was.
fn reason(reference: &str, mut report: &[u8]) -> Result<Option<String>, Fault> {
    let mut unpacked = false;
    while let Some(Packet::Line(line)) = pktline::take(&mut report)? {
        let line = printable(line, 1000);
        match line.split_once(' ') {
            Some(("unpack", "ok")) => unpacked = true,
            Some(("unpack", why)) => return Ok(Some(format!("the server could not unpack the objects: {why}"))),
            Some(("ok", name)) if name == reference && unpacked => return Ok(None),
            Some(("ng", rest)) if rest.split(' ').next() == Some(reference) => {
                let why = rest[reference.len()..].trim();
                let why = if why.is_empty() { "the server gives no reason" } else { why };
                return Ok(Some(why.to_owned()));
            }
            _ => {}
        }
    }
    Err(Fault::Truncated)
}
