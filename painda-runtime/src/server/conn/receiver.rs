//! The reading side of a connection: tungstenite's state over an asynchronous reader.
//!
//! It reads no faster than the client's rate, and not for longer at a time than others can wait.

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tungstenite::{
    Error as WsError, Message as WsMessage,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::rates::ByteRate;
use crate::server::{node::Node, sending::outbox::Outbox};

/// An idle connection keeps this much for reading, and it is the largest part of what it costs. Larger messages get what they
/// need when they begin, and are read in pieces of this size.
const READ_BUFFER: usize = 2048;
/// After so long without a pause a connection's task lets others run. Many that are busy make a round of all of them that much longer.
const LONGEST_RUN: Duration = Duration::from_micros(100);

/// The reading half of a connection, whatever it is made of.
pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The reading side: tungstenite's state over an asynchronous reader.
pub(super) struct Receiver {
    context: WebSocketContext,
    reader: Reader,
    /// Bytes have come since [`take_received`](Self::take_received). Within a large frame a client can't answer pings.
    received: bool,
    rate: ByteRate,
    /// When the client is read again that has sent too fast. Boxed, as most never do.
    pause: Option<Pin<Box<Sleep>>>,
    run: Run,
}

/// For how long the connection's task has run without letting others run.
#[derive(Default)]
struct Run {
    /// None while it waits.
    since: Option<Instant>,
    /// That is too long.
    late: bool,
}

impl Run {
    fn is_late(&mut self, now: Instant) -> bool {
        self.late |= now.duration_since(*self.since.get_or_insert(now)) > LONGEST_RUN;
        self.late
    }
}

impl Receiver {
    pub(super) fn new(node: &Node, reader: Reader, read_ahead: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_frame_size(Some(node.config.limits.message))
            .max_message_size(Some(node.config.limits.message));
        let context = WebSocketContext::from_partially_read(read_ahead, Role::Server, Some(config));
        let rate = ByteRate::of_reading(&node.config.limits, Instant::now());
        Self { context, reader, received: false, rate, pause: None, run: Run::default() }
    }

    /// Whether it is time to let others run.
    pub(super) fn is_late(&mut self, now: Instant) -> bool {
        self.run.is_late(now)
    }

    /// Whether the last [`poll_next`](Self::poll_next) ended because it is time to let others run: there may be more to read.
    pub(super) fn stopped_early(&self) -> bool {
        self.run.late
    }

    /// The task waits, or has let others run.
    pub(super) fn begin_run(&mut self) {
        self.run = Run::default();
    }

    /// Counts a message for the rate of reading; its bytes are counted already.
    pub(super) fn count_message(&mut self) {
        self.rate.charge_message();
    }

    /// Whether bytes have come since this was last asked.
    pub(super) fn take_received(&mut self) -> bool {
        mem::take(&mut self.received)
    }

    /// The next message, ping and pong included.
    pub(super) fn poll_next(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Result<WsMessage, WsError>> {
        let Self { reader, received, rate, pause, run, .. } = self;
        let mut stream = Stream { reader, received, rate, pause, run, outbox, cx };
        match self.context.read(&mut stream) {
            Err(WsError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            done => Poll::Ready(done),
        }
    }

    /// Reads on and throws away, until the client has closed too.
    pub(super) async fn discard(&mut self) {
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
    run: &'a mut Run,
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
        if self.run.late {
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
                self.run.is_late(now);
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
