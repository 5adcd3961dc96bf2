//! The task that owns the subscribing connection: it subscribes and unsubscribes, and passes messages on.
//!
//! Messages and confirmations come in one order on one stream, and are handled in that order on the connection's own
//! task: nothing is queued between the socket and the callback. The wanted subscriptions are kept in [`Traffic`], not here,
//! so that a new connection asks for all of them. [`Subscribing`] decides what to do next.
//!
//! [`Traffic`]: super::traffic::Traffic

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bytes::Bytes;
use redis::{ConnectionAddr, PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    answer::{Meaning, command_error, is_answer, meaning, refusal, words},
    connection::{Connection, ask_role},
    part::Part,
    publisher::FENCE,
    shared::{IS_REPLICA, Shared},
    subscribing::{Action, Answers, Event, Subscribing, Verdict},
    timings::PROBE_INTERVAL,
    traffic::Received,
};
use crate::{
    adapter::{AdapterError, Cause, Published, backoff::Backoff},
    wire::envelope,
};

/// The most channels in one `SUBSCRIBE` or `UNSUBSCRIBE`.
const BATCH_CHANNELS: usize = 256;

/// The first byte of a message on the probe channel that checks whether the subscription receives messages.
const PROBE: u8 = b'p';

/// Opens the subscribing connection, and subscribes to the probe channel.
pub(super) async fn open(shared: &Arc<Shared>) -> Result<Connection, AdapterError> {
    let epoch = shared.traffic.epoch();
    let weak = Arc::downgrade(shared);
    let on_push = move |push| {
        // A strong reference would keep the connection's owner alive for ever.
        if let Some(shared) = weak.upgrade() {
            receive(&shared, epoch, push);
        }
    };
    let mut connection = shared.check(Connection::open(&shared.endpoint, on_push).await?)?;
    match connection.commands.subscribe(&shared.probe_key).await {
        Ok(()) => Ok(connection),
        Err(error) if is_answer(&error) => {
            let prefix = &shared.settings.prefix;
            let words = words(&error);
            Err(AdapterError::setting(
                "username",
                format_args!("its ACL must allow SUBSCRIBE on the channels {prefix}*: {words}"),
            ))
        }
        Err(error) => Err(command_error(&error)),
    }
}

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, first: Result<Connection, AdapterError>, mut backoff: Backoff) {
    let mut next = first;
    loop {
        let why = match next {
            Ok(mut connection) => {
                shared.asking.store(0, Relaxed);
                shared.works(Part::Subscribing);
                let desynchronised = shared.desynchronised.notified();
                let mut giving_up = shared.giving_up();
                let commands = connection.commands.clone();
                let server = connection.server.clone();
                tokio::select! {
                    biased;
                    why = connection.broken() => why,
                    why = shared.replaced(&server) => why,
                    why = given_up(&mut giving_up) => why,
                    () = desynchronised => AdapterError::Unavailable("a slot moved away in the middle of a command".into()),
                    why = keep_subscribed(&shared, commands.clone()) => why,
                    why = keep_probing(&shared, commands, &server) => why,
                }
            }
            Err(why) => why,
        };
        shared.down(Part::Subscribing, &why);
        shared.traffic.disconnected(&why);
        // Publishes were on hold, or waited for echoes that will not come.
        shared.to_publish.notify_one();
        shared.announce();
        sleep(backoff.delay(Instant::now())).await;
        next = open(&shared).await;
    }
}

/// Ends when both connections are to be given up.
async fn given_up(news: &mut watch::Receiver<Option<AdapterError>>) -> AdapterError {
    match news.changed().await {
        Ok(()) => news.borrow().clone().unwrap_or(AdapterError::Closed),
        // Its sender is dropped after the connection's task has ended.
        Err(_) => AdapterError::Closed,
    }
}

/// Subscribes and unsubscribes until the connection fails.
async fn keep_subscribed(shared: &Shared, mut commands: MultiplexedConnection) -> AdapterError {
    let (mut subscribing, mut action) = (Subscribing::default(), Action::TakeChanges);
    loop {
        match perform(shared, &mut commands, action).await {
            Ok(event) => action = subscribing.on(event),
            Err(why) => return why,
        }
    }
}

