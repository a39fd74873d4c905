//! Generated ConfigMaps and Secrets and the hashes behind their names, as kustomize v5.8.2 answers.

use std::collections::BTreeMap;

use tagwright::kustomize::Error;
use tagwright::kustomize::generate::{config_map, merged, secret};
use tagwright::kustomize::hash::suffix;
use tagwright::kustomize::kustomization::{ConfigMapArgs, GeneratorOptions, SecretArgs};
use tagwright::object::{Node, Scalar};
use tagwright::yaml::{Dialect, emit, plain};

/// Files by path. What `read` is asked for and not given is missing.
type Files<'a> = &'a [(&'a str, &'a [u8])];

/// The ConfigMap `a` of `literals`, `envs` and `files`.
fn generate(sources: [&[&str]; 3], files: Files<'_>) -> Result<Node, Error> {
    let args = ConfigMapArgs { name: "a".to_owned(), ..args(sources) };
    config_map(&args, &GeneratorOptions::default(), &mut |path| read(files, path))
}

fn args([literals, envs, files]: [&[&str]; 3]) -> ConfigMapArgs {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    ConfigMapArgs { literals: owned(literals), envs: owned(envs), files: owned(files), ..ConfigMapArgs::default() }
}

fn read(files: Files<'_>, path: &str) -> Result<Vec<u8>, Error> {
    let file = files.iter().find(|(known, _)| *known == path);
    Ok(file.unwrap_or_else(|| panic!("{path} was asked for")).1.to_vec())
}

/// Checks the lines between the head and `kind`, and the hash.
#[track_caller]
fn check(object: Result<Node, Error>, lines: &str, hash: &str) {
    let object = object.expect("a ConfigMap");
    let head = "apiVersion: v1\n";
    let written = format!("{head}{lines}kind: ConfigMap\nmetadata:\n  name: a\n");
    assert_eq!(emit(&object), Ok(written));
    assert_eq!(suffix(&object).expect("strings"), hash);
}

#[track_caller]
fn check_refusal(object: Result<Node, Error>, expected: &str) {
    assert_eq!(object.map_err(|error| error.to_string()), Err(expected.to_owned()));
}

#[test]
fn literals_lose_a_pair_of_quotes() {
    let cases = [
        ("a=", "a: \"\"", "ddd6gb82mt"),
        ("a==", "a: =", "fkh8t8dd98"),
        ("a=\"q\"", "a: q", "fd94btkm75"),
        ("a='q'", "a: q", "fd94btkm75"),
        ("a=\"q", "a: '\"q'", "k9h4k7k6c8"),
        ("a=\"", "a: '\"'", "44bf25cbg5"),
        ("a=\"\"", "a: \"\"", "ddd6gb82mt"),
        ("a='\"q\"'", "a: '\"q\"'", "8694gc78tc"),
        ("a= \"q\" ", "a: ' \"q\" '", "8hfctgg2hf"),
        (" a=b", "' a': b", "fh6bmkfg42"),
        ("a/b c=d", "a/b c: d", "bd768ktgm2"),
        ("a=b\nc", "a: |-\n    b\n    c", "9ffct65tc7"),
        ("é=b", "é: b", "md4hkkk894"),
        ("a=<b>&", "a: <b>&", "988gf96f87"),
    ];
    for (literal, line, hash) in cases {
        check(generate([&[literal], &[], &[]], &[]), &format!("data:\n  {line}\n"), hash);
    }
    for literal in ["=x", "x", ""] {
        let refusal = format!("literals[1]: {literal:?} is not of the form key=value");
        check_refusal(generate([&["a=b", literal], &[], &[]], &[]), &refusal);
    }
}

