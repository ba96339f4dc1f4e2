//! The jar's rules, one by one.

use aioxide_http::cookies::{Cookie, Identity, Jar, JarLimits, JarSettings, Origin, Target};

use super::world::{NOW, answer, header, open_jar, parse, target};

fn names(jar: &Jar) -> Vec<&str> {
    jar.entries().iter().map(|entry| entry.name).collect()
}

fn small(limits: JarLimits) -> Jar {
    Jar::new(JarSettings { limits: Some(limits), ..JarSettings::default() })
}

#[test]
fn cookie_without_domain_is_for_its_host_only() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["host=1", "all=1; Domain=x.com"]);
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), "all=1; host=1");
    assert_eq!(header(&mut jar, NOW, "http://a.x.com/"), "all=1");
    assert_eq!(header(&mut jar, NOW, "http://notx.com/"), "");
}

#[test]
fn cookie_of_another_domain_is_not_taken() {
    let mut jar = Jar::default();
    for domain in ["y.org", "a.x.com", "om", "x.co"] {
        answer(&mut jar, NOW, "http://x.com/", &[&format!("a=1; Domain={domain}")]);
    }
    assert_eq!(jar.len(), 0);
    let cookies = ["y.org", "x.com"].map(|domain| parse(&format!("a=1; Domain={domain}")));
    assert_eq!(jar.update(NOW, cookies, &target("http://x.com/")), 1);
}

#[test]
fn path_covers_what_is_below_it() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Path=/a", "b=1; Path=/a/", "c=1; Path=/"]);
    answer(&mut jar, NOW, "http://x.com/d/e", &["d=1"]);
    assert_eq!(header(&mut jar, NOW, "http://x.com/a"), "a=1; c=1");
    assert_eq!(header(&mut jar, NOW, "http://x.com/a/"), "a=1; b=1; c=1");
    assert_eq!(header(&mut jar, NOW, "http://x.com/ab"), "c=1");
    assert_eq!(header(&mut jar, NOW, "http://x.com/d"), "c=1; d=1");
}

#[test]
fn most_specific_cookie_of_a_name_is_sent() {
    let mut jar = Jar::default();
    let url = "http://a.x.com/p/q";
    let fields = ["n=deep; Path=/p", "n=root; Path=/", "n=wide; Domain=x.com; Path=/p/q"];
    answer(&mut jar, NOW, url, &fields);
    assert_eq!(header(&mut jar, NOW, url), "n=deep");
    let values: Vec<_> = jar.select(NOW, &target(url)).iter().map(|sent| sent.value).collect();
    assert_eq!(values, ["deep"]);
}

#[test]
fn shared_cookies_go_everywhere_and_give_way() {
    let mut jar = Jar::default();
    let shared = Cookie::from_value("n", "shared").unwrap();
    jar.update(NOW, [shared], &Target::NONE);
    answer(&mut jar, NOW, "http://x.com/", &["n=own"]);
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), "n=own");
    assert_eq!(header(&mut jar, NOW, "http://y.org/any/path"), "n=shared");
    assert_eq!(header(&mut jar, NOW, "http://127.0.0.1/"), "n=shared");
}

#[test]
fn addresses_are_refused_unless_allowed() {
    for url in ["http://127.0.0.1/", "http://[::1]:80/", "http://2130706433/"] {
        let mut jar = Jar::default();
        answer(&mut jar, NOW, url, &["a=1"]);
        assert_eq!((jar.len(), jar.update(NOW, [parse("a=1")], &target(url))), (0, 1));
        let mut jar = open_jar();
        answer(&mut jar, NOW, url, &["a=1"]);
        assert_eq!(header(&mut jar, NOW, url), "a=1");
    }
}

#[test]
fn name_below_an_address_is_no_domain() {
    let mut jar = open_jar();
    answer(&mut jar, NOW, "http://1.2.3.4/", &["a=1; Domain=3.4"]);
    assert_eq!(jar.len(), 0);
}

#[test]
fn replaced_cookie_keeps_its_place_and_not_its_end() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Max-Age=5", "b=1", "a=2"]);
    assert_eq!(names(&jar), ["a", "b"]);
    assert_eq!(header(&mut jar, NOW.after_secs(60), "http://x.com/"), "a=2; b=1");
}

#[test]
fn kept_header_ends_with_its_cookies() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Max-Age=5", "b=1; Max-Age=50"]);
    for (later, expected) in [(0, "a=1; b=1"), (4, "a=1; b=1"), (5, "b=1"), (49, "b=1"), (50, "")] {
        assert_eq!(header(&mut jar, NOW.after_secs(later), "http://x.com/"), expected);
    }
}

#[test]
fn kept_header_follows_a_cookie_that_becomes_one_for_hosts_below() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1"]);
    assert_eq!(header(&mut jar, NOW, "http://b.x.com/"), "");
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Domain=x.com"]);
    assert_eq!(header(&mut jar, NOW, "http://b.x.com/"), "a=1");
}

