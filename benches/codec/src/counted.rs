//! What is run under callgrind, which counts instructions: `player:move` by the derive and by hand, over and over.

use std::hint::black_box;

use painda_runtime::PPEvent;

use crate::messages::{Move, a_move};

/// What can be counted.
pub(crate) const NAMES: [&str; 4] = ["derive-encode", "hand-encode", "derive-decode", "hand-decode"];

/// Runs one of them this many times.
pub(crate) fn run(name: &str, times: usize) -> Result<(), String> {
    let value = a_move();
    let mut out = Vec::with_capacity(64);
    value.encode(&mut out);
    let bytes = out.clone();
    match name {
        "derive-encode" => (0..times).for_each(|_| encode(&value, &mut out)),
        "hand-encode" => (0..times).for_each(|_| encode_by_hand(&value, &mut out)),
        "derive-decode" => (0..times).for_each(|_| _ = black_box(decode(black_box(&bytes)))),
        "hand-decode" => (0..times).for_each(|_| _ = black_box(decode_by_hand(black_box(&bytes)))),
        other => return Err(format!("nothing is called `{other}`: {}", NAMES.join(", "))),
    }
    Ok(())
}

#[inline(never)]
fn encode(value: &Move, out: &mut Vec<u8>) {
    out.clear();
    black_box(value).encode(out);
    black_box(out);
}

#[inline(never)]
fn encode_by_hand(value: &Move, out: &mut Vec<u8>) {
    out.clear();
    let Move { x, y } = black_box(value);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&x.to_be_bytes());
    bytes[4..].copy_from_slice(&y.to_be_bytes());
    out.extend_from_slice(&bytes);
    black_box(out);
}

#[inline(never)]
fn decode(bytes: &[u8]) -> Option<Move> {
    Move::decode(bytes).ok()
}

#[inline(never)]
fn decode_by_hand(bytes: &[u8]) -> Option<Move> {
    let (x, rest) = bytes.split_first_chunk::<4>()?;
    let (y, _) = rest.split_first_chunk::<4>()?;
    Some(Move { x: f32::from_be_bytes(*x), y: f32::from_be_bytes(*y) })
}
