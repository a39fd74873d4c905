//! Dates are functions of their input: what depends on the time of rendering is refused.

use tagwright::template::Value;

use crate::template::check;

#[test]
fn reads_and_writes_by_layouts() {
    let check = |template: &str, want: &str| check(template, &Value::Nil, want);
    check("{{ toDate `2006-01-02` `2024-02-29` }}", "2024-02-29 00:00:00 +0000 UTC");
    check("{{ toDate `2006-01-02` `2023-02-29` }}", "0001-01-01 00:00:00 +0000 UTC");
    check(
        "{{ (toDate `2006-01-02T15:04:05Z07:00` `2024-06-01T12:00:00+02:00`).UTC.Format `Jan _2 15:04` }}",
        "Jun  1 10:00",
    );
    check("{{ toDate `2006-01-02` `1970-01-02` | unixEpoch }}", "86400");
    check("{{ mustDateModify `-1h30m` (toDate `2006-01-02` `2024-03-01`) }}", "2024-02-29 22:30:00 +0000 UTC");
    check(
        "{{ with toDate `2006-01-02` `2024-03-01` }}{{ .Weekday }} {{ .Month }} {{ .YearDay }}{{ end }}",
        "Friday March 61",
    );
    check(
        "{{ mustToDate `2006-01-02` `x` }}",
        "template: t:1:3: executing \"t\" at <mustToDate `2006-01-02` `x`>: error calling mustToDate: \
         parsing time \"x\" as \"2006-01-02\": cannot parse \"x\" as \"2006\"",
    );
    check(
        "{{ $t := toDate `2006` `2020` }}{{ range 90 }}{{ $t = $t.AddDate 4294967296 0 0 }}{{ end }}{{ $t.IsZero }}",
        "false",
    );
    check("{{ duration `90061` }} {{ duration 5 }} {{ durationRound `2400h` }}", "25h1m1s 0s 3mo");
    check(
        "{{ durationRound (toDate `2006` `2024`) }}",
        "template: t:1:3: executing \"t\" at <durationRound (toDate `2006` `2024`)>: error calling durationRound: \
         the time since then depends on when the template is rendered",
    );
}
