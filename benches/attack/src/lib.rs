//! Attacks on a node: attackers in threads of their own, each with a connection of its own, which it opens anew where it is
//! closed. They know the attacked node's application (`peers/painda/src/bin/attacked.rs`), and that honest clients are in the room `arena`.

mod attacks;
mod ground;
mod inputs;

use std::{io, thread, time::Duration};

pub use ground::Ground;

/// A way to attack.
#[derive(Debug)]
pub struct Attack {
    /// As it is called on the command line.
    pub name: &'static str,
    /// What the attackers do.
    pub what: &'static str,
    /// How many attackers it takes.
    pub attackers: usize,
    /// The life of one connection of one attacker.
    run: fn(&Ground, usize) -> io::Result<()>,
}

impl Attack {
    /// Attacks until the process ends.
    pub fn start(&'static self, ground: &'static Ground) {
        for number in 0..self.attackers {
            thread::spawn(move || {
                loop {
                    if (self.run)(ground, number).is_err() {
                        ground.lost();
                    }
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
    }
}

/// All of them.
pub static ATTACKS: [Attack; 13] = [
    Attack {
        name: "refusals",
        what: "compressed messages that are refused, some of 5 million characters; they read no answers and send pongs",
        attackers: 60,
        run: attacks::refusals,
    },
    Attack {
        name: "bombs",
        what: "chat lines of 10 MiB and 1 MiB in a few kB each; one sends twelve of 1 MiB as they are; two are among the honest",
        attackers: 8,
        run: attacks::bombs,
    },
    Attack {
        name: "bursts",
        what: "have the application send them 3 MB in the connect hook and 1.2 MB in a handler, twice a second; half of them do not read",
        attackers: 6,
        run: attacks::bursts,
    },
    Attack {
        name: "json",
        what: "1 MiB and 10 MiB of small JSON objects, lists, numbers and texts, compressed, for types with a handler and without",
        attackers: 10,
        run: attacks::json,
    },
    Attack {
        name: "names",
        what: "publishes on Redis, twice a second, an emit to 100 000 or 65 000 rooms, with as many exceptions",
        attackers: 1,
        run: attacks::names,
    },
    Attack {
        name: "hang",
        what: "call handlers, middleware and `on_auth` that never return, and send 300 moves more; then they vanish, close, or stay",
        attackers: 30,
        run: attacks::hang,
    },
    Attack {
        name: "vanish",
        what: "vanish during the connect hook, which takes 1 s, or right after it; or send handshakes that are none",
        attackers: 30,
        run: attacks::vanish,
    },
    Attack {
        name: "handshakes",
        what: "half a request and a byte every 0.5 s; every fourth says nothing, every fourth asks for a page every 0.5 s",
        attackers: 200,
        run: attacks::handshakes,
    },
    Attack {
        name: "flood",
        what: "moves as fast as they are taken; one is among the honest",
        attackers: 10,
        run: attacks::flood,
    },
    Attack {
        name: "pings",
        what: "pings as fast as they are taken; they do not read the pongs",
        attackers: 10,
        run: attacks::pings,
    },
    Attack {
        name: "unread",
        what: "are in the honest room, read nothing and send pongs; one says 200 kB twice a second",
        attackers: 20,
        run: attacks::unread,
    },
    Attack {
        name: "announced",
        what: "announce messages of 1 MiB and 100 kB, and send a byte every 0.5 s",
        attackers: 100,
        run: attacks::announced,
    },
    Attack {
        name: "fragments",
        what: "empty fragments of a message that never ends, as fast as they are taken",
        attackers: 10,
        run: attacks::fragments,
    },
];
