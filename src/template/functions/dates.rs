//! Sprig's dates, as far as they are functions of their input. The local time is UTC.

mod duration;
mod layout;
mod moment;
mod parse;

use super::super::object::{Fields, Method, Object};
use super::super::value::{Type, Value};
use super::cast::parse_leniently;
use super::{Args, Failure, Function};
use moment::{MONTHS, Moment, WEEK_DAYS, Zone};

const ANY: Type = Type::Any;
const STRING: Type = Type::String;
const INT: Type = Type::Int;
const TIME: Type = Type::Object("time.Time");

pub(super) static TABLE: &[Function] = &[
    Function::new("duration", &[ANY], |args| {
        args.spend(4)?;
        Ok(duration::shown(seconds(args.value(0)).wrapping_mul(SECOND)).into())
    }),
    Function::new("durationRound", &[ANY], round),
    Function::new("mustDateModify", &[STRING, TIME], modify),
    Function::new("mustToDate", &[STRING, STRING], |args| parsed(args)?.map(time)),
    Function::new("must_date_modify", &[STRING, TIME], modify),
    Function::new("toDate", &[STRING, STRING], |args| Ok(time(parsed(args)?.unwrap_or_else(|_| Moment::zero())))),
    Function::new("unixEpoch", &[TIME], |args| Ok(moment(args.value(0))?.seconds.to_string().into())),
];

const SECOND: i64 = 1_000_000_000;

/// What the text is by the layout; an error of its own when that is too much work.
fn parsed(args: Args<'_>) -> Result<Result<Moment, Failure>, Failure> {
    args.spend(16 + 2 * args.value(0).length())?;
    Ok(parse::parse(args.text(0).as_bytes(), args.text(1).as_bytes()))
}

/// A number of seconds; an `int` is none.
fn seconds(value: &Value) -> i64 {
    match value {
        Value::Int64(seconds) => *seconds,
        Value::String(text) => parse_leniently(&text.to_str_lossy()),
        _ => 0,
    }
}

fn round(args: Args<'_>) -> Result<Value, Failure> {
    let nanoseconds = match args.value(0) {
        Value::Int64(nanoseconds) => *nanoseconds,
        Value::String(text) => duration::parse(text.as_bytes()).unwrap_or(0),
        Value::Object(object) if object.type_name() == "time.Time" => {
            return Err(Failure::new("the time since then depends on when the template is rendered"));
        }
        _ => 0,
    };
    Ok(duration::rounded(nanoseconds).into())
}

fn modify(args: Args<'_>) -> Result<Value, Failure> {
    let nanoseconds = duration::parse(args.text(0).as_bytes())?;
    Ok(time(moment(args.value(1))?.plus(nanoseconds)))
}

