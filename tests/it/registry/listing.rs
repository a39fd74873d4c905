//! Listings: pages, links, duplicates, limits, and entries that are no tags.

use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Limits};

use super::{client, client_with, repository, tags_of};
use crate::servers::fake_registry::{FakeRegistry, Fault, LinkStyle};

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    for style in [LinkStyle::Relative, LinkStyle::Absolute, LinkStyle::QueryOnly] {
        let registry = FakeRegistry::start();
        for tag in ["v3", "v1", "v5", "v2", "v4"] {
            registry.push("acme/web", tag);
        }
        registry.page_max(2);
        registry.link_style(style);
        assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, "v1 v2 v3 v4 v5");
        let expected = [
            "GET /v2/acme/web/tags/list?n=1000",
            "GET /v2/acme/web/tags/list?n=2&last=v1",
            "GET /v2/acme/web/tags/list?n=2&last=v2",
        ];
        assert_eq!(registry.calls(), expected);
    }
}

#[tokio::test]
async fn odd_answers_are_lists_too() {
    for (content_type, body, expected) in [
        ("application/json", r#"{"name":"acme/web","tags":null}"#, ""),
        ("application/json", r#"{"name":"acme/web"}"#, ""),
        ("application/json; charset=utf-8", r#"{"tags":["b","a","b"]}"#, "a b"),
        ("text/plain", r#" {"extra":{"tags":[1]},"tags":["a"]}"#, "a"),
        ("", r#"{"tags":["a"]}"#, "a"),
    ] {
        let registry = FakeRegistry::start();
        registry.create("acme/web");
        registry.fault(Fault::answer(200, &[("content-type", content_type)], body), 1);
        assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, expected, "{body}");
    }
    let registry = FakeRegistry::start();
    registry.create("acme/empty");
    assert_eq!(tags_of(&client(), &registry, "acme/empty", &Access::default()).await, "");
}

#[tokio::test]
async fn what_is_no_tag_is_passed_over_and_shown_escaped() {
    let registry = FakeRegistry::start();
    let long = "x".repeat(129);
    let bad =
        ["a\nb", "1.0: {{ evil }}", "\u{1b}[31mred", "\u{202e}txt", "", "-1", ".1", "a/b", &long, "caf\u{e9}", "#"];
    for tag in bad.iter().chain(&["1.0.0"]) {
        registry.push("acme/web", tag);
    }
    let list = client().tags(&repository(&registry.image("acme/web")), &Access::default()).await.expect("a listing");
    assert_eq!(list.tags.len(), 1);
    assert_eq!(list.skipped, bad.len());
    let shown: Vec<String> = list.samples.iter().map(|sample| format!("{}: {}", sample.shown, sample.reason)).collect();
    let characters = "it has other characters than letters, digits, `_`, `.` and `-`";
    let start = "it starts with a dot or a dash";
    let expected = [
        format!("a\\nb: {characters}"),
        format!("1.0: {{{{ evil }}}}: {characters}"),
        format!("\\u{{1b}}[31mred: {characters}"),
        format!("\\u{{202e}}txt: {characters}"),
        ": it is empty".to_owned(),
        format!("-1: {start}"),
        format!(".1: {start}"),
        format!("a/b: {characters}"),
        format!("{}...: it is longer than 128 characters", "x".repeat(80)),
        format!("caf\\u{{e9}}: {characters}"),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn listings_have_limits() {
    let small = Limits { tags_max: 10, pages_max: 4, page_bytes_max: 1 << 20, ..Limits::default() };
    let check = async |tags: usize, page: usize, expected: &str| {
        let registry = FakeRegistry::start();
        for tag in 0..tags {
            registry.push("acme/web", &format!("v{tag}"));
        }
        registry.page_max(page);
        assert_eq!(tags_of(&client_with(small), &registry, "acme/web", &Access::default()).await, expected);
        registry.requests().len()
    };
    let failed = |text: &str| format!("listing tags of HOST/acme/web: HOST lists more than {text}");
    assert_eq!(check(10, 5, "v0 v1 v2 v3 v4 v5 v6 v7 v8 v9").await, 2);
    assert_eq!(check(11, 5, &failed("10 tags")).await, 3);
    assert_eq!(check(5, 1, &failed("4 pages")).await, 4);
}

#[tokio::test]
async fn links_lead_nowhere_else() {
    let check = async |link: &str, expected: &str| {
        let registry = FakeRegistry::start();
        registry.push("acme/web", "v1");
        registry.fault(Fault::Link(link.replace("HOST", &registry.addr().to_string())), usize::MAX);
        let found = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
        assert_eq!(found, format!("listing tags of HOST/acme/web: {expected}"), "{link}");
    };
    let other = |other: &str| format!("HOST continues its list at {other}, which is another host and not followed");
    check("<https://evil.example/v2/x>; rel=\"next\"", &other("evil.example:443")).await;
    check("<//evil.example/v2/x>; rel=next", &other("evil.example:80")).await;
    check("<http://HOST.evil.example/v2/x>; rel=next", "reading the answer of HOST: its Link header is not readable")
        .await;
    check("<http://127.0.0.1:1/v2/x>; rel=next", &other("127.0.0.1:1")).await;
    check("<file:///etc/passwd>; rel=next", &other(":0")).await;
    check("<http://[>; rel=next", "reading the answer of HOST: its Link header is not readable").await;
    check("</v2/acme/web/tags/list?n=1000>; rel=next", "HOST continues its list with a page that it gave before").await;
    check("</v2/acme/web/tags/list?n=9>; rel=next", "HOST continues its list with a page that it gave before").await;
}

#[tokio::test]
async fn links_by_another_scheme_stay_on_the_server_that_was_asked() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let link = format!("<https://{}/v2/acme/web/tags/list?last=v1>; rel=\"next\"", registry.addr());
    registry.fault(Fault::Link(link), 1);
    assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, "v1");
    assert_eq!(registry.calls()[1], "GET /v2/acme/web/tags/list?last=v1");
}

#[tokio::test]
async fn many_tags_come_whole() {
    let registry = FakeRegistry::start();
    let names: Vec<String> = (0..20_000).map(|number| format!("\"1.{number}.0\"")).collect();
    let body = format!("{{\"tags\":[{}]}}", names.join(","));
    registry.fault(Fault::answer(200, &[("content-type", "application/json")], body), 1);
    let client = Client::new(Http::new(Settings::default()).expect("plain settings"), Limits::default());
    let list = client.tags(&repository(&registry.image("acme/web")), &Access::default()).await.expect("a listing");
    assert_eq!(list.tags.len(), 20_000);
    assert!(list.tags.is_sorted());
}

#[tokio::test]
async fn a_page_size_that_is_refused_is_left_to_the_registry() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let body = r#"{"errors":[{"code":"UNSUPPORTED","message":"n is too large"}]}"#;
    registry.fault(Fault::answer(400, &[], body), 1);
    assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, "v1");
    assert_eq!(registry.calls(), ["GET /v2/acme/web/tags/list?n=1000", "GET /v2/acme/web/tags/list"]);

    registry.fault(Fault::answer(400, &[], body), 2);
    let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    assert!(told.ends_with("HOST answered 400 Bad Request: UNSUPPORTED: n is too large"), "{told}");
    assert_eq!(registry.calls().len(), 4);
}
