//! What many threads do at once: who waits for whom, and that nothing is lost or out of order.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use super::*;

/// What is done on another thread must not wait for anything that this one holds.
fn waits_for_nothing(act: impl FnOnce() + Send) {
    thread::scope(|threads| {
        let (done, is_done) = std::sync::mpsc::channel();
        threads.spawn(move || {
            act();
            done.send(()).expect("it is waited for");
        });
        is_done.recv_timeout(Duration::from_secs(20)).expect("it waits for a lock");
    });
}

#[test]
fn an_emit_waits_for_no_join_leave_or_subscription_of_another_room() {
    let traffic = traffic();
    for channel in ["a", "b"] {
        drop(traffic.want(channel, nobody()));
        drop(traffic.take_changes(1));
        traffic.subscribed(0, channel);
    }
    let other = traffic.channels.pin().get("b").cloned().expect("it is wanted");
    // Everything that a join, a leave, a subscription of another room and its confirmation ever hold, and for as long as can be.
    let order = traffic.order.lock();
    let state = other.state.lock();
    let listed = traffic.listed.lock();
    waits_for_nothing(|| {
        traffic.publish("a", Bytes::from_static(b"x"), open).expect("there is room");
        assert!(matches!(traffic.received(0, "a", b"another node's"), Received::Other(_)));
    });
    drop((order, state, listed));
    // And the other way round, all that emits to a room hold.
    let state = other.state.lock();
    let queue = traffic.queue.lock();
    waits_for_nothing(|| {
        drop(traffic.unwant("a"));
        assert!(traffic.want("a", nobody()).confirmation.is_none(), "it is still subscribed");
        assert!(traffic.want("c", nobody()).confirmation.is_some());
    });
    drop((state, queue));
}

/// Emits to a channel that is on hold would keep the publisher looking, while everything that takes `order` waits for it.
#[test]
fn a_batch_does_not_look_at_what_is_queued_after_it_has_begun() {
    let traffic = traffic();
    drop(traffic.want("held", nobody()));
    drop(traffic.take_changes(1));
    drop(traffic.want("other", nobody()));
    let other = traffic.channels.pin().get("other").cloned().expect("it is wanted");
    let publish = |channel| traffic.publish(channel, Bytes::from_static(b"x"), open).expect("there is room");
    for channel in ["held", "other"] {
        publish(channel);
    }
    let state = other.state.lock();
    let batch = thread::scope(|threads| {
        let batch = threads.spawn(|| traffic.take_batch());
        while traffic.queue.lock().len() > 0 {
            assert!(!batch.is_finished(), "it has to look at the other channel");
            thread::yield_now();
        }
        for _ in 0..10 {
            publish("held");
        }
        publish("other");
        drop(state);
        batch.join().expect("it takes a batch")
    });
    assert_eq!((batch.len(), traffic.queue.lock().ready()), (1, 11));
}

/// A Redis that serves its connections at any moment and breaks one of them, and what the threads of the next test share.
#[derive(Default)]
struct Redis {
    /// The epoch of the subscribing connection: how many were broken.
    epoch: u64,
    subscribed: BTreeSet<Arc<str>>,
    /// What was sent on it, and on earlier ones, each with its connection's epoch.
    stream: VecDeque<(u64, Sent)>,
    /// Changes of subscriptions that were sent and are not confirmed.
    unconfirmed: usize,
    /// How many copies of our own were received.
    own_copies: u32,
}

impl Redis {
    fn send(&mut self, sent: Sent) {
        self.stream.push_back((self.epoch, sent));
    }
}

/// Tells the other threads that this one has panicked, so that none of them goes on for ever.
struct TellsOfPanic<'a>(&'a AtomicBool);

impl Drop for TellsOfPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Relaxed);
        }
    }
}

/// The subscribing connection's task. It breaks the connection at any moment until nobody joins or leaves any more, and ends when
/// there is nothing left to change.
fn subscribe_and_break(traffic: &Traffic, redis: &Mutex<Redis>, joined: &AtomicBool, failed: &AtomicBool) {
    let _tells = TellsOfPanic(failed);
    let (mut dice, mut doing) = (Dice(1), Doing::Nothing);
    while !failed.load(Relaxed) {
        let last = joined.load(Relaxed);
        if !last && dice.roll(20) == 0 {
            // What it has sent may still be received.
            {
                let mut redis = redis.lock();
                redis.epoch += 1;
                redis.subscribed.clear();
                redis.unconfirmed = 0;
            }
            traffic.disconnected(&gone());
            doing = Doing::Nothing;
        }
        doing = match doing {
            Doing::Nothing => {
                let changes = traffic.take_changes(2);
                if last && changes.subscribe.is_empty() && changes.unsubscribe.is_empty() {
                    return;
                }
                Doing::Waiting(changes)
            }
            Doing::Waiting(changes) if traffic.is_settled(changes.barrier) => {
                let mut redis = redis.lock();
                redis.unconfirmed = changes.subscribe.len() + changes.unsubscribe.len();
                for name in changes.subscribe {
                    redis.subscribed.insert(name.clone());
                    redis.send(Sent::Subscribed(name));
                }
                for name in changes.unsubscribe {
                    redis.subscribed.remove(&name);
                    redis.send(Sent::Unsubscribed(name));
                }
                Doing::Sent { left: 0 }
            }
            Doing::Sent { .. } if redis.lock().unconfirmed == 0 => Doing::Nothing,
            other => other,
        };
        thread::yield_now();
    }
}

