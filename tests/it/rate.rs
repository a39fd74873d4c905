//! Limits per host: the pure parts with a time of their own, and lanes against servers that count.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tagwright::net::header::{HeaderMap, HeaderName, HeaderValue};
use tagwright::net::{Asker, Bucket, Quota, Rate, Standing, Told, quota};
use tokio::time::Instant;

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("above zero")
}

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { burst: number(burst), ..Rate::per_second(number(per_second)) }
}

/// When each of `requests` goes, in milliseconds, if one asks again as soon as the bucket says plus `late`.
fn times(rate: Rate, requests: usize, late: impl Fn(usize) -> Duration) -> Vec<u128> {
    let begin = Instant::now();
    let (mut bucket, mut now) = (Bucket::default(), begin);
    let times = (0..requests).map(|request| {
        while let Err(at) = bucket.take(rate, now) {
            assert!(at > now);
            now = at + late(request);
        }
        now.duration_since(begin).as_millis()
    });
    times.collect()
}

fn most_in_a_second(times: &[u128]) -> usize {
    let within = |from: u128| times.iter().filter(|at| (from..from + 1000).contains(at)).count();
    times.iter().map(|from| within(*from)).max().unwrap_or_default()
}

#[test]
fn a_bucket_lets_a_burst_go_and_spreads_the_rest() {
    let on_time = |_| Duration::ZERO;
    assert_eq!(times(rate(10, 3), 7, on_time), [0, 0, 0, 98, 198, 298, 398]);
    assert_eq!(times(rate(2, 1), 4, on_time), [0, 498, 1050, 1548]);
    assert_eq!(times(rate(1, 1), 3, on_time), [0, 1050, 2100]);
    // A burst as large as the limit cannot pass it.
    assert_eq!(times(rate(4, 100), 6, on_time), [0, 0, 0, 0, 1050, 1050]);
}

#[test]
fn a_thousand_requests_take_as_long_as_their_limit_asks() {
    for burst in [1, 5, 20, 200] {
        for late in [0u64, 900, 1900] {
            let times = times(rate(200, burst), 1000, |_| Duration::from_micros(late));
            assert!(most_in_a_second(&times) <= 200, "burst {burst}, {late} µs late");
            let last = *times.last().expect("a thousand");
            assert!((4100..=5450).contains(&last), "burst {burst}, {late} µs late: {last} ms");
        }
    }
}

proptest! {
    #[test]
    fn no_second_has_more_requests_than_the_limit(
        per_second in 1u32..300, burst in 1u32..400, idle in proptest::collection::vec(0u64..3000, 1..200),
    ) {
        let begin = Instant::now();
        let (mut bucket, mut now, mut times) = (Bucket::default(), begin, Vec::new());
        for pause in idle {
            now += Duration::from_millis(if pause > 2500 { pause } else { pause / 500 });
            if bucket.take(rate(per_second, burst), now).is_ok() {
                times.push(now.duration_since(begin).as_millis());
            }
        }
        prop_assert!(most_in_a_second(&times) <= per_second as usize);
    }
}

