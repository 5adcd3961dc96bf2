//! The client's address: the peer's, or what the trusted proxies say.

use std::{
    iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Once,
};

use http::{Extensions, HeaderMap, header};

use crate::server::limits::ProxyHeader;

/// Notes where the connection comes from in a request, as those expect it who mount this server.
pub(crate) fn note(extensions: &mut Extensions, peer: SocketAddr) {
    extensions.insert(peer);
    #[cfg(feature = "axum")]
    extensions.insert(axum::extract::ConnectInfo(peer));
}

/// Where the connection comes from, as whoever accepted it has noted in the request.
pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let peer = extensions.get::<SocketAddr>().copied();
    #[cfg(feature = "axum")]
    let peer = peer.or_else(|| extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|info| info.0));
    peer
}

/// The client's address: the peer's, or what the outermost trusted proxy says that it saw. Nothing where that proxy keeps it
/// to itself (`unknown`, `_hidden`) or can't be understood: it is not the peer's address in any case, which is a proxy's.
pub(crate) fn client(
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
    trusted_proxies: usize,
    proxy_header: ProxyHeader,
) -> Option<IpAddr> {
    let legacy = || Said::by_x_forwarded_for(headers, trusted_proxies);
    let standard = || Said::by_forwarded(headers, trusted_proxies);
    let (legacy, standard) = match proxy_header {
        _ if trusted_proxies == 0 => (Said::Nothing, Said::Nothing),
        ProxyHeader::Either => (legacy(), standard()),
        ProxyHeader::XForwardedFor => (legacy(), Said::Nothing),
        ProxyHeader::Forwarded => (Said::Nothing, standard()),
    };
    let peer = peer.map(|peer| peer.ip().to_canonical());
    match (legacy, standard) {
        (Said::Nothing, Said::Nothing) => peer,
        (said, Said::Nothing) | (Said::Nothing, said) => said.address(),
        (said, other) if said == other => said.address(),
        _ => {
            warn_of_contradiction();
            peer
        }
    }
}

/// What the outermost trusted proxy says in a header. Each proxy appends the address that it was connected from, so only the
/// last entries can be believed, as many as there are trusted proxies; what stands before them is the client's own invention, and is
/// not even read: nothing that it breaks can change how the end is understood.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Unreadable,
    Address(IpAddr),
}

impl Said {
    fn by_x_forwarded_for(headers: &HeaderMap, trusted: usize) -> Self {
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let entries = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        Self::first_of(entries, trusted, |entry| node(&unquoted(entry)?))
    }

    fn by_forwarded(headers: &HeaderMap, trusted: usize) -> Self {
        let values = headers.get_all(header::FORWARDED).iter().rev();
        let entries = values.flat_map(|value| rsplit_unquoted(value.as_bytes(), b','));
        Self::first_of(entries, trusted, |entry| {
            let value = rsplit_unquoted(entry, b';').find_map(|pair| {
                let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
                name.trim_ascii().eq_ignore_ascii_case(b"for").then(|| &value[1..])
            });
            node(&unquoted(value?)?)
        })
    }

    /// The first of the last `trusted` entries. Where there are fewer, the client has come past some of the proxies, and the
    /// first entry is what the one saw that it did come to.
    fn first_of<'a>(
        from_the_end: impl Iterator<Item = &'a [u8]>,
        trusted: usize,
        read: impl Fn(&'a [u8]) -> Option<IpAddr>,
    ) -> Self {
        let written = from_the_end.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
        written.take(trusted).last().map_or(Self::Nothing, |entry| read(entry).map_or(Self::Unreadable, Self::Address))
    }

    fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// The parts between separators outside of quotes, from the end.
fn rsplit_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            if *byte == b'"' {
                let escapes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                quoted = !quoted || escapes % 2 == 1;
            } else if *byte == separator && !quoted {
                rest = Some(&text[..at]);
                return Some(&text[at + 1..]);
            }
        }
        rest = None;
        Some(text)
    })
}

/// A value without the quotes that it may have.
fn unquoted(value: &[u8]) -> Option<String> {
    let value = str::from_utf8(value.trim_ascii()).ok()?;
    let Some(inside) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let mut text = String::new();
    let mut chars = inside.strip_suffix('"')?.chars();
    while let Some(next) = chars.next() {
        text.push(if next == '\\' { chars.next()? } else { next });
    }
    Some(text)
}

