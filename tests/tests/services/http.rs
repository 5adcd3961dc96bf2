//! Connections that are no WebSockets, or not yet: one that keeps the server waiting has an end, takes no room from others, and nobody
//! notices.

use std::{future::ready, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::IntoResponse,
    routing::{any, get, post},
};
use painda_runtime::{
    PPServer,
    server::{PPServerBuilder, is_upgrade},
};
use painda_tests::{
    client::Client,
    frames::player_move,
    process::Arena as Process,
    raw::Raw,
    server::{build, close, echo, start},
    within,
};
use schemas::Arena;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

const HALF_A_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost:";
const SILENT: [&[u8]; 4] = [b"", HALF_A_REQUEST, GET, b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n"];
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

/// Short, so that a test can wait for it.
fn builder() -> PPServerBuilder<Arena> {
    echo().handshake_timeout(Duration::from_millis(300))
}

/// A server with an application beside it, and what a test knows of that.
struct Scene {
    server: PPServer<Arena>,
    addr: SocketAddr,
    serving: JoinHandle<()>,
    /// `/slow` answers when it is told.
    answer: Arc<Notify>,
    /// Told when somebody asks for `/slow`.
    asked: mpsc::UnboundedReceiver<()>,
    /// Told when an answer of `/endless` or `/large` is dropped.
    dropped: mpsc::UnboundedReceiver<()>,
}

impl Scene {
    async fn start(builder: PPServerBuilder<Arena>) -> Self {
        let server = build(builder).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let answer = Arc::new(Notify::new());
        let (ask, asked) = mpsc::unbounded_channel();
        let (drops, dropped) = mpsc::unbounded_channel();
        let large = drops.clone();
        let told = answer.clone();
        let app = Router::new()
            .route("/", any(root))
            .route(
                "/slow",
                get(move || async move {
                    let _ = ask.send(());
                    told.notified().await;
                    "at last"
                }),
            )
            .route("/upload", post(async |body: Bytes| body.len().to_string()))
            .route("/large", get(move || ready(chunks(Some(1), LARGE, &large))))
            .route("/endless", get(move || ready(chunks(None, 4096, &drops))))
            .with_state(server.clone());
        let served = server.clone();
        let serving = tokio::spawn(async move { served.serve(listener, app).await });
        Self { server, addr, serving, answer, asked, dropped }
    }

    async fn send(&self, bytes: &[u8]) -> Raw {
        let mut raw = Raw::open(self.addr).await;
        raw.write(bytes).await;
        raw
    }

    /// A client comes in, and is answered.
    async fn others_come_in(&self) {
        comes_in(&format!("ws://{}/", self.addr)).await;
    }
}

async fn comes_in(url: &str) -> Client {
    let mut client = Client::connect(url).await;
    client.send_binary(player_move(1.0, 1.0)).await;
    client.expect_frame(&player_move(1.0, 1.0)).await;
    client
}

const LARGE: usize = 32 << 20;

async fn root(State(server): State<PPServer<Arena>>, request: Request) -> impl IntoResponse {
    match is_upgrade(&request) {
        true => server.handle(request).await.map(Body::new),
        false => "a page".into_response(),
    }
}

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// `count` chunks of `bytes` bytes each; without a count they never end.
fn chunks(count: Option<usize>, bytes: usize, drops: &mpsc::UnboundedSender<()>) -> Body {
    let chunks = (Told(drops.clone()), 0);
    Body::from_stream(futures_util::stream::unfold(chunks, move |(told, sent)| async move {
        let chunk = (count != Some(sent)).then(|| Ok::<_, std::io::Error>(vec![b'x'; bytes]));
        chunk.map(|chunk| (chunk, (told, sent + 1)))
    }))
}

#[tokio::test]
async fn silent_connections_and_halves_of_requests_are_closed() {
    let (_own, own_addr) = start(builder()).await;
    let scene = Scene::start(builder()).await;
    for addr in [own_addr, scene.addr] {
        let (mut silent, mut half) = (Raw::open(addr).await, Raw::open(addr).await);
        half.write(HALF_A_REQUEST).await;
        let good = comes_in(&format!("ws://{addr}/")).await;
        silent.ended().await;
        half.ended().await;
        drop(good);
    }
    scene.others_come_in().await;
}

#[tokio::test]
async fn a_request_that_trickles_in_is_closed() {
    let scene = Scene::start(builder()).await;
    scene.send(HALF_A_REQUEST).await.trickle().await;
    scene.others_come_in().await;
}

#[tokio::test]
async fn a_connection_that_is_kept_alive_and_idle_is_closed() {
    let scene = Scene::start(builder()).await;
    let mut idle = scene.send(GET).await;
    assert!(idle.head().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(idle.bytes(6).await, b"a page");
    // It may have another one meanwhile.
    idle.write(GET).await;
    assert!(idle.head().await.starts_with("HTTP/1.1 200 "));
    idle.ended().await;
    scene.others_come_in().await;
}

#[tokio::test]
async fn a_listener_for_websockets_alone_answers_anything_else_once() {
    // No timeout helps here.
    let (_server, addr) = start(builder().handshake_timeout(Duration::from_secs(600))).await;
    let mut raw = Raw::open(addr).await;
    raw.write(&GET.repeat(2)).await;
    let answers = raw.rest().await;
    assert_eq!(answers.matches("HTTP/1.1 426 ").count(), 1, "{answers}");
}

#[tokio::test]
async fn a_body_that_stops_is_closed() {
    let scene = Scene::start(builder()).await;
    let post = |length: usize| format!("POST /upload HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n\r\nhello");
    let mut whole = scene.send(post(5).as_bytes()).await;
    assert!(whole.head().await.starts_with("HTTP/1.1 200 "));
    let mut stopped = scene.send(post(6).as_bytes()).await;
    let chunked = b"POST /upload HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let mut unfinished = scene.send(chunked).await;
    stopped.ended().await;
    unfinished.ended().await;
    scene.others_come_in().await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    for path in ["/endless", "/large"] {
        let mut scene = Scene::start(builder()).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
        let unread = scene.send(request.repeat(3).as_bytes()).await;
        within("the answer to be dropped", scene.dropped.recv()).await;
        scene.others_come_in().await;
        drop(unread);
    }
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_arrives() {
    let scene = Scene::start(builder()).await;
    let mut slow = scene.send(b"GET /large HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
    assert!(slow.head().await.starts_with("HTTP/1.1 200 "));
    // It takes several times as long as a client may be silent.
    for _ in 0..LARGE >> 20 {
        slow.bytes(1 << 20).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    slow.rest().await;
    scene.others_come_in().await;
}

#[tokio::test]
async fn an_application_may_take_its_time() {
    let mut scene = Scene::start(builder()).await;
    let mut asking = scene.send(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    within("the request", scene.asked.recv()).await;
    // Longer than any client may.
    for _ in 0..4 {
        Raw::open(scene.addr).await.ended().await;
    }
    scene.answer.notify_one();
    assert!(asking.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn where_too_many_wait_the_one_goes_that_has_waited_longest() {
    // No timeout helps here.
    let mut scene = Scene::start(builder().handshake_timeout(Duration::from_secs(600)).max_pending(3)).await;
    // Neither WebSockets are counted, nor requests that are being answered.
    let mut good = comes_in(&format!("ws://{}/", scene.addr)).await;
    let mut asking = scene.send(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    within("the request", scene.asked.recv()).await;
    let mut waiting = std::collections::VecDeque::new();
    for n in 0..30 {
        let mut next = scene.send(if n % 2 == 0 { HALF_A_REQUEST } else { GET }).await;
        if n % 2 == 1 {
            assert!(next.head().await.starts_with("HTTP/1.1 200 "));
        }
        waiting.push_back(next);
        if waiting.len() > 3 {
            waiting.pop_front().expect("the oldest").ended().await;
        }
    }
    scene.others_come_in().await;
    good.send_binary(player_move(2.0, 2.0)).await;
    good.expect_frame(&player_move(2.0, 2.0)).await;
    scene.answer.notify_one();
    assert!(asking.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_server_that_stops_ends_what_has_begun_and_nothing_else() {
    // No timeout helps here.
    let mut scene = Scene::start(builder().handshake_timeout(Duration::from_secs(600))).await;
    let (silent, half) = (Raw::open(scene.addr).await, scene.send(HALF_A_REQUEST).await);
    let mut idle = scene.send(GET).await;
    assert!(idle.head().await.starts_with("HTTP/1.1 200 "));
    let mut asking = scene.send(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    within("the request", scene.asked.recv()).await;
    close(&scene.server).await;
    for mut waiting in [silent, half, idle] {
        waiting.ended().await;
    }
    assert!(!scene.serving.is_finished());
    scene.answer.notify_one();
    assert!(asking.rest().await.starts_with("HTTP/1.1 200 "));
    within("the server to end", scene.serving).await.expect("no panic");
}

#[tokio::test]
async fn an_application_that_never_answers_is_cut_off_when_the_server_stops() {
    let mut scene = Scene::start(builder().shutdown_timeout(Duration::from_millis(100))).await;
    let mut asking = scene.send(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    within("the request", scene.asked.recv()).await;
    close(&scene.server).await;
    within("the server to end", scene.serving).await.expect("no panic");
    assert_eq!(asking.rest().await, "");
}

#[tokio::test]
async fn silent_connections_do_not_lock_the_arena() {
    let mut arena = Process::with_file_descriptors(100).await;
    let mut early = [Client::connect(&arena.ws_url("early")).await, Client::connect(&arena.ws_url("early")).await];
    let mut silent = Vec::new();
    for bytes in SILENT.iter().cycle().take(110) {
        let mut raw = Raw::open(arena.addr()).await;
        raw.write(bytes).await;
        silent.push(raw);
    }
    // They come in now, and not only when the silent ones' time is over.
    let mut late = [Client::connect(&arena.ws_url("late")).await, Client::connect(&arena.ws_url("late")).await];
    for [one, other] in [&mut early, &mut late] {
        one.send_binary(player_move(1.0, 2.0)).await;
        other.expect_frame(&player_move(1.0, 2.0)).await;
    }
    for mut raw in silent {
        raw.ended().await;
    }
    for [one, other] in [&mut early, &mut late] {
        one.send_binary(player_move(3.0, 4.0)).await;
        other.expect_frame(&player_move(3.0, 4.0)).await;
    }
    arena.assert_running();
    arena.sigterm();
    assert!(arena.wait().await.success());
}

#[tokio::test]
async fn websockets_up_to_the_last_file_descriptor_leave_the_others_alone() {
    let mut arena = Process::with_file_descriptors(100).await;
    let mut clients = Vec::new();
    // Those that there is no room for are turned away, and do not hang.
    let mut raws = Vec::new();
    for _ in 0..150 {
        raws.push(Raw::knock(arena.addr(), "/", "").await);
    }
    for mut raw in raws {
        if raw.head_if_any().await.is_some_and(|head| head.starts_with("HTTP/1.1 101 ")) {
            clients.push(raw);
        }
    }
    assert!((50..100).contains(&clients.len()), "{} of 150 came in", clients.len());
    let moved = player_move(1.0, 2.0);
    clients[0].frame(0x82, &moved).await;
    for client in &mut clients[1..] {
        assert_eq!(client.next().await, Some((0x82, moved.clone())));
    }
    // Once some have gone, others come in.
    clients.truncate(10);
    let mut late = Client::connect(&arena.ws_url("arena")).await;
    late.send_binary(player_move(3.0, 4.0)).await;
    assert_eq!(clients[1].next().await, Some((0x82, player_move(3.0, 4.0))));
    arena.assert_running();
}
