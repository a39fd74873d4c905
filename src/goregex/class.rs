//! Classes of characters: `[…]`, `\d`, `\pL`, `[:alpha:]` and the escapes that stand for one character.
//!
//! Takes the text of a pattern, gives the class in the syntax of the `regex` crate. Everything is spelled out in
//! ranges, since `\d`, `\s` and `\w` are ASCII in Go and `[`, `&&`, `--` and `~~` mean nothing special in its classes.

use super::Error;
use super::translate::syntax_error;

/// Matches nothing: what a class is that holds only surrogates, which no text contains.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";
const MAX_CHAR: u32 = 0x10_FFFF;

/// A class in square brackets at the start of `text`. Gives it translated, and the text behind it.
pub(super) fn bracketed(text: &str) -> Result<(String, &str), Error> {
    let unclosed = || syntax_error("missing closing ]", text);
    let mut rest = text.strip_prefix('[').ok_or_else(unclosed)?;
    let is_negated = rest.starts_with('^');
    rest = rest.strip_prefix('^').unwrap_or(rest);
    let mut items = String::new();
    // A closing bracket at the very start is a member.
    let mut is_first = true;
    loop {
        match rest.strip_prefix(']') {
            Some(after) if !is_first => return Ok((whole_class(&items, is_negated), after)),
            _ if rest.is_empty() => return Err(unclosed()),
            _ => {}
        }
        is_first = false;
        let (item, after) = member(rest, text)?;
        items.push_str(&item);
        rest = after;
    }
}

fn whole_class(items: &str, is_negated: bool) -> String {
    match (items.is_empty(), is_negated) {
        (true, false) => NOTHING.to_owned(),
        (true, true) => format!(r"[\x{{0}}-\x{{{MAX_CHAR:X}}}]"),
        (false, false) => format!("[{items}]"),
        (false, true) => format!("[^{items}]"),
    }
}

/// One member of a bracketed class: a named class, an escaped class, a character or a range.
fn member<'t>(rest: &'t str, whole: &str) -> Result<(String, &'t str), Error> {
    if let Some((class, after)) = posix(rest)? {
        return Ok((class, after));
    }
    if let Some((class, after)) = escaped(rest)? {
        return Ok((class, after));
    }
    let (low, after) = class_char(rest, whole)?;
    let (high, after) = match after.strip_prefix('-') {
        // A dash before the closing bracket is a member.
        Some(end) if !end.is_empty() && !end.starts_with(']') => class_char(end, whole)?,
        _ => (low, after),
    };
    if high < low {
        return Err(syntax_error("invalid character class range", &rest[..rest.len() - after.len()]));
    }
    Ok((range(low, high), after))
}

fn class_char<'t>(rest: &'t str, whole: &str) -> Result<(u32, &'t str), Error> {
    if rest.starts_with('\\') {
        return escape(rest);
    }
    let mut chars = rest.chars();
    let c = chars.next().ok_or_else(|| syntax_error("missing closing ]", whole))?;
    Ok((c.into(), chars.as_str()))
}

/// `[:name:]` inside a bracketed class. `None` when the text is something else.
fn posix(rest: &str) -> Result<Option<(String, &str)>, Error> {
    let Some((name, after)) = rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else {
        return Ok(None);
    };
    let (plain, is_negated) = name.strip_prefix('^').map_or((name, false), |plain| (plain, true));
    let ranges = match plain {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => r"\x{0}-\x{7F}",
        "blank" => r"\t\x{20}",
        "cntrl" => r"\x{0}-\x{1F}\x{7F}",
        "digit" => "0-9",
        "graph" => r"\x{21}-\x{7E}",
        "lower" => "a-z",
        "print" => r"\x{20}-\x{7E}",
        "punct" => r"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}",
        "space" => r"\t-\r\x{20}",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => return Err(syntax_error("invalid character class name", &rest[..rest.len() - after.len()])),
    };
    Ok(Some((whole_class(ranges, is_negated), after)))
}

/// `\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `\pN`, `\p{Greek}` and their negations. `None` when the text is something else.
pub(super) fn escaped(rest: &str) -> Result<Option<(String, &str)>, Error> {
    let Some(kind) = rest.strip_prefix('\\').and_then(|after| after.chars().next()) else { return Ok(None) };
    let ranges = match kind {
        'd' | 'D' => "0-9",
        's' | 'S' => r"\t\n\x{C}\r\x{20}",
        'w' | 'W' => "0-9A-Za-z_",
        'p' | 'P' => return unicode(rest, kind == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((whole_class(ranges, kind.is_ascii_uppercase()), &rest[2..])))
}

/// `\pN` or `\p{Name}` at the start of `rest`.
fn unicode(rest: &str, is_negated: bool) -> Result<(String, &str), Error> {
    let error = |excerpt| syntax_error("unknown character class", excerpt);
    let after = &rest[2..];
    let first = after.chars().next().ok_or_else(|| error(rest))?;
    let (name, after) = match after.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(|| error(rest))?,
        None => after.split_at(first.len_utf8()),
    };
    let (name, is_negated) = name.strip_prefix('^').map_or((name, is_negated), |name| (name, !is_negated));
    let excerpt = &rest[..rest.len() - after.len()];
    let class = unicode_class(&canonical(name)).ok_or_else(|| error(excerpt))?;
    Ok((if is_negated { format!("[^{class}]") } else { class }, after))
}

