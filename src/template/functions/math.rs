//! Sprig's arithmetic: what is no number counts as zero, and integers are `int64`, which wrap.

use super::super::list::List;
use super::super::value::{Type, Value};
use super::cast::{parse_in_base, parse_leniently, to_float, to_int};
use super::decimal::Decimal;
use super::strings::to_text;
use super::{Args, Failure, Function, check_items};

const ANY: Type = Type::Any;
const INT: Type = Type::Int;
const FLOAT: Type = Type::Float64;
const STRING: Type = Type::String;

pub(super) static TABLE: &[Function] = &[
    Function::variadic("add", &[], &ANY, |args| {
        args.spend(args.rest(0).len())?;
        Ok(Value::Int64(args.rest(0).iter().map(to_int).fold(0, i64::wrapping_add)))
    }),
    Function::new("add1", &[ANY], |args| Ok(Value::Int64(to_int(args.value(0)).wrapping_add(1)))),
    Function::new("add1f", &[ANY], |args| exact(args.value(0), &[Value::Int(1)], args, Decimal::plus)),
    Function::variadic("addf", &[], &ANY, |args| exact(&Value::Int(0), args.rest(0), args, Decimal::plus)),
    Function::new("atoi", &[STRING], |args| Ok(Value::Int(parse_leniently(&args.text(0).to_str_lossy())))),
    Function::variadic("biggest", &[ANY], &ANY, |args| integers(args, i64::max)),
    Function::new("ceil", &[ANY], |args| Ok(to_float(args.value(0)).ceil().into())),
    Function::new("div", &[ANY, ANY], |args| divided(args, i64::wrapping_div)),
    Function::variadic("divf", &[ANY], &ANY, |args| exact(args.value(0), args.rest(1), args, Decimal::over)),
    Function::new("float64", &[ANY], |args| Ok(to_float(args.value(0)).into())),
    Function::new("floor", &[ANY], |args| Ok(to_float(args.value(0)).floor().into())),
    Function::new("int", &[ANY], |args| Ok(Value::Int(to_int(args.value(0))))),
    Function::new("int64", &[ANY], |args| Ok(Value::Int64(to_int(args.value(0))))),
    Function::variadic("max", &[ANY], &ANY, |args| integers(args, i64::max)),
    Function::variadic("maxf", &[ANY], &ANY, |args| floats(args, greater)),
    Function::variadic("min", &[ANY], &ANY, |args| integers(args, i64::min)),
    Function::variadic("minf", &[ANY], &ANY, |args| floats(args, |a, b| -greater(-a, -b))),
    Function::new("mod", &[ANY, ANY], |args| divided(args, i64::wrapping_rem)),
    Function::variadic("mul", &[ANY], &ANY, |args| integers(args, i64::wrapping_mul)),
    Function::variadic("mulf", &[ANY], &ANY, |args| exact(args.value(0), args.rest(1), args, Decimal::times)),
    Function::variadic("round", &[ANY, INT], &FLOAT, round),
    Function::variadic("seq", &[], &INT, seq),
    Function::new("sub", &[ANY, ANY], |args| {
        Ok(Value::Int64(to_int(args.value(0)).wrapping_sub(to_int(args.value(1)))))
    }),
    Function::variadic("subf", &[ANY], &ANY, |args| exact(args.value(0), args.rest(1), args, Decimal::minus)),
    Function::new("toDecimal", &[ANY], |args| {
        let parsed = parse_in_base(&to_text(args.value(0), args)?.to_str_lossy(), 8);
        Ok(Value::Int64(parsed.and_then(Result::ok).unwrap_or(0)))
    }),
    Function::new("until", &[INT], |args| {
        let end = args.int(0);
        ints(steps(0, end, if end < 0 { -1 } else { 1 })?)
    }),
    Function::new("untilStep", &[INT, INT, INT], |args| ints(steps(args.int(0), args.int(1), args.int(2))?)),
];

/// All the arguments as integers, taken together two by two.
fn integers(args: Args<'_>, together: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    args.spend(args.rest(0).len())?;
    Ok(Value::Int64(args.rest(1).iter().map(to_int).fold(to_int(args.value(0)), together)))
}

/// All the arguments as floats, taken together two by two.
fn floats(args: Args<'_>, together: fn(f64, f64) -> f64) -> Result<Value, Failure> {
    args.spend(args.rest(0).len())?;
    Ok(args.rest(1).iter().map(to_float).fold(to_float(args.value(0)), together).into())
}

