//! `tagwright history --check`: the trailers held against the files, and who signed.

use std::fs::File;
use std::path::Path;

use serde::Serialize;

use super::{Args, query, short, tell_end, written};
use crate::cli::failure::Failure;
use crate::cli::{Format, Outcome, input, output};
use crate::engine::history::check::{Agreement, Checked, Checks, check};
use crate::git::{Git, Keyring, KeyringError, Remote, Signature, SignatureKind};
use crate::trailer::ImageChange;

/// A file of keys is read up to this size.
const KEYS_BYTES_MAX: u64 = 64 << 20;

pub(super) fn run(args: &Args, git: &Git, remote: &Remote) -> Result<Outcome, Failure> {
    let keyring = keyring(args)?;
    let progress = output::progress(format!("checking {}", args.repository));
    let checks = check(git, remote, &query(args), keyring.as_ref())?;
    progress.finish_and_clear();
    let rows: Vec<Row<'_>> = checks.commits.iter().map(row).collect();
    match args.output {
        Format::Json => output::json(&rows)?,
        Format::Text if rows.is_empty() => output::talk("no commit carries an audit trail"),
        Format::Text => {
            let headers = ["TIME", "COMMIT", "TRAILERS", "SIGNATURE", "AUTHOR"];
            output::table(&headers, rows.iter().map(cells).collect())?;
            rows.iter().for_each(tell_problems);
        }
    }
    tell_end(&checks.end);
    Ok(verdict(&checks))
}

/// The keys that were named; `None` without any.
fn keyring(args: &Args) -> Result<Option<Keyring>, Failure> {
    let mut keyring = Keyring::default();
    for path in &args.gpg_keys {
        add(path, |bytes| keyring.add_gpg(bytes))?;
    }
    for path in &args.allowed_signers {
        add(path, |bytes| keyring.add_allowed_signers(bytes))?;
    }
    Ok((!args.gpg_keys.is_empty() || !args.allowed_signers.is_empty()).then_some(keyring))
}

fn add(path: &Path, add: impl FnOnce(&[u8]) -> Result<(), KeyringError>) -> Result<(), Failure> {
    let doing = || format!("reading keys from {}", path.display());
    let bytes = File::open(path).and_then(|file| input::bytes(file, KEYS_BYTES_MAX));
    let bytes = bytes
        .map_err(|error| Failure::from(error).doing(doing()))?
        .ok_or_else(|| Failure::new(format!("the file is larger than {} MiB", KEYS_BYTES_MAX >> 20)).doing(doing()))?;
    add(&bytes).map_err(|error| Failure::from(error).doing(doing()))
}

/// No outweighs not knowing.
fn verdict(checks: &Checks) -> Outcome {
    let any = |wanted: fn(&Checked) -> bool| checks.commits.iter().any(wanted);
    if any(|checked| matches!(checked.agreement, Agreement::Disagrees(_)) || is_unfit(checked)) {
        Outcome::Negative
    } else if any(|checked| matches!(checked.agreement, Agreement::Unknown(_)) || is_unclear(checked)) {
        Outcome::PartlyFailed
    } else {
        Outcome::Done
    }
}

fn is_unfit(checked: &Checked) -> bool {
    use Signature::{Bad, None, UnknownKey};
    matches!(checked.signature, Some(None | Bad { .. } | UnknownKey { .. }))
}

fn is_unclear(checked: &Checked) -> bool {
    matches!(checked.signature, Some(Signature::Unsupported { .. }))
}

/// One checked commit as JSON (the shape is part of the interface).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    time: String,
    commit: &'a str,
    author: &'a str,
    subject: &'a str,
    /// `agrees`, `disagrees` or `unknown`.
    trailers: &'static str,
    not_made: &'a [ImageChange],
    not_listed: &'a [ImageChange],
    omitted: usize,
    reason: Option<&'a str>,
    signed: bool,
    /// Absent where no keys were named.
    signature: Option<SignatureRow<'a>>,
}

