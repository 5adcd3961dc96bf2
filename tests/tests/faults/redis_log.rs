//! What the log and the events say: what happened, in Redis' own words, and once.

use std::time::Duration;

use crate::steady::{healthy, number};
use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::redis::{Health, RedisEvent},
};
use painda_tests::{logs::Logs, redis::RedisServer, relay::Relay, within};
use redis::aio::MultiplexedConnection;
use tokio::{sync::broadcast, time::sleep};
use tracing_subscriber::filter::LevelFilter;

async fn tell(admin: &mut MultiplexedConnection, words: &str) -> redis::Value {
    let mut command = redis::Cmd::new();
    for word in words.split(' ') {
        command.arg(word);
    }
    within(words, command.query_async(admin)).await.expect("Redis takes the command")
}

async fn rejected_connections(admin: &mut MultiplexedConnection) -> u64 {
    let info = painda_tests::redis::text(&tell(admin, "INFO stats").await);
    let count = info.split("rejected_connections:").nth(1).and_then(|rest| rest.lines().next());
    count.and_then(|count| count.parse().ok()).expect("Redis counts them")
}

/// All events up to now that are about something being refused, or not any more.
fn refusals(events: &mut broadcast::Receiver<RedisEvent>) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        match events.try_recv() {
            Ok(RedisEvent::Refused { what, .. }) => told.push(format!("{what} refused")),
            Ok(RedisEvent::Accepted { what, refusals, .. }) => told.push(format!("{what} accepted after {refusals}")),
            Ok(_) => {}
            Err(broadcast::error::TryRecvError::Empty) => return told,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn until(what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, waiting).await;
}

#[tokio::test]
async fn what_is_refused_ten_times_a_second_is_said_once() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    // No lease, and no room's members.
    server.ask(&["ACL", "SETUSER", "node", "on", ">secret", "+@all", "-set", "-sadd", "~pp:*", "&*"]).await;
    let url = server.url().replace("redis://", "redis://node:secret@");
    let node = RedisAdapter::builder().url(url).lease(Duration::from_millis(400)).connect().await.expect("connects");
    let mut events = node.events();
    drop(node.add_to_room("arena", "c"));
    until("many refusals", || node.stats().refusals >= 20).await;
    assert_eq!(log.with(&["WARN", "NOPERM"]).len(), 2, "one for the lease, one for the room");
    assert_eq!(refusals(&mut events), ["writes refused"], "the lease was refused before that");
    assert_eq!(node.health(), Health::Up, "messages go on");

    let before = node.stats().refusals;
    server.ask(&["ACL", "SETUSER", "node", "+set", "+sadd"]).await;
    server.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
    until("both ends to be said", || log.with(&["INFO", "no longer refused"]).len() == 2).await;
    let told = refusals(&mut events);
    let counts = told.iter().map(|told| told.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()));
    let counts: Option<Vec<u64>> = counts.collect();
    assert!(counts.as_ref().is_some_and(|counts| counts.len() == 2), "{told:?}");
    assert_eq!(counts.map(|counts| counts.iter().sum::<u64>()), Some(node.stats().refusals), "{told:?}");
    assert!(node.stats().refusals >= before);
}

#[tokio::test]
async fn what_comes_and_goes_all_the_time_is_not_said_all_the_time() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    server
        .ask(&["ACL", "SETUSER", "node", "on", ">secret", "+@all", "~*", "resetchannels", "&pp:probe:*", "&pp:ch:open"])
        .await;
    let url = server.url().replace("redis://", "redis://node:secret@");
    let node = RedisAdapter::connect(url).await.expect("connects");
    for count in 1..=50 {
        for room in ["open", "closed"] {
            node.publish(room, &number(1, count), None).expect("queued");
            let answered = || node.stats().published + node.stats().rejected;
            until("an answer", || answered() == 2 * count - u64::from(room == "open")).await;
        }
    }
    assert_eq!((node.stats().published, node.stats().rejected), (50, 50));
    // On a very slow machine it takes a while, and is said again.
    let lines = log.with(&["what=\"publishes\""]).len();
    assert!((1..10).contains(&lines), "{lines} lines");
}

#[tokio::test]
async fn redis_own_words_are_kept_when_it_takes_no_more_clients() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    let client = redis::Client::open(server.url()).expect("our own address is well-formed");
    let mut admin = client.get_multiplexed_async_connection().await.expect("our own Redis lets us in");
    // With a database of its own a connect is more than one command.
    for url in [server.url(), format!("{}/3", server.url())] {
        let node = RedisAdapter::connect(&url).await.expect("connects");
        tell(&mut admin, "CONFIG SET maxclients 1").await;
        for kind in ["normal", "pubsub"] {
            tell(&mut admin, &format!("CLIENT KILL TYPE {kind} SKIPME yes")).await;
        }
        let mut health = node.health_changes();
        let says = |health: &Health| matches!(health, Health::Degraded { reason, .. } if reason.contains("max number of clients"));
        within("health to say why", health.wait_for(says)).await.expect("the adapter lives");
        let error = RedisAdapter::connect(&url).await.expect_err("no room");
        assert!(error.to_string().contains("ERR max number of clients reached"), "{error}");
        let before = rejected_connections(&mut admin).await;
        let attempts = async {
            while rejected_connections(&mut admin).await < before + 8 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        within("more attempts", attempts).await;
        tell(&mut admin, "CONFIG SET maxclients 100").await;
        healthy(&node, true).await;
    }
    assert_eq!(log.with(&["WARN", "ERR max number of clients reached"]).len(), 4, "one for each connection");
    assert!(log.with(&["roken pipe"]).is_empty());
}

#[tokio::test]
async fn an_outage_is_a_line_for_each_reason_and_one_for_its_end() {
    let log = Logs::capture(LevelFilter::INFO);
    let mut server = RedisServer::start().await;
    let relay = Relay::to(server.port()).await;
    let node = RedisAdapter::connect(relay.url()).await.expect("connects");
    server.kill().await;
    healthy(&node, false).await;
    let before = relay.accepted();
    until("some attempts", || relay.accepted() >= before + 10).await;
    server.restart().await;
    healthy(&node, true).await;
    assert_eq!(log.with(&["WARN", "connection lost"]).len(), 2, "one for each connection");
    assert_eq!(log.with(&["INFO", "reconnected", "failures="]).len(), 2);
    let said = log.with(&["still not connected"]);
    assert!(said.len() <= 4, "{said:#?}");
}
