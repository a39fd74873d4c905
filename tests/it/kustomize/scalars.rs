//! What plain scalars are and say, as Go's readers of YAML answer.

use tagwright::object::{Scalar, Tag};
use tagwright::yaml::{Dialect, Number, boolean, number, plain, resolve, timestamp};

#[test]
fn a_plain_scalar_has_the_type_that_go_gives_it() {
    use Tag::{Bool, Float, Int, Null, Str, Timestamp};
    let cases = [
        (Null, "~ null Null NULL"),
        (Bool, "true True TRUE false False FALSE"),
        (Int, "0 1 -1 +1 010 0o17 0O17 0x1F -0x1f 0b1 0b101 1_000 1__0_ 18446744073709551615 -9223372036854775808 0_7"),
        (Float, "1.5 .5 -.5 1. 1.e3 1e3 1E-3 +1.5 1_0.5 .5_0 08 089 0888 18446744073709551616 +9223372036854775808"),
        (Float, ".inf -.inf +.INF .nan .NaN -9223372036854775809 1e-400"),
        (Timestamp, "2021-01-01 2021-1-1 2021-01-01T10:20:30Z 2021-1-1t1:2:3.5+05:30 2020-02-29"),
        (Str, "yes no on off y N nULL tRUE . .. ... ._5 .5__0 - -- + 0x 0b 0b2 0o8 1e400 1e 1.2.3 12:30 190:20:30"),
        (
            Str,
            "+inf -infinity nan Infinity .Infinity 0x1.8p1 1,000 1a _1 -_ << = 2021-02-29 2021-13-01 2021-01-01T24:00:00Z",
        ),
        (Str, "2021-01-01T10:20:30 21-01-01 2021-01 2021-01-01x é 10Mi 0777x -.e5 ++1 +-1 0x+1"),
    ];
    for (tag, texts) in cases {
        for text in texts.split(' ') {
            assert_eq!(resolve(text, Dialect::Resource), tag, "{text}");
        }
    }
    assert_eq!(resolve("", Dialect::Resource), Null);
    assert_eq!(resolve("2021-01-01 10:20:30.5", Dialect::Resource), Timestamp);
    assert_eq!(resolve("2021-01-01 10:20:30Z", Dialect::Resource), Str);
}

#[test]
fn the_reader_of_kustomization_files_knows_more_booleans_and_no_timestamps() {
    for text in "y Y yes Yes YES on On ON n N no No NO off Off OFF true False".split(' ') {
        assert_eq!(resolve(text, Dialect::Kustomization), Tag::Bool, "{text}");
    }
    for text in "2021-01-01 yEs oN << 12:30".split(' ') {
        assert_eq!(resolve(text, Dialect::Kustomization), Tag::Str, "{text}");
    }
    assert_eq!(resolve("010", Dialect::Kustomization), Tag::Int);
    assert_eq!(boolean(&plain("yes", Dialect::Kustomization)), Some(true));
    assert_eq!(boolean(&plain("off", Dialect::Kustomization)), Some(false));
    assert_eq!(boolean(&plain("yes", Dialect::Resource)), None);
    assert_eq!(boolean(&plain("TRUE", Dialect::Resource)), Some(true));
}

#[test]
fn a_number_has_the_value_that_go_gives_it() {
    let check = |text: &str, want: Number| {
        assert_eq!(number(&plain(text, Dialect::Resource)), Some(want), "{text}");
    };
    check("010", Number::Int(8));
    check("-010", Number::Int(-8));
    check("0o17", Number::Int(15));
    check("0x1F", Number::Int(31));
    check("0b101", Number::Int(5));
    check("1_000", Number::Int(1000));
    check("+7", Number::Int(7));
    check("9223372036854775807", Number::Int(i64::MAX));
    check("-9223372036854775808", Number::Int(i64::MIN));
    check("9223372036854775808", Number::Uint(1 << 63));
    check("+9223372036854775808", Number::Float(9_223_372_036_854_775_808.0));
    check("18446744073709551616", Number::Float(18_446_744_073_709_551_616.0));
    check("089", Number::Float(89.0));
    check("1.10", Number::Float(1.1));
    check(".5_0", Number::Float(0.5));
    check("-.inf", Number::Float(f64::NEG_INFINITY));
    assert_eq!(number(&Scalar::new("5", Tag::Float)), Some(Number::Float(5.0)));
    assert_eq!(number(&Scalar::string("5")), None);
    assert!(matches!(number(&plain(".nan", Dialect::Resource)), Some(Number::Float(value)) if value.is_nan()));
}

#[test]
fn a_timestamp_becomes_the_text_that_go_writes_in_json() {
    let check = |text: &str, want: Option<&str>| {
        assert_eq!(timestamp(&plain(text, Dialect::Resource)).as_deref(), want, "{text}");
    };
    check("2021-01-01", Some("2021-01-01T00:00:00Z"));
    check("2021-1-1T1:2:3Z", Some("2021-01-01T01:02:03Z"));
    check("2021-01-01 10:20:30.5", Some("2021-01-01T10:20:30.5Z"));
    check("2021-01-01T10:20:30,123456789123+05:30", Some("2021-01-01T10:20:30.123456789+05:30"));
    check("2021-01-01T10:20:30+00:00", Some("2021-01-01T10:20:30Z"));
    check("2021-01-01T10:20:30-00:60", Some("2021-01-01T10:20:30-01:00"));
    check("2021-01-01t23:59:59-11:00", Some("2021-01-01T23:59:59-11:00"));
    check("2021-01-01T10:20:30+24:00", None);
    check("2021-02-29", None);
}
