//! What other nodes, and others that may publish on Redis, can do to a node and its clients.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use painda_runtime::{
    Emitter, Error, PPAdapter, PPEvent, PPServer, RedisAdapter, Schema, Socket,
    adapter::MemoryAdapter,
    schema,
    server::{Handshake, PPServerBuilder, SchemaFit},
};
use painda_tests::{
    PATIENCE,
    client::Client,
    cluster::Cluster,
    frames::player_move,
    peer::{self, EVERYBODY},
    process,
    redis::{RedisServer, Tap, text},
    server::{build, close, connect, start},
    within,
};
use redis::Value;
use schemas::{Arena, PlayerMove};
use serde_json::json;
use tempfile::TempDir;

/// The channels that nodes have for themselves.
const CLUSTER: &str = "pp:ch:__pp_cluster";
const TYPESCRIPT: &str = "pp:ch:__pp_broadcast";

/// Clients name the room they are in, and a code that they are closed with if they ask for it.
fn builder<S: Schema>() -> PPServerBuilder<S> {
    PPServer::<S>::builder().on_connect(async |socket: Socket<S>, handshake: Handshake| {
        socket.on_json("close me", async |socket: Socket<S>, code: serde_json::Value| {
            socket.close(code.as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or_default(), "as you like");
            Ok::<(), Error>(())
        });
        socket.join(&handshake.query("room").unwrap_or_else(|| "arena".to_owned())).await
    })
}

/// A node, its adapter and a client in its arena.
struct Scene {
    redis: RedisServer,
    adapter: Arc<RedisAdapter>,
    node: PPServer<Arena>,
    client: Client,
}

impl Scene {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let adapter = Arc::new(redis.adapter().await);
        let (node, _) = start(builder().adapter(adapter.clone())).await;
        let client = Client::connect(&url(&node)).await;
        Self { redis, adapter, node, client }
    }

    /// Publishes as somebody else.
    async fn say(&self, channel: &str, name: &str, payload: impl AsRef<[u8]>) {
        self.redis.publish(channel, &named(name, payload.as_ref())).await;
    }

    /// Puts a question to the node, and returns its reply.
    async fn ask(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut tap = self.redis.tap().await;
        self.say(CLUSTER, "__pp_ask", peer::message(u64::MAX, ASKER, request)).await;
        let reply = tap.next_on(&format!("pp:ch:__pp_node_{ASKER}")).await;
        let head = named("__pp_reply", &peer::message(u64::MAX, self.node.node_id(), b""));
        reply.strip_prefix(&*head).expect("a reply to this question, of this node").to_vec()
    }

    /// The client gets this move next. Nothing that was published before has reached it: a node takes what comes from one Redis in the
    /// order of its publishes, whatever their channels.
    async fn gets(&mut self, x: f32) {
        self.client.expect_frame(&player_move(x, 0.0)).await;
    }
}

/// An id such as nodes have.
const ASKER: &str = "AbcdefghijklmnoP";

fn url<S: Schema>(node: &PPServer<S>) -> String {
    format!("ws://{}/", node.local_addr().expect("it listens"))
}

/// A Redis message that is named by a string.
fn named(name: &str, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(name.len()).expect("a short name").to_be_bytes();
    [&[0, 0, 0][..], &len, name.as_bytes(), payload].concat()
}

/// `player:move` as a Redis message.
fn moved(x: f32) -> Vec<u8> {
    [&[0, 0, 1][..], &x.to_be_bytes(), &0_f32.to_be_bytes()].concat()
}

/// The payload of an emit with these lists.
fn emit_to(lists: [&[String]; 4], message: &[u8]) -> Vec<u8> {
    [&peer::audience(lists), message].concat()
}

fn many(count: usize, last: &str) -> Vec<String> {
    (1..count).map(|number| format!("room-{number}")).chain([last.to_owned()]).collect()
}

