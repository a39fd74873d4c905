//! Sprig's Base64 and Base32. What cannot be decoded gives the text of Go's error as its value, as sprig has it.

use super::super::value::{Type, Value};
use super::{Failure, Function, check_bytes};

const STRING: Type = Type::String;

pub(super) static TABLE: &[Function] = &[
    Function::new("b32dec", &[STRING], |args| Ok(or_message(base32_decoded(args.text(0).as_bytes()), "base32"))),
    Function::new("b32enc", &[STRING], |args| encoded(args.text(0).as_bytes(), &BASE32)),
    Function::new("b64dec", &[STRING], |args| Ok(or_message(base64_decoded(args.text(0).as_bytes()), "base64"))),
    Function::new("b64enc", &[STRING], |args| encoded(args.text(0).as_bytes(), &BASE64)),
];

/// Digits that stand for some bits each and come in groups.
struct Encoding {
    digits: &'static [u8],
    bits: usize,
    group: usize,
}

const BASE32: Encoding = Encoding { digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8 };
const BASE64: Encoding =
    Encoding { digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bits: 6, group: 4 };

impl Encoding {
    fn value(&self, digit: u8) -> Option<u8> {
        self.digits.iter().position(|&known| known == digit).and_then(|value| u8::try_from(value).ok())
    }

    /// Appends the whole bytes that the digits of a group make.
    fn unpack(&self, values: &[u8], out: &mut Vec<u8>) {
        let packed = values.iter().fold(0, |packed, &value| packed << self.bits | u64::from(value));
        let (bits, bytes) = (values.len() * self.bits, values.len() * self.bits / 8);
        out.extend_from_slice(&(packed << (64 - bits)).to_be_bytes()[..bytes]);
    }
}

/// The digits of the bytes, the last group filled up with `=`.
fn encoded(bytes: &[u8], encoding: &Encoding) -> Result<Value, Failure> {
    let group_bytes = encoding.group * encoding.bits / 8;
    check_bytes(bytes.len().div_ceil(group_bytes) * encoding.group)?;
    let mut out = Vec::new();
    for chunk in bytes.chunks(group_bytes) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        let digits = (chunk.len() * 8).div_ceil(encoding.bits);
        for at in 0..encoding.group {
            let value = (u64::from_be_bytes(eight) << (at * encoding.bits)) >> (64 - encoding.bits);
            out.push(if at < digits { encoding.digits[value as usize] } else { b'=' });
        }
    }
    Ok(out.into())
}

/// What was decoded, or where it could not be, in Go's words.
fn or_message(decoded: Result<Vec<u8>, usize>, name: &str) -> Value {
    match decoded {
        Ok(bytes) => bytes.into(),
        Err(at) => format!("illegal {name} data at input byte {at}").into(),
    }
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Decodes as Go does: newlines may stand anywhere. An error is the byte that Go blames.
pub(super) fn base64_decoded(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut values = Vec::with_capacity(4);
    for (at, &byte) in text.iter().enumerate().filter(|&(_, &byte)| !is_newline(byte)) {
        match BASE64.value(byte) {
            Some(value) => values.push(value),
            None if byte == b'=' && values.len() >= 2 => {
                base64_padding(text, at + 1, values.len())?;
                BASE64.unpack(&values, &mut out);
                return Ok(out);
            }
            None => return Err(at),
        }
        if values.len() == 4 {
            BASE64.unpack(&values, &mut out);
            values.clear();
        }
    }
    if values.is_empty() { Ok(out) } else { Err(text.len() - values.len()) }
}

/// Checks what comes after the first `=`, which followed `digits` digits.
fn base64_padding(text: &[u8], at: usize, digits: usize) -> Result<(), usize> {
    let after = |at: usize| (at..text.len()).find(|&at| !is_newline(text[at]));
    let end = match (digits, after(at)) {
        (3, next) => next,
        (_, None) => return Err(text.len()),
        (_, Some(next)) if text[next] == b'=' => after(next + 1),
        (_, Some(next)) => return Err(next - 1),
    };
    end.map_or(Ok(()), Err)
}

/// As [`base64_decoded`]; positions do not count newlines.
fn base32_decoded(text: &[u8]) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|&byte| !is_newline(byte)).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5 + 5);
    let mut values = Vec::with_capacity(8);
    for (at, &byte) in text.iter().enumerate() {
        let left = &text[at + 1..];
        if byte == b'=' && values.len() >= 2 && left.len() < 8 {
            base32_padding(left, text.len(), values.len())?;
            BASE32.unpack(&values, &mut out);
            return Ok(out);
        }
        values.push(BASE32.value(byte).ok_or(at)?);
        if values.len() == 8 {
            BASE32.unpack(&values, &mut out);
            values.clear();
        }
    }
    if values.is_empty() { Ok(out) } else { Err(text.len() - values.len()) }
}

/// Checks what comes after the first `=`, which followed `digits` digits; `length` is that of the whole.
fn base32_padding(left: &[u8], length: usize, digits: usize) -> Result<(), usize> {
    if left.len() + digits < 7 {
        return Err(length);
    }
    let first = length - left.len() - 1;
    match left.iter().take(7 - digits).position(|&byte| byte != b'=') {
        Some(at) => Err(first + at),
        // These leave no whole byte behind.
        None if matches!(digits, 3 | 6) => Err(first),
        None => Ok(()),
    }
}
