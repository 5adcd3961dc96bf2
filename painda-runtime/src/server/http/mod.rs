//! HTTP: connections are accepted, handshakes are checked and become clients.

pub(crate) mod address;
pub(crate) mod body;
pub(crate) mod check;
pub(crate) mod listener;
pub(crate) mod reserve;
pub(crate) mod service;
pub(crate) mod upgrade;
