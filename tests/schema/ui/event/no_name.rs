use painda_runtime::{PPEvent, schema};

#[derive(PPEvent)]
pub struct PlayerMove {
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(id = 2)]
pub struct PlayerHit {
    pub target: u32,
}

// The mistakes above are reported once each, not again for every use.
schema! { pub Arena { PlayerMove, PlayerHit } }

pub fn bytes(event: &PlayerMove) -> bytes::Bytes {
    event.to_bytes()
}

fn main() {}
