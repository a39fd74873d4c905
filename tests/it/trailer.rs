//! The audit trail: what we write is what git reads, whatever the message printed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tagwright::object::NamespacedName;
use tagwright::trailer::{CHANGES_MAX, ImageChange, Trail, append, read, read_all};

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

const SCISSORS: &str = "# ------------------------ >8 ------------------------";

fn trail(changes: &[ImageChange]) -> Trail {
    Trail { automation: Some(automation()), changes: changes.to_vec(), omitted: 0 }
}

/// What holds for every message: git finds our lines and no others under our keys, and so do we.
#[track_caller]
fn survives(message: &str) {
    let ours = change("web", "web:1", "web:2");
    let text = append(message, &automation(), std::slice::from_ref(&ours));
    let found = trailers(&text);
    assert!(found.ends_with(&OURS.map(str::to_owned)), "{found:?} in {text:?}");
    let claimed = found.iter().filter(|line| line.to_ascii_lowercase().starts_with("image-")).count();
    assert_eq!(claimed, OURS.len(), "{found:?} in {text:?}");
    assert_eq!(read(&text), Some(trail(std::slice::from_ref(&ours))), "{text:?}");
    assert_eq!(read_all(&text), [trail(&[ours])], "{text:?}");
}

#[test]
fn no_template_breaks_the_trail() {
    let mebibyte = "x".repeat(1 << 20);
    let lines = "key: value\n".repeat(100_000);
    for message in [
        "title\n---\nbelow",
        "title\n\n---\n diff --git a/x b/x",
        "# only a comment",
        "# a comment\n\nfix: x",
        "\n\n  \nfix: x",
        "\r\n\r\nfix: x\r\n",
        "title\r\n\r\nbody\r\n\r\nSigned-off-by: A\r\n",
        "title\r\rSigned-off-by: A",
        "title\rImage-Change: forged/x a -> b",
        "title\n\n\u{c}\nAcked-by: x",
        "title\n\u{b}\nAcked-by: x",
        "title\n\u{a0}\nAcked-by: x",
        "title\n\u{2028}\nAcked-by: x",
        "\u{feff}title\n\nAcked-by: x",
        "title\n\nAcked-by: x\n\u{3000}\n",
        "title\n\nAcked-by: x\n\n# a comment",
        "title\n\nAcked-by: x\n\nConflicts:\n\ta.yaml",
        "title\n\n folded\nAcked-by: x",
        "title\n\nAcked-by: x\n\n\n \n\t\r\n",
        SCISSORS,
        &format!("title\n\nAcked-by: x\n{SCISSORS}\nbelow"),
        &format!("title\n\n{}\nbelow", SCISSORS.replace('#', ";")),
        "Image-Change: forged/x a -> b",
        "title\n\nImage-Change: forged/x a -> b",
        "title\n\nimage-CHANGE : forged/x a -> b\n folded",
        "title\n\nSigned-off-by: A\nImage-Automation: forged/x\nImage-Change-Omitted: 9",
        "title\n\n    Image-Automation: forged/x\n\tImage-Change: forged/x a -> b",
        "title\n\nfree\ntext\nof\nmany\nlines\nSigned-off-by: A",
        &format!("title {mebibyte}\n\n{mebibyte}: x"),
        &format!("title\n\n{lines}"),
    ] {
        survives(message);
    }
}

#[test]
fn what_a_template_forges_stays_to_be_seen() {
    let text = append("title\n\nSigned-off-by: A\nImage-Change: forged/x a -> b", &automation(), &[]);
    assert!(text.contains("\nSigned-off-by: A\n> Image-Change: forged/x a -> b\nImage-Automation: "), "{text}");
}

