//! Times codecs side by side, and runs what is counted.
//!
//! `codec ROUNDS MILLIS` prints a line for each message, codec and round: message, codec, round, bytes, ns to encode, ns to
//! decode. `codec --count NAME TIMES` only runs one thing as often.

mod codecs;
mod counted;
mod messages;

use std::{
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use codecs::{Bitcode, Borsh, Codec, Json, MessagePack, Painda, Postcard, Prost, Rkyv, Wincode};
use messages::{a_mixed, a_move, a_state, protobuf};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--count", name, times] => Ok(counted::run(name, times.parse()?)?),
        [rounds, millis] => {
            time_all(rounds.parse()?, Duration::from_millis(millis.parse()?));
            Ok(())
        }
        _ => Err("usage: codec ROUNDS MILLIS | codec --count NAME TIMES".into()),
    }
}

/// Round by round, so that all codecs of a message meet the same moments of the machine.
fn time_all(rounds: usize, each: Duration) {
    for round in 1..=rounds {
        let at = At { message: "player:move, two floats", round, each };
        at.time::<_, Painda>(&a_move());
        at.time::<_, Prost>(&protobuf::a_move());
        at.time_serde(&a_move());

        let at = At { message: "ten numbers", round, each };
        at.time::<_, Painda>(&a_mixed());
        at.time::<_, Prost>(&protobuf::a_mixed());
        at.time_serde(&a_mixed());

        let at = At { message: "100 entities with names", round, each };
        at.time::<_, Painda>(&a_state());
        at.time::<_, Prost>(&protobuf::a_state());
        at.time_serde(&a_state());
    }
}

#[derive(Clone, Copy)]
struct At {
    message: &'static str,
    round: usize,
    each: Duration,
}

impl At {
    /// All that work on the same structs.
    fn time_serde<T>(self, value: &T)
    where
        T: PartialEq + std::fmt::Debug,
        Postcard: Codec<T>,
        Bitcode: Codec<T>,
        Wincode: Codec<T>,
        Rkyv: Codec<T>,
        Borsh: Codec<T>,
        MessagePack: Codec<T>,
        Json: Codec<T>,
    {
        self.time::<T, Postcard>(value);
        self.time::<T, Bitcode>(value);
        self.time::<T, Wincode>(value);
        self.time::<T, Rkyv>(value);
        self.time::<T, Borsh>(value);
        self.time::<T, MessagePack>(value);
        self.time::<T, Json>(value);
    }

    fn time<T: PartialEq + std::fmt::Debug, C: Codec<T>>(self, value: &T) {
        let mut out = Vec::with_capacity(64 << 10);
        C::encode(value, &mut out);
        let bytes = out.clone();
        assert_eq!(&C::decode(&bytes), value, "{}", C::NAME);
        let encode = self.per_call(|| {
            C::encode(black_box(value), &mut out);
            black_box(&mut out);
        });
        let decode = self.per_call(|| drop(black_box(C::decode(black_box(&bytes)))));
        let Self { message, round, .. } = self;
        println!("{message}\t{}\t{round}\t{}\t{encode:.3}\t{decode:.3}", C::NAME, bytes.len());
    }

    /// Nanoseconds.
    fn per_call(self, mut call: impl FnMut()) -> f64 {
        let mut calls = 0u64;
        let mut batch = 16;
        let start = Instant::now();
        while start.elapsed() < self.each {
            (0..batch).for_each(|_| call());
            calls += batch;
            // Reading the clock must not count.
            batch = (batch * 2).min(4096);
        }
        start.elapsed().as_secs_f64() * 1e9 / calls as f64
    }
}
