//! Numbers with as many decimal digits as they need, in which sprig adds and multiplies floats.

use std::cmp::Ordering;

use super::super::number::format_float;
use super::super::print;
use super::super::value::Value;
use super::Failure;

/// So many digits after the point a quotient has.
const QUOTIENT_DIGITS: i64 = 16;
const LIMB: u64 = 1_000_000_000;
const LIMB_DIGITS: usize = 9;

/// `±magnitude × 10^exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    is_negative: bool,
    magnitude: Natural,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that tells the float from others.
    pub(super) fn of(float: f64) -> Result<Decimal, Failure> {
        if !float.is_finite() {
            let shown = print::shown(&Value::Float(float));
            return Err(Failure::new(format!("Cannot create a Decimal from {shown}")));
        }
        let written = format_float(float.abs(), 'e', None);
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.parse::<i64>().unwrap_or(0) - fraction.len() as i64;
        let magnitude = Natural::of_digits(&format!("{whole}{fraction}"));
        Ok(Decimal { is_negative: float < 0.0, exponent: if magnitude.is_zero() { 0 } else { exponent }, magnitude })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        let sign = if self.is_negative && !self.magnitude.is_zero() { "-" } else { "" };
        format!("{sign}{}e{}", self.magnitude.digits(), self.exponent).parse().unwrap_or(0.0)
    }

    /// The steps that an operation with the other number takes.
    pub(super) fn cost(&self, other: &Decimal) -> usize {
        let shift = self.exponent.abs_diff(other.exponent) as usize / LIMB_DIGITS;
        8 + (self.magnitude.limbs.len() + shift) * (1 + other.magnitude.limbs.len())
    }

    pub(super) fn plus(self, other: &Decimal) -> Result<Decimal, Failure> {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.scaled_to(exponent), other.scaled_to(exponent));
        let (is_negative, magnitude) = match (self.is_negative == other.is_negative, a.cmp(&b)) {
            (true, _) => (self.is_negative, a.plus(&b)),
            (false, Ordering::Less) => (other.is_negative, b.minus(&a)),
            (false, _) => (self.is_negative, a.minus(&b)),
        };
        Ok(Decimal { is_negative, magnitude, exponent })
    }

    pub(super) fn minus(self, other: &Decimal) -> Result<Decimal, Failure> {
        self.plus(&Decimal { is_negative: !other.is_negative, ..other.clone() })
    }

    pub(super) fn times(self, other: &Decimal) -> Result<Decimal, Failure> {
        let is_negative = self.is_negative != other.is_negative;
        let magnitude = self.magnitude.times(&other.magnitude);
        Ok(Decimal { is_negative, magnitude, exponent: self.exponent + other.exponent })
    }

    /// The quotient with sixteen digits after the point, a half rounded away from zero.
    pub(super) fn over(self, other: &Decimal) -> Result<Decimal, Failure> {
        if other.magnitude.is_zero() {
            return Err(Failure::new("decimal division by 0"));
        }
        let shift = self.exponent - other.exponent + QUOTIENT_DIGITS;
        let (dividend, divisor) = match usize::try_from(shift) {
            Ok(shift) => (self.magnitude.shifted(shift), other.magnitude.clone()),
            Err(_) => (self.magnitude.clone(), other.magnitude.shifted(shift.unsigned_abs() as usize)),
        };
        let (quotient, rest) = dividend.divided(&divisor);
        let is_half = rest.plus(&rest).cmp(&divisor).is_ge();
        let magnitude = if is_half { quotient.plus(&Natural::of_digits("1")) } else { quotient };
        Ok(Decimal { is_negative: self.is_negative != other.is_negative, magnitude, exponent: -QUOTIENT_DIGITS })
    }

    /// The magnitude as a multiple of ten to the `exponent`, which is not above its own.
    fn scaled_to(&self, exponent: i64) -> Natural {
        self.magnitude.shifted((self.exponent - exponent) as usize)
    }
}

/// A natural number of any size: limbs of nine digits, the least first, none of them zero at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Natural {
    limbs: Vec<u64>,
}

impl Natural {
    fn of_limbs(mut limbs: Vec<u64>) -> Natural {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Natural { limbs }
    }