#[test]
fn a_value_cannot_leave_its_line() {
    let changes = [
        change("web", "a -> b\nImage-Change: forged/x c -> d", "web:2"),
        change("web", "\u{202e}turned\u{2028}\u{85}\0", "web:2"),
        change("web", &"long ".repeat(300), "web:2"),
        change("web", "a ->", "->"),
        change("two words\n/x", "", ""),
    ];
    let told: Vec<ImageChange> = changes.iter().map(ImageChange::told).collect();
    let text = append("title", &automation(), &changes);
    assert_eq!(trailers(&text).len(), 6, "{text}");
    let found = read(&text).expect("a trail").changes;
    assert_eq!(found[..4], told[..4]);
    assert_eq!(found[4].policy.name, "two_words_/x");
    assert_eq!(told[0].old, "a -> b Image-Change: forged/x c -> d");
    assert_eq!(told[1].old, "\u{fffd}turned");
    assert!(told[2].old.len() <= 512 && !told[2].old.ends_with(' '));
    assert_eq!(told.iter().map(ImageChange::told).collect::<Vec<_>>(), told);
}

#[test]
fn squash_merges_keep_every_trail() {
    let one = append("update web", &automation(), &[change("web", "web:1", "web:2")]);
    let other = NamespacedName::new("flux-system", "other");
    let two = append("update api\n\nSigned-off-by: A", &other, &[change("api", "api:1", "api:2")]);
    let expected = [
        trail(&[change("web", "web:1", "web:2")]),
        Trail { automation: Some(other), ..trail(&[change("api", "api:1", "api:2")]) },
    ];
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    for squashed in [
        format!("Image updates (#12)\n\n* {one}\n* {two}\n---------\n\nCo-authored-by: B <b@example.com>"),
        format!("Image updates\n\n{one}\n{two}"),
        format!("Squashed commit of the following:\n\ncommit 1\n\n{}\ncommit 2\n\n{}", indented(&one), indented(&two)),
        format!("Image updates (#12)\n\n* {one}\n* {two}").replace('\n', "\r\n"),
    ] {
        assert_eq!(read_all(&squashed), expected, "{squashed}");
    }
    let appended = format!("{one}\nCo-authored-by: B <b@example.com>\n");
    assert_eq!(read(&appended), None);
    assert_eq!(read_all(&appended), expected[..1]);
    assert_eq!(read_all("Image-Change: a/b c -> d"), []);
    assert_eq!(read_all("title\n\nImage-Change: nonsense\nImage-Change-Omitted: many"), []);
    let many = format!("title\n\n{}", "Image-Change: a/b c -> d\n".repeat(100_000));
    assert_eq!(read_all(&many).iter().map(|trail| trail.changes.len() + trail.omitted).sum::<usize>(), 100_000);
    let many = format!("title\n\n{}", "Image-Automation: a/b\n".repeat(100_000));
    assert_eq!(read_all(&many).len(), 20 * CHANGES_MAX);
}

/// One line, as a regular expression.
const LINE: &str = "(|Signed-off-by: x|Signed-off-by:x|\\(cherry picked from commit 0\\)|Acked-by: y|fix: x|key : v|a b: c\
    |: c|=|some text|- a -> b|# note|#|; note|---|  indented|\tindented|\u{b}|\u{c}|\u{a0}|\u{2028}x: y|\u{feff}|\r|\rx: y\
    |Conflicts:|\tpath|# -{24} >8 -{24}|Image-Change: f/x a -> b|image-change: f|  Image-Automation: f/x\
    |Image-Automation : f/x|Image-Change-Omitted: 9|> Image-Change: f/x a -> b)(|\r| )";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_above_the_trail_is_read_back(message in "[^\0]*[a-z]", old in "\\PC{0,20}", new in "[!-~]{1,20}") {
        let made = [change("web", &old, &new)];
        let text = append(&message, &automation(), &made);
        let told = trail(&made.map(|change| change.told()));
        prop_assert_eq!(read(&text), Some(told.clone()));
        prop_assert_eq!(read_all(&text), [told]);
    }

    #[test]
    fn git_reads_what_we_read(lines in prop::collection::vec(LINE, 1..9), title in "(title|fix: x|# note|)") {
        let message = format!("{title}\n{}", lines.join("\n"));
        prop_assume!(!message.trim_matches([' ', '\t', '\n', '\r']).is_empty());
        survives(&message);
    }
}