#[tokio::test]
async fn a_hundred_thousand_names_in_an_emit_of_a_typescript_node_cost_their_length() {
    let mut scene = Scene::start().await;
    let names = many(100_000, "arena");
    let mut emit = json!({
        "rooms": names, "exceptRooms": [], "excludeId": null, "type": "player:move", "emitPayload": { "x": 1, "y": 0 },
    });
    scene.say(TYPESCRIPT, "__pp_remote_emit", emit.to_string()).await;
    scene.gets(1.0).await;
    (emit["exceptRooms"], emit["rooms"]) = (emit["rooms"].take(), json!(["arena"]));
    scene.say(TYPESCRIPT, "__pp_remote_emit", emit.to_string()).await;
    scene.redis.publish("pp:ch:__pp_all", &moved(2.0)).await;
    scene.gets(2.0).await;
    assert_eq!((scene.adapter.stats().leases_lost, scene.node.stats().unreadable), (0, 0));
}

#[tokio::test]
async fn as_many_names_as_may_be_in_emits_and_orders_cost_their_length() {
    let mut scene = Scene::start().await;
    let (most, few) = (many(65535, "arena"), many(30_000, "arena"));
    let id = within("an answer", scene.node.everybody().sockets()).await.expect("a right audience").value.remove(0).id;
    let (with_client, none) = (many(65535, &id), Vec::new());
    for (x, lists) in [
        (1.0, [&most, &none, &none, &none]),
        (2.0, [&none, &with_client, &none, &none]),
        (-1.0, [&few, &none, &few, &none]),
        (-1.0, [&none, &none, &most, &none]),
        (-1.0, [&none, &none, &none, &with_client]),
        (3.0, [&few, &few, &none, &none]),
    ] {
        scene.say(CLUSTER, "__pp_to", emit_to(lists.map(Vec::as_slice), &moved(x))).await;
    }
    for x in [1.0, 2.0, 3.0] {
        scene.gets(x).await;
    }
    let there = peer::sockets_are(&[(&id, &["arena"])]);
    for lists in [[&most, &none], [&none, &with_client], [&few, &few]] {
        let lists = peer::audience([lists[0], lists[1], &none, &none].map(Vec::as_slice));
        assert_eq!(scene.ask(peer::sockets(lists)).await, there);
    }
    let all_but_one = peer::audience([&none, &none, &none, &with_client].map(Vec::as_slice));
    assert_eq!(scene.ask(peer::sockets(all_but_one)).await, peer::sockets_are(&[]));
    assert_eq!((scene.adapter.stats().leases_lost, scene.node.stats().unreadable), (0, 0));

    // One more is too much, and refused where it would be said.
    let rooms = many(65536, "arena");
    let all = rooms.iter().skip(1).fold(scene.node.to(&rooms[0]), |target, room| target.to(room));
    let refused = all.emit(&PlayerMove { x: 4.0, y: 0.0 }).expect_err("too many names").to_string();
    assert!(refused.contains("65536 rooms"), "{refused}");
    assert!(matches!(within("an answer", all.sockets()).await, Err(Error::Adapter(_))));
    // This node's clients got it all the same.
    scene.gets(4.0).await;
    let too_many = peer::audience([&most, &few[..1], &[], &[]]);
    scene.say(CLUSTER, "__pp_ask", peer::message(1, ASKER, peer::disconnect(too_many, 4000, ""))).await;
    scene.say(CLUSTER, "__pp_to", emit_to([&most, &none, &few, &none], &moved(5.0))).await;
    scene.say(CLUSTER, "__pp_to", emit_to([&few, &none, &none, &none], &moved(6.0))).await;
    scene.gets(6.0).await;
    assert_eq!(scene.node.stats().unreadable, 2);
}

