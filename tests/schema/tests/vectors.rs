//! The field codecs beside the byte-exact cases of an independent implementation of the contract.

use painda_runtime::EventDescriptor;
use painda_runtime::codec::{Field, Layout, Number, Shape, WireType};
use serde_json::Value;

fn number(name: &str) -> Number {
    match name {
        "uint8" => Number::U8,
        "int8" => Number::I8,
        "uint16" => Number::U16,
        "int16" => Number::I16,
        "uint32" => Number::U32,
        "int32" => Number::I32,
        "float32" => Number::F32,
        "float64" => Number::F64,
        other => panic!("unknown type {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// An event of the case's fields, leaked: descriptors are static.
fn event(case: &Value) -> EventDescriptor {
    let fields = case["fields"].as_array().expect("an array").iter().map(|field| {
        let ty: &'static WireType = Box::leak(Box::new(WireType::Number(number(text(&field["type"])))));
        Field::new(text(&field["name"]).to_owned().leak(), ty)
    });
    let fields: Vec<Field> = fields.collect();
    EventDescriptor::new("vector", 1, "vector", Layout::new(Shape::Named, fields.leak()))
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}

#[test]
fn every_case_is_decoded_and_encoded() {
    let vectors: Value = serde_json::from_str(include_str!("../../data/reference.json")).expect("it is JSON");
    let cases = vectors["struct"].as_array().expect("an array");
    assert!(cases.len() >= 45);
    for case in cases {
        let (event, bytes) = (event(case), bytes(text(&case["hex"])));
        let mut values = case["values"].clone();
        for value in values.as_object_mut().expect("an object").values_mut() {
            // JSON could write it as a number, the file does not.
            if value == "-0" {
                *value = (-0.0).into();
            }
        }
        assert_eq!(event.from_json(&values).expect("it is valid"), bytes, "{case}");
        let decoded = event.to_json(&bytes).expect("it is valid");
        assert_eq!(event.from_json(&decoded).expect("it is valid"), bytes, "{case}");
        for end in 0..bytes.len() {
            assert!(event.to_json(&bytes[..end]).is_err(), "{end} bytes of {case}");
        }
    }
}