#[test]
fn env_files_are_read_by_lines() {
    let cases: [(&[u8], &str, &str); 8] = [
        (b"\xef\xbb\xbfA=1\r\n\xef\xbb\xbfB=2\n", "\"\\uFEFF\\x42\": \"2\"\n  A: \"1\"", "99m2879mb7"),
        (b"A=1\r\n# c\r\n  B = 2\n", "A: \"1\"\n  'B ': ' 2'", "cf4gm442h5"),
        (b"\tA=\xc2\xa0\"q\" \r\r\nB\n=x\n", "A: \"\u{a0}\\\"q\\\" \\r\"\n  B: \"\"", "969dt8m464"),
        (b"export A=1\n", "export A: \"1\"", "mthd6fgg6k"),
        (b"B\n\xc2\xa0C==x=\n\xe2\x80\xa8D=1\n-x.y=1\n", "-x.y: \"1\"\n  B: \"\"\n  C: =x=\n  D: \"1\"", "d2d6kbcg5c"),
        (b"1A=x\n", "1A: x", "9mk6hgtfh6"),
        (b"..a=x", "..a: x", "f7bh66g2t4"),
        (b".=x\n\n", ".: x", "49fht9f8m7"),
    ];
    for (content, lines, hash) in cases {
        // A no-break space inside double quotes is written as it is.
        check(generate([&[], &["e"], &[]], &[("e", content)]), &format!("data:\n  {lines}\n"), hash);
    }
    let bad = generate([&[], &["e", "f"], &[]], &[("e", b""), ("f", b"A=1\nB=\xff\n")]);
    check_refusal(bad, "envs[1]: line 2: not UTF-8");
    let line = |bytes: usize| format!("B={}", "x".repeat(bytes - 2));
    assert!(generate([&[], &["e"], &[]], &[("e", line(65_535).as_bytes())]).is_ok());
    let long = generate([&[], &["e"], &[]], &[("e", line(65_536).as_bytes())]);
    check_refusal(long, "envs[0]: line 1: longer than 65535 bytes");
}

#[test]
fn files_are_texts_or_binary() {
    let files: Files<'_> =
        &[("empty", b""), ("bin", b"a\xffb"), ("tab2", b"x\n\ty\n"), ("crlf", b"a\r\nb\r\n"), ("dir/a", b"hi\n")];
    let lines = "binaryData:\n  bin: Yf9i\ndata:\n  a: |\n    hi\n  crlf: \"a\\r\\nb\\r\\n\"\n  empty: \"\"\n  k: |\n    hi\n  \
                 tab2: \"x\\n\\ty\\n\"\n";
    let object = generate([&[], &[], &["empty", "bin", "tab2", "crlf", "k=dir/a", "dir/a"]], files);
    assert_eq!(
        emit(&object.expect("files")).expect("texts").split("kind").next(),
        Some(&*format!("apiVersion: v1\n{lines}"))
    );
    let binary = |path| [(path, b"a\xffb" as &[u8])];
    check(generate([&[], &[], &["a/b=bin"]], &binary("bin")), "binaryData:\n  a/b: Yf9i\n", "d5ckm5h67h");
    check(generate([&[], &[], &["..=bin"]], &binary("bin")), "binaryData:\n  ..: Yf9i\n", "2d4bb482h6");
    check(generate([&[], &[], &["../g/bin"]], &binary("../g/bin")), "binaryData:\n  bin: Yf9i\n", "5g7fkmmbk4");
    for (source, refusal) in [
        ("=x", "\"=x\" has no key before its equals sign"),
        ("=", "\"=\" has no key before its equals sign"),
        ("x=", "\"x=\" has no path behind its equals sign"),
        ("a=b=c", "\"a=b=c\" has more than one equals sign"),
    ] {
        check_refusal(generate([&[], &[], &[source]], &[]), &format!("files[0]: {refusal}"));
    }
    let twice = generate([&["a=b"], &[], &["x/a"]], &[("x/a", b"")]);
    check_refusal(twice, "files[0]: the key \"a\" is there already");
}

#[test]
fn secrets_hold_base64_in_lines_of_70() {
    let xs = "x".repeat(105);
    let args = args([&[], &[], &["s51", "s52", "s53", "s105", "empty", "bin"]]);
    let files: Files<'_> = &[
        ("s51", &xs.as_bytes()[..51]),
        ("s52", &xs.as_bytes()[..52]),
        ("s53", &xs.as_bytes()[..53]),
        ("s105", xs.as_bytes()),
        ("empty", b""),
        ("bin", b"a\xffb"),
    ];
    let args = SecretArgs { args: ConfigMapArgs { name: "a".to_owned(), ..args }, ..SecretArgs::default() };
    let object = secret(&args, &GeneratorOptions::default(), &mut |path| read(files, path)).expect("files");
    assert_eq!(suffix(&object).expect("strings"), "4k82bf8md5");
    let data = object.get("data").expect("data");
    let s53 = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH\ng=\n";
    assert_eq!(data.get("s53").and_then(Node::text), Some(s53));
    assert_eq!(data.get("s51").and_then(Node::text).map(str::len), Some(68));
}