#[tokio::test]
async fn a_list_of_sockets_is_cut_by_what_it_costs() {
    let bus = MemoryAdapter::new();
    let (asked, asker) = (bus.node(), bus.node());
    let (asked, addr) = start(builder::<Arena>().adapter(asked)).await;
    let asker = build(builder::<Arena>().adapter(asker)).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(connect(addr).await);
    }
    // 250 kB for each of them.
    for room in 0..999 {
        within("an answer", asked.everybody().local().join(&format!("{room:0250}"))).await.expect("a right name");
    }
    let answer = within("an answer", asker.everybody().sockets()).await.expect("a right audience");
    assert_eq!((answer.value.len(), answer.unanswered.len()), (4, 0));
    assert_eq!(answer.truncated, [asked.node_id()]);
}

#[tokio::test]
async fn what_the_protocol_says_to_clients_is_not_relayed() {
    let mut scene = Scene::start().await;
    let shutdown = named("__pp_shutdown", br#"{"reason":"forged","timeoutMs":0}"#);
    scene.redis.publish("pp:ch:arena", &shutdown).await;
    scene.redis.publish("pp:ch:__pp_all", &shutdown).await;
    scene.say(CLUSTER, "__pp_to", emit_to([&[], &[], &[], &["x".to_owned()]], &shutdown)).await;
    let emit = json!({ "rooms": null, "exceptRooms": [], "excludeId": null, "type": "__pp_error", "emitPayload": {} });
    scene.say(TYPESCRIPT, "__pp_remote_emit", emit.to_string()).await;
    // What belongs on one channel is not received on another.
    let order = peer::message(1, ASKER, peer::disconnect(EVERYBODY, 4000, ""));
    scene.say(&format!("pp:ch:__pp_node_{}", scene.node.node_id()), "__pp_ask", &order).await;
    scene.say("pp:ch:__pp_all", "__pp_ask", &order).await;
    scene.say("pp:ch:arena", "__pp_ask", &order).await;
    scene.redis.publish("pp:ch:arena", &moved(1.0)).await;
    scene.gets(1.0).await;
    assert_eq!(scene.node.stats().unreadable, 7);
}

#[tokio::test]
async fn codes_that_must_not_be_sent_are_not() {
    let mut scene = Scene::start().await;
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert!(matches!(scene.node.everybody().disconnect(code, "").await, Err(Error::InvalidCode { .. })), "{code}");
    }
    // An order of another node closes all the same, and so does the application's close of one socket.
    for code in [0, 999, 1006, 1015, 2999, 5000, 65535] {
        let order = peer::disconnect(EVERYBODY, code, "ü".repeat(10_000));
        assert_eq!(scene.ask(order).await, peer::done(1));
        assert_eq!(scene.client.next_close().await, 1000, "{code}");
        scene.client = Client::connect(&url(&scene.node)).await;
    }
    for (code, sent) in [(1005, 1000), (1012, 1012), (3000, 3000), (4321, 4321)] {
        scene.client.send_text(&json!({ "type": "close me", "payload": code }).to_string()).await;
        assert_eq!(scene.client.next_close().await, sent);
        scene.client = Client::connect(&url(&scene.node)).await;
    }
}

