//! The events that the arena's services share.
