use painda_runtime::PPEvent;

// Every mistake of an item is reported at once.
#[derive(PPEvent)]
#[pp(evnet = "player:move", id = 0, id = 1, crate = 7)]
pub struct PlayerMove {
    #[pp(id = 3)]
    pub x: f32,
    pub y: usize,
}

fn main() {}
