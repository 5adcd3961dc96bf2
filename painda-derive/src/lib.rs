//! The macros behind `painda-runtime`; use them through that crate.
