//! Runs the program as users do: a process with a clean environment.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a run said and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Run {
    /// The standard output of a run that must have ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        self.code_is(0).stdout
    }

    #[track_caller]
    pub(crate) fn code_is(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.stdout, self.stderr))
    }

    /// Both outputs as one text, for snapshots.
    pub(crate) fn transcript(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code.unwrap_or(-1), self.stdout, self.stderr)
    }
}

/// The program with `args`, in an environment where nothing of the machine's user shows through.
pub(crate) fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwright"));
    command.args(args).env_clear().env("HOME", home).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Run { stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
}

pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    let home = tempfile::tempdir().expect("a temporary folder");
    finish(&mut command(args, home.path()))
}

pub(crate) fn run_with_input<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, input: &str) -> Run {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(args, home.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // A program that refuses its arguments reads nothing.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Run { stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
}

/// Sends a signal to a child of ours.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// Waits until something has happened, a minute at most.
#[track_caller]
pub(crate) fn wait_for(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not happen within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `text` with what differs from run to run replaced: commit ids, addresses, times, the test's folder.
pub(crate) fn stable(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "@@FOLDER@@");
    let rules = [
        (r"127\.0\.0\.1:\d+", "@@ADDRESS@@"),
        (r"\d{4}-\d{2}-\d{2}T[\d:.]+Z", "@@TIME@@"),
        (r"\b[0-9a-f]{40}\b", "@@COMMIT@@"),
        (r"\b(?:[0-9a-f]{7})\b", "@@SHORT@@"),
    ];
    let replaced = rules.iter().fold(text, |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    });
    // Columns are as wide as what was replaced.
    replaced
        .lines()
        .map(|line| {
            regex::Regex::new(" {2,}").expect("a pattern").replace_all(line.trim_end(), "  ").into_owned() + "\n"
        })
        .collect()
}
