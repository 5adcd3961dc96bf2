//! A socket's core, and the way of what is sent to it: made into frames once, queued, written.

pub(crate) mod core;
pub(crate) mod flusher;
pub(crate) mod outbox;
pub(crate) mod packet;
pub(crate) mod policy;
pub(crate) mod queue;
pub(crate) mod writer;
