//! The task that owns the publishing connection: it writes what is queued, in order, many commands to a write.
//!
//! One batch is in flight at a time. When the connection breaks, the fate of the batch in flight is unknown: it is
//! counted and not sent again, so that nothing is heard twice. Room memberships can be repeated without harm, so all of
//! them are written again on every new connection.

use std::{
    io::Write,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use redis::{Value, cmd};
use tokio::time::sleep;

use super::{
    config::{CROWD_TIMEOUT, PROBE_INTERVAL},
    connection::{Backoff, Connection, command_error, is_answer},
    membership::Change,
    shared::Shared,
    stats::Link,
    traffic::Outgoing,
};
use crate::adapter::AdapterError;

/// How long a server that has lost a slot is left alone, unless it hands its channels over before that.
const MOVED_DELAY: Duration = Duration::from_millis(20);

/// Between two looks at who is back after an outage.
const CROWD_INTERVAL: Duration = Duration::from_millis(20);

/// The most membership changes in one write; publishes go out in between.
const BATCH_CHANGES: usize = 512;

/// The first byte of a message on the probe channel that marks a place among our publishes.
pub(super) const FENCE: u8 = b'f';

/// Opens the publishing connection.
pub(super) async fn open(shared: &Shared) -> Result<Connection, AdapterError> {
    Connection::open(&shared.endpoint, |_| {}).await
}

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, first: Result<Connection, AdapterError>) {
    let mut publisher = Publisher { shared: &shared, doubtful: None, fences: 0 };
    let mut backoff = Backoff::new();
    let mut next = first;
    loop {
        let why = match next {
            Ok(connection) => publisher.serve(connection).await,
            Err(why) => why,
        };
        *shared.commands.lock() = None;
        shared.publishes.store(false, Relaxed);
        shared.down(Link::Publishing, &why);
        shared.members.lock().fail_waiters(&why);
        sleep(backoff.delay()).await;
        next = open(&shared).await;
    }
}

/// How Redis knows a connection. The id alone is not enough: a restarted Redis gives it to somebody else.
#[derive(Clone, Debug)]
struct Identity {
    id: String,
    addr: String,
}

struct Publisher<'a> {
    shared: &'a Shared,
    /// A connection broke with commands in flight, and Redis may still process them.
    doubtful: Option<Option<Identity>>,
    fences: u64,
}