#[tokio::test]
async fn orders_that_make_no_sense_do_nothing() {
    let mut scene = Scene::start().await;
    let long = "x".repeat(256);
    for room in ["", "__pp_all", &long] {
        assert_eq!(scene.ask(peer::join(EVERYBODY, room)).await, peer::done(0), "{room}");
        assert_eq!(scene.ask(peer::leave(EVERYBODY, room)).await, peer::done(0), "{room}");
    }
    let id = within("an answer", scene.node.everybody().sockets()).await.expect("a right audience").value.remove(0).id;
    assert_eq!(scene.ask(peer::sockets(EVERYBODY)).await, peer::sockets_are(&[(&id, &["arena"])]));

    // An audience that can't be read is not one at everybody, and what is no node gets no reply.
    let disconnect = |audience: &[u8]| peer::disconnect(audience, 4000, "");
    let mut nonsense = Vec::new();
    let red = ["red".to_owned()];
    let whole = peer::audience([&red, &red, &red, &red]);
    let mut audiences: Vec<Vec<u8>> = (0..whole.len()).map(|len| whole[..len].to_vec()).collect();
    // Lists that a later version may have added, and names that are no text.
    audiences.push([&EVERYBODY[..], &[0, 0]].concat());
    audiences.push(vec![0, 1, 1, 0xff, 0, 0, 0, 0, 0, 0]);
    nonsense.extend(audiences.iter().map(|audience| peer::message(1, ASKER, disconnect(audience))));
    for from in ["all", "a channel, and", "", "a channel, and a "] {
        nonsense.push(peer::message(1, from, disconnect(&EVERYBODY)));
    }
    let whole = peer::message(1, ASKER, disconnect(&EVERYBODY));
    nonsense.extend((0..whole.len()).map(|len| whole[..len].to_vec()));
    nonsense.push(peer::message(1, ASKER, peer::join(EVERYBODY, [0xff])));
    nonsense.push([whole, vec![0; 4 << 20]].concat());
    for order in &nonsense {
        scene.say(CLUSTER, "__pp_ask", order).await;
    }
    scene.say(CLUSTER, "__pp_to", emit_to([&["arena".to_owned()], &[], &["x".to_owned()], &[]], &moved(1.0))).await;
    scene.gets(1.0).await;
    assert_eq!(scene.node.stats().unreadable, nonsense.len() as u64);
}

#[tokio::test]
async fn mutated_messages_of_nodes_do_no_harm() {
    let mut scene = Scene::start().await;
    let ask = |request: Vec<u8>| named("__pp_ask", &peer::message(7, ASKER, request));
    let inbox = format!("pp:ch:__pp_node_{}", scene.node.node_id());
    let emit = json!({
        "rooms": ["arena", "b"], "exceptRooms": ["c"], "excludeId": "x", "type": "player:move", "emitPayload": { "x": 1, "y": 0 },
    });
    let names = many(9, "arena");
    let whole = [
        (CLUSTER, named("__pp_to", &emit_to([&names, &names, &[], &names[..1]], &moved(1.0)))),
        (CLUSTER, ask(peer::sockets(peer::audience([&names, &[], &[], &[]])))),
        (CLUSTER, ask(peer::join(peer::audience([&[], &names, &[], &[]]), "b"))),
        (CLUSTER, ask(peer::schema(7))),
        (&inbox, reply(7, ASKER, &peer::schema_is(&description::<Wrong>()))),
        (TYPESCRIPT, named("__pp_remote_emit", emit.to_string().as_bytes())),
        ("pp:ch:arena", moved(1.0)),
    ];
    // The same in every run.
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = move |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % sides as u64) as usize
    };
    for _ in 0..300 {
        for (channel, whole) in &whole {
            let mut message = whole.clone();
            for _ in 0..=roll(3) {
                let at = roll(message.len());
                match roll(4) {
                    0 => message[at] ^= 1 << roll(8),
                    1 => message[at] = roll(256) as u8,
                    2 => message.insert(at, roll(256) as u8),
                    _ => message.truncate(at.max(1)),
                }
            }
            scene.redis.publish(channel, &message).await;
        }
    }
    let everybody = emit_to([&[], &[], &["nobody's".to_owned()], &[]], &moved(-123.0));
    scene.say(CLUSTER, "__pp_to", everybody).await;
    let last = async { while scene.client.next_frame().await != player_move(-123.0, 0.0) {} };
    within("the last message", last).await;
    assert_eq!(scene.ask(peer::NODE).await, peer::node(1));
}

/// The same events as the arena's, and one more.
#[derive(PPEvent)]
#[pp(event = "player:left", id = 77)]
struct PlayerLeft {
    player: u32,
}

/// Not the same.
#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
struct Different {
    x: f32,
    y: f64,
}

schema! { Newer { PlayerMove, PlayerLeft } }
schema! { Wrong { Different } }

/// What a node with this schema says that is asked for it.
fn description<S: Schema>() -> String {
    S::registry().describe().to_string()
}

