//! Functions on text: what one would look up. Random calls of each are in `fixtures/template/text.jsonl`.

use tagwright::template::{Template, Value};

/// Renders without data; an error is given without its place.
fn rendered(template: &str) -> String {
    let rendered = Template::parse("t", template).and_then(|template| template.render(&Value::Nil));
    rendered.unwrap_or_else(|error| {
        let error = error.to_string();
        error.rsplit_once("error calling ").map_or(error.clone(), |(_, message)| message.to_owned())
    })
}

/// Each expression and what it gives.
fn check(cases: &[(&str, &str)]) {
    for (expression, want) in cases {
        assert_eq!(rendered(&format!("{{{{ {expression} }}}}")), *want, "of {expression}");
    }
}

#[test]
fn spells_names() {
    check(&[
        ("snakecase `HTTPServer2xx`", "http_server_2xx"),
        ("snakecase `Bld4Floor3rd`", "bld4_floor_3rd"),
        ("kebabcase `GO PATH_x`", "go-path-x"),
        ("camelcase `http_server`", "HttpServer"),
        ("camelcase `_complex__case_`", "_Complex_Case_"),
        ("camelcase `--`", "---"),
        ("swapcase `This Is A.Test`", "tHIS iS a.tEST"),
        ("untitle `Hello World`", "hello world"),
        ("initials `First  Try`", "FT"),
        ("initials `Émile Zola`", "ÃZ"),
        ("plural `one` `many` 1", "one"),
        ("plural `one` `many` 0", "many"),
    ]);
}

#[test]
fn sets_text_in_lines() {
    check(&[
        ("wrap 10 `the quick brown fox`", "the quick\nbrown fox"),
        ("wrap 5 `extraordinary x`", "extraordinary\nx"),
        ("wrapWith 5 `|` `extraordinary x`", "extra|ordin|ary x"),
        ("abbrev 8 `hello world`", "hello..."),
        ("abbrevboth 5 10 `1234 5678 9123`", "...5678..."),
        ("nospace `h e l l o`", "hello"),
        ("nospace `é x`", "Ã©x"),
        ("substr 1 3 `hello`", "el"),
        ("substr -1 3 `hello`", "hel"),
        ("substr 2 -1 `hello`", "llo"),
        ("substr 4 2 `hello`", "substr: runtime error: slice bounds out of range [4:2]"),
        ("substr -1 9 `abc`", "substr: runtime error: slice bounds out of range [:9] with length 3"),
        ("repeat -1 `a`", "repeat: strings: negative Repeat count"),
    ]);
}

#[test]
fn takes_text_apart() {
    check(&[
        ("(split `/` `a/b/c`)._1", "b"),
        ("splitn `/` 2 `a/b/c`", "map[_0:a _1:b/c]"),
        ("splitn `/` 0 `a/b/c`", "map[]"),
        ("list `b` nil 3 `a` | sortAlpha", "[3 a b]"),
        ("sortAlpha nil", "[<nil>]"),
        ("list `b` nil 3 | toStrings | printf `%q`", "[\"b\" \"3\"]"),
        ("cat `a` nil 1 `b`", "a 1 b"),
    ]);
}

#[test]
fn finds_regular_expressions() {
    check(&[
        ("regexMatch `^v[0-9]+` `v12`", "true"),
        ("regexMatch `(` `(`", "false"),
        ("mustRegexMatch `(` `(`", "mustRegexMatch: error parsing regexp: missing closing ): `(`"),
        ("regexFind `a(b|bc)` `xabc`", "ab"),
        ("regexFindAll `[2,4,6,8]` `123456789` -1", "[2 4 6 8]"),
        ("regexFindAll `a*` `baaab` -1 | printf `%q`", "[\"\" \"aaa\" \"\"]"),
        ("regexFindAll `x` `y` -1 | toJson", "null"),
        ("regexSplit `z+` `pizza` -1", "[pi a]"),
        ("regexSplit `z+` `` -1 | len", "1"),
        ("regexReplaceAll `a(x*)b` `-ab-axxb-` `${1}W`", "-W-xxW-"),
        ("regexReplaceAll `a(x*)b` `-ab-axxb-` `$1W`", "---"),
        ("regexReplaceAll `(?P<word>\\\\w+)` `one two` `<$word>`", "one two"),
        ("regexReplaceAll `(?P<word>\\w+)` `one two` `<$word>`", "<one> <two>"),
        ("regexReplaceAllLiteral `a(x*)b` `-ab-axxb-` `${1}`", "-${1}-${1}-"),
        ("regexReplaceAll `.` \"a\\xffb\" `<$0>` | printf `%q`", "\"<a><\\xff><b>\""),
        ("regexQuoteMeta `1.2.3+x`", "1\\.2\\.3\\+x"),
    ]);
}

