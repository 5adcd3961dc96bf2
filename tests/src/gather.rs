//! The beginning of most tests: clients that are known to receive from each other.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::frames::player_move;
use crate::within;

/// How long a sender waits before it sends again to those who have received nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns when every one of these clients of one room has received from every other, and has nothing left to read.
///
/// No client is told when a node has subscribed to a room on Redis, so each sends until all have received it.
pub async fn gather(clients: &mut [&mut Client]) {
    for speaker in 0..clients.len() {
        within("the clients of a room to receive from each other", send_until_received(clients, speaker)).await;
    }
}

async fn send_until_received(clients: &mut [&mut Client], speaker: usize) {
    let call = Call::new();
    let mut waiting: Vec<usize> = (0..clients.len()).filter(|&listener| listener != speaker).collect();
    let listeners = waiting.clone();
    while !waiting.is_empty() {
        clients[speaker].send_binary(call.repeat(0.0)).await;
        let mut still_waiting = Vec::new();
        for listener in waiting {
            if !call.has_reached(clients[listener]).await {
                still_waiting.push(listener);
            }
        }
        waiting = still_waiting;
    }
    // Those who received it at once have received it several times; the end of it is the end of what they have to read.
    clients[speaker].send_binary(call.repeat(1.0)).await;
    for listener in listeners {
        while clients[listener].next_frame().await != call.repeat(1.0) {}
    }
}

/// A `player:move` that nobody else sends: its x is unique.
struct Call {
    x: f32,
}

impl Call {
    fn new() -> Self {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        // Far from where players are; an f32 counts exactly up to 2^24.
        Self { x: (1_000_000 + CALLS.fetch_add(1, Ordering::Relaxed)) as f32 }
    }

    fn repeat(&self, y: f32) -> Vec<u8> {
        player_move(self.x, y)
    }

    async fn has_reached(&self, listener: &mut Client) -> bool {
        let call = self.repeat(0.0);
        while let Some(message) = listener.next_message_within(PAUSE).await {
            if matches!(message, Message::Binary(frame) if frame == call) {
                return true;
            }
        }
        false
    }
}
