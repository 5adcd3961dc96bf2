//! From which pages browsers may connect: the patterns of [`allowed_origins`](super::PPServerBuilder::allowed_origins).
//!
//! A browser writes an origin in one way only (RFC 6454 and the URL standard): lower case, the default port left out, nothing
//! behind host and port. Origins are therefore compared as text, and a pattern that is written in any other way, and so would never
//! match, is an error that says how to write it.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use http::HeaderValue;

/// The origin of pages that have none: of sandboxed frames, and of files in most browsers.
const NONE: &str = "null";
const ONE_SCHEME: &str = "an origin begins with one scheme and `://`";

/// The origins that are let in.
#[derive(Clone, Debug)]
pub(crate) struct Origins(Vec<Pattern>);

#[derive(Clone, Debug)]
enum Pattern {
    Exact(String),
    /// Any host that something stands before: the scheme with `://`, and the host from its first dot on, with the port.
    Subdomains {
        scheme: String,
        parent: String,
    },
}

impl Origins {
    /// Reads patterns; the error's text names all that can never match.
    pub(crate) fn parse(patterns: &[String]) -> Result<Self, String> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match check(pattern) {
                Ok(()) => good.push(Pattern::new(pattern)),
                Err(problem) => bad.push(format!("`{pattern}`: {problem}")),
            }
        }
        if bad.is_empty() { Ok(Self(good)) } else { Err(bad.join("; ")) }
    }

    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.0.iter().any(|pattern| pattern.matches(origin)))
    }
}

impl Pattern {
    fn new(checked: &str) -> Self {
        match checked.split_once("*.") {
            Some((scheme, parent)) => Self::Subdomains { scheme: scheme.to_owned(), parent: format!(".{parent}") },
            None => Self::Exact(checked.to_owned()),
        }
    }

    fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Exact(exact) => origin == exact,
            Self::Subdomains { scheme, parent } => {
                let host = origin.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_suffix(parent.as_str()));
                host.is_some_and(|labels| labels.split('.').all(is_label))
            }
        }
    }
}

/// Why a pattern never matches, and the one that was probably meant.
#[derive(Debug)]
struct Problem {
    why: &'static str,
    instead: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)?;
        self.instead.as_ref().map_or(Ok(()), |instead| write!(f, ": write `{instead}`"))
    }
}

/// Whether a pattern is an origin as browsers write it, or one with `*.` before its host.
fn check(pattern: &str) -> Result<(), Problem> {
    let mut why = None;
    let meant = meant(pattern, &mut |reason| {
        why.get_or_insert(reason);
    });
    match (meant, why) {
        (Ok(_), None) => Ok(()),
        (Ok(meant), Some(why)) => Err(Problem { why, instead: Some(meant) }),
        (Err(why), _) => Err(Problem { why, instead: None }),
    }
}

/// Writes a pattern as browsers do, and tells `wrong` what had to be changed. An error where no origin can be meant.
fn meant(pattern: &str, wrong: &mut dyn FnMut(&'static str)) -> Result<String, &'static str> {
    let trimmed = pattern.trim();
    if trimmed != pattern {
        wrong("there is space around it");
    }
    if trimmed.eq_ignore_ascii_case(NONE) {
        if trimmed != NONE {
            wrong("browsers write it in lower case");
        }
        return Ok(NONE.to_owned());
    }
    if trimmed == "*" {
        return Err("every origin is let in where allowed_origins is not called");
    }
    let (scheme, rest) = match trimmed.split_once("://") {
        Some((_, rest)) if rest.contains("://") => return Err(ONE_SCHEME),
        Some((scheme, rest)) => (self::scheme(scheme, wrong)?, rest),
        None if trimmed.starts_with('/') || trimmed.contains(":/") => return Err(ONE_SCHEME),
        None => {
            wrong("an origin begins with its scheme");
            ("https".to_owned(), trimmed)
        }
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    if end < rest.len() {
        wrong("an origin ends after host and port");
    }
    let authority = &rest[..end];
    if authority.is_empty() {
        // What some programs send that show files in a browser of their own.
        return if scheme == "file" { Ok("file://".to_owned()) } else { Err("an origin has a host") };
    }
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, rest)| {
        wrong("an origin names no user");
        rest
    });
    // In an IPv6 address there are colons, too.
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, self::port(&scheme, port, wrong)?),
        _ => (host_and_port, None),
    };
    let (wildcard, host) = host.strip_prefix("*.").map_or(("", host), |host| ("*.", host));
    let host = self::host(&scheme, host, !wildcard.is_empty(), wrong)?;
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{scheme}://{wildcard}{host}{port}"))
}

