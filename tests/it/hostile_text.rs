//! Texts of objects, Secrets, servers and repositories that nobody would write: read or refused, never a panic, and what
//! was read is written as it was.

use proptest::prelude::*;
use tagwright::git::{KnownHosts, Refspec, RemoteUrl};
use tagwright::object::NamespacedName;
use tagwright::trailer::{ImageChange, append, read, read_all};

/// Texts of a few of these pieces, which mean something to the parsers.
fn text_of(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => proptest::sample::select(pieces).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

const URLS: &[&str] = &[
    "http://",
    "https://",
    "ssh://",
    "git+ssh://",
    "file://",
    "ext::",
    "git",
    "@",
    ":",
    "/",
    "//",
    "..",
    "[",
    "]",
    "::1",
    "%2e",
    "%00",
    "%2F",
    "%+1",
    "~",
    "?",
    "#",
    "-",
    "'",
    "\\",
    " ",
    "example.com",
    "22",
    "65536",
    "a.git",
];
const REFSPECS: &[&str] = &[
    "+", ":", "HEAD", "@", "refs/", "heads/", "for/", "tags/", "main", "/", "..", ".lock", "*", "^", "~", "{", "-", " ",
];
const HOSTS: &[&str] = &[
    "@revoked ",
    "@cert-authority ",
    "|1|",
    "|",
    "AAAA",
    "=",
    "*",
    "?",
    "!",
    ",",
    "[example.com]:22",
    "example.com",
    " ",
    "\n",
    "#",
    "ssh-ed25519 ",
    "AAAAC3NzaC1lZDI1NTE5AAAAIJ7yiFZJXRSEGnUNnAbhoqEKp1rnHgFRJnoCLkYqRHs5",
    "\0",
];
const MESSAGES: &[&str] = &[
    "\n",
    "\n\n",
    "Image-Change: ",
    "image-automation: ",
    "Image-Automation: a/b",
    "Image-Change-Omitted: 9",
    "key: value",
    "Signed-off-by: x",
    " ",
    "\t",
    "#",
    "---",
    " -> ",
    "\"\"",
    "> ",
    " ------------------------ >8 ------------------------",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_url_is_refused_or_means_the_same_when_it_is_written(text in text_of(URLS)) {
        drop(RemoteUrl::with_user(&text));
        if let Ok(url) = text.parse::<RemoteUrl>() {
            let shown = url.to_string();
            prop_assert!(!shown.starts_with('-') && !shown.contains(char::is_control), "{shown:?}");
            prop_assert_eq!(shown.parse::<RemoteUrl>(), Ok(url), "{:?}", shown);
        }
    }

    #[test]
    fn a_refspec_leads_to_a_reference_or_nowhere(text in text_of(REFSPECS)) {
        if let Ok(refspec) = text.parse::<Refspec>() {
            let target = refspec.target.as_str();
            prop_assert!(target.starts_with("refs/") && target.len() <= 266, "{target:?}");
            for part in ["\0", "..", " ", "*", ":", "//", ".lock/"] {
                prop_assert!(!target.contains(part), "{target:?}");
            }
        }
    }

    #[test]
    fn known_hosts_are_read_whatever_they_hold(text in text_of(HOSTS), port in prop_oneof![Just(22), any::<u16>()]) {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7yiFZJXRSEGnUNnAbhoqEKp1rnHgFRJnoCLkYqRHs5";
        let key = russh::keys::PublicKey::from_openssh(key).expect("a key");
        let known = KnownHosts::parse(text.as_bytes());
        drop(known.judge("example.com", port, &key));
        prop_assert!(known.unreadable().len() <= text.lines().count() + 1);
    }

    #[test]
    fn a_trail_is_read_as_it_was_written(message in text_of(MESSAGES), old in text_of(MESSAGES), new in text_of(MESSAGES)) {
        drop((read(&message), read_all(&message)));
        // A blank message is none.
        let message = format!("x{message}");
        let automation = NamespacedName::new("flux-system", "apps");
        let policy = NamespacedName::new("flux-system", "web");
        let change = ImageChange { policy, old: old.replace("->", ""), new: new.replace("->", "") };
        let written = append(&message, &automation, std::slice::from_ref(&change));
        let trail = read(&written).expect("a trail");
        prop_assert_eq!(trail.automation, Some(automation));
        prop_assert_eq!(trail.changes, vec![change.told()]);
    }
}
