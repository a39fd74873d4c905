//! Cases with the answers of the peers' own libraries: `fixtures/oracle/`, or the folder that `TAGWRIGHT_ORACLE` names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use lzma_rust2::XzReader;
use serde_json::Value;

/// The JSON lines of a file, gunzipped. `None` when `TAGWRIGHT_ORACLE` names a folder that has no such file.
pub(crate) fn lines(name: &str) -> Option<Vec<Value>> {
    let mut text = String::new();
    GzDecoder::new(open(name)?).read_to_string(&mut text).expect("an oracle file is gzipped text");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect())
}

/// As [`lines`], of a file that xz packed.
pub(crate) fn xz_lines(name: &str) -> Option<Vec<Value>> {
    let mut text = String::new();
    XzReader::new(open(name)?, true).read_to_string(&mut text).expect("an oracle file is packed text");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect())
}

/// The JSON of a plain file. `None` as for [`lines`].
pub(crate) fn json(name: &str) -> Option<Value> {
    Some(serde_json::from_reader(open(name)?).expect("an oracle file is JSON"))
}

/// Prints the score and fails unless every case passed; shows the first few that did not.
#[allow(clippy::print_stdout, reason = "the score is for whoever runs the tests")]
pub(crate) fn report(name: &str, total: usize, failures: &[String]) {
    println!("{name}: {} of {total}", total - failures.len());
    assert!(total > 0, "{name} holds no cases");
    assert!(
        failures.is_empty(),
        "{name}: {} failed, such as\n{}",
        failures.len(),
        failures[..failures.len().min(10)].join("\n")
    );
}

#[allow(clippy::print_stdout, reason = "a file left out is said to be")]
fn open(name: &str) -> Option<File> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle");
    let other = std::env::var_os("TAGWRIGHT_ORACLE").map(PathBuf::from);
    let path = other.as_ref().unwrap_or(&own).join(name);
    match File::open(&path) {
        Ok(file) => Some(file),
        Err(_) if other.is_some() => {
            println!("{}: not there, skipped", path.display());
            None
        }
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
