//! One WebSocket connection: reads what the client sends, calls the handlers, and sees the connection to its end.
//!
//! The protocol itself is tungstenite's: it is given the bytes that come, and what it answers by itself (pongs, the reply
//! to a close) goes into the outbox like everything else. Data frames are finished elsewhere and never pass through it.

use std::{
    future::{pending, poll_fn, ready},
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, sleep, timeout},
};
use tracing::Instrument;
use tungstenite::{
    Error as WsError, Message as WsMessage,
    error::CapacityError,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{
    close_code,
    error::Error,
    handlers::Unheard,
    incoming::{Incoming, Parsed, Refusal, parse},
    limits::{Allowed, Rate},
    node::Node,
    outbox::Outbox,
    packet::Dialect,
    socket::{Session, Socket},
    writer::Writer,
};
use crate::{
    adapter::BoxFuture,
    excerpt::{MESSAGE, cut},
    schema::Schema,
    wire::frame::{self, Body},
};

/// An idle connection keeps this much for reading, and it is the largest part of what it costs. Larger messages get what they
/// need when they begin, and are read in pieces of this size.
const READ_BUFFER: usize = 2048;
/// How long the closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The reading half of a connection, whatever it is made of.
pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// A connection after its HTTP upgrade.
pub(crate) struct Transport {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// What came behind the HTTP request: a copy, because even an empty slice would keep all of hyper's read buffer.
    pub(crate) read_ahead: Vec<u8>,
}

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

/// Runs a connection until it ends. The caller cleans up.
pub(crate) async fn run<S: Schema>(session: &Arc<Session<S>>, transport: Transport) -> Disconnect {
    let outbox = &session.core.outbox;
    outbox.attach(transport.writer);
    let mut incoming = Receiver::new(session.server.node(), transport.reader, transport.read_ahead);
    let end = {
        let reading = pin!(read(session, &mut incoming));
        let writing = async {
            poll_fn(|cx| match outbox.poll_drive(cx) {
                Poll::Pending if !outbox.is_closing() => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
            // From here on the client has a while to take what is queued, and to say goodbye itself.
            let last = async {
                poll_fn(|cx| outbox.poll_drive(cx)).await;
                pending::<()>().await;
            };
            let _ = Box::pin(timeout(CLOSE_TIMEOUT, last)).await;
        };
        tokio::select! {
            end = reading => end,
            () = writing => Disconnect::Server,
        }
    };
    // What tungstenite answered to a close, and what was queued before it.
    outbox.finish();
    let last = Box::pin(timeout(CLOSE_TIMEOUT, async {
        poll_fn(|cx| outbox.poll_drive(cx)).await;
        let _ = poll_fn(|cx| outbox.poll_shutdown(cx)).await;
    }));
    let _ = last.await;
    outbox.abandon();
    end
}

async fn read<S: Schema>(session: &Arc<Session<S>>, incoming: &mut Receiver) -> Disconnect {
    let core = &session.core;
    let node = session.server.node();
    let heartbeat = node.config.heartbeat;
    let mut silence = pin!(sleep(heartbeat));
    let mut pinged = false;
    let started = Instant::now().into_std();
    // Apart, so that a client whose messages are dropped may still answer pings.
    let (mut data, mut control) = (Rate::new(&node.config.limits, started), Rate::new(&node.config.limits, started));
    loop {
        let message = tokio::select! {
            biased;
            message = incoming.next(&core.outbox) => message,
            () = &mut silence => {
                if pinged {
                    return Disconnect::TimedOut;
                }
                pinged = true;
                node.ping(core);
                silence.as_mut().reset(Instant::now() + heartbeat);
                continue;
            }
        };
        let now = Instant::now();
        // Anything at all is a sign of life; the timer is only touched now and then.
        if pinged || silence.deadline() < now + heartbeat / 2 {
            pinged = false;
            silence.as_mut().reset(now + heartbeat);
        }
        let message = match message {
            Ok(message) => message,
            // Boxed, as it is rare, and all connections would carry what it needs.
            Err(error) => return Box::pin(broken(session, incoming, error)).await,
        };
        if core.outbox.is_closing() && !message.is_close() {
            // We have said goodbye; only the client's reply matters now.
            continue;
        }
        node.counters.received.add(1);
        let rate = if message.is_binary() || message.is_text() { &mut data } else { &mut control };
        let allowed = rate.allow(now.into_std());
        match message {
            WsMessage::Close(frame) => {
                let by_us = core.outbox.is_closing();
                let code = frame.map_or(1005, |frame| frame.code.into());
                // Lets tungstenite answer; it then says that the connection is closed.
                let _ = incoming.next(&core.outbox).now_or_never();
                return if by_us { Disconnect::Server } else { Disconnect::Client(code) };
            }
            WsMessage::Binary(_) | WsMessage::Text(_) if allowed != Allowed::Yes => {
                node.counters.rate_limited.add(1);
                if let Allowed::NoAndSaySo(window) = allowed {
                    let why = format!("too many messages in this {window}; further ones are dropped");
                    tell_error(node, &Socket::new(session.clone()), "RATE_LIMITED", &why);
                }
            }
            WsMessage::Binary(bytes) => binary(session, &bytes).await,
            WsMessage::Text(text) => handle(session, Body::Json(text.into())).await,
            // Tungstenite answers pings, one for many: they cost little, but nobody needs so many.
            WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => {
                if allowed != Allowed::Yes {
                    core.close(close_code::POLICY, "too many control messages");
                }
            }
        }
    }
}

/// Tells the client what was wrong with the WebSocket protocol, and waits a moment for its reply.
async fn broken<S: Schema>(session: &Arc<Session<S>>, incoming: &mut Receiver, error: WsError) -> Disconnect {
    let (code, reason) = match &error {
        WsError::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            (close_code::TOO_LARGE, format!("a message may have at most {max_size} bytes"))
        }
        WsError::Utf8(_) => (close_code::NOT_UTF8, "a text message was not UTF-8".to_owned()),
        WsError::Protocol(error) => (close_code::PROTOCOL_ERROR, error.to_string()),
        _ => return Disconnect::Broken(error.to_string()),
    };
    if session.core.outbox.is_closing() {
        return Disconnect::Server;
    }
    session.server.node().counters.malformed.add(1);
    session.core.close(code, &reason);
    // Closing a socket with unread bytes resets it, and the client would never see the code: read on for a moment.
    let written = poll_fn(|cx| session.core.outbox.poll_drive(cx));
    let _ = timeout(CLOSE_TIMEOUT, async {
        written.await;
        let _ = poll_fn(|cx| session.core.outbox.poll_shutdown(cx)).await;
        incoming.discard().await;
    })
    .await;
    Disconnect::Broken(reason)
}

async fn binary<S: Schema>(session: &Arc<Session<S>>, bytes: &Bytes) {
    let node = session.server.node();
    match frame::decode(bytes, node.config.limits.inflated) {
        Ok(frame) => {
            if frame.version == 1 && session.core.dialect() == Dialect::V2 {
                session.core.set_dialect(Dialect::V1);
            }
            handle(session, frame.body).await;
        }
        Err(error) => refuse(session, error.into()),
    }
}

/// Reads what a message says, and hands it to whom it is for.
async fn handle<S: Schema>(session: &Arc<Session<S>>, body: Body) {
    let node = session.server.node();
    match parse(node.registry, node.config.limits.event(), body) {
        Ok(Parsed::Message(message)) => dispatch(session, message).await,
        Ok(Parsed::Auth(token)) => Box::pin(authenticate(session, token)).await,
        Err(refusal) => refuse(session, refusal),
    }
}

/// `__pp_auth {token}`, for the hook that wants it.
async fn authenticate<S: Schema>(session: &Arc<Session<S>>, token: Option<String>) {
    let Some(hook) = &session.server.hooks().auth else { return };
    let Some(token) = token else {
        return refuse(session, Refusal::bad_json("\"__pp_auth\" has no string \"token\""));
    };
    let socket = Socket::new(session.clone());
    if let Err(error) = caught(|| hook(socket.clone(), token)).await {
        turn_away(session.server.node(), &socket, &error);
    }
}

/// Through the middleware to the handler.
async fn dispatch<S: Schema>(session: &Arc<Session<S>>, mut message: Incoming) {
    let node = session.server.node();
    for middleware in &session.server.hooks().middleware {
        match caught(|| middleware(Socket::new(session.clone()), message)).await {
            Ok(passed) => message = passed,
            Err(Error::Refused { reason, .. }) => {
                return tell_error(node, &Socket::new(session.clone()), "REFUSED", &reason);
            }
            Err(error) => return failed(session, &error),
        }
    }
    let began = std::time::Instant::now();
    let span = tracing::debug_span!(target: "painda::handler", "handler", event = message.name());
    let mut unheard = None;
    let called = caught(|| {
        session.handlers.call(Socket::new(session.clone()), message).unwrap_or_else(|why| {
            unheard = Some(why);
            Box::pin(ready(Ok(())))
        })
    });
    let result = called.instrument(span).await;
    match (result, unheard) {
        (_, Some(why)) => unanswered(session, why),
        (Ok(()), None) => node.counters.handler_time(began),
        (Err(error), None) => failed(session, &error),
    }
}

fn failed<S: Schema>(session: &Arc<Session<S>>, error: &Error) {
    session.server.node().counters.failed_handlers.add(1);
    tracing::warn!(target: "painda::handler", id = session.core.id.as_str(), %error, "a handler failed");
}

/// Calls something of the application's; a panic, before its future exists or in it, becomes an error.
pub(crate) async fn caught<T>(call: impl FnOnce() -> BoxFuture<Result<T, Error>>) -> Result<T, Error> {
    let outcome = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(future) => AssertUnwindSafe(future).catch_unwind().await,
        Err(panic) => Err(panic),
    };
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Error::other(format!("panicked: {}", text.unwrap_or("?"))))
    })
}

