//! The same input as aiohttp had, and the same output.

use aioxide_http::cookies::{
    Attribute, AttributeValue, Cookie, Entry, Jar, JarLimits, JarSettings, Origin, SetCookieLimits,
    Target, UnixTime, parse_cookie_header, parse_date, parse_set_cookie, quote, unquote,
};

use super::table::lines;
use super::world::attributes;

fn shown(cookie: &Cookie) -> Vec<String> {
    let parts = [cookie.key(), cookie.value(), cookie.coded_value()].map(str::to_owned);
    parts.into_iter().chain(attributes(cookie)).collect()
}

#[test]
fn set_cookie_is_read_as_aiohttp_reads_it() {
    let mut count = 0;
    for fields in lines(include_str!("set_cookie.txt")) {
        let (field, expected) = fields.split_first().unwrap();
        let cookie = parse_set_cookie(field.as_bytes(), &SetCookieLimits::default());
        let found = cookie.map(|cookie| shown(&cookie)).unwrap_or_default();
        assert_eq!(found, expected, "{field:?}");
        count += 1;
    }
    assert!(count > 500);
}

#[test]
fn cookie_header_is_read_as_aiohttp_reads_it() {
    let mut count = 0;
    for fields in lines(include_str!("cookie_header.txt")) {
        let (field, expected) = fields.split_first().unwrap();
        let found: Vec<_> = parse_cookie_header(field).iter().flat_map(shown).collect();
        assert_eq!(found, expected, "{field:?}");
        count += 1;
    }
    assert!(count > 500);
}

#[test]
fn dates_are_read_as_aiohttp_reads_them() {
    let mut count = 0;
    for fields in lines(include_str!("dates.txt")) {
        let [text, seconds] = &fields[..] else { panic!("{fields:?}") };
        let expected = seconds.parse().ok().map(UnixTime::from_secs);
        assert_eq!(parse_date(text), expected, "{text:?}");
        count += 1;
    }
    assert!(count > 300);
}

#[test]
fn values_are_quoted_as_python_quotes_them_and_come_back() {
    for fields in lines(include_str!("quoting.txt")) {
        let [text, quoted] = &fields[..] else { panic!("{fields:?}") };
        assert_eq!(quote(text), *quoted);
        if quoted.starts_with('"') {
            assert_eq!(unquote(quoted), *text);
        }
    }
}

#[test]
fn jar_does_step_by_step_what_aiohttps_does() {
    let mut lines = lines(include_str!("jar.txt")).peekable();
    let mut jar = Jar::default();
    let mut steps = 0;
    while let Some(step) = lines.next() {
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| line[0].starts_with("< ")) {
            expected.push(line);
        }
        let mut found = perform(&mut jar, &step);
        for line in &mut found {
            line[0].insert_str(0, "< ");
        }
        steps += 1;
        assert_eq!(found, expected, "step {steps}: {step:?}");
    }
    assert!(steps > 300);
}

fn perform(jar: &mut Jar, step: &[String]) -> Vec<Vec<String>> {
    let (action, step) = step.split_first().expect("as oracle.py writes it");
    let action = action.strip_prefix("> ").expect("as oracle.py writes it");
    if action == "jar" {
        *jar = Jar::new(settings(step));
        return Vec::new();
    }
    let now = UnixTime::from_secs(step[0].parse().expect("as oracle.py writes it"));
    let step = &step[1..];
    match action {
        "answer" => {
            let (target, fields) = target(step);
            jar.update_from_headers(now, fields.iter().map(|field| field.as_bytes()), &target);
        }
        "give" => {
            let (target, rest) = target(step);
            let [name, key, value, coded_value, attributes @ ..] = rest else { panic!("{rest:?}") };
            let mut cookie = Cookie::new(&**key, &**value, &**coded_value);
            for attribute in attributes {
                let (name, value) = match attribute.split_once('=') {
                    Some((name, value)) => (name, value.into()),
                    None => (&**attribute, AttributeValue::Flag(true)),
                };
                cookie
                    .attributes
                    .set(Attribute::named(name).expect("as oracle.py writes it"), value);
            }
            jar.update_named(now, [(name.as_str().into(), cookie)], &target);
        }
        "request" => {
            let (target, _) = target(step);
            let header = jar.header(now, &target).unwrap_or_default().to_owned();
            let chosen = jar.select(now, &target);
            let chosen = chosen.iter().flat_map(|sent| {
                [sent.name, sent.key, sent.value, sent.coded_value].map(str::to_owned)
            });
            return vec![[header].into_iter().chain(chosen).collect()];
        }
        "entries" => {
            jar.expire(now);
            return jar.entries().iter().map(entry).collect();
        }
        "clear_domain" => jar.clear_domain(now, &step[0]),
        "clear_name" => jar.clear_if(now, |entry| entry.cookie.key() == step[0]),
        "reload" => {
            let saved = jar.save();
            jar.load(now, saved);
        }
        _ => panic!("{action:?}"),
    }
    Vec::new()
}

fn settings(step: &[String]) -> JarSettings {
    let is = |place: usize| step[place] == "True";
    let number = |place: usize| step[place].parse().expect("as oracle.py writes it");
    let origins =
        vec![Origin::new("http", "x.com", Some(8080)), Origin::new("http", "a.x.com", None)];
    JarSettings {
        accept_addresses: is(0),
        quote_cookie: is(1),
        secure_origins: if is(2) { origins } else { Vec::new() },
        limits: Some(JarLimits {
            domain: number(3),
            domain_quota: number(4),
            total: number(5),
            total_quota: number(6),
            request: number(7),
            header_length: number(8),
        }),
        ..JarSettings::default()
    }
}

fn target(step: &[String]) -> (Target<'_>, &[String]) {
    let [scheme, host, port, path, rest @ ..] = step else { panic!("{step:?}") };
    let host = (!host.is_empty()).then_some(&**host);
    (Target { scheme, host, port: port.parse().ok(), path }, rest)
}

fn entry(entry: &Entry<'_>) -> Vec<String> {
    let end = entry.expires_at.map(|end| end.as_secs_f64().to_string()).unwrap_or_default();
    let host_only = if entry.host_only { "True" } else { "False" };
    let place = [entry.domain, entry.path, entry.name, host_only, &end].map(str::to_owned);
    place.into_iter().chain(shown(entry.cookie)).collect()
}
