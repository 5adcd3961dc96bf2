//! What the application learns of the cluster.

/// What the cluster answered within the [time](crate::server::PPServerBuilder::ask_timeout).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What is known from those nodes that replied, this one included.
    pub value: T,
    /// The ids of the nodes that did not reply: they are slow, cut off, or dead, or have just left; or are of another version,
    /// which does not know the question.
    pub unanswered: Vec<String>,
    /// The ids of the nodes that had more to say than one answer holds: 10 000 sockets a node, or 1 MiB of their rooms' names.
    pub truncated: Vec<String>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its id, made anew at each start.
    pub id: String,
    /// How many clients are connected to it.
    pub connections: u64,
}

/// A client somewhere in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteSocket {
    /// The client's id.
    pub id: String,
    /// The id of the node that it is connected to.
    pub node: String,
    /// The rooms that it is in.
    pub rooms: Vec<String>,
}
