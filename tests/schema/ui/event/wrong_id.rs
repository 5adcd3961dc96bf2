use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "zero", id = 0)]
pub struct Zero;

#[derive(PPEvent)]
#[pp(event = "large", id = 65536)]
pub struct TooLarge;

#[derive(PPEvent)]
#[pp(event = "negative", id = -1)]
pub struct Negative;

#[derive(PPEvent)]
#[pp(event = "text", id = "7")]
pub struct Text;

fn main() {}
