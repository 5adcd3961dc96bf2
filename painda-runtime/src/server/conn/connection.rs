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
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tungstenite::{
    Error as WsError, Message as WsMessage,
    error::{CapacityError, ProtocolError},
};

use super::{
    inbox::Inbox,
    rates::{Allowed, MessageRate},
    receiver::{Reader, Receiver},
};
use crate::{
    schema::Schema,
    server::{
        close_code,
        error::Error,
        node::Node,
        sending::{core::SocketCore, outbox::Drive, writer::Writer},
        session::{
            disconnect::Disconnect,
            dispatch::{failed, handle},
            handle::Session,
        },
        stats::{Closed, Malformed},
    },
    wire::frame::Body,
};

/// How long the closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long handlers may go on when their client has gone.
const HANDLERS_TIMEOUT: Duration = Duration::from_secs(5);

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
            } else if incoming.stopped_early() {
                return Poll::Ready(Event::Late);
            }
            incoming.begin_run();
            silence.as_mut().poll(cx).map(|()| Event::Silence)
        })
        .await;
        inbox.release_slot().await;
        let now = Instant::now();
        if incoming.is_late(now) {
            // A client that sends much must not delay the others.
            tokio::task::yield_now().await;
            incoming.begin_run();
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
                let received = incoming.take_received();
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
        incoming.count_message();
        // Any message is a sign of life; the timer is reset rarely, as that costs time.
        incoming.take_received();
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
