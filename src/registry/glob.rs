//! Globs of one label of a host name: `*`, `?` and `[a-z]`, as Kubernetes matches them (Go's `filepath.Match`).

/// Whether the whole of `text` matches `pattern`. A class that is not closed matches nothing.
///
/// Goes back to the last `*` only, so that the time is bounded by the product of the two lengths.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut last_star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            last_star = Some((rest, text));
        } else if pattern.is_empty() && text.is_empty() {
            return true;
        } else if let Some(rest) = one(pattern, text) {
            (pattern, text) = (rest, &text[1..]);
        } else {
            let Some((after_star, [_, shorter @ ..])) = last_star else { return false };
            (pattern, text) = (after_star, shorter);
            last_star = Some((after_star, shorter));
        }
    }
}

/// The rest of the pattern when its head matches the first byte of the text.
fn one<'a>(pattern: &'a [u8], text: &[u8]) -> Option<&'a [u8]> {
    let byte = *text.first()?;
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', class @ ..] => {
            let end = class.iter().position(|&byte| byte == b']')?;
            is_in_class(&class[..end], byte).then_some(&class[end + 1..])
        }
        [literal, rest @ ..] if *literal == byte => Some(rest),
        _ => None,
    }
}

fn is_in_class(class: &[u8], byte: u8) -> bool {
    match class.strip_prefix(b"^") {
        Some(excluded) => !is_listed(excluded, byte),
        None => is_listed(class, byte),
    }
}

/// In a loop: a class may be as long as the Secret that it stands in, which no stack is.
fn is_listed(mut class: &[u8], byte: u8) -> bool {
    loop {
        let (found, rest) = match class {
            [low, b'-', high, rest @ ..] => ((*low..=*high).contains(&byte), rest),
            [one, rest @ ..] => (*one == byte, rest),
            [] => return false,
        };
        if found {
            return true;
        }
        class = rest;
    }
}
