use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "generic")]
pub struct Generic<T> {
    pub value: T,
}

#[derive(PPEvent)]
#[pp(event = "borrowed")]
pub struct Borrowed<'a> {
    pub text: &'a str,
}

#[derive(PPEvent)]
#[pp(event = "enum")]
pub enum Choice {
    One,
}

#[derive(PPEvent)]
#[pp(event = "union")]
pub union Overlap {
    pub a: u32,
    pub b: f32,
}

fn main() {}