/// Go's `math.Max`: infinity wins, then NaN, and zero is above minus zero.
fn greater(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

fn divided(args: Args<'_>, divide: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    match (to_int(args.value(0)), to_int(args.value(1))) {
        (_, 0) => Err(Failure::new("runtime error: integer divide by zero")),
        (a, b) => Ok(Value::Int64(divide(a, b))),
    }
}

type Operation = fn(Decimal, &Decimal) -> Result<Decimal, Failure>;

/// Computes in decimals, so that 0.1 and 0.2 are 0.3.
fn exact(first: &Value, others: &[Value], args: Args<'_>, operation: Operation) -> Result<Value, Failure> {
    let mut result = Decimal::of(to_float(first))?;
    for other in others {
        let other = Decimal::of(to_float(other))?;
        args.spend(result.cost(&other))?;
        result = operation(result, &other)?;
    }
    Ok(result.to_float().into())
}

/// Rounds to so many decimal places; up from a fraction of a half, or as the third argument says.
fn round(args: Args<'_>) -> Result<Value, Failure> {
    let limit = args.rest(2).first().map_or(0.5, to_float);
    let power = power_of_ten(args.int(1));
    let digits = power * to_float(args.value(0));
    let fraction = digits - digits.trunc();
    let rounded = if fraction >= limit { digits.ceil() } else { digits.floor() };
    Ok((rounded / power).into())
}

/// 10 to the `exponent` as Go computes it, which is not always the nearest float.
fn power_of_ten(exponent: i64) -> f64 {
    let exponent = exponent as f64;
    if exponent == 0.0 || exponent == 1.0 {
        return if exponent == 0.0 { 1.0 } else { 10.0 };
    }
    if exponent.abs() >= 9_223_372_036_854_775_808.0 {
        return if exponent > 0.0 { f64::INFINITY } else { 0.0 };
    }
    // Mantissas and exponents of two apart. 10 is 0.625 times two to the fourth.
    let (mut mantissa, mut twos) = (1.0, 0i64);
    let (mut square, mut square_twos) = (0.625, 4i64);
    let mut left = exponent.abs() as i64;
    while left != 0 {
        if square_twos.abs() > 1 << 12 {
            twos += square_twos;
            break;
        }
        if left & 1 == 1 {
            mantissa *= square;
            twos += square_twos;
        }
        square *= square;
        square_twos <<= 1;
        if square < 0.5 {
            square += square;
            square_twos -= 1;
        }
        left >>= 1;
    }
    if exponent < 0.0 { scaled(1.0 / mantissa, -twos) } else { scaled(mantissa, twos) }
}

/// `value`, which is about 1, times two to the `twos`, rounded once.
fn scaled(value: f64, twos: i64) -> f64 {
    let twos = twos.clamp(-2000, 2000);
    // All but the last step are exact.
    let first = twos.clamp(-1000, 1000);
    value * two_to(first) * two_to(twos - first)
}

fn two_to(exponent: i64) -> f64 {
    match exponent {
        -1022.. => f64::from_bits(((exponent + 1023) as u64) << 52),
        _ => f64::from_bits(1 << (exponent + 1074).max(0)),
    }
}

/// The integers from `start` on, before `stop`.
fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Failure> {
    if step == 0 || (stop < start) != (step < 0) {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(stop).div_ceil(step.unsigned_abs());
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    check_items(count)?;
    Ok((0..count as i64).map(|i| start.wrapping_add(step.wrapping_mul(i))).collect())
}

fn ints(items: Vec<i64>) -> Result<Value, Failure> {
    Ok(List::appended(&Type::Int, items.into_iter().map(Value::Int).collect()).into())
}

/// The integers as GNU's `seq` prints them, with spaces between them.
fn seq(args: Args<'_>) -> Result<Value, Failure> {
    let int = |index: usize| args.int(index);
    let toward = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, step, end) = match args.rest(0).len() {
        1 => (1, toward(1, int(0)), int(0)),
        2 => (int(0), toward(int(0), int(1)), int(1)),
        3 if int(2) < int(0) && int(1) > 0 => return Ok("".into()),
        3 => (int(0), int(1), int(2)),
        _ => return Ok("".into()),
    };
    let end = end.wrapping_add(toward(start, end));
    let shown: Vec<String> = steps(start, end, step)?.iter().map(i64::to_string).collect();
    Ok(shown.join(" ").into())
}
