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
