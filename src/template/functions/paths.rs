//! Sprig's functions on paths with slashes. Those for the paths of the system are the same, as on Linux.

use super::super::value::{Type, Value};
use super::Function;

const STRING: Type = Type::String;

pub(super) static TABLE: &[Function] = &[
    Function::new("base", &[STRING], |args| Ok(base(args.text(0).as_bytes()).into())),
    Function::new("clean", &[STRING], |args| Ok(clean(args.text(0).as_bytes()).into())),
    Function::new("dir", &[STRING], |args| Ok(folder(args.text(0).as_bytes()))),
    Function::new("ext", &[STRING], |args| Ok(extension(args.text(0).as_bytes()).into())),
    Function::new("isAbs", &[STRING], |args| Ok(args.text(0).as_bytes().starts_with(b"/").into())),
    Function::new("osBase", &[STRING], |args| Ok(base(args.text(0).as_bytes()).into())),
    Function::new("osClean", &[STRING], |args| Ok(clean(args.text(0).as_bytes()).into())),
    Function::new("osDir", &[STRING], |args| Ok(folder(args.text(0).as_bytes()))),
    Function::new("osExt", &[STRING], |args| Ok(extension(args.text(0).as_bytes()).into())),
    Function::new("osIsAbs", &[STRING], |args| Ok(args.text(0).as_bytes().starts_with(b"/").into())),
];

/// What comes after the last slash; slashes at the end do not count.
fn base(path: &[u8]) -> &[u8] {
    let Some(last) = path.iter().rposition(|&byte| byte != b'/') else {
        return if path.is_empty() { b"." } else { b"/" };
    };
    let trimmed = &path[..=last];
    &trimmed[after_slash(trimmed)..]
}

fn folder(path: &[u8]) -> Value {
    clean(&path[..after_slash(path)]).into()
}

/// From the last dot of the last element on.
fn extension(path: &[u8]) -> &[u8] {
    let name = &path[after_slash(path)..];
    name.iter().rposition(|&byte| byte == b'.').map_or(b"", |dot| &name[dot..])
}

/// The position behind the last slash.
fn after_slash(path: &[u8]) -> usize {
    path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)
}

/// The shortest path to the same place: without empty elements, `.`, and `..` behind another element.
fn clean(path: &[u8]) -> Vec<u8> {
    let is_rooted = path.starts_with(b"/");
    let mut elements: Vec<&[u8]> = Vec::new();
    for element in path.split(|&byte| byte == b'/') {
        match (element, elements.last()) {
            (b"" | b".", _) => {}
            (b"..", None) if is_rooted => {}
            (b"..", Some(last)) if *last != b".." => drop(elements.pop()),
            _ => elements.push(element),
        }
    }
    match elements.join(&b'/') {
        cleaned if is_rooted => [b"/", &*cleaned].concat(),
        cleaned if cleaned.is_empty() => b".".to_vec(),
        cleaned => cleaned,
    }
}