#[derive(Default, Serialize)]
struct SignatureRow<'a> {
    /// `good`, `bad`, `unknown key`, `unsupported` or `none`.
    verdict: &'static str,
    kind: Option<&'static str>,
    fingerprint: Option<&'a str>,
    signer: Option<&'a str>,
    reason: Option<&'a str>,
}

fn row(checked: &Checked) -> Row<'_> {
    let differences = match &checked.agreement {
        Agreement::Disagrees(differences) => Some(differences),
        _ => None,
    };
    let (trailers, reason) = match &checked.agreement {
        Agreement::Agrees => ("agrees", None),
        Agreement::Disagrees(_) => ("disagrees", None),
        Agreement::Unknown(reason) => ("unknown", Some(reason.as_str())),
    };
    Row {
        time: checked.time.to_string(),
        commit: &checked.commit,
        author: &checked.author,
        subject: &checked.subject,
        trailers,
        not_made: differences.map_or(&[], |differences| &differences.not_made),
        not_listed: differences.map_or(&[], |differences| &differences.not_listed),
        omitted: differences.map_or(0, |differences| differences.omitted),
        reason,
        signed: checked.is_signed,
        signature: checked.signature.as_ref().map(signature_row),
    }
}

fn signature_row(signature: &Signature) -> SignatureRow<'_> {
    let kind = |kind: &SignatureKind| match kind {
        SignatureKind::Gpg => Some("gpg"),
        SignatureKind::Ssh => Some("ssh"),
    };
    let row = |verdict| SignatureRow { verdict, ..SignatureRow::default() };
    match signature {
        Signature::None => row("none"),
        Signature::Good { kind: of, fingerprint, signer } => {
            SignatureRow { kind: kind(of), fingerprint: Some(fingerprint), signer: Some(signer), ..row("good") }
        }
        Signature::Bad { why } => SignatureRow { reason: Some(why), ..row("bad") },
        Signature::UnknownKey { kind: of, fingerprint } => {
            SignatureRow { kind: kind(of), fingerprint: Some(fingerprint), ..row("unknown key") }
        }
        Signature::Unsupported { what } => SignatureRow { reason: Some(what), ..row("unsupported") },
    }
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let unchecked = if row.signed { "not checked" } else { "none" };
    let signature = row.signature.as_ref().map_or(unchecked, |signature| signature.verdict);
    let cells = [row.time.as_str(), short(row.commit), row.trailers, signature, row.author];
    cells.map(str::to_owned).to_vec()
}

fn tell_problems(row: &Row<'_>) {
    let commit = short(row.commit);
    let told = |what: &str, changes: &[ImageChange]| {
        for change in changes {
            let (old, new) = (written(&change.old), written(&change.new));
            output::warning(&format!("commit {commit} {what}: {} {old} -> {new}", change.policy));
        }
    };
    told("lists a change that it did not make", row.not_made);
    told("made a change that it does not list", row.not_listed);
    if row.omitted > 0 {
        let (omitted, found) = (row.omitted, row.not_listed.len());
        output::warning(&format!(
            "commit {commit} speaks of {omitted} changes that it does not list, and made {found}"
        ));
    }
    if let Some(reason) = row.reason {
        output::warning(&format!("commit {commit} could not be checked: {reason}"));
    }
    if let Some(problem) = row.signature.as_ref().and_then(problem) {
        output::warning(&format!("commit {commit} {problem}"));
    }
}

fn problem(signature: &SignatureRow<'_>) -> Option<String> {
    let reason = signature.reason.unwrap_or_default();
    match signature.verdict {
        "good" => None,
        "none" => Some("is not signed".to_owned()),
        "bad" => Some(format!("has a bad signature: {reason}")),
        "unknown key" => Some(format!("is signed by a key that is not known: {}", signature.fingerprint?)),
        _ => Some(format!("has a signature that cannot be checked: {reason}")),
    }
}
