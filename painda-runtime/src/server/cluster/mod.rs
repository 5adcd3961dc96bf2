//! This node's part in the cluster: what nodes ask each other, and what they relay.

mod answer;
mod asking;
mod inbound;
mod join;
mod orders;
mod peers;
mod schema_check;
mod typescript;

use std::sync::{Arc, OnceLock};

pub use self::answer::{Answer, NodeInfo, RemoteSocket};
use self::peers::Peers;
pub(crate) use self::peers::Replies;
use crate::server::{fit::SchemaFit, node::Node};

/// A node, and what it has to do with the others.
pub(crate) struct Cluster {
    pub(crate) node: Arc<Node>,
    pub(crate) peers: Peers,
    /// How the schema fits the other nodes', once this node has joined them.
    fit: OnceLock<SchemaFit>,
}

impl Cluster {
    /// How the schema fits those of the nodes that were there when this one joined.
    pub(crate) fn fit(&self) -> SchemaFit {
        self.fit.get().copied().unwrap_or_default()
    }
}