impl Publisher<'_> {
    /// Writes until the connection breaks; says why it did.
    async fn serve(&mut self, mut connection: Connection) -> AdapterError {
        match self.set_up(&mut connection).await {
            Ok(identity) => self.write_all(connection, identity).await,
            Err(why) => why,
        }
    }

    async fn set_up(&mut self, connection: &mut Connection) -> Result<Option<Identity>, AdapterError> {
        let shared = self.shared;
        let identity = identify(connection).await?;
        self.settle_doubt(connection).await?;
        shared.members.lock().rewrite();
        *shared.commands.lock() = Some(connection.commands.clone());
        shared.up(Link::Publishing);
        self.wait_for_crowd(connection).await?;
        shared.publishes.store(true, Relaxed);
        Ok(identity)
    }

    async fn write_all(&mut self, mut connection: Connection, identity: Option<Identity>) -> AdapterError {
        let shared = self.shared;
        let mut retried = Instant::now();
        let mut replaced = std::pin::pin!(shared.endpoint.replaced(connection.server.clone()));
        loop {
            if retried.elapsed() >= PROBE_INTERVAL {
                retried = Instant::now();
                shared.members.lock().retry_refused();
            }
            let changes = shared.members.lock().take(BATCH_CHANGES);
            let batch = shared.traffic.lock().take_batch();
            if changes.is_empty() && batch.is_empty() {
                shared.closing.report();
                tokio::select! {
                    why = connection.broken() => return why,
                    why = &mut replaced => return why,
                    () = shared.to_publish.notified() => {
                        if !shared.settings.linger.is_zero() && !shared.closing.has_begun() {
                            sleep(shared.settings.linger).await;
                        }
                    }
                    () = sleep(PROBE_INTERVAL) => {
                        if let Err(why) = ping(&mut connection).await {
                            return why;
                        }
                    }
                }
            } else if let Err(why) = self.write(&mut connection, changes, &batch).await {
                self.doubtful = Some(identity);
                shared.observed.lose_in_flight(shared.traffic.lock().lose_batch());
                shared.announce();
                return why;
            }
        }
    }

    /// After an outage of Redis, all nodes come back one after another. What was queued meanwhile would be published to those
    /// few who hear it already, so it waits for the others; but not for long, since one of them may be gone for good.
    async fn wait_for_crowd(&self, connection: &mut Connection) -> Result<(), AdapterError> {
        let before = self.shared.crowd.load(Relaxed);
        let deadline = Instant::now() + CROWD_TIMEOUT;
        while Instant::now() < deadline {
            match self.shared.count_present(&mut connection.commands).await? {
                Some(present) if present < before => sleep(CROWD_INTERVAL).await,
                _ => break,
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut Connection,
        changes: Vec<Change>,
        batch: &[Outgoing],
    ) -> Result<(), AdapterError> {
        let Shared { settings, .. } = self.shared;
        let mut pipe = redis::Pipeline::with_capacity(changes.len() + batch.len());
        for change in &changes {
            pipe.cmd(if change.add { "SADD" } else { "SREM" }).arg(&*change.key).arg(&*change.member);
        }
        let publish = if settings.is_cluster() { "SPUBLISH" } else { "PUBLISH" };
        for outgoing in batch {
            let key = ChannelKey { prefix: &settings.prefix, channel: &outgoing.item.channel };
            pipe.cmd(publish).arg(key).arg(&outgoing.item.bytes[..]);
        }
        let replies = match connection.commands.send_packed_commands(&pipe, 0, pipe.len()).await {
            Ok(replies) => replies,
            Err(error) => {
                // Whatever the error, it is not an answer to one command: those are among the replies.
                let why = AdapterError::Unavailable(error.to_string().into());
                let mut members = self.shared.members.lock();
                // Each goes to the front of the queue.
                for change in changes.into_iter().rev() {
                    members.finish(change, Err(why.clone()));
                }
                return Err(why);
            }
        };

        let redirected = self.take_replies(changes, batch, replies);
        self.shared.closing.report();
        if redirected {
            sleep(MOVED_DELAY).await;
        }
        Ok(())
    }

    /// Sorts out what Redis answered to a write; `true` where some of it was for another server of the cluster.
    fn take_replies(&self, changes: Vec<Change>, batch: &[Outgoing], replies: Vec<Value>) -> bool {
        let Shared { observed, .. } = self.shared;
        let mut replies = replies.into_iter().map(refusal);
        let mut last_refusal = None;
        let mut redirected = 0;
        if !changes.is_empty() {
            let mut members = self.shared.members.lock();
            for change in changes {
                let refused = replies.next().flatten();
                if refused.as_ref().is_some_and(|refusal| refusal.moved || refusal.passes) {
                    members.postpone(change);
                    self.shared.reroute.notify_one();
                } else {
                    last_refusal = refused.clone().or(last_refusal);
                    members.finish(change, refused.map_or(Ok(()), |refusal| Err(refusal.error)));
                }
            }
        }
        if !batch.is_empty() {
            let mut rejected = 0;
            let mut moved = Vec::new();
            let mut traffic = self.shared.traffic.lock();
            for (outgoing, refused) in batch.iter().zip(replies) {
                let Some(refusal) = refused else { continue };
                traffic.rejected(outgoing);
                if refusal.moved {
                    moved.push(outgoing.item.clone());
                } else {
                    rejected += 1;
                    last_refusal = Some(refusal);
                }
            }
            redirected = moved.len() as u64;
            traffic.put_back(moved);
            // First, so that whoever waits for the batch finds it counted.
            observed.published.add(batch.len() as u64 - rejected - redirected);
            traffic.settle();
            drop(traffic);
            observed.rejected.add(rejected);
            observed.redirected.add(redirected);
            self.shared.announce();
            if redirected > 0 {
                self.shared.reroute.notify_one();
            }
        }
        if let Some(refused) = last_refusal {
            observed.error(&refused.error);
        }
        redirected > 0
    }

    /// Makes sure that Redis has processed whatever it ever will of what was in flight when a connection broke, and that we
    /// have heard what we shall hear of it.
    async fn settle_doubt(&mut self, connection: &mut Connection) -> Result<(), AdapterError> {
        let Some(doubtful) = &self.doubtful else { return Ok(()) };
        // A Redis that was paused still has the broken connection's commands in its buffers.
        if let Some(Identity { id, addr }) = doubtful {
            let mut kill = cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(id).arg("ADDR").arg(addr);
            match connection.commands.send_packed_command(&kill).await {
                Err(error) if !is_answer(&error) => return Err(command_error(&error)),
                // Older than 6.2, or not allowed: what is in its buffers has most likely been processed before this.
                Err(error) => self.shared.observed.error(&command_error(&error)),
                Ok(_) => {}
            }
        }
        let epoch = {
            let mut traffic = self.shared.traffic.lock();
            traffic.settle();
            traffic.awaits_echoes().then(|| traffic.epoch())
        };
        self.shared.announce();
        if let Some(epoch) = epoch {
            self.pass_fence(connection, epoch).await?;
        }
        self.doubtful = None;
        Ok(())
    }

    /// Redis sends us in order what it took from us. Once we hear the fence, no older copy is left to come; one that is
    /// still due belongs to a publish that was lost, and would swallow another node's equal message.
    async fn pass_fence(&mut self, connection: &mut Connection, epoch: u64) -> Result<(), AdapterError> {
        let shared = self.shared;
        self.fences += 1;
        let fence = self.fences;
        shared.mark(&mut connection.commands, FENCE, fence).await?;
        // A subscription that is deaf is found out by its own probe, and is then another epoch.
        let passed = shared.until(|shared| shared.heard_fence() >= fence || shared.traffic.lock().epoch() != epoch);
        tokio::select! {
            why = connection.broken() => return Err(why),
            () = passed => {}
        }
        let mut traffic = shared.traffic.lock();
        if traffic.epoch() == epoch {
            traffic.forget_echoes();
        }
        Ok(())
    }
}

/// What Redis calls this connection; `None` where it does not tell.
async fn identify(connection: &mut Connection) -> Result<Option<Identity>, AdapterError> {
    let info = match connection.commands.send_packed_command(cmd("CLIENT").arg("INFO")).await {
        Ok(Value::VerbatimString { text, .. } | Value::SimpleString(text)) => text,
        Ok(Value::BulkString(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(_) => return Ok(None),
        Err(error) if is_answer(&error) => return Ok(None),
        Err(error) => return Err(command_error(&error)),
    };
    let field =
        |name: &str| info.split_ascii_whitespace().find_map(|field| field.strip_prefix(name).map(str::to_owned));
    Ok(field("id=").zip(field("addr=")).map(|(id, addr)| Identity { id, addr }))
}

async fn ping(connection: &mut Connection) -> Result<(), AdapterError> {
    match connection.commands.send_packed_command(&cmd("PING")).await {
        // An error is an answer as well: Redis may be loading its data.
        Err(error) if !is_answer(&error) => Err(command_error(&error)),
        _ => Ok(()),
    }
}

/// An error among a pipeline's replies.
#[derive(Clone)]
struct Refusal {
    error: AdapterError,
    /// Another server of the cluster has the slot, or will have it in a moment: nothing was done.
    moved: bool,
    /// The server takes no writes for now.
    passes: bool,
}

fn refusal(reply: Value) -> Option<Refusal> {
    match reply {
        Value::ServerError(error) => {
            let moved = matches!(error.code(), "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN");
            let passes = matches!(error.code(), "READONLY" | "LOADING" | "MASTERDOWN" | "MISCONF");
            Some(Refusal { error: AdapterError::Backend(error.to_string().into()), moved, passes })
        }
        _ => None,
    }
}

/// The pub/sub channel that a channel's messages travel on, written without being put together first.
struct ChannelKey<'a> {
    prefix: &'a str,
    channel: &'a str,
}

impl redis::ToRedisArgs for ChannelKey<'_> {
    fn write_redis_args<W: ?Sized + redis::RedisWrite>(&self, out: &mut W) {
        let mut arg = out.writer_for_next_arg();
        // Writing to memory does not fail.
        let _ = write!(arg, "{}ch:{}", self.prefix, self.channel);
    }
}

impl redis::ToSingleRedisArg for ChannelKey<'_> {}
