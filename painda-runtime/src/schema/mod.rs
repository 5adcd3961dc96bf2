//! Events and the schema that lists them.
//!
//! Owns the traits of events, the static registry, the description of an event as data, and everything that works
//! from that description alone. It builds on the codec; it knows nothing about transports, adapters, sockets or servers.
//!
//! - [`#[derive(PPEvent)]`](derive@crate::PPEvent) makes a struct an event; its documentation has fields, evolution and
//!   quantised floats; [`#[derive(PPType)]`](derive@crate::PPType) is for the structs and enums inside.
//! - [`schema!`](crate::schema!) lists the events that belong together: a [`Registry`] that the compiler
//!   fills, and an enum with a variant per event ([`SchemaEvent`]).
//! - [`EventOf`] is the membership that servers ask for.
//!
//! # Without the Rust type
//!
//! An [`EventDescriptor`] has everything about the struct: names, types, documentation, versions. Tools read
//! it:
//!
//! ```
//! use painda_runtime::codec::WireType;
//! use painda_runtime::{PPEvent, PPType};
//!
//! /// A corner.
//! #[derive(PPType)]
//! struct Point { x: f32, y: f32 }
//!
//! #[derive(PPEvent)]
//! #[pp(event = "area:drawn", id = 1)]
//! struct AreaDrawn {
//!     /// Clockwise.
//!     corners: Vec<Point>,
//!     #[pp(since = 2, default)]
//!     name: Option<String>,
//! }
//!
//! let [corners, name] = AreaDrawn::DESCRIPTOR.fields() else { unreachable!() };
//! assert_eq!((corners.name(), corners.doc(), corners.since()), ("corners", "Clockwise.", 1));
//! assert_eq!((name.ty().to_string(), name.since()), ("Option<String>".to_owned(), 2));
//! assert_eq!(name.default_bytes(), Some(vec![0]));
//!
//! let WireType::List(item) = corners.ty() else { unreachable!() };
//! let WireType::Struct(point) = item.get() else { unreachable!() };
//! assert_eq!((point.name(), point.doc(), point.layout().fields().len()), ("Point", "A corner.", 2));
//! ```
//!
//! With the feature `json`, [`EventDescriptor::to_json`] and [`EventDescriptor::from_json`] go between bytes and
//! JSON values, [`EventDescriptor::write_json_text`] and [`EventDescriptor::from_json_text`] between bytes and JSON text.

mod delivery;
mod descriptor;
#[cfg(feature = "json")]
pub mod diff;
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
mod model;
#[cfg(feature = "json")]
mod parts;
#[cfg(feature = "json")]
pub(crate) mod reflect;
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
#[cfg(feature = "json")]
pub use model::{ModelError, SchemaModel};
#[doc(hidden)]
pub use registry::{Index, slots};
pub use registry::{Registry, hashed_id};
