//! The setter room: a fixture directory per shape of input, and properties.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tagwright::image::ImageRef;
use tagwright::object::NamespacedName;
use tagwright::setter::edit::Edit;
use tagwright::setter::verify::{self, Mismatch};
use tagwright::setter::{Latest, Rewrite, current, current_beside, has_marker, is_manifest, rewrite};
use tagwright::yaml::outline::{self, DOCUMENT_BYTES_MAX, EVENTS_MAX, Fault, Kind, Outline};

/// Every directory of `fixtures/setter` holds `before.yaml`, `report.txt` and, where the text changes,
/// `after.yaml`. The latest images are those of `images.txt`, for the namespace `flux-system`.
#[test]
fn fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/setter");
    let latest = latest(&fs::read_to_string(root.join("images.txt")).expect("images.txt"));
    let entries = fs::read_dir(&root).expect("the fixtures");
    let mut rows: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).filter(|p| p.is_dir()).collect();
    rows.sort();
    assert!(rows.len() > 40, "only {} fixtures", rows.len());
    let wrong: Vec<String> = rows.iter().filter_map(|row| check(row, &latest).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(row: &Path, latest: &Latest) -> Result<(), String> {
    let read = |name: &str| fs::read(row.join(name)).ok();
    let before = read("before.yaml").ok_or_else(|| format!("{}: no before.yaml", row.display()))?;
    let after = read("after.yaml").unwrap_or_else(|| before.clone());
    let expected = read("report.txt").map(|text| String::from_utf8_lossy(&text).into_owned());
    let done = rewrite(&before, latest);
    let got = done.text.clone().map_or(before, String::into_bytes);
    let again = rewrite(&got, latest);
    match () {
        () if got != after => Err(format!("{}: got\n{}", row.display(), String::from_utf8_lossy(&got))),
        () if expected.as_ref() != Some(&report(&done)) => Err(format!("{}: got\n{}", row.display(), report(&done))),
        () if again.text.is_some() => Err(format!("{}: a second rewrite changes again", row.display())),
        () => Ok(()),
    }
}

/// One line for each change and each marker that was already right, two for each that was ignored.
fn report(done: &Rewrite) -> String {
    let mut report = String::new();
    let mut changes = done.changes.iter().peekable();
    for current in &done.current {
        if let Some(c) =
            changes.next_if(|c| (c.line, &c.setter, &c.old) == (current.line, &current.setter, &current.value))
        {
            let object = c.object.as_ref().map_or("-".to_owned(), |id| format!("{} {}", id.api_version, id.short()));
            let _ = writeln!(report, "{}:{} {object} {}: {:?} -> {}", c.line, c.column, c.setter, c.old, c.new);
        } else {
            let _ = writeln!(report, "{} right {}: {}", current.line, current.setter, current.value);
        }
    }
    assert!(changes.next().is_none(), "a change that is not among the current values");
    for ignored in &done.ignored {
        let _ = writeln!(report, "{} ignored {}\n    {}", ignored.line, ignored.marker, ignored.reason);
    }
    report
}

fn latest(lines: &str) -> Latest {
    let name = |text: &str| text.split_once(':').map(|(ns, name)| NamespacedName::new(ns, name)).expect("ns:name");
    let line = |line: &str| match (line.split_once('='), line.split_once('!')) {
        (Some((policy, image)), _) => (name(policy), Ok(image.parse().expect("an image"))),
        (_, Some((policy, reason))) => (name(policy), Err(reason.to_owned())),
        _ => panic!("{line}"),
    };
    let images = lines.lines().filter(|line| !line.starts_with('#')).map(line).collect();
    Latest { namespace: Some("flux-system".to_owned()), images }
}

#[test]
fn manifests_are_told_by_name() {
    let cases = [
        ("a.yaml", true),
        ("deep/.hidden/a.yml", true),
        (".yaml", true),
        ("Kustomization", true),
        ("a/Kustomization", true),
        ("a.YAML", false),
        ("kustomization", false),
        ("Kustomization.json", false),
        ("a.yaml.bak", false),
        ("a.yaml/b", false),
        ("yaml", false),
        ("", false),
    ];
    for (path, expected) in cases {
        assert_eq!(is_manifest(path), expected, "{path}");
    }
}

#[test]
fn markers_are_told_by_bytes() {
    let utf16: Vec<u8> =
        "\u{feff}a: b # {\"$imagepolicy\": \"a:b\"}".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let cases: [(&[u8], bool); 6] = [
        (b"a: b # {\"$imagepolicy\": \"a:b\"}", true),
        (b"a: b # {\"$ref\":\"#/definitions/io.k8s.cli.setters.a:b\"}", true),
        (&utf16, true),
        (b"a: b # $imagepolicy", false),
        (b"a: b # '$imagepolicy'", false),
        (b"", false),
    ];
    for (text, expected) in cases {
        assert_eq!(has_marker(text), expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn every_namespace_is_fine_without_one() {
    let text = b"a: x # {\"$imagepolicy\": \"team-b:app\"}\n";
    let mut latest = latest("team-b:app=ghcr.io/team-b/app:3.0.0");
    assert_eq!(rewrite(text, &latest).changes.len(), 0);
    latest.namespace = None;
    assert_eq!(rewrite(text, &latest).changes[0].new, "ghcr.io/team-b/app:3.0.0");
}

/// What the check after an edit must refuse: each row is a text, the bytes that were replaced, what stands there
/// now, and what the first marked scalar was meant to say.
#[test]
fn edits_that_reach_further_are_refused() {
    let cases = [
        ("a: x\nb: y\n", 3..4, "z", "z", true),
        ("a: x\nb: y\n", 3..4, "z", "zz", false),
        ("a: x\nb: y\n", 3..4, "'z'", "z", false),
        ("a: x # c\nb: y\n", 3..4, "z # c", "z", false),
        ("a: x # c\nb: y\n", 3..4, "z#", "z#", true),
        ("a: x\nb: y\n", 3..4, "z\nc: 1", "z", false),
        ("a: x\nb: y\n", 3..9, "z", "z", false),
        ("a: x\nb: y\n", 3..4, "&b z", "z", false),
        ("a: x\nb: y\n", 3..4, "!!str z", "z", false),
        ("a: x\nb: y\n", 3..4, "[z]", "z", false),
        ("a: x\nb: y\n", 3..4, "[z", "z", false),
        ("a: x\nb: y\n", 3..4, "z\n---", "z", false),
        ("a: x\nb: y\n", 3..4, "", "", false),
        ("a: x\nb: y\n", 3..9, "z\nb: yy", "z", false),
    ];
    for (before, range, text, value, is_fine) in cases {
        let outline = Outline::read(before).expect("it parses");
        let event = outline.events.iter().position(|event| event.start() == 3).expect("the scalar");
        let style = granit_parser::ScalarStyle::Plain;
        let after = format!("{}{text}{}", &before[..range.start], &before[range.end..]);
        let edit = Edit { event, range, text: text.to_owned(), style, value: value.to_owned() };
        let checked = verify::only_edited(&outline, &after, &[edit]);
        assert_eq!(checked.is_ok(), is_fine, "{after:?}: {checked:?}");
        assert!(matches!(checked, Ok(()) | Err(Mismatch::Elsewhere(_) | Mismatch::Unreadable(_))));
    }
}

/// One edit that fails its check takes back those of the whole text. Here it makes the document too large.
#[test]
fn a_failed_check_leaves_the_text_as_it_was() {
    let marker = " # {\"$imagepolicy\": \"flux-system:app:tag\"}\n";
    let (fine, right) = (format!("a: x{marker}"), format!("---\na: 2.0.0{marker}"));
    let start = format!("---\na: x{marker}# ");
    let large = format!("{start}{}\n", "y".repeat(DOCUMENT_BYTES_MAX - start.len() - 1));
    let done = rewrite([fine, right, large].concat().as_bytes(), &all_latest());
    assert_eq!((done.text, done.changes.len(), done.current.len(), done.ignored.len()), (None, 0, 1, 2));
    assert!(done.ignored.iter().all(|ignored| ignored.reason.contains("does not parse")), "{:?}", done.ignored);
}

/// Input made to hurt is refused with a reason, in bounded time and memory.
#[test]
fn hostile_input_is_refused_with_a_reason() {
    let marker = " # {\"$imagepolicy\": \"flux-system:app\"}\n";
    let deep = |text: &str| format!("a: x{marker}b: {}\n", text.repeat(1_000_000));
    let cases = [
        (deep("["), "recursion"),
        (deep("{a: "), "recursion"),
        (format!("- x{marker}{}", "- ".repeat(1_000_000)), "recursion"),
        (format!("a: x{marker}{}", "- \n ".repeat(100_000)), ""),
        (format!("a: x{marker}b: {}\n", "y".repeat(50_000_000)), "larger than"),
        (format!("a: x{marker}b: [{}]\n", "y,".repeat(EVENTS_MAX)), "more than"),
        (format!("a: x{marker}b: \"\0\"\n"), "NUL"),
        (format!("a: x{marker}b: \u{7}\n"), ""),
        (format!("a: {}{marker}", "&a ".repeat(1000)), ""),
    ];
    let latest = latest("flux-system:app=ghcr.io/acme/app:2.0.0");
    for (text, reason) in cases {
        let done = rewrite(text.as_bytes(), &latest);
        let start: String = text.chars().take(60).collect();
        assert_eq!((done.text, done.ignored.len()), (None, 1), "{start}");
        assert!(done.ignored[0].reason.contains(reason), "{start}: {}", done.ignored[0].reason);
    }
}

/// Aliases are counted as what they are, never expanded.
#[test]
fn alias_bombs_are_edited_like_all_else() {
    let mut text = "a0: &a0 x # {\"$imagepolicy\": \"flux-system:app\"}\n".to_owned();
    for level in 1..100 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        let _ = writeln!(text, "a{level}: &a{level} [{below}]");
    }
    let done = rewrite(text.as_bytes(), &latest("flux-system:app=ghcr.io/acme/app:2.0.0"));
    assert_eq!(done.text, Some(text.replacen(" x ", " ghcr.io/acme/app:2.0.0 ", 1)));
}

#[test]
fn many_markers_take_linear_time() {
    let line =
        "- {a: [[], []]} # {\"$imagepolicy\": \"flux-system:app\"}\n- [x] # {\"$imagepolicy\": \"flux-system:app\"}\n";
    let done = rewrite(line.repeat(50_000).as_bytes(), &latest("flux-system:app=ghcr.io/acme/app:2.0.0"));
    assert_eq!((done.changes.len(), done.ignored.len()), (50_000, 50_000));
    let broken = "--- ] # {\"$imagepolicy\": \"flux-system:app\"}\n".repeat(50_000);
    assert_eq!(rewrite(broken.as_bytes(), &latest("")).ignored.len(), 50_000);
    let text = format!("a: '{}'\n", "\"$imagepolicy\"".repeat(500_000));
    assert_eq!(rewrite(text.as_bytes(), &latest("")).ignored.len(), 1);
    let blank = format!(
        "a: |- # {{\"$imagepolicy\": \"flux-system:app\"}}\n{}  x\n{}",
        "\n".repeat(500_000),
        "  \n".repeat(500_000)
    );
    assert_eq!(rewrite(blank.as_bytes(), &all_latest()).changes.len(), 1);
}

/// A small manifest out of pieces that go together badly.
fn manifest() -> impl Strategy<Value = String> {
    let marker = prop::sample::select(vec![
        "",
        "",
        " # {\"$imagepolicy\": \"flux-system:app\"}",
        " # {\"$imagepolicy\": \"flux-system:like-float:tag\"}",
        "\t#{\"$imagepolicy\": \"flux-system:app:name\"}",
        " # {\"$imagepolicy\": \"flux-system:gone\"}",
        " # note",
    ]);
    let value = prop::sample::select(vec![
        "x",
        "1.0",
        "~",
        "",
        "'x'",
        "\"x\\\\\"",
        "&a x",
        "*a",
        "!!str 1",
        "!c x",
        "!!int 1",
        "[x, y]",
        "{k: x}",
        "[x,\n    y]",
        "x\n    y",
        "\"x\n\n    y\"",
        "{{ .x }}",
        "é",
    ]);
    let block = (prop::sample::select(vec!["|", "|-", "|+", ">", ">-", "|2", ">4-"]), marker.clone(), 0..3_usize);
    let block = block.prop_map(|(header, marker, blank)| {
        format!("{header}{marker}\n{}    x\n{}    y  \n", "\n".repeat(blank), "  \n".repeat(blank))
    });
    let lead = prop::sample::select(vec![
        "a: ", "- ", "  b:   ", "  - ", "? ", ": ", "---\n", "--- ", "...\n", "# c\n", "\n", "  - - ", "a:\n  - ",
    ]);
    let plain = (value, marker.clone()).prop_map(|(value, marker)| format!("{value}{marker}\n"));
    let own_line = (0..4_usize, marker).prop_map(|(indent, marker)| format!("{}{marker}\n", " ".repeat(indent)));
    let line = prop_oneof![4 => (lead.clone(), plain).prop_map(|(l, r)| l.to_owned() + &r), 1 => (lead, block).prop_map(|(l, r)| l.to_owned() + &r), 1 => own_line];
    let ending = prop::sample::select(vec!["\n", "\n", "\r\n", "\r"]);
    (prop::collection::vec(line, 1..8), ending).prop_map(|(lines, ending)| lines.concat().replace('\n', ending))
}

#[test]
fn another_version_is_told_where_plain_values_differ() {
    let marker = "# {\"$imagepolicy\": \"flux-system:app\"}";
    let known = format!("a: 1\nimage: nginx:1.0 {marker}\nquoted: \"nginx:2\" {marker}\n");
    let check = |from: &str, to: &str, is_told: bool| {
        let text = known.replacen(from, to, 1);
        let told = current_beside(text.as_bytes(), known.as_bytes(), &current(known.as_bytes()));
        assert_eq!(told, is_told.then(|| current(text.as_bytes())), "{from} -> {to}");
    };
    check("nginx:1.0", "nginx:1.0", true);
    check("nginx:1.0", "ghcr.io/acme/nginx:1.1@sha256:ab", true);
    check("nginx:2", "nginx", true);
    check("a: 1", "a: 2", false);
    check("nginx:1.0", "", false);
    check("nginx:1.0", "- nginx", false);
    check("nginx:1.0", "*nginx", false);
    check("nginx:1.0", "&nginx 1", false);
    check("nginx:1.0", "nginx:", false);
    check("nginx:1.0", "image: nginx", false);
    check("image: nginx:1.0", "other: nginx:1.0", false);
    check("\"nginx:2\"", "\"nginx\\x3a2\"", false);
    check("quoted", "more: 1\nquoted", false);
    check(":app", ":other", false);
}

fn all_latest() -> Latest {
    latest("flux-system:app=ghcr.io/acme/app:2.0.0\nflux-system:like-float=ghcr.io/acme/app:1.10")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_second_rewrite_changes_nothing(text in manifest()) {
        let latest = all_latest();
        if let Some(after) = rewrite(text.as_bytes(), &latest).text {
            let again = rewrite(after.as_bytes(), &latest);
            prop_assert_eq!(again.text, None, "{:?} became {:?}", text, after);
        }
    }

    #[test]
    fn an_edit_differs_in_its_targets_only(text in manifest()) {
        let done = rewrite(text.as_bytes(), &all_latest());
        if let (Some(after), Ok(_)) = (done.text, Outline::read(&text)) {
            let values = |text: &str| -> Vec<(Kind, String)> {
                let outline = Outline::read(text).expect("it parses");
                outline.events.iter().map(|event| (event.kind, event.value.trim_end().to_owned())).collect()
            };
            let (before, after) = (values(&text), values(&after));
            prop_assert_eq!(before.len(), after.len());
            let mut olds = BTreeMap::new();
            for (before, after) in before.iter().zip(&after).filter(|(before, after)| before.1 != after.1) {
                *olds.entry((before.1.clone(), after.1.clone())).or_insert(0) += 1;
            }
            let mut expected = BTreeMap::new();
            for change in done.changes.iter().filter(|change| change.old.trim_end() != change.new) {
                *expected.entry((change.old.trim_end().to_owned(), change.new.clone())).or_insert(0) += 1;
            }
            prop_assert_eq!(olds, expected);
        }
    }

    #[test]
    fn fields_told_from_another_version_are_those_that_are_read(text in manifest()) {
        if let Some(after) = rewrite(text.as_bytes(), &all_latest()).text {
            for (one, other) in [(&text, &after), (&after, &text)] {
                let known = current(one.as_bytes());
                if let Some(told) = current_beside(other.as_bytes(), one.as_bytes(), &known) {
                    prop_assert_eq!(told, current(other.as_bytes()), "{:?} beside {:?}", other, one);
                }
            }
        }
    }

    #[test]
    fn no_marker_is_dropped(text in manifest()) {
        let done = rewrite(text.as_bytes(), &all_latest());
        let written = text.matches("\"$imagepolicy\"").count();
        prop_assert_eq!(done.current.len() + done.ignored.len(), written, "{:?}: {:?}", text, done);
    }

    #[test]
    fn no_edit_is_refused_afterwards(text in manifest()) {
        for ignored in rewrite(text.as_bytes(), &all_latest()).ignored {
            prop_assert!(!ignored.reason.contains("edit"), "{:?}: {}", text, ignored.reason);
        }
    }

    #[test]
    fn events_are_in_the_order_of_the_text(text in manifest()) {
        if let Ok(outline) = Outline::read(&text) {
            prop_assert!(outline.events.is_sorted_by_key(|event| event.start()), "{:?}", text);
            prop_assert!(outline.comments.is_sorted_by_key(|comment| comment.start), "{:?}", text);
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..200_usize) {
        bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b" # {\"$imagepolicy\": \"flux-system:app\"}\n");
        let done = rewrite(&bytes, &all_latest());
        prop_assert!(!done.current.is_empty() || !done.ignored.is_empty());
    }

    #[test]
    fn random_yaml_never_panics(text in "([-?:,\\[\\]{}#&*!|>'\"%@`a \t\n~.<0]|: |- |# \\{\"\\$imagepolicy\": \"flux-system:app\"\\}\n){0,40}") {
        let done = rewrite(text.as_bytes(), &all_latest());
        let written = text.matches("\"$imagepolicy\"").count();
        prop_assert!(done.current.len() + done.ignored.len() >= usize::from(written > 0));
        for ignored in &done.ignored {
            prop_assert!(!ignored.reason.contains("edit"), "{:?}: {}", text, ignored.reason);
        }
        let _ = outline::read::<Fault>(&text, |_| Ok(()));
    }
}

#[test]
fn images_are_written_as_their_repository_is() {
    let image: ImageRef = "nginx:1.27".parse().expect("an image");
    let images = BTreeMap::from([(NamespacedName::new("flux-system", "app"), Ok(image))]);
    let text = "a: x # {\"$imagepolicy\": \"flux-system:app\"}\nb: x # {\"$imagepolicy\": \"flux-system:app:name\"}\n";
    let done = rewrite(text.as_bytes(), &Latest { namespace: None, images });
    let new: Vec<&str> = done.changes.iter().map(|change| change.new.as_str()).collect();
    assert_eq!(new, ["nginx:1.27", "nginx"]);
}
