//! What the log and the events say: what happened, in Redis' own words, and once.

use std::time::Duration;

use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::redis::{Health, RedisEvent},
};
use painda_tests::{
    adapter::{degraded, healthy, number},
    eventually,
    logs::Logs,
    redis::RedisServer,
    relay::Relay,
    within,
};
use tokio::sync::broadcast;
use tracing_subscriber::filter::LevelFilter;

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

#[tokio::test]
async fn what_is_refused_ten_times_a_second_is_said_once() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    // No lease, and no room's members.
    server.ask(&["ACL", "SETUSER", "node", "on", ">secret", "+@all", "-set", "-sadd", "~pp:*", "&*"]).await;
    let url = server.url().replace("redis://", "redis://node:secret@");
    let node =
        within("an adapter to connect", RedisAdapter::builder().url(url).lease(Duration::from_millis(400)).connect())
            .await
            .expect("connects");
    let mut events = node.events();
    drop(node.add_to_room("arena", "c"));
    eventually("many refusals", async || node.stats().refusals >= 20).await;
    assert_eq!(log.with(&["WARN", "NOPERM"]).len(), 2, "one for the lease, one for the room");
    assert_eq!(refusals(&mut events), ["writes refused"], "the lease was refused before that");
    assert_eq!(node.health(), Health::Up, "messages go on");

    let before = node.stats().refusals;
    server.ask(&["ACL", "SETUSER", "node", "+set", "+sadd"]).await;
    server.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
    eventually("both ends to be said", async || log.with(&["INFO", "no longer refused"]).len() == 2).await;
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
    let node = within("an adapter to connect", RedisAdapter::connect(url)).await.expect("connects");
    for count in 1..=50 {
        for room in ["open", "closed"] {
            node.publish(room, &number(1, count), None).expect("queued");
            let answers = 2 * count - u64::from(room == "open");
            eventually("an answer", async || node.stats().published + node.stats().rejected == answers).await;
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
    let mut admin = server.admin().await;
    // With a database of its own a connect is more than one command.
    for url in [server.url(), format!("{}/3", server.url())] {
        let node = within("an adapter to connect", RedisAdapter::connect(&url)).await.expect("connects");
        admin.tell("CONFIG SET maxclients 1").await;
        for kind in ["normal", "pubsub"] {
            admin.tell(&format!("CLIENT KILL TYPE {kind} SKIPME yes")).await;
        }
        degraded(&node, &["max number of clients"]).await;
        let error = within("a refusal", RedisAdapter::connect(&url)).await.expect_err("no room");
        assert!(error.to_string().contains("ERR max number of clients reached"), "{error}");
        let before = admin.info("stats", "rejected_connections:").await;
        admin.info_reaches("stats", "rejected_connections:", before + 8).await;
        admin.tell("CONFIG SET maxclients 100").await;
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
    let node = within("an adapter to connect", RedisAdapter::connect(relay.url())).await.expect("connects");
    server.kill().await;
    healthy(&node, false).await;
    let before = relay.accepted();
    eventually("some attempts", async || relay.accepted() >= before + 10).await;
    server.restart().await;
    healthy(&node, true).await;
    assert_eq!(log.with(&["WARN", "connection lost"]).len(), 2, "one for each connection");
    assert_eq!(log.with(&["INFO", "reconnected", "failures="]).len(), 2);
    let said = log.with(&["still not connected"]);
    assert!(said.len() <= 4, "{said:#?}");
}
