//! The audit trail: what we write is what git reads, whatever the message printed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tagwright::object::NamespacedName;
use tagwright::trailer::{CHANGES_MAX, ImageChange, append, read};

fn change(policy: &str, old: &str, new: &str) -> ImageChange {
    ImageChange { policy: NamespacedName::new("flux-system", policy), old: old.to_owned(), new: new.to_owned() }
}

fn automation() -> NamespacedName {
    NamespacedName::new("flux-system", "apps")
}

/// The trailers that git itself finds in a message.
fn trailers(message: &str) -> Vec<String> {
    let mut git = Command::new("git")
        .args(["interpret-trailers", "--parse", "--no-divider"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git is installed (apt-get install git)");
    git.stdin.take().expect("a pipe").write_all(message.as_bytes()).expect("git reads its input");
    let output = git.wait_with_output().expect("git ends");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

const OURS: [&str; 2] = ["Image-Automation: flux-system/apps", "Image-Change: flux-system/web web:1 -> web:2"];

#[test]
fn git_finds_our_trailers_and_those_that_were_there() {
    let check = |message: &str, before: &[&str]| {
        let text = append(message, &automation(), &[change("web", "web:1", "web:2")]);
        let expected: Vec<&str> = before.iter().chain(&OURS).copied().collect();
        assert_eq!(trailers(&text), expected, "{text:?}");
        assert!(text.starts_with(message.trim_end()), "{text:?}");
    };
    check("title", &[]);
    check("title\n", &[]);
    check("title\n\nbody\n", &[]);
    check("title\n\nbody\n\nSigned-off-by: A <a@example.com>\n", &["Signed-off-by: A <a@example.com>"]);
    check("title\n\nSigned-off-by: A <a@example.com>\n\n\n", &["Signed-off-by: A <a@example.com>"]);
    // One paragraph is a title, never a block.
    check("title\nSigned-off-by: A <a@example.com>", &[]);
    check("Reviewed-by: B", &[]);
    // A mixed paragraph with a line that git generates is a block.
    check("title\n\nfree text\nSigned-off-by: A <a@example.com>", &["Signed-off-by: A <a@example.com>"]);
    // Mixed without one is text.
    check("title\n\nfree text\nReviewed-by: B", &[]);
    check("title\n\nReviewed-by: B\n  continued", &["Reviewed-by: B continued"]);
    check("title\n\n- a -> b\n- c -> d", &[]);
    check("title\n\nFiles:\n- a.yaml", &[]);
    check("title\n\n---\n\nbelow a divider", &[]);
    check("title\n\n# a comment\nAcked-by: C", &["Acked-by: C"]);
    check("title\n\nAcked-by: C\n# a comment", &["Acked-by: C"]);
    // To git a lone link is a trailer too.
    check("title\n\nhttps://example.com", &["https: //example.com"]);
    check("title\n\n(cherry picked from commit 0123abc)", &[]);
}

#[test]
fn changes_are_distinct_and_on_one_line() {
    let changes = [
        change("web", "web:1", "web:2"),
        change("web", "web:1", "web:2"),
        change("api", "docker run\n  api:1", "api:2"),
        change("empty", "", "x:1"),
    ];
    let text = append("title", &automation(), &changes);
    let expected = "title\n\nImage-Automation: flux-system/apps\n\
        Image-Change: flux-system/web web:1 -> web:2\n\
        Image-Change: flux-system/api docker run api:1 -> api:2\n\
        Image-Change: flux-system/empty \"\" -> x:1\n";
    assert_eq!(text, expected);
    let trail = read(&text).expect("a trail");
    assert_eq!(trail.automation, Some(automation()));
    assert_eq!(
        trail.changes,
        [change("web", "web:1", "web:2"), change("api", "docker run api:1", "api:2"), change("empty", "", "x:1")]
    );
}

#[test]
fn changes_beyond_the_limit_are_counted() {
    let changes: Vec<ImageChange> = (0..CHANGES_MAX + 7).map(|n| change(&format!("p{n}"), "a:1", "a:2")).collect();
    let trail = read(&append("title", &automation(), &changes)).expect("a trail");
    assert_eq!((trail.changes.len(), trail.omitted), (CHANGES_MAX, 7));
}

#[test]
fn messages_of_others_carry_no_trail() {
    for message in [
        "",
        "title",
        "title\n\nbody",
        "title\n\nSigned-off-by: A",
        "Image-Automation: a/b",
        "title\n\nImage-Automation: a/b\n\nmore text",
    ] {
        assert_eq!(read(message), None, "{message:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_above_the_trail_is_read_back(message in "[^\0]*[a-z]", old in "[ -~]{0,20}", new in "[a-z0-9:.]{1,20}") {
        let text = append(&message, &automation(), &[change("web", &old, &new)]);
        let trail = read(&text).expect("a trail");
        prop_assert_eq!(trail.automation, Some(automation()));
        prop_assert_eq!(trail.changes[0].new.as_str(), new.as_str());
    }

    #[test]
    fn git_reads_what_we_read(paragraphs in prop::collection::vec("(Signed-off-by: x|Acked-by: y|some text|# note|  indented|a: b|: c|- d)(\n(Signed-off-by: x|Acked-by: y|some text|  indented|key : v)){0,3}", 1..4)) {
        let text = append(&format!("title\n\n{}", paragraphs.join("\n\n")), &automation(), &[change("web", "web:1", "web:2")]);
        let found = trailers(&text);
        prop_assert!(found.ends_with(&OURS.map(str::to_owned)), "{:?} in {:?}", found, text);
    }
}
