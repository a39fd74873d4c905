//! ConfigMaps and Secrets made of literals, files and env files.
//!
//! Takes an entry of `configMapGenerator` or `secretGenerator` and a way to read files; gives the object, without the
//! hash behind its name. What it does to an object that is there already is not decided here.

use std::collections::BTreeMap;

use crate::kustomize::error::Error;
use crate::kustomize::kustomization::{ConfigMapArgs, GeneratorOptions, SecretArgs};
use crate::kustomize::resource::metadata::base64_lines;
use crate::kustomize::resource::written;
use crate::object::{Mapping, Node, Scalar, Style, Tag};
use crate::yaml::{Dialect, plain};

/// Reads a file that an entry names, by the path that it has there.
pub(super) type Read<'a> = dyn FnMut(&str) -> Result<Vec<u8>, Error> + 'a;

/// The longest line of an env file. kustomize stops reading at a longer one, without a word.
const ENV_LINE_BYTES_MAX: usize = (64 << 10) - 1;

type Pairs = BTreeMap<String, Vec<u8>>;

/// The ConfigMap of an entry; `options` are those of [`merged`].
pub(super) fn config_map(args: &ConfigMapArgs, options: &GeneratorOptions, read: &mut Read<'_>) -> Result<Node, Error> {
    let mut object = head("ConfigMap", args)?;
    let (mut texts, mut binaries) = (Mapping::default(), Mapping::default());
    for (key, value) in pairs(args, read)? {
        let (field, value) = match String::from_utf8(value) {
            Ok(text) => (&mut texts, text),
            Err(error) => (&mut binaries, base64_lines(error.as_bytes())),
        };
        field.entries_mut().push((plain(key, Dialect::Resource), text(value)));
    }
    for (field, values) in [("data", texts), ("binaryData", binaries)] {
        if !values.is_empty() {
            object.insert(field, values.into());
        }
    }
    Ok(finish(object, options))
}

/// The Secret of an entry.
pub(super) fn secret(args: &SecretArgs, options: &GeneratorOptions, read: &mut Read<'_>) -> Result<Node, Error> {
    let mut object = head("Secret", &args.args)?;
    let r#type = if args.r#type.is_empty() { "Opaque" } else { &args.r#type };
    object.insert("type", Node::string(r#type));
    let values = pairs(&args.args, read)?.into_iter();
    let values: Mapping =
        values.map(|(key, value)| (plain(key, Dialect::Resource), text(base64_lines(&value)))).collect();
    object.insert("data", values.into());
    Ok(finish(object, options))
}

/// The options of an entry over those of `generatorOptions`. What is switched on there cannot be switched off here.
pub(super) fn merged(own: Option<&GeneratorOptions>, shared: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut options = shared.cloned().unwrap_or_default();
    let Some(own) = own.cloned() else { return options };
    options.labels.extend(own.labels);
    options.annotations.extend(own.annotations);
    options.disable_name_suffix_hash |= own.disable_name_suffix_hash;
    options.immutable |= own.immutable;
    options
}

fn head(kind: &str, args: &ConfigMapArgs) -> Result<Mapping, Error> {
    if args.name.is_empty() {
        return Err(Error::new(format!("the {kind} has no name")).in_field("name"));
    }
    let mut metadata = Mapping::default();
    metadata.insert("name", written::string(&*args.name).into());
    if !args.namespace.is_empty() {
        metadata.insert("namespace", written::string(&*args.namespace).into());
    }
    let fields = [("apiVersion", Node::string("v1")), ("kind", Node::string(kind)), ("metadata", metadata.into())];
    Ok(fields.into_iter().map(|(field, value)| (field.into(), value)).collect())
}

fn finish(mut object: Mapping, options: &GeneratorOptions) -> Node {
    for (field, values) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        let metadata = object.get_mut("metadata").and_then(Node::as_mapping_mut);
        if let Some(metadata) = metadata.filter(|_| !values.is_empty()) {
            let values =
                values.iter().map(|(key, value)| (plain(&**key, Dialect::Resource), written::string(&**value).into()));
            metadata.insert(field, values.collect::<Mapping>().into());
        }
    }
    if options.immutable {
        object.insert("immutable", Scalar::new("true", Tag::Bool).into());
    }
    object.into()
}

fn text(value: String) -> Node {
    if value.contains('\n') {
        return Scalar { style: Style::Literal, ..Scalar::string(value) }.into();
    }
    written::string(value).into()
}

fn pairs(args: &ConfigMapArgs, read: &mut Read<'_>) -> Result<Pairs, Error> {
    let mut pairs = Pairs::new();
    each(&args.envs, "envs", |path| env_file(&mut pairs, &read(path)?))?;
    each(&args.literals, "literals", |source| literal(&mut pairs, source))?;
    each(&args.files, "files", |source| file(&mut pairs, source, read))?;
    Ok(pairs)
}

fn each(sources: &[String], field: &str, mut add: impl FnMut(&str) -> Result<(), Error>) -> Result<(), Error> {
    sources
        .iter()
        .enumerate()
        .try_for_each(|(index, source)| add(source).map_err(|error| error.in_field(&format!("{field}[{index}]"))))
}

fn add(pairs: &mut Pairs, key: &str, value: Vec<u8>) -> Result<(), Error> {
    match pairs.insert(key.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Error::new(format!("the key {key:?} is there already"))),
    }
}

/// `key=value`; one pair of quotes around the value goes.
fn literal(pairs: &mut Pairs, source: &str) -> Result<(), Error> {
    match source.split_once('=').filter(|(key, _)| !key.is_empty()) {
        Some((key, value)) => add(pairs, key, without_quotes(value).as_bytes().to_vec()),
        None => Err(Error::new(format!("{source:?} is not of the form key=value"))),
    }
}

fn without_quotes(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// `key=path`, or a path whose last part is the key.
fn file(pairs: &mut Pairs, source: &str, read: &mut Read<'_>) -> Result<(), Error> {
    let (key, path) = match source.split_once('=') {
        None => (last_part(source), source),
        Some(("", _)) => return Err(Error::new(format!("{source:?} has no key before its equals sign"))),
        Some((_, "")) => return Err(Error::new(format!("{source:?} has no path behind its equals sign"))),
        Some((_, path)) if path.contains('=') => {
            return Err(Error::new(format!("{source:?} has more than one equals sign")));
        }
        Some(parts) => parts,
    };
    add(pairs, key, read(path)?)
}

fn last_part(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

/// Lines `KEY=value`; the value goes to the end of its line, and a key without one has an empty one. Empty lines and
/// comments are passed over, and so are those without a key.
fn env_file(pairs: &mut Pairs, content: &[u8]) -> Result<(), Error> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
        let in_line = |message: &str| Error::new(format!("line {}: {message}", index + 1));
        if line.len() > ENV_LINE_BYTES_MAX {
            return Err(in_line(&format!("longer than {ENV_LINE_BYTES_MAX} bytes")));
        }
        let line = std::str::from_utf8(line).map_err(|error| in_line("not UTF-8").caused_by(error))?;
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !line.starts_with('#') && !key.is_empty() {
            add(pairs, key, value.as_bytes().to_vec())?;
        }
    }
    Ok(())
}