/// Tells the client why its message reached no handler.
fn unanswered<S: Schema>(session: &Arc<Session<S>>, why: Unheard) {
    match why {
        Unheard::NoHandler => session.server.node().counters.unhandled.add(1),
        Unheard::Refused(refusal) => refuse(session, refusal),
    }
}

fn refuse<S: Schema>(session: &Arc<Session<S>>, refusal: Refusal) {
    let node = session.server.node();
    node.counters.malformed.add(1);
    tell_error(node, &Socket::new(session.clone()), refusal.code, &refusal.message);
}

/// Tells a client why a hook refused it, and closes it. The client learns what is meant for it; the log learns everything.
pub(crate) fn turn_away<S: Schema>(node: &Node, socket: &Socket<S>, error: &Error) {
    let (code, reason) = match error {
        Error::Refused { code, reason } => (*code, reason.as_str()),
        _ => (close_code::REFUSED, "the server could not accept the connection"),
    };
    node.counters.refused.add(1);
    tracing::info!(target: "painda::connect", id = socket.id(), %error, "refused a client");
    tell_error(node, socket, "REFUSED", reason);
    socket.close(code, reason);
}

/// Sends `__pp_error`. A long message is cut, since what it repeats may be the client's own.
pub(crate) fn tell_error<S: Schema>(node: &Node, socket: &Socket<S>, code: &str, message: &str) {
    let message = cut(message, MESSAGE);
    if let Some(packet) = node.control("__pp_error", &json!({ "code": code, "message": message })) {
        // A client that is gone does not need it.
        let _: Result<(), Error> = socket.send(&packet);
    }
}

