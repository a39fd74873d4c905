//! Go's `time.Time`: a second and a zone in which it is written.

use super::layout::{Element, Fraction, Offset, cut};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEK_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY: i64 = 86_400;

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since 1970.
    pub seconds: i64,
    pub nanoseconds: u32,
    pub zone: Zone,
}

/// How far the clocks of a place are ahead, and what that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub name: String,
    pub offset: i64,
}

/// A day and a time of day, as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

impl Zone {
    pub(super) fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), offset: 0 }
    }
}

impl Civil {
    /// Seconds since 1970, as if in UTC. Months, days and hours beyond their ends count on. Wraps around as in Go.
    pub(super) fn seconds(self) -> i64 {
        let month = self.month - 1;
        let days = days_before(self.year + month.div_euclid(12), month.rem_euclid(12) + 1) + self.day - 1;
        days.wrapping_mul(DAY).wrapping_add(self.hour * 3600 + self.minute * 60 + self.second)
    }
}

/// Days from 1970 to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    // Years from March on, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 - 719_468
}

pub(super) fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_before(next_year, next) - days_before(year, month)
}

impl Moment {
    /// Go's zero time: the first of January of the year 1.
    pub(super) fn zero() -> Moment {
        let zero = Civil { year: 1, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
        Moment { seconds: zero.seconds(), nanoseconds: 0, zone: Zone::utc() }
    }

    /// As Go's `Time.Add`.
    pub(super) fn plus(&self, nanoseconds: i64) -> Moment {
        let sum = i64::from(self.nanoseconds) + nanoseconds % 1_000_000_000;
        let seconds =
            self.seconds.wrapping_add(nanoseconds / 1_000_000_000).wrapping_add(sum.div_euclid(1_000_000_000));
        Moment { seconds, nanoseconds: sum.rem_euclid(1_000_000_000) as u32, zone: self.zone.clone() }
    }

    fn local_seconds(&self) -> i64 {
        self.seconds.saturating_add(self.zone.offset)
    }

    pub(super) fn civil(&self) -> Civil {
        let (days, of_day) = (self.local_seconds().div_euclid(DAY), self.local_seconds().rem_euclid(DAY));
        let days = days + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era * 400 + later;
        Civil { year, month, day, hour: of_day / 3600, minute: of_day / 60 % 60, second: of_day % 60 }
    }

    /// From 1.
    pub(super) fn year_day(&self) -> i64 {
        let civil = self.civil();
        days_before(civil.year, civil.month) - days_before(civil.year, 1) + civil.day
    }

    pub(super) fn week_day(&self) -> usize {
        (self.local_seconds().div_euclid(DAY) + 4).rem_euclid(7) as usize
    }

    /// The time as the layout shows one.
    pub(super) fn format(&self, layout: &[u8]) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), layout);
        let civil = self.civil();
        loop {
            let cut = cut(rest);
            out.extend(cut.before);
            let Some((element, _)) = cut.element else { return out };
            out.extend(self.element(&civil, element).bytes());
            rest = cut.after;
        }
    }

    fn element(&self, civil: &Civil, element: Element) -> String {
        let Civil { year, month, day, hour, minute, second } = *civil;
        let month_name = MONTHS[(month - 1) as usize];
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        match element {
            Element::Year => format!("{:02}", year.abs() % 100),
            Element::LongYear if year < 0 => format!("-{:04}", -year),
            Element::LongYear => format!("{year:04}"),
            Element::Month => month_name[..3].to_owned(),
            Element::LongMonth => month_name.to_owned(),
            Element::NumMonth => month.to_string(),
            Element::ZeroMonth => format!("{month:02}"),
            Element::WeekDay => WEEK_DAYS[self.week_day()][..3].to_owned(),
            Element::LongWeekDay => WEEK_DAYS[self.week_day()].to_owned(),
            Element::Day => day.to_string(),
            Element::UnderDay => format!("{day:2}"),
            Element::ZeroDay => format!("{day:02}"),
            Element::UnderYearDay => format!("{:3}", self.year_day()),
            Element::ZeroYearDay => format!("{:03}", self.year_day()),
            Element::Hour => format!("{hour:02}"),
            Element::Hour12 => hour12.to_string(),
            Element::ZeroHour12 => format!("{hour12:02}"),
            Element::Minute => minute.to_string(),
            Element::ZeroMinute => format!("{minute:02}"),
            Element::Second => second.to_string(),
            Element::ZeroSecond => format!("{second:02}"),
            Element::UpperHalf => if hour >= 12 { "PM" } else { "AM" }.to_owned(),
            Element::LowerHalf => if hour >= 12 { "pm" } else { "am" }.to_owned(),
            Element::Offset(Offset { is_zulu: true, .. }) if self.zone.offset == 0 => "Z".to_owned(),
            Element::Offset(offset) => self.offset(offset),
            Element::ZoneName if self.zone.name.is_empty() => {
                self.offset(Offset { is_zulu: false, has_colons: false, parts: 2 })
            }
            Element::ZoneName => self.zone.name.clone(),
            Element::Fraction(fraction) => self.fraction(fraction),
        }
    }

    fn offset(&self, written: Offset) -> String {
        let offset = self.zone.offset;
        // Go takes the sign from the minutes.
        let sign = if offset / 60 < 0 { '-' } else { '+' };
        let parts = [offset.abs() / 3600, offset.abs() / 60 % 60, offset % 60];
        let seconds = if sign == '-' { -parts[2] } else { parts[2] };
        let parts = [parts[0], parts[1], seconds].map(|part| format!("{part:02}"));
        format!("{sign}{}", parts[..written.parts].join(if written.has_colons { ":" } else { "" }))
    }

    fn fraction(&self, written: Fraction) -> String {
        if written.is_trimmed && self.nanoseconds == 0 {
            return String::new();
        }
        let digits = format!("{:09}", self.nanoseconds);
        let digits = &digits[..written.digits.min(9)];
        let digits = if written.is_trimmed { digits.trim_end_matches('0') } else { digits };
        if digits.is_empty() { String::new() } else { format!("{}{digits}", char::from(written.separator)) }
    }
}
