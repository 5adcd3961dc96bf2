use painda_runtime::PPType;

const FIVE: isize = 5;

#[derive(PPType)]
pub enum Tags {
    Computed = FIVE,
    Large = 256,
}

#[derive(PPType)]
pub enum Full {
    #[pp(rename = "end")]
    Last = 255,
    OneTooMany,
}

fn main() {}
