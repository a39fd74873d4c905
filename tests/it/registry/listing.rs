//! Listings: pages, links, duplicates, limits, and entries that are no tags.

use tagwright::image::Tag;
use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Limits, Listing};

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
async fn a_page_size_that_is_refused_becomes_smaller_and_is_then_left_to_the_registry() {
    let path = |query: &str| format!("GET /v2/acme/web/tags/list{query}");
    let check = async |max: usize, status: u16, code: &'static str, asked: &[&str]| {
        let registry = FakeRegistry::start();
        ["v1", "v2", "v3"].iter().for_each(|tag| drop(registry.push("acme/web", tag)));
        registry.refuse_pages_above(max, status, code);
        let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
        let asked: Vec<String> = asked.iter().copied().map(path).collect();
        assert_eq!(registry.calls(), asked, "{code}");
        told
    };
    let three = ["?n=1000", "?n=100", ""];
    assert_eq!(check(999, 400, "PAGINATION_NUMBER_INVALID", &three[..2]).await, "v1 v2 v3");
    assert_eq!(check(99, 400, "UNSUPPORTED", &three).await, "v1 v2 v3");
    assert_eq!(check(100, 422, "UNSUPPORTED", &three[..2]).await, "v1 v2 v3");
    assert_eq!(check(50, 405, "UNSUPPORTED", &three).await, "v1 v2 v3");
    for (status, code) in [(400, "DENIED"), (422, "BLOB_UNKNOWN"), (501, "UNSUPPORTED")] {
        let told = check(50, status, code, &three[..1]).await;
        assert!(told.ends_with(&format!("{code}: n is too large")), "{told}");
    }
}

#[tokio::test]
async fn a_page_size_that_is_always_refused_is_told() {
    let registry = FakeRegistry::start();
    let body = r#"{"errors":[{"code":"UNSUPPORTED","message":"no lists"}]}"#;
    registry.fault(Fault::answer(400, &[], body), 3);
    let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    assert!(told.ends_with("HOST answered 400 Bad Request: UNSUPPORTED: no lists"), "{told}");
    assert_eq!(registry.calls().len(), 3);
}

/// A registry with so many tags, `v00000` and on, that gives no `Link`.
fn silent(tags: usize) -> FakeRegistry {
    let registry = FakeRegistry::start();
    (0..tags).for_each(|number| drop(registry.push("acme/web", &format!("v{number:05}"))));
    registry.link_style(LinkStyle::Silent);
    registry
}

#[tokio::test]
async fn a_full_page_without_a_link_is_followed_by_what_comes_after_its_last_tag() {
    let check = async |registry: &FakeRegistry, tags: usize, lasts: &[&str]| {
        let web = repository(&registry.image("acme/web"));
        let list = client().tags(&web, &Access::default()).await.expect("a listing");
        assert_eq!(list.tags.len(), tags);
        let first = "GET /v2/acme/web/tags/list?n=1000".to_owned();
        let asked: Vec<String> =
            std::iter::once(first.clone()).chain(lasts.iter().map(|last| format!("{first}&last={last}"))).collect();
        assert_eq!(registry.calls(), asked);
    };
    check(&silent(999), 999, &[]).await;
    check(&silent(1000), 1000, &["v00999"]).await;
    check(&silent(2500), 2500, &["v00999", "v01999"]).await;
    check(&silent(3000), 3000, &["v00999", "v01999", "v02999"]).await;
    let gives_all_at_once = silent(1000);
    gives_all_at_once.ignore_last();
    check(&gives_all_at_once, 1000, &["v00999"]).await;
    let knows_no_last = silent(1000);
    knows_no_last.fault(Fault::answer(200, &[("etag", "\"x\"")], page(0..1000)), 1);
    knows_no_last.fault(Fault::status(400), 1);
    check(&knows_no_last, 1000, &["v00999"]).await;
    let shuffles = silent(1000);
    shuffles.fault(Fault::answer(200, &[], page((0..1000).rev())), 1);
    shuffles.fault(Fault::answer(200, &[], page(0..1000)), 1);
    check(&shuffles, 1000, &["v00000"]).await;
    let gives_more_than_asked = FakeRegistry::start();
    gives_more_than_asked.fault(Fault::answer(200, &[], page(0..1001)), 1);
    check(&gives_more_than_asked, 1001, &[]).await;
}

fn page(numbers: impl Iterator<Item = usize>) -> String {
    let names: Vec<String> = numbers.map(|number| format!("\"v{number:05}\"")).collect();
    format!("{{\"tags\":[{}]}}", names.join(","))
}

#[tokio::test]
async fn a_failure_on_the_way_is_no_end() {
    let registry = silent(1000);
    registry.fault(Fault::answer(200, &[], page(0..1000)), 1);
    registry.fault(Fault::status(500), 3);
    let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    assert_eq!(told, "listing tags of HOST/acme/web: HOST answered 500 Internal Server Error");
}

