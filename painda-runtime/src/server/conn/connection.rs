//! One WebSocket connection: reads what the client sends, hands it on, and sees the connection to its end.
//!
//! Reading, pings and the end of a connection never wait for a handler: what comes while one runs waits in the
//! [inbox](super::inbox).
//!
//! The protocol itself is tungstenite's: it is given the bytes that come, and what it answers by itself (pongs)
//! goes into the outbox like everything else. Data frames are finished elsewhere and never pass through it.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    io::{self, Read, Write},
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};
use tungstenite::{
    Error as WsError, Message as WsMessage,
    error::{CapacityError, ProtocolError},
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::inbox::Inbox;
use crate::{
    schema::Schema,
    server::{
        close_code,
        error::Error,
        limits::{Allowed, ByteRate, MessageRate},
        node::Node,
        sending::{
            core::SocketCore,
            outbox::{Drive, Outbox},
            writer::Writer,
        },
        session::{
            disconnect::Disconnect,
            dispatch::{failed, handle},
            handle::Session,
        },
        stats::{Closed, Malformed},
    },
    wire::frame::Body,
};

/// An idle connection keeps this much for reading, and it is the largest part of what it costs. Larger messages get what they
/// need when they begin, and are read in pieces of this size.
const READ_BUFFER: usize = 2048;
/// How long the closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long handlers may go on when their client has gone.
const HANDLERS_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without a pause a connection's task lets others run. Many that are busy make a round of all of them that much longer.
const LONGEST_RUN: Duration = Duration::from_micros(100);

/// The reading half of a connection, whatever it is made of.
pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// A connection after its HTTP upgrade.
pub(crate) struct Transport {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// What came behind the HTTP request: a copy, because even an empty slice would keep all of hyper's read buffer.
    pub(crate) read_ahead: Vec<u8>,
}

/// Runs a connection until it has ended and its handlers have, too. The socket leaves its rooms as soon as the client is gone.
pub(crate) async fn run<S: Schema>(session: &Arc<Session<S>>, transport: Transport) -> Disconnect {
    let (core, node) = (&session.core, session.server.node());
    core.outbox.attach(transport.writer);
    let mut incoming = Receiver::new(node, transport.reader, transport.read_ahead);
    let mut inbox = Inbox::new(session, |body| handle(session, body));
    let mut end = {
        let reading = pin!(read(session, &mut incoming, &mut inbox));
        tokio::select! {
            biased;
            end = reading => end,
            () = write(node, core) => Disconnect::Server,
        }
    };
    if end == Disconnect::Server && core.outbox.close_reason().is_none() {
        // The server has closed nothing: a write has failed before a read did.
        end = Disconnect::Broken("the connection broke".to_owned());
    }
    core.outbox.finish();
    node.disconnect(core, end.counted(core));
    if end == Disconnect::Server {
        inbox.clear();
    }
    // Boxed, as all connections would carry what the end needs.
    let closing = Box::pin(async {
        let written = timeout(CLOSE_TIMEOUT, async {
            poll_fn(|cx| core.outbox.poll_written(cx)).await;
            let _ = poll_fn(|cx| core.outbox.poll_shutdown(cx)).await;
        });
        let _ = written.await;
        core.outbox.abandon();
    });
    let handled = Box::pin(timeout(HANDLERS_TIMEOUT, inbox.finish()));
    if let ((), Err(_)) = tokio::join!(closing, handled) {
        failed(session, &Error::other("it went on for too long after its client had gone"));
    }
    end
}

/// Writes what the client did not take at once, until the connection is closed and the client has had time to answer.
async fn write(node: &Node, core: &SocketCore) {
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        let deadline = match core.outbox.drive(cx) {
            Drive::Done => return Poll::Ready(()),
            _ if core.outbox.is_closing() => return Poll::Ready(()),
            Drive::Idle => {
                timer = None;
                return Poll::Pending;
            }
            Drive::Blocked(deadline) => deadline,
        };
        // Boxed, as most clients take what they are sent.
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        if timer.as_mut().poll(cx).is_ready() && core.outbox.is_slow() {
            node.close_slow(core);
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    // From here on the client has a while to take what is queued, and to answer the close frame.
    let last = async {
        poll_fn(|cx| core.outbox.poll_written(cx)).await;
        pending::<()>().await;
    };
    let _ = Box::pin(timeout(CLOSE_TIMEOUT, last)).await;
}

/// What the reading side waits for.
enum Event {
    /// The handler that was running has ended.
    Handled,
    /// There is more to read, but others have waited for long enough.
    Late,
    /// So many messages wait for a handler that does not end that no more can be read.
    Stuck,
    Message(Result<WsMessage, WsError>),
    /// Nothing has come from the client for a heartbeat.
    Silence,
}

async fn read<S: Schema, F: Future<Output = ()>, B: Fn(Body) -> F>(
    session: &Arc<Session<S>>,
    incoming: &mut Receiver,
    inbox: &mut Inbox<'_, S, F, B>,
) -> Disconnect {
    let core = &session.core;
    let node = session.server.node();
    let heartbeat = node.config.heartbeat;
    let mut silence = pin!(sleep(heartbeat));
    // Nothing has come for a heartbeat, and a ping that has gone out has no answer.
    let (mut silent, mut pinged) = (false, false);
    // Apart from messages, so that a client whose messages are dropped may still answer pings.
    let mut control = MessageRate::new(&node.config.limits, Instant::now());
    loop {
        let event = poll_fn(|cx| {
            if inbox.poll_one(cx).is_ready() || inbox.has_slot() {
                return Poll::Ready(Event::Handled);
            }
            // Nothing is read that there is no room for: the client's own queue fills next.
            if inbox.is_full() {
                if inbox.poll_stuck(cx).is_ready() {
                    return Poll::Ready(Event::Stuck);
                }
            } else if let Poll::Ready(message) = incoming.poll_next(&core.outbox, cx) {
                return Poll::Ready(Event::Message(message));
            } else if incoming.late {
                return Poll::Ready(Event::Late);
            }
            incoming.busy_since = None;
            silence.as_mut().poll(cx).map(|()| Event::Silence)
        })
        .await;
        inbox.release_slot().await;
        let now = Instant::now();
        if incoming.is_late(now) {
            // A client that sends much must not delay the others.
            tokio::task::yield_now().await;
            (incoming.busy_since, incoming.late) = (None, false);
        }
        let message = match event {
            Event::Message(message) => message,
            Event::Handled | Event::Late => continue,
            Event::Stuck => {
                core.close(close_code::BUSY, "the server can't keep up with the messages of this client");
                inbox.clear();
                continue;
            }
            // While nothing is read, silence says nothing about the client.
            Event::Silence if inbox.is_full() => {
                silence.as_mut().reset(now + heartbeat);
                continue;
            }
            Event::Silence => {
                let received = mem::take(&mut incoming.received);
                if pinged && !received {
                    return Disconnect::TimedOut;
                }
                silent = true;
                // No ping is queued where much waits; then the outbox finds out whether the client reads.
                pinged = node.ping(core);
                silence.as_mut().reset(now + heartbeat);
                continue;
            }
        };
        incoming.rate.charge_message();
        // Any message is a sign of life; the timer is reset rarely, as that costs time.
        incoming.received = false;
        if silent || silence.deadline() < now + heartbeat / 2 {
            (silent, pinged) = (false, false);
            silence.as_mut().reset(now + heartbeat);
        }
        let message = match message {
            Ok(message) => message,
            // Boxed, as it is rare, and all connections would carry what it needs.
            Err(error) => {
                // Handlers go on meanwhile: what they hold, others may wait for.
                let handling = Box::pin(async {
                    inbox.finish().await;
                    pending::<Infallible>().await
                });
                let ending = Box::pin(protocol_error(session, incoming, error));
                return tokio::select! {
                    biased;
                    end = ending => end,
                    never = handling => match never {},
                };
            }
        };
        if core.outbox.is_closing() && !message.is_close() {
            // The close frame is sent; only the client's answer to it matters now.
            inbox.clear();
            continue;
        }
        node.counters.received.add(1);
        match message {
            WsMessage::Close(frame) => {
                // Tungstenite has replaced a code that nobody may send.
                let said = frame.as_ref().map(|frame| (u16::from(frame.code), &*frame.reason));
                let by_client = core.answer_close(said);
                let code = said.map_or(1005, |(code, _)| code);
                return if by_client { Disconnect::Client(code) } else { Disconnect::Server };
            }
            WsMessage::Binary(_) | WsMessage::Text(_) => inbox.push(message, now),
            // Tungstenite answers pings, one for many: they cost little, but nobody needs so many.
            WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => {
                if control.allow(now) != Allowed::Yes {
                    core.close(close_code::POLICY, "too many control messages");
                }
            }
        }
    }
}

/// Closes the connection with what was wrong with the WebSocket protocol, and waits a moment for the client's answer.
async fn protocol_error<S: Schema>(session: &Arc<Session<S>>, incoming: &mut Receiver, error: WsError) -> Disconnect {
    let (code, reason) = match &error {
        WsError::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            (close_code::TOO_LARGE, format!("a message may have at most {max_size} bytes"))
        }
        WsError::Utf8(_) => (close_code::NOT_UTF8, "a text message was not UTF-8".to_owned()),
        // A client that vanishes has sent nothing wrong.
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Disconnect::Broken(error.to_string()),
        WsError::Protocol(error) => (close_code::PROTOCOL_ERROR, error.to_string()),
        _ => return Disconnect::Broken(error.to_string()),
    };
    if session.core.outbox.is_closing() {
        return Disconnect::Server;
    }
    session.server.node().counters.malformed.add(Malformed::WebSocket, 1);
    session.core.close_because(Closed::Broken, code, &reason);
    // Closing a socket with unread bytes resets it, and the client would never see the code: read on for a moment.
    let written = poll_fn(|cx| session.core.outbox.poll_written(cx));
    let _ = timeout(CLOSE_TIMEOUT, async {
        written.await;
        let _ = poll_fn(|cx| session.core.outbox.poll_shutdown(cx)).await;
        incoming.discard().await;
    })
    .await;
    Disconnect::Broken(reason)
}

/// The reading side: tungstenite's state over an asynchronous reader.
struct Receiver {
    context: WebSocketContext,
    reader: Reader,
    /// Bytes have come since this was last looked at. Within a large frame a client can't answer pings.
    received: bool,
    rate: ByteRate,
    /// When the client is read again that has sent too fast. Boxed, as most never do.
    pause: Option<Pin<Box<Sleep>>>,
    /// Since when the connection's task has run without letting others run; none while it waits.
    busy_since: Option<Instant>,
    /// That is too long.
    late: bool,
}

impl Receiver {
    fn new(node: &Node, reader: Reader, read_ahead: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_frame_size(Some(node.config.limits.message))
            .max_message_size(Some(node.config.limits.message));
        let context = WebSocketContext::from_partially_read(read_ahead, Role::Server, Some(config));
        let rate = ByteRate::of_reading(&node.config.limits, Instant::now());
        Self { context, reader, received: false, rate, pause: None, busy_since: None, late: false }
    }

    /// Whether it is time to let others run.
    fn is_late(&mut self, now: Instant) -> bool {
        self.late |= now.duration_since(*self.busy_since.get_or_insert(now)) > LONGEST_RUN;
        self.late
    }

    /// The next message, ping and pong included.
    fn poll_next(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Result<WsMessage, WsError>> {
        let Self { reader, received, rate, pause, busy_since, late, .. } = self;
        let mut stream = Stream { reader, received, rate, pause, busy_since, late, outbox, cx };
        match self.context.read(&mut stream) {
            Err(WsError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            done => Poll::Ready(done),
        }
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
    received: &'a mut bool,
    rate: &'a mut ByteRate,
    pause: &'a mut Option<Pin<Box<Sleep>>>,
    busy_since: &'a mut Option<Instant>,
    late: &'a mut bool,
    outbox: &'a Outbox,
    cx: &'a mut Context<'b>,
}

impl Read for Stream<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(pause) = self.pause {
            if pause.as_mut().poll(self.cx).is_pending() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            *self.pause = None;
        }
        if *self.late {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut read = ReadBuf::new(buffer);
        match Pin::new(&mut self.reader).poll_read(self.cx, &mut read) {
            Poll::Ready(result) => {
                let count = read.filled().len();
                *self.received |= count > 0;
                let now = Instant::now();
                self.rate.charge(count, now);
                // The next read waits, for a while or until others have run; what has come is looked at.
                *self.late = now.duration_since(*self.busy_since.get_or_insert(now)) > LONGEST_RUN;
                *self.pause = self.rate.pause(now).map(|pause| Box::pin(sleep(pause)));
                result.map(|()| count)
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Stream<'_, '_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A client that does not read its pongs gets the latest at most, once its queue is full.
        self.outbox.push_from_owner(Bytes::copy_from_slice(buffer));
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
