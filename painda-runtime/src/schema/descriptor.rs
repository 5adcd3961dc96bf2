//! An event as data: its name, id, documentation and fields.
//!
//! Owns [`EventDescriptor`]. All of it comes from the derive.

use super::Delivery;
use crate::codec::notes::{Notes, noted};
use crate::codec::{Field, Layout, fingerprint};

/// An event as data, for everything that works without its Rust type.
///
/// ```
/// # use painda_runtime::PPEvent;
/// /// A player moved.
/// #[derive(PPEvent)]
/// #[pp(event = "player:move", id = 1)]
/// struct PlayerMove { x: f32, y: f32 }
///
/// let event = PlayerMove::DESCRIPTOR;
/// assert_eq!((event.id(), event.name(), event.doc()), (1, "player:move", "A player moved."));
/// assert_eq!(event.fixed_size(), Some(8));
/// ```
#[derive(Debug)]
pub struct EventDescriptor {
    name: &'static str,
    id: u16,
    rust_path: &'static str,
    notes: Notes,
    delivery: Delivery,
    layout_fingerprint: u64,
    names_fingerprint: u64,
    layout: Layout,
}

impl EventDescriptor {
    /// The description of an event; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, id: u16, rust_path: &'static str, layout: Layout) -> EventDescriptor {
        let (layout_fingerprint, names_fingerprint) = fingerprint::of_event(&layout);
        EventDescriptor {
            name,
            id,
            rust_path,
            notes: Notes::NONE,
            delivery: Delivery::Reliable,
            layout_fingerprint,
            names_fingerprint,
            layout,
        }
    }

    /// The same event with its delivery.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The event's name: `player:move`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The event's id on the wire, never 0.
    #[must_use]
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// The path of the Rust type: `schemas::PlayerMove`.
    #[must_use]
    pub const fn rust_path(&self) -> &'static str {
        self.rust_path
    }

    /// What a server may do with the event if a client is slow.
    #[must_use]
    pub const fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// [`PPEvent::LAYOUT_FINGERPRINT`](super::PPEvent::LAYOUT_FINGERPRINT).
    #[must_use]
    pub const fn layout_fingerprint(&self) -> u64 {
        self.layout_fingerprint
    }

    /// [`PPEvent::NAMES_FINGERPRINT`](super::PPEvent::NAMES_FINGERPRINT).
    #[must_use]
    pub const fn names_fingerprint(&self) -> u64 {
        self.names_fingerprint
    }

    /// The fields, and whether they have names or positions.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The fields, in the order of the wire.
    #[must_use]
    pub const fn fields(&self) -> &'static [Field] {
        self.layout.fields()
    }

    /// The encoded length in bytes, where every value has the same.
    #[must_use]
    pub const fn fixed_size(&self) -> Option<usize> {
        self.layout.fixed_size()
    }
}

noted!("event", EventDescriptor, notes);

/// The same event: name, id, path in Rust and fingerprints.
impl PartialEq for EventDescriptor {
    fn eq(&self, other: &Self) -> bool {
        let parts =
            |event: &Self| (event.name, event.id, event.rust_path, event.layout_fingerprint, event.names_fingerprint);
        parts(self) == parts(other)
    }
}

impl Eq for EventDescriptor {}
