//! Single cases, and what the others share.

mod simulation;
mod threads;

use std::sync::{Weak, atomic::Ordering::Relaxed};

use bytes::Bytes;

use super::*;
use crate::adapter::AdapterError;

const CHANNELS: [&str; 3] = ["a", "b", "c"];

fn traffic() -> Traffic {
    Traffic::new(PublishQueue::new(1 << 20, WhenFull::RefuseNewest), 1 << 20)
}

/// The node does not close.
fn open() -> bool {
    false
}

fn nobody() -> Callback {
    Arc::new(|_| {})
}

fn gone() -> AdapterError {
    AdapterError::Unavailable("gone".into())
}

/// Is there such a channel, of which this is true?
fn has(traffic: &Traffic, channel: &str, is: impl FnOnce(&State) -> bool) -> bool {
    traffic.channels.pin().get(channel).is_some_and(|channel| is(&channel.state.lock()))
}

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What Redis sends on the subscribing connection.
enum Sent {
    Message { channel: Arc<str>, bytes: Bytes, own: bool },
    Subscribed(Arc<str>),
    Unsubscribed(Arc<str>),
    Fence,
}

enum Doing {
    Nothing,
    Waiting(SubscriptionChanges),
    Sent { left: usize },
}

#[test]
fn a_publish_waits_for_the_subscription_and_keeps_its_place() {
    let traffic = traffic();
    drop(traffic.want("a", nobody()));
    assert_eq!(traffic.take_changes(10).subscribe.len(), 1);
    for number in 1..=2 {
        traffic.publish("a", vec![number].into(), open).expect("there is room");
    }
    assert!(traffic.take_batch().is_empty(), "asking: it is not known whether a copy will come");
    traffic.subscribed(0, "a");
    traffic.publish("a", vec![3].into(), open).expect("there is room");
    let order: Vec<u8> = traffic.take_batch().iter().map(|outgoing| outgoing.item.bytes[0]).collect();
    assert_eq!(order, [1, 2, 3]);
}

#[test]
fn a_subscription_waits_for_what_was_written_before() {
    let traffic = traffic();
    traffic.publish("a", Bytes::from_static(b"x"), open).expect("there is room");
    assert_eq!(traffic.take_batch().len(), 1);
    drop(traffic.want("a", nobody()));
    let changes = traffic.take_changes(10);
    assert!(!traffic.is_settled(changes.barrier));
    traffic.settle();
    assert!(traffic.is_settled(changes.barrier));
}

#[test]
fn what_a_connection_says_that_was_given_up_does_not_count() {
    let traffic = traffic();
    drop(traffic.want("a", nobody()));
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    traffic.disconnected(&gone());
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    assert!(has(&traffic, "a", |state| matches!(state.phase, Phase::Asking)));
    traffic.subscribed(1, "a");
    traffic.publish("a", Bytes::from_static(b"x"), open).expect("there is room");
    assert_eq!(traffic.take_batch().len(), 1);
    for bytes in [b"x", b"y"] {
        assert!(matches!(traffic.received(0, "a", bytes), Received::Unwanted));
    }
    assert!(!traffic.unsubscribed(0, "a"));
    traffic.forget_echoes(0);
    assert!(matches!(traffic.received(1, "a", b"x"), Received::Own { .. }));
}

#[test]
fn a_publish_that_redis_refuses_leaves_no_copy_due() {
    let traffic = traffic();
    drop(traffic.want("a", nobody()));
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    traffic.publish("a", Bytes::from_static(b"x"), open).expect("there is room");
    let batch = traffic.take_batch();
    traffic.rejected(&batch[0]);
    traffic.settle();
    assert!(matches!(traffic.received(0, "a", b"x"), Received::Other(_)), "an equal message of another node");
}

#[test]
fn a_refused_subscription_tells_the_caller_and_is_tried_again() {
    let traffic = traffic();
    let mut confirmation = traffic.want("a", nobody()).confirmation.expect("not subscribed yet");
    let name = traffic.take_changes(10).subscribe.remove(0);
    traffic.refused(&name, &AdapterError::Backend("NOPERM".into()));
    assert!(matches!(confirmation.try_recv(), Ok(Err(AdapterError::Backend(_)))));
    assert!(traffic.take_changes(10).subscribe.is_empty());
    assert!(traffic.retry_refused());
    assert_eq!(traffic.take_changes(10).subscribe.len(), 1);
}

