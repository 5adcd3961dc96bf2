//! Emitting into a cluster without being a node of it: for workers, scheduled jobs and other services.
//!
//! Encodes typed events and chooses their channels. Knows no WebSocket: it needs the feature of an adapter and nothing else.

use core::{fmt, marker::PhantomData};
#[cfg(feature = "json")]
use std::collections::HashSet;
use std::{string::String, sync::Arc};

use crate::{
    Message, PPAdapter,
    adapter::AdapterError,
    excerpt::Quoted,
    schema::{EventOf, Schema},
    target::{Emits, Target, sealed},
    wire::{audience::Audience, channels::RoomNameError},
};
#[cfg(feature = "json")]
use crate::{
    schema::SchemaModel,
    wire::channels::{NODES, schema_room},
};

/// Emits the events of a schema to the clients of all nodes, without having clients itself.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use painda_runtime::{Emitter, PPEvent, schema};
/// # #[cfg(feature = "redis")]
/// use painda_runtime::RedisAdapter;
///
/// #[derive(PPEvent)]
/// #[pp(event = "round:over", id = 1)]
/// pub struct RoundOver { pub round: u32 }
///
/// schema! { pub Arena { RoundOver } }
///
/// # #[cfg(feature = "redis")] {
/// let emitter = Emitter::<Arena>::new(RedisAdapter::connect("redis://localhost:6379").await?);
/// emitter.to("red").to("blue").except("benched").emit(&RoundOver { round: 3 })?;
/// emitter.close().await?; // sends what is queued
/// # } Ok(()) }
/// ```
///
/// Cheap to clone. It receives nothing. Like a server's, its emits queue and never wait for the
/// network; what one emitter emits to one room arrives in that order. What is still queued when the last clone is dropped without
/// [`close`](Self::close) is lost.
pub struct Emitter<S: Schema> {
    adapter: Arc<dyn PPAdapter>,
    schema: PhantomData<fn() -> S>,
}

/// Why an emitter could not emit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// The adapter did not take it, for example because its queue is full.
    Adapter(AdapterError),
    /// A name that can't be a room's.
    InvalidRoom {
        /// The name.
        room: String,
        /// What is wrong with it.
        source: RoomNameError,
    },
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adapter(error) => error.fmt(f),
            Self::InvalidRoom { room, source } => write!(f, "{} can't be the name of a room: {source}", Quoted(room)),
        }
    }
}

impl core::error::Error for EmitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Adapter(error) => Some(error),
            Self::InvalidRoom { source, .. } => Some(source),
        }
    }
}

impl<S: Schema> Emitter<S> {
    /// Emits through this adapter.
    #[must_use]
    pub fn new(adapter: impl PPAdapter) -> Self {
        Self { adapter: Arc::new(adapter), schema: PhantomData }
    }

    /// A target for emits: a room's members on all nodes.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, Self> {
        Target::new(self, Audience::room(room))
    }

    /// A target for emits: one client, whatever node it is on.
    pub fn client<'a>(&'a self, id: &'a str) -> Target<'a, Self> {
        Target::new(self, Audience::client(id))
    }

    /// A target for emits: everybody on all nodes.
    pub fn everybody(&self) -> Target<'_, Self> {
        Target::new(self, Audience::default())
    }

    /// Sends an event to everybody on all nodes.
    ///
    /// # Errors
    /// As [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), EmitError> {
        self.everybody().emit(event)
    }

    /// The ids of the nodes that have another schema than this emitter. An empty set means that all running nodes read its events as
    /// it writes them.
    ///
    /// Another schema need not contradict this one: during an update nodes have newer events and fields. Nodes compare their schemas
    /// when they join a cluster; an emitter is no node and asks none. It reads two lists that the nodes keep, which costs the same
    /// whatever the schema is.
    ///
    /// ```no_run
    /// # #[cfg(feature = "redis")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use painda_runtime::{Emitter, PPEvent, RedisAdapter, schema};
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "round:over", id = 1)]
    /// # pub struct RoundOver { pub round: u32 }
    /// # schema! { pub Arena { RoundOver } }
    /// let emitter = Emitter::<Arena>::new(RedisAdapter::connect("redis://localhost:6379").await?);
    /// let others = emitter.nodes_with_another_schema().await?;
    /// if !others.is_empty() {
    ///     eprintln!("this program's schema is not that of the nodes {others:?}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Where the adapter can't list the nodes.
    #[cfg(feature = "json")]
    pub async fn nodes_with_another_schema(&self) -> Result<HashSet<String>, AdapterError> {
        let print = SchemaModel::of(S::registry()).fingerprint();
        // A node is in the room of its schema before it is listed.
        let mut others = self.adapter.get_clients_in_room(NODES).await?;
        let same = self.adapter.get_clients_in_room(&schema_room(print)).await?;
        others.retain(|node| !same.contains(node));
        if !others.is_empty() {
            // A node that has left between the two questions is in the first answer only.
            let there = self.adapter.get_clients_in_room(NODES).await?;
            others.retain(|node| there.contains(node));
        }
        Ok(others)
    }

    /// Sends what is queued, and closes the adapter. The Redis adapter takes up to 2 seconds for it.
    ///
    /// # Errors
    /// Where not everything could be sent in that time; the text says what was left.
    pub async fn close(&self) -> Result<(), AdapterError> {
        self.adapter.close().await
    }
}

impl<S: Schema> Clone for Emitter<S> {
    fn clone(&self) -> Self {
        Self { adapter: self.adapter.clone(), schema: PhantomData }
    }
}

impl<S: Schema> fmt::Debug for Emitter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("schema", &S::NAME).finish_non_exhaustive()
    }
}

impl<S: Schema> sealed::Sealed for Emitter<S> {}

impl<S: Schema> Emits for Emitter<S> {
    type Schema = S;
    type Error = EmitError;

    fn emit_to<E: EventOf<S>>(target: &Target<'_, Self>, event: &E) -> Result<(), EmitError> {
        target.audience.check_rooms().map_err(|(room, source)| EmitError::InvalidRoom { room: room.into(), source })?;
        let message = Message::event(E::ID, event.to_bytes());
        let publication = target.audience.publication(&message).map_err(AdapterError::from);
        let sent =
            publication.and_then(|(channel, message, exclude)| target.from.adapter.publish(channel, &message, exclude));
        sent.map_err(EmitError::Adapter)
    }
}
