//! Arithmetic where it hurts: overflow, division, decimals, Go's powers of ten.

use tagwright::template::Value;

use crate::template::check;

#[test]
fn computes_as_go_does() {
    let check = |template: &str, want: &str| check(template, &Value::Nil, want);
    check(
        "{{ add 9223372036854775807 1 }} {{ mul 4611686018427387904 2 }}",
        "-9223372036854775808 -9223372036854775808",
    );
    check(
        "{{ div -9223372036854775808 -1 }} {{ mod -9223372036854775808 -1 }} {{ mod -7 3 }}",
        "-9223372036854775808 0 -1",
    );
    check(
        "{{ div 1 `x` }}",
        "template: t:1:3: executing \"t\" at <div 1 `x`>: error calling div: runtime error: integer divide by zero",
    );
    check("{{ addf 0.1 0.2 }} {{ subf 1.1 0.1 }} {{ mulf 1.1 1.1 }} {{ divf 1 3 }}", "0.3 1 1.21 0.3333333333333333");
    check("{{ addf 1e300 1e-300 }} {{ mulf 1e300 1e300 }} {{ divf 1 1e300 }}", "1e+300 +Inf 0");
    check(
        "{{ divf 1 0 }}",
        "template: t:1:3: executing \"t\" at <divf 1 0>: error calling divf: decimal division by 0",
    );
    check(
        "{{ round 2.675 2 }} {{ round -2.5 0 }} {{ round 123.456 -1 }} {{ round 3.14159 3 0.1 }}",
        "2.68 -3 120 3.142",
    );
    check("{{ int `0x1F` }} {{ int `1_000` }} {{ int 1e19 }} {{ int `08` }}", "31 1000 -9223372036854775808 0");
    check(
        "{{ typeOf (add 1) }} {{ typeOf (int 1) }} {{ typeOf (floor 1) }} {{ typeOf (max 1) }}",
        "int64 int float64 int64",
    );
    check("{{ atoi `99999999999999999999` }} {{ toDecimal `777` }} {{ toDecimal 0o10 }}", "9223372036854775807 511 0");
    check(
        "{{ seq 5 }}|{{ seq 3 1 }}|{{ seq 0 5 10 }}|{{ seq 1 0 }}|{{ until -3 }}",
        "1 2 3 4 5|3 2 1|0 5 10|1 0|[0 -1 -2]",
    );
    check("{{ maxf 1 `nan` `inf` }} {{ maxf 1 `nan` }} {{ minf 1 `nan` `-inf` }} {{ minf 1 2 }}", "+Inf NaN -Inf 1");
}
