//! The counters as OpenMetrics text.

use tagwright::metrics::Metrics;

#[test]
fn clones_count_together() {
    let metrics = Metrics::default();
    let clone = metrics.clone();
    clone.count_exchange("ghcr.io:443", 200);
    clone.count_exchange("ghcr.io:443", 200);
    clone.git_pushes_lost.inc();
    let text = metrics.encode();
    for line in [
        "tagwright_http_requests_total{host=\"ghcr.io:443\",code=\"200\"} 2",
        "tagwright_git_pushes_lost_total 1",
        "tagwright_git_pushes_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}
