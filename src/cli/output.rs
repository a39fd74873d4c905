//! The only place that prints. Data to stdout, talk to stderr; colours and progress only on a terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde::Serialize;

use super::failure::Failure;
use crate::engine::cause::Cause;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// `text` in a style; the styles vanish where stdout is no terminal or `NO_COLOR` is set.
pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints text to stdout as it is.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    write(anstream::stdout().lock(), text.as_bytes())
}

/// Prints a line to stdout.
pub(super) fn line(line: &str) -> Result<(), Failure> {
    text(&format!("{line}\n"))
}

/// Prints bytes that are for another program.
pub(super) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    write(io::stdout().lock(), bytes)
}

fn write(mut out: impl io::Write, bytes: &[u8]) -> Result<(), Failure> {
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| Failure::from(error).doing("writing the output"))
}

/// Prints a value as indented JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    raw(text.as_bytes())
}

/// Prints rows under headers in columns, as kubectl does.
pub(super) fn table(headers: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headers.to_vec());
    rows.into_iter().for_each(|row| {
        table.add_row(row.iter().map(|cell| printable(cell).into_owned()));
    });
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    text(&lines.collect::<String>())
}

/// A unified diff: coloured as git colours it on a terminal, byte for byte elsewhere.
pub(super) fn diff(diff: &str) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        return raw(diff.as_bytes());
    }
    text(&diff.lines().map(diff_line).collect::<String>())
}

fn diff_line(line: &str) -> String {
    let line = printable(line);
    let style = match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => STRONG,
        [b'+', ..] => GOOD,
        [b'-', ..] => BAD,
        _ => Style::new(),
    };
    format!("{}\n", styled(style, &line))
}

/// Tells people something on stderr.
pub(super) fn talk(message: &str) {
    say(printable(message).into_owned());
}

pub(super) fn warning(message: &str) {
    prefixed("warning", AnsiColor::Yellow, message);
}

/// Tells of an error, with its hint.
pub(super) fn failure(cause: &Cause) {
    prefixed("error", AnsiColor::Red, &cause.message);
    cause.hint.as_deref().into_iter().for_each(hint);
}

pub(super) fn hint(message: &str) {
    prefixed("hint", AnsiColor::Cyan, message);
}

fn prefixed(prefix: &str, color: AnsiColor, message: &str) {
    say(format!("{}: {}", styled(color.on_default().bold(), prefix), printable(message)));
}

fn say(line: String) {
    // Nobody listens on stderr: that must not fail the work.
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Text from servers and files without what could steer a terminal: control and direction characters but line ends
/// and tabs.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(steers) { Cow::Owned(text.replace(steers, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A spinner on stderr while long work goes on, cleared when it is dropped; nothing where stderr is no terminal.
pub(super) fn progress(message: impl Into<Cow<'static, str>>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(message).with_finish(ProgressFinish::AndClear);
    bar.set_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
