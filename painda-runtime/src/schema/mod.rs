//! Events and the schema that lists them.
//!
//! Owns what an event is, the static registry, the description of an event as data, and what works
//! from that description alone. It builds on the codec; it knows nothing about messages on their
//! way, adapters, sockets or servers.

mod delivery;
#[cfg(feature = "json")]
mod describe;
mod descriptor;
#[cfg(feature = "tools")]
pub(crate) mod dump;
mod event;
#[cfg(feature = "tools")]
mod golden;
#[cfg(feature = "json")]
mod json_error;
#[cfg(feature = "tools")]
pub mod lock;
mod macros;
#[cfg(feature = "json")]
mod parts;
#[cfg(feature = "json")]
mod reflect;
mod registry;
#[cfg(feature = "tools")]
pub mod typescript;

pub use delivery::Delivery;
pub use descriptor::EventDescriptor;
pub use event::{EventOf, PPEvent, Schema, SchemaEvent};
#[doc(hidden)]
pub use event::{Member, unknown_event};
#[cfg(feature = "json")]
pub use json_error::{JsonError, JsonReason};
pub use macros::{PPEvent, PPType};
#[doc(hidden)]
pub use registry::{Index, slots};
pub use registry::{Registry, hashed_id};
