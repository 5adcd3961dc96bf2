use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "wrong", id = 1)]
pub struct Wrong {
    #[pp(as = u16)]
    pub no_range: f32,
    #[pp(range = 0..=1)]
    pub no_number: f32,
    #[pp(as = i16, range = 0..=1)]
    pub signed: f32,
    #[pp(as = u16, range = 0..1)]
    pub half_open: f32,
    #[pp(as = u16, range = 1..=-1)]
    pub empty: f32,
    #[pp(as = u16, range = 0..=1)]
    pub integer: u32,
    #[pp(as = u16, range = 1000000..=1000001)]
    pub far: f32,
    #[pp(as = u32, range = -1..=1)]
    pub fine: f32,
    #[pp(as = u32, range = -1..=1)]
    pub right: f64,
}

fn main() {}