async fn perform(shared: &Shared, commands: &mut MultiplexedConnection, action: Action) -> Result<Event, AdapterError> {
    Ok(match action {
        Action::TakeChanges => Event::Changes(shared.traffic.take_changes(BATCH_CHANNELS)),
        Action::AwaitSettled(barrier) => {
            shared.until(|shared| shared.traffic.is_settled(barrier)).await;
            Event::Settled
        }
        Action::Subscribe(names) => {
            subscribe(shared, commands, &names).await?;
            Event::Subscribed
        }
        Action::Unsubscribe(names) => {
            unsubscribe(shared, commands, &names).await?;
            Event::Unsubscribed
        }
        Action::MarkReady => {
            shared.asking.fetch_add(1, Relaxed);
            let subscribed = commands.subscribe(shared.settings.presence_key()).await;
            shared.asking.fetch_sub(1, Relaxed);
            match subscribed {
                Err(error) if !is_answer(&error) => return Err(command_error(&error)),
                _ => Event::MarkedReady,
            }
        }
        Action::Wait => {
            shared.to_subscribe.notified().await;
            Event::Woken
        }
    })
}

/// Subscribes. A channel that Redis refuses is reported, and the others are subscribed to nevertheless.
async fn subscribe(
    shared: &Shared,
    commands: &mut MultiplexedConnection,
    names: &[Arc<str>],
) -> Result<(), AdapterError> {
    if shared.settings.is_cluster() {
        return subscribe_sharded(shared, commands, names).await;
    }
    let keys: Vec<String> = names.iter().map(|name| shared.settings.channel_key(name)).collect();
    match commands.subscribe(&keys).await {
        Ok(()) => return Ok(()),
        Err(error) if !is_answer(&error) => return Err(command_error(&error)),
        // Redis refuses all of them because of a single one that is not allowed.
        Err(_) => {}
    }
    for (name, key) in names.iter().zip(&keys) {
        match commands.subscribe(key).await {
            Ok(()) => {}
            Err(error) if is_answer(&error) => {
                refuse(shared, name, &command_error(&error));
            }
            Err(error) => return Err(command_error(&error)),
        }
    }
    Ok(())
}

/// The same for a cluster's channels: a command for each, because they are in different slots. Each is confirmed by a push.
async fn subscribe_sharded(
    shared: &Shared,
    commands: &mut MultiplexedConnection,
    names: &[Arc<str>],
) -> Result<(), AdapterError> {
    for (name, reply) in names.iter().zip(sharded(shared, commands, "SSUBSCRIBE", names).await?) {
        if let Some(why) = refusal(reply) {
            refuse(shared, name, &why);
            // Mostly because another server has got the slot.
            shared.reroute.notify_one();
        }
    }
    Ok(())
}

/// Redis has refused a subscription, for now or for good.
fn refuse(shared: &Shared, name: &Arc<str>, why: &AdapterError) {
    shared.traffic.refused(name, why);
    shared.to_publish.notify_one();
    if meaning(why) != Meaning::Elsewhere {
        shared.refused(Part::Subscriptions, why);
    }
}

async fn unsubscribe(
    shared: &Shared,
    commands: &mut MultiplexedConnection,
    names: &[Arc<str>],
) -> Result<(), AdapterError> {
    if !shared.settings.is_cluster() {
        let keys: Vec<String> = names.iter().map(|name| shared.settings.channel_key(name)).collect();
        return commands.unsubscribe(keys).await.map_err(|error| command_error(&error));
    }
    for (name, reply) in names.iter().zip(sharded(shared, commands, "SUNSUBSCRIBE", names).await?) {
        if let Value::ServerError(_) = reply {
            // Another server has the slot: this one has ended the subscription.
            shared.traffic.unsubscribed(shared.traffic.epoch(), name);
            shared.to_subscribe.notify_one();
        }
    }
    Ok(())
}

async fn sharded(
    shared: &Shared,
    commands: &mut MultiplexedConnection,
    command: &str,
    names: &[Arc<str>],
) -> Result<Vec<Value>, AdapterError> {
    let mut pipe = redis::Pipeline::with_capacity(names.len());
    for name in names {
        pipe.cmd(command).arg(shared.settings.channel_key(name));
    }
    shared.asking.fetch_add(1, Relaxed);
    let replies = commands.send_packed_commands(&pipe, 0, pipe.len()).await;
    shared.asking.fetch_sub(1, Relaxed);
    replies.map_err(|error| AdapterError::Unavailable(Cause::new(error.to_string(), error)))
}

