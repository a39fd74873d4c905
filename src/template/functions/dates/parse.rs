//! Times from text, by a layout that shows how a certain time would be written.

use super::super::Failure;
use super::layout::{Element, Offset, cut};
use super::moment::{Civil, MONTHS, Moment, WEEK_DAYS, Zone, days_in};
use super::quoted;

/// Why an element cannot be read.
enum Mistake {
    Malformed,
    OutOfRange(&'static str),
}

type Read<T> = Result<T, Mistake>;

/// What has been read.
#[derive(Default)]
struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    /// After or before noon, if that was said.
    is_afternoon: Option<bool>,
    is_utc: bool,
    offset: Option<i64>,
    zone_name: String,
}

/// As Go's `time.Parse`, for someone whose clock shows UTC.
pub(super) fn parse(layout: &[u8], text: &[u8]) -> Result<Moment, Failure> {
    let (mut layout_left, mut left) = (layout, text);
    let mut parts = Parts::default();
    let out_of = |what: &str| Failure::new(format!("parsing time {}{what}", quoted(text)));
    let cannot = |found: &[u8], wanted: &[u8]| {
        let (text, layout, found, wanted) = (quoted(text), quoted(layout), quoted(found), quoted(wanted));
        Failure::new(format!("parsing time {text} as {layout}: cannot parse {found} as {wanted}"))
    };
    loop {
        let cut = cut(layout_left);
        left = skip(left, cut.before).map_err(|left| cannot(left, cut.before))?;
        layout_left = cut.after;
        let Some((element, written)) = cut.element else { break };
        left = parts.read(element, left, layout_left).map_err(|mistake| match mistake {
            Mistake::Malformed => cannot(left, written),
            Mistake::OutOfRange(what) => out_of(&format!(": {what} out of range")),
        })?;
    }
    if !left.is_empty() {
        return Err(out_of(&format!(": extra text: {}", quoted(left))));
    }
    parts.moment().map_err(|what| out_of(&format!(": {what}")))
}

/// What follows the text between elements; any blanks do for blanks.
fn skip<'t>(text: &'t [u8], before: &[u8]) -> Result<&'t [u8], &'t [u8]> {
    let unblanked = |text: &'_ [u8]| text.iter().take_while(|&&byte| byte == b' ').count();
    let (mut text, mut before) = (text, before);
    while let Some((first, rest)) = before.split_first() {
        if *first == b' ' {
            if text.first().is_some_and(|&byte| byte != b' ') {
                return Err(text);
            }
            (text, before) = (&text[unblanked(text)..], &before[unblanked(before)..]);
            continue;
        }
        text = text.strip_prefix(&[*first]).ok_or(text)?;
        before = rest;
    }
    Ok(text)
}

