//! What tests of an adapter share: numbers as messages, a subscriber, and how the adapter is.

use std::sync::Arc;

use bytes::Bytes;
use painda_runtime::adapter::redis::Health;
use painda_runtime::adapter::{Callback, Published};
use painda_runtime::{Message, RedisAdapter};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{eventually, within};

/// A number as an event with this id.
pub fn number(id: u16, number: u64) -> Message {
    Message::event(id, Bytes::copy_from_slice(&number.to_be_bytes()))
}

/// The id and the number of such an event.
pub fn number_of(message: &Message) -> (u16, u64) {
    match message {
        Message::Event { id, payload } => (*id, u64::from_be_bytes(payload[..].try_into().expect("eight bytes"))),
        other => panic!("no number: {other:?}"),
    }
}

/// What subscriptions receive.
#[derive(Debug)]
pub struct Subscriber {
    received: UnboundedReceiver<Message>,
}

impl Subscriber {
    /// A subscriber, and the callback for its subscriptions.
    pub fn new() -> (Self, Callback) {
        let (sender, received) = unbounded_channel();
        // Nobody may be listening any more, which is fine.
        let callback = move |delivery: Published<'_>| drop(sender.send(delivery.message));
        (Self { received }, Arc::new(callback))
    }

    /// The next message.
    pub async fn next(&mut self) -> Message {
        within("a message on a channel", self.received.recv()).await.expect("the adapter lives")
    }

    /// The next message, which must be a number.
    pub async fn next_number(&mut self) -> (u16, u64) {
        number_of(&self.next().await)
    }

    /// What has been received and not taken.
    pub fn rest(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

/// Waits for an adapter to be well, or not to be.
pub async fn healthy(node: &RedisAdapter, wanted: bool) {
    let mut health = node.health_changes();
    let changed = health.wait_for(|health| matches!(health, Health::Up) == wanted);
    within("a node's health to change", changed).await.expect("the adapter lives");
}

/// Waits until what is wrong with an adapter has all of these words, and returns it.
pub async fn degraded(node: &RedisAdapter, words: &[&str]) -> String {
    let mut health = node.health_changes();
    let says = |health: &Health| matches!(health, Health::Degraded { reason, .. } if words.iter().all(|word| reason.contains(word)));
    let health = within(&format!("health to say {words:?}"), health.wait_for(says)).await.expect("the adapter lives");
    match &*health {
        Health::Degraded { reason, .. } => reason.to_string(),
        other => unreachable!("it was just degraded, and is {other}"),
    }
}

/// Waits until an adapter has made connections again this many times, and is well.
pub async fn reconnected(node: &RedisAdapter, times: u64) {
    eventually("a node to reconnect", async || node.stats().reconnects >= times).await;
    healthy(node, true).await;
}