/// The subscribing connection's own task, which receives. Ends when nobody sends any more and everything is received.
fn receive(traffic: &Traffic, redis: &Mutex<Redis>, done: &AtomicBool, failed: &AtomicBool) {
    let _tells = TellsOfPanic(failed);
    while !failed.load(Relaxed) {
        let last = done.load(Relaxed);
        let Some((epoch, sent)) = redis.lock().stream.pop_front() else {
            if last {
                return;
            }
            thread::yield_now();
            continue;
        };
        let is_change = matches!(sent, Sent::Subscribed(_) | Sent::Unsubscribed(_));
        match sent {
            Sent::Subscribed(name) => traffic.subscribed(epoch, &name),
            Sent::Unsubscribed(name) => assert!(!traffic.unsubscribed(epoch, &name), "it was asked for"),
            Sent::Message { channel, bytes, .. } => match traffic.received(epoch, &channel, &bytes) {
                Received::Other(_) => panic!("our own message was handed on"),
                Received::Own { .. } => redis.lock().own_copies += 1,
                Received::Unwanted => {}
            },
            Sent::Fence => {}
        }
        let mut redis = redis.lock();
        if is_change && redis.epoch == epoch {
            redis.unconfirmed -= 1;
        }
    }
}

/// Rooms are joined, left and emitted to by threads of their own, while the subscribing connection breaks again and again: each room's
/// publishes keep their order, none of them is handed on, and no join is lost.
#[test]
fn what_many_threads_do_at_once_keeps_its_order() {
    // Of each channel at least.
    const EMITS: u32 = 20_000;
    const BREAKS: u64 = 200;
    // Small, so that publishing is stalled at times.
    let traffic = Traffic::new(PublishQueue::new(1 << 30, WhenFull::RefuseNewest), 2000);
    let redis = Mutex::new(Redis::default());
    let [enough, joined, subscribed, failed] = [const { AtomicBool::new(false) }; 4];
    let is_wanted = |channel| has(&traffic, channel, |state| state.wanted.is_some());
    let mut next = CHANNELS.map(|channel| (channel, 0_u32));
    let emitted = thread::scope(|threads| {
        let _tells = TellsOfPanic(&failed);
        let emitting = CHANNELS.map(|channel| {
            threads.spawn(|| {
                let _tells = TellsOfPanic(&failed);
                let mut number = 0_u32;
                while !enough.load(Relaxed) && !failed.load(Relaxed) {
                    for _ in 0..64 {
                        traffic.publish(channel, number.to_be_bytes().to_vec().into(), open).expect("there is room");
                        number += 1;
                    }
                    while traffic.queue.lock().len() > 10_000 && !failed.load(Relaxed) {
                        thread::yield_now();
                    }
                }
                number
            })
        });
        let joining = CHANNELS.map(|channel| {
            threads.spawn(|| {
                let _tells = TellsOfPanic(&failed);
                loop {
                    drop(traffic.want(channel, nobody()));
                    thread::yield_now();
                    assert!(is_wanted(channel), "a join was lost");
                    if enough.load(Relaxed) || failed.load(Relaxed) {
                        break;
                    }
                    drop(traffic.unwant(channel));
                }
            })
        });
        let subscribing = threads.spawn(|| subscribe_and_break(&traffic, &redis, &joined, &failed));
        threads.spawn(|| receive(&traffic, &redis, &subscribed, &failed));
        // The publishing connection and its task.
        while !failed.load(Relaxed) {
            let last = subscribing.is_finished() && emitting.iter().all(|emits| emits.is_finished());
            let batch = traffic.take_batch();
            if last && batch.is_empty() && traffic.waiting().queued == 0 {
                break;
            }
            for outgoing in batch {
                let Item { channel, bytes } = outgoing.item;
                let (_, number) = next.iter_mut().find(|(name, _)| **name == *channel).expect("it was published");
                assert_eq!(*bytes, number.to_be_bytes(), "{channel} in order");
                *number += 1;
                let mut redis = redis.lock();
                if redis.subscribed.contains(&channel) {
                    redis.send(Sent::Message { channel, bytes, own: true });
                }
            }
            traffic.settle();
            let is_enough = next.iter().all(|(_, number)| *number >= EMITS) && redis.lock().epoch >= BREAKS;
            enough.store(is_enough, Relaxed);
            joined.store(joining.iter().all(|joins| joins.is_finished()), Relaxed);
        }
        subscribed.store(true, Relaxed);
        emitting.map(|emits| emits.join().expect("it emits"))
    });
    assert_eq!(next.map(|(_, number)| number), emitted, "everything was written");
    let redis = redis.into_inner();
    assert!(redis.own_copies > 0, "subscriptions were active");
    for channel in CHANNELS {
        assert!(is_wanted(channel), "the last join of {channel} was lost");
        assert!(has(&traffic, channel, |state| matches!(state.phase, Phase::Active { .. })), "{channel}");
        assert!(redis.subscribed.contains(channel), "{channel}");
    }
    assert!(!traffic.awaits_echoes(), "copies are due that never came");
}
