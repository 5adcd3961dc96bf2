//! How much the generator can take: a thread of its own plays a server that writes one event after the other, each with
//! a system call of its own, as fast as the sockets take them.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use wire::{painda, websocket};

use crate::{Dialect, Plan, Report, Swarm};

const CLIENTS: usize = 100;
/// Far above what one thread can write.
const EVENTS_PER_SECOND: f64 = 20_000.0;

/// Receives as much as possible for `time`. What counts in the report is how much arrived, and the generator's CPU time.
///
/// # Errors
/// The connections'.
pub fn measure(dialect: Dialect, time: Duration) -> io::Result<Report> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let node = listener.local_addr()?;
    let writer = thread::spawn(move || flood(dialect, &listener));
    let mut plan = Plan::one_room(dialect, vec![node], CLIENTS, 1, EVENTS_PER_SECOND);
    (plan.warm_up, plan.measure, plan.drain) = (time / 4, time, Duration::ZERO);
    let mut swarm = Swarm::connect(plan)?;
    let report = swarm.run_with(&[], false);
    // The writer ends when it has nobody left.
    drop(swarm);
    writer.join().map_err(|_| io::Error::other("the writer panicked"))??;
    report
}

/// Accepts the clients, then writes until a connection ends.
fn flood(dialect: Dialect, listener: &TcpListener) -> io::Result<()> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (mut client, _) = listener.accept()?;
        client.set_nodelay(true)?;
        welcome(dialect, &mut client)?;
        clients.push(client);
    }
    let mut frame = Vec::new();
    for seq in 0u32.. {
        frame.clear();
        let y = seq as f32 + 0.5;
        match dialect {
            Dialect::Painda => {
                websocket::push(&mut frame, websocket::BINARY, None, &painda::player_move(0.5, y));
            }
            Dialect::SocketIo => {
                let text = format!("42[\"player:move\",{{\"x\":0.5,\"y\":{y}}}]");
                websocket::push(&mut frame, websocket::TEXT, None, text.as_bytes());
            }
        }
        // Not to the first client: it is the sender.
        for client in &mut clients[1..] {
            if client.write_all(&frame).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Answers as far as the generator cares.
fn welcome(dialect: Dialect, client: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while websocket::head_end(&request).is_none() {
        client.read_exact(&mut byte)?;
        request.extend_from_slice(&byte);
    }
    client.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
    if dialect == Dialect::SocketIo {
        let mut greeting = Vec::new();
        websocket::push(&mut greeting, websocket::TEXT, None, b"0{}");
        websocket::push(&mut greeting, websocket::TEXT, None, b"40{}");
        client.write_all(&greeting)?;
    }
    Ok(())
}
