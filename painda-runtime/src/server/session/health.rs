//! Whether a node is to be given clients, for readiness probes.

use std::fmt;

use super::handle::PPServer;
use crate::{adapter::Health, schema::Schema};

/// How a server is; from [`PPServer::health`]. It displays as one word: `up`, `degraded` or `closing`. Why it is degraded, which is
/// not for strangers, says [`adapter`](Self::adapter).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerHealth {
    /// It closes, or has closed: it takes no clients any more.
    pub closing: bool,
    /// Whether it reaches the other nodes, as its adapter says.
    pub adapter: Health,
}

impl ServerHealth {
    /// Whether new clients should be sent to this node rather than to others: it does not close, and its adapter is up.
    ///
    /// A node whose adapter is not up still serves its clients, but for what comes from other nodes. Where all nodes lose their
    /// backend at once, none of them is ready; a probe that is to keep them in service then asks for
    /// [`closing`](Self::closing) alone.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.closing && self.adapter.is_up()
    }
}

impl fmt::Display for ServerHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.adapter {
            _ if self.closing => "closing",
            Health::Up => "up",
            Health::Degraded { .. } => "degraded",
        })
    }
}

impl<S: Schema> PPServer<S> {
    /// How the server is now, for readiness probes. It asks nobody, and so costs nothing.
    ///
    /// ```
    /// # use painda_runtime::{Error, PPEvent, PPServer, schema};
    /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
    /// # schema! { pub Arena { PlayerMove } }
    /// /// What a load balancer is answered.
    /// fn ready(server: &PPServer<Arena>) -> (u16, String) {
    ///     let health = server.health();
    ///     (if health.is_ready() { 200 } else { 503 }, health.to_string())
    /// }
    /// # async fn example() -> Result<(), Error> {
    /// let server = PPServer::<Arena>::builder().build().await?;
    /// assert_eq!(ready(&server), (200, "up".to_owned()));
    /// server.close().await?;
    /// assert_eq!(ready(&server), (503, "closing".to_owned()));
    /// # Ok(()) }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    #[must_use]
    pub fn health(&self) -> ServerHealth {
        let node = self.node();
        ServerHealth { closing: node.is_closing(), adapter: node.adapter().health() }
    }
}
