//! The task that owns the publishing connection: it writes what is queued, in order, many commands to a write.
//!
//! One batch is in flight at a time. When the connection breaks, it is unknown whether Redis has taken that batch: it is
//! counted and not sent again, so that nothing is received twice. Room memberships can be repeated without harm, so all of
//! them are written again on every new connection.
//!
//! [`Publishing`] decides what to do next on the connection; this file does it.

use std::{
    convert::Infallible,
    io::Write,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use futures_util::FutureExt;
use redis::{Value, cmd};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    answer::{Meaning, command_error, is_answer, meaning, refusal},
    connection::{Connection, ask_role},
    mastership::Role,
    part::Part,
    publishing::{Action, Event, Identity, Publishing},
    replies::{Sorted, sort},
    shared::{IS_REPLICA, Shared},
    traffic::Outgoing,
};
use crate::adapter::{AdapterError, Cause, backoff::Backoff, membership::Change};

/// The most membership changes in one write; publishes go out in between.
const BATCH_CHANGES: usize = 512;

/// The first byte of a message on the probe channel that marks a place among our publishes.
pub(super) const FENCE: u8 = b'f';

/// Opens the publishing connection.
pub(super) async fn open(shared: &Shared) -> Result<Connection, AdapterError> {
    shared.check(Connection::open(&shared.endpoint, |_| {}).await?)
}

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, first: Result<Connection, AdapterError>, backoff: Backoff) {
    let mut publishing = Publishing::new(backoff);
    let mut next = first;
    loop {
        let End { why, in_flight } = match next {
            Ok(connection) => {
                let Err(end) = Publisher::new(&shared, connection).serve(&mut publishing).await;
                end
            }
            Err(why) => why.into(),
        };
        *shared.commands.lock() = None;
        shared.publishes.store(false, Relaxed);
        shared.down(Part::Publishing, &why);
        shared.members.lock().fail_waiters(&why);
        sleep(publishing.gone(in_flight, Instant::now())).await;
        next = open(&shared).await;
    }
}

/// The end of a connection.
struct End {
    why: AdapterError,
    /// A batch was in flight, and it is unknown whether Redis has taken it.
    in_flight: bool,
}

impl From<AdapterError> for End {
    fn from(why: AdapterError) -> Self {
        Self { why, in_flight: false }
    }
}

/// One connection, and the reasons to give it up.
struct Publisher<'a> {
    shared: &'a Shared,
    connection: Connection,
    /// Ends when the sentinels name another server.
    replaced: Pin<Box<dyn Future<Output = AdapterError> + Send + 'a>>,
    giving_up: watch::Receiver<Option<AdapterError>>,
    /// The reply because of which the server may not be the master.
    suspicion: Option<AdapterError>,
}

impl<'a> Publisher<'a> {
    fn new(shared: &'a Shared, connection: Connection) -> Self {
        let server = connection.server.clone();
        let replaced = Box::pin(async move { shared.replaced(&server).await });
        Self { shared, connection, replaced, giving_up: shared.giving_up(), suspicion: None }
    }

    /// Uses the connection until it ends.
    async fn serve(mut self, publishing: &mut Publishing) -> Result<Infallible, End> {
        let shared = self.shared;
        let mut action = publishing.connected(&self.connection.server);
        loop {
            let event = match action {
                Action::Begin { replaced } => Event::Begun(self.begin(replaced).await?),
                Action::Kill(earlier) => {
                    self.kill(&earlier).await?;
                    Event::Killed
                }
                Action::Settle => Event::Settled { due: self.settle() },
                Action::PassFence { number, epoch } => {
                    self.pass_fence(number, epoch).await?;
                    Event::Passed
                }
                Action::Offer => Event::Offered { before: self.offer() },
                Action::Count => Event::Counted(shared.count_ready(&mut self.connection.commands).await?),
                Action::AwaitOthers(time) => {
                    sleep(time).await;
                    Event::Waited
                }
                Action::Publish => {
                    shared.publishes.store(true, Relaxed);
                    // Requests to give up that were made before concern an earlier connection.
                    self.giving_up.mark_unchanged();
                    self.free()?
                }
                Action::Probe => {
                    self.probe().await?;
                    Event::Probed
                }
                Action::Write { or_wait_until } => self.write_or_wait(or_wait_until).await?,
                Action::Rest(time) => {
                    sleep(time).await;
                    self.free()?
                }
            };
            action = publishing.on(event, Instant::now());
        }
    }

    /// No command is under way. An error where the connection is to be given up, which must not wait until everything is written.
    fn free(&mut self) -> Result<Event, End> {
        if let Some(why) = self.replaced.as_mut().now_or_never() {
            return Err(why.into());
        }
        if self.giving_up.has_changed().unwrap_or_default()
            && let Some(why) = self.giving_up.borrow_and_update().clone()
        {
            return Err(why.into());
        }
        self.suspicion = self.shared.suspicion();
        Ok(Event::Free { suspected: self.suspicion.is_some() })
    }

