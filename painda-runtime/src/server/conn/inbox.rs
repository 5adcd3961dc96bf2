//! The messages of a client that wait for its handlers, which run one after another, in order, while the connection is still read.
//!
//! Bounded in messages and bytes. A full inbox pauses the reading, so that the client's own queue fills next; where no handler comes to
//! an end meanwhile, this can't go on for long, because the end of the connection is not seen while nothing is read.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};
use tungstenite::Message as WsMessage;

use super::rates::{Allowed, ByteRate, Flood, MessageRate};
use crate::{
    schema::Schema,
    server::{
        close_code,
        error::Error,
        node::large::{Slot, is_large},
        sending::packet::Dialect,
        session::{
            dispatch::{failed, refuse, tell_error},
            handle::{Session, Socket},
        },
    },
    wire::{
        error_code::ErrorCode,
        frame::{self, Body, FrameError},
    },
};

/// So many messages may wait for the handlers of one client.
const MAX_MESSAGES: usize = 256;
/// A connection is closed when its inbox has been full for so long, with no handler coming to an end.
const FULL_TIMEOUT: Duration = Duration::from_secs(3);

/// The messages of one client on their way to its handlers.
pub(crate) struct Inbox<'a, S: Schema, F, B> {
    session: &'a Arc<Session<S>>,
    begin: B,
    /// The handler that is running. Boxed, because most connections have none.
    running: Option<Pin<Box<F>>>,
    /// As they came, compressed ones too.
    waiting: VecDeque<WsMessage>,
    bytes: usize,
    message_rate: MessageRate,
    byte_rate: ByteRate,
    /// Boxed, because most clients never send too much.
    flood: Option<Box<Flood>>,
    /// When the handler that is running has taken too long. Boxed, as most handlers never wait.
    timeout: Option<Pin<Box<Sleep>>>,
    /// When a full inbox has waited for too long. Boxed, as most are never full.
    stuck: Option<Pin<Box<Sleep>>>,
    /// The slot that a large message needs.
    slot: Slot,
}

impl<'a, S: Schema, F: Future<Output = ()>, B: Fn(Body) -> F> Inbox<'a, S, F, B> {
    /// `begin` makes the future that handles a message.
    pub(crate) fn new(session: &'a Arc<Session<S>>, begin: B) -> Self {
        let (limits, now) = (&session.server.node().config.limits, Instant::now());
        Self {
            session,
            begin,
            running: None,
            waiting: VecDeque::new(),
            bytes: 0,
            message_rate: MessageRate::new(limits, now),
            byte_rate: ByteRate::new(limits, now),
            flood: None,
            timeout: None,
            stuck: None,
            slot: Slot::None,
        }
    }

