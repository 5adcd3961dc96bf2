use painda_runtime::schema;

pub struct PlayerMove {
    pub x: f32,
}

schema! { pub Arena { PlayerMove } }

fn main() {}