/// As the messages of Go's package `time` quote.
fn quoted(text: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for &byte in text {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'\x7f' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted + "\""
}

/// Go's `time.Time` in a template.
#[derive(Debug)]
struct Time(Moment);

fn time(moment: Moment) -> Value {
    Value::object(Time(moment))
}

fn moment(value: &Value) -> Result<Moment, Failure> {
    let no_time = || Failure::new("not a time");
    let Value::Object(object) = value else { return Err(no_time()) };
    match &*object.fields() {
        [
            (_, Value::Int64(seconds)),
            (_, Value::Int64(nanoseconds)),
            (_, Value::String(name)),
            (_, Value::Int64(offset)),
        ] => Ok(Moment {
            seconds: *seconds,
            nanoseconds: *nanoseconds as u32,
            zone: Zone { name: name.to_str_lossy().into_owned(), offset: *offset },
        }),
        _ => Err(no_time()),
    }
}

const PRINTED: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";

impl Time {
    /// A method that compares with another time.
    fn comparing<V: Into<Value> + 'static>(&self, answer: fn(std::cmp::Ordering) -> V) -> Method {
        let this = (self.0.seconds, self.0.nanoseconds);
        Method::new(&[TIME], move |arguments| {
            let other = moment(arguments.first().unwrap_or(&Value::Nil))?;
            Ok(answer(this.cmp(&(other.seconds, other.nanoseconds))).into())
        })
    }

    fn int(value: i64) -> Method {
        Method::returns(Value::Int(value))
    }

    /// Methods that give numbers.
    fn number(&self, name: &str) -> Option<Method> {
        let (moment, civil) = (&self.0, self.0.civil());
        let since_1970 = |scale: i64| {
            let fraction = i64::from(moment.nanoseconds) * scale / SECOND;
            Method::returns(Value::Int64(moment.seconds.wrapping_mul(scale).wrapping_add(fraction)))
        };
        Some(match name {
            "Day" => Time::int(civil.day),
            "Hour" => Time::int(civil.hour),
            "Minute" => Time::int(civil.minute),
            "Nanosecond" => Time::int(moment.nanoseconds.into()),
            "Second" => Time::int(civil.second),
            "Unix" => since_1970(1),
            "UnixMicro" => since_1970(1_000_000),
            "UnixMilli" => since_1970(1_000),
            "UnixNano" => since_1970(SECOND),
            "Year" => Time::int(civil.year),
            "YearDay" => Time::int(moment.year_day()),
            _ => return None,
        })
    }

    fn date_added(&self) -> Method {
        let this = self.0.clone();
        Method::new(&[INT, INT, INT], move |arguments| {
            let [Value::Int(years), Value::Int(months), Value::Int(days)] = arguments else {
                return Err(Failure::new("not three numbers"));
            };
            // Beyond this no date can be written.
            let [years, months, days] = [years, months, days].map(|count| (*count).clamp(-1 << 32, 1 << 32));
            let mut civil = this.civil();
            (civil.year, civil.month, civil.day) = (civil.year + years, civil.month + months, civil.day + days);
            let seconds = civil.seconds().wrapping_sub(this.zone.offset);
            Ok(time(Moment { seconds, ..this.clone() }))
        })
    }
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn fields(&self) -> Fields<'_> {
        let Moment { seconds, nanoseconds, zone } = &self.0;
        let (name, offset) = (zone.name.as_str().into(), Value::Int64(zone.offset));
        Fields::Owned(vec![
            ("sec", Value::Int64(*seconds)),
            ("nsec", Value::Int64((*nanoseconds).into())),
            ("loc", name),
            ("off", offset),
        ])
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Method> {
        let moment = self.0.clone();
        Some(match name {
            "AddDate" => self.date_added(),
            "After" => self.comparing(std::cmp::Ordering::is_gt),
            "Before" => self.comparing(std::cmp::Ordering::is_lt),
            "Compare" => self.comparing(|order| order as i64),
            "Equal" => self.comparing(std::cmp::Ordering::is_eq),
            "Format" => Method::new(&[STRING], move |arguments| match arguments {
                [Value::String(layout)] => Ok(moment.format(layout.as_bytes()).into()),
                _ => Err(Failure::new("no layout")),
            }),
            "IsZero" => Method::returns((moment.seconds, moment.nanoseconds) == (Moment::zero().seconds, 0)),
            "Local" | "UTC" => Method::returns(time(Moment { zone: Zone::utc(), ..moment })),
            "Month" => Method::returns(Value::object(Named("time.Month", MONTHS[moment.civil().month as usize - 1]))),
            "String" => Method::new(&[], move |_| Ok(moment.format(PRINTED).into())),
            "Weekday" => Method::returns(Value::object(Named("time.Weekday", WEEK_DAYS[moment.week_day()]))),
            _ => return self.number(name),
        })
    }

    fn stringer(&self) -> Option<String> {
        Some(String::from_utf8_lossy(&self.0.format(PRINTED)).into_owned())
    }

    fn in_json(&self) -> Option<Value> {
        Some(self.0.format(b"2006-01-02T15:04:05.999999999Z07:00").into())
    }
}

/// A month or a day of the week: the name of the type, and its own.
#[derive(Debug)]
struct Named(&'static str, &'static str);

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.0
    }

    fn kind_name(&self) -> &'static str {
        "int"
    }

    fn fields(&self) -> Fields<'_> {
        Fields::Owned(vec![("name", self.1.into())])
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Method> {
        (name == "String").then(|| Method::returns(self.1))
    }

    fn stringer(&self) -> Option<String> {
        Some(self.1.to_owned())
    }

    /// The number behind the name.
    fn in_json(&self) -> Option<Value> {
        let month = MONTHS.iter().position(|name| *name == self.1).map(|at| at + 1);
        let number = month.or_else(|| WEEK_DAYS.iter().position(|name| *name == self.1));
        number.map(|number| Value::Int(number as i64))
    }
}
