//! A Redis that serves its connections in any order it likes, and breaks them: no message may be handed on twice, none of our
//! own at all, and nothing may be left waiting.

use std::collections::{BTreeSet, HashMap};

use super::*;

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
            drop(self.traffic.unwant(channel));
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
