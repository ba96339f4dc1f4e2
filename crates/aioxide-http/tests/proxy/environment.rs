use aioxide_http::proxy::{Environment, Rules};

const ALL: Rules = Rules { all_proxy: true, networks: true, tls_proxies: true };

fn environment(variables: &[(&'static str, &'static str)]) -> Environment {
    Environment::new(variables.iter().copied(), Rules::default())
}

fn bypasses(no_proxy: &'static str, host: &str) -> bool {
    environment(&[("no_proxy", no_proxy)]).bypasses(host)
}

#[test]
fn each_scheme_has_its_variable() {
    let environment = environment(&[
        ("HTTP_PROXY", "http://a:1"),
        ("HTTPS_PROXY", "http://b:2"),
        ("WS_PROXY", "http://c:3"),
        ("WSS_PROXY", "http://d:4"),
        ("FTP_PROXY", "http://e:5"),
        ("ALL_PROXY", "http://f:6"),
    ]);
    for (scheme, expected) in [
        ("http", Some("http://a:1")),
        ("https", Some("http://b:2")),
        ("ws", Some("http://c:3")),
        ("wss", Some("http://d:4")),
        ("ftp", None),
        ("no", None),
        ("all", None),
    ] {
        assert_eq!(environment.proxy_for(scheme, "host"), expected, "{scheme}");
    }
    assert_eq!(environment.proxies().count(), 6);
}

#[test]
fn small_letters_count_before_others_and_take_them_away_when_empty() {
    for (variables, expected) in [
        (&[("http_proxy", "http://small"), ("HTTP_PROXY", "http://big")], Some("http://small")),
        (&[("HTTP_PROXY", "http://big"), ("http_proxy", "")], None),
        (&[("http_proxy", ""), ("HTTP_PROXY", "http://big")], None),
        (&[("HTTP_proxy", "http://mixed"), ("HTTP_PROXY", "http://big")], Some("http://mixed")),
        (&[("Http_Proxy", "http://one"), ("HTTP_PROXY", "http://big")], Some("http://big")),
    ] {
        assert_eq!(environment(variables).proxy_for("http", "host"), expected, "{variables:?}");
    }
}

#[test]
fn a_strangers_header_does_not_choose_the_proxy_of_a_cgi_program() {
    let cgi = ("REQUEST_METHOD", "");
    let big = environment(&[cgi, ("HTTP_PROXY", "http://evil"), ("HTTPS_PROXY", "http://good")]);
    assert_eq!(big.proxy_for("http", "host"), None);
    assert_eq!(big.proxy_for("https", "host"), Some("http://good"));
    let small = environment(&[("http_proxy", "http://good"), ("HTTP_PROXY", "http://evil"), cgi]);
    assert_eq!(small.proxy_for("http", "host"), Some("http://good"));
}

#[test]
fn no_proxy_names_hosts_and_domains() {
    for (no_proxy, host, expected) in [
        ("example.com", "example.com", true),
        ("example.com", "a.b.example.com", true),
        ("example.com", "badexample.com", false),
        ("example.com", "example.com.evil", false),
        (".example.com", "example.com", true),
        ("...example.com", "a.example.com", true),
        (" a , EXAMPLE.com,", "Example.COM", true),
        ("example.com:8080", "example.com", false),
        ("example.com:8080", "example.com:8080", true),
        ("example.com:8080", "www.example.com:8080", true),
        ("example.com:8080", "example.com:80", false),
        ("example.com", "example.com:80", true),
        ("*", "anything", true),
        ("*,a", "anything", false),
        ("*.example.com", "a.example.com", false),
        (" *", "anything", false),
        ("10.0.0.0/8", "10.1.2.3", false),
        ("10.1.2.3", "10.1.2.3", true),
        ("2.3", "10.1.2.3", true),
        ("::1", "::1", true),
        ("[::1]", "::1", false),
        (".", "host", false),
        (".", "host.", true),
        (",,", "host", false),
    ] {
        assert_eq!(bypasses(no_proxy, host), expected, "{no_proxy:?} {host:?}");
    }
    assert!(!environment(&[]).bypasses("host"));
    let both = environment(&[("http_proxy", "http://a"), ("NO_PROXY", "host")]);
    assert_eq!(both.proxy_for("http", "host"), None);
    assert_eq!(both.proxy_for("http", "other"), Some("http://a"));
}

#[test]
fn proxies_that_are_reached_by_tls_are_for_those_who_ask() {
    let variables = [("https_proxy", "HTTPS://a"), ("wss_proxy", "wss:b"), ("http_proxy", "https")];
    let without = environment(&variables);
    assert_eq!(without.proxy_for("https", "host"), None);
    assert_eq!(without.proxy_for("wss", "host"), None);
    assert_eq!(without.proxy_for("http", "host"), Some("https"), "a host of that name");
    let with = Environment::new(variables, ALL);
    assert_eq!(with.proxy_for("https", "host"), Some("HTTPS://a"));
}

#[test]
fn more_counts_for_those_who_ask() {
    let variables = [
        ("ALL_PROXY", "socks5://all"),
        ("https_proxy", "http://own"),
        ("no_proxy", "10.0.0.0/8, 192.168.1.128/25, fd00::/8, 1.2.3.4/32, a/8, 0.0.0.0/33, x"),
    ];
    let environment = Environment::new(variables, ALL);
    assert_eq!(environment.proxy_for("http", "host"), Some("socks5://all"));
    assert_eq!(environment.proxy_for("https", "host"), Some("http://own"));
    for (host, expected) in [
        ("10.255.0.1", true),
        ("10.255.0.1:8080", true),
        ("11.0.0.1", false),
        ("192.168.1.128", true),
        ("192.168.1.127", false),
        ("fd12::1", true),
        ("fe12::1", false),
        ("1.2.3.4", true),
        ("1.2.3.5", false),
        ("x", true),
    ] {
        assert_eq!(environment.bypasses(host), expected, "{host}");
    }
    assert!(Environment::new([("no_proxy", "a, *")], ALL).bypasses("host"));
    let everything = Environment::new([("no_proxy", "0.0.0.0/0,::/0")], ALL);
    assert!(everything.bypasses("9.9.9.9") && everything.bypasses("9::9"));
}
