//! Joins and leaves on some threads, emits to other rooms on others, all at once: how many there are a second, and how often one of
//! the threads had to sleep for a lock.
//!
//! `rooms --joiners N --emitters N --seconds S [--redis URL]` prints `emits a second, sleeps of the emitting threads, joins and leaves a
//! second, sleeps of the joining threads`. It uses only what the first release has, so that the same file can be built against it.

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use lexopt::{Arg::Long, ValueExt};
use painda_runtime::{PPAdapter, PPServer, RedisAdapter, Socket, adapter::MemoryAdapter, server::Handshake};
use schemas::{Arena, PlayerMove};

/// The rooms that each thread goes through, which no other thread uses.
const ROOMS: usize = 64;
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(500);

const COUNTS: u8 = 1;
const ENDS: u8 = 2;

/// What a thread has done, and how often it has slept, while it counted.
#[derive(Default)]
struct Done {
    calls: u64,
    sleeps: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut joiners, mut emitters, mut seconds, mut redis) = (0, 0, 1.0, None);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("joiners") => joiners = args.value()?.parse()?,
            Long("emitters") => emitters = args.value()?.parse()?,
            Long("seconds") => seconds = args.value()?.parse()?,
            Long("redis") => redis = Some(args.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (connected, sockets) = mpsc::channel();
    // Outlives the server: another node that subscribes to the rooms which are emitted to.
    let bus = MemoryAdapter::new();
    let other = bus.node();
    let server = runtime.block_on(async {
        let builder = PPServer::<Arena>::builder().heartbeat(Duration::from_secs(600)).on_connect(
            move |socket: Socket<Arena>, _: Handshake| {
                let _ = connected.send(socket);
                async { Ok(()) }
            },
        );
        let builder = match &redis {
            Some(url) => builder.adapter(RedisAdapter::connect(url).await?),
            None => builder.adapter(bus),
        };
        builder.bind("127.0.0.1:0").await
    })?;
    let addr = server.local_addr().ok_or("it does not listen")?;
    // The server's own tasks have a thread for themselves.
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let tasks = thread::spawn(move || runtime.block_on(stopped));

    let connections: Vec<TcpStream> = (0..joiners + emitters).map(|_| connect(addr)).collect::<Result<_, _>>()?;
    let stage = Arc::new(AtomicU8::new(0));
    let mut threads = Vec::new();
    for (number, socket) in sockets.iter().take(connections.len()).enumerate() {
        let rooms: Vec<String> = (0..ROOMS).map(|room| format!("room {number} {room}")).collect();
        let stage = stage.clone();
        let emits = number < emitters;
        if emits {
            for room in &rooms {
                drop(other.subscribe(room, Arc::new(|_| {})));
                // It is in the room at once; what is emitted until the subscription is confirmed waits for that.
                drop(socket.join(room));
            }
        }
        let work = move || if emits { emit(&socket, &rooms, &stage) } else { join_and_leave(&socket, &rooms, &stage) };
        threads.push((emits, thread::spawn(work)));
    }
    thread::sleep(WARM_UP);
    let began = Instant::now();
    stage.store(COUNTS, Relaxed);
    thread::sleep(Duration::from_secs_f64(seconds));
    stage.store(ENDS, Relaxed);
    let seconds = began.elapsed().as_secs_f64();
    let mut done = [Done::default(), Done::default()];
    for (emits, thread) in threads {
        let Done { calls, sleeps } = thread.join().map_err(|_| "a thread panicked")?;
        let sum = &mut done[usize::from(!emits)];
        sum.calls += calls;
        sum.sleeps += sleeps;
    }
    let [emits, joins] = done;
    println!(
        "{:.0} {} {:.0} {}",
        emits.calls as f64 / seconds,
        emits.sleeps,
        joins.calls as f64 / seconds,
        joins.sleeps
    );
    drop(stop);
    let _ = tasks.join();
    Ok(())
}

/// A client, which says nothing and reads nothing.
fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let mut connection = TcpStream::connect(addr)?;
    write!(
        connection,
        "GET / HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    connection.read_exact(&mut [0; 12])?;
    Ok(connection)
}

/// Emits to rooms that the socket is in, but not to itself: nothing is written to anybody here.
fn emit(socket: &Socket<Arena>, rooms: &[String], stage: &AtomicU8) -> Done {
    let mut number = 0.0;
    count(rooms, stage, |room| {
        number += 1.0;
        let queued = socket.to(room).emit(&PlayerMove { x: 0.5, y: number }).is_ok();
        if !queued {
            // The queue to Redis is full. This is no sleep.
            thread::yield_now();
        }
        queued
    })
}

fn join_and_leave(socket: &Socket<Arena>, rooms: &[String], stage: &AtomicU8) -> Done {
    let mut inside = vec![false; rooms.len()];
    let mut at = 0;
    count(rooms, stage, |room| {
        // What is asked for is noted before the future is there, which only waits for Redis.
        if inside[at] {
            drop(socket.leave(room))
        } else {
            drop(socket.join(room))
        }
        inside[at] = !inside[at];
        at = (at + 1) % inside.len();
        true
    })
}

/// Calls for one room after another, and counts from stage to stage what `call` says is to be counted.
fn count(rooms: &[String], stage: &AtomicU8, mut call: impl FnMut(&str) -> bool) -> Done {
    let (mut calls, mut slept) = (0, None);
    for room in rooms.iter().cycle() {
        match (stage.load(Relaxed), slept) {
            (ENDS, slept) => return Done { calls, sleeps: sleeps() - slept.unwrap_or_default() },
            (COUNTS, None) => {
                slept = Some(sleeps());
                calls = 0;
            }
            _ => {}
        }
        calls += u64::from(call(room));
    }
    Done::default()
}

/// How often this thread has gone to sleep. These threads wait for nothing but locks: each is a call of `futex` that waited.
fn sleeps() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}
