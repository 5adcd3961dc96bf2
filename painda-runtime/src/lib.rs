//! Typed real-time events across many servers.
