//! The task that owns the publishing connection: it writes what is queued, in order, many commands to a write.
//!
//! One batch is in flight at a time. When the connection breaks, the fate of the batch in flight is unknown: it is
//! counted and not sent again, so that nothing is heard twice. Room memberships can be repeated without harm, so all of
//! them are written again on every new connection.

use std::{
    io::Write,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::FutureExt;
use redis::{ConnectionAddr, Value, cmd};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    answer::{Meaning, command_error, is_answer, meaning, refusal},
    connection::{Connection, ask_role},
    part::Part,
    replies::{Sorted, sort},
    shared::{IS_REPLICA, Shared},
    standing::Role,
    timings::{CROWD_TIMEOUT, PROBE_INTERVAL},
    traffic::Outgoing,
};
use crate::adapter::{AdapterError, backoff::Backoff, membership::Change};

/// How long a server that has lost a slot is left alone, unless it hands its channels over before that.
const MOVED_DELAY: Duration = Duration::from_millis(20);
/// How long one is left alone that takes no publishes for now.
const NOT_NOW_DELAY: Duration = Duration::from_millis(200);

/// Between two looks at who is back after an outage.
const CROWD_INTERVAL: Duration = Duration::from_millis(20);

/// The most membership changes in one write; publishes go out in between.
const BATCH_CHANGES: usize = 512;

/// The first byte of a message on the probe channel that marks a place among our publishes.
pub(super) const FENCE: u8 = b'f';

