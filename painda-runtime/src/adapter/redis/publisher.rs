//! The task that owns the publishing connection: it writes what is queued, in order, many commands to a write.
//!
//! One batch is in flight at a time. When the connection breaks, the fate of the batch in flight is unknown: it is
//! counted and not sent again, so that nothing is heard twice. Room memberships can be repeated without harm, so all of
//! them are written again on every new connection.

use std::{sync::Arc, time::Instant};

use redis::{Value, cmd};
use tokio::time::sleep;

use super::{
    config::{CLOSE_TIMEOUT, PROBE_INTERVAL},
    connection::{Backoff, Connection, command_error, is_answer},
    membership::Change,
    shared::{Shared, Stage},
    stats::Link,
    traffic::Outgoing,
};
use crate::adapter::AdapterError;

/// The most membership changes in one write; publishes go out in between.
const BATCH_CHANGES: usize = 512;

/// The first byte of a message on the probe channel that marks a place among our publishes.
pub(super) const FENCE: u8 = b'f';

/// Opens the publishing connection.
pub(super) async fn open(shared: &Shared) -> Result<Connection, AdapterError> {
    Connection::open(&shared.settings, |_| {}).await
}

/// Runs until the adapter is closed and everything is written, or that takes too long.
pub(super) async fn run(shared: Arc<Shared>, first: Connection) {
    let mut stage = shared.stage.subscribe();
    let overdue = async {
        // The sender lives in `shared`.
        let _ = stage.wait_for(|stage| *stage != Stage::Open).await;
        sleep(CLOSE_TIMEOUT).await;
    };
    let mut publisher = Publisher { shared: &shared, doubtful: None, fences: 0 };
    tokio::select! {
        () = publisher.publish_until_closed(first) => {}
        () = overdue => {}
    }
    shared.finish();
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
    async fn publish_until_closed(&mut self, first: Connection) {
        let Shared { observed, .. } = self.shared;
        let mut backoff = Backoff::new();
        let mut next = Ok(first);
        loop {
            let why = match next {
                Ok(connection) => match self.serve(connection).await {
                    Ok(()) => return,
                    Err(why) => why,
                },
                Err(why) => why,
            };
            *self.shared.commands.lock() = None;
            observed.down(Link::Publishing, &why);
            self.shared.members.lock().fail_waiters(&why);
            sleep(backoff.delay()).await;
            next = open(self.shared).await;
        }
    }

    /// Writes until the connection breaks, or until the adapter is closed and nothing is left.
    async fn serve(&mut self, mut connection: Connection) -> Result<(), AdapterError> {
        let shared = self.shared;
        let identity = identify(&mut connection).await?;
        self.settle_doubt(&mut connection).await?;
        shared.members.lock().rewrite();
        *shared.commands.lock() = Some(connection.commands.clone());
        shared.observed.up(Link::Publishing);
        let mut retried = Instant::now();
        loop {
            if retried.elapsed() >= PROBE_INTERVAL {
                retried = Instant::now();
                shared.members.lock().retry_refused();
            }
            let changes = shared.members.lock().take(BATCH_CHANGES);
            let batch = shared.traffic.lock().take_batch();
            if changes.is_empty() && batch.is_empty() {
                if *shared.stage.borrow() == Stage::Closing && shared.is_drained() {
                    return Ok(());
                }
                tokio::select! {
                    why = connection.broken() => return Err(why),
                    () = shared.to_publish.notified() => {}
                    () = sleep(PROBE_INTERVAL) => ping(&mut connection).await?,
                }
            } else if let Err(why) = self.write(&mut connection, changes, &batch).await {
                self.doubtful = Some(identity);
                let lost = shared.traffic.lock().lose_batch();
                if lost > 0 {
                    shared.observed.lost_in_flight.add(lost);
                    tracing::warn!(target: "painda::redis", count = lost, "publishes in flight, fate unknown");
                }
                return Err(why);
            }
        }
    }

    async fn write(
        &self,
        connection: &mut Connection,
        changes: Vec<Change>,
        batch: &[Outgoing],
    ) -> Result<(), AdapterError> {
        let Shared { settings, observed, .. } = self.shared;
        let mut pipe = redis::Pipeline::with_capacity(2 * changes.len() + batch.len());
        for change in &changes {
            let command = if change.add { "SADD" } else { "SREM" };
            pipe.cmd(command).arg(settings.room_key(&change.room)).arg(&*change.client);
            pipe.cmd(command).arg(settings.client_key(&change.client)).arg(&*change.room);
        }
        for outgoing in batch {
            pipe.cmd("PUBLISH").arg(settings.channel_key(&outgoing.item.channel)).arg(&outgoing.item.bytes[..]);
        }
        let replies = match connection.commands.send_packed_commands(&pipe, 0, pipe.len()).await {
            Ok(replies) => replies,
            Err(error) => {
                // Whatever the error, it is not an answer to one command: those are among the replies.
                let why = AdapterError::Unavailable(error.to_string().into());
                let mut members = self.shared.members.lock();
                for change in changes {
                    members.finish(change, Err(why.clone()));
                }
                return Err(why);
            }
        };

        let mut replies = replies.into_iter().map(refusal);
        let mut last_refusal = None;
        if !changes.is_empty() {
            let mut members = self.shared.members.lock();
            for change in changes {
                // Both replies are taken, whatever the first says.
                let (room, client) = (replies.next().flatten(), replies.next().flatten());
                let refused = room.or(client);
                last_refusal = refused.clone().or(last_refusal);
                members.finish(change, refused.map_or(Ok(()), Err));
            }
        }
        if !batch.is_empty() {
            let mut rejected = 0;
            let mut traffic = self.shared.traffic.lock();
            for (outgoing, refused) in batch.iter().zip(replies) {
                if refused.is_some() {
                    traffic.rejected(outgoing);
                    rejected += 1;
                    last_refusal = refused;
                }
            }
            traffic.settle();
            drop(traffic);
            observed.published.add(batch.len() as u64 - rejected);
            observed.rejected.add(rejected);
            self.shared.announce();
        }
        if let Some(refused) = last_refusal {
            observed.error(&refused);
        }
        Ok(())
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

/// The error among a pipeline's replies.
fn refusal(reply: Value) -> Option<AdapterError> {
    match reply {
        Value::ServerError(error) => Some(AdapterError::Backend(error.to_string().into())),
        _ => None,
    }
}
