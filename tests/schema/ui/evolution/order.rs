use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "game:state", id = 1)]
pub struct State {
    pub tick: u32,
    #[pp(since = 3, default)]
    pub paused: bool,
    #[pp(since = 2, default)]
    pub speed: f32,
    pub name: String,
}

fn main() {}
