//! How a connection has ended.

use crate::server::{sending::core::SocketCore, stats::Closed};

/// How a connection ended, for the disconnect hook and the log.
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// use painda_runtime::server::Disconnect;
///
/// let builder = PPServer::<Arena>::builder().on_disconnect(async |socket: Socket<Arena>, end: Disconnect| {
///     if end == Disconnect::TimedOut {
///         println!("{} fell silent in {:?}", socket.id(), socket.rooms());
///     }
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disconnect {
    /// The client closed it, with this code (1005 where it gave none).
    Client(u16),
    /// The server or the application closed it.
    Server,
    /// It broke, or the client broke the protocol; the text says how.
    Broken(String),
    /// The client gave no sign of life within the heartbeat's time.
    TimedOut,
}

impl Disconnect {
    /// The reason and the close code for the counters and the log: those of the close frame that was sent, and 1006 where there was none.
    pub(crate) fn counted(&self, core: &SocketCore) -> (Closed, u16) {
        core.outbox.close_reason().unwrap_or(match self {
            Self::Client(code) => (Closed::Client, *code),
            Self::Server => (Closed::Server, 1006),
            Self::Broken(_) => (Closed::Broken, 1006),
            Self::TimedOut => (Closed::TimedOut, 1006),
        })
    }
}
