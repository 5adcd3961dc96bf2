use painda_runtime::{PPEvent, PPType};

#[derive(PPType)]
pub enum Kind {
    Tree,
}

#[derive(PPEvent)]
#[pp(event = "game:state", id = 1)]
pub struct State {
    #[pp(since = 2, default)]
    pub kind: Kind,
    #[pp(since = 2, default = "one")]
    pub level: u8,
}

fn main() {}
