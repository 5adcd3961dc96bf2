//! What the same event weighs with each of them: on Redis, and on a client's socket.

use std::{io, time::Duration};

use load::{Plan, Swarm};

use crate::{
    Settings,
    page::Page,
    redis::{Received, Redis, Tap},
    servers::{Cluster, Kind},
};

const METHOD: &str = "\
One `player:move` with two 32-bit floats. On Redis: what a subscriber to everything receives for it, the message and the name of its channel \
apart. On the client's socket: everything that arrives for one event, WebSocket header included, without TCP's own headers.";

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "bytes", "Bytes", METHOD);
    let mut rows = Vec::new();
    let mut samples = Vec::new();
    for kind in Kind::LIBRARIES {
        let (from_client, socket) = from_client(settings, kind)?;
        // The relay only relays.
        let from_server = if kind == Kind::Relay { None } else { Some(from_server(settings, kind)?) };
        let content = |received: Option<&Received>| {
            received.map_or_else(|| "–".to_owned(), |received| received.content.len().to_string())
        };
        rows.push(vec![
            kind.name().to_owned(),
            content(from_server.as_ref()),
            content(Some(&from_client)),
            format!("{} `{}`", from_client.channel.len(), from_client.channel.escape_ascii()),
            format!("{socket:.0}"),
        ]);
        samples.push(format!("- {}: `{}`", kind.name(), from_client.content.escape_ascii()));
        println!("{}: {} bytes on Redis, {socket:.1} on a socket", kind.name(), from_client.content.len());
    }
    let head = [
        "",
        "on Redis, emitted by the server",
        "on Redis, sent by a client (excluded)",
        "channel",
        "on the client's socket",
    ];
    page.table(&head, &rows);
    page.section("The messages on Redis, sent by a client");
    page.paragraph(&samples.join("\n"));
    page.save(&settings.paths)
}

/// The message on Redis for an event that a client sent, and how many bytes reached another client for it.
fn from_client(settings: &Settings, kind: Kind) -> io::Result<(Received, f64)> {
    let cluster = Cluster::start(kind, &settings.paths, 2, "127.0.0.1")?;
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        measure: Duration::from_secs(1),
        ..Plan::one_room(kind.dialect(), cluster.addrs.clone(), 4, 1, 10.0)
    };
    let mut swarm = Swarm::connect(plan)?;
    let tap = Tap::open(&cluster.redis)?;
    let report = swarm.run(&[])?;
    let received = the_message(tap)?;
    Ok((received, report.arrived_bytes as f64 / report.arrived as f64))
}

/// The message on Redis for an event that the server emitted, to nobody's exclusion.
pub(crate) fn from_server(settings: &Settings, kind: Kind) -> io::Result<Received> {
    let redis = Redis::start(&settings.paths.scratch)?;
    let tap = Tap::open(&redis)?;
    kind.publish(&settings.paths, &redis, 1)?.wait()?;
    the_message(tap)
}

/// Of all that was received the first that carries the event; nodes also talk among themselves.
fn the_message(tap: Tap) -> io::Result<Received> {
    let received = tap.close()?;
    let x = 0.5f32.to_be_bytes();
    let carries = |received: &&Received| {
        received.content.windows(4).any(|four| four == x)
            || received.content.windows(11).any(|name| name == b"player:move")
    };
    received.iter().find(carries).cloned().ok_or_else(|| io::Error::other("no event was received on Redis"))
}
