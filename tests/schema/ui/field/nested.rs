use painda_runtime::{PPEvent, PPType};

pub struct Position {
    pub x: f32,
}

#[derive(PPType)]
pub struct Pair<T> {
    pub a: T,
    pub b: T,
}

#[derive(PPEvent)]
#[pp(event = "player:moves", id = 1)]
pub struct PlayerMoves {
    pub moves: Vec<Position>,
    pub pair: Pair<Position>,
}

#[derive(PPType)]
pub enum Shape {
    At(Position),
}

#[derive(PPEvent)]
#[pp(event = "spelled", id = 2)]
pub struct Spelled {
    pub sizes: Vec<usize>,
    pub text: (u8, Option<&'static str>),
    pub words: Box<[&'static str]>,
    pub many: (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8),
}

fn main() {}
