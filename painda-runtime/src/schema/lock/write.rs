//! Writes the lock file's text.
//!
//! Owns the format, which [`super`] documents and `read` reads. The meaning of a change is not known here.

use super::FORMAT;
use crate::schema::model::{Body, DeliveryModel, Fields, SchemaModel};
use std::fmt::{self, Write};

/// The text of a lock file for a schema, in the newest format. It has no documentation.
#[must_use]
pub fn write(schema: &SchemaModel) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_to(schema, &mut out);
    out
}

fn write_to(schema: &SchemaModel, out: &mut String) -> fmt::Result {
    writeln!(out, "# What the schema's events are on the wire. A test compares this file with the code, says what")?;
    writeln!(out, "# a change means, and with which PAINDA_ACCEPT it is taken into this file. Commit it.")?;
    writeln!(out, "painda-lock {FORMAT}\nschema {}\ndepth {}", schema.name, schema.depth)?;
    for event in schema.events_by_id() {
        write!(out, "\nevent {} {:?} {}{}", event.id, event.name, event.path, tuple(&event.fields))?;
        match &event.delivery {
            DeliveryModel::Reliable => writeln!(out)?,
            delivery => writeln!(out, ", {delivery}")?,
        }
        write_fields(schema, &event.fields, "  ", out)?;
    }
    let mut parts: Vec<_> = schema.parts.iter().collect();
    parts.sort_by(|a, b| a.path.cmp(&b.path));
    for part in parts {
        match &part.body {
            Body::Struct(fields) => {
                writeln!(out, "\nstruct {}{}", part.path, tuple(fields))?;
                write_fields(schema, fields, "  ", out)?;
            }
            Body::Enum(variants) => {
                writeln!(out, "\nenum {}", part.path)?;
                let mut variants: Vec<_> = variants.iter().collect();
                variants.sort_by_key(|variant| variant.tag);
                for variant in variants {
                    writeln!(out, "  {} {}{}", variant.tag, variant.name, tuple(&variant.fields))?;
                    write_fields(schema, &variant.fields, "    ", out)?;
                }
            }
        }
    }
    let mut reserved: Vec<_> = schema.reserved.iter().collect();
    reserved.sort();
    for (at, (id, name)) in reserved.into_iter().enumerate() {
        writeln!(out, "{}reserved {id} {name:?}", if at == 0 { "\n" } else { "" })?;
    }
    Ok(())
}

fn tuple(fields: &Fields) -> &'static str {
    if fields.is_tuple { ", tuple" } else { "" }
}

fn write_fields(schema: &SchemaModel, fields: &Fields, indent: &str, out: &mut String) -> fmt::Result {
    for field in &fields.list {
        write!(out, "{indent}{}: {}", field.name, schema.text(&field.ty))?;
        if let Some(since) = &field.since {
            write!(out, ", since {} = {}", since.version, since.default)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