/// Go compares names without case, blanks, underscores and dashes.
fn canonical(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

fn unicode_class(name: &str) -> Option<String> {
    match name {
        "cs" | "surrogate" => Some(NOTHING.to_owned()),
        "any" | "ascii" | "assigned" => Some(format!(r"\p{{{name}}}")),
        _ if CATEGORIES.split_whitespace().any(|known| known == name) => Some(format!(r"\p{{gc={name}}}")),
        _ if SCRIPTS.split_whitespace().any(|known| known == name) => Some(format!(r"\p{{sc={name}}}")),
        _ => None,
    }
}

/// The general categories and their longer names (Go 1.26, `unicode.Categories` and `unicode.CategoryAliases`).
const CATEGORIES: &str =
    "c cc cf cn co l lc ll lm lo lt lu m mc me mn n nd nl no p pc pd pe pf pi po ps s sc sk sm so z zl zp zs
    casedletter closepunctuation combiningmark connectorpunctuation control currencysymbol dashpunctuation decimalnumber
    enclosingmark finalpunctuation format initialpunctuation letter letternumber lineseparator lowercaseletter mark
    mathsymbol modifierletter modifiersymbol nonspacingmark number openpunctuation other otherletter othernumber
    otherpunctuation othersymbol paragraphseparator privateuse punctuation separator spaceseparator spacingmark symbol
    titlecaseletter unassigned uppercaseletter cntrl digit punct";

/// The scripts whose names have one word. Go 1.26 lists the others too, but finds none of them: it drops the
/// underscores from what it looks up, and not from what it looks in.
const SCRIPTS: &str = "adlam ahom arabic armenian avestan balinese bamum batak bengali bhaiksuki bopomofo brahmi braille buginese
    buhid carian chakma cham cherokee chorasmian common coptic cuneiform cypriot cyrillic deseret devanagari dogra duployan
    elbasan elymaic ethiopic georgian glagolitic gothic grantha greek gujarati gurmukhi han hangul hanunoo hatran hebrew
    hiragana inherited javanese kaithi kannada katakana kawi kharoshthi khmer khojki khudawadi lao latin lepcha limbu lisu
    lycian lydian mahajani makasar malayalam mandaic manichaean marchen medefaidrin miao modi mongolian mro multani myanmar
    nabataean nandinagari newa nko nushu ogham oriya osage osmanya palmyrene phoenician rejang runic samaritan saurashtra
    sharada shavian siddham sinhala sogdian soyombo sundanese syriac tagalog tagbanwa takri tamil tangsa tangut telugu thaana
    thai tibetan tifinagh tirhuta toto ugaritic vai vithkuqi wancho yezidi yi";

/// An escape that stands for one character, at the start of `rest`. The character may be a surrogate.
pub(super) fn escape(rest: &str) -> Result<(u32, &str), Error> {
    let mut chars = rest.chars();
    chars.next();
    let Some(c) = chars.next() else { return Err(syntax_error("trailing backslash", rest)) };
    let after = chars.as_str();
    let plain = |code: u32| Ok((code, after));
    match c {
        '0' => Ok(octal(&rest[1..])),
        '1'..='7' if after.starts_with(|next: char| next.is_digit(8)) => Ok(octal(&rest[1..])),
        '1'..='9' => Err(syntax_error("backreferences are not supported", &rest[..2])),
        'x' => hexadecimal(rest),
        'a' => plain(7),
        'f' => plain(12),
        'n' => plain(10),
        'r' => plain(13),
        't' => plain(9),
        'v' => plain(11),
        'C' => Err(syntax_error("matching a single byte is not supported", r"\C")),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => plain(c.into()),
        c => Err(syntax_error("invalid escape sequence", &rest[..1 + c.len_utf8()])),
    }
}

/// At most three octal digits.
fn octal(digits: &str) -> (u32, &str) {
    let length = digits.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    let code = digits[..length].bytes().fold(0, |code, b| code * 8 + u32::from(b - b'0'));
    (code, &digits[length..])
}

/// `\x7F` or `\x{10FFFF}`.
fn hexadecimal(rest: &str) -> Result<(u32, &str), Error> {
    let error = || syntax_error("invalid escape sequence", rest);
    let digits = &rest[2..];
    let (digits, after) = match digits.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(error)?,
        None => digits.split_at_checked(2).ok_or_else(error)?,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(error());
    }
    let code = u32::from_str_radix(digits, 16).map_err(|_| error())?;
    if code > MAX_CHAR { Err(error()) } else { Ok((code, after)) }
}

/// One character outside of brackets.
pub(super) fn single(code: u32) -> String {
    if char::from_u32(code).is_some() { format!(r"\x{{{code:X}}}") } else { NOTHING.to_owned() }
}

/// A range inside of brackets, without the surrogates, which `regex` refuses to name.
fn range(low: u32, high: u32) -> String {
    let part = |low: u32, high: u32| match low.cmp(&high) {
        std::cmp::Ordering::Less => format!(r"\x{{{low:X}}}-\x{{{high:X}}}"),
        std::cmp::Ordering::Equal => format!(r"\x{{{low:X}}}"),
        std::cmp::Ordering::Greater => String::new(),
    };
    let (below, above) = (part(low, high.min(0xD7FF)), part(low.max(0xE000), high));
    below + &above
}
