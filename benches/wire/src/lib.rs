//! The bytes that the load generator, the relay and the measurements speak, by hand and without the runtime that is
//! measured: WebSocket framing, painda's client frame and Redis message, and enough RESP for pub/sub.

pub mod painda;
pub mod resp;
pub mod websocket;
