//! The lock file's text, as it is written.
//!
//! Owns the format, which [`super`] documents; `read` has the way back. Knows nothing about what a change means.

use super::model::{Body, FORMAT, Lock, LockedDelivery, LockedLayout};
use std::fmt::{self, Write};

/// Writes a lock file in the newest format.
pub(super) fn write(lock: &Lock) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_to(lock, &mut out);
    out
}

fn write_to(lock: &Lock, out: &mut String) -> fmt::Result {
    writeln!(out, "# What the schema's events are on the wire. A test compares this file with the code, says what")?;
    writeln!(out, "# a change means, and writes the file anew where PAINDA_ACCEPT=1 is set. Commit it.")?;
    writeln!(out, "painda-lock {FORMAT}\nschema {}\ndepth {}", lock.schema, lock.depth)?;
    for event in &lock.events {
        write!(out, "\nevent {} {:?} {}{}", event.id, event.name, event.path, tuple(&event.layout))?;
        match &event.delivery {
            LockedDelivery::Reliable => writeln!(out)?,
            delivery => writeln!(out, ", {delivery}")?,
        }
        write_fields(&event.layout, "  ", out)?;
    }
    for part in &lock.parts {
        match &part.body {
            Body::Struct(layout) => {
                writeln!(out, "\nstruct {}{}", part.path, tuple(layout))?;
                write_fields(layout, "  ", out)?;
            }
            Body::Enum(variants) => {
                writeln!(out, "\nenum {}", part.path)?;
                for variant in variants {
                    writeln!(out, "  {} {}{}", variant.tag, variant.name, tuple(&variant.layout))?;
                    write_fields(&variant.layout, "    ", out)?;
                }
            }
        }
    }
    for (at, (id, name)) in lock.reserved.iter().enumerate() {
        writeln!(out, "{}reserved {id} {name:?}", if at == 0 { "\n" } else { "" })?;
    }
    Ok(())
}

fn tuple(layout: &LockedLayout) -> &'static str {
    if layout.is_tuple { ", tuple" } else { "" }
}

fn write_fields(layout: &LockedLayout, indent: &str, out: &mut String) -> fmt::Result {
    for field in &layout.fields {
        write!(out, "{indent}{}: {}", field.name, field.ty)?;
        if let Some(since) = &field.since {
            write!(out, ", since {} = {}", since.version, since.default)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
