//! Generated ConfigMaps and Secrets and the hashes behind their names, as kustomize v5.8.2 answers.

use tagwright::kustomize::{LoadRestrictor, Options, Outcome, build};
use tagwright::tree::{Memory, clean};

use super::cases::{self, told};

/// Files by path, as the entry names them.
type Files<'a> = &'a [(&'a str, &'a [u8])];

/// What is built of an entry of `field` that is called `a`, of `literals`, `envs` and `files`.
fn generated(field: &str, [literals, envs, files]: [&[&str]; 3], given: Files<'_>) -> Result<String, String> {
    let entry = serde_json::json!({"name": "a", "literals": literals, "envs": envs, "files": files});
    let root = format!("{field}: [{entry}]\n").into_bytes();
    let given = given.iter().map(|(path, content)| (clean(&format!("root/{path}")), content.to_vec()));
    let tree: Memory = given.chain([("root/kustomization.yaml".to_owned(), root)]).collect();
    let options = Options { restrictor: LoadRestrictor::None, ..Options::default() };
    match build(&tree, "root", &options).map_err(|error| told(&error))? {
        Outcome::Built(built) => built.yaml().map_err(|error| told(&error)),
        Outcome::Missing(remotes) => Err(format!("{remotes:?} are missing")),
    }
}

fn generate(sources: [&[&str]; 3], files: Files<'_>) -> Result<String, String> {
    generated("configMapGenerator", sources, files)
}

/// Checks the lines between the head and `kind`, and the hash.
#[track_caller]
fn check(built: Result<String, String>, lines: &str, hash: &str) {
    let written = format!("apiVersion: v1\n{lines}kind: ConfigMap\nmetadata:\n  name: a-{hash}\n");
    assert_eq!(built, Ok(written));
}

#[track_caller]
fn check_refusal(built: Result<String, String>, expected: &str) {
    let expected = format!("root/kustomization.yaml:1: configMapGenerator[0].{expected}");
    assert_eq!(built, Err(expected));
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
    check_refusal(bad, "envs[1]: line 2: not UTF-8: invalid utf-8 sequence of 1 bytes from index 2");
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
    assert_eq!(object.expect("files").split("kind").next(), Some(&*format!("apiVersion: v1\n{lines}")));
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
    let files: Files<'_> = &[
        ("s51", &xs.as_bytes()[..51]),
        ("s52", &xs.as_bytes()[..52]),
        ("s53", &xs.as_bytes()[..53]),
        ("s105", xs.as_bytes()),
        ("empty", b""),
        ("bin", b"a\xffb"),
    ];
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let built = generated("secretGenerator", [&[], &[], &names], files).expect("a Secret");
    assert!(built.contains("\n  name: a-4k82bf8md5\n"), "{built}");
    let s51 = "eHh4".repeat(17);
    assert!(built.contains(&format!("\n  s51: {s51}\n")), "{built}");
    assert!(built.contains(&format!("\n  s53: |\n    {s51}eH\n    g=\n")), "{built}");
}

#[test]
fn options_and_hashes_are_kustomizes() {
    cases::check(include_str!("../../../fixtures/kustomize/generators.txt"));
}
