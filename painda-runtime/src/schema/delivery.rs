//! How an event is delivered to a slow client.

use core::ops::Range;

/// What a server may do with an event that a client has not taken yet.
///
/// ```
/// use painda_runtime::PPEvent;
/// use painda_runtime::schema::Delivery;
///
/// /// Only the newest position of each player matters.
/// #[derive(PPEvent)]
/// #[pp(event = "player:moved", id = 1, latest = "player")]
/// struct PlayerMoved { player: u32, x: f32, y: f32 }
///
/// assert_eq!(PlayerMoved::DESCRIPTOR.delivery(), &Delivery::Latest { key: Some(0..4) });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Delivery {
    /// Every client gets every event, in order. The default.
    #[default]
    Reliable,
    /// `#[pp(volatile)]`: it may be dropped for a client that does not keep up.
    Volatile,
    /// `#[pp(latest)]`: an event that a client has not taken yet is replaced by a newer one.
    Latest {
        /// `#[pp(latest = "field")]`: only by one with the same bytes in this range of its encoding, which is
        /// the place of the field. It has the same place and size in every message.
        key: Option<Range<usize>>,
    },
}