#[test]
fn quotas_are_read_in_all_their_dialects() {
    let now: Timestamp = "2026-11-21T08:00:00Z".parse().expect("a time");
    let check = |headers: &[(&str, &str)], expected: Option<(u64, u64)>| {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"))
        };
        let found = quota(&headers.iter().map(pair).collect::<HeaderMap>(), now);
        let expected = expected.map(|(remaining, seconds)| Quota { remaining, resets: Duration::from_secs(seconds) });
        assert_eq!(found, expected, "{headers:?}");
    };
    // Docker Hub.
    check(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")], Some((76, 21600)));
    check(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0")], Some((0, 21600)));
    // The IETF draft, as it is and as it was.
    check(&[("ratelimit", "\"default\";r=50;t=30")], Some((50, 30)));
    check(&[("ratelimit", "\"a\";r=5, \"b\";r=3;t=9"), ("ratelimit-policy", "\"a\";q=9;w=1")], Some((3, 9)));
    check(&[("ratelimit", "\"a\";r=0"), ("ratelimit-policy", "\"b\";q=1;w=2, \"a\";q=9;w=60")], Some((0, 60)));
    check(&[("ratelimit", "limit=100, remaining=50, reset=5")], Some((50, 5)));
    check(&[("ratelimit-remaining", "9"), ("ratelimit-reset", "7"), ("ratelimit-limit", "10")], Some((9, 7)));
    // A moment, as GitHub tells it; one that is over.
    check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795248060")], Some((0, 60)));
    check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795248000")], Some((0, 0)));
    check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000000001")], Some((0, 0)));
    // Nothing is told of when.
    check(&[("ratelimit-remaining", "0")], Some((0, 1)));
    // No sense at all.
    for wrong in ["", "-1", "NaN", "inf", "-inf", "many", "0x10", ";w=60", "1e999", "\u{ff}"] {
        check(&[("ratelimit-remaining", wrong)], None);
        check(&[("ratelimit-remaining", "0"), ("ratelimit-reset", wrong)], Some((0, 1)));
        check(&[("ratelimit", &format!("\"a\";r={wrong};t=1"))], None);
    }
    check(&[("ratelimit-remaining", &"9".repeat(2000))], None);
    check(&[("ratelimit", &",;=".repeat(300))], None);
    let huge = quota(
        &HeaderMap::from_iter([
            ("ratelimit-remaining".parse().expect("a name"), HeaderValue::from_static("1e300")),
            ("ratelimit-reset".parse().expect("a name"), HeaderValue::from_static("9e8")),
        ]),
        now,
    );
    assert_eq!(huge, Some(Quota { remaining: u64::MAX, resets: Duration::from_secs(900_000_000) }));
}

/// A server and those who ask it, at times in milliseconds.
struct Play {
    standing: Standing,
    begin: Instant,
}

const ALICE: Asker = Asker { account: 1, kind: 0 };
const BOB: Asker = Asker { account: 2, kind: 0 };

impl Play {
    fn new() -> Self {
        Self { standing: Standing::default(), begin: Instant::now() }
    }

    fn at(&self, millis: u64) -> Instant {
        self.begin + Duration::from_millis(millis)
    }

    fn send(&mut self, asker: Asker) {
        self.standing.sent(asker);
    }

    fn hear(&mut self, asker: Asker, sent: u64, now: u64, told: Told) {
        let (sent, now) = (self.at(sent), self.at(now));
        self.standing.heard(asker, told, sent, now, 0.0);
    }

    /// Until when the asker has to wait; the time itself when it has not.
    fn open_at(&self, asker: Asker, now: u64) -> u64 {
        let closed = self.standing.closed(asker, self.at(now));
        closed.map_or(now, |closed| closed.until.duration_since(self.begin).as_millis() as u64)
    }
}

fn status(status: u16, retry_after: Option<u64>) -> Told {
    Told { status, retry_after: retry_after.map(Duration::from_secs), quota: None }
}

fn left(remaining: u64, seconds: u64) -> Told {
    Told { status: 200, retry_after: None, quota: Some(Quota { remaining, resets: Duration::from_secs(seconds) }) }
}

#[test]
fn refusals_without_a_time_are_waited_out_longer_each_time() {
    let mut play = Play::new();
    play.hear(ALICE, 0, 10, status(429, None));
    assert_eq!(play.open_at(ALICE, 10), 510);
    // The rest of the same storm.
    play.hear(ALICE, 0, 20, status(429, None));
    play.hear(ALICE, 5, 400, status(429, None));
    assert_eq!(play.open_at(ALICE, 400), 510);
    play.hear(ALICE, 510, 600, status(429, None));
    assert_eq!(play.open_at(ALICE, 600), 1600);
    play.hear(ALICE, 1600, 1700, status(429, Some(0)));
    assert_eq!(play.open_at(ALICE, 1700), 3700);
    // An answer that was on its way when the server had enough proves nothing.
    play.hear(ALICE, 1650, 3800, status(200, None));
    play.hear(ALICE, 3800, 3900, status(429, None));
    assert_eq!(play.open_at(ALICE, 3900), 7900);
    play.hear(ALICE, 8000, 8100, status(404, None));
    play.hear(ALICE, 8200, 8300, status(429, None));
    assert_eq!(play.open_at(ALICE, 8300), 8800);
    for again in 0..40 {
        play.hear(ALICE, 10_000_000 * (again + 1), 10_000_000 * (again + 1), status(429, None));
    }
    assert_eq!(play.open_at(ALICE, 400_000_000), 400_300_000);
}

#[test]
fn what_a_server_asks_for_is_kept_by_whom_it_concerns() {
    let mut play = Play::new();
    play.hear(ALICE, 0, 0, status(429, Some(30)));
    assert_eq!(play.open_at(ALICE, 100), 30_000);
    assert_eq!(play.open_at(Asker { kind: 1, ..ALICE }, 100), 30_000);
    assert_eq!(play.open_at(BOB, 100), 100);
    play.hear(BOB, 0, 100, status(503, Some(60)));
    assert_eq!(play.open_at(ALICE, 100), 60_100);
    assert_eq!(play.open_at(BOB, 100), 60_100);
    // A shorter wait does not shorten a longer one; none at all says nothing.
    play.hear(BOB, 100, 200, status(503, Some(1)));
    play.hear(BOB, 100, 200, status(503, None));
    play.hear(BOB, 100, 200, status(200, Some(9)));
    assert_eq!(play.open_at(BOB, 200), 60_100);
    assert_eq!(play.open_at(BOB, 60_100), 60_100);
    // One wrong header does not close a server for ever.
    play.hear(ALICE, 100_000, 100_000, status(429, Some(u64::from(u32::MAX))));
    assert_eq!(play.open_at(ALICE, 100_000), 3_700_000);
}

#[test]
fn a_quota_is_kept_until_it_is_renewed() {
    let mut play = Play::new();
    play.send(ALICE);
    play.hear(ALICE, 0, 0, left(2, 60));
    assert_eq!(play.open_at(ALICE, 10), 10);
    play.send(ALICE);
    play.send(ALICE);
    assert_eq!(play.open_at(ALICE, 20), 60_000);
    assert_eq!(play.open_at(Asker { kind: 1, ..ALICE }, 20), 20);
    assert_eq!(play.open_at(BOB, 20), 20);
    // One of the two is still on its way and may not be counted.
    play.hear(ALICE, 20, 30, left(1, 60));
    assert_eq!(play.open_at(ALICE, 30), 60_030);
    // Overtaken by the one that was sent after it.
    play.hear(ALICE, 20, 40, left(1, 60));
    assert_eq!(play.open_at(ALICE, 40), 60_040);
    assert_eq!(play.open_at(ALICE, 60_040), 60_040);
    play.send(ALICE);
    play.hear(ALICE, 60_050, 60_100, left(100, 60));
    assert_eq!(play.open_at(ALICE, 60_100), 60_100);
    // A request that got no answer is no longer on its way.
    play.send(ALICE);
    play.standing.lost(ALICE);
    play.send(ALICE);
    play.hear(ALICE, 60_200, 60_300, left(1, 5));
    assert_eq!(play.open_at(ALICE, 60_300), 60_300);
    play.hear(ALICE, 60_300, 60_300, left(0, u64::from(u32::MAX)));
    assert_eq!(play.open_at(ALICE, 60_300), 3_660_300);
}

#[test]
fn nobody_waits_for_a_server_that_says_nothing() {
    let mut play = Play::new();
    let fail = |play: &mut Play, times: usize, at: u64| {
        let now = play.at(at);
        (0..times).for_each(|_| play.standing.failed(ALICE, now));
    };
    fail(&mut play, 15, 0);
    assert_eq!(play.open_at(ALICE, 0), 0);
    play.standing.succeeded(ALICE);
    fail(&mut play, 15, 0);
    assert_eq!(play.open_at(ALICE, 0), 0);
    fail(&mut play, 1, 100);
    assert_eq!(play.open_at(ALICE, 100), 30_100);
    assert!(play.standing.closed(ALICE, play.at(100)).expect("closed").is_silent);
    assert_eq!(play.open_at(BOB, 100), 100);
    // The first that goes again is enough to tell.
    fail(&mut play, 1, 40_000);
    assert_eq!(play.open_at(ALICE, 40_000), 70_000);
    play.standing.succeeded(ALICE);
    fail(&mut play, 1, 80_000);
    assert_eq!(play.open_at(ALICE, 80_000), 80_000);
}

#[test]
fn no_number_of_accounts_fills_the_memory() {
    let mut play = Play::new();
    for account in 0..5_000 {
        play.hear(Asker { account, kind: 0 }, 0, 0, status(429, Some(3600)));
    }
    assert_eq!(play.open_at(Asker { account: 1, kind: 0 }, 0), 3_600_000);
    assert_eq!(play.open_at(Asker { account: 4_999, kind: 0 }, 0), 0);
}