fn reply(number: u64, from: &str, reply: &[u8]) -> Vec<u8> {
    named("__pp_reply", &peer::message(number, from, reply))
}

/// The number of the next question, and the channel that its answers go to.
async fn next_question(tap: &mut Tap) -> (u64, String) {
    let question = tap.next_on(CLUSTER).await;
    let question = question.strip_prefix(&*named("__pp_ask", b"")).expect("a question");
    let (number, from) = question.split_first_chunk().expect("a number");
    let from = std::str::from_utf8(&from[1..=ASKER.len()]).expect("an id");
    (u64::from_be_bytes(*number), format!("pp:ch:__pp_node_{from}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_answers_keep_no_node_out() {
    let redis = Arc::new(RedisServer::start().await);
    let node = |adapter| builder::<Arena>().adapter(adapter).build();
    let there = node(redis.adapter().await).await.expect("a node");
    // It is listed and does not answer, so that there is all the time in the world to answer in its place.
    let adapter = redis.adapter().await;
    within("a member", adapter.add_to_room("__pp_nodes", "ghost")).await.expect("written");
    // Somebody who may publish, knows who is there, and receives no question.
    let (forger, done) = (redis.clone(), Arc::new(AtomicBool::new(false)));
    let (until, real) = (done.clone(), there.node_id().to_owned());
    let wrong = peer::schema_is(&description::<Wrong>());
    let forging = tokio::spawn(async move {
        let mut forged = 0_u64;
        while !until.load(Relaxed) {
            let nodes = text(&forger.ask(&["SMEMBERS", "pp:room:__pp_nodes"]).await);
            for node in nodes.split(' ').filter(|node| **node != *real && *node != "ghost") {
                let inbox = format!("pp:ch:__pp_node_{node}");
                for (number, from) in (0..10).flat_map(|number| [(number, "ghost"), (number, &real), (number, node)]) {
                    forger.publish(&inbox, &reply(number, from, &wrong)).await;
                    forged += 1;
                }
            }
        }
        forged
    });
    let joins = builder::<Newer>().ask_timeout(Duration::from_secs(2));
    let joins = joins.adapter(redis.adapter().await).build().await;
    done.store(true, Relaxed);
    assert!(within("the forger to end", forging).await.expect("it has not failed") > 0);
    // Mixed: one has player:hit, the other player:left.
    assert_eq!(joins.expect("nobody says otherwise").schema_fit(), SchemaFit::Mixed);
}

#[tokio::test]
async fn a_reply_counts_once_and_only_from_who_was_asked() {
    let scene = Scene::start().await;
    within("a member", scene.adapter.add_to_room("__pp_nodes", "ghost")).await.expect("written");
    let mut tap = scene.redis.tap().await;
    let asking = scene.node.nodes();
    let answering = async {
        let (number, inbox) = next_question(&mut tap).await;
        let wrong = number.wrapping_add(1);
        for (number, from, value) in
            [(wrong, "ghost", 1), (number, "another", 2), (number, "ghost", 3), (number, "ghost", 4)]
        {
            scene.redis.publish(&inbox, &reply(number, from, &peer::node(value))).await;
        }
        number
    };
    let (answer, first) = tokio::join!(asking, answering);
    let mut nodes: Vec<_> = answer.value.iter().map(|node| (node.id.as_str(), node.connections)).collect();
    nodes.sort_by_key(|(_, connections)| std::cmp::Reverse(*connections));
    assert_eq!(nodes, [("ghost", 3), (scene.node.node_id(), 1)]);
    assert!(answer.unanswered.is_empty());

    // The next question has another number.
    let (_, (second, _)) = tokio::join!(scene.node.nodes(), next_question(&mut tap));
    assert!(first.abs_diff(second) > 1 << 20, "{first} and {second} can be guessed from each other");
}

#[tokio::test]
async fn nodes_of_another_version_are_understood_as_far_as_it_goes() {
    let redis = RedisServer::start().await;
    let adapter = redis.adapter().await;
    // Who does not answer is waited for longer than this test.
    let (node, addr) = start(builder::<Arena>().ask_timeout(10 * PATIENCE).adapter(adapter)).await;
    let adapter = redis.adapter().await;
    let client = connect(addr).await;
    let mut tap = redis.tap().await;
    let ask = async |tap: &mut Tap, request: &[u8]| {
        redis.publish(CLUSTER, &named("__pp_ask", &peer::message(1, ASKER, request))).await;
        tap.next_on(&format!("pp:ch:__pp_node_{ASKER}")).await
    };
    // A request that it does not know, and what a later version has appended to one that it knows.
    assert_eq!(ask(&mut tap, peer::LATER).await, reply(1, node.node_id(), peer::UNKNOWN));
    let appended = [peer::NODE, b"and more"].concat();
    assert_eq!(ask(&mut tap, &appended).await, reply(1, node.node_id(), &peer::node(1)));

    // Nodes that do not know the request, or whose reply is not known, are silent at once; what is appended does no harm.
    for ghost in ["older", "newer", "other", "longer"] {
        within("a member", adapter.add_to_room("__pp_nodes", ghost)).await.expect("written");
    }
    let (answer, ()) = tokio::join!(within("the answers", node.nodes()), async {
        let (number, inbox) = next_question(&mut tap).await;
        let longer = [&*peer::node(5), b"and more"].concat();
        for (from, what) in
            [("older", peer::UNKNOWN), ("newer", peer::LATER), ("other", &peer::done(1)), ("longer", &longer)]
        {
            redis.publish(&inbox, &reply(number, from, what)).await;
        }
    });
    let mut connections: Vec<_> = answer.value.iter().map(|node| node.connections).collect();
    connections.sort_unstable();
    assert_eq!((connections, answer.unanswered), (vec![1, 5], ["newer", "older", "other"].map(str::to_owned).to_vec()));
    assert_eq!(node.stats().unreadable, 0);
    drop(client);
}

#[tokio::test]
async fn a_node_that_starts_after_a_crash_asks_nobody() {
    let mut cluster = Cluster::start().await;
    cluster.left.kill9().await;
    cluster.right.kill9().await;
    let keys = |answer: &Value| text(answer).split(' ').map(str::to_owned).collect::<HashSet<_>>();
    let nodes = keys(&cluster.redis.ask(&["SMEMBERS", "pp:room:__pp_nodes"]).await);
    assert_eq!(nodes.len(), 2, "nobody has removed them yet");

    let mut tap = cluster.redis.tap().await;
    let comes = process::Arena::start(Some(&cluster.redis.url())).await;
    cluster.redis.publish("the end", b"").await;
    let mut channels = HashSet::new();
    while !channels.contains("the end") {
        channels.insert(tap.next().await.0);
    }
    assert!(!channels.contains(CLUSTER), "it has asked: {channels:?}");
    assert_eq!(keys(&cluster.redis.ask(&["SMEMBERS", "pp:room:__pp_nodes"]).await).len(), 3);
    drop(comes);
}

#[tokio::test]
async fn a_dead_node_with_another_schema_is_waited_for_until_it_is_removed() {
    let redis = RedisServer::start().await;
    let adapter = || RedisAdapter::builder().url(redis.url()).lease(Duration::from_millis(600)).connect();
    let dies =
        within("a node", builder::<Newer>().adapter(adapter().await.expect("connects")).build()).await.expect("a node");
    // As if it was killed.
    drop(dies);
    let comes = builder::<Arena>().adapter(adapter().await.expect("connects"));
    let comes = comes.ask_timeout(10 * PATIENCE).build();
    let comes = within("a node to start", comes).await.expect("the dead do not contradict");
    assert_eq!(comes.schema_fit(), SchemaFit::Alone);
    close(&comes).await;
    redis.assert_empty().await;
}

#[tokio::test]
async fn a_node_is_in_the_room_of_its_schema_before_it_is_listed() {
    let redis = RedisServer::start().await;
    let mut monitor = redis.monitor().await;
    let connect = async || redis.adapter().await;
    let first = build(builder::<Arena>().adapter(connect().await)).await;
    // Each is the next of those that are about the node.
    let id = first.node_id();
    let writes = [id, id, id, id].map(|id| ["\"SADD\" \"pp:room:__pp_", id]);
    assert!(monitor.next_with(&writes[0]).await.contains("pp:room:__pp_schema_"));
    assert!(monitor.next_with(&writes[1]).await.contains("pp:room:__pp_nodes"));

    let mut tap = redis.tap().await;
    let second = build(builder::<Arena>().adapter(connect().await)).await;
    assert_eq!((first.schema_fit(), second.schema_fit()), (SchemaFit::Alone, SchemaFit::Same));
    let newer = build(builder::<Newer>().adapter(connect().await)).await;
    assert_eq!(newer.schema_fit(), SchemaFit::Mixed);
    redis.publish("the end", b"").await;
    let mut questions = 0;
    loop {
        let (channel, _) = tap.next().await;
        questions += usize::from(channel == CLUSTER);
        if channel == "the end" {
            break;
        }
    }
    assert_eq!(questions, 1, "only the last of them had somebody to ask");
    for node in [first, second] {
        close(&node).await;
    }
    close(&newer).await;
    redis.assert_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_start_at_once_and_contradict_each_other_one_refuses_at_least() {
    let redis = RedisServer::start().await;
    for round in 0..20 {
        let adapter = || RedisAdapter::builder().url(redis.url()).key_prefix(format!("round-{round}:")).connect();
        let (left, right) = within("both adapters", async { tokio::join!(adapter(), adapter()) }).await;
        let (left, right) = (left.expect("connects"), right.expect("connects"));
        let left = tokio::spawn(builder::<Arena>().adapter(left).build());
        let right = tokio::spawn(builder::<Wrong>().adapter(right).build());
        let both = within("both nodes", async { tokio::join!(left, right) }).await;
        let (left, right) = (both.0.expect("no panic"), both.1.expect("no panic"));
        let refused = |error: Option<Error>| matches!(error, Some(Error::SchemaConflict { .. }));
        assert!(refused(left.err()) || refused(right.err()), "round {round}");
    }
}

/// Runs a command as a user, and says whether Redis' ACL forbids it.
async fn is_forbidden(redis: &RedisServer, user: &str, password: &str, words: &[&[u8]]) -> bool {
    let url = format!("redis://{user}:{password}@127.0.0.1:{}", redis.port());
    let client = redis::Client::open(url).expect("a right address");
    let connecting = client.get_multiplexed_async_connection();
    let mut connection = within("a connection", connecting).await.expect("the password is right");
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    match within("Redis to answer", command.query_async::<Value>(&mut connection)).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.code(), Some("NOPERM"), "{error}");
            true
        }
    }
}

