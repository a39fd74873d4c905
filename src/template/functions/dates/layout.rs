//! Go's layouts, which show how a certain time is written: its elements.

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(Offset),
    Fraction(Fraction),
}

/// How the offset of a zone is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for none.
    pub is_zulu: bool,
    pub has_colons: bool,
    /// Hours, minutes, seconds: how many of them.
    pub parts: usize,
}

/// How fractions of seconds are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    /// Zeros at the end are left out.
    pub is_trimmed: bool,
    pub digits: usize,
    pub separator: u8,
}

const fn offset(is_zulu: bool, has_colons: bool, parts: usize) -> Element {
    Element::Offset(Offset { is_zulu, has_colons, parts })
}

/// Of elements that begin alike the one that Go tries first comes first.
const ELEMENTS: [(&str, Element); 33] = [
    ("January", Element::LongMonth),
    ("Jan", Element::Month),
    ("Monday", Element::LongWeekDay),
    ("Mon", Element::WeekDay),
    ("MST", Element::ZoneName),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("002", Element::ZeroYearDay),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("_2", Element::UnderDay),
    ("__2", Element::UnderYearDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
    ("-070000", offset(false, false, 3)),
    ("-07:00:00", offset(false, true, 3)),
    ("-0700", offset(false, false, 2)),
    ("-07:00", offset(false, true, 2)),
    ("-07", offset(false, false, 1)),
    ("Z070000", offset(true, false, 3)),
    ("Z07:00:00", offset(true, true, 3)),
    ("Z0700", offset(true, false, 2)),
    ("Z07:00", offset(true, true, 2)),
    ("Z07", offset(true, false, 1)),
];

/// A layout cut at its first element.
pub(super) struct Cut<'l> {
    pub before: &'l [u8],
    /// The element and how it is written; none if there is no more.
    pub element: Option<(Element, &'l [u8])>,
    pub after: &'l [u8],
}

pub(super) fn cut(layout: &[u8]) -> Cut<'_> {
    let found = (0..layout.len()).find_map(|at| element(&layout[at..]).map(|(element, length)| (at, element, length)));
    let Some((at, element, length)) = found else { return Cut { before: layout, element: None, after: &[] } };
    let (written, after) = layout[at..].split_at(length);
    Cut { before: &layout[..at], element: Some((element, written)), after }
}

/// The element at the start of the text, and its length.
fn element(text: &[u8]) -> Option<(Element, usize)> {
    if text.starts_with(b"_2006") {
        return None;
    }
    if matches!(text, [b'.' | b',', b'0' | b'9', ..]) {
        return fraction(text);
    }
    let (written, element) = ELEMENTS.iter().find(|(written, element)| {
        let is_name = matches!(element, Element::Month | Element::WeekDay);
        text.strip_prefix(written.as_bytes())
            .is_some_and(|after| !is_name || !after.first().is_some_and(u8::is_ascii_lowercase))
    })?;
    Some((*element, written.len()))
}

/// A fraction ends before something that is no digit.
fn fraction(text: &[u8]) -> Option<(Element, usize)> {
    let digits = text[1..].iter().take_while(|&&byte| byte == text[1]).count();
    if text.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let fraction = Fraction { is_trimmed: text[1] == b'9', digits, separator: text[0] };
    Some((Element::Fraction(fraction), 1 + digits))
}
