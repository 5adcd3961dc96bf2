//! The tests of the schema toolkit, and the events that they share: one for every kind of field.

pub mod zoo;