/// The reading side: tungstenite's state over an asynchronous reader.
struct Receiver {
    context: WebSocketContext,
    reader: Reader,
}

impl Receiver {
    fn new(node: &Node, reader: Reader, read_ahead: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_frame_size(Some(node.config.limits.message))
            .max_message_size(Some(node.config.limits.message));
        let context = WebSocketContext::from_partially_read(read_ahead, Role::Server, Some(config));
        Self { context, reader }
    }

    /// The next message, ping and pong included.
    fn next<'a>(&'a mut self, outbox: &'a Outbox) -> impl Future<Output = Result<WsMessage, WsError>> + 'a {
        poll_fn(move |cx| {
            let mut stream = Stream { reader: &mut self.reader, outbox, cx };
            match self.context.read(&mut stream) {
                Err(WsError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                done => Poll::Ready(done),
            }
        })
    }

    /// Reads on and throws away, until the client has closed too.
    async fn discard(&mut self) {
        let mut buffer = [0; 1024];
        poll_fn(|cx| {
            loop {
                let mut read = ReadBuf::new(&mut buffer);
                match Pin::new(&mut self.reader).poll_read(cx, &mut read) {
                    Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}

/// What tungstenite sees: reads come from the connection, its own answers go into the outbox.
struct Stream<'a, 'b> {
    reader: &'a mut Reader,
    outbox: &'a Outbox,
    cx: &'a mut Context<'b>,
}

impl Read for Stream<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = ReadBuf::new(buffer);
        match Pin::new(&mut self.reader).poll_read(self.cx, &mut read) {
            Poll::Ready(result) => result.map(|()| read.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Stream<'_, '_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A client that does not read its pongs does not get any: they are the first to go when its queue is full.
        self.outbox.push_from_owner(Bytes::copy_from_slice(buffer));
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
