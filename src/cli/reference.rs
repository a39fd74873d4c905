//! The command line as Markdown, made from the parser: `docs/cli.md` is exactly this.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// The reference of all verbs.
pub fn markdown() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::from(
        "# The command line\n\n<!-- Made from the parser; a test renews it with `TAGWRIGHT_RENEW=1 cargo test --test it the_reference`. -->\n\n",
    );
    text.push_str("Data goes to stdout, talk to stderr. Exit code 0: done; 1: done, but `select` found no tag that qualifies, `ledger show` knows nothing of the image, `history --check` found something, or `--exit-code` found changes; 2: error.\n");
    section(&mut text, &root, "tagwright");
    verbs(&mut text, &root, "tagwright");
    text
}

/// The verbs below `command`, each followed by its own.
fn verbs(text: &mut String, command: &Command, name: &str) {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let name = format!("{name} {}", verb.get_name());
        section(text, verb, &name);
        verbs(text, verb, &name);
    }
}

fn section(text: &mut String, command: &Command, name: &str) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = write!(text, "\n## `{name}`\n\n{about}\n\n```text\n{usage}\n```\n");
    let shown = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let own = |arg: &&Arg| name == "tagwright" || !arg.is_global_set();
    let rows: Vec<String> = command.get_arguments().filter(shown).filter(own).map(row).collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n| argument | meaning |\n|---|---|\n{}", rows.concat());
    }
    if let Some(examples) = command.get_after_help() {
        let _ = write!(text, "\n```text\n{examples}\n```\n");
    }
}

fn row(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let values: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        let _ = write!(meaning, " [{}]", values.join(", "));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        let _ = write!(meaning, " (default: {})", defaults.join(", "));
    }
    format!("| `{}` | {meaning} |\n", arg.to_string().replace('|', "\\|"))
}
