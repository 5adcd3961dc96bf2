//! What nodes ask each other and answer, written by hand, so that it says independently what is on the wire.

/// A question or an answer: its head, and the request or the reply.
pub fn message(number: u64, from: &str, rest: impl AsRef<[u8]>) -> Vec<u8> {
    [&number.to_be_bytes()[..], &text(from), rest.as_ref()].concat()
}

/// How many clients are connected?
pub const NODE: &[u8] = &[0];

/// Which schema does the node have?
pub fn schema(fingerprint: u64) -> Vec<u8> {
    [&[1][..], &fingerprint.to_be_bytes()].concat()
}

/// Which sockets are there?
pub fn sockets(audience: impl AsRef<[u8]>) -> Vec<u8> {
    [&[2][..], &bytes(audience)].concat()
}

/// Puts sockets into a room.
pub fn join(audience: impl AsRef<[u8]>, room: impl AsRef<[u8]>) -> Vec<u8> {
    [&[3][..], &bytes(audience), &bytes(room)].concat()
}

/// Takes sockets out of a room.
pub fn leave(audience: impl AsRef<[u8]>, room: impl AsRef<[u8]>) -> Vec<u8> {
    [&[4][..], &bytes(audience), &bytes(room)].concat()
}

/// Closes sockets.
pub fn disconnect(audience: impl AsRef<[u8]>, code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&[5][..], &bytes(audience), &code.to_be_bytes(), &bytes(reason)].concat()
}

/// A request that only a later version knows.
pub const LATER: &[u8] = &[200, 1, 2, 3];

/// The reply to what is not known.
pub const UNKNOWN: &[u8] = &[0];

/// The number of connected clients.
pub fn node(connections: u64) -> Vec<u8> {
    [&[1][..], &connections.to_be_bytes()].concat()
}

/// The node's schema is this one.
pub fn schema_is(json: &str) -> Vec<u8> {
    [&[3][..], &text(json)].concat()
}

/// These sockets are there, in these rooms.
pub fn sockets_are(sockets: &[(&str, &[&str])]) -> Vec<u8> {
    let mut out = vec![4];
    out.extend(count(sockets.len()));
    for (id, rooms) in sockets {
        out.extend(text(id));
        out.extend(count(rooms.len()));
        rooms.iter().for_each(|room| out.extend(text(room)));
    }
    // No more than these.
    out.push(0);
    out
}

/// The number of sockets that it was done to.
pub fn done(sockets: u64) -> Vec<u8> {
    [&[5][..], &sockets.to_be_bytes()].concat()
}

/// The rooms, the clients, the excepted rooms and the excepted clients of an audience.
pub fn audience(lists: [&[String]; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    for list in lists {
        out.extend_from_slice(&u16::try_from(list.len()).expect("a list that fits").to_be_bytes());
        for name in list {
            out.push(u8::try_from(name.len()).expect("a short name"));
            out.extend_from_slice(name.as_bytes());
        }
    }
    out
}

/// The audience at everybody.
pub const EVERYBODY: [u8; 8] = [0; 8];

/// Text of the codec: its length, and its bytes.
pub fn text(text: &str) -> Vec<u8> {
    bytes(text)
}

/// The same of bytes.
pub fn bytes(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [&count(bytes.len()), bytes].concat()
}

/// A count: seven bits a byte, the lowest first.
fn count(mut count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while count >= 0x80 {
        out.push(count as u8 | 0x80);
        count >>= 7;
    }
    out.push(count as u8);
    out
}