    /// Whether nothing more may come for now.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_MESSAGES
            || !self.waiting.is_empty() && self.bytes >= self.session.server.node().config.limits.message
    }

    /// Whether it has been full for too long while one handler ran; asked while it is full. Where the next message waits for a slot, no
    /// handler is slow.
    pub(crate) fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.running.is_none() {
            return Poll::Pending;
        }
        self.stuck.get_or_insert_with(|| Box::pin(sleep(FULL_TIMEOUT))).as_mut().poll(cx)
    }

    /// Takes a data message; one that comes while a handler runs waits for it, and a large one for a slot.
    pub(crate) fn push(&mut self, message: WsMessage, now: Instant) {
        match self.message_rate.allow(now) {
            Allowed::Yes if self.running.is_none() && self.waiting.is_empty() && !is_large(&message) => {
                self.start(&message, now);
            }
            Allowed::Yes => {
                self.bytes += message.len();
                self.waiting.push_back(message);
            }
            over => self.drop_one(over, "messages", now),
        }
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.bytes = 0;
        self.slot.cancel();
    }

    /// Handles one message, the next where none is being handled yet, until its handler ends or has taken too long. Where that took a
    /// [slot](Self::has_slot), the slot has to be released before the next message.
    pub(crate) fn poll_one(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.running.is_none() {
            ready!(self.poll_next(cx));
        }
        if let Some(handler) = &mut self.running
            && handler.as_mut().poll(cx).is_pending()
        {
            let limit = self.session.server.node().config.handler_timeout;
            ready!(self.poll_timeout(limit, cx));
            let why = format!("it took longer than {limit:?}");
            failed(self.session, &Error::other(why));
        }
        self.running = None;
        self.timeout = None;
        self.stuck = None;
        Poll::Ready(())
    }

    /// Begins with the next message that waits.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(next) = self.waiting.front() else { return Poll::Pending };
        if self.session.core.outbox.is_closed_by_us() {
            // Messages of a client that is being closed are dropped.
            self.clear();
            return Poll::Ready(());
        }
        if is_large(next) {
            ready!(self.slot.poll_take(&self.session.server.node().large, cx));
        }
        if let Some(message) = self.waiting.pop_front() {
            self.bytes -= message.len();
            self.stuck = None;
            self.start(&message, Instant::now());
        }
        if self.waiting.is_empty() {
            // Gives back what a burst has made large.
            self.waiting = VecDeque::new();
        }
        Poll::Ready(())
    }

    /// Whether the connection holds a slot for large messages.
    pub(crate) fn has_slot(&self) -> bool {
        self.slot.is_taken()
    }

    /// Releases the slot.
    pub(crate) async fn release_slot(&mut self) {
        self.slot.release().await;
    }

    fn poll_timeout(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
        if limit.is_zero() {
            return Poll::Pending;
        }
        self.timeout.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
    }

    /// Waits until everything that has come is handled.
    pub(crate) async fn finish(&mut self) {
        loop {
            self.release_slot().await;
            if self.running.is_none() && self.waiting.is_empty() {
                return;
            }
            // A slot is not held while a handler waits.
            std::future::poll_fn(|cx| {
                if self.poll_one(cx).is_ready() || self.has_slot() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            // A client that has left many messages must not delay the others.
            tokio::task::yield_now().await;
        }
    }

    /// Begins to handle a message, unless it is refused.
    fn start(&mut self, message: &WsMessage, now: Instant) {
        #[cfg(test)]
        if super::echo::echoes(self.session, message) {
            return;
        }
        self.byte_rate.deduct(self.session.growth.swap(0, Ordering::Relaxed));
        let allowed = self.byte_rate.allow(message.len(), now);
        if allowed != Allowed::Yes {
            return self.drop_one(allowed, "bytes", now);
        }
        let body = match message {
            WsMessage::Binary(bytes) => {
                let limit = self.session.server.node().config.limits.inflated();
                match frame::decode(bytes, limit) {
                    Ok(frame) => {
                        let core = &self.session.core;
                        if frame.version == 1 && core.dialect() == Dialect::V2 {
                            self.session.server.node().use_dialect(core, Dialect::V1);
                        }
                        frame.body
                    }
                    Err(error) => {
                        if matches!(error, FrameError::BadZlib | FrameError::InflatedTooLarge { .. }) {
                            // The whole limit may have been inflated before it was seen: the smaller part of what a message costs.
                            self.byte_rate.charge(limit / 4, now);
                        }
                        return refuse(self.session, &error.into());
                    }
                }
            }
            WsMessage::Text(text) => Body::Json(text.clone().into()),
            _ => return,
        };
        // What was compressed counts as what it has become.
        let allowed = self.byte_rate.charge(body.payload().len().saturating_sub(message.len()), now);
        if allowed != Allowed::Yes {
            return self.drop_one(allowed, "bytes", now);
        }
        self.running = Some(Box::pin((self.begin)(body)));
    }

    /// Drops a message over the rate. The client gets an error once a second, and is closed where this goes on for long.
    fn drop_one(&mut self, over: Allowed, what: &str, now: Instant) {
        let node = self.session.server.node();
        node.counters.rate_limited.add(1);
        if let Allowed::FirstOver(window) = over {
            let why = format!("too many {what} in this {window}; further messages are dropped");
            tell_error(node, &Socket::new(self.session.clone()), ErrorCode::RateLimited, &why);
        }
        if self.flood.get_or_insert_default().dropped(now) {
            self.session.core.close(close_code::POLICY, "too many messages for too long");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, task::Waker};

    use super::*;
    use crate::{PPEvent, schema, server::session::handle::PPServer};

    #[derive(PPEvent)]
    #[pp(event = "said", id = 1, crate = "crate")]
    struct Said {
        what: u32,
    }

    schema! { Talk { Said } }

    /// The large messages of others, however many, are not the fault of this client or of its handlers.
    #[tokio::test(start_paused = true)]
    async fn a_full_inbox_that_waits_for_a_slot_is_not_given_up() {
        let server = PPServer::<Talk>::builder().max_message(20_000).build().await.expect("a node");
        let node = server.node().clone();
        let mut others = Slot::None;
        std::future::poll_fn(|cx| others.poll_take(&node.large, cx)).await;
        let core = node.connect(Dialect::V2).expect("random numbers");
        let session = Arc::new(Session::new(core, server, None));
        let mut cx = Context::from_waker(Waker::noop());
        let mut inbox = Inbox::new(&session, |_| pending::<()>());
        inbox.push(WsMessage::text("x".repeat(20_000)), Instant::now());
        assert!(inbox.is_full());
        for _ in 0..2 {
            assert!(inbox.poll_one(&mut cx).is_pending());
            assert!(inbox.poll_stuck(&mut cx).is_pending());
            tokio::time::advance(2 * FULL_TIMEOUT).await;
        }
        others.release().await;
        assert!(inbox.poll_one(&mut cx).is_pending(), "its handler waits");
        assert!(inbox.has_slot());
        inbox.push(WsMessage::text("x".repeat(20_000)), Instant::now());
        assert!(inbox.poll_stuck(&mut cx).is_pending());
        tokio::time::advance(2 * FULL_TIMEOUT).await;
        assert!(inbox.poll_stuck(&mut cx).is_ready(), "one handler ran all the time");
    }
}
