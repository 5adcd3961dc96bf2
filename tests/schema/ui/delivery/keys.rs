use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "both", id = 1, volatile, latest)]
pub struct Both {
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(event = "unknown", id = 2, latest = "plyer")]
pub struct Unknown {
    pub player: u32,
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(event = "values", id = 3, volatile = true)]
pub struct Values {
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(event = "ident", id = 4, latest = x)]
pub struct Ident {
    pub x: f32,
}

#[derive(PPEvent)]
#[pp(event = "later", id = 5, latest = "player")]
pub struct Later {
    pub x: f32,
    #[pp(since = 2, default)]
    pub player: u32,
}

fn main() {}
