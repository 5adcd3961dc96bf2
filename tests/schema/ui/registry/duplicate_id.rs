use painda_runtime::{PPEvent, schema};

#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
pub struct PlayerMove {
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(event = "player:hit", id = 1)]
pub struct PlayerHit {
    pub target: u32,
}

schema! { pub Arena { PlayerMove, PlayerHit } }

fn main() {}
