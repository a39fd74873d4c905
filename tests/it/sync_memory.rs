//! What `sync` remembers: what was latest, which digests tags had, and what was scanned when.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{run, run_with_input, signal, wait_for};
use crate::servers::fake_registry::Fault;
use crate::world::World;

fn listings(world: &World) -> usize {
    world.registry.calls().iter().filter(|call| call.contains("/tags/list")).count()
}

fn policy_of(world: &World, more: &[&str]) -> Value {
    let args = [&["-o", "json"], more].concat();
    world.sync(&args).code_is(0).json()["policies"][0].clone()
}

fn tag(policy: &Value) -> &str {
    policy["latest"]["tag"].as_str().expect("a tag")
}

fn reason(policy: &Value) -> &str {
    policy["reason"].as_str().expect("a reason")
}

/// `sync --every` over a world, started.
fn repeat(world: &World, every: &str) -> Child {
    let mut command = world.sync_command("state", &["--every", every, "-o", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn end(child: Child) -> String {
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_tag_that_vanished_stays_latest_until_a_spec_changes() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.registry.remove("acme/web", "1.0.1");
    let policy = policy_of(&world, &[]);
    assert_eq!((tag(&policy), &policy["kept"]), ("1.0.1", &Value::Bool(true)));
    assert_eq!(reason(&policy), "1.0.1 vanished from the registry; keeping it, since 1.0.0 is older");
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
    // All tags are gone.
    world.registry.remove("acme/web", "1.0.0");
    let policy = policy_of(&world, &[]);
    assert_eq!(reason(&policy), "1.0.1 vanished from the registry; keeping it, since no other tag qualifies");
    world.registry.push("acme/web", "1.0.0");
    // What says nothing about tags changes nothing.
    world.edit("interval: 1m}", "interval: 2m}");
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.1");
    world.edit("range: '^1'", "range: '^1.0'");
    let policy = policy_of(&world, &[]);
    assert_eq!(
        (tag(&policy), &policy["kept"], &policy["downgrade"]),
        ("1.0.0", &Value::Bool(false), &Value::Bool(true))
    );
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.0"));
    // Upwards without asking.
    world.registry.push("acme/web", "1.0.3");
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.3");
}

#[test]
fn who_asks_for_an_older_image_gets_it() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.registry.remove("acme/web", "1.0.1");
    assert_eq!(tag(&policy_of(&world, &["--dry-run", "--allow-older"])), "1.0.0");
    // Nothing comes of a dry run.
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.1");
    assert_eq!(tag(&policy_of(&world, &["--allow-older"])), "1.0.0");
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.0"));
    world.registry.push("acme/web", "1.0.2");
    world.sync(&[]).ok();
    world.registry.remove("acme/web", "1.0.2");
    let annotated = |tag: &str| {
        format!("kind: ImagePolicy\nmetadata: {{annotations: {{tagwright.dev/allow-older: '{tag}'}}, name: web")
    };
    world.edit("kind: ImagePolicy\nmetadata: {name: web", &annotated("0.9.0"));
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.2");
    world.edit("'0.9.0'", "'1.0.0'");
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.0");
}

#[test]
fn a_moved_tag_is_reported_once_or_blocked() {
    let world = World::simple();
    world.edit("  policy: {semver", "  onMovedTag: report\n  policy: {semver");
    let first = world.registry.push("acme/web", "1.0.1");
    world.sync(&[]).ok();
    let second = world.registry.push_manifest("acme/web", "1.0.1", b"{\"other\": true}");
    let told = world.sync(&[]).code_is(0);
    let expected = format!("ImagePolicy flux-system/web: tag 1.0.1 moved from {first} to {second}, seen since ");
    assert!(told.stderr.contains(&expected), "{}", told.stderr);
    assert!(!world.sync(&[]).code_is(0).stderr.contains("moved from"));
    world.edit("onMovedTag: report", "onMovedTag: block");
    let policy = policy_of(&world, &[]);
    assert_eq!((tag(&policy), &policy["kept"]), ("1.0.1", &Value::Bool(true)));
    let expected = format!("1.0.1 is blocked since it moved from {first} to {second}, seen since ");
    assert!(reason(&policy).starts_with(&expected), "{policy}");
    assert_eq!(policy["passedOver"][0]["tag"], "1.0.1");
    // A new tag goes its way.
    world.registry.push("acme/web", "1.0.2");
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.2");
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.2"));
}

#[test]
fn a_tag_waits_until_its_digest_is_old_enough() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.edit("  policy: {semver", "  minAge: 4s\n  policy: {semver");
    world.registry.push("acme/web", "1.1.0");
    // The policy asks for more caution: that is no reason to go back.
    let policy = policy_of(&world, &[]);
    assert_eq!((tag(&policy), &policy["kept"]), ("1.0.1", &Value::Bool(true)));
    assert_eq!(policy["passedOver"][0]["tag"], "1.1.0");
    assert!(reason(&policy).contains("is too new: its digest is seen since"), "{policy}");
    std::thread::sleep(Duration::from_millis(4100));
    // Somebody pushed it again meanwhile: its time starts anew, and the one that was waiting longest is taken.
    world.registry.push_manifest("acme/web", "1.1.0", b"{\"other\": true}");
    assert_eq!(tag(&policy_of(&world, &[])), "1.0.1");
    std::thread::sleep(Duration::from_millis(4100));
    let policy = policy_of(&world, &[]);
    assert_eq!((tag(&policy), &policy["kept"]), ("1.1.0", &Value::Bool(false)));
}

#[test]
fn what_was_latest_before_is_told_where_no_field_tells() {
    let world = World::simple();
    world.git.commit("app.git", "main", &[("apps/web.yaml", "no: marker\n")], "nothing to update");
    let web = |tag: &str| Value::from(world.registry.image(&format!("acme/web:{tag}")));
    assert_eq!(policy_of(&world, &[])["was"], serde_json::json!([]));
    world.registry.push("acme/web", "1.0.2");
    assert_eq!(policy_of(&world, &[])["was"], serde_json::json!([web("1.0.1")]));
    let again = policy_of(&world, &[]);
    assert_eq!((&again["was"], tag(&again)), (&serde_json::json!([web("1.0.2")]), "1.0.2"));
    world.edit("range: '^1'", "range: '<1.0.2'");
    let older = policy_of(&world, &[]);
    assert_eq!((&older["was"], &older["downgrade"]), (&serde_json::json!([web("1.0.2")]), &Value::Bool(true)));
}

#[test]
fn a_policy_without_a_past_waits_for_its_first_tag() {
    let world = World::simple();
    world.edit("  policy: {semver", "  minAge: 1h\n  policy: {semver");
    let report = world.sync(&["-o", "json"]).code_is(2).json();
    let error = report["policies"][0]["error"]["message"].as_str().expect("an error");
    assert!(error.contains("acme/web qualifies: 1.0.1 is too new: its digest is seen since"), "{error}");
    assert_eq!(world.git.log("app.git", "main"), ["first"]);
}

#[test]
fn a_digest_that_is_there_is_kept_across_runs() {
    let world = World::simple();
    let digest = world.registry.push("acme/web", "1.0.1");
    world.edit("  policy: {semver", "  digestReflectionPolicy: IfNotPresent\n  policy: {semver");
    let policy = policy_of(&world, &[]);
    assert_eq!(policy["latest"]["digest"], digest.as_str());
    world.registry.push_manifest("acme/web", "1.0.1", b"{\"other\": true}");
    world.registry.forget_requests();
    assert_eq!(policy_of(&world, &[])["latest"]["digest"], digest.as_str());
    assert_eq!(world.registry.calls(), ["GET /v2/acme/web/tags/list?n=1000"]);
}

#[test]
fn a_restart_scans_nothing_that_is_fresh() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.registry.forget_requests();
    let child = repeat(&world, "50ms");
    std::thread::sleep(Duration::from_secs(1));
    // Policies that change are decided by the tags that are known.
    world.edit("range: '^1'", "range: '<1.0.1'");
    wait_for(|| world.web_image("main") == world.registry.image("acme/web:1.0.0"));
    assert_eq!(listings(&world), 0, "{:?}", world.registry.calls());
    // An image repository that changes is scanned, once.
    world.edit("interval: 1m}", "interval: 2m}");
    wait_for(|| listings(&world) == 1);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(listings(&world), 1);
    let annotated = "kind: ImageRepository\nmetadata: {annotations: {reconcile.fluxcd.io/requestedAt: now}, name: web";
    world.edit("kind: ImageRepository\nmetadata: {name: web", annotated);
    wait_for(|| listings(&world) == 2);
    end(child);
    // Who asks by hand asks now.
    world.sync(&[]).ok();
    assert_eq!(listings(&world), 3);
}

