//! The HTTP side: takes a WebSocket handshake, runs the connect hook, and hands the connection over.
//!
//! The hook runs before the handshake is answered. A client that sees its connection open is therefore in its rooms
//! already, and misses nothing that is emitted from then on.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::future::{Either, select};
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
    body::ResponseBody,
    check::{self, Refusal},
};
use crate::{
    adapter::BoxFuture,
    schema::Schema,
    server::{
        close_code,
        conn::connection::{self, Transport},
        error::Error,
        log::{self, line},
        node::{Client, UnfinishedHook, addresses::AddressGuard},
        sending::writer::Writer,
        session::{
            disconnect::Disconnect,
            dispatch::{caught, refuse_client},
            handle::{PPServer, Session, Socket},
            handshake::Handshake,
        },
        stats::Refused,
    },
};

/// Answers a request: a WebSocket handshake connects a client, anything else is answered with what is wrong.
pub(crate) async fn answer<S: Schema, B>(server: &PPServer<S>, mut request: Request<B>) -> Response<ResponseBody> {
    let node = server.node();
    let checked = check::check(&request).and_then(|accepted| {
        // Before the node is asked whether it closes: a close that is not seen there waits for this client.
        let client = Client::new(node);
        check::admit(node, request.headers())?;
        Ok((accepted, client))
    });
    let (accepted, client) = match checked {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let address = check::describe(request.into_parts().0, &node.config.limits).client_ip();
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
    let handshake = Box::new(check::describe(head, &node.config.limits));
    let connection = ClientTask {
        session: Arc::new(Session::new(core, server.clone(), handshake.client_ip())),
        accepted: false,
        address: None,
        client,
    };
    // In a task of its own: this future is dropped where the client vanishes during its handshake.
    let (open, opened) = oneshot::channel();
    tokio::spawn(connection.run(handshake, upgrade, open));
    match opened.await {
        Ok(()) => accepted.response(),
        Err(_) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the connection could not be set up").response(),
    }
}

/// The task of a client, from its handshake to the end of its disconnect hook.
struct ClientTask<S: Schema> {
    session: Arc<Session<S>>,
    /// The connect hook has accepted it, so the disconnect hook has to be called.
    accepted: bool,
    /// Counts as one of its address, where these are counted.
    address: Option<AddressGuard>,
    #[expect(dead_code, reason = "counts for as long as it is there")]
    client: Client,
}

/// A connect hook that is still running.
type Hook = BoxFuture<Result<(), Error>>;

impl<S: Schema> ClientTask<S> {
    async fn run(mut self, handshake: Box<Handshake>, upgrade: OnUpgrade, open: oneshot::Sender<()>) {
        let (session, began) = (self.session.clone(), Instant::now());
        let (node, core, address) = (session.server.node(), &session.core, session.address);
        let unfinished = self.run_connect_hook(handshake, open).await;
        let was_connected = self.accepted;
        if was_connected {
            node.log.connected(core.id, address);
        }
        if node.is_closing() {
            // Those that were there when the server began to close have been told.
            core.go_away();
        }
        let end = match unfinished {
            None => self.serve(upgrade).await,
            Some(hook) => {
                let serving = Box::pin(self.serve(upgrade));
                let (end, hooked) = match select(serving, hook).await {
                    Either::Left((end, hook)) => {
                        let _counted = UnfinishedHook::new(node);
                        (end, hook.await)
                    }
                    Either::Right((hooked, serving)) => (serving.await, hooked),
                };
                self.accepted = hooked.is_ok();
                end
            }
        };
        self.address = None;
        if was_connected {
            let error = match &end {
                Disconnect::Broken(error) => Some(error.as_str()),
                _ => None,
            };
            node.log.disconnected(core.id, address, end.counted(core), error, began.elapsed());
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
    async fn run_connect_hook(&mut self, handshake: Box<Handshake>, mut open: oneshot::Sender<()>) -> Option<Hook> {
        let server = self.session.server.clone();
        let (node, socket) = (server.node(), Socket::new(self.session.clone()));
        match node.addresses.admit(handshake.client_ip()) {
            Ok(address) => self.address = address,
            Err(()) => {
                let why = "too many connections from this address";
                let error = Error::refused_with(close_code::TOO_MANY_CONNECTIONS, why);
                refuse_client(&self.session, Refused::Address, &error);
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
                self.abandon(Disconnect::Broken(String::new()));
                return Some(hook);
            }
            () = sleep(node.config.handshake_timeout) => {
                refuse_client(&self.session, Refused::HookTimeout, &Error::other("the connect hook took too long"));
                let _ = open.send(());
                return Some(hook);
            }
        };
        match hooked {
            Ok(()) => self.accepted = true,
            Err(error) => refuse_client(&self.session, Refused::ConnectHook, &error),
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
            Ok(Err(error)) => self.abandon(Disconnect::Broken(error.to_string())),
            Err(_) => self.abandon(Disconnect::TimedOut),
        }
    }

    /// The connection ends before it was open.
    fn abandon(&self, end: Disconnect) -> Disconnect {
        let core = &self.session.core;
        core.outbox.abandon();
        self.session.server.node().disconnect(core, end.counted(core));
        end
    }
}

impl<S: Schema> Drop for ClientTask<S> {
    fn drop(&mut self) {
        // Done already, but for a panic and the end of the runtime.
        self.abandon(Disconnect::Server);
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