impl Parts {
    /// Reads one element; gives what follows it. `layout` is what follows it in the layout.
    fn read<'t>(&mut self, element: Element, text: &'t [u8], layout: &[u8]) -> Read<&'t [u8]> {
        match element {
            Element::Year | Element::LongYear => self.read_year(element, text),
            Element::Month => named(text, MONTHS.map(|name| &name[..3]), &mut self.month),
            Element::LongMonth => named(text, MONTHS, &mut self.month),
            // The day of the week is only checked.
            Element::WeekDay => named(text, WEEK_DAYS.map(|name| &name[..3]), &mut None),
            Element::LongWeekDay => named(text, WEEK_DAYS, &mut None),
            Element::UpperHalf => self.read_half(text, [b"AM", b"PM"]),
            Element::LowerHalf => self.read_half(text, [b"am", b"pm"]),
            Element::ZoneName => self.read_zone_name(text),
            Element::Offset(offset) => self.read_offset(text, offset),
            Element::Fraction(fraction) if !fraction.is_trimmed => self.read_fraction(text, Some(fraction.digits)),
            Element::Fraction(_) if starts_fraction(text) => self.read_fraction(text, None),
            Element::Fraction(_) => Ok(text),
            Element::UnderYearDay => self.read_year_day(text, false),
            Element::ZeroYearDay => self.read_year_day(text, true),
            _ => self.read_number(element, text, layout),
        }
    }

    /// Reads an element of one or two digits.
    fn read_number<'t>(&mut self, element: Element, text: &'t [u8], layout: &[u8]) -> Read<&'t [u8]> {
        let is_fixed = matches!(
            element,
            Element::ZeroMonth | Element::ZeroDay | Element::ZeroHour12 | Element::ZeroMinute | Element::ZeroSecond
        );
        let text = match text {
            [b' ', rest @ ..] if element == Element::UnderDay => rest,
            text => text,
        };
        let (number, rest) = digits(text, 2, is_fixed)?;
        match element {
            Element::NumMonth | Element::ZeroMonth => self.month = Some(within(number, 1..=12, "month")?),
            Element::Hour => self.hour = within(number, 0..=23, "hour")?,
            Element::Hour12 | Element::ZeroHour12 => self.hour = within(number, 0..=12, "hour")?,
            Element::Minute | Element::ZeroMinute => self.minute = within(number, 0..=59, "minute")?,
            Element::Second | Element::ZeroSecond => {
                self.second = within(number, 0..=59, "second")?;
                // A fraction may stand there unasked.
                let is_asked = matches!(cut(layout).element, Some((Element::Fraction(_), _)));
                if starts_fraction(rest) && !is_asked {
                    return self.read_fraction(rest, None);
                }
            }
            _ => self.day = Some(number),
        }
        Ok(rest)
    }

    fn read_year<'t>(&mut self, element: Element, text: &'t [u8]) -> Read<&'t [u8]> {
        let length = if element == Element::Year { 2 } else { 4 };
        let (written, rest) = text.split_at_checked(length).ok_or(Mistake::Malformed)?;
        if element == Element::LongYear && !written[0].is_ascii_digit() {
            return Err(Mistake::Malformed);
        }
        let year: i64 =
            std::str::from_utf8(written).ok().and_then(|year| year.parse().ok()).ok_or(Mistake::Malformed)?;
        self.year = match element {
            Element::Year if year >= 69 => 1900 + year,
            Element::Year => 2000 + year,
            _ => year,
        };
        Ok(rest)
    }

    fn read_year_day<'t>(&mut self, text: &'t [u8], is_fixed: bool) -> Read<&'t [u8]> {
        let blanks = if is_fixed { 0 } else { text.iter().take(2).take_while(|&&byte| byte == b' ').count() };
        let (number, rest) = digits(&text[blanks..], 3, is_fixed)?;
        self.year_day = Some(number);
        Ok(rest)
    }

    fn read_half<'t>(&mut self, text: &'t [u8], names: [&[u8]; 2]) -> Read<&'t [u8]> {
        let (written, rest) = text.split_at_checked(2).ok_or(Mistake::Malformed)?;
        let found = names.iter().position(|name| *name == written).ok_or(Mistake::Malformed)?;
        // What was said of the afternoon stays said.
        self.is_afternoon = Some(found == 1 || self.is_afternoon == Some(true));
        Ok(rest)
    }

    fn read_offset<'t>(&mut self, text: &'t [u8], written: Offset) -> Read<&'t [u8]> {
        if let (true, Some(rest)) = (written.is_zulu, text.strip_prefix(b"Z")) {
            self.is_utc = true;
            return Ok(rest);
        }
        let colon = usize::from(written.has_colons);
        let length = 1 + written.parts * 2 + (written.parts - 1) * colon;
        let (found, rest) = text.split_at_checked(length).ok_or(Mistake::Malformed)?;
        let mut parts = [0; 3];
        for (i, part) in parts.iter_mut().take(written.parts).enumerate() {
            let at = 1 + i * (2 + colon);
            if i > 0 && written.has_colons && found[at - 1] != b':' {
                return Err(Mistake::Malformed);
            }
            *part = digits(&found[at..at + 2], 2, true)?.0;
        }
        let [hours, minutes, seconds] = parts;
        within(hours, 0..=24, "time zone offset hour")?;
        within(minutes, 0..=60, "time zone offset minute")?;
        within(seconds, 0..=60, "time zone offset second")?;
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = match found[0] {
            b'+' => Some(offset),
            b'-' => Some(-offset),
            _ => return Err(Mistake::Malformed),
        };
        // Go has this number for none.
        self.offset = self.offset.filter(|&offset| offset != -1);
        Ok(rest)
    }

    fn read_zone_name<'t>(&mut self, text: &'t [u8]) -> Read<&'t [u8]> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.is_utc = true;
            return Ok(rest);
        }
        let (name, rest) = text.split_at(zone_name_length(text).ok_or(Mistake::Malformed)?);
        self.zone_name = String::from_utf8_lossy(name).into_owned();
        Ok(rest)
    }

    /// Reads a separator and digits: so many, or as many as there are.
    fn read_fraction<'t>(&mut self, text: &'t [u8], count: Option<usize>) -> Read<&'t [u8]> {
        let there = || text[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let count = count.unwrap_or_else(there);
        let (written, rest) = text.split_at_checked(1 + count).ok_or(Mistake::Malformed)?;
        let digits = &written[1..written.len().min(10)];
        if !matches!(written[0], b'.' | b',') || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Mistake::Malformed);
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        self.nanoseconds = number * 10u32.pow(9 - digits.len() as u32);
        Ok(rest)
    }

    /// The moment that the parts are, if there is such a day.
    fn moment(self) -> Result<Moment, &'static str> {
        let hour = match self.is_afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in(self.year, month) {
            return Err("day out of range");
        }
        let civil = Civil { year: self.year, month, day, hour, minute: self.minute, second: self.second };
        let (zone, behind) = self.zone();
        Ok(Moment { seconds: civil.seconds() - behind, nanoseconds: self.nanoseconds, zone })
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        let Some(year_day) = self.year_day else { return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1))) };
        let days = |month| days_in(self.year, month);
        if year_day < 1 || year_day > (1..=12).map(days).sum() {
            return Err("day-of-year out of range");
        }
        let (mut month, mut day) = (1, year_day);
        while day > days(month) {
            day -= days(month);
            month += 1;
        }
        match (self.month, self.day) {
            (Some(said), _) if said != month => Err("day-of-year does not match month"),
            (_, Some(said)) if said != day => Err("day-of-year does not match day"),
            _ => Ok((month, day)),
        }
    }

    /// The zone, and how far its clocks were ahead when they showed the time that was read.
    fn zone(&self) -> (Zone, i64) {
        let name = &self.zone_name;
        match self.offset {
            _ if self.is_utc => (Zone::utc(), 0),
            Some(0) if name.is_empty() || name == "UTC" => (Zone::utc(), 0),
            Some(offset) => (Zone { name: name.clone(), offset }, offset),
            None if name.is_empty() => (Zone::utc(), 0),
            None => {
                // A name alone says nothing of the offset, but for this one; and Go takes the time for one in UTC.
                let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok());
                let offset = 3600 * hours.unwrap_or(0);
                (Zone { name: name.clone(), offset }, 0)
            }
        }
    }
}

