use painda_runtime::{PPEvent, PPType};

#[derive(PPEvent)]
#[pp(event = "packed", id = 1)]
#[repr(C, packed(2))]
pub struct Packed {
    number: u32,
    text: String,
    other: u64,
}

#[derive(PPType)]
#[repr(packed)]
pub struct Part {
    number: u32,
    text: String,
}

// Other representations are nobody's business.
#[derive(PPType)]
#[repr(C, align(8))]
pub struct Aligned {
    number: u32,
}

#[derive(PPType)]
#[repr(u8)]
pub enum Numbered {
    One = 1,
}

fn main() {}