fn scheme(scheme: &str, wrong: &mut dyn FnMut(&'static str)) -> Result<String, &'static str> {
    let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !letters || !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(ONE_SCHEME);
    }
    let lower = scheme.to_ascii_lowercase();
    if lower != scheme {
        wrong("browsers write it in lower case");
    }
    match lower.as_str() {
        "ws" | "wss" => {
            wrong("the origin is that of the page, not of the WebSocket");
            Ok(lower.replace("ws", "http"))
        }
        _ => Ok(lower),
    }
}

/// The port, where browsers write it.
fn port(scheme: &str, port: &str, wrong: &mut dyn FnMut(&'static str)) -> Result<Option<u16>, &'static str> {
    const NOT_A_PORT: &str = "a port is a number from 1 to 65535";
    if port.is_empty() {
        wrong("browsers leave an empty port out");
        return Ok(None);
    }
    let number = match port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse::<u16>()) {
        Some(Ok(number)) if number > 0 => number,
        _ => return Err(NOT_A_PORT),
    };
    if matches!((scheme, number), ("http", 80) | ("https", 443)) {
        wrong("browsers leave the scheme's own port out");
        return Ok(None);
    }
    if port.starts_with('0') {
        wrong("browsers write a port without leading zeros");
    }
    Ok(Some(number))
}

/// The host. Browsers rewrite that of `http` and `https`; that of an application's own scheme stays as it is.
fn host(scheme: &str, host: &str, parent: bool, wrong: &mut dyn FnMut(&'static str)) -> Result<String, &'static str> {
    if host.contains('*') {
        return Err("`*.` can only stand for what is before a host's name, as in `https://*.example.org`");
    }
    if host.is_empty() {
        return Err("an origin has a host");
    }
    if !matches!(scheme, "http" | "https") {
        let letters = host.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>^|%".contains(&byte));
        return if letters { Ok(host.to_owned()) } else { Err("the host has letters that no host has") };
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
        let written = ipv6(address.ok_or("the host is no IPv6 address")?);
        return address_of(host, written, parent, wrong);
    }
    if !host.is_ascii() {
        return Err("browsers write such a host in ASCII: use the form that begins with `xn--`");
    }
    let lower = host.to_ascii_lowercase();
    if lower != host {
        wrong("browsers write it in lower case");
    }
    // A name may end with a dot, and is another one then.
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if hexadecimal || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) {
        let address = name.parse::<Ipv4Addr>().map_err(|_| "the host ends as an IPv4 address does, and is none")?;
        return address_of(host, address.to_string(), parent, wrong);
    }
    if name.len() > 253 || !name.split('.').all(|label| is_label(label) && label.len() <= 63) {
        return Err("the host is no name that could be looked up");
    }
    Ok(lower)
}

fn address_of(
    host: &str,
    written: String,
    parent: bool,
    wrong: &mut dyn FnMut(&'static str),
) -> Result<String, &'static str> {
    if parent {
        return Err("an IP address has no subdomains");
    }
    if written != host {
        wrong("browsers write the address in another way");
    }
    Ok(written)
}

/// An IPv6 address as the URL standard has it: in contrast to everybody else, it never writes the last parts as IPv4.
fn ipv6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => format!("[::ffff:{high:x}:{low:x}]"),
        _ => format!("[{address}]"),
    }
}

/// What stands between two dots of a host.
fn is_label(label: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    !label.is_empty() && label.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(pattern: &str, origin: &str) -> bool {
        let origins = Origins::parse(&[pattern.to_owned()]).unwrap_or_else(|why| panic!("{why}"));
        origins.allow(&HeaderValue::from_bytes(origin.as_bytes()).expect("a value"))
    }

    /// What is to be written in a pattern's place, or nothing where that can't be known.
    fn instead(pattern: &str) -> Option<String> {
        check(pattern).expect_err(pattern).instead
    }

    #[test]
    fn what_a_pattern_may_be() {
        for pattern in [
            "https://example.org",
            "http://localhost",
            "http://localhost:5173",
            "https://example.org:8443",
            "http://example.org:443",
            "https://a-b.c_d.example.org",
            "https://example.org.",
            "https://xn--bcher-kva.example",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://[::ffff:102:304]",
            "chrome-extension://abcdefghijklmnop",
            "app://Obsidian.md",
            "capacitor://localhost",
            "file://",
            "null",
        ] {
            assert!(allowed(pattern, pattern), "{pattern}");
            assert!(!allowed(pattern, "https://other.example"), "{pattern}");
        }
    }

    #[test]
    fn a_wildcard_is_for_subdomains_and_not_for_the_domain_itself() {
        for (origin, expected) in [
            ("https://a.example.org", true),
            ("https://a.b-c.d_1.example.org", true),
            ("https://example.org", false),
            ("https://.example.org", false),
            ("https://..example.org", false),
            ("https://a..example.org", false),
            ("https://.a.example.org", false),
            ("https://aexample.org", false),
            ("https://a.example.org.", false),
            ("https://a.example.org.evil.example", false),
            ("https://a.example.org:8443", false),
            ("http://a.example.org", false),
            ("https://evil.example/.example.org", false),
            ("https://evil.example:80.example.org", false),
            ("https://user@a.example.org", false),
            ("https://*.example.org", false),
            ("https://A.example.org", false),
            ("https://\u{e9}.example.org", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(allowed("https://*.example.org", origin), expected, "{origin}");
        }
        assert!(allowed("http://*.localhost:5173", "http://a.localhost:5173"));
        assert!(!allowed("http://*.localhost:5173", "http://a.localhost"));
    }

    #[test]
    fn a_pattern_that_can_never_match_is_told_the_one_that_does() {
        for (pattern, meant) in [
            ("https://example.org/", "https://example.org"),
            ("https://example.org/game", "https://example.org"),
            ("https://example.org?a=b", "https://example.org"),
            ("https://example.org#top", "https://example.org"),
            ("HTTPS://example.org", "https://example.org"),
            ("https://Example.ORG", "https://example.org"),
            (" https://example.org\n", "https://example.org"),
            ("example.org", "https://example.org"),
            ("*.example.org", "https://*.example.org"),
            ("localhost:3000", "https://localhost:3000"),
            ("https://*.Example.org/", "https://*.example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://example.org:80/", "http://example.org"),
            ("https://example.org:", "https://example.org"),
            ("https://example.org:08443", "https://example.org:8443"),
            ("wss://example.org/ws", "https://example.org"),
            ("ws://localhost:3000", "http://localhost:3000"),
            ("https://ada@example.org", "https://example.org"),
            ("https://ada:secret@example.org:8443/", "https://example.org:8443"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("http://[::ffff:1.2.3.4]", "http://[::ffff:102:304]"),
            ("http://[2001:DB8::1]", "http://[2001:db8::1]"),
            ("http://127.0.0.1.", "http://127.0.0.1"),
            ("NULL", "null"),
            ("file:///home", "file://"),
        ] {
            assert_eq!(instead(pattern).as_deref(), Some(meant), "{pattern}");
            assert!(check(meant).is_ok(), "{meant}");
        }
    }

    #[test]
    fn patterns_that_mean_nothing() {
        for pattern in [
            "",
            " ",
            "*",
            "https://",
            "https://*",
            "https://*.",
            "https://*.*.example.org",
            "https://a.*.example.org",
            "https://*example.org",
            "https://example.*",
            "*://example.org",
            "https://example.org:*",
            "https://example.org:0",
            "https://example.org:65536",
            "https://example.org:+1",
            "https://:443",
            "https://*.127.0.0.1",
            "https://*.[::1]",
            "https://[::1",
            "https://::1",
            "https://[::1]x",
            "https://1.2.3",
            "https://1.2.3.4.5",
            "https://0x7f.1",
            "https://example.1",
            "https://b\u{fc}cher.example",
            "https://a..b",
            "https://.example.org",
            "https://exa mple.org",
            "https://exam%70le.org",
            "https://a,https://b",
            "https://https://example.org",
            "1ttp://example.org",
            "://example.org",
            "app://a b",
        ] {
            assert!(instead(pattern).is_none(), "{pattern}: {:?}", instead(pattern));
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let patterns = ["https://good.example", "https://A.example/", "*"].map(str::to_owned);
        assert_eq!(
            Origins::parse(&patterns).expect_err("two are wrong"),
            "`https://A.example/`: an origin ends after host and port: write `https://a.example`; \
             `*`: every origin is let in where allowed_origins is not called"
        );
    }

    /// Numbers that look random, the same in every run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).expect("31 bits") % sides
        }

        fn pick<T: Copy>(&mut self, from: &[T]) -> T {
            from[self.roll(from.len())]
        }
    }

    /// An origin, mostly: what may stand in one, put together at random.
    fn something_like_an_origin(dice: &mut Dice) -> String {
        let mut text = dice.pick(&["https://", "http://", "HTTP://", "", "wss://", "https:/", "https://u@"]).to_owned();
        if dice.roll(8) == 0 {
            text.push_str("*.");
        }
        for _ in 0..=dice.roll(4) {
            text.push_str(dice.pick(&[
                "example",
                "a",
                "A",
                "1",
                "0",
                "127",
                "0x1",
                "[::1]",
                "[::ffff:1.2.3.4]",
                "_x-y",
                "",
                "*",
                "%61",
                " ",
            ]));
            text.push_str(dice.pick(&[".", ".", ".", "", ":", "-"]));
        }
        text.push_str(dice.pick(&["org", "org", "com.", "1", ""]));
        text.push_str(dice.pick(&["", "", "", ":443", ":80", ":8080", ":0", ":99999", ":080", ":"]));
        text.push_str(dice.pick(&["", "", "", "/", "/a", "?", "#"]));
        text
    }

    #[test]
    fn a_pattern_is_right_where_it_is_what_a_browser_would_send() {
        let mut dice = Dice(1);
        let (mut good, mut mended, mut hopeless) = (0, 0, 0);
        for _ in 0..200_000 {
            let pattern = something_like_an_origin(&mut dice);
            // The URL standard, as the crate `url` has it, is what browsers go by.
            let origin = |pattern: &str| match url::Url::parse(pattern) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url.origin().ascii_serialization()),
                _ => None,
            };
            match check(&pattern) {
                Ok(()) => {
                    let host = pattern.replace("*.", "sub.domain.");
                    assert_eq!(origin(&host).as_ref(), Some(&host), "{pattern:?} is never sent");
                    assert!(allowed(&pattern, &host), "{pattern:?} lets {host:?} in");
                    good += 1;
                }
                Err(Problem { instead: Some(meant), .. }) => {
                    assert!(check(&meant).is_ok(), "{pattern:?} is no better as {meant:?}");
                    let scheme = |text: &str| text.starts_with("http:");
                    let sent = origin(&pattern.replace("*.", "a."));
                    if let Some(sent) = sent.filter(|sent| scheme(sent) == scheme(&meant)) {
                        assert_eq!(meant.replace("*.", "a."), sent, "{pattern:?}");
                    }
                    mended += 1;
                }
                Err(Problem { instead: None, .. }) => {
                    // Hosts with letters or labels that no name has, and port 0, are possible in a URL.
                    let odd = pattern.contains(['*', '%', ' ', ','])
                        || pattern.contains("..")
                        || pattern.contains("://.")
                        || pattern.ends_with(":0");
                    assert!(odd || origin(&pattern).as_ref() != Some(&pattern), "{pattern:?} could be sent");
                    hopeless += 1;
                }
            }
        }
        assert!(good > 1000 && mended > 1000 && hopeless > 1000, "{good} {mended} {hopeless}");
    }
}
