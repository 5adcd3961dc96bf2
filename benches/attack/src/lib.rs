//! What strangers throw at a node: attackers in threads of their own, each on a connection of its own, which comes back when it is
//! closed. They know what the attacked node's application does (`peers/painda/src/bin/attacked.rs`) and what honest clients do: these are in the
//! room `arena`.

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
        what: "compressed messages that are refused, some of 5 million characters; answers are not read, pongs are sent",
        attackers: 60,
        run: attacks::refusals,
    },
    Attack {
        name: "bombs",
        what: "chat lines for a room: of 10 MiB and of 1 MiB in a few kB, and twelve of 1 MiB as they are; two of the attackers are among the honest",
        attackers: 8,
        run: attacks::bombs,
    },
    Attack {
        name: "bursts",
        what: "clients have the application send them 3 MB in the connect hook and 1.2 MB from a handler twice a second; half of them do not read",
        attackers: 20,
        run: attacks::bursts,
    },
    Attack {
        name: "json",
        what: "1 MiB and 10 MiB of small JSON objects, lists and numbers, compressed, for types that are handled and others",
        attackers: 10,
        run: attacks::json,
    },
    Attack {
        name: "names",
        what: "on Redis, twice a second, an emit to 100 000 rooms or to 65 000",
        attackers: 1,
        run: attacks::names,
    },
    Attack {
        name: "hang",
        what: "handlers, middleware and `on_auth` that never return, 300 further messages for each; then the client vanishes, says goodbye, or stays",
        attackers: 30,
        run: attacks::hang,
    },
    Attack {
        name: "vanish",
        what: "clients that vanish during the connect hook, which takes 1 s, or right after it; handshakes that are none",
        attackers: 30,
        run: attacks::vanish,
    },
    Attack {
        name: "handshakes",
        what: "half a request, then a byte every 0.5 s; every fourth says nothing at all, every fourth asks for a page every 0.5 s",
        attackers: 200,
        run: attacks::handshakes,
    },
    Attack {
        name: "flood",
        what: "moves as fast as they are taken; one attacker is among the honest",
        attackers: 10,
        run: attacks::flood,
    },
    Attack {
        name: "pings",
        what: "WebSocket pings as fast as they are taken, pongs are not read",
        attackers: 10,
        run: attacks::pings,
    },
    Attack {
        name: "deaf",
        what: "members of the honest room that read nothing and send pongs; one of them says 200 kB twice a second",
        attackers: 20,
        run: attacks::deaf,
    },
    Attack {
        name: "announced",
        what: "messages of 1 MiB and 100 kB are announced, and come by a byte every 0.5 s",
        attackers: 100,
        run: attacks::announced,
    },
    Attack {
        name: "fragments",
        what: "a message in empty fragments without an end, as fast as they are taken",
        attackers: 10,
        run: attacks::fragments,
    },
];
