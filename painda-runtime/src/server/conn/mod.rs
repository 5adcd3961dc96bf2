//! A WebSocket connection: reads what the client sends, and what waits for its handlers.

pub(crate) mod connection;
#[cfg(test)]
mod echo;
pub(crate) mod inbox;
pub(crate) mod rates;
mod receiver;
