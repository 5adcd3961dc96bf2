//! The HTTP side: takes a WebSocket handshake, runs the connect hook, and hands the connection over.
//!
//! The hook runs before the handshake is answered. A client that sees its connection open is therefore in its rooms
//! already, and misses nothing that is emitted from then on.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::future::join;
use http::{Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::oneshot,
    time::{Instant, sleep, timeout},
};
use tracing::Instrument;

use super::{
    address::AddressGuard,
    body::ResponseBody,
    close_code,
    connection::{self, Transport},
    disconnect::Disconnect,
    dispatch::{caught, turn_away},
    error::Error,
    handle::{PPServer, Session, Socket},
    handshake::{self, Handshake, Refusal},
    log::{self, line},
    node::{Client, UnfinishedHook},
    stats::Refused,
    writer::Writer,
};
use crate::{adapter::BoxFuture, schema::Schema};

/// Answers a request: a WebSocket handshake connects a client, anything else is told what to do instead.
pub(crate) async fn answer<S: Schema, B>(server: &PPServer<S>, mut request: Request<B>) -> Response<ResponseBody> {
    let node = server.node();
    let checked = handshake::check(&request).and_then(|accepted| {
        handshake::admit(node, request.headers())?;
        Ok(accepted)
    });
    let accepted = match checked {
        Ok(accepted) => accepted,
        Err(refusal) => {
            let address = Handshake::new(request.into_parts().0, &node.config.limits).client_ip();
            node.counters.refused.add(refusal.reason, 1);
            node.log.refused_request(address, refusal.reason, refusal.status, refusal.why);
            return refusal.response();
        }
    };
    let Some(core) = node.connect(accepted.dialect) else {
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers to be had").response();
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    // Boxed, because the connection's task keeps the place of what it was given.
    let handshake = Box::new(Handshake::new(head, &node.config.limits));
    let connection = Connection {
        session: Arc::new(Session::new(core, server.clone(), handshake.client_ip())),
        accepted: false,
        address: None,
        client: Client::new(node),
    };
    // In a task of its own: this future is dropped where the client vanishes during its handshake.
    let (open, opened) = oneshot::channel();
    tokio::spawn(connection.live(handshake, upgrade, open));
    match opened.await {
        Ok(()) => accepted.response(),
        Err(_) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the connection could not be set up").response(),
    }
}

/// A client from the moment that it is known until everything about it is undone.
struct Connection<S: Schema> {
    session: Arc<Session<S>>,
    /// The connect hook has accepted it, so the disconnect hook is to hear of it.
    accepted: bool,
    /// Counts as one of its address, where these are counted.
    address: Option<AddressGuard>,
    #[expect(dead_code, reason = "counts for as long as it is there")]
    client: Client,
}

/// A connect hook that is still running.
type Hook = BoxFuture<Result<(), Error>>;

impl<S: Schema> Connection<S> {
    async fn live(mut self, handshake: Box<Handshake>, upgrade: OnUpgrade, open: oneshot::Sender<()>) {
        let (session, began) = (self.session.clone(), Instant::now());
        let (node, core, address) = (session.server.node(), &session.core, session.address);
        let unfinished = self.greet(handshake, open).await;
        let came = self.accepted;
        if came {
            node.log.came(core.id, address);
        }
        if node.is_closing() {
            // Those that were there when the server began to close have been told.
            core.go_away();
        }
        let end = match unfinished {
            None => self.serve(upgrade).await,
            Some(hook) => {
                let unfinished = UnfinishedHook::new(node);
                let hook = async {
                    let hooked = hook.await;
                    drop(unfinished);
                    hooked
                };
                let (end, hooked) = Box::pin(join(self.serve(upgrade), hook)).await;
                self.accepted = hooked.is_ok();
                end
            }
        };
        self.address = None;
        if came {
            let error = match &end {
                Disconnect::Broken(error) => Some(error.as_str()),
                _ => None,
            };
            node.log.left(core.id, address, end.counted(core), error, began.elapsed());
        }
        if let (true, Some(hook)) = (self.accepted, &self.session.server.hooks().disconnect) {
            let socket = Socket::new(self.session.clone());
            if let Err(error) = caught(|| hook(socket, end)).await {
                let id = core.id.as_str();
                line!(
                    node.log.failed, WARN, target: "painda::connect",
                    id, error = log::sentence(&error.to_string()), "the disconnect hook failed"
                );
            }
        }
    }

    /// Runs the connect hook, and has the handshake answered. Returns the hook where it takes too long, or goes on without its client.
    async fn greet(&mut self, handshake: Box<Handshake>, mut open: oneshot::Sender<()>) -> Option<Hook> {
        let server = self.session.server.clone();
        let (node, socket) = (server.node(), Socket::new(self.session.clone()));
        match node.addresses.admit(handshake.client_ip()) {
            Ok(address) => self.address = address,
            Err(()) => {
                let why = "too many connections from this address";
                let error = Error::refused_with(close_code::TOO_MANY_CONNECTIONS, why);
                turn_away(&self.session, Refused::Address, &error);
                let _ = open.send(());
                return None;
            }
        }
        let mut hook: Hook = {
            let (server, socket) = (server.clone(), socket.clone());
            Box::pin(async move {
                match &server.hooks().connect {
                    Some(hook) => caught(|| hook(socket, *handshake)).await,
                    None => Ok(()),
                }
            })
        };
        let hooked = tokio::select! {
            biased;
            hooked = &mut hook => hooked,
            () = open.closed() => {
                node.log.vanished(self.session.core.id, self.session.address);
                self.lost(Disconnect::Broken(String::new()));
                return Some(hook);
            }
            () = sleep(node.config.handshake_timeout) => {
                turn_away(&self.session, Refused::HookTimeout, &Error::other("the connect hook took too long"));
                let _ = open.send(());
                return Some(hook);
            }
        };
        match hooked {
            Ok(()) => self.accepted = true,
            Err(error) => turn_away(&self.session, Refused::ConnectHook, &error),
        }
        let _ = open.send(());
        None
    }

    /// Waits for the connection, and runs it until it ends.
    async fn serve(&self, upgrade: OnUpgrade) -> Disconnect {
        let node = self.session.server.node();
        match timeout(node.config.handshake_timeout, upgrade).await {
            Ok(Ok(upgraded)) => {
                let span = tracing::debug_span!(target: "painda::connection", "connection", id = self.session.core.id.as_str());
                let running = pin!(connection::run(&self.session, transport(upgraded)).instrument(span));
                node.flusher().scope(running).await
            }
            Ok(Err(error)) => self.lost(Disconnect::Broken(error.to_string())),
            Err(_) => self.lost(Disconnect::TimedOut),
        }
    }

    /// The handshake came to nothing.
    fn lost(&self, end: Disconnect) -> Disconnect {
        let core = &self.session.core;
        core.outbox.abandon();
        self.session.server.node().disconnect(core, end.counted(core));
        end
    }
}

impl<S: Schema> Drop for Connection<S> {
    fn drop(&mut self) {
        // Done already, but for a panic and the end of the runtime.
        self.lost(Disconnect::Server);
        self.session.handlers.end();
    }
}

/// Takes the connection out of its HTTP wrapping. A plain TCP stream, from our own listener or axum's, is used directly;
/// anything else through what hyper offers.
fn transport(upgraded: Upgraded) -> Transport {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return tcp(parts.io.into_inner(), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => tcp(parts.io.into_inner(), parts.read_buf),
        Err(upgraded) => {
            let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
            Transport { reader: Box::new(reader), writer: Writer::Other(Box::new(writer)), read_ahead: Vec::new() }
        }
    }
}

fn tcp(stream: TcpStream, read_ahead: Bytes) -> Transport {
    // Frames are finished when they are written; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    Transport { reader: Box::new(reader), writer: Writer::Tcp(writer), read_ahead: read_ahead.to_vec() }
}