#[test]
fn kept_header_is_for_any_path_only_if_paths_do_not_matter() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1"]);
    let first = jar.header(NOW, &target("http://x.com/p")).unwrap().as_ptr();
    assert_eq!(jar.header(NOW, &target("http://x.com/q/r")).unwrap().as_ptr(), first);
    assert_eq!(jar.header(NOW, &Target { path: "", ..target("http://x.com/") }), None);
    answer(&mut jar, NOW, "http://x.com/", &["b=1; Path=/q"]);
    assert_eq!(header(&mut jar, NOW, "http://x.com/p"), "a=1");
    assert_eq!(header(&mut jar, NOW, "http://x.com/q/r"), "a=1; b=1");
}

#[test]
fn same_cookie_again_changes_nothing() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Max-Age=5"]);
    header(&mut jar, NOW, "http://x.com/");
    let generation = jar.generation();
    answer(&mut jar, NOW.after_secs(1), "http://x.com/", &["a=1; Max-Age=5"]);
    assert_eq!(jar.generation(), generation);
    assert_eq!(header(&mut jar, NOW.after_secs(5), "http://x.com/"), "a=1");
    assert_eq!(header(&mut jar, NOW.after_secs(6), "http://x.com/"), "");
    assert_ne!(jar.generation(), generation);
}

#[test]
fn cookie_that_is_set_again_and_again_holds_no_memory() {
    let mut jar = Jar::default();
    for later in 0..10_000 {
        answer(&mut jar, NOW.after_secs(later), "http://x.com/", &["a=1; Max-Age=100000"]);
    }
    assert_eq!(jar.len(), 1);
    assert_eq!(header(&mut jar, NOW.after_secs(109_998), "http://x.com/"), "a=1");
    assert_eq!(header(&mut jar, NOW.after_secs(109_999), "http://x.com/"), "");
}

#[test]
fn full_domain_loses_what_was_not_used_for_longest() {
    let mut jar = small(JarLimits { domain: 4, domain_quota: 3, ..JarLimits::default() });
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Path=/a", "b=1; Path=/b", "c=1", "d=1; Secure"]);
    header(&mut jar, NOW, "http://x.com/a");
    // Kept by now: it counts all the same.
    header(&mut jar, NOW, "http://x.com/a");
    answer(&mut jar, NOW, "http://y.org/", &["other=1"]);
    header(&mut jar, NOW, "http://x.com/b");
    answer(&mut jar, NOW, "http://x.com/", &["e=1"]);
    // The first to go was used before the others, the second with b but for a shorter path. The
    // Secure one stays although it was never used.
    assert_eq!(names(&jar), ["b", "d", "e", "other"]);
}

#[test]
fn domain_full_of_secure_cookies_takes_no_other() {
    let mut jar = small(JarLimits { domain: 2, domain_quota: 2, ..JarLimits::default() });
    answer(&mut jar, NOW, "https://x.com/", &["a=1; Secure", "b=1; Secure"]);
    assert_eq!(jar.update(NOW, [parse("c=1")], &target("https://x.com/")), 1);
    assert_eq!(names(&jar), ["a", "b"]);
    answer(&mut jar, NOW, "https://x.com/", &["d=1; Secure"]);
    assert_eq!(names(&jar), ["b", "d"]);
}

#[test]
fn full_jar_loses_what_was_not_used_for_longest() {
    let mut jar = small(JarLimits { total: 3, total_quota: 2, ..JarLimits::default() });
    for host in ["a", "b", "c"] {
        answer(&mut jar, NOW, &format!("http://{host}.com/"), &[&format!("{host}=1")]);
    }
    header(&mut jar, NOW, "http://a.com/");
    answer(&mut jar, NOW, "http://d.com/", &["d=1"]);
    assert_eq!(names(&jar), ["a", "c", "d"]);
}

#[test]
fn cookie_that_only_deletes_makes_no_other_go() {
    let mut jar = small(JarLimits { domain: 2, domain_quota: 1, ..JarLimits::default() });
    answer(&mut jar, NOW, "http://x.com/", &["a=1", "b=1", "c=1; Max-Age=0"]);
    assert_eq!(names(&jar), ["a", "b"]);
}

#[test]
fn defaults_hold_a_flood_down() {
    let mut jar = Jar::default();
    for number in 0..4000 {
        answer(
            &mut jar,
            NOW,
            &format!("http://h{}.com/", number / 200),
            &[&format!("n{number}=1")],
        );
        assert!(jar.len() <= 3300);
    }
    let entries = jar.entries();
    let of_domain = |domain| entries.iter().filter(|entry| entry.domain == domain).count();
    assert!((150..=180).contains(&of_domain("h18.com")));
    assert!(entries.len() >= 3000 && of_domain("h0.com") == 0);
}

