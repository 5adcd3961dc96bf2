//! A client as the application sees it: its socket, and the way of its messages to middleware and handlers.

pub(crate) mod disconnect;
pub(crate) mod dispatch;
pub(crate) mod handle;
pub(crate) mod handlers;
pub(crate) mod handshake;
pub(crate) mod health;
pub(crate) mod incoming;
pub(crate) mod json;
pub(crate) mod result;
pub(crate) mod target;
