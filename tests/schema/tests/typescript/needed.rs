//! A module has the code that its types need, and no other.

use crate::node::{FOLDER, OUT, compile, compiled};
use painda_runtime::schema::typescript;
use painda_runtime::{Registry, Schema};
use std::fs;
use std::path::Path;

/// A schema for each of these types: its event has one field of the type, and one that is called as a private method is.
macro_rules! schemas {
    ($($name:ident: $(#[$attr:meta])* $ty:ty,)*) => {
        $(mod $name {
            #[allow(unused_imports, reason = "not every type is from the library")]
            use std::{
                collections::{BTreeMap, BTreeSet}, net::{IpAddr, Ipv4Addr, Ipv6Addr}, num::NonZero, time::{Duration, SystemTime},
            };
            use painda_runtime::{PPEvent, schema};

            #[allow(dead_code, reason = "only described")]
            #[derive(PPEvent)]
            #[pp(event = "plain", id = 1)]
            pub(super) struct Event {
                count: u8,
                $(#[$attr])* plain: $ty,
            }

            schema! { pub(super) All { Event } }
        })*

        fn registries() -> Vec<(&'static str, &'static Registry)> {
            vec![$((stringify!($name), $name::All::registry())),*]
        }
    };
}

schemas! {
    u8_: u8,
    i8_: i8,
    u16_: u16,
    i16_: i16,
    u32_: u32,
    i32_: i32,
    u64_: u64,
    i64_: i64,
    u128_: u128,
    i128_: i128,
    f32_: f32,
    f64_: f64,
    non_zero: NonZero<u16>,
    bool_: bool,
    char_: char,
    duration: Duration,
    time: SystemTime,
    ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
    ip: IpAddr,
    string: String,
    bytes: Vec<u8>,
    fixed_bytes: [u8; 4],
    list: Vec<f64>,
    array: [u16; 3],
    long_array: [u16; 100],
    set: BTreeSet<u8>,
    map: BTreeMap<u8, u8>,
    option: Option<u8>,
    tuple: (u8, i8),
    result: Result<u8, i8>,
    quantised: #[pp(as = u16, range = 0..=1)] f32,
    appended: #[pp(since = 2, default = 7)] u8,
    nested: painda_tests_schema::zoo::Tree,
}

/// Compilers complain about what is missing, and about private members and functions that nothing uses.
#[test]
fn a_module_has_the_code_that_its_types_need_and_no_other() {
    compiled();
    let folder = Path::new(OUT).join("needed");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let all = fs::read_to_string(Path::new(FOLDER).join("zoo.ts")).expect("it can be read");
    let shared = |module: &str| module.split_once("const MAX_DEPTH").map(|(_, shared)| shared.lines().count());
    let whole = shared(&all).expect("the zoo has it all");
    let mut files = Vec::new();
    for (name, registry) in registries() {
        let module = typescript::generate(registry);
        assert!(module.lines().count() < whole, "{name}");
        // Each type has its methods, which the others do not have.
        let has = |method: &str| module.contains(&format!("\n  {method}("));
        assert_eq!(has("duration"), name == "duration", "{name}");
        assert_eq!(has("u128"), ["u128_", "i128_"].contains(&name), "{name}");
        assert_eq!(has("ipv6"), ["ipv6", "ip"].contains(&name), "{name}");
        let file = folder.join(name).with_extension("ts");
        fs::write(&file, module).expect("it can be written");
        files.push(file.to_str().expect("it is text").to_owned());
    }
    compile(&files.iter().map(String::as_str).collect::<Vec<_>>());
}
