//! The static registry: a schema's events by id and by name.
//!
//! Owns the table that const evaluation builds, and the check that no two events share an id or a
//! name. There is no lock, no start-up step and no way to change it. It knows descriptors only.

use super::EventDescriptor;
use core::str;

/// The events of a schema.
///
/// ```
/// # use painda_runtime::{PPEvent, Schema, schema};
/// # #[derive(PPEvent)]
/// # #[pp(event = "player:move", id = 1)]
/// # pub struct PlayerMove { pub x: f32, pub y: f32 }
/// schema! { pub Arena { PlayerMove } }
///
/// let registry = Arena::registry();
/// assert_eq!(registry.by_id(1).map(|event| event.name()), Some("player:move"));
/// assert_eq!(registry.by_name("player:move").map(|event| event.id()), Some(1));
/// assert!(registry.by_id(2).is_none());
/// ```
#[derive(Debug)]
pub struct Registry {
    name: &'static str,
    events: &'static [&'static EventDescriptor],
    by_id: &'static [u16],
    by_name: &'static [u16],
}

impl Registry {
    /// The registry of a schema; for the code of [`schema!`](crate::schema!).
    #[doc(hidden)]
    #[must_use]
    pub const fn new<const SLOTS: usize>(
        name: &'static str,
        events: &'static [&'static EventDescriptor],
        index: &'static Index<SLOTS>,
    ) -> Self {
        Registry { name, events, by_id: &index.by_id, by_name: &index.by_name }
    }

    /// The schema's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The events in the order of the list.
    #[must_use]
    pub const fn events(&self) -> &'static [&'static EventDescriptor] {
        self.events
    }

    /// The event with this id.
    #[inline]
    #[must_use]
    pub const fn by_id(&self, id: u16) -> Option<&'static EventDescriptor> {
        match self.entry(id) {
            Some((_, event)) => Some(event),
            None => None,
        }
    }

    /// The position in the list of the event with this id; for the code of [`schema!`](crate::schema!).
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn position(&self, id: u16) -> Option<usize> {
        match lookup_id(self.by_id, self.events, id) {
            Slot::Taken(at) => Some(at),
            Slot::Free(_) => None,
        }
    }

    /// The event with this id, and where in the list it is.
    #[inline]
    pub(crate) const fn entry(&self, id: u16) -> Option<(usize, &'static EventDescriptor)> {
        match lookup_id(self.by_id, self.events, id) {
            Slot::Taken(at) => Some((at, self.events[at])),
            Slot::Free(_) => None,
        }
    }

    /// The event with this name.
    #[inline]
    #[must_use]
    pub const fn by_name(&self, name: &str) -> Option<&'static EventDescriptor> {
        match lookup_name(self.by_name, self.events, name) {
            Slot::Taken(at) => Some(self.events[at]),
            Slot::Free(_) => None,
        }
    }

    /// Fails the build where an event of the list shares its id or its name with an earlier one.
    ///
    /// # Panics
    /// At compile time, with both events in the message, at the event in the list.
    #[doc(hidden)]
    #[track_caller]
    pub const fn check(&self, event: &EventDescriptor) {
        // The id 0 is the stub of a struct with an error, which has been reported.
        if event.id() == 0 {
            return;
        }
        if let Some(first) = self.by_name(event.name())
            && !same(first.rust_path(), event.rust_path())
        {
            let mut text = Text::new();
            text.push("`");
            text.push(event.rust_path());
            text.push("` and `");
            text.push(first.rust_path());
            text.push("` are both named `");
            text.push(event.name());
            text.push("`; rename one: `#[pp(event = \"…\")]`");
            panic!("{}", text.as_str());
        }
        if let Some(first) = self.by_id(event.id())
            && !same(first.rust_path(), event.rust_path())
        {
            let mut text = Text::new();
            text.push("`");
            text.push(event.rust_path());
            text.push("` and `");
            text.push(first.rust_path());
            text.push("` both have the id ");
            text.push_number(event.id());
            text.push("; give one of them another: `#[pp(event = \"");
            text.push(event.name());
            text.push("\", id = …)]`");
            panic!("{}", text.as_str());
        }
    }
}

