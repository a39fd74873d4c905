//! The name that somebody probably meant.

use tagwright::nearest::nearest;

#[test]
fn a_slip_of_the_pen_is_a_third_of_the_letters_at_most() {
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(nearest(name, ["resources", "images", "replicas"].into_iter()), expected, "{name}");
    };
    check("resource", Some("resources"));
    check("RESOURCES", Some("resources"));
    check("imagse", Some("images"));
    check("resplicas", Some("replicas"));
    check("image", Some("images"));
    check("img", None);
    check("volumes", None);
    check("", None);
    check(&"resources".repeat(1000), None);
}
