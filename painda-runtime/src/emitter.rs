//! Emitting into a cluster without being a node of it: for workers, scheduled jobs and other services.
//!
//! Owns the encoding of a typed event and the choice of its channel. Knows no WebSocket: the feature of an adapter is all that
//! it needs.

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
    wire::aim::Aim,
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
/// Cheap to clone. It hears nothing of what others emit. Like a server's, its emits queue and never wait for the
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
        why: &'static str,
    },
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adapter(error) => error.fmt(f),
            Self::InvalidRoom { room, why } => write!(f, "{} can't be the name of a room: {why}", Quoted(room)),
        }
    }
}

impl core::error::Error for EmitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Adapter(error) => Some(error),
            Self::InvalidRoom { .. } => None,
        }
    }
}

impl<S: Schema> Emitter<S> {
    /// Emits through this adapter.
    #[must_use]
    pub fn new(adapter: impl PPAdapter) -> Self {
        Self { adapter: Arc::new(adapter), schema: PhantomData }
    }

    /// Aims at a room's members on all nodes.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, Self> {
        Target::new(self, Aim::room(room))
    }

    /// Aims at one client, whatever node it is on.
    pub fn client<'a>(&'a self, id: &'a str) -> Target<'a, Self> {
        Target::new(self, Aim::client(id))
    }

    /// Aims at everybody on all nodes.
    pub fn everybody(&self) -> Target<'_, Self> {
        Target::new(self, Aim::default())
    }

    /// Sends an event to everybody on all nodes.
    ///
    /// # Errors
    /// As [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), EmitError> {
        self.everybody().emit(event)
    }

    /// The nodes that have another schema than this emitter, by their ids. None means that all nodes that are there read its
    /// events as it writes them.
    ///
    /// Another schema need not contradict this one: nodes that are being updated have newer events and fields. Whether it
    /// does, nodes find out when they join a cluster; an emitter is no node, and asks nobody. It reads two lists that the nodes
    /// keep, so that it costs the same whatever the schema is.
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
            // One that has left in between was in the first list, and in neither room any more.
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
        if let Some((room, why)) = target.aim.problem() {
            return Err(EmitError::InvalidRoom { room: room.into(), why });
        }
        let message = Message::event(E::ID, event.to_bytes());
        let publication = target.aim.publication(&message).map_err(AdapterError::from);
        let sent =
            publication.and_then(|(channel, message, exclude)| target.from.adapter.publish(channel, &message, exclude));
        sent.map_err(EmitError::Adapter)
    }
}
