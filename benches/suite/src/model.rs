//! A thousand nodes on paper, from what was measured.

use crate::{figures::short, page::Page, servers::Kind};

/// What one event costs, in µs of CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// A node with members, per event of the cluster that it takes part in, its clients' share included.
    pub(crate) needed: f64,
    /// A node without members, per event of the cluster.
    pub(crate) unneeded: f64,
    /// Redis, per event, with two nodes, less what it uses without any event.
    pub(crate) redis: f64,
    /// By which part of this Redis' cost grows with every further node.
    pub(crate) redis_growth: f64,
}

const NODES: f64 = 1_000.0;
/// Events a second that begin on each node: 100 rooms with 2 senders × 10 Hz would be 2000.
const PER_NODE: f64 = 1_000.0;

/// Adds the model to a page.
pub(crate) fn write(page: &mut Page, costs: &[(Kind, Costs)]) {
    page.section("A thousand nodes, on paper");
    page.paragraph(
        "Not measured: computed from the costs above, for 1000 nodes on each of which 1000 events a second begin, every room having members on two \
         nodes. A node takes part in 2000 of the cluster's million events a second, and the design decides whether it receives the rest. \
         The costs of an event that a node has no need for are those of *Nodes without members*: on the node its CPU; on Redis, for each further \
         node, its CPU with two nodes times the growth of its instructions, because these are counted to within a hundredth, while time differs from run to run by more than a small growth. \
         What comes out below nothing counts as nothing. That the costs stay the same for 1000 nodes is assumed, as is that Redis could be divided into as many \
         as needed by channel. A figure above what one node has, or Redis processes beyond reason, says that the design does not reach this size. These costs were measured while each event came alone; \
         where many come together they are several times lower, for everybody (see [the adapter alone](adapter.md)).",
    );
    let row = |(kind, costs): &(Kind, Costs)| {
        let taking_part = 2.0 * PER_NODE;
        let needed = costs.needed * taking_part / 1e6;
        let unneeded = costs.unneeded.max(0.0) * (NODES * PER_NODE - taking_part) / 1e6;
        let redis_per_node = costs.redis * costs.redis_growth;
        let redis = (costs.redis + redis_per_node.max(0.0) * (NODES - 2.0)) * NODES * PER_NODE / 1e6;
        vec![
            kind.name().to_owned(),
            short(costs.needed),
            short(costs.unneeded),
            short(redis_per_node),
            format!("{} + {}", short(needed), short(unneeded)),
            short(redis),
        ]
    };
    let head = [
        "",
        "an event on a node that needs it, µs",
        "on one that does not, µs",
        "on Redis for each further node, µs",
        "cores per node: needed + unneeded",
        "cores for Redis",
    ];
    page.table(&head, &costs.iter().map(row).collect::<Vec<_>>());
}
