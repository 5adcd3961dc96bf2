//! Readiness: what a load balancer is told of a node.

use std::sync::Arc;

use crate::ailing::Ailing;
use painda_runtime::{PPServer, adapter::Health};
use painda_tests::{
    client::Client,
    eventually,
    process::Arena as Node,
    raw::Raw,
    redis::RedisServer,
    server::{build, close, until},
};
use schemas::Arena;

#[tokio::test]
async fn a_server_says_what_its_adapter_says_and_whether_it_closes() {
    let server = build(PPServer::<Arena>::builder()).await;
    let health = server.health();
    assert!(health.is_ready() && !health.closing && health.adapter == Health::Up, "{health}");
    close(&server).await;
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
    let server = build(PPServer::<Arena>::builder().adapter(redis.adapter().await)).await;
    let becomes = async |ready: bool| {
        until(&server, "the health to change", |server| server.health().is_ready() == ready).await;
    };
    becomes(true).await;
    redis.kill().await;
    becomes(false).await;
    let Health::Degraded { reason, .. } = server.health().adapter else { panic!("Redis is away") };
    assert!(reason.contains("connection"), "{reason}");
    redis.restart().await;
    becomes(true).await;
}

#[tokio::test]
async fn the_arena_answers_readiness_probes() {
    let mut redis = RedisServer::start().await;
    let node = Node::start(Some(&redis.url())).await;
    let answer = Raw::get(node.addr(), "/ready").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nup"), "{answer}");
    let _client = Client::connect(&node.ws_url("arena")).await;
    redis.kill().await;
    let mut answer = String::new();
    eventually("the node not to be ready", async || {
        answer = Raw::get(node.addr(), "/ready").await;
        answer.starts_with("HTTP/1.1 503 ")
    })
    .await;
    // Where its Redis is, and what is wrong with it, is not for everybody.
    assert!(answer.ends_with("\r\n\r\ndegraded"), "{answer}");
    // It serves those who come all the same.
    Client::connect(&node.ws_url("arena")).await;
}
