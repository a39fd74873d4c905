//! Signature Version 4: a request and keys in, the `Authorization` header out.
//!
//! After <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::fmt::Write as _;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::keys::AwsKeys;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// A request as it is signed.
#[derive(Clone, Debug)]
pub struct Signable<'a> {
    pub method: &'a str,
    /// Decoded, from the slash on.
    pub path: &'a str,
    /// Decoded names and values.
    pub query: &'a [(&'a str, &'a str)],
    /// All that are signed: `host` and `x-amz-date` among them, names in small letters.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    pub region: &'a str,
    pub service: &'a str,
}

/// The value of the header `Authorization`. `at` is the time that `x-amz-date` says.
pub fn aws_authorization(request: &Signable<'_>, keys: &AwsKeys, at: Timestamp) -> String {
    let (canonical, signed) = canonical(request);
    let signature = signature(&canonical, keys, (request.region, request.service), at, &long_date(at));
    let (id, scope) = (&keys.id, scope(request.region, request.service, at));
    format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}")
}

/// Signs a canonical request under the time that is written so in it.
pub(super) fn signature(
    canonical: &str,
    keys: &AwsKeys,
    (region, service): (&str, &str),
    at: Timestamp,
    written: &str,
) -> String {
    let text = format!("{ALGORITHM}\n{written}\n{}\n{}", scope(region, service, at), hex(&Sha256::digest(canonical)));
    let secret = [b"AWS4", keys.secret.expose()].concat();
    let parts = [short_date(at), region.to_owned(), service.to_owned(), "aws4_request".to_owned(), text];
    hex(&parts.iter().fold(secret, |key, part| hmac(&key, part.as_bytes())))
}

pub(super) fn long_date(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn short_date(at: Timestamp) -> String {
    at.strftime("%Y%m%d").to_string()
}

fn scope(region: &str, service: &str, at: Timestamp) -> String {
    format!("{}/{region}/{service}/aws4_request", short_date(at))
}

/// The request in the form that both sides hash, and the names of its headers.
fn canonical(request: &Signable<'_>) -> (String, String) {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut query: Vec<_> = request.query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    // By names first: joined, `Param=` would come after `Param-3=`.
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut headers: Vec<(&str, String)> = request.headers.iter().map(|(name, value)| (*name, single(value))).collect();
    headers.sort();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let (path, query) = (utf8_percent_encode(request.path, ENCODED_IN_PATH), query.join("&"));
    let body = hex(&Sha256::digest(request.body));
    (format!("{}\n{path}\n{query}\n{lines}\n{names}\n{body}", request.method), names)
}

/// Runs of spaces count as one.
fn single(value: &str) -> String {
    value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