/// Publishes probes. Ends when one is not received, or when the server is not the master any more.
async fn keep_probing(shared: &Shared, mut commands: MultiplexedConnection, server: &ConnectionAddr) -> AdapterError {
    loop {
        sleep(PROBE_INTERVAL).await;
        let (refused, retry) = {
            let refused = shared.traffic.has_refused();
            (refused, shared.traffic.retry_refused())
        };
        if !refused {
            shared.works(Part::Subscriptions);
        }
        if retry {
            shared.to_subscribe.notify_one();
        }
        let probe = shared.next_probe();
        shared.asking.fetch_add(1, Relaxed);
        let answers = Answers {
            probe: mark(shared, &mut commands, probe).await,
            ready: shared.count_ready(&mut commands).await,
            role: ask_role(&mut commands).await,
        };
        shared.asking.fetch_sub(1, Relaxed);
        // During an outage the number from before it is kept: queued publishes wait for as many nodes.
        if let Some(ready) = answers.ready().filter(|_| shared.publishes.load(Relaxed)) {
            shared.ready_nodes.store(ready, Relaxed);
        }
        match answers.verdict() {
            Verdict::AwaitProbe => shared.works(Part::Probe),
            Verdict::Refused(why) => {
                shared.refused(Part::Probe, &why);
                continue;
            }
            Verdict::WrongServer => return shared.give_up(shared.is_no_master(server, IS_REPLICA)),
            Verdict::Broken(why) => return why,
        }
        if !shared.arrives(|shared| shared.received_probe() >= probe).await {
            shared.observed.probe_timeouts.add(1);
            return AdapterError::Unavailable("the subscription does not receive this node's own probe".into());
        }
    }
}

/// Publishes a probe, on the publishing connection if that is up: this finds out if the two connections lead to different servers.
async fn mark(shared: &Shared, own: &mut MultiplexedConnection, probe: u64) -> Result<(), AdapterError> {
    let publishing = shared.commands.lock().clone();
    if let Some(mut publishing) = publishing {
        match shared.mark(&mut publishing, PROBE, probe).await {
            // The publisher finds that out itself.
            Err(error) if meaning(&error) == Meaning::Unanswered => {}
            answered => return answered,
        }
    }
    shared.mark(own, PROBE, probe).await
}

/// Handles a push of Redis.
fn receive(shared: &Shared, epoch: u64, push: PushInfo) {
    let mut data = push.data.into_iter();
    let Some(Value::BulkString(key)) = data.next() else { return };
    let Ok(key) = String::from_utf8(key) else { return };
    let Some(channel) = shared.settings.channel_of(&key) else {
        if push.kind == PushKind::Message && key == shared.probe_key {
            receive_mark(shared, data.next());
        }
        return;
    };
    match push.kind {
        PushKind::Message | PushKind::SMessage => {
            if let Some(Value::BulkString(bytes)) = data.next() {
                deliver(shared, epoch, channel, bytes.into());
            }
        }
        PushKind::Subscribe | PushKind::SSubscribe | PushKind::Unsubscribe | PushKind::SUnsubscribe => {
            if matches!(push.kind, PushKind::Subscribe | PushKind::SSubscribe) {
                shared.traffic.subscribed(epoch, channel);
            } else if shared.traffic.unsubscribed(epoch, channel) {
                shared.reroute.notify_one();
                // The client library takes this push for the reply to a command that is under way, and from then on each
                // reply for that of the command after it. Only a new connection repairs that.
                if shared.asking.load(Relaxed) > 0 {
                    shared.desynchronised.notify_waiters();
                }
            }
            shared.to_publish.notify_one();
            shared.to_subscribe.notify_one();
        }
        _ => {}
    }
}

fn deliver(shared: &Shared, epoch: u64, channel: &str, bytes: Bytes) {
    match shared.traffic.received(epoch, channel, &bytes) {
        Received::Unwanted => {}
        Received::Own { go_on } => {
            if go_on {
                shared.to_publish.notify_one();
            }
            shared.observed.own_copies.add(1);
        }
        Received::Other(callback) => match envelope::decode(&bytes) {
            Ok(envelope) => {
                shared.observed.received.add(1);
                // Without the lock, because the callback may publish.
                callback(Published::new(channel, envelope.message, envelope.exclude));
            }
            Err(error) => {
                shared.observed.unreadable.add(1);
                tracing::debug!(target: "painda::redis", channel, %error, "unreadable message");
            }
        },
    }
}

fn receive_mark(shared: &Shared, mark: Option<Value>) {
    let Some(Value::BulkString(mark)) = mark else { return };
    let Some((kind, number)) = mark.split_first() else { return };
    let Ok(number) = number.try_into().map(u64::from_be_bytes) else { return };
    match *kind {
        PROBE => shared.receive_probe(number),
        FENCE => shared.receive_fence(number),
        _ => {}
    }
}
