use painda_runtime::{PPEvent, schema};

#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
pub struct PlayerMove {
    pub x: f32,
}

schema! { pub Arena { PlayerMove, PlayerMove } }

fn main() {}