#[tokio::test]
async fn empty_pages_with_a_link_are_passed_through_but_not_for_ever() {
    let empty = |link: &str| Fault::answer(200, &[("link", link)], r#"{"tags":[]}"#);
    let registry = FakeRegistry::start();
    ["v1", "v2"].iter().for_each(|tag| drop(registry.push("acme/web", tag)));
    for number in 0..100 {
        registry.fault(empty(&format!("</v2/acme/web/tags/list?page={number}>; rel=next")), 1);
    }
    assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, "v1 v2");
    registry.forget_requests();
    for number in 0..200 {
        registry.fault(empty(&format!("</v2/acme/web/tags/list?page={number}>; rel=next")), 1);
    }
    let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    assert_eq!(told, "listing tags of HOST/acme/web: HOST lists more than 100 empty pages in a row");
    assert_eq!(registry.calls().len(), 101);
}

#[tokio::test]
async fn a_size_that_was_refused_is_not_asked_for_again() {
    let check = async |max: usize, first: &[&str], other: &[&str]| {
        let registry = FakeRegistry::start();
        ["acme/web", "acme/api"].iter().for_each(|name| drop(registry.push(name, "v1")));
        registry.refuse_pages_above(max, 400, "UNSUPPORTED");
        let client = client();
        for (name, expected) in [("acme/web", first), ("acme/web", &first[first.len() - 1..]), ("acme/api", other)] {
            registry.forget_requests();
            assert_eq!(tags_of(&client, &registry, name, &Access::default()).await, "v1");
            let calls: Vec<String> = expected.iter().map(|size| format!("GET /v2/{name}/tags/list{size}")).collect();
            assert_eq!(registry.calls(), calls, "{max}");
        }
    };
    check(1000, &["?n=1000"], &["?n=1000"]).await;
    check(100, &["?n=1000", "?n=100"], &["?n=100"]).await;
    // One repository of a host that takes no size at all says nothing of the others.
    check(0, &["?n=1000", "?n=100", ""], &["?n=1000", "?n=100", ""]).await;
}

/// `Unchanged`, or the tags and the tag of the entity.
async fn asked(registry: &FakeRegistry, etag: Option<&str>) -> (String, Option<String>) {
    let web = repository(&registry.image("acme/web"));
    let listing = match etag {
        Some(etag) => client().tags_if_changed(&web, &Access::default(), etag).await,
        None => client().tags(&web, &Access::default()).await.map(Listing::Tags),
    };
    match listing.expect("a listing") {
        Listing::Unchanged => ("unchanged".to_owned(), None),
        Listing::Tags(list) => (list.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" "), list.etag),
    }
}

#[tokio::test]
async fn a_list_that_is_the_known_one_is_not_sent_again() {
    let registry = FakeRegistry::start();
    ["v1", "v2", "v3"].iter().for_each(|tag| drop(registry.push("acme/web", tag)));
    registry.give_etags();
    let (tags, etag) = asked(&registry, None).await;
    assert_eq!(tags, "v1 v2 v3");
    let etag = etag.expect("the only page has an ETag");
    assert_eq!(asked(&registry, Some(&etag)).await.0, "unchanged");
    assert_eq!(registry.requests()[1].if_none_match.as_deref(), Some(etag.as_str()));
    ["v4", "v5"].iter().for_each(|tag| drop(registry.push("acme/web", tag)));
    assert_eq!(asked(&registry, Some(&etag)).await.0, "v1 v2 v3 v4 v5");
    // What cannot be a header is not sent.
    assert_eq!(asked(&registry, Some("a\nb")).await.0, "v1 v2 v3 v4 v5");
}

#[tokio::test]
async fn the_etag_of_the_first_of_several_pages_is_not_used() {
    let registry = FakeRegistry::start();
    (0..25).for_each(|number| drop(registry.push("acme/web", &format!("v{number}"))));
    registry.give_etags();
    registry.page_max(9);
    assert_eq!(asked(&registry, None).await.1, None);
    assert!(registry.requests().iter().all(|request| request.if_none_match.is_none()));
    // A page of 10, 16 or 100 may be the largest that the registry gives: it stays the same when there are more tags.
    for (tags, is_used) in [(10, false), (11, true), (16, false), (100, false), (101, true)] {
        let registry = FakeRegistry::start();
        (0..tags).for_each(|number| drop(registry.push("acme/web", &format!("v{number}"))));
        registry.give_etags();
        assert_eq!(asked(&registry, None).await.1.is_some(), is_used, "{tags}");
    }
}

#[tokio::test]
async fn an_answer_that_says_unchanged_unasked_is_an_error() {
    let registry = FakeRegistry::start();
    registry.fault(Fault::status(304), 1);
    let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    assert_eq!(told, "listing tags of HOST/acme/web: HOST answered 304 Not Modified");
    registry.fault(Fault::status(304), 1);
    let web = repository(&registry.image("acme/web"));
    let listed = client().tags_if_changed(&web, &Access::default(), "not\na header").await;
    assert!(listed.is_err(), "{listed:?}");
}
