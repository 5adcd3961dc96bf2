//! Readiness: what a load balancer is told of a node.

use std::{sync::Arc, time::Duration};

use crate::ailing::Ailing;
use painda_runtime::{PPServer, RedisAdapter, adapter::Health};
use painda_tests::{client::Client, process::Arena as Node, raw::Raw, redis::RedisServer, within};
use schemas::Arena;
use tokio::time::sleep;

#[tokio::test]
async fn a_server_says_what_its_adapter_says_and_whether_it_closes() {
    let server = PPServer::<Arena>::builder().build().await.expect("a node");
    let health = server.health();
    assert!(health.is_ready() && !health.closing && health.adapter == Health::Up, "{health}");
    server.close().await.expect("closed");
    let health = server.health();
    assert!(!health.is_ready() && health.closing, "{health}");

    let server = PPServer::<Arena>::builder().adapter(Arc::new(Ailing::default())).build().await;
    let health = server.expect("a node").health();
    assert_eq!((health.is_ready(), health.closing, &*health.to_string()), (false, false, "degraded"));
    assert_eq!(health.adapter.to_string(), "degraded: it ails");
}

#[tokio::test]
async fn a_server_is_not_ready_while_its_redis_is_away() {
    let mut redis = RedisServer::start().await;
    let adapter = RedisAdapter::connect(redis.url()).await.expect("Redis is there");
    let server = PPServer::<Arena>::builder().adapter(adapter).build().await.expect("a node");
    let until = async |ready: bool| {
        let waiting = async {
            while server.health().is_ready() != ready {
                sleep(Duration::from_millis(10)).await;
            }
        };
        within("the health to change", waiting).await;
    };
    until(true).await;
    redis.kill().await;
    until(false).await;
    let Health::Degraded { reason, .. } = server.health().adapter else { panic!("Redis is away") };
    assert!(reason.contains("connection"), "{reason}");
    redis.restart().await;
    until(true).await;
}

/// What the arena's probe answers: its status line and its text.
async fn probe(node: &Node) -> String {
    let mut http = Raw::open(node.addr()).await;
    http.write(b"GET /ready HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
    http.rest().await
}

#[tokio::test]
async fn the_arena_answers_readiness_probes() {
    let mut redis = RedisServer::start().await;
    let node = Node::start(Some(&redis.url())).await;
    let answer = probe(&node).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nup"), "{answer}");
    let _client = Client::connect(&node.ws_url("arena")).await;
    redis.kill().await;
    let unready = async {
        loop {
            let answer = probe(&node).await;
            if answer.starts_with("HTTP/1.1 503 ") {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = within("the node not to be ready", unready).await;
    // Where its Redis is, and what is wrong with it, is not for strangers.
    assert!(answer.ends_with("\r\n\r\ndegraded"), "{answer}");
    // It serves those who come all the same.
    Client::connect(&node.ws_url("arena")).await;
}
