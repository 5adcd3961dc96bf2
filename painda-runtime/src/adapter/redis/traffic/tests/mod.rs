//! A Redis that serves its connections in any order it likes, and breaks them: no message may be handed on twice, none of our
//! own at all, and nothing may be left waiting.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::atomic::AtomicBool,
    thread,
    time::Duration,
};

use super::*;
use crate::adapter::redis::publish_queue::WhenFull;

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

struct World {
    dice: Dice,
    traffic: Traffic,
    /// Written, and not yet processed by Redis.
    publishing: VecDeque<(Arc<str>, Bytes)>,
    in_flight: bool,
    publisher_up: bool,
    fence_under_way: bool,
    subscribing: VecDeque<(Arc<str>, bool)>,
    doing: Doing,
    /// What Redis holds.
    subscribed: BTreeSet<Arc<str>>,
    stream: VecDeque<Sent>,
    /// Messages of others that were read, less those that were handed on, per channel and content.
    expected: HashMap<(Arc<str>, Bytes), i64>,
    /// Publishes that were lost with their connection since the last rest.
    lost: HashMap<(Arc<str>, Bytes), i64>,
    called: HashMap<Arc<str>, u64>,
    processed: HashMap<Arc<str>, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            traffic: traffic(),
            publishing: VecDeque::new(),
            in_flight: false,
            publisher_up: true,
            fence_under_way: false,
            subscribing: VecDeque::new(),
            doing: Doing::Nothing,
            subscribed: BTreeSet::new(),
            stream: VecDeque::new(),
            expected: HashMap::new(),
            lost: HashMap::new(),
            called: HashMap::new(),
            processed: HashMap::new(),
        }
    }

    fn step(&mut self, quiet: bool) {
        match self.dice.roll(if quiet { 60 } else { 100 }) {
            0..10 => self.redis_takes_a_publish(),
            10..20 => self.redis_takes_a_subscription(),
            20..35 => self.read(),
            35..45 => self.write_or_settle(),
            45..55 => self.change_subscriptions(),
            55..60 => self.reconnect_publisher(),
            60..80 => self.publish(),
            80..88 => self.other_publishes(),
            88..98 => self.toggle(),
            98 => self.break_subscribing(),
            _ => self.break_publishing(),
        }
    }

    fn channel(&mut self) -> &'static str {
        CHANNELS[self.dice.roll(3) as usize]
    }

    fn publish(&mut self) {
        let channel = self.channel();
        let number = self.called.entry(channel.into()).or_default();
        *number += 1;
        // Contents repeat, and are at times equal to what others send.
        let bytes = vec![(*number / 4 % 2) as u8];
        self.traffic.publish(channel, bytes.into(), open).expect("there is room");
    }

    fn other_publishes(&mut self) {
        let (channel, bytes) = (self.channel(), vec![self.dice.roll(2) as u8]);
        if self.subscribed.contains(channel) {
            self.stream.push_back(Sent::Message { channel: channel.into(), bytes: bytes.into(), own: false });
        }
    }

    fn toggle(&mut self) {
        let channel = self.channel();
        if self.dice.roll(2) == 0 {
            drop(self.traffic.want(channel, nobody()));
        } else {
            self.traffic.unwant(channel);
        }
    }

    fn write_or_settle(&mut self) {
        if !self.publisher_up || self.fence_under_way {
            return;
        }
        if self.in_flight {
            if self.publishing.is_empty() {
                self.in_flight = false;
                self.traffic.settle();
            }
            return;
        }
        let batch = self.traffic.take_batch();
        self.in_flight = !batch.is_empty();
        self.publishing.extend(batch.into_iter().map(|outgoing| (outgoing.item.channel, outgoing.item.bytes)));
    }

    fn redis_takes_a_publish(&mut self) {
        let Some((channel, bytes)) = self.publishing.pop_front() else { return };
        *self.processed.entry(channel.clone()).or_default() += 1;
        if self.subscribed.contains(&channel) {
            self.stream.push_back(Sent::Message { channel, bytes, own: true });
        }
    }

    fn redis_takes_a_subscription(&mut self) {
        let Some((channel, subscribe)) = self.subscribing.pop_front() else { return };
        if subscribe {
            self.subscribed.insert(channel.clone());
            self.stream.push_back(Sent::Subscribed(channel));
        } else {
            self.subscribed.remove(&channel);
            self.stream.push_back(Sent::Unsubscribed(channel));
        }
    }

    fn change_subscriptions(&mut self) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {
                let limit = 1 + self.dice.roll(3) as usize;
                self.doing = Doing::Waiting(self.traffic.take_changes(limit));
            }
            Doing::Waiting(changes) if !self.traffic.is_settled(changes.barrier) => {
                self.doing = Doing::Waiting(changes)
            }
            Doing::Waiting(changes) => {
                let left = changes.subscribe.len() + changes.unsubscribe.len();
                self.subscribing.extend(changes.subscribe.into_iter().map(|name| (name, true)));
                self.subscribing.extend(changes.unsubscribe.into_iter().map(|name| (name, false)));
                self.doing = if left == 0 { Doing::Nothing } else { Doing::Sent { left } };
            }
            sent => self.doing = sent,
        }
    }

    fn confirmed(&mut self) {
        if let Doing::Sent { left } = &mut self.doing {
            *left -= 1;
            if *left == 0 {
                self.doing = Doing::Nothing;
            }
        }
    }

    fn read(&mut self) {
        match self.stream.pop_front() {
            None => {}
            Some(Sent::Subscribed(name)) => {
                self.traffic.subscribed(self.traffic.epoch(), &name);
                self.confirmed();
            }
            Some(Sent::Unsubscribed(name)) => {
                self.expected.retain(|(channel, _), _| *channel != name);
                self.traffic.unsubscribed(self.traffic.epoch(), &name);
                self.confirmed();
            }
            Some(Sent::Fence) => {
                self.traffic.forget_echoes(self.traffic.epoch());
                self.fence_under_way = false;
            }
            Some(Sent::Message { channel, bytes, own }) => {
                let active = has(&self.traffic, &channel, |state| matches!(state.phase, Phase::Active { .. }));
                let received = self.traffic.received(self.traffic.epoch(), &channel, &bytes);
                if !active {
                    assert!(matches!(received, Received::Unwanted));
                    return;
                }
                let expected = self.expected.entry((channel, bytes)).or_default();
                *expected += i64::from(!own) - i64::from(!matches!(received, Received::Own { .. }));
                assert!(*expected >= 0, "our own message was handed on");
            }
        }
    }

    fn break_subscribing(&mut self) {
        self.subscribing.clear();
        self.subscribed.clear();
        self.stream.clear();
        self.doing = Doing::Nothing;
        self.expected.clear();
        self.fence_under_way = false;
        self.traffic.disconnected(&gone());
    }

    fn break_publishing(&mut self) {
        // What was written stays with Redis, which may go on processing it.
        if self.publisher_up && !self.fence_under_way {
            self.publisher_up = false;
            self.traffic.lose_batch();
        }
    }

    fn reconnect_publisher(&mut self) {
        if self.publisher_up {
            return;
        }
        self.publisher_up = true;
        self.in_flight = false;
        for (channel, bytes) in self.publishing.drain(..) {
            *self.processed.entry(channel.clone()).or_default() += 1;
            *self.lost.entry((channel, bytes)).or_default() += 1;
        }
        self.traffic.settle();
        if self.traffic.awaits_echoes() {
            self.fence_under_way = true;
            self.stream.push_back(Sent::Fence);
        }
    }

    fn check_at_rest(&mut self) {
        assert!(!self.traffic.awaits_echoes(), "copies are due that never came");
        // Until it is known that a publish was lost, an equal message of another node can't be told from its copy.
        for (message, expected) in std::mem::take(&mut self.expected) {
            let lost = self.lost.get(&message).copied().unwrap_or_default();
            assert!(expected <= lost, "another node's message was taken for our own: {expected}, {lost}");
        }
        self.lost.clear();
        assert_eq!(self.called, self.processed, "everything was written, or lost with its connection");
        for name in CHANNELS {
            let wanted = has(&self.traffic, name, |state| state.wanted.is_some());
            assert_eq!(wanted, self.subscribed.contains(name), "{name}");
        }
    }
}

