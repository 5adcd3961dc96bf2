//! The life of one connection of one attacker, for each way to attack. An error is its end by the node.

use std::{
    io::{self, Read, Write},
    thread::sleep,
    time::Duration,
};

use wire::websocket::{BINARY, CLOSE, MASK, PING, PONG, TEXT};

use crate::{
    ground::Ground,
    inputs::{CHAT_BOMBS, JSON_BOMBS, REFUSED, a_move, chat, emit_to_rooms, typed},
};

/// A short pause.
const BREATH: Duration = Duration::from_millis(100);

pub(crate) fn refusals(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket("/?room=refusals")?;
    for input in REFUSED.iter().cycle().skip(number % REFUSED.len()) {
        client.message(BINARY, input)?;
        client.message(PONG, b"")?;
        sleep(BREATH);
    }
    Ok(())
}

pub(crate) fn bombs(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket(if number < 2 { "/?room=arena" } else { "/?room=bombs" })?;
    loop {
        if number == 1 {
            let text = chat((1 << 20) - 200);
            for _ in 0..12 {
                client.message(TEXT, text.as_bytes())?;
            }
            sleep(10 * BREATH);
        } else {
            for bomb in &*CHAT_BOMBS {
                client.message(BINARY, bomb)?;
                client.write_all(&a_move())?;
                sleep(BREATH);
            }
        }
    }
}

pub(crate) fn bursts(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket("/?room=bursts&hook=loud")?;
    loop {
        client.message(TEXT, typed("burst", "null").as_bytes())?;
        if number.is_multiple_of(2) {
            client.listen(5 * BREATH)?;
        } else {
            sleep(5 * BREATH);
        }
    }
}

pub(crate) fn json(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket("/?room=json")?;
    for bomb in JSON_BOMBS.iter().cycle().skip(number % JSON_BOMBS.len()) {
        client.message(BINARY, bomb)?;
        sleep(BREATH);
    }
    Ok(())
}

pub(crate) fn names(ground: &Ground, _: usize) -> io::Result<()> {
    let mut redis = ground.redis()?;
    let commands = [100_000, 65_000].map(emit_to_rooms);
    for command in commands.iter().cycle() {
        redis.write_all(command)?;
        // How many subscribers have received it.
        let _ = redis.read(&mut [0; 64])?;
        sleep(5 * BREATH);
    }
    Ok(())
}

pub(crate) fn hang(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket("/?room=hang")?;
    let hanging = [typed("hang", "null"), typed("hang:middleware", "null"), typed("__pp_auth", r#"{"token":"t"}"#)];
    client.message(TEXT, hanging[number % 3].as_bytes())?;
    client.write_all(&a_move().repeat(300))?;
    match number / 3 % 3 {
        0 => Ok(()),
        1 => {
            client.message(CLOSE, &1000u16.to_be_bytes())?;
            client.listen(50 * BREATH)
        }
        _ => (0..50).try_for_each(|_| {
            client.message(PING, b"")?;
            client.listen(BREATH)
        }),
    }
}

pub(crate) fn vanish(ground: &Ground, number: usize) -> io::Result<()> {
    let head = |version: &str, host: &str, key: &str| {
        format!(
            "GET /?room=vanish&hook=slow HTTP/{version}\r\n{host}Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nX-Forwarded-For: 192.0.2.{number}\r\n\r\n"
        )
    };
    let (host, key) = ("Host: localhost\r\n", "dGhlIHNhbXBsZSBub25jZQ==");
    let wrong = [head("1.0", host, key), head("1.1", "", key), head("1.1", host, "!")];
    match number % 3 {
        0 => {
            ground.open()?.write_all(head("1.1", host, key).as_bytes())?;
            sleep(BREATH / 2);
        }
        1 => {
            let mut client = ground.open()?;
            client.write_all(wrong[number / 3 % 3].as_bytes())?;
            client.listen(BREATH)?;
        }
        _ => drop(ground.websocket("/?room=vanish&hook=slow")?),
    }
    Ok(())
}

pub(crate) fn handshakes(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.open()?;
    match number % 4 {
        0 => client.listen(Duration::from_secs(3600)),
        1 => client.drip(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        _ => {
            client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ")?;
            client.drip(b"1")
        }
    }
}

pub(crate) fn flood(ground: &Ground, number: usize) -> io::Result<()> {
    let room = if number == 0 { "arena".to_owned() } else { format!("flood-{number}") };
    ground.websocket(&format!("/?room={room}"))?.flood(&a_move().repeat(1000))
}

pub(crate) fn pings(ground: &Ground, _: usize) -> io::Result<()> {
    let mut ping = Vec::new();
    wire::websocket::push(&mut ping, PING, Some(MASK), b"?");
    ground.websocket("/?room=pings")?.flood(&ping.repeat(1000))
}

pub(crate) fn unread(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket("/?room=arena")?;
    client.shrink_receive_buffer()?;
    let mut message = Vec::new();
    if number == 0 {
        wire::websocket::push(&mut message, TEXT, Some(MASK), chat(200_000).as_bytes());
    }
    wire::websocket::push(&mut message, PONG, Some(MASK), b"");
    client.drip(&message)
}

pub(crate) fn announced(ground: &Ground, number: usize) -> io::Result<()> {
    let mut client = ground.websocket("/?room=announced")?;
    let length: u64 = if number.is_multiple_of(2) { 1 << 20 } else { 100_000 };
    client.write_all(&[&[0x80 | BINARY, 0x80 | 127], &length.to_be_bytes()[..], &MASK].concat())?;
    client.drip(b"?")
}

pub(crate) fn fragments(ground: &Ground, _: usize) -> io::Result<()> {
    let empty = |opcode: u8| [&[opcode, 0x80], &MASK[..]].concat();
    let mut client = ground.websocket("/?room=fragments")?;
    client.write_all(&empty(BINARY))?;
    client.flood(&empty(0).repeat(1000))
}
