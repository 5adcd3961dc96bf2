//! Mutation fuzzing on the stable toolchain: each target runs for `PAINDA_FUZZ_SECONDS` (2 without it).
//!
//! A failure prints the seed; `PAINDA_FUZZ_SEED` repeats it.

use painda_tests_schema::allocations::Counting;
use painda_tests_schema::generate::{Random, Source};
use painda_tests_schema::text::{self, Style};
use painda_tests_schema::{generate, mutate, oracle};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant, SystemTime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs rounds until the time is over. Each has a seed of its own, which is printed when it fails.
fn fuzz(round: impl Fn(&mut Random) -> bool) {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let time = Duration::from_secs(number("PAINDA_FUZZ_SECONDS").unwrap_or(2));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let first = number("PAINDA_FUZZ_SEED").unwrap_or(u64::from(now.subsec_nanos()) << 32 | now.as_secs());
    let start = Instant::now();
    let (mut rounds, mut accepted) = (0, 0);
    while rounds == 0 || start.elapsed() < time {
        let seed = first.wrapping_add(rounds);
        match catch_unwind(AssertUnwindSafe(|| round(&mut Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))))) {
            Ok(valid) => accepted += u64::from(valid),
            Err(panic) => {
                eprintln!("the seed is PAINDA_FUZZ_SEED={seed}");
                resume_unwind(panic);
            }
        }
        rounds += 1;
    }
    println!("{rounds} rounds, {accepted} of them accepted");
    // A fuzzer whose inputs are all refused tests little.
    assert!(accepted * 20 > rounds || rounds < 1000, "{accepted} of {rounds} accepted");
}

#[test]
fn messages() {
    fuzz(|random| {
        let event = oracle::events()[random.below(oracle::events().len())];
        let mut message = generate::message(event, random);
        for _ in 0..random.below(4) {
            mutate::bytes(&mut message, random);
        }
        oracle::check(event, &message)
    });
}

#[test]
fn json() {
    fuzz(|random| {
        let event = oracle::events()[random.below(oracle::events().len())];
        let message = generate::message(event, random);
        let mut value = event.to_json(&message).expect("it is valid");
        for _ in 0..random.below(4) {
            mutate::json(&mut value, random);
        }
        oracle::check_json(event, &value)
    });
}

#[test]
fn json_text() {
    fuzz(|random| {
        let event = oracle::events()[random.below(oracle::events().len())];
        let message = generate::message(event, random);
        let mut value = event.to_json(&message).expect("it is valid");
        for _ in 0..random.below(3) {
            mutate::json(&mut value, random);
        }
        // An error in a map says where its entry stands, which depends on the order; and its entries are not taken back.
        let map = event.name() == "zoo:maps";
        let style = Style { shuffled: true, twice: true, wrong: !map };
        let mut text = text::write(&value, style, random);
        for _ in 0..random.below(2) {
            mutate::text(&mut text, random);
        }
        oracle::check_text(event, &text, !map)
    });
}
