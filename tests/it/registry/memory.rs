//! How much memory a listing takes: of the program, as the system counts it, beside one that lists a single tag.

use std::process::Command;

use crate::servers::fake_registry::{FakeRegistry, Fault};

/// The most memory that `tagwright scan` had, in KiB.
fn peak(registry: &FakeRegistry, more: &[&str]) -> u64 {
    peak_of(&[&[registry.image("acme/web").as_str()], more].concat())
}

fn peak_of(arguments: &[&str]) -> u64 {
    let script = "import resource, subprocess, sys\n\
        subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False)\n\
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut command = Command::new("python3");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tagwright"), "scan"]).args(arguments);
    let output = command.env("HOME", "/nowhere").output();
    let output = output.expect("`python3` runs (it is in Debian's package: apt-get install python3)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn names(count: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("\"main-0f1e2d3-{}\"", 1_700_000_000 + number)).collect();
    format!("{{\"name\":\"acme/web\",\"tags\":[{}]}}", names.join(","))
}

#[test]
fn a_hundred_thousand_tags_take_at_most_twenty_megabytes() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "1.0.0");
    let base = peak(&registry, &[]);
    for more in [&[][..], &["-o", "json"]] {
        registry.fault(Fault::answer(200, &[], names(100_000)), 1);
        let grown = peak(&registry, more).saturating_sub(base);
        println!("100,000 tags in one page {more:?}: {grown} KiB more than one tag");
        assert!(grown <= 20_000, "{grown} KiB more");
    }
}

#[test]
fn hostile_lists_take_no_memory() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "1.0.0");
    let base = peak(&registry, &[]);
    let endless_field = Fault::EndlessAfter("{\"x\":\"");
    let endless_number = Fault::EndlessAfter("{\"x\":1");
    for (name, fault) in [("blanks", Fault::Endless), ("text", endless_field), ("number", endless_number)] {
        registry.fault(fault, 1);
        let grown = peak(&registry, &["--timeout", "3"]).saturating_sub(base);
        println!("endless {name}: {grown} KiB more than one tag");
        assert!(grown <= 10_000, "{name}: {grown} KiB more");
    }
    registry.fault(Fault::EndlessPages, usize::MAX);
    let grown = peak(&registry, &["--timeout", "10"]).saturating_sub(base);
    println!("endless pages: {grown} KiB more than one tag");
    assert!(grown <= 10_000, "{grown} KiB more");
}

#[test]
fn hostile_referrers_and_manifests_take_no_memory() {
    let registry = FakeRegistry::start();
    let subject = registry.push("acme/web", "1.0.0");
    let base = peak(&registry, &[]);
    let image = registry.image(&format!("acme/web@{subject}"));
    let kind = "x".repeat(255);
    let entry = |number: usize| format!(r#"{{"digest":"sha256:{number:064x}","artifactType":"{kind}"}}"#);
    let page = format!(r#"{{"manifests":[{}]}}"#, (0..1000).map(entry).collect::<Vec<_>>().join(","));
    registry.fault(Fault::answer(200, &[("link", "<?again>; rel=next")], page), 100);
    let grown = peak_of(&["--referrers", &image]).saturating_sub(base);
    println!("endless pages of referrers: {grown} KiB more than one tag");
    assert!(grown <= 20_000, "{grown} KiB more");
    assert!(registry.requests().len() < 20, "{}", registry.requests().len());
    let registry = FakeRegistry::start();
    let subject = registry.push("acme/web", "1.0.0");
    registry.fault(Fault::EndlessAfter("{\"x\":\""), 1);
    let image = registry.image(&format!("acme/web@{subject}"));
    let grown = peak_of(&["--referrers", &image]).saturating_sub(base);
    println!("an endless list of referrers: {grown} KiB more than one tag");
    assert!(grown <= 20_000, "{grown} KiB more");
}