#[test]
fn a_secret_has_a_type_and_data() {
    let empty = ConfigMapArgs { name: "a".to_owned(), ..ConfigMapArgs::default() };
    let full = ConfigMapArgs { namespace: "x".to_owned(), literals: vec!["a=b".to_owned()], ..empty.clone() };
    let tls = "kubernetes.io/tls".to_owned();
    let cases = [
        (SecretArgs { args: empty, ..SecretArgs::default() }, "data: {}", "a", "Opaque", "46f8b28mk5"),
        (
            SecretArgs { args: full, r#type: tls },
            "data:\n  a: Yg==",
            "a\n  namespace: x",
            "kubernetes.io/tls",
            "92982c4m8f",
        ),
    ];
    for (args, data, name, r#type, hash) in cases {
        let object = secret(&args, &GeneratorOptions::default(), &mut |path| read(&[], path)).expect("literals");
        let written = format!("apiVersion: v1\n{data}\nkind: Secret\nmetadata:\n  name: {name}\ntype: {type}\n");
        assert_eq!(emit(&object), Ok(written));
        assert_eq!(suffix(&object).expect("strings"), hash);
    }
}

#[test]
fn options_of_an_entry_win_unless_they_switch_off() {
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<_, _> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let shared = GeneratorOptions {
        labels: texts(&[("a", "1"), ("b", "2")]),
        annotations: texts(&[("x", "y")]),
        immutable: true,
        ..GeneratorOptions::default()
    };
    let own = GeneratorOptions {
        labels: texts(&[("b", "own"), ("c", "true")]),
        disable_name_suffix_hash: true,
        ..GeneratorOptions::default()
    };
    let options = merged(Some(&own), Some(&shared));
    assert!(options.disable_name_suffix_hash);
    let args = ConfigMapArgs { name: "a".to_owned(), ..args([&["a=b"], &[], &[]]) };
    let object = config_map(&args, &options, &mut |path| read(&[], path)).expect("a literal");
    let written = "apiVersion: v1\ndata:\n  a: b\nimmutable: true\nkind: ConfigMap\nmetadata:\n  annotations:\n    \
                   x: \"y\"\n  labels:\n    a: \"1\"\n    b: own\n    c: \"true\"\n  name: a\n";
    assert_eq!(emit(&object).as_deref(), Ok(written));
    assert_eq!(merged(None, Some(&shared)), shared);
    assert_eq!(merged(Some(&own), None), own);
}

#[test]
fn an_entry_without_a_name_is_refused() {
    let object = config_map(&args([&["a=b"], &[], &[]]), &GeneratorOptions::default(), &mut |path| read(&[], path));
    check_refusal(object, "name: the ConfigMap has no name");
}

#[test]
fn a_hash_takes_the_content_as_it_is_found() {
    let null = Node::null();
    let number = Node::Scalar(plain("1", Dialect::Resource));
    let cases: [(&str, Option<Node>, &str); 5] = [
        ("data", None, "6ct58987ht"),
        ("data", Some(null), "g886t7dd28"),
        ("data", Some(Node::sequence(vec![number.clone()])), "dk855m5d49"),
        ("data", Some(Node::string("x")), "6bd5c47gt8"),
        ("kind", Some(Node::string("Foo")), "refused: a Foo has no hash of its content; ConfigMaps and Secrets have"),
    ];
    for (field, value, expected) in cases {
        let mut object = generate([&["c=d"], &[], &[]], &[]).expect("a literal");
        let fields = object.as_mapping_mut().expect("an object");
        match value {
            Some(value) => fields.insert(field, value),
            None => _ = fields.remove(field),
        }
        assert_eq!(suffix(&object).unwrap_or_else(|error| format!("refused: {error}")), expected, "{field}");
    }
    let with = |field: &str, value: Node| {
        let mut object = generate([&["c=d"], &[], &[]], &[]).expect("a literal");
        object.as_mapping_mut().expect("an object").insert(Scalar::string(field), value);
        suffix(&object).expect("JSON")
    };
    assert_eq!(with("binaryData", Node::sequence(vec![number])), "99gt5hckgh");
    assert_eq!(with("binaryData", Node::Mapping([].into_iter().collect())), "bm5gt87449");
}

/// kustomize takes the hash of what it has in memory there, with lines and columns.
#[test]
fn an_annotation_that_asks_for_the_hash_of_another_kind_is_refused() {
    super::cases::check(
        "== a hash of a Service
-- kustomization.yaml
resources: [all.yaml]
-- all.yaml
apiVersion: v1
kind: Service
metadata: {name: s, annotations: {internal.config.kubernetes.io/needsHashSuffix: enabled}}
-- refused
giving Service s the hash that its annotation internal.config.kubernetes.io/needsHashSuffix asks for
",
    );
}
