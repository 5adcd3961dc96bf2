//! The macros as users see them.

/// Makes a struct an event: its name, its id, its codec and its description.
///
/// ```
/// use painda_runtime::PPEvent;
///
/// /// Somebody was hit.
/// #[derive(Debug, Clone, PartialEq, PPEvent)]
/// #[pp(event = "player:hit", id = 2)]
/// pub struct PlayerHit {
///     /// Who did it.
///     pub attacker: u32,
///     pub target: u32,
///     pub damage: i16,
/// }
///
/// let hit = PlayerHit { attacker: 1, target: 2, damage: 30 };
/// assert_eq!(hit.to_bytes().len(), 10);
/// ```
///
/// | key of the struct | what it does |
/// | --- | --- |
/// | `event = "player:hit"` | the event's name, 1 to 255 bytes; names that begin with `__pp_` are the protocol's own |
/// | `id = 2` | its id on the wire, 1 to 65535; without it [`hashed_id`](crate::schema::hashed_id) makes one from the name |
/// | `volatile`, `latest`, `latest = "field"` | how it is delivered to a slow client: see [`Delivery`](crate::schema::Delivery) |
/// | `crate = "::my::painda_runtime"` | where this crate is, if it is not `::painda_runtime` |
///
/// | key of a field | what it does |
/// | --- | --- |
/// | `since = 2` | version 2 of the event has added the field: at least 2, never falling from field to field, and with a `default` |
/// | `default`, `default = expr` | its value in older messages: `Default::default()`, or the expression |
/// | `as = u16, range = -1.0..=1.0` | an `f32` or `f64` that is sent as `u8`, `u16` or `u32` |
///
/// # Fields
///
/// They are written in the order of the struct, big-endian, with nothing between them. They can be
/// numbers up to 128 bits, `NonZero` and `Wrapping` of them, `bool`, `char`, `String`, `Bytes`, arrays, tuples, `Vec`, `VecDeque`, maps,
/// sets, `Option`, `Result`, `Duration`, `SystemTime`, IP addresses, `Box` and `Arc` of these, of `str` and of slices, `Cow<'static, str>`,
/// and structs and enums with [`PPType`](derive@crate::PPType): the table of their bytes is in
/// [`codec`](crate::codec).
///
/// A `Bytes` field is not copied when the message is `Bytes`:
///
/// ```
/// use painda_runtime::{Bytes, PPEvent};
///
/// #[derive(PPEvent)]
/// #[pp(event = "voice:packet", id = 3)]
/// struct VoicePacket { speaker: u16, opus: Bytes }
///
/// let message = VoicePacket { speaker: 7, opus: Bytes::from_static(b"\x01\x02") }.to_bytes();
/// let packet = VoicePacket::decode_bytes(message.clone())?;
/// assert_eq!(packet.opus.as_ptr(), message[3..].as_ptr());
/// # Ok::<(), painda_runtime::DecodeError>(())
/// ```
///
/// # Evolution
///
/// An event may get new fields at its end, each with the version of the event that has added it and its value in
/// older messages:
///
/// ```
/// use painda_runtime::PPEvent;
/// # mod old {
/// #     #[derive(Debug, PartialEq, painda_runtime::PPEvent)]
/// #     #[pp(event = "chat:line", id = 4)]
/// #     pub struct ChatLine { pub text: String }
/// # }
///
/// #[derive(Debug, PartialEq, PPEvent)]
/// #[pp(event = "chat:line", id = 4)]
/// struct ChatLine {
///     text: String,
///     #[pp(since = 2, default)]
///     room: Option<u32>,
///     #[pp(since = 2, default = "en".to_owned())]
///     language: String,
/// }
///
/// // A new decoder reads an old message.
/// let line = ChatLine::decode(b"\x02hi")?;
/// assert_eq!(line, ChatLine { text: "hi".to_owned(), room: None, language: "en".to_owned() });
///
/// // An old decoder reads a new message, and ignores the fields that it does not know.
/// assert_eq!(old::ChatLine::decode(&line.to_bytes())?.text, "hi");
///
/// // A message has all fields of a version or none: one that ends between them is truncated.
/// assert!(ChatLine::decode(b"\x02hi\x00").is_err());
/// # Ok::<(), painda_runtime::DecodeError>(())
/// ```
///
/// Nothing else about an event may change while programs with the old version run. Its parts are frozen, because
/// the bytes behind them would move: append a field with another type instead.
/// [`LAYOUT_FINGERPRINT`](crate::PPEvent::LAYOUT_FINGERPRINT) and
/// [`NAMES_FINGERPRINT`](crate::PPEvent::NAMES_FINGERPRINT) show whether something has changed.
///
/// # Quantised floats
///
/// A float whose range is known can do with fewer bits:
///
/// ```
/// use painda_runtime::PPEvent;
///
/// #[derive(PPEvent)]
/// #[pp(event = "player:at", id = 5)]
/// struct PlayerAt {
///     #[pp(as = u16, range = -100.0..=100.0)]
///     x: f32,
///     #[pp(as = u16, range = -100.0..=100.0)]
///     y: f32,
/// }
///
/// let message = PlayerAt { x: 12.3456, y: 1e9 }.to_bytes();
/// assert_eq!(message.len(), 4);
///
/// let at = PlayerAt::decode(&message)?;
/// assert!((at.x - 12.3456).abs() <= 200.0 / 65535.0 / 2.0);
/// assert_eq!(at.y, 100.0);
/// # Ok::<(), painda_runtime::DecodeError>(())
/// ```
///
/// What is received differs from what was sent by at most half a step, `(max − min) / 65535 / 2` for `u16`,
/// and the rounding of the float. Values outside the range become its nearest end, and NaN its lower end. Steps too small for
/// the float do not compile, so that a value survives being received and sent again.
/// [`Quantisation`](crate::codec::Quantisation) has the formula.
///
/// # Names
///
/// All names that the generated code defines begin with `__pp`, in any case; so do those of all macros of this crate. Your
/// own names may be anything else: a constant `out` or a type `__S` beside an event is no problem.
pub use painda_derive::PPEvent;

