//! Sprig's `urlParse` and `urlJoin`: a URL as a dictionary of its parts.

use super::super::map::Map;
use super::super::print;
use super::super::value::{Type, Value};
use super::{Args, Failure, Function, NIL_DEREFERENCE, check_bytes, kind_name};
use url::{Url, hostname};

mod url;

const DICT: Type = Type::Map(&Type::String, &Type::Any);

pub(super) static TABLE: &[Function] = &[
    Function::new("urlJoin", &[DICT], join),
    Function::new("urlParse", &[Type::String], |args| parse(args.text(0).as_bytes())),
];

fn parse(text: &[u8]) -> Result<Value, Failure> {
    let url = Url::parse(text).map_err(|error| Failure::new(format!("unable to parse url: {error}")))?;
    check_bytes(2 * text.len())?;
    let userinfo = url.user.as_ref().map(url::User::written).unwrap_or_default();
    Ok(Value::dict([
        ("fragment", url.fragment.into()),
        ("hostname", hostname(&url.host).into()),
        ("host", url.host.into()),
        ("opaque", url.opaque.into()),
        ("path", url.path.into()),
        ("query", url.query.into()),
        ("scheme", url.scheme.into()),
        ("userinfo", userinfo.into()),
    ]))
}

fn join(args: Args<'_>) -> Result<Value, Failure> {
    let dict = args.map(0);
    let mut url = Url {
        scheme: part(dict, "scheme")?,
        host: part(dict, "host")?,
        path: part(dict, "path")?,
        query: part(dict, "query")?,
        opaque: part(dict, "opaque")?,
        fragment: part(dict, "fragment")?,
        user: None,
    };
    let userinfo = part(dict, "userinfo")?;
    if !userinfo.is_empty() {
        let around = [b"proto://", &*userinfo, b"@host"].concat();
        let parsed = Url::parse(&around);
        url.user = parsed.map_err(|error| Failure::new(format!("unable to parse userinfo in dict: {error}")))?.user;
    }
    let written = url.written();
    check_bytes(written.len())?;
    Ok(written.into())
}

/// The string under that key; empty when there is none.
fn part(dict: &Map, key: &str) -> Result<Vec<u8>, Failure> {
    match dict.get(&key.into()) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.as_bytes().to_vec()),
        Some(Value::Nil) => Err(Failure::new(NIL_DEREFERENCE)),
        Some(other) => {
            let kind = kind_name(&other);
            Err(Failure::new(format!("unable to parse {key} key, must be of type string, but {kind} found")))
        }
    }
}

/// What is wrong with a URL, in Go's words.
fn wrong(url: &[u8], what: &str) -> Failure {
    Failure::new(format!("parse {}: {what}", print::quote(url)))
}
