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
/// | key | what it does |
/// | --- | --- |
/// | `event = "player:hit"` | the event's name, 1 to 255 bytes; names that begin with `__pp_` are the protocol's own |
/// | `id = 2` | its id on the wire, 1 to 65535; without it [`hashed_id`](crate::schema::hashed_id) makes one from the name |
/// | `crate = "::my::painda_runtime"` | where this crate is, if it is not `::painda_runtime` |
///
/// Fields are written in the order of the struct, big-endian, with nothing between them. They can be
/// `u8` to `u64`, `i8` to `i64`, `f32`, `f64` and `bool`.
pub use painda_derive::PPEvent;

/// Makes a struct or an enum a part of events.
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
#[macro_export]
macro_rules! schema {
    ($($list:tt)*) => { $crate::__private::schema! { $crate => $($list)* } };
}
