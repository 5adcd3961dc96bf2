use painda_runtime::{PPEvent, PPType};
use std::collections::{BTreeMap, BTreeSet};

#[derive(PartialEq, Eq, PartialOrd, Ord, PPType)]
pub struct Nothing;

#[derive(PPEvent)]
#[pp(event = "nothing", id = 1)]
pub struct Event {
    pub list: Vec<Nothing>,
    pub set: Option<BTreeSet<()>>,
    pub map: BTreeMap<[u8; 0], u8>,
}

fn main() {}