/// The address of a node as proxies write it: `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
/// What else RFC 7239 allows, `unknown` and `_names`, is none.
fn node(text: &str) -> Option<IpAddr> {
    // The zone of a link-local address means something to the proxy only.
    let v6 = |text: &str| text.split_once('%').map_or(text, |(address, _)| address).parse::<Ipv6Addr>().ok();
    let (address, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, "")) => (v6(address)?.into(), None),
        Some((address, rest)) => (v6(address)?.into(), Some(rest.strip_prefix(':')?)),
        None => match (v6(text), text.split_once(':')) {
            (Some(address), _) => (address.into(), None),
            (None, Some((address, port))) => (address.parse::<Ipv4Addr>().ok()?.into(), Some(port)),
            (None, None) => (text.parse::<Ipv4Addr>().ok()?.into(), None),
        },
    };
    let obfuscated = |port: &str| port.starts_with('_') && port.bytes().all(|byte| byte.is_ascii_graphic());
    let numeric = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    port.is_none_or(|port| numeric(port) || obfuscated(port)).then(|| IpAddr::to_canonical(&address))
}

/// Said once, for a client can bring it about as often as it likes.
fn warn_of_contradiction() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            target: "painda::server",
            "X-Forwarded-For and Forwarded name different clients, and neither is believed: \
             say by proxy_header which of the two your proxies write"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";

    /// The address of a client with these headers, `x:` for `X-Forwarded-For` and `f:` for `Forwarded`.
    fn address(lines: &[&str], trusted_proxies: usize, proxy_header: ProxyHeader) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').expect("a name and a value");
            let name = if name == "x" { "x-forwarded-for" } else { "forwarded" };
            headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let peer = Some(SocketAddr::new(PEER.parse().expect("an address"), 80));
        client(&headers, peer, trusted_proxies, proxy_header).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }

    fn by_one(line: &str) -> String {
        address(&[line], 1, ProxyHeader::Either)
    }

    #[test]
    fn nobody_is_believed_unless_told() {
        assert_eq!(address(&["x:1.2.3.4"], 0, ProxyHeader::Either), PEER);
        assert_eq!(address(&["f:for=1.2.3.4"], 0, ProxyHeader::Forwarded), PEER);
        assert_eq!(address(&[], 1, ProxyHeader::Either), PEER, "nobody has forwarded it");
        assert_eq!(address(&["x: , ", "f:"], 1, ProxyHeader::Either), PEER);
    }

    #[test]
    fn only_as_many_entries_as_are_trusted_are_believed() {
        let x = ["x:6.6.6.6, 1.2.3.4", "x:10.0.0.9"];
        let f = ["f:for=6.6.6.6, for=1.2.3.4;proto=https", "f:by=10.0.0.1;for=10.0.0.9"];
        for lines in [x, f] {
            let by = |trusted| address(&lines, trusted, ProxyHeader::Either);
            assert_eq!([by(1), by(2), by(3), by(4)], ["10.0.0.9", "1.2.3.4", "6.6.6.6", "6.6.6.6"], "{lines:?}");
        }
    }

    #[test]
    fn entries_as_proxies_write_them() {
        for (entry, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:5678", "1.2.3.4"),
            ("\"1.2.3.4:5678\"", "1.2.3.4"),
            ("\t1.2.3.4 ", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:DB8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("\"[2001:db8::1]:_hidden\"", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("[::ffff:1.2.3.4]:80", "1.2.3.4"),
        ] {
            assert_eq!(by_one(&format!("x:{entry}")), expected, "{entry}");
            assert_eq!(by_one(&format!("x:junk, {entry}")), expected, "{entry}");
            for element in [format!("for={entry}"), format!("proto=http; For = {entry};host=\"a,b;for=6.6.6.6\"")] {
                assert_eq!(by_one(&format!("f:{element}")), expected, "{element}");
                assert_eq!(by_one(&format!("f:junk, {element}")), expected, "{element}");
            }
        }
    }

    #[test]
    fn an_entry_that_can_not_be_read_is_nobodys_address() {
        for entry in [
            "unknown",
            "_hidden",
            "\"_hidden\"",
            "localhost",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.4:",
            "1.2.3.4:port",
            "1.2.3.4:65536",
            "1.2.3.4:+80",
            "256.1.1.1",
            "2001:db8::1:443:x",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]443",
            "[1.2.3.4]:80",
            "\"1.2.3.4",
            "1.2.3.4\"",
            "\"",
            "\u{e9}",
        ] {
            assert_eq!(by_one(&format!("x:{entry}")), "unknown", "{entry}");
            assert_eq!(by_one(&format!("f:for={entry}")), "unknown", "{entry}");
        }
        for element in ["proto=https", "for", "for=", "by=1.2.3.4", "fort=1.2.3.4", ";", "="] {
            assert_eq!(by_one(&format!("f:{element}")), "unknown", "{element}");
        }
    }

    #[test]
    fn what_a_client_writes_before_the_proxies_breaks_nothing() {
        for invention in
            ["\"", "for=\"", "for=\"6.6.6.6", "a\\", "\\\"", "for=\"a\\\"", "\u{e9}", ",,,", ";;;", "for=6.6.6.6;"]
        {
            for (name, entry) in [("x", "1.2.3.4"), ("f", "for=1.2.3.4"), ("f", "for=\"1.2.3.4:80\";host=\"a,b\"")] {
                // In a line of its own, or in the one that the proxy goes on with.
                let lines = [format!("{name}:{invention}"), format!("{name}:{entry}")];
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                assert_eq!(address(&lines, 1, ProxyHeader::Either), "1.2.3.4", "{lines:?}");
                let line = format!("{name}:{invention}, {entry}");
                assert_eq!(by_one(&line), "1.2.3.4", "{line}");
            }
        }
    }

    #[test]
    fn whatever_a_client_writes_before_the_proxies_changes_nothing() {
        let parts = [
            "\"", "\\", ",", ";", "=", "for=", "For=\"", "[", "]", ":", "1.2.3.4", "6.6.6.6", "_x", " ", "\t", "\u{e9}",
        ];
        let mut random = 1u64;
        let mut roll = |sides: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).expect("31 bits") % sides
        };
        for _ in 0..20_000 {
            let invention: String = (0..roll(8)).map(|_| parts[roll(parts.len())]).collect();
            let (x, f) = ("x:9.9.9.9, 1.2.3.4:80", "f:for=\"[2001:db8::1]:80\";host=\"a,\\\"b\" ,for=10.0.0.9");
            for (written, expected) in [(x, "9.9.9.9"), (f, "2001:db8::1")] {
                let (name, entries) = written.split_once(':').expect("a name");
                let lines = [format!("{name}:{invention}"), written.to_owned()];
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                assert_eq!(address(&lines, 2, ProxyHeader::Either), expected, "{lines:?}");
                let line = format!("{name}:{invention}, {entries}");
                assert_eq!(address(&[&line], 2, ProxyHeader::Either), expected, "{line}");
            }
        }
    }

    #[test]
    fn quotes_hide_separators_and_quotes() {
        assert_eq!(by_one(r#"f:for=1.2.3.4;host="a\",for=6.6.6.6""#), "1.2.3.4");
        assert_eq!(by_one(r#"f:for=1.2.3.4;host="a\\", for=5.5.5.5"#), "5.5.5.5");
        assert_eq!(by_one(r#"f:for="1.2.3.\4""#), "1.2.3.4");
    }

    #[test]
    fn which_header_is_believed_where_both_are_there() {
        let both = ["x:1.1.1.1", "f:for=2.2.2.2"];
        assert_eq!(address(&both, 1, ProxyHeader::XForwardedFor), "1.1.1.1");
        assert_eq!(address(&both, 1, ProxyHeader::Forwarded), "2.2.2.2");
        assert_eq!(address(&both, 1, ProxyHeader::Either), PEER, "one of them lies");
        for lie in ["x:unknown", "x:_", "x:10.0.0.99"] {
            assert_eq!(address(&[lie, "f:for=2.2.2.2"], 1, ProxyHeader::Either), PEER, "a client may bring it about");
        }
        assert_eq!(address(&["x:1.1.1.1", "f:for=\"1.1.1.1:80\""], 1, ProxyHeader::Either), "1.1.1.1");
        assert_eq!(address(&["x:1.1.1.1"], 1, ProxyHeader::Forwarded), PEER);
        assert_eq!(address(&["f:for=1.1.1.1"], 1, ProxyHeader::XForwardedFor), PEER);
    }
}
