//! What a plain scalar means, in the dialects of those who read manifests.
//!
//! Takes the text of a scalar; says whether every reader takes it for a string, and whether it can be
//! written plain at all. Readers are: YAML 1.1 (its types at yaml.org/type, as PyYAML, Ruby and kubectl's
//! `sigs.k8s.io/yaml` read it), YAML 1.2 (core schema, YAML 1.2.2 §10.3.2) and Go's `yaml.v3`, which mixes the two.

use std::sync::LazyLock;

use regex::Regex;

/// Whether `plain`, written as a plain scalar without a tag, is a string to every reader.
pub fn reads_as_string(plain: &str) -> bool {
    !NOT_A_STRING.is_match(plain)
}

/// Whether `text` can be written as a plain scalar on one line and reads back as the same characters
/// (YAML 1.2.2 §7.3.3); `in_flow`: inside a flow collection.
pub fn fits_plain(text: &str, in_flow: bool) -> bool {
    let is_edged = text.starts_with(' ') || text.ends_with(' ') || text.ends_with(':');
    let is_split = text.contains(": ") || text.contains(" #");
    let is_document = ["---", "..."].iter().any(|marker| text.strip_prefix(marker).is_some_and(starts_blank));
    begins_plain(text) && !is_edged && !is_split && !is_document && text.chars().all(|c| is_plain(c, in_flow))
}

static NOT_A_STRING: LazyLock<Regex> = LazyLock::new(|| Regex::new(NOT_A_STRING_PATTERN).expect("a constant"));

// Go takes underscores out of a number wherever they are; so do some readers of YAML 1.1. Dotted numbers such
// as 1.2.3 are strings to all, though the letter of YAML 1.1's pattern for floats would let them pass.
const NOT_A_STRING_PATTERN: &str = r"(?x-u) ^ (?:
      | ~ | null | Null | NULL                                                  # null; first of all the empty text
      | y | Y | yes | Yes | YES | n | N | no | No | NO                          # booleans of YAML 1.1
      | true | True | TRUE | false | False | FALSE
      | on | On | ON | off | Off | OFF
      | << | =                                                                  # merge key and default value of 1.1
      | [-+]? [0-9] [0-9_]*                                                     # integers: decimal, and 0644 in octal
      | [-+]? 0[bB] [01_]+ | [-+]? 0[oO] [0-7_]+ | [-+]? 0[xX] [0-9a-fA-F_]+    # binary, octal, hexadecimal
      | [-+]? [0-9] [0-9_]* (?: : [0-5]? [0-9] )+ (?: \. [0-9_]* )?             # base 60: 190:20:30
      | [-+]? (?: [0-9] [0-9_]* (?: \. [0-9_]* )? | \. [0-9] [0-9_]* )          # floats
        (?: [eE] [-+]? [0-9_]+ )?
      | [-+]? \. (?: inf | Inf | INF ) | \. (?: nan | NaN | NAN )
      | [0-9]{4} - [0-9]{1,2} - [0-9]{1,2}                                      # dates and timestamps
        (?: (?: [Tt] | [\ \t]+ ) [0-9]{1,2} : [0-9]{1,2} : [0-9]{1,2} (?: \. [0-9]* )?
            (?: [\ \t]* (?: Z | [-+] [0-9]{1,2} (?: : [0-9]{2} )? ) )? )?
    ) $ ";

fn begins_plain(text: &str) -> bool {
    let mut chars = text.chars();
    match chars.next() {
        None => false,
        // These three may begin a plain scalar when something other than a blank or a flow indicator follows.
        Some('-' | '?' | ':') => chars.next().is_some_and(|c| !" ,[]{}".contains(c)),
        Some(first) => !",[]{}#&*!|>'\"%@`".contains(first),
    }
}

fn is_plain(c: char, in_flow: bool) -> bool {
    let is_printable = matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    is_printable && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') && !(in_flow && ",[]{}".contains(c))
}

fn starts_blank(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}