    /// Begins the bookkeeping of the server. Returns how Redis identifies this connection; `None` where it does not tell.
    async fn begin(&mut self, replaced: bool) -> Result<Option<Identity>, AdapterError> {
        // The sentinels have named another server, and may have done so some time ago.
        if replaced {
            self.shared.lose_unnamed();
        }
        self.shared.mastership.lock().begins(self.connection.role);
        // A suspicion concerns an earlier connection.
        self.shared.suspicion();
        let info = match self.connection.commands.send_packed_command(cmd("CLIENT").arg("INFO")).await {
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

    /// Has Redis close an earlier connection.
    async fn kill(&mut self, Identity { id, addr }: &Identity) -> Result<(), AdapterError> {
        let mut kill = cmd("CLIENT");
        kill.arg("KILL").arg("ID").arg(id).arg("ADDR").arg(addr);
        let reply = self.connection.commands.send_packed_command(&kill).await.map_err(|error| command_error(&error))?;
        match refusal(reply) {
            // Older than 6.2, or not allowed. What was in the connection's buffers has most likely been processed before this.
            Some(why) if !is_gone(&why) => self.shared.refused(Part::Kill, &why),
            _ => self.shared.works(Part::Kill),
        }
        Ok(())
    }

    /// Redis will process nothing of the last batch any more. Returns the epoch of the subscription if echoes are due on it.
    fn settle(&self) -> Option<u64> {
        let due = self.shared.traffic.settle();
        self.shared.announce();
        due
    }

    /// Publishes a fence, and waits until it is received: echoes that are still due then will not come.
    async fn pass_fence(&mut self, fence: u64, epoch: u64) -> Result<(), AdapterError> {
        let shared = self.shared;
        shared.mark(&mut self.connection.commands, FENCE, fence).await?;
        // If the subscription breaks, the fence can't arrive; its epoch grows then.
        let passed = shared.arrives(|shared| shared.received_fence() >= fence || shared.traffic.epoch() != epoch);
        let passed = tokio::select! {
            biased;
            why = self.connection.broken() => return Err(why),
            passed = passed => passed,
        };
        if !passed {
            let why = "the subscription does not receive what this node publishes: the two connections may lead to different servers";
            return Err(shared.give_up(AdapterError::Unavailable(why.into())));
        }
        shared.traffic.forget_echoes(epoch);
        Ok(())
    }

    /// Has all members written again, and lets others use the connection. Returns how many nodes were ready before the outage.
    fn offer(&self) -> u64 {
        self.shared.members.lock().rewrite();
        *self.shared.commands.lock() = Some(self.connection.commands.clone());
        self.shared.works(Part::Publishing);
        self.shared.ready_nodes.load(Relaxed)
    }

    /// Checks that the server is still the master: a replica takes publishes without an error.
    async fn probe(&mut self) -> Result<(), AdapterError> {
        let shared = self.shared;
        shared.members.lock().retry_refused();
        let role = ask_role(&mut self.connection.commands).await?;
        match (role, self.suspicion.take()) {
            (Role::Replica, _) => return Err(self.wrong_server(IS_REPLICA)),
            // A server that does not tell its role is judged by its reply to a write.
            (Role::Unknown, Some(AdapterError::Backend(words))) => return Err(self.wrong_server(&words)),
            (Role::Master, Some(refused)) => shared.refused(Part::Writes, &refused),
            _ => {}
        }
        if shared.settings.is_cluster() && !shared.cluster_is_up(&mut self.connection.commands).await? {
            shared.reroute.notify_one();
            return Ok(());
        }
        shared.mastership.lock().answered(role);
        Ok(())
    }

    fn wrong_server(&self, says: &str) -> AdapterError {
        self.shared.give_up(self.shared.is_no_master(&self.connection.server, says))
    }

    /// Writes what waits. If nothing does, waits for something, at most until the given time.
    async fn write_or_wait(&mut self, until: Instant) -> Result<Event, End> {
        let shared = self.shared;
        let changes = shared.members.lock().take(BATCH_CHANGES);
        let batch = shared.traffic.take_batch();
        if changes.is_empty() && batch.is_empty() {
            shared.closing.report();
            let woken = async {
                tokio::select! {
                    biased;
                    () = shared.emitted.notified() => {}
                    () = shared.to_publish.notified() => {}
                }
            };
            tokio::select! {
                biased;
                why = self.connection.broken() => return Err(why.into()),
                () = woken => {
                    if !shared.settings.linger.is_zero() && !shared.closing.has_begun() {
                        sleep(shared.settings.linger).await;
                    }
                }
                why = &mut self.replaced => return Err(why.into()),
                _ = self.giving_up.changed() => self.giving_up.mark_changed(),
                () = sleep_until(until) => {}
            }
            return self.free();
        }
        match self.write(changes, &batch).await {
            Ok(Outcome::Taken) => self.free(),
            Ok(Outcome::Elsewhere) => Ok(Event::Elsewhere),
            Ok(Outcome::NotNow) => Ok(Event::NotNow),
            Ok(Outcome::WrongServer(words)) => Err(self.wrong_server(&words).into()),
            Err(why) => {
                shared.observed.lose_in_flight(shared.traffic.lose_batch());
                shared.announce();
                Err(End { why, in_flight: true })
            }
        }
    }

    /// Writes changes and publishes, and handles the answers. An error where there are none.
    async fn write(&mut self, changes: Vec<Change>, batch: &[Outgoing]) -> Result<Outcome, AdapterError> {
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
        let replies = match self.connection.commands.send_packed_commands(&pipe, 0, pipe.len()).await {
            Ok(replies) => replies,
            Err(error) => {
                // This is never the answer to a single command: those are among the replies.
                let why = AdapterError::Unavailable(Cause::new(error.to_string(), error));
                let mut members = self.shared.members.lock();
                // Each is put to the front of the queue, so the last one first.
                for change in changes.into_iter().rev() {
                    members.finish(change, Err(why.clone()));
                }
                return Err(why);
            }
        };

        let outcome = self.take_replies(changes, batch, replies);
        self.shared.closing.report();
        Ok(outcome)
    }

    /// Handles Redis' answers to a write. Returns what became of the publishes.
    fn take_replies(&self, changes: Vec<Change>, batch: &[Outgoing], replies: Vec<Value>) -> Outcome {
        let mut replies = replies.into_iter().map(refusal);
        let wrong_server = self.take_changes(changes, &mut replies);
        if batch.is_empty() {
            return wrong_server.unwrap_or(Outcome::Taken);
        }
        let Shared { observed, .. } = self.shared;
        let Sorted { taken, again, rejected } = sort(batch, replies);
        let outcome = match again.last() {
            None => Outcome::Taken,
            Some((_, why)) => Outcome::of(why),
        };
        let redirected = again.iter().filter(|(_, why)| meaning(why) == Meaning::Elsewhere).count() as u64;
        let refused = rejected.last().or(again.last()).map(|(_, why)| why.clone());
        let traffic = &self.shared.traffic;
        rejected.iter().chain(&again).for_each(|(outgoing, _)| traffic.rejected(outgoing));
        traffic.put_back(again.iter().map(|(outgoing, _)| outgoing.item.clone()).collect());
        // Before `settle`, so that a task that waits for the batch finds it counted.
        observed.published.add(taken);
        self.shared.mastership.lock().took(taken);
        traffic.settle();
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
        wrong_server.unwrap_or(outcome)
    }

    /// The same for changes of rooms, where the server takes none because it is the wrong one.
    fn take_changes(
        &self,
        changes: Vec<Change>,
        replies: &mut impl Iterator<Item = Option<AdapterError>>,
    ) -> Option<Outcome> {
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
        // A server that is full still takes removals, so they do not show that it takes writes.
        let all_is_written = added || members.is_written();
        drop(members);
        match refused {
            None if all_is_written => self.shared.wrote(),
            None => {}
            Some(why) if meaning(&why) == Meaning::Refused => self.shared.refused(Part::Writes, &why),
            Some(why) => {
                self.shared.note(&why);
                return Some(Outcome::of(&why)).filter(|outcome| matches!(outcome, Outcome::WrongServer(_)));
            }
        }
        None
    }
}

/// The connection that was to be closed is closed already.
fn is_gone(refused: &AdapterError) -> bool {
    matches!(refused, AdapterError::Backend(words) if words.contains("No such client"))
}

/// The result of a write.
enum Outcome {
    /// Everything was taken, or rejected for good.
    Taken,
    /// Another server of the Redis Cluster has some of the channels.
    Elsewhere,
    /// Some was refused for now.
    NotNow,
    /// The server replied that it is no master.
    WrongServer(Cause),
}

impl Outcome {
    /// By the error of what is to be written again.
    fn of(why: &AdapterError) -> Self {
        match (meaning(why), why) {
            (Meaning::WrongServer, AdapterError::Backend(words)) => Self::WrongServer(words.clone()),
            (Meaning::NotNow, _) => Self::NotNow,
            _ => Self::Elsewhere,
        }
    }
}

/// The pub/sub channel of a channel, written without allocating it first.
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
