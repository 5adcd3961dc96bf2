use painda_runtime::PPType;

#[derive(PPType)]
pub struct Borrowed<'a> {
    pub text: &'a str,
}

#[derive(PPType)]
pub struct Grid<const N: usize> {
    pub cells: [u8; N],
}

#[derive(PPType)]
pub struct Named<u16, T> {
    pub number: u16,
    pub other: T,
}

#[derive(PPType)]
pub enum Nothing {}

#[derive(PPType)]
pub union Overlap {
    pub a: u32,
    pub b: f32,
}

#[derive(PPType)]
#[pp(event = "player:position", colour = 3)]
pub struct Position {
    #[pp(since = 2, default)]
    pub x: f32,
    #[pp(skip)]
    pub y: f32,
}

fn main() {}
