//! Sprig's checksums, and what it derives and deciphers with a password.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::super::limits::STEPS_MAX;
use super::super::value::{Type, Value};
use super::encodings::base64_decoded;
use super::{Args, Failure, Function};

const STRING: Type = Type::String;

pub(super) static TABLE: &[Function] = &[
    Function::new("adler32sum", &[STRING], |args| Ok(adler32(args.text(0).as_bytes()).to_string().into())),
    Function::new("decryptAES", &[STRING, STRING], decrypt),
    Function::new("derivePassword", &[Type::Uint32, STRING, STRING, STRING, STRING], derive_password),
    Function::new("sha1sum", &[STRING], |args| Ok(hexadecimal(&sha1::Sha1::digest(args.text(0).as_bytes())))),
    Function::new("sha256sum", &[STRING], |args| Ok(hexadecimal(&Sha256::digest(args.text(0).as_bytes())))),
    Function::new("sha512sum", &[STRING], |args| Ok(hexadecimal(&Sha512::digest(args.text(0).as_bytes())))),
];

fn hexadecimal(digest: &[u8]) -> Value {
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<Vec<u8>>().into()
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65521;
        (low, (high + low) % 65521)
    });
    high << 16 | low
}

const BLOCK_BYTES: usize = 16;

/// AES-256 in cipher block chaining, as `encryptAES` of sprig writes it: the first block is random, the last byte says
/// how many to drop. The key is the password itself, cut or filled up with zeros.
fn decrypt(args: Args<'_>) -> Result<Value, Failure> {
    let (password, text) = (args.text(0).as_bytes(), args.text(1).as_bytes());
    if text.is_empty() {
        return Ok("".into());
    }
    let blocks = base64_decoded(text).map_err(|at| Failure::new(format!("illegal base64 data at input byte {at}")))?;
    check_blocks(blocks.len(), text.len() / 4 * 3).map_err(Failure::new)?;
    let mut key = [0; 32];
    let length = password.len().min(key.len());
    key[..length].copy_from_slice(&password[..length]);
    let cipher = Aes256::new(&Array::from(key));
    let mut plain = Vec::with_capacity(blocks.len());
    for (before, block) in blocks.chunks(BLOCK_BYTES).zip(blocks.chunks(BLOCK_BYTES).skip(1)) {
        let mut open = Array::default();
        open.copy_from_slice(block);
        cipher.decrypt_block(&mut open);
        plain.extend(open.iter().zip(before).map(|(open, before)| open ^ before));
    }
    let dropped = plain.last().copied().map_or(0, usize::from);
    match plain.len().checked_sub(dropped) {
        Some(length) => Ok(plain[..length].into()),
        None => Err(Failure::new(format!("runtime error: slice bounds out of range [:-{}]", dropped - plain.len()))),
    }
}

/// Whether there is a block after the first, in the words of Go, which finds out by falling over it; `capacity` is the
/// room that Go made for the bytes.
fn check_blocks(length: usize, capacity: usize) -> Result<(), String> {
    match length {
        _ if capacity < BLOCK_BYTES => {
            Err(format!("runtime error: slice bounds out of range [:{BLOCK_BYTES}] with capacity {capacity}"))
        }
        0..BLOCK_BYTES => Err(format!("runtime error: slice bounds out of range [{BLOCK_BYTES}:{length}]")),
        BLOCK_BYTES => Err("runtime error: index out of range [-1]".to_owned()),
        _ if !length.is_multiple_of(BLOCK_BYTES) => Err("crypto/cipher: input not full blocks".to_owned()),
        _ => Ok(()),
    }
}

/// The most that deriving a password may be done in one run: it is slow by design, and takes 32 MiB.
const DERIVE_STEPS: usize = STEPS_MAX / 2 + 1;
const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The password of a site by the Master Password algorithm: the same from the same input, anywhere.
fn derive_password(args: Args<'_>) -> Result<Value, Failure> {
    let [kind, password, user, site] = [1, 2, 3, 4].map(|index| args.text(index));
    let Some(shapes) = shapes(kind.as_bytes()) else {
        return Ok([b"cannot find password template ", kind.as_bytes()].concat().into());
    };
    args.spend(DERIVE_STEPS)?;
    let failure = |cause: &dyn std::fmt::Display| Failure::new(format!("deriving a password: {cause}"));
    let sized = |text: &[u8]| [&(text.len() as u32).to_be_bytes(), text].concat();
    let salt = [SEED, &sized(user.as_bytes())].concat();
    let mut key = [0; 64];
    let cost = scrypt::Params::new(15, 8, 2).map_err(|error| failure(&error))?;
    scrypt::scrypt(password.as_bytes(), &salt, &cost, &mut key).map_err(|error| failure(&error))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failure(&error))?;
    mac.update(&[SEED, &sized(site.as_bytes()), &args.uint32(0).to_be_bytes()].concat());
    let seed = mac.finalize().into_bytes();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let character = |(letter, seed): (u8, &u8)| {
        let letters = letters(letter);
        letters[usize::from(*seed) % letters.len()]
    };
    Ok(shape.bytes().zip(&seed[1..]).map(character).collect::<Vec<u8>>().into())
}

/// The shapes that a kind of password may have; a letter of a shape stands for those that [`letters`] gives.
fn shapes(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

fn letters(letter: u8) -> &'static [u8] {
    match letter {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}
