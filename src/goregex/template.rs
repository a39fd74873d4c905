//! Templates of Go's `Regexp.Expand`: text with `$1`, `$name`, `${name}` and `$$`.

use std::borrow::Cow;
use std::sync::LazyLock;

/// A template whose names are resolved against the groups of one pattern.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// The first of these groups that took part in the match; empty when none did.
    Groups(Vec<usize>),
}

/// What is extracted of a tag is seldom longer.
const USUAL_BYTES: usize = 32;

/// A name is as long as it can be: `$1x` is the group `1x`, not group 1 and an `x`.
static NAME: LazyLock<regex::Regex> = LazyLock::new(|| {
    regex::Regex::new(r"^(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))").expect("a fixed pattern compiles")
});

impl Template {
    pub(super) fn new(template: &str, names: &[Option<String>]) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else if let Some(found) = NAME.captures(rest) {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Groups(groups_called(name_in(&found), names)));
                rest = &rest[found[0].len()..];
            } else {
                // Go takes a malformed reference as it stands.
                text.push('$');
            }
        }
        pieces.push(Piece::Text(text + rest));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Self { pieces }
    }

    /// Appends the template with the groups' bytes in their places; stops soon after `out` has `bytes_max` bytes.
    pub fn append<'t>(&self, out: &mut Vec<u8>, bytes_max: usize, group: impl Fn(usize) -> Option<&'t [u8]>) {
        for piece in &self.pieces {
            if out.len() > bytes_max {
                return;
            }
            out.extend_from_slice(match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Groups(groups) => groups.iter().find_map(|&index| group(index)).unwrap_or_default(),
            });
        }
    }

    /// The template with the groups' texts in their places.
    pub(super) fn fill<'t>(&self, group: impl Fn(usize) -> Option<&'t str>) -> Cow<'t, str> {
        match self.pieces.as_slice() {
            [] => Cow::Borrowed(""),
            [Piece::Groups(groups)] => Cow::Borrowed(first_of(groups, &group)),
            pieces => Cow::Owned(join(pieces, &group)),
        }
    }
}

fn first_of<'t>(groups: &[usize], group: &impl Fn(usize) -> Option<&'t str>) -> &'t str {
    groups.iter().find_map(|&index| group(index)).unwrap_or_default()
}

fn join<'t>(pieces: &[Piece], group: &impl Fn(usize) -> Option<&'t str>) -> String {
    let mut joined = String::with_capacity(USUAL_BYTES);
    for piece in pieces {
        joined.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Groups(groups) => first_of(groups, group),
        });
    }
    joined
}

fn name_in<'t>(found: &regex::Captures<'t>) -> &'t str {
    found.get(1).or(found.get(2)).map_or("", |name| name.as_str())
}

/// Digits without a leading zero are a number, anything else is a name.
fn groups_called(name: &str, names: &[Option<String>]) -> Vec<usize> {
    let is_number = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_number {
        return name.parse().into_iter().filter(|&index| index < names.len()).collect();
    }
    (0..names.len()).filter(|&index| names[index].as_deref() == Some(name)).collect()
}
