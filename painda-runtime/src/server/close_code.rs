//! The WebSocket close codes that a server uses.

/// The server stops; connect again, perhaps elsewhere.
pub const GOING_AWAY: u16 = 1001;
/// The client broke the WebSocket protocol.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A text message was not UTF-8.
pub const NOT_UTF8: u16 = 1007;
/// The client sends far more pings than anybody needs, or went on sending more than it may.
pub const POLICY: u16 = 1008;
/// A message was larger than allowed.
pub const TOO_LARGE: u16 = 1009;
/// The server can't keep up with what this client sends; connect again later.
pub const BUSY: u16 = 1013;
/// The application refused the client.
pub const REFUSED: u16 = 4003;
/// The client reads too slowly: too much waited for it for too long.
pub const TOO_SLOW: u16 = 4008;
/// The client's address has as many connections as it may.
pub const TOO_MANY_CONNECTIONS: u16 = 4029;
