//! Logins of ECR by every source of keys, against a fake that checks what it is shown.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tagwright::cloud::{AwsKeys, Clouds, Provider, Signable, aws_authorization};
use tagwright::net::{Connection, Deadline, Proxy};
use tagwright::secret::Secret;

use crate::cloud_lab::{CloudLab, aws_signature, check_error, hash, http, login, seconds_from_now, soon};
use crate::servers::fake_cloud::{Asked, FakeCloud, Reply};

const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const ECR: &str = "POST /api.ecr.eu-west-1.amazonaws.com/";
const STS: &str = "POST /sts.eu-west-1.amazonaws.com/";
const STATIC: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDSTATIC"), ("AWS_SECRET_ACCESS_KEY", "canary-secret/0")];
const IMDS_TOKEN: &str = "PUT /169.254.169.254/latest/api/token";
const IMDS_ROLES: &str = "GET /169.254.169.254/latest/meta-data/iam/security-credentials/";
const IMDS_KEYS: &str = "GET /169.254.169.254/latest/meta-data/iam/security-credentials/node-role";
const POD: &str = "GET /169.254.170.23/v1/credentials";

/// The published vectors of AWS's test suite for signatures: facts of `aws-c-auth`.
#[test]
fn signatures_are_those_of_the_published_vectors() {
    let check =
        |method: &str, path: &str, query: &[(&str, &str)], more: &[(&str, &str)], body: &str, expected: &str| {
            let mut headers = vec![("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
            headers.extend(more);
            let (region, service, body) = ("us-east-1", "service", body.as_bytes());
            let request = Signable { method, path, query, headers: &headers, body, region, service };
            let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
            let keys = AwsKeys { id: "AKIDEXAMPLE".to_owned(), secret, session: None };
            let found = aws_authorization(&request, &keys, "2015-08-30T12:36:00Z".parse().expect("a time"));
            let (signed, signature) = expected.split_once(' ').expect("two parts");
            let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
            let expected =
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}");
            assert_eq!(found, expected, "{method} {path} {query:?} {more:?}");
        };
    let get = |path: &str, query: &[(&str, &str)], signature: &str| {
        check("GET", path, query, &[], "", &format!("host;x-amz-date {signature}"));
    };
    // get-vanilla, get-vanilla-empty-query-key, -query-order-key-case, -query-order-encoded, get-vanilla-utf8-query
    get("/", &[], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    get("/", &[("Param1", "value1")], "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb");
    let two = [("Param2", "value2"), ("Param1", "value1")];
    get("/", &two, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    let three = [("Param-3", "Value3"), ("Param", "Value2"), ("ሴ", "Value1")];
    get("/", &three, "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac");
    get("/", &[("ሴ", "bar")], "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
    // get-utf8, get-space-unnormalized, get-slashes-unnormalized, get-unreserved
    get("/ሴ", &[], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
    get("/example space/", &[], "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
    get("//example//", &[], "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5");
    let unreserved = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    get(unreserved, &[], "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
    // post-vanilla, post-header-value-case, get-header-value-trim, post-x-www-form-urlencoded
    let post = "host;x-amz-date 5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    check("POST", "/", &[], &[], "", post);
    let header = "host;my-header1;x-amz-date cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d";
    check("POST", "/", &[], &[("my-header1", "VALUE1")], "", header);
    let trimmed = [("my-header1", " value1"), ("my-header2", "\"a   b   c\"")];
    let signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
    check("GET", "/", &[], &trimmed, "", &format!("host;my-header1;my-header2;x-amz-date {signature}"));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    check("POST", "/", &[], &form, "Param1=value1", &format!("content-type;host;x-amz-date {signature}"));
    // post-sts-header-before
    let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    let signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
    let signed = format!("host;x-amz-date;x-amz-security-token {signature}");
    check("POST", "/", &[], &[("x-amz-security-token", token)], "", &signed);
}

fn ecr(lifetime: i64) -> Reply {
    let token = STANDARD.encode("AWS:canary-ecr");
    let end = seconds_from_now(lifetime).as_second() as f64 + 0.25;
    let proxy = format!("https://{REGISTRY}");
    Reply::new(
        200,
        json!({"authorizationData": [{"authorizationToken": token, "expiresAt": end, "proxyEndpoint": proxy}]}),
    )
}

fn keys(id: &str, lifetime: i64) -> Value {
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": id, "SecretAccessKey": "canary-secret/1",
        "Token": "canary-session+/==", "Expiration": seconds_from_now(lifetime).to_string(),
    })
}

fn assumed(id: &str, lifetime: i64) -> Reply {
    let mut keys = keys(id, lifetime);
    keys["SessionToken"] = keys["Token"].take();
    keys["Expiration"] = json!(seconds_from_now(lifetime).as_second() as f64);
    let result = json!({"AssumeRoleWithWebIdentityResult": {"Credentials": keys, "Provider": "arn:aws:iam::1:oidc"}});
    Reply::new(200, json!({"AssumeRoleWithWebIdentityResponse": result}))
}

/// Checks a call of ECR with all its parts; the signature is made anew, by a second implementation.
fn check_ecr(asked: &Asked, line: &str, id: &str, secret: &str, session: Option<&str>, region: &str, service: &str) {
    let target = match service {
        "ecr" => "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        _ => "SpencerFrontendService.GetAuthorizationToken",
    };
    assert_eq!((asked.line.as_str(), asked.body.as_str()), (line, "{}"));
    let date = asked.header("x-amz-date").to_owned();
    let mut signed = "content-type;host;x-amz-date;x-amz-target".to_owned();
    if session.is_some() {
        signed = signed.replace(";x-amz-target", ";x-amz-security-token;x-amz-target");
    }
    let canonical_headers: String = signed.split(';').map(|name| format!("{name}:{}\n", asked.header(name))).collect();
    let path = line.split(' ').nth(1).expect("a path");
    let canonical = format!("POST\n{path}\n\n{canonical_headers}\n{signed}\n{}", hash(&asked.body));
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let signature = aws_signature(secret, &date, &scope, &canonical);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}");
    let mut expected = vec![
        ("accept", "application/json"),
        ("authorization", &authorization),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-date", &date),
    ];
    expected.extend(session.map(|session| ("x-amz-security-token", session)));
    expected.push(("x-amz-target", target));
    assert_eq!(asked.own_headers(), expected);
    let written = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).expect("a time");
    let written = written.to_zoned(jiff::tz::TimeZone::UTC).expect("a time").timestamp();
    assert!((jiff::Timestamp::now() - written).get_seconds().abs() < 60, "{date}");
}

async fn aws(clouds: &Clouds) -> Result<tagwright::cloud::RegistryLogin, tagwright::cloud::Error> {
    login(clouds, Provider::Aws, REGISTRY).await
}

#[tokio::test]
async fn hosts_lead_to_the_api_of_their_region() {
    let lab = CloudLab::new();
    let check = async |host: &str, api: &str, region: &str, service: &str| {
        let line = format!("POST /{api}/");
        lab.fake.answer(&line, ecr(3600));
        let login = login(&lab.clouds(&STATIC), Provider::Aws, host).await.expect(host);
        assert_eq!((login.username.as_str(), login.password.expose()), ("AWS", b"canary-ecr".as_slice()));
        check_ecr(&lab.fake.asked()[0], &line, "AKIDSTATIC", "canary-secret/0", None, region, service);
    };
    let account = "123456789012";
    check(REGISTRY, "api.ecr.eu-west-1.amazonaws.com", "eu-west-1", "ecr").await;
    let check_private = async |rest: &str, api: &str, region: &str| {
        check(&format!("{account}.{rest}"), api, region, "ecr").await;
    };
    check_private("dkr-ecr.us-west-2.on.aws", "ecr.us-west-2.api.aws", "us-west-2").await;
    check_private("dkr-ecr-fips.us-west-2.on.aws", "ecr-fips.us-west-2.api.aws", "us-west-2").await;
    let (fips, gov) = ("dkr.ecr-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1");
    check_private(fips, "ecr-fips.us-gov-east-1.amazonaws.com", gov).await;
    let china = "cn-north-1";
    check_private("dkr.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn", china).await;
    let dual_china = "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn";
    check_private(dual_china, "ecr.cn-north-1.api.amazonwebservices.com.cn", china).await;
    check_private("dkr.ecr.eusc-de-east-1.amazonaws.eu", "api.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1").await;
    check_private("dkr.ecr.us-iso-east-1.c2s.ic.gov", "api.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1").await;
    check_private("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "api.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1")
        .await;
    let uk = "eu-isoe-west-1";
    check_private("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "api.ecr.eu-isoe-west-1.cloud.adc-e.uk", uk).await;
    check_private("dkr.ecr.us-isof-east-1.csp.hci.ic.gov", "api.ecr.us-isof-east-1.csp.hci.ic.gov", "us-isof-east-1")
        .await;
    let public = "api.ecr-public.us-east-1.amazonaws.com";
    check("public.ecr.aws", public, "us-east-1", "ecr-public").await;
    check("ecr-public.aws.com", public, "us-east-1", "ecr-public").await;
}

#[tokio::test]
async fn other_hosts_get_no_login() {
    let lab = CloudLab::new();
    for host in [
        "ghcr.io",
        "12345.dkr.ecr.eu-west-1.amazonaws.com",
        "12345678901x.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.community",
        "evil.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu/west-1.amazonaws.com",
        "123456789012.dkr.ecr.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com:8443",
        "public.ecr.aws.evil.example",
        "api.ecr.eu-west-1.amazonaws.com",
        "",
    ] {
        let error = login(&lab.clouds(&STATIC), Provider::Aws, host).await.expect_err(host);
        let expected = format!("{host} is no server of provider aws, expected ACCOUNT.dkr.ecr.REGION.amazonaws.com");
        check_error(&lab, &error, &expected, "provider: generic");
    }
    assert!(lab.fake.asked().is_empty());
}

#[tokio::test]
async fn static_keys_win_over_all_other_sources() {
    let lab = CloudLab::new();
    lab.fake.answer(ECR, ecr(3600));
    let others = [
        ("AWS_SESSION_TOKEN", "canary-session"),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/absent"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
    ];
    aws(&lab.clouds(&[STATIC.as_slice(), &others].concat())).await.expect("a login");
    let asked = lab.fake.asked();
    let session = Some("canary-session");
    check_ecr(&asked[0], ECR, "AKIDSTATIC", "canary-secret/0", session, "eu-west-1", "ecr");
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn a_token_of_the_cluster_becomes_keys_of_a_role() {
    let lab = CloudLab::new();
    let file = lab.file("token", "canary.jwt.one\n");
    lab.fake.answer(STS, assumed("ASIAWEB", 3600));
    lab.fake.answer(ECR, ecr(3600));
    let role = "arn:aws:iam::123456789012:role/tags";
    let mut variables = vec![("AWS_ROLE_ARN", role), ("AWS_WEB_IDENTITY_TOKEN_FILE", file.as_str())];
    let check = async |variables: &[(&str, &str)], session: &str| {
        aws(&lab.clouds(variables)).await.expect("a login");
        let asked = lab.fake.asked();
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", session),
            ("WebIdentityToken", "canary.jwt.one"),
        ];
        assert_eq!(asked[0].line, STS);
        assert_eq!(asked[0].form(), form.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(asked[0].own_headers(), headers, "unsigned");
        let session = Some("canary-session+/==");
        check_ecr(&asked[1], ECR, "ASIAWEB", "canary-secret/1", session, "eu-west-1", "ecr");
        assert_eq!(asked.len(), 2);
    };
    check(&variables, "tagwright").await;
    variables.push(("AWS_ROLE_SESSION_NAME", "mine"));
    check(&variables, "mine").await;
    // Where variables move the services.
    lab.fake.answer("POST /vpce-1.example/sts/", assumed("ASIAWEB", 3600));
    lab.fake.answer("POST /vpce-2.example/", ecr(3600));
    variables.push(("AWS_ENDPOINT_URL_STS", "https://vpce-1.example/sts/"));
    variables.push(("AWS_ENDPOINT_URL", "https://vpce-2.example"));
    aws(&lab.clouds(&variables)).await.expect("a login");
    assert_eq!(lab.fake.lines(), ["POST /vpce-1.example/sts/", "POST /vpce-2.example/"]);
}

#[tokio::test]
async fn agents_beside_the_container_give_keys() {
    let lab = CloudLab::new();
    lab.fake.answer(ECR, ecr(3600));
    let file = lab.file("token", "canary-pod-token\n");
    let check = async |variables: &[(&str, &str)], line: &str, token: Option<&str>| {
        lab.fake.answer(line, Reply::new(200, keys("ASIAPOD", 3600)));
        aws(&lab.clouds(variables)).await.expect(line);
        let asked = lab.fake.asked();
        let mut headers = vec![("accept", "application/json")];
        headers.extend(token.map(|token| ("authorization", token)));
        assert_eq!((asked[0].line.as_str(), asked[0].own_headers()), (line, headers));
        let session = Some("canary-session+/==");
        check_ecr(&asked[1], ECR, "ASIAPOD", "canary-secret/1", session, "eu-west-1", "ecr");
    };
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    let pod = (FULL, "http://169.254.170.23/v1/credentials");
    check(&[pod, (TOKEN_FILE, &file)], POD, Some("canary-pod-token")).await;
    let given = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic canary");
    check(&[pod, given], POD, Some("Basic canary")).await;
    check(&[pod, given, (TOKEN_FILE, &file)], POD, Some("canary-pod-token")).await;
    let v6 = (FULL, "http://[fd00:ec2::23]/v1/credentials");
    check(&[v6], "GET /[fd00:ec2::23]/v1/credentials", None).await;
    check(&[(FULL, "http://localhost:51679/x")], "GET /localhost:51679/x", None).await;
    let relative = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    check(&[relative, pod], "GET /169.254.170.2/v2/credentials/1", None).await;
}

fn machine(fake: &FakeCloud) {
    fake.answer(IMDS_TOKEN, Reply::new(200, "canary-imds-token=="));
    fake.answer(IMDS_ROLES, Reply::new(200, "node-role\n"));
    fake.answer(IMDS_KEYS, Reply::new(200, keys("ASIANODE", 3600)));
    fake.answer(ECR, ecr(3600));
}

#[tokio::test]
async fn the_machine_gives_keys_by_the_second_version_of_its_metadata() {
    let lab = CloudLab::new();
    machine(&lab.fake);
    aws(&lab.clouds(&[])).await.expect("a login");
    let asked = lab.fake.asked();
    let with = |name: &'static str, value: &'static str| vec![("accept", "application/json"), (name, value)];
    let shown = || with("x-aws-ec2-metadata-token", "canary-imds-token==");
    let found: Vec<_> = asked[..3].iter().map(|asked| (asked.line.as_str(), asked.own_headers())).collect();
    let opening = with("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    assert_eq!(found, [(IMDS_TOKEN, opening), (IMDS_ROLES, shown()), (IMDS_KEYS, shown())]);
    let session = Some("canary-session+/==");
    check_ecr(&asked[3], ECR, "ASIANODE", "canary-secret/1", session, "eu-west-1", "ecr");
    // Elsewhere, where a variable says so.
    let check = async |variable: (&str, &str), line: &str| {
        aws(&lab.clouds(&[variable])).await.expect_err("nobody there");
        assert_eq!(lab.fake.lines()[0], line);
    };
    let mode = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    check((mode, "IPv6"), "PUT /[fd00:ec2::254]/latest/api/token").await;
    let endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    check((endpoint, "http://imds.example:1338/x/"), "PUT /imds.example:1338/x/latest/api/token").await;
}

#[tokio::test]
async fn metadata_is_never_asked_through_a_proxy() {
    let lab = CloudLab::new();
    machine(&lab.fake);
    let proxy = Proxy::new("http://127.0.0.1:1", None).expect("a proxy");
    let through = http().over(&Connection { proxy: Some(proxy), ..Connection::default() }).expect("clients");
    let error = lab.clouds(&[]).registry_login(&through, Provider::Aws, REGISTRY, soon()).await.expect_err("no proxy");
    check_error(&lab, &error, "asking HOST for a login of its registries: connecting to HOST through the proxy", "");
    assert_eq!(lab.fake.lines(), [IMDS_TOKEN, IMDS_ROLES, IMDS_KEYS]);
}

#[tokio::test]
async fn a_login_is_asked_for_once_and_again_when_it_is_old_or_refused() {
    let lab = CloudLab::new();
    lab.fake.answer(ECR, ecr(3600));
    let (clouds, http) = (lab.clouds(&STATIC), http());
    let many = futures::future::join_all((0..8).map(|_| aws(&clouds))).await;
    let logins: Vec<_> = many.into_iter().map(|login| login.expect("a login")).collect();
    assert_eq!((logins.iter().filter(|login| login.is_new).count(), lab.fake.asked().len()), (1, 1));
    assert!((logins[0].until - seconds_from_now(3600)).get_seconds().abs() <= 5);
    // Another account of the same region: the same login. Another region: another one.
    assert!(
        !login(&clouds, Provider::Aws, &REGISTRY.replace('1', "2").replace("west-2", "west-1"))
            .await
            .expect("one")
            .is_new
    );
    lab.fake.answer("POST /api.ecr.us-east-2.amazonaws.com/", ecr(3600));
    assert!(login(&clouds, Provider::Aws, &REGISTRY.replace("eu-west-1", "us-east-2")).await.expect("one").is_new);
    lab.fake.asked();
    // Refused by the registry: once anew, for all who were refused with it.
    let other = json!({"authorizationData": [{"authorizationToken": STANDARD.encode("AWS:other"), "expiresAt": 4e9}]});
    lab.fake.answer(ECR, Reply::new(200, other));
    let renew = async || clouds.renew_registry_login(&http, Provider::Aws, REGISTRY, &logins[0], soon()).await;
    let renewed = renew().await.expect("a login");
    assert_eq!((renewed.password.expose(), renewed.is_new), (b"other".as_slice(), true));
    assert!(!renew().await.expect("a login").is_new);
    assert_eq!(lab.fake.asked().len(), 1);
    // One that ends soon serves once.
    lab.fake.answer(ECR, ecr(120));
    let clouds = lab.clouds(&STATIC);
    assert!(aws(&clouds).await.expect("a login").is_new);
    assert!(aws(&clouds).await.expect("a login").is_new);
    assert_eq!(lab.fake.asked().len(), 2);
}

#[tokio::test]
async fn keys_are_kept_and_asked_for_again_when_they_are_refused() {
    let lab = CloudLab::new();
    let file = lab.file("token", "canary.jwt");
    let variables = [("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"), ("AWS_WEB_IDENTITY_TOKEN_FILE", file.as_str())];
    let expired = || Reply::new(400, json!({"__type": "com.amazon.coral#ExpiredTokenException", "message": "expired"}));
    let clouds = lab.clouds(&variables);
    lab.fake.answer_in_turn(STS, &[assumed("ASIA1", 3600), assumed("ASIA2", 3600)]);
    // Logins that end soon, so that each of them is asked for.
    lab.fake.answer_in_turn(ECR, &[ecr(60), ecr(60), expired(), ecr(60)]);
    aws(&clouds).await.expect("a login");
    assert_eq!(lab.fake.lines(), [STS, ECR]);
    aws(&clouds).await.expect("a login");
    assert_eq!(lab.fake.lines(), [ECR], "the keys were kept");
    aws(&clouds).await.expect("a login");
    let asked = lab.fake.asked();
    let session = Some("canary-session+/==");
    check_ecr(&asked[2], ECR, "ASIA2", "canary-secret/1", session, "eu-west-1", "ecr");
    // Keys that are refused when they are new are not asked for again.
    lab.fake.answer(ECR, expired());
    let error = aws(&lab.clouds(&variables)).await.expect_err("refused");
    check_error(
        &lab,
        &error,
        "HOST refuses a login of its registries: 400 Bad Request (ExpiredTokenException: expired)",
        "",
    );
    assert_eq!(lab.fake.lines(), [STS, ECR]);
}

#[tokio::test]
async fn what_is_not_set_up_is_named() {
    let lab = CloudLab::new();
    let check = async |variables: &[(&str, &str)], expected: &str, hint: &str| {
        let error = aws(&lab.clouds(variables)).await.expect_err(expected);
        check_error(&lab, &error, expected, hint);
        assert!(lab.fake.asked().is_empty(), "{expected}");
    };
    check(&STATIC[..1], "AWS_SECRET_ACCESS_KEY is not set, and AWS_ACCESS_KEY_ID is", "both belong").await;
    check(&STATIC[1..], "AWS_ACCESS_KEY_ID is not set, and AWS_SECRET_ACCESS_KEY is", "both belong").await;
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/absent/token");
    check(&[file], "AWS_ROLE_ARN is not set, and AWS_WEB_IDENTITY_TOKEN_FILE is", "eks.amazonaws.com/role-arn").await;
    let absent = "reading /absent/token, which AWS_WEB_IDENTITY_TOKEN_FILE names: No such file";
    check(&[file, ("AWS_ROLE_ARN", "arn")], absent, "webhook").await;
    let empty = lab.file("empty", " \n");
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", empty.as_str());
    check(&[file, ("AWS_ROLE_ARN", "arn")], "which is empty", "").await;
    check(&[("AWS_EC2_METADATA_DISABLED", "true")], "AWS_EC2_METADATA_DISABLED is true", "set AWS_ACCESS_KEY_ID").await;
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let strange = "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or of this machine";
    check(&[(FULL, "http://169.254.170.24/v1")], strange, "").await;
    check(&[(FULL, "http://evil.example/v1")], strange, "").await;
    check(&[(FULL, "ftp://127.0.0.1/v1")], strange, "").await;
    check(&[(FULL, "/v1")], "FULL_URI is not a URL", "").await;
    check(&[(FULL, "https://u:canary@agent.example/v1")], "FULL_URI holds a login", "").await;
    check(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "v1")], "RELATIVE_URI is not a path", "").await;
}

#[tokio::test]
async fn what_servers_refuse_is_told_without_secrets() {
    let lab = CloudLab::new();
    machine(&lab.fake);
    let file = lab.file("token", "canary.jwt");
    let web = [("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"), ("AWS_WEB_IDENTITY_TOKEN_FILE", file.as_str())];
    let pod = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")];
    let check = async |variables: &[(&str, &str)], line: &str, reply: Reply, expected: &str, hint: &str| {
        machine(&lab.fake);
        lab.fake.answer(line, reply);
        let error = aws(&lab.clouds(variables)).await.expect_err(expected);
        check_error(&lab, &error, expected, hint);
    };
    let sts = |code: &str, message: &str| json!({"Error": {"Type": "Sender", "Code": code, "Message": message}});
    let denied = sts("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let expected =
        "HOST refuses keys of role arn:aws:iam::1:role/x: 403 Forbidden (AccessDenied: Not authorized to perform";
    check(&web, STS, Reply::new(403, denied), expected, "trust policy").await;
    let echo = sts("InvalidIdentityToken", "no provider for \u{1b}[31mcanary.jwt");
    let expected = "400 Bad Request (InvalidIdentityToken: no provider for [31m[redacted])";
    check(&web, STS, Reply::new(400, echo), expected, "OIDC provider").await;
    let odd = "HOST does not answer as AWS STS does";
    check(&web, STS, Reply::new(200, "<html>canary"), &format!("{odd} (no JSON)"), "").await;
    check(&web, STS, Reply::new(200, "{}"), &format!("{odd} (no keys with a session in the answer)"), "").await;
    let mut endless = assumed("ASIA", 60);
    endless.body = endless.body.replace("Expiration", "Until");
    check(&web, STS, endless, &format!("{odd} (the keys' end is not a time)"), "").await;
    let moved = Reply { headers: vec![("location", "https://evil.example/".to_owned())], ..Reply::new(307, "") };
    check(&web, STS, moved, "redirects to evil.example:443, which is not followed", "").await;
    check(&web, STS, Reply::new(200, " ".repeat((1 << 20) + 1)), "larger than 1048576 bytes", "").await;
    let denied = json!({"code": "AccessDeniedException", "message": "no association"});
    let expected = "refuses keys of this pod: 400 Bad Request (AccessDeniedException: no association)";
    check(&pod, POD, Reply::new(400, denied), expected, "pod identity association").await;
    check(&pod, POD, Reply::new(200, "[]"), "the credentials agent of EKS or ECS does (no keys", "").await;
    check(&[], IMDS_TOKEN, Reply::new(403, ""), "HOST refuses keys of this machine: 403 Forbidden", "hop limit").await;
    check(&[], IMDS_TOKEN, Reply::new(200, "<html></html>"), "the metadata service of EC2 does (not one word)", "")
        .await;
    check(&[], IMDS_ROLES, Reply::new(404, "<?xml"), "HOST refuses keys of this machine: 404", "no instance profile")
        .await;
    check(&[], IMDS_ROLES, Reply::new(200, "../../user-data"), "(not one word)", "").await;
    let failed = json!({"Code": "Failed", "Message": "assume role"});
    check(&[], IMDS_KEYS, Reply::new(200, failed), "(no keys with a session in the answer)", "").await;
    let denied =
        |who: &str| json!({"__type": "AccessDeniedException", "Message": format!("User {who} is not authorized")});
    let expected = "(AccessDeniedException: User arn is not authorized)";
    check(&STATIC, ECR, Reply::new(400, denied("arn")), expected, "ecr:GetAuthorizationToken").await;
    let wrong = json!({"__type": "InvalidSignatureException", "message": "mismatch"});
    check(
        &STATIC,
        ECR,
        Reply::new(403, wrong),
        "403 Forbidden (InvalidSignatureException: mismatch)",
        "AWS_SECRET_ACCESS_KEY",
    )
    .await;
    let odd = "HOST does not answer as Amazon ECR does";
    check(&STATIC, ECR, Reply::new(200, "{}"), &format!("{odd} (no login in the answer)"), "").await;
    let data =
        |token: &str, end: Value| json!({"authorizationData": [{"authorizationToken": token, "expiresAt": end}]});
    let plain = Reply::new(200, data("canary", json!(4e9)));
    check(&STATIC, ECR, plain, &format!("{odd} (no login in the answer)"), "").await;
    let endless = Reply::new(200, data(&STANDARD.encode("AWS:canary"), json!(null)));
    check(&STATIC, ECR, endless, &format!("{odd} (the login's end is not a time)"), "").await;
}

#[tokio::test]
async fn a_slow_answer_ends_with_the_time_that_was_given() {
    let lab = CloudLab::new();
    lab.fake.answer(ECR, Reply { delay: Duration::from_secs(60), ..ecr(3600) });
    let (clouds, http) = (lab.clouds(&STATIC), http());
    let short = || Deadline::after(Duration::from_millis(300));
    let ask = || clouds.registry_login(&http, Provider::Aws, REGISTRY, short());
    let (one, other) = futures::future::join(ask(), ask()).await;
    for error in [one.expect_err("too slow"), other.expect_err("too slow")] {
        check_error(&lab, &error, "timed out after 0.3 s", "");
    }
}