#[test]
fn copies_that_are_due_are_bounded() {
    let traffic = Traffic::new(PublishQueue::new(1 << 20, WhenFull::RefuseNewest), 200);
    drop(traffic.want("a", nobody()));
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    for number in 0..10 {
        traffic.publish("a", vec![number; 40].into(), open).expect("there is room");
    }
    assert_eq!(traffic.take_batch().len(), 2);
    traffic.settle();
    assert!(traffic.is_stalled() && traffic.take_batch().is_empty());
    assert!(matches!(traffic.received(0, "a", &[0; 40]), Received::Own { .. }));
    assert_eq!(traffic.take_batch().len(), 1);
}

/// Looking through all of them for each would take minutes.
#[test]
fn many_waiters_for_one_channel_cost_no_more_each_than_one() {
    let traffic = traffic();
    let mut waiting: Vec<_> = (0..100_000).filter_map(|_| traffic.want("a", nobody()).confirmation).collect();
    assert_eq!(waiting.len(), 100_000);
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    assert!(waiting.iter_mut().all(|confirmation| confirmation.try_recv() == Ok(Ok(()))));
}

#[test]
fn after_an_outage_channels_are_asked_for_in_the_order_of_their_names() {
    let names: Vec<String> = (100..200).map(|number| format!("room {number}")).collect();
    let traffic = traffic();
    for name in names.iter().rev() {
        drop(traffic.want(name, nobody()));
    }
    let asked = |traffic: &Traffic| -> Vec<String> {
        traffic.take_changes(names.len()).subscribe.iter().map(|name| (**name).to_owned()).collect()
    };
    assert_eq!(asked(&traffic), names.iter().rev().cloned().collect::<Vec<_>>(), "as they were asked for");
    traffic.disconnected(&gone());
    assert_eq!(asked(&traffic), names);
    for name in names.iter().rev() {
        traffic.refused(&name.as_str().into(), &gone());
    }
    assert!(traffic.retry_refused());
    assert_eq!(asked(&traffic), names);
    let (moved, _) = traffic.hand_over(|_| false);
    assert_eq!(moved.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), names);
}

/// It was listed between two steps of a disconnect, and ended there: when its turn came its name was another one's.
#[test]
fn a_channel_that_has_ended_does_not_end_its_successor() {
    let traffic = traffic();
    drop(traffic.want("a", nobody()));
    let ended = traffic.channels.pin().get("a").cloned().expect("it is wanted");
    {
        let mut state = ended.state.lock();
        state.wanted = None;
        traffic.remove(&ended, &mut state);
        state.listed = false;
        traffic.list(&ended, &mut state);
    }
    drop(traffic.want("a", nobody()));
    drop(traffic.take_changes(10));
    assert!(has(&traffic, "a", |state| !state.ended && state.wanted.is_some()));
}

/// What a callback owns may call the adapter when it is dropped, which would wait for itself.
#[test]
fn a_callback_that_is_replaced_or_unwanted_is_dropped_without_the_channels_lock() {
    struct Owned(Weak<Traffic>, Arc<AtomicUsize>);
    impl Drop for Owned {
        fn drop(&mut self) {
            let traffic = self.0.upgrade().expect("it is in use");
            let free = traffic.channels.pin().get("a").is_some_and(|channel| channel.state.try_lock().is_some());
            self.1.fetch_add(usize::from(free), Relaxed);
        }
    }
    let (traffic, free) = (Arc::new(traffic()), Arc::default());
    let owning = || -> Callback {
        let owned = Owned(Arc::downgrade(&traffic), Arc::clone(&free));
        Arc::new(move |_| _ = &owned)
    };
    drop(traffic.want("a", owning()));
    drop(traffic.want("a", owning()));
    assert_eq!(free.load(Relaxed), 1, "replaced");
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    drop(traffic.want("a", owning()));
    assert_eq!(free.load(Relaxed), 2, "replaced while the subscription is active");
    drop(traffic.unwant("a"));
    assert_eq!(free.load(Relaxed), 3, "unwanted");
}
