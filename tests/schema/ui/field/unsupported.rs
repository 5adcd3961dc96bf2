use painda_runtime::PPEvent;

pub struct Position {
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
pub struct PlayerMove {
    pub position: Position,
}

#[derive(PPEvent)]
#[pp(event = "spelled", id = 2)]
pub struct Spelled {
    pub size: usize,
    pub text: &'static str,
    pub callback: fn(),
}

fn main() {}
