//! Redis is gone for a while: members of one node do not notice, and the cluster heals by itself.

use std::time::Duration;

use painda_tests::client::Client;
use painda_tests::cluster::Cluster;
use painda_tests::frames::player_move;
use painda_tests::gather::gather;
use tokio::time::{Instant, interval};

/// How long Redis does not answer: longer than what a client library waits for by default.
const SILENCE: Duration = Duration::from_secs(5);
/// How long Redis is gone: longer than any lease.
const ABSENCE: Duration = Duration::from_secs(30);
/// How long a cut is watched, from just before it.
const CUT: Duration = Duration::from_secs(2);
/// Players move this often.
const TICK: Duration = Duration::from_millis(33);
/// What players would call a pause.
const PAUSE: Duration = Duration::from_secs(1);

struct Scene {
    cluster: Cluster,
    anna: Client,
    ben: Client,
    /// The one on the right node.
    cleo: Client,
}

impl Scene {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let mut anna = Client::connect(&cluster.left.ws_url("arena")).await;
        let mut ben = Client::connect(&cluster.left.ws_url("arena")).await;
        let mut cleo = Client::connect(&cluster.right.ws_url("arena")).await;
        gather(&mut [&mut anna, &mut ben, &mut cleo]).await;
        Self { cluster, anna, ben, cleo }
    }

    /// The two on one node talk for as long as the outage lasts; every move arrives, and none late.
    async fn locals_talk_on(&mut self, outage: Duration) {
        let mut ticks = interval(TICK);
        let start = Instant::now();
        let mut slowest = Duration::ZERO;
        for n in 0_u16.. {
            if start.elapsed() > outage {
                break;
            }
            ticks.tick().await;
            let sent = Instant::now();
            let (to_ben, to_anna) = (player_move(n.into(), 1.0), player_move(n.into(), 2.0));
            self.anna.send_binary(to_ben.clone()).await;
            self.ben.expect_frame(&to_ben).await;
            self.ben.send_binary(to_anna.clone()).await;
            self.anna.expect_frame(&to_anna).await;
            slowest = slowest.max(sent.elapsed());
        }
        assert!(slowest < PAUSE, "a move to a client on the same node took {slowest:?}");
    }

    /// Everybody receives from everybody again, once each, and nobody was restarted for it.
    async fn all_is_as_before(&mut self) {
        gather(&mut [&mut self.anna, &mut self.ben, &mut self.cleo]).await;

        // The second round shows that nothing of the first arrived twice.
        for round in [1.0, 2.0] {
            let move_of_anna = player_move(round, 1.0);
            self.anna.send_binary(move_of_anna.clone()).await;
            self.ben.expect_frame(&move_of_anna).await;
            self.cleo.expect_frame(&move_of_anna).await;

            let move_of_cleo = player_move(round, 2.0);
            self.cleo.send_binary(move_of_cleo.clone()).await;
            self.anna.expect_frame(&move_of_cleo).await;
            self.ben.expect_frame(&move_of_cleo).await;
        }
        self.cluster.left.assert_running();
        self.cluster.right.assert_running();
    }
}

#[tokio::test]
async fn redis_does_not_answer_for_a_while() {
    let mut scene = Scene::start().await;
    scene.cluster.redis.pause();
    scene.locals_talk_on(SILENCE).await;
    scene.cluster.redis.resume();
    scene.all_is_as_before().await;
}

#[tokio::test]
async fn redis_dies_and_comes_back_empty() {
    let mut scene = Scene::start().await;
    scene.cluster.redis.kill().await;
    scene.locals_talk_on(ABSENCE).await;
    scene.cluster.redis.restart().await;
    scene.all_is_as_before().await;
}

#[tokio::test]
async fn redis_cuts_all_connections() {
    for kind in ["normal", "pubsub"] {
        let mut scene = Scene::start().await;
        scene.cluster.redis.command(&[b"CLIENT", b"KILL", b"TYPE", kind.as_bytes()]).await;
        scene.locals_talk_on(CUT).await;
        scene.all_is_as_before().await;
    }
}

#[tokio::test]
async fn a_client_that_comes_while_redis_is_away_receives_from_its_node_at_once_and_from_the_others_later() {
    let mut scene = Scene::start().await;
    scene.cluster.redis.kill().await;
    let mut dora = Client::connect(&scene.cluster.left.ws_url("arena")).await;
    gather(&mut [&mut scene.anna, &mut scene.ben, &mut dora]).await;

    scene.cluster.redis.restart().await;
    gather(&mut [&mut scene.anna, &mut scene.ben, &mut scene.cleo, &mut dora]).await;
}
