//! Diff: changed files as one unified diff, as `git apply` takes it.

use similar::TextDiff;

use super::rewrite::ChangedFile;

/// Lines of context around a change, as git has it.
const CONTEXT: usize = 3;

/// The unified diff of `files`, in their order.
pub fn unified(files: &[ChangedFile]) -> String {
    files.iter().map(one_file).collect()
}

fn one_file(file: &ChangedFile) -> String {
    let (a, b) = (quoted(format!("a/{}", file.path)), quoted(format!("b/{}", file.path)));
    let diff = TextDiff::from_lines(&file.before, &file.after);
    diff.unified_diff().context_radius(CONTEXT).header(&a, &b).to_string()
}

/// The path as git quotes it where it could not be told from the rest of the diff.
fn quoted(path: String) -> String {
    if !path.contains(|c: char| c.is_ascii_control() || c == '"' || c == '\\') {
        return path;
    }
    let escaped = path.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_ascii_control() => format!("\\{:03o}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
