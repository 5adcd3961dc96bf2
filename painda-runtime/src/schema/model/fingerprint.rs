//! 64 bits for a whole schema: if they are equal, two programs need not compare their schemas.
//!
//! Owns what belongs to it: all that [`diff`](crate::schema::diff) can find on the wire or in JSON, and the delivery. Paths in
//! Rust, the schema's name, the documentation, and the order of events and variants do not belong to it.

use super::{Body, DeliveryModel, Fields, SchemaModel, TypeModel};
use crate::codec::fingerprint::Fingerprint;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

impl SchemaModel {
    /// 64 bits that are the same for schemas between which there is no difference on the wire, in JSON or in the delivery,
    /// in every build.
    ///
    /// Different values do not mean a contradiction: [`diff`](Self::diff) finds those.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut walk = Walk {
            hash: Fingerprint::new("schema").number(self.depth.into()),
            numbers: vec![None; self.parts.len()],
            met: Vec::new(),
        };
        for event in self.events_by_id() {
            walk.number(event.id.into());
            walk.name(&event.name);
            match &event.delivery {
                DeliveryModel::Reliable => walk.name(""),
                delivery => walk.name(&format!("{delivery}")),
            }
            walk.fields(&event.fields);
        }
        // Bodies follow in the order in which they were met: a part is identified by its number, not by its path.
        let mut at = 0;
        while let Some(part) = walk.met.get(at) {
            match &self.parts[*part].body {
                Body::Struct(fields) => {
                    walk.name("struct");
                    walk.fields(fields);
                }
                Body::Enum(variants) => {
                    walk.name("enum");
                    let mut variants: Vec<_> = variants.iter().collect();
                    variants.sort_by_key(|variant| variant.tag);
                    walk.number(variants.len() as u64);
                    for variant in variants {
                        walk.number(variant.tag.into());
                        walk.name(&variant.name);
                        walk.fields(&variant.fields);
                    }
                }
            }
            at += 1;
        }
        walk.hash.get()
    }
}

struct Walk {
    hash: Fingerprint,
    /// The numbers of the parts that were met.
    numbers: Vec<Option<usize>>,
    /// These, in the order of their numbers.
    met: Vec<usize>,
}

impl Walk {
    fn number(&mut self, number: u64) {
        self.hash = self.hash.number(number);
    }

    fn name(&mut self, name: &str) {
        self.hash = self.hash.name(name);
    }

    fn fields(&mut self, fields: &Fields) {
        self.number(fields.is_tuple.into());
        self.number(fields.list.len() as u64);
        for field in &fields.list {
            self.name(&field.name);
            self.ty(&field.ty);
            self.number(field.version().into());
            if let Some(since) = &field.since {
                self.name(&since.default);
            }
        }
    }

    fn ty(&mut self, ty: &TypeModel) {
        match ty {
            TypeModel::Number(number) => self.name(number.name()),
            TypeModel::Bool => self.name("bool"),
            TypeModel::String => self.name("String"),
            TypeModel::Bytes => self.name("Bytes"),
            TypeModel::Quantised(q) => {
                self.name("quantised");
                self.name(q.float.name());
                self.name(q.number.name());
                self.number(q.min.to_bits());
                self.number(q.max.to_bits());
            }
            TypeModel::Array(array) => {
                self.name("[");
                self.number(array.1);
            }
            TypeModel::Tuple(items) => {
                self.name("(");
                self.number(items.len() as u64);
            }
            TypeModel::List(_) => self.name("Vec"),
            TypeModel::Set(_) => self.name("Set"),
            TypeModel::Map(_) => self.name("Map"),
            TypeModel::Option(_) => self.name("Option"),
            TypeModel::Part(part) => {
                let part = *part as usize;
                let next = self.met.len();
                let number = *self.numbers[part].get_or_insert(next);
                if number == next {
                    self.met.push(part);
                }
                self.name("part");
                self.number(number as u64);
            }
            TypeModel::Unknown(text) => {
                self.name("unknown");
                self.name(text);
            }
        }
        ty.children().for_each(|child| self.ty(child));
    }
}
