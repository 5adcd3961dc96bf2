use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "behind", id = 1, latest = "player")]
pub struct Behind {
    pub name: String,
    pub player: u32,
}

#[derive(PPEvent)]
#[pp(event = "text", id = 2, latest = "name")]
pub struct Text {
    pub name: String,
}

fn main() {}
