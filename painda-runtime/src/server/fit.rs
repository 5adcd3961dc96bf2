//! How a node's schema fits those of the others, and what is done where it does not.

use crate::schema::diff::Comparison;

/// What a node does that joins a cluster whose schema contradicts its own.
///
/// It asks those nodes that are there and have another schema, and waits for each up to the [time for
/// questions](super::PPServerBuilder::ask_timeout). Of two that join at the same moment one refuses at least, and mostly both do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// It does not start: [`Error::SchemaConflict`](super::Error::SchemaConflict) says why. The default.
    #[default]
    Refuse,
    /// It logs a warning and starts.
    Warn,
}

/// How this node's schema fits the schemas of the nodes that were there when it joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaFit {
    /// No other node is there, or none that has answered.
    #[default]
    Alone,
    /// None has what another one lacks: all are the same, or but for names and deliveries.
    Same,
    /// This node has events, variants, or fields at the end of events, that another one lacks.
    Newer,
    /// Another node has events, variants, or fields at the end of events, that this one lacks.
    Older,
    /// Both.
    Mixed,
    /// They contradict each other, and the node has started because it was told [to warn only](OnConflict::Warn).
    Conflicting,
}

impl SchemaFit {
    /// How ours fits one other schema.
    pub(crate) fn of(found: &Comparison) -> Self {
        match (found.conflict.is_some(), found.is_newer, found.is_older) {
            (true, ..) => Self::Conflicting,
            (false, false, false) => Self::Same,
            (false, true, false) => Self::Newer,
            (false, false, true) => Self::Older,
            (false, true, true) => Self::Mixed,
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        use SchemaFit::{Alone, Conflicting, Mixed, Newer, Older, Same};
        match (self, other) {
            (Conflicting, _) | (_, Conflicting) => Conflicting,
            (Alone | Same, fit) | (fit, Alone | Same) => fit,
            (Newer, Newer) => Newer,
            (Older, Older) => Older,
            _ => Mixed,
        }
    }
}
