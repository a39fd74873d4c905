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
    let (a, b) = (format!("a/{}", file.path), format!("b/{}", file.path));
    let diff = TextDiff::from_lines(&file.before, &file.after);
    diff.unified_diff().context_radius(CONTEXT).header(&a, &b).to_string()
}