#[test]
fn encodes() {
    check(&[
        ("b64enc \"\\xff\\x00é\"", "/wDDqQ=="),
        ("b64dec `aGVs bG8=`", "illegal base64 data at input byte 4"),
        ("b32enc `hello`", "NBSWY3DP"),
        ("b32dec `NBSWY3D`", "illegal base32 data at input byte 0"),
        ("adler32sum `Hello, World!`", "530449514"),
        ("sha1sum ``", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("sha256sum `a` | trunc 8", "ca978112"),
        ("sha512sum `a` | trunc 8", "1f40fc92"),
        ("decryptAES `secretkey` `HUPrhVznh3rUl/PtBplVowvhju5PtK0ruPWKIoCyIss=`", "plaintext"),
        ("decryptAES `wrong` `AAAA`", "decryptAES: runtime error: slice bounds out of range [:16] with capacity 3"),
    ]);
}

#[test]
fn derives_one_password() {
    let derive = "derivePassword 1 `long` `password` `user` `example.com`";
    check(&[
        (derive, "ZedaFaxcZaso9*"),
        ("derivePassword 1 `nope` `` `` ``", "cannot find password template nope"),
        (&format!("cat ({derive}) ({derive})"), "derivePassword: exceeded 1000000 steps"),
    ]);
}

#[test]
fn speaks_json() {
    check(&[
        ("dict `b` 1 `a` (list nil true 2.50 `<x>`) | toJson", r#"{"a":[null,true,2.5,"\u003cx\u003e"],"b":1}"#),
        ("dict `b` 1 `a` (list nil `<x>`) | toRawJson", r#"{"a":[null,"<x>"],"b":1}"#),
        ("dict `a` (list 1) `b` (dict) | toPrettyJson", "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}"),
        ("list 1e21 1e20 0.000001 1e-7 | toJson", "[1e+21,100000000000000000000,0.000001,1e-7]"),
        (
            "list (semver `v1.2.3-a`) (toDate `2006-01-02` `2020-03-04`) | toJson",
            r#"["1.2.3-a","2020-03-04T00:00:00Z"]"#,
        ),
        ("(toDate `2006-01-02` `2020-03-04`).Month | toJson", "3"),
        ("toJson \"a\\xff\\u2028\"", r#""a\ufffd\u2028""#),
        ("fromJson `{\"a\":[1,2.5,\"\\u00e9\\ud83d\\ude00\\ud800\"]}`", "map[a:[1 2.5 é😀\u{fffd}]]"),
        ("fromJson `[1,`", "<no value>"),
        ("fromJson `[1e999,2]`", "[<nil> 2]"),
        ("mustFromJson `[1,`", "mustFromJson: unexpected end of JSON input"),
        ("mustFromJson `{\"a\" 1}`", "mustFromJson: invalid character '1' after object key"),
        ("mustFromJson `01`", "mustFromJson: invalid character '1' after top-level value"),
        ("mustFromJson `1e999`", "mustFromJson: json: cannot unmarshal number 1e999 into Go value of type float64"),
    ]);
}

#[test]
fn takes_urls_and_paths_apart() {
    let url = "urlParse `https://u:p%40@[fe80::1%25en0]:8080/a%20b?q=1#f%21`";
    check(&[
        (&format!("({url}).hostname"), "fe80::1%en0"),
        (&format!("({url}).userinfo"), "u:p%40"),
        (&format!("({url}).path"), "/a b"),
        (&format!("{url} | urlJoin"), "https://u:p%40@[fe80::1%25en0]:8080/a%20b?q=1#f!"),
        ("urlJoin (dict `host` 1)", "urlJoin: unable to parse host key, must be of type string, but int found"),
        (
            "urlParse `http://a b/`",
            "urlParse: unable to parse url: parse \"http://a b/\": invalid character \" \" in host name",
        ),
        ("clean `/a//b/./../c/`", "/a/c"),
        ("base `/a/b/`", "b"),
        ("dir `a/b/c`", "a/b"),
        ("ext `a.tar.gz`", ".gz"),
        ("isAbs `/a`", "true"),
        ("osBase ``", "."),
    ]);
}

#[test]
fn names_the_functions_that_it_refuses() {
    let refused = |name: &str, why: &str| {
        let want = format!("template: t:1: function \"{name}\" not defined{why}");
        assert_eq!(rendered(&format!("{{{{ {name} 1 }}}}")), want);
    };
    refused("ago", ": its answer depends on the time of the rendering");
    refused("shuffle", ": its answer is another one each time, as it is made by chance");
    refused("bcrypt", ": its answer is another one each time, as it is salted by chance");
    refused("genCA", ": keys and certificates are not made in templates");
    refused("now", "");
}

/// Renders the call over and over; it must end with an error that ends so.
fn check_bound(call: &str, want: &str) {
    let template =
        format!("{{{{ $b := repeat 200000 `ab` }}}}{{{{ range 1000000000 }}}}{{{{ $x := {call} }}}}{{{{ end }}}}");
    let got = rendered(&template);
    assert!(got.ends_with(want), "of {call}: wanted …{want:?}, got {got:?}");
}

#[test]
fn bounds_what_text_functions_do() {
    const STEPS: &str = "exceeded 1000000 steps";
    const LONG: &str = "the result is longer than 1048576 bytes";
    for call in ["wrap 1 $b", "snakecase $b", "swapcase $b", "fromJson $b", "toJson $b", "b64dec $b", "sha512sum $b"] {
        check_bound(call, STEPS);
    }
    for pattern in
        ["(a|b)*a(a|b){200}c", "(a*)*c", r"\pL{1000}", r"(?i)\p{Any}{9}c", r"(?i)[\x{0}-\x{10FFFF}]c", ".*[^ab]|a"]
    {
        check_bound(&format!("regexFindAll `{pattern}` $b -1"), STEPS);
    }
    check_bound("regexReplaceAll `.*` $b (repeat 20000 `$0`)", LONG);
    check_bound("regexReplaceAllLiteral `a` $b `xx`", STEPS);
    check_bound("wrapWith 1 (repeat 1000 `x`) $b", LONG);
    check_bound("list $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b | sortAlpha", STEPS);
    check_bound("join $b (list 1 2 3 4)", LONG);
    check_bound("split `` $b", "the result has more than 65536 items");
    check_bound("fromJson (print (repeat 101 `[`) (repeat 101 `]`))", "JSON more than 100 deep");
    check_bound("regexMatch (repeat 9000 `a`) `a`", "pattern is longer than 8192 bytes");
}
