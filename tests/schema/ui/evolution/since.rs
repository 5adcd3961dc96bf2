use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "game:state", id = 1)]
pub struct State {
    pub tick: u32,
    #[pp(default)]
    pub a: u8,
    #[pp(since = 2)]
    pub b: u8,
    #[pp(since = 1, default)]
    pub c: u8,
    #[pp(since = "2", default)]
    pub d: u8,
    #[pp(since, default)]
    pub e: u8,
    #[pp(since = 2, since = 3, default)]
    pub f: u8,
    #[pp(scince = 2, default)]
    pub g: u8,
}

fn main() {}