#[test]
fn no_message_is_handed_on_twice_in_any_order_of_redis() {
    for seed in 1..400_u64 {
        let mut world = World::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..5 {
            for _ in 0..400 {
                world.step(false);
            }
            for _ in 0..4000 {
                world.step(true);
            }
            world.check_at_rest();
        }
    }
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
    let mut confirmation = traffic.want("a", nobody()).expect("not subscribed yet");
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
    let mut waiting: Vec<_> = (0..100_000).filter_map(|_| traffic.want("a", nobody())).collect();
    assert_eq!(waiting.len(), 100_000);
    drop(traffic.take_changes(10));
    traffic.subscribed(0, "a");
    assert!(waiting.iter_mut().all(|confirmation| confirmation.try_recv() == Ok(Ok(()))));
}

#[test]
fn waiters_that_gave_up_are_removed() {
    let traffic = traffic();
    for _ in 0..10_000 {
        drop(traffic.want("a", nobody()));
    }
    assert!(has(&traffic, "a", |state| state.waiters.capacity() < 100));
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
        traffic.unwant("a");
        assert!(traffic.want("a", nobody()).is_none(), "it is still subscribed");
        assert!(traffic.want("c", nobody()).is_some());
    });
    drop((state, queue));
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
                    traffic.unwant(channel);
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

/// It was listed between two steps of a disconnect, and ended there: when its turn came its name was another one's.
#[test]
fn a_channel_that_has_ended_does_not_end_its_successor() {
    let traffic = traffic();
    let _ = traffic.want("a", nobody());
    let ended = traffic.channels.pin().get("a").cloned().expect("it is wanted");
    {
        let mut state = ended.state.lock();
        state.wanted = None;
        traffic.remove(&ended, &mut state);
        state.listed = false;
        traffic.list(&ended, &mut state);
    }
    let _ = traffic.want("a", nobody());
    let _ = traffic.take_changes(10);
    assert!(has(&traffic, "a", |state| !state.ended && state.wanted.is_some()));
}