    fn of_digits(digits: &str) -> Natural {
        let limb = |chunk: &[u8]| chunk.iter().fold(0, |limb, digit| limb * 10 + u64::from(digit - b'0'));
        Natural::of_limbs(digits.as_bytes().rchunks(LIMB_DIGITS).map(limb).collect())
    }

    fn digits(&self) -> String {
        let Some((most, rest)) = self.limbs.split_last() else { return "0".to_owned() };
        rest.iter().rev().fold(most.to_string(), |digits, limb| digits + &format!("{limb:09}"))
    }

    /// The number as if it had one limb before the point.
    fn leading(&self) -> f64 {
        let scales = [1.0, 1e-9, 1e-18];
        self.limbs.iter().rev().zip(scales).map(|(limb, scale)| *limb as f64 * scale).sum()
    }

    fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Times ten to the `places`.
    fn shifted(&self, places: usize) -> Natural {
        if self.is_zero() {
            return self.clone();
        }
        let factor = 10u64.pow((places % LIMB_DIGITS) as u32);
        let mut limbs = vec![0; places / LIMB_DIGITS];
        limbs.extend(self.times_limb(factor).limbs);
        Natural { limbs }
    }

    fn times_limb(&self, factor: u64) -> Natural {
        let mut carry = 0;
        let mut limbs: Vec<u64> = Vec::with_capacity(self.limbs.len() + 1);
        for limb in &self.limbs {
            carry += limb * factor;
            limbs.push(carry % LIMB);
            carry /= LIMB;
        }
        limbs.push(carry);
        Natural::of_limbs(limbs)
    }

    fn plus(&self, other: &Natural) -> Natural {
        let mut carry = 0;
        let length = self.limbs.len().max(other.limbs.len());
        let limb = |limbs: &[u64], at: usize| limbs.get(at).copied().unwrap_or(0);
        let mut sum: Vec<u64> = Vec::with_capacity(length + 1);
        for at in 0..length {
            carry += limb(&self.limbs, at) + limb(&other.limbs, at);
            sum.push(carry % LIMB);
            carry /= LIMB;
        }
        sum.push(carry);
        Natural::of_limbs(sum)
    }

    /// Less `other`, which is not greater.
    fn minus(&self, other: &Natural) -> Natural {
        let mut borrowed = 0;
        let mut limbs = self.limbs.clone();
        for (at, limb) in limbs.iter_mut().enumerate() {
            let less = other.limbs.get(at).copied().unwrap_or(0) + borrowed;
            borrowed = u64::from(*limb < less);
            *limb = *limb + borrowed * LIMB - less;
        }
        Natural::of_limbs(limbs)
    }

    fn times(&self, other: &Natural) -> Natural {
        let mut product = vec![0u64; self.limbs.len() + other.limbs.len() + 1];
        for (i, a) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            for (j, b) in other.limbs.iter().enumerate() {
                carry += product[i + j] + a * b;
                product[i + j] = carry % LIMB;
                carry /= LIMB;
            }
            product[i + other.limbs.len()] += carry;
        }
        Natural::of_limbs(product)
    }

    /// Quotient and rest of a long division, limb by limb.
    fn divided(&self, divisor: &Natural) -> (Natural, Natural) {
        let mut quotient = vec![0; self.limbs.len()];
        let mut rest = Natural { limbs: Vec::new() };
        for (at, limb) in self.limbs.iter().enumerate().rev() {
            rest.limbs.insert(0, *limb);
            rest = Natural::of_limbs(rest.limbs);
            let guess = (rest.leading() / divisor.leading() * power(rest.limbs.len(), divisor.limbs.len())) as u64;
            let (mut low, mut high) = (guess.saturating_sub(2), (guess + 2).min(LIMB - 1));
            while low < high {
                let middle = (low + high).div_ceil(2);
                if divisor.times_limb(middle).cmp(&rest).is_le() { low = middle } else { high = middle - 1 }
            }
            quotient[at] = low;
            rest = rest.minus(&divisor.times_limb(low));
        }
        (Natural::of_limbs(quotient), rest)
    }
}

/// What one limb more or less counts for.
fn power(length: usize, other: usize) -> f64 {
    let limb = LIMB as f64;
    match length as i64 - other as i64 {
        0 => 1.0,
        1 => limb,
        -1 => 1.0 / limb,
        _ => 0.0,
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Natural) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Natural) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
