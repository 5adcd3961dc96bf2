//! The HTTP side: takes a WebSocket handshake, runs the connect hook, and hands the connection over.
//!
//! The hook runs before the handshake is answered. A client that sees its connection open is therefore in its rooms
//! already, and misses nothing that is emitted from then on.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tracing::Instrument;

use super::{
    PPServer,
    address::AddressGuard,
    close_code,
    connection::{self, Disconnect, Transport, caught, turn_away},
    error::Error,
    handshake::{self, Handshake, Refusal},
    socket::{Session, Socket},
    writer::Writer,
};
use crate::schema::Schema;

/// The response's body: short text, or nothing.
pub type ResponseBody = Full<Bytes>;

/// Answers a request: a WebSocket handshake connects a client, anything else is told what to do instead.
pub(crate) async fn answer<S: Schema, B>(server: &PPServer<S>, mut request: Request<B>) -> Response<ResponseBody> {
    let accepted = match handshake::check(&request) {
        Ok(accepted) => accepted,
        Err(refusal) => return refusal.response(),
    };
    let node = server.node();
    if let Err(refusal) = handshake::admit(node, request.headers()) {
        node.counters.refused.add(1);
        return refusal.response();
    }
    let Some(core) = node.connect(accepted.dialect) else {
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers to be had").response();
    };
    // From here on the connection cleans up after itself, also where the client vanishes during its handshake.
    let connection =
        Connection { session: Arc::new(Session::new(core, server.clone())), greeted: false, address: None };
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    connection.greet(Handshake::new(head, &node.config.limits), upgrade).await;
    accepted.response()
}

/// A client from the moment that it is known until everything about it is undone.
struct Connection<S: Schema> {
    session: Arc<Session<S>>,
    /// The connect hook has accepted it, so the disconnect hook is to hear of it.
    greeted: bool,
    /// Counts as one of its address, where these are counted.
    address: Option<AddressGuard>,
}

impl<S: Schema> Connection<S> {
    /// Runs the connect hook, then leaves the connection to a task of its own.
    async fn greet(mut self, handshake: Handshake, upgrade: OnUpgrade) {
        let server = &self.session.server;
        let socket = Socket::new(self.session.clone());
        match server.node().addresses.admit(handshake.client_ip()) {
            Ok(address) => self.address = address,
            Err(()) => {
                let why = "too many connections from this address";
                turn_away(server.node(), &socket, &Error::refused_with(close_code::TOO_MANY_CONNECTIONS, why));
                tokio::spawn(self.run(upgrade));
                return;
            }
        }
        let hooked = match &server.hooks().connect {
            Some(hook) => {
                let hook = caught(|| hook(socket.clone(), handshake));
                let late = |_| Err(Error::other("the connect hook took too long"));
                timeout(server.node().config.handshake_timeout, hook).await.unwrap_or_else(late)
            }
            None => Ok(()),
        };
        match hooked {
            Ok(()) => self.greeted = true,
            Err(error) => turn_away(server.node(), &socket, &error),
        }
        tokio::spawn(self.run(upgrade));
    }

    async fn run(self, upgrade: OnUpgrade) {
        let wait = self.session.server.node().config.handshake_timeout;
        let end = match timeout(wait, upgrade).await {
            Ok(Ok(upgraded)) => {
                let span = tracing::debug_span!(target: "painda::connection", "connection", id = self.session.core.id.as_str());
                let running = pin!(connection::run(&self.session, transport(upgraded)).instrument(span));
                self.session.server.node().flusher().scope(running).await
            }
            Ok(Err(error)) => Disconnect::Broken(error.to_string()),
            Err(_) => Disconnect::TimedOut,
        };
        tracing::debug!(target: "painda::connect", id = self.session.core.id.as_str(), ?end, "disconnected");
        if let (true, Some(hook)) = (self.greeted, &self.session.server.hooks().disconnect) {
            let socket = Socket::new(self.session.clone());
            if let Err(error) = caught(|| hook(socket, end)).await {
                tracing::warn!(target: "painda::connect", %error, "the disconnect hook failed");
            }
        }
    }
}

impl<S: Schema> Drop for Connection<S> {
    fn drop(&mut self) {
        self.session.core.outbox.abandon();
        self.session.server.node().disconnect(&self.session.core);
        self.session.handlers.clear();
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
