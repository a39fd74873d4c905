//! The name that somebody probably meant, for hints in errors.
//!
//! Takes what was written and the names that are known; gives the one that is nearest, if it is near enough.

/// The name of `known` that differs least from `name`, if it is a slip of the pen: letter case, or a third of the letters
/// at most.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody means a name as long as this.
    const LENGTH_MAX: usize = 40;
    if name.len() > LENGTH_MAX {
        return None;
    }
    let of = |known: &'a str| (distance(&name.to_lowercase(), &known.to_lowercase()), known);
    known.map(of).filter(|(distance, known)| distance * 3 <= known.len().max(name.len())).min().map(|(_, known)| known)
}

/// How many letters must be added, removed or exchanged to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