#[test]
fn each_repository_is_scanned_at_its_own_interval() {
    let world = World::simple();
    world.edit("interval: 1m}", "interval: 500ms}");
    let child = repeat(&world, "20ms");
    wait_for(|| listings(&world) == 1);
    let start = Instant::now();
    wait_for(|| listings(&world) == 7);
    let took = start.elapsed();
    end(child);
    assert!(took > Duration::from_millis(2500), "six intervals in {took:?}");
}

#[test]
fn objects_of_one_repository_share_its_listing_and_not_their_exclusions() {
    let world = World::simple();
    let again = crate::world::policy("other", "^1").replace("REGISTRY/acme/other", "REGISTRY/acme/web");
    world.objects("other.yaml", &again.replace("interval: 1m}", "interval: 7m, exclusionList: ['1$']}"));
    world.registry.forget_requests();
    let report = world.sync(&["-o", "json"]).code_is(0).json();
    let tags: Vec<&str> = report["policies"].as_array().expect("policies").iter().map(tag).collect();
    assert_eq!(tags, ["1.0.0", "1.0.1"]);
    assert_eq!(listings(&world), 1);
}

#[test]
fn a_repository_that_fails_is_asked_less_and_less_and_disturbs_no_other() {
    let world = World::simple();
    world.scan_every("100ms");
    world.objects("gone.yaml", &crate::world::policy("gone", "^1").replace("interval: 1m}", "interval: 100ms}"));
    let child = repeat(&world, "50ms");
    std::thread::sleep(Duration::from_millis(2000));
    world.registry.push("acme/web", "1.0.2");
    wait_for(|| world.web_image("main") == world.registry.image("acme/web:1.0.2"));
    let calls = world.registry.calls();
    // What pushed it may have been about that policy alone; rounds of the whole follow.
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2), "the last round had a failure");
    let gone = calls.iter().filter(|call| call.contains("/acme/gone/tags/list")).count();
    assert!((2..=6).contains(&gone), "{gone} of {calls:?}");
}

