//! The adapter as callers see it. Each operation records what is wanted, wakes the task that carries it out, and waits for the answer.

use std::{collections::HashSet, fmt, future::ready, sync::Arc};

use parking_lot::Mutex;
use redis::cmd;
use tokio::{
    runtime::Handle,
    sync::{broadcast, watch},
    task::JoinSet,
    time::timeout,
};

#[cfg(feature = "metrics")]
use super::gauges;
use super::{
    builder::RedisBuilder,
    lease,
    part::Part,
    router::{Links, OnFailure, RoomChange, Router},
    settings::Settings,
    shutdown,
    stats::{RedisEvent, RedisStats},
    timings::CONFIRM_TIMEOUT,
    topology,
    traffic::{NotQueued, Wanted},
};
use crate::{
    Message,
    adapter::{AdapterError, BoxFuture, Callback, Health, PPAdapter, waiters::Confirmation},
    wire::envelope,
};

/// The adapter for clusters that have a Redis (6 or newer) or a Valkey.
///
/// ```no_run
/// # async fn example() -> Result<(), painda_runtime::adapter::AdapterError> {
/// use painda_runtime::RedisAdapter;
///
/// let adapter = RedisAdapter::connect("redis://localhost:6379").await?;
/// # Ok(()) }
/// ```
///
/// Once connected it reconnects after every outage: see [`health`](Self::health) and [`stats`](Self::stats).
/// [`close`](PPAdapter::close) it to send what is queued. If it is dropped without that, queued publishes are lost, and its
/// members stay in their rooms until the other nodes remove them.
pub struct RedisAdapter {
    router: Arc<Router>,
    runtime: Handle,
    tasks: Mutex<Tasks>,
}

/// The tasks besides those of the links. Empty once the close has begun.
#[derive(Default)]
struct Tasks {
    lease: JoinSet<()>,
    /// Follows the slots of a cluster.
    slots: JoinSet<()>,
}

impl RedisAdapter {
    /// The settings, all with defaults.
    #[must_use]
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        self.router.stats()
    }

    /// The events from now on. A receiver that does not read keeps the latest 256, and learns how many it has missed.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<RedisEvent> {
        self.router.observed.events()
    }

    /// Whether the cluster can be reached now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.router.observed.health().borrow().clone()
    }

    /// The same, to wait for changes. A different reason is a change; another failed attempt for the same reason is not.
    #[must_use]
    pub fn health_changes(&self) -> watch::Receiver<Health> {
        self.router.observed.health()
    }

    /// Connects, and takes a lease.
    pub(super) async fn start(settings: Settings) -> Result<Self, AdapterError> {
        let (server, seeds) = (settings.server.clone(), settings.seeds.clone());
        let router = Arc::new(Router::new(settings)?);
        let mut tasks = Tasks::default();
        let servers = if seeds.is_empty() {
            let link = router.connect(server, OnFailure::Return).await?;
            router.begin(Links { all: vec![link], slots: Vec::new() });
            Vec::new()
        } else {
            topology::start(&router, &seeds).await?
        };
        let taken = lease::take(&router).await?;
        if router.settings.is_cluster() {
            tasks.slots.spawn(topology::run(router.clone(), seeds, servers));
        }
        tasks.lease.spawn(lease::run(router.clone(), taken));
        #[cfg(feature = "metrics")]
        tokio::spawn(gauges::run(Arc::downgrade(&router)));
        Ok(Self { router, runtime: Handle::current(), tasks: Mutex::new(tasks) })
    }

    fn change_room(&self, room: &str, client: &str, inside: bool) -> BoxFuture<Result<(), AdapterError>> {
        let Some(change) = self.router.change_room(room, client, inside) else {
            return Box::pin(ready(Err(AdapterError::Closed)));
        };
        let RoomChange { down, written: [in_client, in_room] } = change;
        Box::pin(async move {
            confirmed(down.clone(), in_client).await?;
            confirmed(down, in_room).await
        })
    }

    /// A SET's members. Changes of this node that Redis may not have taken yet are applied to the answer, so that a caller sees its
    /// own earlier calls.
    fn members(&self, key: String) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        let own = self.router.with(&key, |shared| shared.members.lock().local_members(&key));
        let router = self.router.clone();
        Box::pin(async move {
            let mut members: HashSet<String> = router.ask(&key, cmd("SMEMBERS").arg(&key)).await?;
            own.correct(&mut members);
            Ok(members)
        })
    }
}

