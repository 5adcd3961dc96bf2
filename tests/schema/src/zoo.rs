//! Events with every type that a field can have, and their nestings.

use bytes::Bytes;
use painda_runtime::{PPEvent, PPType, schema};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZero, NonZeroU8, NonZeroU32, NonZeroU64, Wrapping};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Every number.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:numbers", id = 1)]
#[allow(missing_docs)]
pub struct Numbers {
    pub a: u8,
    pub b: i8,
    pub c: u16,
    pub d: i16,
    pub e: u32,
    pub f: i32,
    pub g: u64,
    pub h: i64,
    pub i: f32,
    pub j: f64,
    pub k: bool,
}

/// Text, bytes and lists.
#[derive(Debug, Clone, PartialEq, Eq, PPEvent)]
#[pp(event = "zoo:lists", id = 2)]
#[allow(missing_docs)]
pub struct Lists {
    pub text: String,
    pub blob: Bytes,
    pub bytes: Vec<u8>,
    pub numbers: Vec<i32>,
    pub flags: Vec<bool>,
    pub texts: Vec<String>,
    pub nested: Vec<Vec<u16>>,
    pub maybe: Option<String>,
    pub perhaps: Option<Option<u8>>,
}

/// Arrays and tuples, of fixed size and not.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:compound", id = 3)]
#[allow(missing_docs)]
pub struct Compound {
    pub before: u8,
    pub position: [f32; 3],
    pub pair: (u16, bool),
    pub flags: [bool; 2],
    pub long: [u8; 40],
    pub names: [String; 2],
    pub mixed: (u8, String, (Option<i64>,)),
    pub unit: (),
    pub none: [u32; 0],
}

/// Maps and sets.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:maps", id = 4)]
#[allow(missing_docs)]
pub struct Maps {
    pub scores: BTreeMap<String, u32>,
    pub grid: BTreeMap<(i8, i8), Option<Kind>>,
    pub online: BTreeSet<i16>,
    pub names: HashMap<u32, String>,
    pub seen: HashSet<String>,
    pub deep: BTreeMap<u8, BTreeMap<u8, BTreeSet<Vec<u8>>>>,
}

/// An enum without fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, PPType)]
#[allow(missing_docs)]
pub enum Kind {
    Tree,
    Rock = 5,
    Lake,
}

/// An enum with every shape of variant.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub enum Shape {
    Point,
    Circle { centre: Point, radius: f32 },
    Polygon(Vec<Point>),
    Label(String, u8),
    Empty {},
}

/// A struct of numbers.
#[derive(Debug, Clone, Copy, PartialEq, PPType)]
#[allow(missing_docs)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// A number with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, PPType)]
pub struct Id(pub u32);

/// A generic struct.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub struct Pair<T> {
    pub a: T,
    pub b: T,
}

/// A generic enum.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub enum Either<L, R> {
    Left(L),
    Right(R),
}

/// Structs and enums in one another.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:nested", id = 5)]
#[allow(missing_docs)]
pub struct Nested {
    pub id: Id,
    pub kind: Kind,
    pub point: Point,
    pub shapes: Vec<Shape>,
    pub pair: Pair<Option<Id>>,
    pub either: Either<Pair<u8>, Box<Either<(), String>>>,
    pub square: [Point; 4],
}

/// Contains itself in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, PPType)]
#[allow(missing_docs)]
pub struct Tree {
    pub name: String,
    pub children: Vec<Tree>,
}

/// Contains itself in boxes.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub enum Expr {
    Number(f64),
    Not(Box<Self>),
    Add(Box<Expr>, Box<Expr>),
    Call { name: String, block: Block },
}

/// Contains [`Expr`], which contains it.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub struct Block {
    pub lines: Vec<Expr>,
}

/// A generic list that contains itself.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub struct Link<T> {
    pub value: T,
    pub next: Option<Box<Link<T>>>,
}

/// Types that contain themselves.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:circles", id = 6)]
#[allow(missing_docs)]
pub struct Circles {
    pub tree: Tree,
    pub expr: Expr,
    pub link: Link<u8>,
    pub boxed: Box<Tree>,
}

/// Quantised floats.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:quantised", id = 7)]
#[allow(missing_docs)]
pub struct Quantised {
    #[pp(as = u16, range = -100.0..=100.0)]
    pub x: f32,
    pub between: u8,
    #[pp(as = u8, range = 0..=1)]
    pub y: f32,
    #[pp(as = u32, range = -180..=180)]
    pub z: f64,
    pub turn: Turn,
}

