use painda_runtime::PPEvent;

#[derive(PPEvent)]
#[pp(event = "", id = 1)]
pub struct Empty;

#[derive(PPEvent)]
#[pp(event = move, id = 2)]
pub struct NotAString;

#[derive(PPEvent)]
#[pp(event = "__pp_auth", id = 3)]
pub struct Reserved;

#[derive(PPEvent)]
#[pp(event, id = 4)]
pub struct NoValue;

#[derive(PPEvent)]
#[pp(event = , id = 5)]
pub struct EmptyValue;

fn main() {}
