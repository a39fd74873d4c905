//! Values that kustomize leaves to Go to read.
//!
//! Takes a text; gives the value, or nothing where Go refuses it.

/// What `strconv.ParseBool` takes.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The seconds of what `time.ParseDuration` takes (`1m30s`), but for signs.
pub(super) fn duration(mut text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    while !text.is_empty() {
        let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let end =
            text[unit..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(text.len(), |length| unit + length);
        let factor = match &text[unit..end] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += text[..unit].parse::<f64>().ok()? * factor;
        text = &text[end..];
    }
    Some(seconds)
}