fn starts_fraction(text: &[u8]) -> bool {
    matches!(text, [b'.' | b',', b'0'..=b'9', ..])
}

/// A number of at most so many digits, or of exactly as many.
fn digits(text: &[u8], most: usize, is_fixed: bool) -> Read<(i64, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || (is_fixed && count < most) {
        return Err(Mistake::Malformed);
    }
    let (written, rest) = text.split_at(count);
    Ok((written.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')), rest))
}

fn within(number: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Read<i64> {
    if range.contains(&number) { Ok(number) } else { Err(Mistake::OutOfRange(what)) }
}

/// One of the names, in any case; its place counts from 1.
fn named<'t, const N: usize>(text: &'t [u8], names: [&str; N], place: &mut Option<i64>) -> Read<&'t [u8]> {
    let is_here = |name: &&str| text.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
    let found = names.iter().position(is_here).ok_or(Mistake::Malformed)?;
    *place = Some(found as i64 + 1);
    Ok(&text[names[found].len()..])
}

/// How long the abbreviation of a zone at the start of the text is.
fn zone_name_length(text: &[u8]) -> Option<usize> {
    let signed = |text: &[u8]| {
        let digits = text.get(1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&text[1..1 + digits]).ok()?.parse::<u64>().ok()?;
        (matches!(text[0], b'+' | b'-') && number <= 23).then_some(1 + digits)
    };
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(offset) = text.strip_prefix(b"GMT") {
        return Some(3 + signed(offset).unwrap_or(0));
    }
    if matches!(text[0], b'+' | b'-') {
        return signed(text);
    }
    match text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        5 if text[4] == b'T' => Some(5),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}
