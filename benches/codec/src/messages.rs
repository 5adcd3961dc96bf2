//! The messages: what a game sends often, something wider, and something large.

use painda_runtime::{PPEvent, PPType};
use serde::{Deserialize, Serialize};

/// Two floats.
#[derive(
    Debug,
    Clone,
    PartialEq,
    PPEvent,
    Serialize,
    Deserialize,
    bitcode::Encode,
    bitcode::Decode,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
    wincode::SchemaRead,
    wincode::SchemaWrite,
)]
#[pp(event = "player:move", id = 1)]
pub(crate) struct Move {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

/// Ten numbers of all widths.
#[derive(
    Debug,
    Clone,
    PartialEq,
    PPEvent,
    Serialize,
    Deserialize,
    bitcode::Encode,
    bitcode::Decode,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
    wincode::SchemaRead,
    wincode::SchemaWrite,
)]
#[pp(event = "bench:mixed")]
pub(crate) struct Mixed {
    pub(crate) id: u64,
    pub(crate) tick: u32,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f64,
    pub(crate) health: i16,
    pub(crate) team: u8,
    pub(crate) alive: bool,
    pub(crate) score: i32,
    pub(crate) seen: i64,
}

/// One of many in a [`State`].
#[derive(
    Debug,
    Clone,
    PartialEq,
    PPType,
    Serialize,
    Deserialize,
    bitcode::Encode,
    bitcode::Decode,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
    wincode::SchemaRead,
    wincode::SchemaWrite,
)]
pub(crate) struct Entity {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) health: i16,
}

/// A hundred entities with names.
#[derive(
    Debug,
    Clone,
    PartialEq,
    PPEvent,
    Serialize,
    Deserialize,
    bitcode::Encode,
    bitcode::Decode,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
    wincode::SchemaRead,
    wincode::SchemaWrite,
)]
#[pp(event = "bench:state")]
pub(crate) struct State {
    pub(crate) tick: u32,
    pub(crate) entities: Vec<Entity>,
}

pub(crate) fn a_move() -> Move {
    Move { x: 512.25, y: 103.75 }
}

pub(crate) fn a_mixed() -> Mixed {
    Mixed {
        id: 0x0123_4567_89ab_cdef,
        tick: 86_400,
        x: 512.25,
        y: 103.75,
        z: -1.5,
        health: 87,
        team: 3,
        alive: true,
        score: -12_345,
        seen: 1_700_000_000_000,
    }
}

pub(crate) fn a_state() -> State {
    let entity = |id: u32| Entity {
        id,
        name: format!("player-{id}"),
        x: id as f32 * 1.5,
        y: id as f32 * 2.5,
        health: 100 - id as i16,
    };
    State { tick: 86_400, entities: (0..100).map(entity).collect() }
}

/// The same for prost, whose messages are a kind of their own: it has no 8 and 16 bit numbers.
pub(crate) mod protobuf {
    /// Two floats.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Move {
        #[prost(float, tag = "1")]
        pub(crate) x: f32,
        #[prost(float, tag = "2")]
        pub(crate) y: f32,
    }

    /// Ten numbers.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Mixed {
        #[prost(uint64, tag = "1")]
        pub(crate) id: u64,
        #[prost(uint32, tag = "2")]
        pub(crate) tick: u32,
        #[prost(float, tag = "3")]
        pub(crate) x: f32,
        #[prost(float, tag = "4")]
        pub(crate) y: f32,
        #[prost(double, tag = "5")]
        pub(crate) z: f64,
        #[prost(sint32, tag = "6")]
        pub(crate) health: i32,
        #[prost(uint32, tag = "7")]
        pub(crate) team: u32,
        #[prost(bool, tag = "8")]
        pub(crate) alive: bool,
        #[prost(sint32, tag = "9")]
        pub(crate) score: i32,
        #[prost(int64, tag = "10")]
        pub(crate) seen: i64,
    }

    /// One of many.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Entity {
        #[prost(uint32, tag = "1")]
        pub(crate) id: u32,
        #[prost(string, tag = "2")]
        pub(crate) name: String,
        #[prost(float, tag = "3")]
        pub(crate) x: f32,
        #[prost(float, tag = "4")]
        pub(crate) y: f32,
        #[prost(sint32, tag = "5")]
        pub(crate) health: i32,
    }

    /// A hundred entities.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct State {
        #[prost(uint32, tag = "1")]
        pub(crate) tick: u32,
        #[prost(message, repeated, tag = "2")]
        pub(crate) entities: Vec<Entity>,
    }

    pub(crate) fn a_move() -> Move {
        let super::Move { x, y } = super::a_move();
        Move { x, y }
    }

    pub(crate) fn a_mixed() -> Mixed {
        let super::Mixed { id, tick, x, y, z, health, team, alive, score, seen } = super::a_mixed();
        Mixed { id, tick, x, y, z, health: health.into(), team: team.into(), alive, score, seen }
    }

    pub(crate) fn a_state() -> State {
        let super::State { tick, entities } = super::a_state();
        let entity = |entity: super::Entity| {
            let super::Entity { id, name, x, y, health } = entity;
            Entity { id, name, x, y, health: health.into() }
        };
        State { tick, entities: entities.into_iter().map(entity).collect() }
    }
}
