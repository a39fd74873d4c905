//! Which proxy a URL is reached through, and what a proxy's address may be: pure tables.

use tagwright::net::{Proxies, Proxy, Url};
use tagwright::secret::Secret;

/// The proxy of `url` in an environment (`NAME=value` separated by blanks), as `scheme://host:port`, `direct` or the
/// error.
fn chosen(environment: &str, url: &str) -> String {
    let variable = |name: &str| {
        let entries = environment.split(' ').filter_map(|entry| entry.split_once('='));
        entries.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next()
    };
    let url: Url = url.parse().expect("a URL");
    match Proxies::read(variable).proxy_for(&url) {
        Ok(None) => "direct".to_owned(),
        Ok(Some(proxy)) => format!("{proxy:?}").replace("Proxy(", "").replace(')', ""),
        Err(error) => crate::git::told(&error),
    }
}

#[test]
fn the_environment_names_proxies_as_for_go() {
    let check = |environment: &str, url: &str, expected: &str| {
        assert_eq!(chosen(environment, url), expected, "{environment} {url}");
    };
    let (https, http) = ("https://git.example/x", "http://git.example/x");
    check("", https, "direct");
    check("HTTPS_PROXY=http://p:1", https, "http://p:1");
    check("HTTPS_PROXY=http://p:1", http, "direct");
    check("HTTP_PROXY=http://p:1", http, "http://p:1");
    check("HTTP_PROXY=http://p:1", https, "direct");
    check("https_proxy=http://p:1", https, "http://p:1");
    check("HTTPS_PROXY=http://p:1 https_proxy=http://q:1", https, "http://p:1");
    check("HTTPS_PROXY= https_proxy=http://q:1", https, "http://q:1");
    check("ALL_PROXY=socks5://p", https, "socks5://p:1080");
    check("all_proxy=socks5h://p:9", http, "socks5h://p:9");
    check("ALL_PROXY=http://p:1 HTTPS_PROXY=https://q", https, "https://q:443");
    check("HTTPS_PROXY=p:1", https, "http://p:1");
    check("HTTPS_PROXY=p", https, "http://p:80");
    check("HTTPS_PROXY=http://[::1]:3128", https, "http://[::1]:3128");
    check("HTTPS_PROXY=http://u:s3cret@p:1/path?q", https, "http://p:1");
    // A proxy that cannot be read is an error where it would be used: direct would be a leak.
    let broken = "HTTPS_PROXY=ftp://u:s3cret@p:1";
    let expected = "reading the environment variable HTTPS_PROXY: proxies of scheme \"ftp\" are not supported; \
                    http, https, socks5 and socks5h are";
    check(broken, https, expected);
    check(broken, http, "direct");
    check(broken, "https://127.0.0.1/", "direct");
    check(
        "HTTPS_PROXY=http://",
        https,
        "reading the environment variable HTTPS_PROXY: the proxy's address names no host",
    );
}

#[test]
fn no_proxy_exempts_as_for_go() {
    let check = |exempt: &str, direct: &[&str], proxied: &[&str]| {
        let environment = format!("ALL_PROXY=http://p:1 NO_PROXY={exempt}");
        for (urls, expected) in [(direct, "direct"), (proxied, "http://p:1")] {
            for url in urls {
                assert_eq!(chosen(&environment, url), expected, "{exempt:?} {url}");
            }
        }
    };
    check("", &[], &["https://git.example/", "http://10.0.0.1/"]);
    check("*", &["https://git.example/", "http://10.0.0.1/"], &[]);
    check("a.example,*", &["https://b.example/"], &[]);
    let name =
        &["https://git.example/", "http://git.example:8080/", "https://a.b.git.example/", "https://GIT.example./"];
    check("git.example", name, &["https://notgit.example/", "https://example/", "https://git.example.evil.test/"]);
    check("GIT.Example.", name, &["https://notgit.example/"]);
    check(".git.example", &["https://a.git.example/"], &["https://git.example/", "https://xgit.example/"]);
    check("*.git.example", &["https://a.git.example/"], &["https://git.example/"]);
    check("git.example:443", &["https://git.example/", "https://a.git.example/"], &["https://git.example:8443/"]);
    check(".git.example:80", &["http://a.git.example/"], &["https://a.git.example/"]);
    check("git.example:", &["https://git.example:1/"], &[]);
    check("git.example:x", &[], &["https://git.example/"]);
    check("b\u{fc}cher.example", &["https://b\u{fc}cher.example/", "https://xn--bcher-kva.example/"], &[]);
    check("10.1.2.3", &["http://10.1.2.3/", "http://10.1.515/"], &["http://10.1.2.4/", "http://a10.1.2.3.example/"]);
    check("10.1.2.3:80", &["http://10.1.2.3/"], &["http://10.1.2.3:81/"]);
    check("10.0.0.0/8", &["http://10.9.9.9/"], &["http://11.0.0.1/", "http://ten.example/"]);
    check("10.1.2.3/31", &["http://10.1.2.2/"], &["http://10.1.2.4/"]);
    check("0.0.0.0/0", &["http://8.8.8.8/"], &["http://[2001:db8::1]/", "https://git.example/"]);
    check("2001:db8::/32", &["http://[2001:db8::9]/"], &["http://[2001:db9::1]/"]);
    check("::/0", &["http://[2001:db8::9]/"], &["http://8.8.8.8/"]);
    check("[2001:db8::1]:80", &["http://[2001:db8::1]/"], &["https://[2001:db8::1]/"]);
    check("2001:db8::1", &["https://[2001:db8::1]/"], &["https://[2001:db8::2]/"]);
    check("10.0.0.1", &["http://[::ffff:10.0.0.1]/"], &[]);
    check("10.0.0.0/33,/8,:80,a:b:c,[", &[], &["http://10.0.0.1/", "https://git.example/"]);
    // Loopback is this machine, whatever the list says.
    check("", &["http://127.0.0.1/", "https://localhost:1/", "http://[::1]/", "http://127.9.9.9/"], &[]);
}

#[test]
fn addresses_of_proxies_are_read_or_refused_without_being_repeated() {
    let long = "x".repeat(256);
    for (address, login, expected) in [
        ("http://p:3128", None, "Ok(Proxy(http://p:3128))"),
        (" p:3128\n", None, "Ok(Proxy(http://p:3128))"),
        ("socks5://p", Some(("u", "p")), "Ok(Proxy(socks5://p:1080))"),
        ("http://u:s3cret@p", None, "Ok(Proxy(http://p:80))"),
        ("", None, "Err(NoHost)"),
        ("http://u:s3cret@", None, "Err(NoHost)"),
        ("socks4://u:s3cret@p", None, "Err(Scheme(\"socks4\"))"),
        ("http://u:s3cret@p:99999", None, "Err(Malformed(InvalidPort))"),
        ("http://p", Some(("a:b", "s3cret")), "Err(Login(\"username holds a colon\"))"),
        (
            "socks5://p",
            Some(("u", long.as_str())),
            "Err(Login(\"username or password is longer than SOCKS5 allows (255 bytes)\"))",
        ),
    ] {
        let login = login.map(|(username, password)| (username.to_owned(), Secret::new(password)));
        let found = Proxy::new(address, login);
        assert_eq!(format!("{found:?}"), expected, "{address}");
        let told = found.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!told.contains("s3cret"), "{told}");
    }
}
