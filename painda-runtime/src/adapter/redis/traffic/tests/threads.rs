//! What many threads do at once: who waits for whom, and that nothing is lost or out of order.

use std::{
    collections::{BTreeSet, HashMap},
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

/// A Redis that serves both connections at any moment, while rooms are joined, left and emitted to by threads of their own: each
/// room's publishes keep their order, and none of them is handed on.
#[test]
fn what_many_threads_do_at_once_keeps_its_order() {
    const EMITS: u32 = 20_000;
    #[derive(Default)]
    struct Redis {
        subscribed: BTreeSet<Arc<str>>,
        stream: VecDeque<Sent>,
    }
    /// Ends what waits for it, be it by a panic.
    struct Ends<'a>(&'a AtomicBool);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    // Small, so that publishing is stalled at times.
    let traffic = Traffic::new(PublishQueue::new(1 << 30, WhenFull::RefuseNewest), 2000);
    let redis = Mutex::new(Redis::default());
    let ended = AtomicBool::new(false);
    thread::scope(|threads| {
        let _ends = Ends(&ended);
        for channel in CHANNELS {
            let (traffic, ended) = (&traffic, &ended);
            threads.spawn(move || {
                for number in 0..EMITS {
                    traffic.publish(channel, number.to_be_bytes().to_vec().into(), open).expect("there is room");
                    if number % 64 == 0 {
                        thread::yield_now();
                    }
                }
            });
            threads.spawn(move || {
                while !ended.load(Relaxed) {
                    drop(traffic.want(channel, nobody()));
                    thread::yield_now();
                    drop(traffic.unwant(channel));
                }
            });
        }
        // The subscribing connection and its task.
        threads.spawn(|| {
            let mut doing = Doing::Nothing;
            let _ends = Ends(&ended);
            while !ended.load(Relaxed) {
                doing = match doing {
                    Doing::Nothing => Doing::Waiting(traffic.take_changes(2)),
                    Doing::Waiting(changes) if traffic.is_settled(changes.barrier) => {
                        let mut redis = redis.lock();
                        for name in changes.subscribe {
                            redis.subscribed.insert(name.clone());
                            redis.stream.push_back(Sent::Subscribed(name));
                        }
                        for name in changes.unsubscribe {
                            redis.subscribed.remove(&name);
                            redis.stream.push_back(Sent::Unsubscribed(name));
                        }
                        Doing::Sent { left: redis.stream.len() }
                    }
                    Doing::Sent { left: 0 } => Doing::Nothing,
                    other => other,
                };
                let Some(sent) = redis.lock().stream.pop_front() else { continue };
                if let Doing::Sent { left } = &mut doing {
                    *left = left.saturating_sub(1);
                }
                match sent {
                    Sent::Subscribed(name) => traffic.subscribed(0, &name),
                    Sent::Unsubscribed(name) => _ = traffic.unsubscribed(0, &name),
                    Sent::Message { channel, bytes, .. } => {
                        let received = traffic.received(0, &channel, &bytes);
                        assert!(!matches!(received, Received::Other(_)), "our own message was handed on");
                    }
                    Sent::Fence => {}
                }
            }
        });
        // The publishing connection and its task.
        let mut next = HashMap::from(CHANNELS.map(|channel| (channel, 0)));
        while next.values().any(|number| *number < EMITS) && !ended.load(Relaxed) {
            for outgoing in traffic.take_batch() {
                let Item { channel, bytes } = outgoing.item;
                let number = next.get_mut(&*channel).expect("it was published");
                assert_eq!(*bytes, number.to_be_bytes(), "{channel} in order");
                *number += 1;
                let mut redis = redis.lock();
                if redis.subscribed.contains(&channel) {
                    redis.stream.push_back(Sent::Message { channel, bytes, own: true });
                }
            }
            traffic.settle();
        }
        assert!(!ended.load(Relaxed), "the subscriber's task goes on");
    });
}
