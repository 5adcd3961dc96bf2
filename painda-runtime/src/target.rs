//! Who gets an emit: the chain of `to` and `except` that a server and an [`Emitter`](crate::Emitter) have in common.
//!
//! Knows no sockets and no adapter: [`Emits`] says what is done with a finished target.

use core::fmt;

use crate::{
    schema::{EventOf, Schema},
    wire::audience::Audience,
};

/// Who gets an emit: call [`emit`](Self::emit) on it.
///
/// It starts with everybody, a room or a client; [`to`](Self::to) adds rooms, [`except`](Self::except) and
/// [`except_socket`](Self::except_socket) take away. Each client that matches gets an emit once, however many rooms it is in:
///
/// ```
/// # use painda_runtime::{Emitter, PPEvent, emitter::EmitError, schema};
/// # #[derive(PPEvent)]
/// # #[pp(event = "round:over", id = 1)]
/// # pub struct RoundOver { pub round: u32 }
/// # schema! { pub Arena { RoundOver } }
/// # fn example(emitter: &Emitter<Arena>) -> Result<(), EmitError> {
/// emitter.to("red").to("blue").except("benched").emit(&RoundOver { round: 3 })
/// # }
/// ```
///
/// `T` is what emits: a `PPServer`, whose targets can do more, or an `Emitter`.
///
/// # Limits
/// A target may have 65535 names. Up to 1024 rooms, with up to 65536 members, are read at one moment: a client that moves from one of
/// them to another at that time still gets the emit. Of more rooms it may be found in neither.
///
/// # Order
/// What one task emits to targets that name the same single room arrives in that order everywhere, and so does what it emits to
/// targets of any other kind. Between the two kinds, and between emitters, no order is promised.
#[must_use = "a target alone sends nothing: call emit on it"]
pub struct Target<'a, T> {
    pub(crate) from: &'a T,
    pub(crate) audience: Audience<'a>,
    pub(crate) reach: Reach,
}

/// Which nodes an emit goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All nodes.
    Cluster,
    /// This node alone.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "an emitter has no clients of its own"))]
    Local,
}

/// What can emit events of a schema to a [`Target`]: a `PPServer` and an `Emitter`.
pub trait Emits: sealed::Sealed + Sized {
    /// The schema whose events it emits.
    type Schema: Schema;
    /// Why an emit failed.
    type Error;

    /// Emits an event to a target.
    #[doc(hidden)]
    fn emit_to<E: EventOf<Self::Schema>>(target: &Target<'_, Self>, event: &E) -> Result<(), Self::Error>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl<'a, T: Emits> Target<'a, T> {
    pub(crate) fn new(from: &'a T, audience: Audience<'a>) -> Self {
        Self { from, audience, reach: Reach::Cluster }
    }

    /// The members of this room as well.
    pub fn to(mut self, room: &'a str) -> Self {
        self.audience.rooms.add(room);
        self
    }

    /// Not the members of this room.
    pub fn except(mut self, room: &'a str) -> Self {
        self.audience.except_rooms.add(room);
        self
    }

    /// Not the client with this id.
    pub fn except_socket(mut self, id: &'a str) -> Self {
        self.audience.except_clients.add(id);
        self
    }

    /// Sends an event of the schema. It is encoded once, and never waits for the network.
    ///
    /// # Errors
    /// Where the adapter does not take it, for example because its queue is full or the target has too many names, and where a name
    /// can't be a room's. A server's own clients get it all the same where only the adapter does not take it.
    pub fn emit<E: EventOf<T::Schema>>(&self, event: &E) -> Result<(), T::Error> {
        T::emit_to(self, event)
    }
}

impl<T> Clone for Target<'_, T> {
    fn clone(&self) -> Self {
        Self { from: self.from, audience: self.audience.clone(), reach: self.reach }
    }
}

impl<T> fmt::Debug for Target<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("audience", &self.audience).field("reach", &self.reach).finish_non_exhaustive()
    }
}