/// Quantised floats in an enum.
#[derive(Debug, Clone, PartialEq, PPType)]
#[allow(missing_docs)]
pub enum Turn {
    By(#[pp(as = u16, range = -180..=180)] f32),
    To {
        #[pp(as = u8, range = 0.0..=360.0)]
        angle: f64,
    },
}

/// What the first version of [`State`] was.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:state:v1", id = 8)]
#[allow(missing_docs)]
pub struct StateV1 {
    pub tick: u32,
    pub names: Vec<String>,
}

/// An event that has grown twice.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:state", id = 9)]
#[allow(missing_docs)]
pub struct State {
    pub tick: u32,
    pub names: Vec<String>,
    #[pp(since = 2, default)]
    pub paused: bool,
    #[pp(since = 2, default = "lobby".to_owned())]
    pub map: String,
    #[pp(since = 2, default = 0.5, as = u16, range = 0..=1)]
    pub speed: f32,
    #[pp(since = 5, default = BTreeMap::<u8, u16>::from([(1, 2)]))]
    pub limits: BTreeMap<u8, u16>,
    #[pp(since = 5, default = vec![Kind::Rock])]
    pub kinds: Vec<Kind>,
}

/// A tuple struct.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:tuple", id = 10)]
pub struct Tuple(pub u8, pub String, #[pp(since = 2, default)] pub Option<Id>);

/// A unit struct.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "zoo:unit", id = 11)]
pub struct Unit;

/// Bytes in parts.
#[derive(Debug, Clone, PartialEq, Eq, PPEvent)]
#[pp(event = "zoo:blobs", id = 12)]
#[allow(missing_docs)]
pub struct Blobs {
    pub hash: Hash,
    pub file: File,
    pub packets: BTreeMap<u16, Packet<Bytes>>,
    #[pp(since = 2, default)]
    pub last: Option<Packet<(u8, Hash)>>,
}

/// Bytes with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PPType)]
pub struct Hash(pub [u8; 4]);

/// Contains itself, and bytes in one way of many.
#[derive(Debug, Clone, PartialEq, Eq, PPType)]
#[allow(missing_docs)]
pub enum File {
    Missing,
    Folder(Vec<File>),
    Text { content: Vec<u8> },
    Link(String, Hash),
}

/// Bytes that come from a type argument.
#[derive(Debug, Clone, PartialEq, Eq, PPType)]
#[allow(missing_docs)]
pub struct Packet<T> {
    pub number: u16,
    pub content: T,
}

/// Types that have the encoding of others, and results.
#[derive(Debug, Clone, PartialEq, Eq, PPEvent)]
#[pp(event = "zoo:owners", id = 13)]
#[allow(missing_docs)]
pub struct Owners {
    pub boxed: Box<str>,
    pub shared: Arc<str>,
    pub constant: Cow<'static, str>,
    pub numbers: Box<[u16]>,
    pub blob: Arc<[u8]>,
    pub names: Box<[Arc<str>]>,
    pub tree: Arc<Tree>,
    pub queue: VecDeque<i16>,
    pub jobs: VecDeque<Arc<str>>,
    pub wrapping: Wrapping<u32>,
    pub many: Vec<Wrapping<i8>>,
    pub seen: BTreeSet<Arc<str>>,
    pub by_number: BTreeMap<Wrapping<u8>, Box<[bool]>>,
    pub outcome: Result<u32, String>,
    pub nothing: Result<(), Result<Vec<u8>, Kind>>,
    pub maybe: Option<Result<Option<u8>, Box<str>>>,
}

/// Numbers with a limit, and wide ones.
#[derive(Debug, Clone, PartialEq, Eq, PPEvent)]
#[pp(event = "zoo:special-numbers", id = 14)]
#[allow(missing_docs)]
pub struct SpecialNumbers {
    pub a: u128,
    pub b: i128,
    pub c: char,
    pub d: u8,
    pub e: NonZeroU8,
    pub f: NonZero<i16>,
    pub g: NonZeroU32,
    pub h: NonZero<i64>,
    pub i: NonZero<u128>,
    pub letters: [char; 2],
    pub wide: Vec<i128>,
    pub some: Vec<NonZero<u16>>,
    pub maybe: Option<NonZeroU64>,
    pub by_letter: BTreeMap<char, NonZero<i8>>,
    pub set: BTreeSet<u128>,
}

/// Times and addresses.
#[derive(Debug, Clone, PartialEq, Eq, PPEvent)]
#[pp(event = "zoo:times", id = 15)]
#[allow(missing_docs)]
pub struct Times {
    pub took: Duration,
    pub at: SystemTime,
    pub waits: Vec<Duration>,
    pub days: [SystemTime; 2],
    pub ended: Option<SystemTime>,
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    pub any: IpAddr,
    pub known: BTreeSet<IpAddr>,
    pub names: HashMap<Ipv6Addr, String>,
}

schema! {
    /// All of them.
    #[derive(Debug, Clone, PartialEq)]
    pub Zoo { Numbers, Lists, Compound, Maps, Nested, Circles, Quantised, StateV1, State, Tuple, Unit, Blobs, Owners, SpecialNumbers, Times }
}
