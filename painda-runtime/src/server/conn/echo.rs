//! An echo server over this crate's own connections, for Autobahn's test suite: see `scripts/autobahn`.
//!
//! Applications get events, never raw messages, so none of them can echo these. Here a socket with the state [`Echo`] gets
//! its messages back where they would be read as events; everything else about its connection is what it always is.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use tungstenite::{
    Message as WsMessage,
    protocol::frame::coding::{Data, OpCode},
};

use crate::{
    PPEvent, schema,
    schema::Schema,
    server::{
        sending::{
            packet::ws_frame,
            policy::{Bound, Policy, Pushed},
        },
        session::handle::{PPServer, Session, Socket},
    },
};

/// The suite sends messages of up to 16 MiB.
const MESSAGE: usize = 16 << 20;

/// The state of a socket that gets its messages back.
struct Echo;

/// Sends a message back, if that is wanted here.
pub(super) fn echoes<S: Schema>(session: &Arc<Session<S>>, message: &WsMessage) -> bool {
    if Socket::new(session.clone()).state::<Echo>().is_none() {
        return false;
    }
    let kind = if message.is_text() { Data::Text } else { Data::Binary };
    let frame = ws_frame(OpCode::Data(kind), &message.clone().into_data());
    match session.core.outbox.push(frame, &Policy::Reliable, Bound::Burst) {
        Pushed::FlushNeeded => session.server.node().flusher().schedule([session.core.clone()]),
        pushed => assert!(matches!(pushed, Pushed::Queued | Pushed::Closed), "{pushed:?}"),
    }
    true
}

#[derive(PPEvent)]
#[pp(event = "nothing", id = 1, crate = "crate")]
struct Nothing {}

schema! {
    Empty { Nothing }
}

/// Serves until its standard input ends.
#[tokio::test]
#[ignore = "a server, for scripts/autobahn"]
async fn echo_server() {
    let server = PPServer::<Empty>::builder()
        .on_connect(async |socket, _| {
            socket.set_state(Echo);
            Ok(())
        })
        .max_message(MESSAGE)
        .queue_burst(4 * MESSAGE)
        .max_messages_per_second(0)
        .max_messages_per_minute(0)
        .bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let mut out = std::io::stdout();
    writeln!(out, "\nechoes on {}", server.local_addr().expect("it listens")).expect("somebody reads");
    out.flush().expect("somebody reads");
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await.expect("no panic").expect("it can be read");
}