#[tokio::test]
async fn the_acl_of_the_documentation_lets_everybody_do_their_work_and_no_more() {
    let documentation = include_str!("../../../docs/redis.md");
    let users: Vec<&str> = documentation.lines().filter(|line| line.starts_with("user ")).collect();
    assert_eq!(users.len(), 4, "default, node, worker, typescript");
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("users.acl");
    std::fs::write(&file, users.join("\n")).expect("a file can be written");
    let redis = RedisServer::start_with(&["--aclfile", file.to_str().expect("a plain path")]).await;
    let (node, worker) = (("node", "a-long-secret"), ("worker", "another-secret"));
    let adapter = async |(user, password): (&str, &str)| {
        let builder = RedisAdapter::builder().host("127.0.0.1").port(redis.port());
        Arc::new(builder.username(user).password(password).connect().await.expect("connects"))
    };

    // Nodes: emits of every kind, questions, members.
    let (left, right) = (adapter(node).await, adapter(node).await);
    let (here, addr) = start(builder::<Arena>().adapter(left.clone())).await;
    let there = build(builder::<Arena>().adapter(right.clone())).await;
    let mut client = connect(addr).await;
    there.to("arena").emit(&PlayerMove { x: 1.0, y: 0.0 }).expect("emitted");
    client.expect_frame(&player_move(1.0, 0.0)).await;
    there.to("arena").to("b").emit(&PlayerMove { x: 2.0, y: 0.0 }).expect("emitted");
    client.expect_frame(&player_move(2.0, 0.0)).await;
    assert_eq!(within("an answer", there.to("arena").sockets()).await.expect("a right name").value.len(), 1);
    assert_eq!(within("an answer", there.members("arena")).await.expect("Redis answers").len(), 1);

    // Workers: to one room, and to everybody. What takes the channel of the cluster is refused.
    let emitter_adapter = adapter(worker).await;
    let emitter = Emitter::<Arena>::new(emitter_adapter.clone());
    emitter.to("arena").to("b").emit(&PlayerMove { x: 3.0, y: 0.0 }).expect("queued");
    emitter.to("arena").emit(&PlayerMove { x: 4.0, y: 0.0 }).expect("queued");
    client.expect_frame(&player_move(4.0, 0.0)).await;
    emitter.broadcast(&PlayerMove { x: 5.0, y: 0.0 }).expect("queued");
    client.expect_frame(&player_move(5.0, 0.0)).await;
    within("the emitter to close", emitter.close()).await.expect("all is sent");
    assert_eq!(emitter_adapter.stats().rejected, 1);
    let inbox = format!("pp:ch:__pp_node_{}", here.node_id());
    let message = moved(6.0);
    for channel in [CLUSTER, TYPESCRIPT, &inbox] {
        for words in [&[b"PUBLISH", channel.as_bytes(), &message][..], &[b"SUBSCRIBE", channel.as_bytes()]] {
            assert!(is_forbidden(&redis, worker.0, worker.1, words).await, "{channel}");
        }
    }
    for words in
        [&[b"SADD", &b"pp:room:__pp_nodes"[..], b"x"][..], &[b"DEL", b"pp:nodes"], &[b"CLIENT", b"KILL", b"ID", b"1"]]
    {
        assert!(is_forbidden(&redis, worker.0, worker.1, words).await);
    }

    // Nodes of the other implementation: their one channel, and the members of rooms.
    let emit = json!({
        "rooms": ["arena"], "exceptRooms": [], "excludeId": null, "type": "player:move", "emitPayload": { "x": 7, "y": 0 },
    });
    let emit = named("__pp_remote_emit", emit.to_string().as_bytes());
    let typescript = async |words: &[&[u8]]| !is_forbidden(&redis, "typescript", "a-third-secret", words).await;
    assert!(typescript(&[b"PUBLISH", TYPESCRIPT.as_bytes(), &emit]).await);
    client.expect_frame(&player_move(7.0, 0.0)).await;
    assert!(typescript(&[b"SADD", b"pp:room:arena", b"theirs"]).await);
    assert!(typescript(&[b"SADD", b"pp:client:theirs:rooms", b"arena"]).await);
    assert_eq!(within("an answer", there.members("arena")).await.expect("Redis answers").len(), 2);
    assert!(typescript(&[b"SREM", b"pp:room:arena", b"theirs"]).await);
    assert!(typescript(&[b"DEL", b"pp:client:theirs:rooms"]).await);
    for channel in [CLUSTER, "pp:ch:__pp_all", "pp:ch:arena", &inbox] {
        assert!(!typescript(&[b"PUBLISH", channel.as_bytes(), &message]).await, "{channel}");
    }
    assert!(!typescript(&[b"SADD", b"pp:room:__pp_nodes", b"x"]).await);
    assert!(!typescript(&[b"DEL", b"pp:nodes"]).await);

    drop(client);
    for (node, adapter) in [(here, left), (there, right)] {
        close(&node).await;
        assert_eq!(adapter.stats().last_error, None);
    }
}
