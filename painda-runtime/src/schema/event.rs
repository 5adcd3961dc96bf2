//! The traits of events and schemas, which the macros implement.
//!
//! Knows neither the inside of a registry nor a transport.

use super::{EventDescriptor, Registry};
use crate::codec::{DecodeError, Reader, Reason};
use alloc::vec::Vec;
use bytes::Bytes;
use core::marker::PhantomData;

/// An event: a struct with a name, an id and a fixed layout of bytes.
///
/// Derive it; everything is made at compile time.
///
/// ```
/// use painda_runtime::PPEvent;
///
/// /// A player moved.
/// #[derive(Debug, PartialEq, PPEvent)]
/// #[pp(event = "player:move", id = 1)]
/// struct PlayerMove { x: f32, y: f32 }
///
/// let moved = PlayerMove { x: 1.5, y: 2.5 };
/// assert_eq!(moved.to_bytes(), [0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0].as_slice());
/// assert_eq!(PlayerMove::decode(&moved.to_bytes()), Ok(moved));
/// assert_eq!((PlayerMove::NAME, PlayerMove::ID), ("player:move", 1));
/// ```
///
/// Without `id = …` the id is made from the name, the same in every build: see [`hashed_id`].
///
/// [`hashed_id`]: crate::schema::hashed_id
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "needs `#[derive(PPEvent)]`",
    note = "make it one: `#[derive(PPEvent)] #[pp(event = \"its:name\")] struct …`"
)]
pub trait PPEvent: Sized + Send + Sync + 'static {
    /// The event's name, as clients without the schema see it.
    const NAME: &'static str;

    /// The event's id on the wire, never 0.
    const ID: u16;

    /// The event as data.
    const DESCRIPTOR: &'static EventDescriptor;

    /// 64 bits that change when the meaning of the event's bytes does: the types of its fields and of
    /// everything in them, and the versions that have added them. How they are made will not
    /// change; 16 levels of structs and enums are included.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// // Fails the build where somebody has changed the event's bytes.
    /// const _: () = assert!(PlayerMove::LAYOUT_FINGERPRINT == 0xe320_7720_060f_a173);
    /// ```
    const LAYOUT_FINGERPRINT: u64 = Self::DESCRIPTOR.layout_fingerprint();

    /// 64 bits that change when the [layout](PPEvent::LAYOUT_FINGERPRINT) or a name does that JSON
    /// clients see: of a field or of a variant.
    const NAMES_FINGERPRINT: u64 = Self::DESCRIPTOR.names_fingerprint();

    /// The length of the encoded event in bytes.
    fn encoded_size(&self) -> usize;

    /// Appends the encoded event to `out`, which grows at most once.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads the event from the front of `reader`. [`decode`](PPEvent::decode) is what you want.
    ///
    /// # Errors
    /// As [`decode`](PPEvent::decode), without the event's name.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads the event and puts its name into the error.
    #[doc(hidden)]
    #[inline]
    fn read_named(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::read(reader).map_err(|error| error.in_event(Self::NAME))
    }

    /// The encoded event in a buffer of its own.
    #[must_use]
    fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.encoded_size());
        self.encode(&mut out);
        out.into()
    }

    /// Decodes an event. Bytes after its last field are ignored: they are fields that a newer
    /// version of the event has appended.
    ///
    /// # Errors
    /// When the bytes are not this event: what is wrong, in which field, at which byte.
    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read_named(&mut Reader::new(bytes))
    }

    /// Decodes an event whose parts share the buffer: a `Bytes` field is not copied.
    ///
    /// # Errors
    /// As [`decode`](PPEvent::decode).
    #[inline]
    fn decode_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::read_named(&mut Reader::shared(&bytes))
    }
}

/// A list of events, made by [`schema!`](crate::schema!).
pub trait Schema: Send + Sync + 'static {
    /// The schema's name.
    const NAME: &'static str;

    /// The enum of the schema's events.
    type Event: SchemaEvent;

    /// The schema's events by id and by name: a table that the compiler has made.
    fn registry() -> &'static Registry;
}

/// An event of the list of the schema `S`; implemented by [`schema!`](crate::schema!).
///
/// A server emits and handles nothing else, so an event that was left out of the list does not
/// compile.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of the schema `{S}`",
    label = "not in the list of `{S}`",
    note = "add it to the list: `schema! {{ pub {S} {{ …, {Self} }} }}`",
    note = "an event is a struct with `#[derive(PPEvent)]` and `#[pp(event = \"its:name\")]`"
)]
pub trait EventOf<S: Schema>: PPEvent {}

/// Through this, the code of [`schema!`](crate::schema!) uses an event. It needs [`EventOf`] only, so that an
/// entry that is no event is reported once and not at each use.
#[doc(hidden)]
#[derive(Debug)]
pub struct Member<S, E>(PhantomData<(S, E)>);

impl<S: Schema, E: EventOf<S>> Member<S, E> {
    pub const DESCRIPTOR: &'static EventDescriptor = E::DESCRIPTOR;

    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<E, DecodeError> {
        E::read_named(reader)
    }

    #[inline]
    pub fn encode(event: &E, out: &mut Vec<u8>) {
        event.encode(out);
    }
}

/// The enum of a schema's events: a variant per event, to be matched exhaustively.
///
/// ```
/// use painda_runtime::{PPEvent, SchemaEvent, schema};
///
/// #[derive(PPEvent)]
/// #[pp(event = "player:move", id = 1)]
/// pub struct PlayerMove { pub x: f32, pub y: f32 }
///
/// #[derive(PPEvent)]
/// #[pp(event = "player:left", id = 2)]
/// pub struct PlayerLeft { pub player: u32 }
///
/// schema! { pub Arena { PlayerMove, PlayerLeft } }
///
/// // An id and bytes from somewhere become an event of the schema.
/// match ArenaEvent::decode(2, &[0, 0, 0, 9])? {
///     ArenaEvent::PlayerMove(moved) => println!("moved to {} {}", moved.x, moved.y),
///     ArenaEvent::PlayerLeft(left) => assert_eq!(left.player, 9),
/// }
/// # Ok::<(), painda_runtime::DecodeError>(())
/// ```
pub trait SchemaEvent: Sized + Send + Sync + 'static {
    /// Reads the event with this id. [`decode`](SchemaEvent::decode) is what you want.
    ///
    /// # Errors
    /// As [`decode`](SchemaEvent::decode).
    fn read(id: u16, reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Decodes the event with this id.
    ///
    /// # Errors
    /// When the schema has no such id, or the bytes are not that event.
    fn decode(id: u16, bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(id, &mut Reader::new(bytes))
    }

    /// Decodes the event with this id; its parts share the buffer.
    ///
    /// # Errors
    /// As [`decode`](SchemaEvent::decode).
    fn decode_bytes(id: u16, bytes: Bytes) -> Result<Self, DecodeError> {
        Self::read(id, &mut Reader::shared(&bytes))
    }

    /// Appends the encoded event, without its id, to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Which event it is.
    fn descriptor(&self) -> &'static EventDescriptor;
}

/// The error of the enum of a schema.
#[doc(hidden)]
#[cold]
#[must_use]
pub fn unknown_event(id: u16) -> DecodeError {
    DecodeError::new(Reason::UnknownEvent(id), 0)
}