/// Two open-addressing hash tables, at most half full, filled at compile time: a slot holds the
/// position of an event in the list plus one, or 0.
#[doc(hidden)]
#[derive(Debug)]
pub struct Index<const SLOTS: usize> {
    by_id: [u16; SLOTS],
    by_name: [u16; SLOTS],
}

impl<const SLOTS: usize> Index<SLOTS> {
    /// Fills the tables. Of two events with one id or one name the first wins;
    /// [`Registry::check`] reports the other.
    ///
    /// # Panics
    /// At compile time, when there are more events than ids.
    #[must_use]
    pub const fn new(events: &'static [&'static EventDescriptor]) -> Self {
        assert!(events.len() <= u16::MAX as usize, "a schema has at most 65535 events");
        let mut index = Index { by_id: [0; SLOTS], by_name: [0; SLOTS] };
        let mut at = 0;
        while at < events.len() {
            let event = events[at];
            at += 1;
            if let Slot::Free(slot) = lookup_id(&index.by_id, events, event.id()) {
                index.by_id[slot] = at as u16;
            }
            if let Slot::Free(slot) = lookup_name(&index.by_name, events, event.name()) {
                index.by_name[slot] = at as u16;
            }
        }
        index
    }
}

/// The number of slots for a list of this length.
#[doc(hidden)]
#[must_use]
pub const fn slots(events: usize) -> usize {
    (events * 2 + 2).next_power_of_two()
}

enum Slot {
    /// By the event at this position of the list.
    Taken(usize),
    Free(usize),
}

const fn lookup_id(table: &[u16], events: &[&'static EventDescriptor], id: u16) -> Slot {
    // Fibonacci hashing takes the top bits of the product: ids in any regular pattern spread out.
    let mut slot = ((id as u32).wrapping_mul(0x9e37_79b9) >> (32 - table.len().trailing_zeros())) as usize;
    while table[slot] != 0 {
        let at = table[slot] as usize - 1;
        if events[at].id() == id {
            return Slot::Taken(at);
        }
        slot = (slot + 1) & (table.len() - 1);
    }
    Slot::Free(slot)
}

const fn lookup_name(table: &[u16], events: &[&'static EventDescriptor], name: &str) -> Slot {
    let mut slot = fnv1a(name) as usize & (table.len() - 1);
    while table[slot] != 0 {
        let at = table[slot] as usize - 1;
        if same(events[at].name(), name) {
            return Slot::Taken(at);
        }
        slot = (slot + 1) & (table.len() - 1);
    }
    Slot::Free(slot)
}

/// The id of an event without `id = …`: `1 + fnv1a32(name) % 65535`, where `fnv1a32` is
/// the 32-bit FNV-1a hash of the name's UTF-8 bytes. It will not change.
///
/// Two names may get one id: that fails the build, and one of them needs an `id` of its own.
///
/// ```
/// assert_eq!(painda_runtime::schema::hashed_id("player:move"), 27924);
/// ```
#[must_use]
pub const fn hashed_id(name: &str) -> u16 {
    (fnv1a(name) % 65535 + 1) as u16
}

const fn fnv1a(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut hash: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// `a == b`, which const evaluation does not have for text.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// An error message that is built at compile time, cut at 1024 bytes.
struct Text {
    bytes: [u8; 1024],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Text { bytes: [0; 1024], len: 0 }
    }

    const fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text[at];
            self.len += 1;
            at += 1;
        }
    }

    const fn push_number(&mut self, number: u16) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        let digit = [b'0' + (number % 10) as u8];
        if let Ok(digit) = str::from_utf8(&digit) {
            self.push(digit);
        }
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "two events share an id or a name",
        }
    }
}