#[test]
fn a_failure_and_its_end_are_told_once() {
    let world = World::simple();
    world.scan_every("100ms");
    let mut command = world.sync_command("state", &["--every", "200ms", "-o", "json"]);
    let told = std::fs::File::create(world.path("told")).expect("a file");
    let child = command.stdout(told).stderr(Stdio::null()).spawn().expect("the program starts");
    let rounds = || -> Vec<Value> {
        let told = std::fs::read_to_string(world.path("told")).expect("what was told");
        told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let fails = |round: &Value| !round["policies"][0]["error"].is_null();
    wait_for(|| rounds().len() == 1);
    // Long enough for some rounds of the whole world: each try comes later than the one before.
    world.registry.fault(Fault::status(404), 3);
    wait_for(|| rounds().iter().any(fails));
    wait_for(|| rounds().iter().rposition(fails) < Some(rounds().len() - 1));
    std::thread::sleep(Duration::from_secs(1));
    end(child);
    let rounds = rounds();
    assert_eq!(rounds.iter().map(fails).collect::<Vec<_>>(), [false, true, false], "{rounds:#?}");
    // The marker that was left is told with it.
    let marker = &rounds[1]["automations"][0]["ignored"][0];
    assert_eq!(marker["reason"], "policy flux-system/web has no latest image");
}

#[test]
fn a_ledger_that_another_run_holds_is_told_and_gone_without() {
    let world = World::simple();
    let child = repeat(&world, "1h");
    wait_for(|| world.git.log("app.git", "main").len() == 2);
    let told = world.sync(&[]).code_is(0).stderr;
    assert!(told.contains("is in use by another run: this run goes without a memory"), "{told}");
    // What was built when can be asked again, so that there is nothing to tell.
    let (image, state) = (world.registry.image("acme/web"), world.path("state").display().to_string());
    let told = run(["scan", "--created", &image, "--state", &state]).stderr;
    assert!(!told.contains("in use"), "{told}");
    end(child);
}

#[test]
fn select_asks_a_running_service_since_when_it_saw_a_digest() {
    let world = World::simple();
    let digest = world.registry.push("acme/web", "1.0.1");
    let (image, state) = (world.registry.image("acme/web"), world.path("state").display().to_string());
    let since = "2020-01-01T00:00:00Z";
    let fact =
        json!({"kind": "digest", "repository": image, "access": "", "tag": "1.0.1", "digest": digest, "since": since});
    let child = repeat(&world, "1h");
    wait_for(|| world.git.log("app.git", "main").len() == 2);
    run_with_input(["ledger", "import", "-", "--state", &state], &fact.to_string()).code_is(0);
    let before = run(["ledger", "export", "--state", &state]).ok();
    let args = ["select", &image, "--semver", "^1", "--min-age", "7d", "--on-moved-tag", "block", "--state", &state];
    let told = run(args).code_is(0);
    assert_eq!((told.stdout, told.stderr), (format!("{image}:1.0.1\n"), String::new()));
    assert_eq!(run(["ledger", "export", "--state", &state]).ok(), before);
    world.registry.push_manifest("acme/web", "1.0.1", b"{\"other\": true}");
    let reason = run([&args[..], &["--explain"]].concat()).code_is(1).stdout;
    assert!(reason.contains("is too new: its digest is seen since"), "{reason}");
    end(child);
}

#[test]
fn when_an_image_was_built_is_read_once_and_its_index_once_each_time() {
    let world = World::simple();
    let content = |json: serde_json::Value| json.to_string().into_bytes();
    let config = world.registry.push_content(&content(json!({"created": "2024-01-02T03:04:05Z"})));
    let image = world.registry.push_content(&content(json!({"config": {"digest": config}})));
    let platform = json!({"os": "linux", "architecture": "amd64"});
    let index = json!({"manifests": [{"digest": image, "platform": platform}]});
    world.registry.push_manifest("acme/many", "1", &content(index));
    let name = world.registry.image("acme/many");
    let asked = |more: &[&str]| {
        world.registry.forget_requests();
        let state = world.path("state").display().to_string();
        let told = run([&["scan", &name, "--created", "--state", &state], more].concat()).ok();
        assert!(told.contains("2024-01-02T03:04:05Z"), "{told}");
        let calls =
            world.registry.calls().into_iter().filter(|call| call.contains("/manifests/") || call.contains("/blobs/"));
        calls.map(|call| call.replace("/v2/acme/many/", "")).collect::<Vec<_>>()
    };
    let (manifest, blob) = (format!("GET manifests/{image}"), format!("GET blobs/{config}"));
    assert_eq!(asked(&["--platform", "linux/amd64"]), ["GET manifests/1", &manifest, &blob]);
    assert_eq!(asked(&["--platform", "linux/amd64"]), ["GET manifests/1"]);
    // What is known of the image is known however it was found.
    assert_eq!(asked(&[]), ["HEAD manifests/1", "GET manifests/1"]);
    assert_eq!(asked(&[]), ["HEAD manifests/1"]);
}

#[test]
fn digests_are_asked_from_the_best_tag_down_twenty_at_a_time() {
    let world = World::simple();
    let digests: Vec<String> = (0..30).map(|patch| world.registry.push("acme/web", &format!("1.1.{patch}"))).collect();
    let (image, state) = (world.registry.image("acme/web"), world.path("state").display().to_string());
    let asked = || {
        world.registry.forget_requests();
        let args =
            ["select", &image, "--semver", "^1", "--min-age", "1h", "--explain", "-o", "json", "--state", &state];
        let answer = run(args).json();
        let asked = world.registry.calls().into_iter().filter(|call| call.contains("/manifests/")).collect::<Vec<_>>();
        (answer, asked)
    };
    let (answer, calls) = asked();
    assert_eq!(
        calls,
        (10..30).rev().map(|patch| format!("HEAD /v2/acme/web/manifests/1.1.{patch}")).collect::<Vec<_>>()
    );
    let reason = |at: usize| answer["tags"][at]["reason"].as_str().expect("a reason");
    assert!(reason(19).starts_with("is too new: "), "{answer}");
    assert_eq!(reason(20), "has a digest that is not known yet: those of better tags are asked for first");
    // Further down a tag qualifies that is known for long enough; it alone has to be asked for.
    let fact = json!({"kind": "digest", "repository": image, "access": "", "tag": "1.1.4", "digest": digests[4], "since": "2020-01-01T00:00:00Z"});
    run_with_input(["ledger", "import", "-", "--state", &state], &fact.to_string()).code_is(0);
    let (answer, calls) = asked();
    assert_eq!((&answer["latest"]["tag"], calls.len()), (&json!("1.1.4"), 1), "{calls:?}");
}

#[test]
fn select_tells_each_time_that_a_tag_has_moved() {
    let world = World::simple();
    let (image, state) = (world.registry.image("acme/web"), world.path("state").display().to_string());
    let args = ["select", &image, "--semver", "^1", "--state", &state, "--on-moved-tag", "report"];
    let first = world.registry.push("acme/web", "1.0.1");
    assert_eq!(run(args).code_is(0).stderr, "");
    let second = world.registry.push_manifest("acme/web", "1.0.1", b"{\"other\": true}");
    let moved = format!("moved from {first} to {second}, seen since ");
    for _ in 0..2 {
        let told = run([&args[..], &["-o", "json", "--explain"]].concat()).code_is(0);
        assert!(told.stderr.contains(&format!("warning: tag 1.0.1 {moved}")), "{}", told.stderr);
        let answer = told.json();
        assert_eq!((&answer["latest"]["tag"], &answer["latest"]["digest"]), (&json!("1.0.1"), &json!(second)));
        let reason = answer["tags"][0]["reason"].as_str().expect("a reason");
        assert!(reason.contains(&format!("; {moved}")), "{reason}");
    }
}

#[test]
fn select_asks_for_ages_on_the_command_line() {
    let world = World::simple();
    let image = world.registry.image("acme/web");
    let state = world.path("state").display().to_string();
    let select = |more: &[&str]| run([&["select", &image, "--semver", "^1", "--state", &state], more].concat());
    let explained = select(&["--min-age", "7d", "--explain", "-o", "json"]).code_is(1).json();
    assert_eq!(explained["tags"][0]["tag"], "1.0.1");
    assert_eq!(explained["tags"][0]["verdict"], "rejected");
    let reason = explained["tags"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("is too new: its digest is seen since ") && reason.contains("7d old at"), "{reason}");
    std::thread::sleep(Duration::from_millis(1100));
    world.registry.push("acme/web", "1.0.2");
    let explained = select(&["--min-age", "1s", "--explain", "-o", "json"]).code_is(0).json();
    assert_eq!(explained["latest"]["tag"], "1.0.1", "{explained}");
    world.registry.push_manifest("acme/web", "1.0.1", b"{\"other\": true}");
    let explained = select(&["--on-moved-tag", "block", "--explain", "-o", "json"]).code_is(0).json();
    assert_eq!(explained["latest"]["tag"], "1.0.2", "{explained}");
    let digest = world.registry.push("acme/web", "1.0.2");
    assert_eq!(explained["latest"]["digest"], digest.as_str());
    assert_eq!(select(&["-o", "json"]).code_is(0).json()["latest"]["digest"], Value::Null, "nobody asked");
    world.registry.remove("acme/web", "1.0.2");
    let explained = select(&["--on-moved-tag", "block", "--explain", "-o", "json"]).code_is(0).json();
    assert_eq!(explained["latest"]["tag"], "1.0.0", "{explained}");
}
