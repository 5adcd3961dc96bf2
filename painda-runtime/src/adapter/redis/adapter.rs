//! The adapter as callers see it: each operation notes what is wanted, wakes the task whose work it is, and waits for its answer.

use std::{collections::HashSet, fmt, future::ready, sync::Arc};

use parking_lot::Mutex;
use redis::cmd;
use tokio::{
    runtime::Handle,
    sync::{broadcast, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

#[cfg(feature = "metrics")]
use super::gauges;
use super::{
    builder::RedisBuilder,
    cluster, lease,
    part::Part,
    router::{Lanes, RoomChange, Router},
    settings::Settings,
    shutdown,
    stats::{RedisEvent, RedisStats},
    timings::CONFIRM_TIMEOUT,
    traffic::NotQueued,
};
use crate::{
    Message,
    adapter::{AdapterError, BoxFuture, Callback, Health, PPAdapter},
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
/// Once connected it goes through outages by itself: see [`health`](Self::health) and [`stats`](Self::stats).
/// [`close`](PPAdapter::close) it to send what is queued; merely dropped, it lets go of everything at once, and leaves its
/// members in their rooms.
pub struct RedisAdapter {
    router: Arc<Router>,
    runtime: Handle,
    tasks: Mutex<Tasks>,
}

/// What runs besides the lanes' own tasks; none after a close.
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

    /// What happens from now on, as it happens. A receiver that does not read misses the oldest of more than 256, and is
    /// told how many.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<RedisEvent> {
        self.router.observed.events()
    }

    /// Whether the cluster can be reached now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.router.observed.health().borrow().clone()
    }

    /// The same, for whoever waits for it to change. Another reason is a change, another attempt for the same reason is none.
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
            let lane = router.connect(server, true).await?;
            router.begin(Lanes { all: vec![lane], slots: Vec::new() });
            Vec::new()
        } else {
            cluster::start(&router, &seeds).await?
        };
        let taken = lease::take(&router).await?;
        if router.settings.is_cluster() {
            tasks.slots.spawn(cluster::run(router.clone(), seeds, servers));
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

    /// A SET's members, corrected by what this node had asked for before.
    fn members(&self, key: String) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        let own = self.router.with(&key, |shared| shared.members.lock().wishes(&key));
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
        self.router.with_channel(channel, |shared| -> BoxFuture<Result<(), AdapterError>> {
            if shared.closing.has_begun() {
                return Box::pin(ready(Err(AdapterError::Closed)));
            }
            let confirmation = shared.traffic.want(channel, callback);
            let Some(confirmation) = confirmation else { return Box::pin(ready(Ok(()))) };
            shared.to_subscribe.notify_one();
            Box::pin(confirmed(shared.why(Part::Subscribing), confirmation))
        })
    }

    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.router.with_channel(channel, |shared| {
            shared.traffic.unwant(channel);
            shared.to_subscribe.notify_one();
        });
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

    /// Goes on for up to 2 seconds: sends what is queued, and takes this node's members out of their rooms. An error says what was
    /// left then; of the members, the other nodes see to the rest when this node's lease has ended.
    fn close(&self) -> BoxFuture<Result<(), AdapterError>> {
        if self.router.begin_close() {
            let Tasks { lease, slots } = std::mem::take(&mut *self.tasks.lock());
            self.runtime.spawn(shutdown::run(self.router.clone(), lease, slots));
        }
        let router = self.router.clone();
        Box::pin(async move { router.closing.over().await })
    }

    fn health(&self) -> Health {
        RedisAdapter::health(self)
    }
}

impl Drop for RedisAdapter {
    fn drop(&mut self) {
        // A close ends by itself, whether somebody waits for it or not.
        if !self.router.closing.has_begun() {
            self.router.drop_lanes();
        }
    }
}

impl fmt::Debug for RedisAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisAdapter").field("server", self.router.settings.server.label()).finish_non_exhaustive()
    }
}

/// Waits for Redis' confirmation, but not for Redis' return.
async fn confirmed(
    down: Option<AdapterError>,
    confirmation: oneshot::Receiver<Result<(), AdapterError>>,
) -> Result<(), AdapterError> {
    match down {
        None => {}
        // What is refused for now is done later, as if Redis could not be reached.
        Some(AdapterError::Backend(why) | AdapterError::Config(why)) => return Err(AdapterError::Unavailable(why)),
        Some(why) => return Err(why),
    }
    match timeout(CONFIRM_TIMEOUT, confirmation).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(AdapterError::Unavailable("overtaken by a later call, or by the close".into())),
        Err(_) => Err(AdapterError::Unavailable(format!("no answer within {CONFIRM_TIMEOUT:?}").into())),
    }
}
