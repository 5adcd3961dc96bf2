//! Nodes that send each other numbers all the time in one room, and note what is wrong with what they receive: their own, a number
//! twice, or an older one after a newer one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::{Callback, Published},
};
use painda_tests::{
    adapter::{number, number_of},
    eventually,
    redis::RedisServer,
    within,
};
use tokio::{sync::watch, task::JoinHandle, time::interval};

/// Waits until this many nodes have counted each other: after an outage they wait for as many as they counted. Each counts at its probe,
/// and its second count comes only after it has taken in the answer to the first.
pub(crate) async fn counted_each_other(server: &RedisServer, nodes: usize) {
    let all = nodes.to_string();
    server.until(&["PUBSUB", "NUMSUB", "pp:present"], |present| present.ends_with(&all)).await;
    let mut monitor = server.monitor().await;
    let mut counts: HashMap<String, usize> = HashMap::new();
    let counting = async {
        while counts.values().filter(|count| **count >= 2).count() < nodes {
            let line = monitor.next_with(&["\"PUBSUB\" \"NUMSUB\" \"pp:present\""]).await;
            let address = line.split([' ', ']']).nth(2).expect("a line of MONITOR has an address");
            *counts.entry(address.to_owned()).or_default() += 1;
        }
    };
    within("the nodes to count each other", counting).await;
}

/// What one node has received of each other one: how many numbers, and the last of them.
type Received = HashMap<u16, (u64, u64)>;

pub(crate) struct Steady {
    pub(crate) nodes: Vec<Arc<RedisAdapter>>,
    said: Vec<Arc<AtomicU64>>,
    received: Vec<watch::Receiver<Received>>,
    faults: Arc<Mutex<Vec<String>>>,
    quiet: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Steady {
    /// Starts to talk: each node says a number every two milliseconds.
    pub(crate) async fn start(nodes: Vec<Arc<RedisAdapter>>, room: &'static str) -> Self {
        let faults: Arc<Mutex<Vec<String>>> = Arc::default();
        let quiet = Arc::new(AtomicBool::new(false));
        let (mut said, mut received, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for (own, node) in nodes.iter().enumerate() {
            let (callback, receiver) = noting(own, faults.clone());
            within("a subscription", node.subscribe(room, callback)).await.expect("subscribes");
            received.push(receiver);
        }
        for (own, node) in nodes.iter().enumerate() {
            let (node, count, quiet) = (node.clone(), Arc::new(AtomicU64::new(0)), quiet.clone());
            said.push(count.clone());
            let id = u16::try_from(own).expect("few nodes") + 1;
            tasks.push(tokio::spawn(async move {
                let mut pace = interval(Duration::from_millis(2));
                while !quiet.load(Relaxed) {
                    pace.tick().await;
                    let next = count.load(Relaxed) + 1;
                    node.publish(room, &number(id, next), None).expect("queued");
                    count.store(next, Relaxed);
                }
            }));
        }
        Self { nodes, said, received, faults, quiet, tasks }
    }

    /// Each node receives of each other something that was said after this call. Returns how long that took.
    pub(crate) async fn receive_from_each_other(&mut self) -> Duration {
        let begin = Instant::now();
        let said: Vec<u64> = self.said.iter().map(|count| count.load(Relaxed)).collect();
        for (own, received) in self.received.iter_mut().enumerate() {
            for (other, said) in said.iter().enumerate().filter(|(other, _)| *other != own) {
                let id = u16::try_from(other).expect("few nodes") + 1;
                let newer = received.wait_for(|received| received.get(&id).is_some_and(|(_, last)| last > said));
                within("nodes to receive from each other", newer).await.expect("the adapter lives");
            }
        }
        begin.elapsed()
    }

    /// Waits until the nodes have [counted each other](counted_each_other), and are in the middle between two probes: those come every
    /// second. One that fails just when an outage of whole seconds ends makes its node give up a subscription that the others have
    /// counted already, and it misses what they had queued.
    pub(crate) async fn count_each_other(&mut self, server: &RedisServer) {
        counted_each_other(server, self.nodes.len()).await;
        // Half a second's worth.
        self.receive_more(250).await;
    }

    /// Each node receives this many more numbers of each other, as it does not while Redis is away. Returns how long that took.
    pub(crate) async fn receive_more(&mut self, numbers: u64) -> Duration {
        let begin = Instant::now();
        for (own, received) in self.received.iter_mut().enumerate() {
            let before = received.borrow().clone();
            for id in (1_u16..).take(self.said.len()).filter(|id| usize::from(*id) != own + 1) {
                let count = |received: &Received| received.get(&id).map_or(0, |(count, _)| *count);
                let more = received.wait_for(|received| count(received) >= count(&before) + numbers);
                within("nodes to receive more of each other", more).await.expect("the adapter lives");
            }
        }
        begin.elapsed()
    }

    /// Nobody received its own, anything twice, or anything out of order.
    pub(crate) fn check(&self) {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(faults.is_empty(), "{} faults, of which the first: {:?}", faults.len(), &faults[..faults.len().min(5)]);
    }

    /// Ends the talk once everybody has received the last numbers. Returns how many numbers each node has missed of each other one.
    pub(crate) async fn stop(&mut self) -> Vec<Vec<u64>> {
        self.quiet.store(true, Relaxed);
        for task in self.tasks.drain(..) {
            within("a speaker to end", task).await.expect("it ends");
        }
        let mut missed = Vec::new();
        for (own, received) in self.received.iter_mut().enumerate() {
            let mut of_each = Vec::new();
            for (other, said) in self.said.iter().enumerate() {
                let (id, said) = (u16::try_from(other).expect("few nodes") + 1, said.load(Relaxed));
                if other == own {
                    of_each.push(0);
                    continue;
                }
                let last = received.wait_for(|received| received.get(&id).is_some_and(|(_, last)| *last == said));
                let count = within("the last numbers to be received", last).await.expect("the adapter lives")[&id].0;
                of_each.push(said - count);
            }
            missed.push(of_each);
        }
        self.check();
        self.account().await;
        missed
    }

    /// All that was said is published, or counted as lost. The last answers of Redis may still be on their way.
    async fn account(&self) {
        for (node, said) in self.nodes.iter().zip(&self.said) {
            let said = said.load(Relaxed);
            eventually("all that was said to be counted", async || {
                let stats = node.stats();
                let counted = stats.published + stats.lost_in_flight + stats.dropped + stats.rejected;
                assert!(counted <= said, "{said} were said: {stats:?}");
                counted == said
            })
            .await;
        }
    }

    /// How many numbers a node has said.
    pub(crate) fn said(&self, node: usize) -> u64 {
        self.said[node].load(Relaxed)
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn noting(own: usize, faults: Arc<Mutex<Vec<String>>>) -> (Callback, watch::Receiver<Received>) {
    let (sender, receiver) = watch::channel(Received::new());
    let callback = move |delivery: Published<'_>| {
        let (id, number) = number_of(&delivery.message);
        sender.send_modify(|received| {
            let (count, last) = received.entry(id).or_default();
            if usize::from(id) == own + 1 || number <= *last {
                let fault = format!("node {own} received {id}:{number} after {last}");
                faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
            }
            (*count, *last) = (*count + 1, number);
        });
    };
    (Arc::new(callback), receiver)
}