/// Makes a struct or an enum a part of events: something that a field can be.
///
/// ```
/// use painda_runtime::{PPEvent, PPType};
/// use std::collections::BTreeMap;
///
/// #[derive(Debug, Clone, Copy, PartialEq, PPType)]
/// pub struct Position { pub x: f32, pub y: f32 }
///
/// #[derive(Debug, Clone, PartialEq, PPType)]
/// pub enum Target {
///     Nobody,
///     Player(u32),
///     Area { centre: Position, radius: f32 },
/// }
///
/// /// A part may be generic; an event may not.
/// #[derive(Debug, Clone, PartialEq, PPType)]
/// pub struct Change<T> { pub from: T, pub to: T }
///
/// /// And it may contain itself, up to 64 levels deep.
/// #[derive(Debug, Clone, PartialEq, PPType)]
/// pub struct Folder { pub name: String, pub folders: Vec<Folder> }
///
/// #[derive(Debug, Clone, PartialEq, PPEvent)]
/// #[pp(event = "spell:cast", id = 6)]
/// pub struct SpellCast {
///     pub target: Target,
///     pub mana: Change<u16>,
///     pub effects: BTreeMap<String, Vec<Position>>,
/// }
///
/// let cast = SpellCast {
///     target: Target::Player(7),
///     mana: Change { from: 20, to: 5 },
///     effects: BTreeMap::new(),
/// };
/// assert_eq!(cast.to_bytes(), [1, 0, 0, 0, 7, 0, 20, 0, 5, 0].as_slice());
/// assert_eq!(SpellCast::decode(&cast.to_bytes()), Ok(cast));
/// ```
///
/// An enum is one byte, the tag of its variant, and the variant's fields. The tag is the discriminant: it
/// counts up from 0, and a variant without fields may set it, as in `Rock = 5`.
///
/// A part is frozen: fields and variants that are added, removed or moved are another encoding. The one
/// exception is a variant at the end of an enum, which decoders that do not know it refuse.
///
/// The derive implements [`Wire`](crate::codec::Wire). Its keys are `crate = "::my::painda_runtime"`, and for
/// fields `as = …` with `range = …`, as in [`PPEvent`](derive@crate::PPEvent).
pub use painda_derive::PPType;

/// Lists the events of a schema, and makes its static registry and its enum.
///
/// ```
/// use painda_runtime::{EventOf, PPEvent, Schema, SchemaEvent, schema};
///
/// # #[derive(Debug, PartialEq, PPEvent)]
/// # #[pp(event = "player:move", id = 1)]
/// # pub struct PlayerMove { pub x: f32, pub y: f32 }
/// # #[derive(Debug, PartialEq, PPEvent)]
/// # #[pp(event = "player:hit", id = 2)]
/// # pub struct PlayerHit { pub attacker: u32, pub target: u32, pub damage: i16 }
/// schema! {
///     /// Everything the arena's services say to each other.
///     #[derive(Debug)]
///     pub Arena { PlayerMove, PlayerHit }
/// }
///
/// // The registry is a `static` that the compiler has filled.
/// assert_eq!(Arena::registry().events().len(), 2);
///
/// // The enum has a variant per event; `#[derive(…)]` above is for it.
/// let event = ArenaEvent::decode(2, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 30])?;
/// assert!(matches!(event, ArenaEvent::PlayerHit(PlayerHit { damage: 30, .. })));
///
/// // Only events of the list can be used where the schema asks for one.
/// fn emit<E: EventOf<Arena>>(event: &E) -> usize { event.encoded_size() }
/// assert_eq!(emit(&PlayerMove { x: 1.5, y: 2.5 }), 8);
/// # Ok::<(), painda_runtime::DecodeError>(())
/// ```
///
/// An event may come from another crate: list its path. Where two have the same name in Rust, write
/// `other::PlayerMove as OtherMove`. Two events with one id or one event name do not compile.
///
/// The enum of a schema `Arena` is `ArenaEvent`, beside it; no event in that scope can have one of the two names.
#[macro_export]
macro_rules! schema {
    ($($list:tt)*) => { $crate::__private::schema! { $crate => $($list)* } };
}
