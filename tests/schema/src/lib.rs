//! The tests of the schema toolkit, and what they share: events with every kind of field, messages of them made from their
//! descriptions, and what must hold for every message, right or wrong.

pub mod allocations;
pub mod generate;
pub mod mutate;
pub mod oracle;
pub mod text;
pub mod zoo;