impl PPAdapter for RedisAdapter {
    fn publish(&self, channel: &str, message: &Message, exclude: Option<&str>) -> Result<(), AdapterError> {
        let bytes = envelope::encode(message, exclude)?;
        self.router.with_channel(channel, |shared| {
            match shared.traffic.publish(channel, bytes, || shared.closing.has_begun()) {
                Ok(dropped) => {
                    shared.observed.dropped.add(dropped);
                    shared.emitted.notify_one();
                    Ok(())
                }
                Err(NotQueued::Closed) => Err(AdapterError::Closed),
                Err(NotQueued::Full) => {
                    shared.observed.refused.add(1);
                    Err(AdapterError::QueueFull { limit: shared.settings.queue_bytes })
                }
            }
        })
    }

    fn subscribe(&self, channel: &str, callback: Callback) -> BoxFuture<Result<(), AdapterError>> {
        if self.router.closing.has_begun() {
            return Box::pin(ready(Err(AdapterError::Closed)));
        }
        let (replaced, waiting) = self.router.with_channel(channel, |shared| {
            let Wanted { confirmation, replaced } = shared.traffic.want(channel, callback);
            let waiting = confirmation.map(|confirmation| {
                shared.to_subscribe.notify_one();
                confirmed(shared.why(Part::Subscribing), confirmation)
            });
            (replaced, waiting)
        });
        drop(replaced);
        match waiting {
            None => Box::pin(ready(Ok(()))),
            Some(waiting) => Box::pin(waiting),
        }
    }

    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>> {
        let unwanted = self.router.with_channel(channel, |shared| {
            let unwanted = shared.traffic.unwant(channel);
            shared.to_subscribe.notify_one();
            unwanted
        });
        drop(unwanted);
        Box::pin(ready(Ok(())))
    }

    fn add_to_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.change_room(room, client_id, true)
    }

    fn remove_from_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.change_room(room, client_id, false)
    }

    fn get_clients_in_room(&self, room: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        self.members(self.router.settings.room_key(room))
    }

    fn get_client_rooms(&self, client_id: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        self.members(self.router.settings.client_key(client_id))
    }

    /// Takes up to 2 seconds: sends what is queued, and removes this node's members from their rooms. The error says what was
    /// left by then. Members that were left are removed by the other nodes once this node's lease has ended.
    fn close(&self) -> BoxFuture<Result<(), AdapterError>> {
        if self.router.begin_close() {
            let Tasks { lease, slots } = std::mem::take(&mut *self.tasks.lock());
            self.runtime.spawn(shutdown::run(self.router.clone(), lease, slots));
        }
        let router = self.router.clone();
        Box::pin(async move { router.closing.finished().await })
    }

    fn health(&self) -> Health {
        RedisAdapter::health(self)
    }
}

impl Drop for RedisAdapter {
    fn drop(&mut self) {
        // A close that has begun runs as a task of its own and ends the links itself.
        if !self.router.closing.has_begun() {
            self.router.drop_links();
        }
    }
}

impl fmt::Debug for RedisAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisAdapter").field("server", self.router.settings.server.label()).finish_non_exhaustive()
    }
}

/// Waits for Redis' confirmation. While Redis is down it fails at once: the change is kept and written later.
async fn confirmed(down: Option<AdapterError>, confirmation: Confirmation) -> Result<(), AdapterError> {
    match down {
        None => {}
        // A refusal that will pass: the change is kept and written later, as when Redis can't be reached.
        Some(AdapterError::Backend(why)) => return Err(AdapterError::Unavailable(why)),
        Some(AdapterError::Config { setting, why }) => {
            return Err(AdapterError::Unavailable(format!("{setting}: {why}").into()));
        }
        Some(why) => return Err(why),
    }
    match timeout(CONFIRM_TIMEOUT, confirmation).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(AdapterError::Unavailable("replaced by a later call, or ended by the close".into())),
        Err(_) => Err(AdapterError::Unavailable(format!("no answer within {CONFIRM_TIMEOUT:?}").into())),
    }
}