/// Opens the publishing connection.
pub(super) async fn open(shared: &Shared) -> Result<Connection, AdapterError> {
    shared.check(Connection::open(&shared.endpoint, |_| {}).await?)
}

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, first: Result<Connection, AdapterError>, mut backoff: Backoff) {
    let mut publisher = Publisher { shared: &shared, server: None, doubtful: None, fences: 0 };
    let mut next = first;
    loop {
        let why = match next {
            Ok(connection) => publisher.serve(connection).await,
            Err(why) => why,
        };
        *shared.commands.lock() = None;
        shared.publishes.store(false, Relaxed);
        shared.down(Part::Publishing, &why);
        shared.members.lock().fail_waiters(&why);
        sleep(backoff.delay(Instant::now())).await;
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
    /// The server that the last connection went to.
    server: Option<ConnectionAddr>,
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
        // With sentinels the address changes, and by then the old master may have been replaced for a while.
        if self.server.replace(connection.server.clone()).is_some_and(|before| before != connection.server) {
            shared.lose_unnamed();
        }
        shared.standing.lock().begins(connection.role);
        // It was another server that somebody suspected.
        shared.suspicion();
        let identity = identify(connection).await?;
        self.settle_doubt(connection).await?;
        shared.members.lock().rewrite();
        *shared.commands.lock() = Some(connection.commands.clone());
        shared.works(Part::Publishing);
        self.wait_for_crowd(connection).await?;
        shared.publishes.store(true, Relaxed);
        Ok(identity)
    }

    async fn write_all(&mut self, mut connection: Connection, identity: Option<Identity>) -> AdapterError {
        let shared = self.shared;
        let mut next_probe = Instant::now();
        let mut giving_up = shared.giving_up();
        let server = connection.server.clone();
        let mut replaced = std::pin::pin!(shared.replaced(&server));
        loop {
            // However much there is to write.
            if let Some(why) = replaced.as_mut().now_or_never() {
                return why;
            }
            if giving_up.has_changed().unwrap_or_default()
                && let Some(why) = giving_up.borrow_and_update().clone()
            {
                return why;
            }
            let suspicion = shared.suspicion();
            if suspicion.is_some() || Instant::now() >= next_probe {
                next_probe = Instant::now() + PROBE_INTERVAL;
                shared.members.lock().retry_refused();
                if let Err(why) = self.probe(&mut connection, suspicion).await {
                    return why;
                }
            }
            let changes = shared.members.lock().take(BATCH_CHANGES);
            let batch = shared.traffic.lock().take_batch();
            if changes.is_empty() && batch.is_empty() {
                shared.closing.report();
                tokio::select! {
                    biased;
                    why = connection.broken() => return why,
                    why = &mut replaced => return why,
                    _ = giving_up.changed() => giving_up.mark_changed(),
                    () = shared.to_publish.notified() => {
                        if !shared.settings.linger.is_zero() && !shared.closing.has_begun() {
                            sleep(shared.settings.linger).await;
                        }
                    }
                    () = sleep_until(next_probe) => {}
                }
            } else {
                match self.write(&mut connection, changes, &batch).await {
                    Ok(()) => {}
                    Err(AdapterError::Backend(words)) => return self.wrong_server(&connection, &words),
                    Err(why) => {
                        self.doubtful = Some(identity);
                        shared.observed.lose_in_flight(shared.traffic.lock().lose_batch());
                        shared.announce();
                        return why;
                    }
                }
            }
        }
    }

    /// Makes sure that the server is still the master: one that has become a replica takes publishes without an error.
    async fn probe(&self, connection: &mut Connection, suspicion: Option<AdapterError>) -> Result<(), AdapterError> {
        let shared = self.shared;
        let role = ask_role(&mut connection.commands).await?;
        match (role, suspicion) {
            (Role::Replica, _) => return Err(self.wrong_server(connection, IS_REPLICA)),
            // Where nothing is said about the role, it is known by this.
            (Role::Unknown, Some(AdapterError::Backend(words))) => return Err(self.wrong_server(connection, &words)),
            (Role::Master, Some(refused)) => shared.refused(Part::Writes, &refused),
            _ => {}
        }
        if shared.settings.is_cluster() && !shared.cluster_is_up(&mut connection.commands).await? {
            shared.reroute.notify_one();
            return Ok(());
        }
        shared.standing.lock().said(role);
        Ok(())
    }

    fn wrong_server(&self, connection: &Connection, says: &str) -> AdapterError {
        self.shared.give_up(self.shared.is_no_master(&connection.server, says))
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

    /// Writes changes and publishes, and sorts out the answers. An answer is an error only where it shows that the server is the wrong
    /// one; nothing is in doubt then.
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

        let outcome = self.take_replies(changes, batch, replies);
        self.shared.closing.report();
        match outcome {
            Outcome::Taken => {}
            Outcome::Elsewhere => sleep(MOVED_DELAY).await,
            Outcome::NotNow => sleep(NOT_NOW_DELAY).await,
            Outcome::WrongServer(why) => return Err(why),
        }
        Ok(())
    }

    /// Sorts out what Redis answered to a write; says what became of the publishes.
    fn take_replies(&self, changes: Vec<Change>, batch: &[Outgoing], replies: Vec<Value>) -> Outcome {
        let mut replies = replies.into_iter().map(refusal);
        let mut wrong_server = self.take_changes(changes, &mut replies);
        if batch.is_empty() {
            return wrong_server.map_or(Outcome::Taken, Outcome::WrongServer);
        }
        let Shared { observed, .. } = self.shared;
        let Sorted { taken, again, rejected } = sort(batch, replies);
        let outcome = match again.last().map(|(_, why)| (meaning(why), why)) {
            None => Outcome::Taken,
            Some((Meaning::WrongServer, why)) => Outcome::WrongServer(why.clone()),
            Some((Meaning::NotNow, _)) => Outcome::NotNow,
            Some(_) => Outcome::Elsewhere,
        };
        let redirected = again.iter().filter(|(_, why)| meaning(why) == Meaning::Elsewhere).count() as u64;
        let refused = rejected.last().or(again.last()).map(|(_, why)| why.clone());
        {
            let mut traffic = self.shared.traffic.lock();
            rejected.iter().chain(&again).for_each(|(outgoing, _)| traffic.rejected(outgoing));
            traffic.put_back(again.iter().map(|(outgoing, _)| outgoing.item.clone()).collect());
            // First, so that whoever waits for the batch finds it counted.
            observed.published.add(taken);
            self.shared.standing.lock().took(taken);
            traffic.settle();
        }
        observed.rejected.add(rejected.len() as u64);
        observed.redirected.add(redirected);
        self.shared.announce();
        if !again.is_empty() {
            self.shared.reroute.notify_one();
        }
        match refused {
            None => self.shared.works(Part::Publishes),
            Some(why) if meaning(&why) == Meaning::Elsewhere => {}
            Some(why) => self.shared.refused(Part::Publishes, &why),
        }
        wrong_server.take().map_or(outcome, Outcome::WrongServer)
    }

    /// The same for changes of rooms; an error where the server takes none because it is the wrong one.
    fn take_changes(
        &self,
        changes: Vec<Change>,
        replies: &mut impl Iterator<Item = Option<AdapterError>>,
    ) -> Option<AdapterError> {
        if changes.is_empty() {
            return None;
        }
        let (mut refused, mut added) = (None, false);
        let mut members = self.shared.members.lock();
        for change in changes {
            match replies.next().flatten() {
                None => {
                    added |= change.add;
                    members.finish(change, Ok(()));
                }
                Some(why) => {
                    match meaning(&why) {
                        Meaning::Refused => members.finish(change, Err(why.clone())),
                        _ => members.postpone(change),
                    }
                    refused = Some(why);
                }
            }
        }
        // A server that is full takes removals: that says nothing about what waits to be added.
        let all_is_written = added || members.is_written();
        drop(members);
        match refused {
            None if all_is_written => self.shared.wrote(),
            None => {}
            Some(why) if meaning(&why) == Meaning::Refused => self.shared.refused(Part::Writes, &why),
            Some(why) => {
                self.shared.note(&why);
                return Some(why).filter(|why| meaning(why) == Meaning::WrongServer);
            }
        }
        None
    }

    /// Makes sure that Redis has processed whatever it ever will of what was in flight when a connection broke, and that we
    /// have heard what we shall hear of it.
    async fn settle_doubt(&mut self, connection: &mut Connection) -> Result<(), AdapterError> {
        let Some(doubtful) = &self.doubtful else { return Ok(()) };
        // A Redis that was paused still has the broken connection's commands in its buffers.
        if let Some(Identity { id, addr }) = doubtful {
            let mut kill = cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(id).arg("ADDR").arg(addr);
            let reply = connection.commands.send_packed_command(&kill).await.map_err(|error| command_error(&error))?;
            match refusal(reply) {
                // Older than 6.2, or not allowed: what is in its buffers has most likely been processed before this.
                Some(why) if !is_gone(&why) => self.shared.refused(Part::Kill, &why),
                _ => self.shared.works(Part::Kill),
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
        // While the subscription is down there is nothing to wait for: it is another epoch then.
        let passed = shared.hears(|shared| shared.heard_fence() >= fence || shared.traffic.lock().epoch() != epoch);
        let passed = tokio::select! {
            biased;
            why = connection.broken() => return Err(why),
            passed = passed => passed,
        };
        if !passed {
            let why = "what we publish is not heard on the subscription: they may have come to different servers";
            return Err(shared.give_up(AdapterError::Unavailable(why.into())));
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

/// The connection that was to be closed is closed already.
fn is_gone(refused: &AdapterError) -> bool {
    matches!(refused, AdapterError::Backend(words) if words.contains("No such client"))
}

/// What became of a write's publishes.
enum Outcome {
    /// All were taken, or rejected for good.
    Taken,
    /// Some are for another server of the cluster.
    Elsewhere,
    /// Some have to wait.
    NotNow,
    /// The server is no master.
    WrongServer(AdapterError),
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
