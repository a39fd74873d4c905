//! Versions in templates, and the two dialects of ranges.

use tagwright::semver::{Dialect, Range, Version};
use tagwright::template::Value;

use crate::template::check;

/// Whether the version lies within the range: in 3.3, in 3.5.
fn check_range(range: &str, version: &str, want: (bool, bool)) {
    let contains = |dialect| {
        let range = Range::parse(range, dialect).expect("a range");
        range.contains(&Version::parse(version, false).expect("a version"))
    };
    assert_eq!((contains(Dialect::V3_3), contains(Dialect::V3_5)), want, "of {version} in {range}");
}

#[test]
fn dialects_differ_on_prereleases_alone() {
    check_range(">=1.0.0-0 <2.0.0", "1.5.0-rc.1", (false, true));
    check_range(">=1.0.0-0 <2.0.0-0", "1.5.0-rc.1", (true, true));
    check_range("!=1.5.0", "1.5.0-rc.1", (true, false));
    check_range("!=1.5", "1.5.0-rc.1", (false, false));
    check_range("!=1.5.0 >=1-0", "1.5.0-rc.1", (true, true));
    check_range("!=1.5.0, !=2.0.0", "1.5.0-rc.1", (true, false));
    check_range("^1 || >=2-0", "2.0.0-rc.1", (true, true));
    check_range("^1.2", "v1.02.03", (true, true));
    check_range("!=1.5.0", "1.6.0", (true, true));
}

#[test]
fn versions_are_objects() {
    let check = |template: &str, want: &str| check(template, &Value::Nil, want);
    check(
        "{{ with semver `v1.2-rc.1+b` }}{{ . }} {{ .Original }} {{ .Minor }} {{ .Prerelease }} {{ .Metadata }}{{ end }}",
        "1.2.0-rc.1+b v1.2-rc.1+b 2 rc.1 b",
    );
    check(
        "{{ (semver `1.2.3`).IncPatch }} {{ (semver `1.2.3-a`).IncPatch }} {{ (semver `1.2.3`).IncMajor }}",
        "1.2.4 1.2.3 2.0.0",
    );
    check("{{ (semver `1.10.0`).Compare (semver `1.9.0`) }} {{ (semver `1.0`).Equal (semver `v1`) }}", "1 true");
    check(
        "{{ typeOf (semver `1`) }} {{ kindOf (semver `1`) }} {{ eq (semver `1`).Major 1 }}",
        "*semver.Version ptr true",
    );
    check("{{ semverCompare `^1.2` `1.9.0` }} {{ semverCompare `^1.2` `2.0.0` }}", "true false");
    check(
        "{{ semverCompare `>` `1` }}",
        "template: t:1:3: executing \"t\" at <semverCompare `>` `1`>: error calling semverCompare: improper constraint: >",
    );
    check(
        "{{ semver `x` }}",
        "template: t:1:3: executing \"t\" at <semver `x`>: error calling semver: Invalid Semantic Version",
    );
}
