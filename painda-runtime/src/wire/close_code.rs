//! The WebSocket close codes that a server uses, and what a client should do about each.
//!
//! A code is *terminal* where connecting again in the same way would end in the same way: see [`is_terminal`].

/// A normal close: the application has closed the connection. Terminal.
pub const NORMAL: u16 = 1000;
/// The server stops. Connect again after a random wait of some seconds, perhaps to another node.
pub const GOING_AWAY: u16 = 1001;
/// The client broke the WebSocket protocol. Terminal: an error of the client program.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A text message was not UTF-8. Terminal: an error of the client program.
pub const NOT_UTF8: u16 = 1007;
/// The client sent too many pings, or went on sending above its rate limit. Terminal: an error of the client program.
pub const POLICY: u16 = 1008;
/// A message was larger than allowed. Terminal: the same message would be too large again.
pub const TOO_LARGE: u16 = 1009;
/// The server can't keep up with what this client sends. Connect again later, and send less.
pub const BUSY: u16 = 1013;
/// The application refused the client. Terminal, until the client has other credentials.
pub const REFUSED: u16 = 4003;
/// The client reads too slowly: too much waited for it for too long. Connect again, and ask for what was missed.
pub const TOO_SLOW: u16 = 4008;
/// The client's address has as many connections as it may. Connect again after a minute or so: another one must end first.
pub const TOO_MANY_CONNECTIONS: u16 = 4029;

/// Whether a close frame may carry this code: 1000–1003, 1007–1014, and the applications' own, 3000–4999. The others are reserved,
/// or stand for connections that ended without a code; a client that gets one takes the connection for broken.
///
/// ```
/// use painda_runtime::server::close_code::{REFUSED, is_sendable};
///
/// assert!(is_sendable(REFUSED));
/// assert!(!is_sendable(1006), "a connection that ended without a close frame");
/// ```
#[must_use]
pub const fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Whether a client that is closed with this code should not connect again by itself. Connections that break (1005, 1006), servers and
/// proxies that stop, restart or fail (1001, 1011 to 1014), and what passes by itself are not terminal. All else is, an application's
/// own codes (3000 to 4999) among it, unless the application says otherwise.
///
/// ```
/// use painda_runtime::server::close_code::{GOING_AWAY, REFUSED, is_terminal};
///
/// assert!(is_terminal(REFUSED));
/// assert!(!is_terminal(GOING_AWAY));
/// ```
#[must_use]
pub const fn is_terminal(code: u16) -> bool {
    !matches!(code, GOING_AWAY | 1005 | 1006 | 1011 | 1012 | BUSY | 1014 | TOO_SLOW | TOO_MANY_CONNECTIONS)
}

/// The code itself where it may be sent, and otherwise [`NORMAL`]: a close must not fail because of its code.
pub(crate) const fn sendable(code: u16) -> u16 {
    if is_sendable(code) { code } else { NORMAL }
}