#[test]
fn request_with_too_many_cookies_carries_the_most_specific() {
    let limits = JarLimits { request: 2, ..JarLimits::default() };
    let mut jar = small(limits);
    answer(&mut jar, NOW, "http://a.x.com/", &["own=1", "wide=1; Domain=x.com", "deep=1; Path=/p"]);
    assert_eq!(header(&mut jar, NOW, "http://a.x.com/p"), "deep=1; own=1");
    let mut jar = small(JarLimits { header_length: "Cookie: a=1; c=1".len(), ..limits });
    answer(&mut jar, NOW, "http://x.com/", &["a=1", "b=123", "c=1"]);
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), "a=1; c=1");
}

#[test]
fn default_header_is_never_longer_than_aiohttps() {
    let mut jar = Jar::default();
    for number in 0..20 {
        answer(&mut jar, NOW, "http://x.com/", &[&format!("n{number}={}", "v".repeat(1000))]);
    }
    let length = "Cookie: ".len() + header(&mut jar, NOW, "http://x.com/").len();
    assert!((7000..=8190).contains(&length));
}

#[test]
fn jar_without_limits_sends_everything() {
    let mut jar = Jar::new(JarSettings { limits: None, ..JarSettings::default() });
    let cookies = (0..500).map(|number| Cookie::from_value(&format!("n{number}"), "1").unwrap());
    assert_eq!(jar.update(NOW, cookies, &Target::NONE), 0);
    assert_eq!(jar.select(NOW, &target("http://x.com/")).len(), 500);
    assert_eq!(header(&mut jar, NOW, "http://x.com/").split("; ").count(), 500);
}

#[test]
fn quoting_is_the_servers_or_ours_or_none() {
    let fields = ["a=two words", "b=\"as it \\\"came\\\"\"", "c={}"];
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &fields);
    let quoted = "a=\"two words\"; b=\"as it \\\"came\\\"\"; c=\"{}\"";
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), quoted);
    let mut jar = Jar::new(JarSettings { quote_cookie: false, ..JarSettings::default() });
    answer(&mut jar, NOW, "http://x.com/", &fields);
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), "a=two words; b=as it \"came\"; c={}");
}

#[test]
fn clearing_takes_what_it_says_and_what_has_ended() {
    let fill = || {
        let mut jar = Jar::default();
        answer(&mut jar, NOW, "http://x.com/", &["a=1", "old=1; Max-Age=1"]);
        answer(&mut jar, NOW, "http://sub.x.com/", &["b=1"]);
        answer(&mut jar, NOW, "http://y.org/", &["c=1"]);
        jar
    };
    let later = NOW.after_secs(1);
    let mut jar = fill();
    jar.clear_domain(later, "x.com");
    assert_eq!(names(&jar), ["c"]);
    let mut jar = fill();
    let mut seen = Vec::new();
    jar.clear_if(later, |entry| {
        seen.push(entry.name.to_owned());
        entry.name == "b"
    });
    assert_eq!((names(&jar), seen), (vec!["a", "c"], ["a", "b", "c"].map(str::to_owned).to_vec()));
    let mut jar = fill();
    let gone: Vec<_> = jar.entries()[..2].iter().map(|entry| entry.identity()).collect();
    let stranger = Identity { domain: "z.net".into(), ..gone[0].clone() };
    jar.remove(gone.iter().chain([&stranger]));
    assert_eq!(names(&jar), ["b", "c"]);
    jar.clear();
    assert!(jar.is_empty());
    assert_eq!(header(&mut jar, NOW, "http://y.org/"), "");
}

#[test]
fn secure_origins_are_told_by_scheme_host_and_port() {
    let origins =
        vec![Origin::new("http", "dev.local", Some(8080)), Origin::new("http", "x.com", None)];
    let settings = JarSettings { secure_origins: origins, ..JarSettings::default() };
    let mut jar = Jar::new(settings);
    for host in ["dev.local", "x.com"] {
        answer(&mut jar, NOW, &format!("https://{host}/"), &["a=1; Secure"]);
    }
    for (url, expected) in [
        ("http://dev.local:8080/", "a=1"),
        ("http://dev.local/", ""),
        ("ws://dev.local:8080/", ""),
        ("http://x.com/", "a=1"),
        ("http://x.com:80/", "a=1"),
        ("http://x.com:81/", ""),
        ("wss://x.com/", "a=1"),
    ] {
        assert_eq!(header(&mut jar, NOW, url), expected, "{url}");
    }
}

#[test]
fn debug_shows_no_secrets() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["sid=hunter2"]);
    header(&mut jar, NOW, "http://x.com/");
    assert!(!format!("{jar:?}").contains("hunter2"));
}
