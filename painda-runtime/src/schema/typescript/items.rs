//! The declarations of the module: a type, a reader and a writer for each event and part, an object for each event,
//! and the union of all events.
//!
//! Owns the shape of the code. The expressions for single types come from `types`.

use super::binary::Place;
use super::names::{Name, Names};
use super::types::tuple;
use crate::codec::{EnumType, Field, Layout, Shape, Variant};
use crate::schema::parts::{Kind, Part};
use crate::schema::{EventDescriptor, Registry, reflect};

/// A struct or enum that is a part of events.
pub(super) fn part(part: &Part, names: &Names, out: &mut String) {
    let name = names.part(&part.path);
    match part.kind {
        Kind::Struct(ty) => {
            doc("", &docs(ty.doc(), ty.is_deprecated()), out);
            let newtype = reflect::is_newtype(ty.layout());
            let nests = ty.layout().fixed_size().is_none();
            match newtype.then(|| ty.layout().fields()[0].ty()) {
                Some(inner) => {
                    let inner = names.ty(inner, Place::Declaration);
                    *out += &format!("export type {} = {inner};\n\n", name.declared());
                }
                None => type_of(name, ty.layout(), names, out),
            }
            codec(name, ty.layout(), newtype, if nests { "nested" } else { "parts" }, names, out);
        }
        Kind::Enum(ty) => {
            doc("", &docs(ty.doc(), ty.is_deprecated()), out);
            match ty.fixed_size() {
                Some(_) => unit_enum(name, ty, out),
                None => data_enum(name, ty, names, out),
            }
        }
    }
}

/// An event.
pub(super) fn event(event: &EventDescriptor, names: &Names, out: &mut String) {
    let (name, event_name, id) = (names.event(event.id()), quoted(event.name()), event.id());
    doc("", &docs(event.doc(), event.is_deprecated()), out);
    type_of(name, event.layout(), names, out);
    codec(name, event.layout(), false, "parts", names, out);
    doc("", &format!("The event {event_name}, with the id {id}."), out);
    let types = match name.has_bytes() {
        true => format!("{name}, {}", name.at(Place::Reader)),
        false => name.to_string(),
    };
    *out += &format!(
        "export const {name}: EventCodec<{event_name}, {types}> = {{
  name: {event_name},
  id: {id},
  encode: (event) => encode({event_name}, write{name}, event),
  decode: (bytes) => decode({event_name}, read{name}, bytes),
}};

"
    );
}

/// The union of the events, and the functions that tell them apart.
pub(super) fn schema(registry: &Registry, names: &Names, out: &mut String) {
    let schema = registry.name();
    let lines = |line: &dyn Fn(&EventDescriptor, &Name) -> String| {
        registry.events().iter().map(|event| line(event, names.event(event.id()))).collect::<String>()
    };
    let quoted = |event: &EventDescriptor| quoted(event.name());

    doc("", &format!("An event of the schema {schema}; `type` tells which."), out);
    let union = match registry.events() {
        [] => " never".to_owned(),
        _ => lines(&|event, name| {
            format!("\n  | {{ type: {}; payload: {} }}", quoted(event), name.at(Place::Declaration))
        }),
    };
    *out += &format!("export type {} ={union};\n\n", names.schema().declared());

    let cases = lines(&|event, name| {
        let (id, event) = (event.id(), quoted(event));
        format!("    case {event}:\n      return {{ id: {id}, bytes: {name}.encode(event.payload) }};\n")
    });
    let event = if registry.events().is_empty() { "{ type: string }" } else { &names.schema().to_string() };
    doc("", &format!("The id and the bytes of an event of the schema {schema}."), out);
    *out += &format!(
        "export function encode{schema}Event(event: {event}): {{ id: number; bytes: OwnBytes }} {{
  switch (event.type) {{
{cases}    default:
      return unknownEvent(event);
  }}
}}

"
    );

    let cases = lines(&|event, name| {
        let (id, event) = (event.id(), quoted(event));
        format!("    case {id}:\n      return {{ type: {event}, payload: {name}.decode(bytes) }};\n")
    });
    let bytes = if registry.events().is_empty() { "_bytes" } else { "bytes" };
    let decoded = names.schema().at(Place::Reader);
    doc("", &format!("The event of the schema {schema} with this id and these bytes."), out);
    *out += &format!(
        "export function decode{schema}Event(id: number, {bytes}: Bytes): {decoded} {{
  switch (id) {{
{cases}    default:
      throw new DecodeError(`no event of the schema has the id ${{id}}`);
  }}
}}
"
    );
}

/// An interface, or a tuple.
fn type_of(name: &Name, layout: &Layout, names: &Names, out: &mut String) {
    let (fields, name) = (layout.fields(), name.declared());
    *out += &match layout.shape() {
        Shape::Named if fields.is_empty() => format!("export type {name} = Record<string, never>;\n\n"),
        Shape::Named => format!("export interface {name} {{\n{}}}\n\n", properties(fields, "  ", names)),
        Shape::Tuple => format!("export type {name} = {};\n\n", tuple_of(fields, Place::Declaration, names)),
    };
}

fn tuple_of(fields: &[Field], place: Place, names: &Names) -> String {
    tuple(fields.iter().map(|field| names.ty(field.ty(), place)))
}

fn properties(fields: &[Field], indent: &str, names: &Names) -> String {
    let mut out = String::new();
    for field in fields {
        doc(indent, &field_docs(field), &mut out);
        out += &format!("{indent}{}: {};\n", key(field.name()), names.ty(field.ty(), Place::Declaration));
    }
    out
}

/// The functions that read and write a struct; `around` is the method that goes into it.
fn codec(name: &Name, layout: &Layout, newtype: bool, around: &str, names: &Names, out: &mut String) {
    let (r, w, v) = if layout.fields().is_empty() && around == "parts" { ("_r", "_w", "_v") } else { ("r", "w", "v") };
    let decoded = name.at(Place::Reader);
    let body = match layout.fields() {
        [] => empty(layout).to_owned(),
        _ => format!("r.{around}((r): {decoded} => {})", read_fields(layout, newtype, "  ", names)),
    };
    *out += &format!("function read{name}({r}: Reader): {decoded} {{\n  return {body};\n}}\n\n");
    *out += &format!("function write{name}({w}: Writer, {v}: {name}): void {{\n");
    if !layout.fields().is_empty() {
        let value = if newtype { "v" } else { "w.object(v)" };
        *out +=
            &format!("  w.{around}({value}, (w, v) => {{\n{}  }});\n", write_fields(layout, newtype, "    ", names));
    }
    *out += "}\n\n";
}

fn empty(layout: &Layout) -> &'static str {
    match layout.shape() {
        Shape::Named => "{}",
        Shape::Tuple => "[]",
    }
}

/// The expression that reads all fields from `r`.
fn read_fields(layout: &Layout, newtype: bool, indent: &str, names: &Names) -> String {
    let read = |field: &Field| {
        let at = format!("r.at({})", quoted(field.name()));
        match field.default_bytes() {
            Some(bytes) => format!("{at}.since({}, {bytes:?}, {})", field.since(), names.reader(field.ty())),
            None => names.read(field.ty(), &at),
        }
    };
    let mut fields = layout.fields().iter();
    match layout.shape() {
        _ if newtype => fields.map(read).collect(),
        Shape::Tuple => tuple(fields.map(read)),
        Shape::Named => {
            let lines = fields.by_ref().map(|field| format!("{indent}  {}: {},\n", key(field.name()), read(field)));
            format!("({{\n{}{indent}}})", lines.collect::<String>())
        }
    }
}

/// The statements that write all fields of `v` to `w`.
fn write_fields(layout: &Layout, newtype: bool, indent: &str, names: &Names) -> String {
    let write = |field: &Field| {
        let value = match layout.shape() {
            _ if newtype => "v".to_owned(),
            Shape::Tuple => format!("v[{}]", field.name()),
            Shape::Named if is_plain(field.name()) => format!("v.{}", field.name()),
            Shape::Named => format!("v[{}]", quoted(field.name())),
        };
        format!("{indent}{};\n", names.write(field.ty(), &format!("w.at({})", quoted(field.name())), &value))
    };
    layout.fields().iter().map(write).collect()
}

/// An enum without data: a union of names.
fn unit_enum(name: &Name, ty: &EnumType, out: &mut String) {
    let variants = ty.variants();
    let each = |line: &dyn Fn(&Variant) -> String| variants.iter().map(line).collect::<String>();
    let union = each(&|variant| {
        let mut docs_of_variant = String::new();
        doc("  ", &docs(variant.doc(), variant.is_deprecated()), &mut docs_of_variant);
        format!("\n{docs_of_variant}  | {}", quoted(variant.name()))
    });
    let union = if variants.is_empty() { " never".to_owned() } else { union };
    let reads = each(&|variant| format!("    case {}:\n      return {};\n", variant.tag(), quoted(variant.name())));
    let writes =
        each(&|variant| format!("    case {}:\n      return w.u8({});\n", quoted(variant.name()), variant.tag()));
    *out += &format!(
        "export type {name} ={union};

function read{name}(r: Reader): {name} {{
  const tag = r.u8();
  switch (tag) {{
{reads}    default:
      return r.noVariant(tag);
  }}
}}

function write{name}(w: Writer, v: {name}): void {{
  switch (v) {{
{writes}    default:
      return w.noVariant(v);
  }}
}}

"
    );
}

/// An enum with data: a union of objects with a `kind`.
fn data_enum(name: &Name, ty: &EnumType, names: &Names, out: &mut String) {
    let (mut union, mut reads, mut writes) = (String::new(), String::new(), String::new());
    let (declared, decoded) = (name.declared(), name.at(Place::Reader));
    for variant in ty.variants() {
        let (kind, tag, layout) = (quoted(variant.name()), variant.tag(), variant.layout());
        let newtype = reflect::is_newtype(layout);
        union += "\n";
        doc("  ", &docs(variant.doc(), variant.is_deprecated()), &mut union);
        if layout.fields().is_empty() {
            union += &format!("  | {{ kind: {kind} }}");
            reads += &format!("      case {tag}:\n        return {{ kind: {kind} }};\n");
            writes += &format!("      case {kind}:\n        return w.u8({tag});\n");
            continue;
        }
        let value = |place| match layout.shape() {
            _ if newtype => names.ty(layout.fields()[0].ty(), place),
            Shape::Tuple => tuple_of(layout.fields(), place, names),
            Shape::Named => format!("{{\n{}    }}", properties(layout.fields(), "      ", names)),
        };
        union += &format!("  | {{ kind: {kind}; value: {} }}", value(Place::Declaration));
        let fields = read_fields(layout, newtype, "        ", names);
        let closure = match layout.shape() {
            Shape::Tuple => format!("(r): {}", value(Place::Reader)),
            Shape::Named => "(r)".to_owned(),
        };
        reads += &format!(
            "      case {tag}:\n        return {{ kind: {kind}, value: r.at({kind}).parts({closure} => {fields}) }};\n"
        );
        let object = if newtype { "v.value" } else { "w.object(v.value)" };
        writes += &format!(
            "      case {kind}:
        w.u8({tag});
        return w.at({kind}).parts({object}, (w, v) => {{
{}        }});
",
            write_fields(layout, newtype, "          ", names)
        );
    }
    *out += &format!(
        "export type {declared} ={union};

function read{name}(r: Reader): {decoded} {{
  return r.nested((r): {decoded} => {{
    const tag = r.u8();
    switch (tag) {{
{reads}      default:
        return r.noVariant(tag);
    }}
  }});
}}

function write{name}(w: Writer, v: {name}): void {{
  w.nested(w.object(v), (w, v) => {{
    switch (v.kind) {{
{writes}      default:
        return w.noVariant((v as {{ kind: unknown }}).kind);
    }}
  }});
}}

"
    );
}

/// A documentation comment.
fn doc(indent: &str, text: &str, out: &mut String) {
    let text = text.replace("*/", "*\\/");
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (None, _) => {}
        (Some(line), None) => *out += &format!("{indent}/** {line} */\n"),
        (Some(_), Some(_)) => {
            *out += &format!("{indent}/**\n");
            for line in text.lines() {
                *out += format!("{indent} * {line}").trim_end();
                *out += "\n";
            }
            *out += &format!("{indent} */\n");
        }
    }
}

fn docs(doc: &str, deprecated: bool) -> String {
    let tag = if deprecated { "@deprecated" } else { "" };
    [doc, tag].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn field_docs(field: &Field) -> String {
    let docs = docs(field.doc(), field.is_deprecated());
    match reflect::default_value(field) {
        Some(value) => {
            let since = format!("Since version {}; `{value}` in older messages.", field.since());
            if docs.is_empty() { since } else { format!("{docs}\n\n{since}") }
        }
        None => docs,
    }
}

/// A string as JavaScript writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A property in a type or an object; this one name would set the object's prototype.
fn key(name: &str) -> String {
    match name {
        "__proto__" => "[\"__proto__\"]".to_owned(),
        name if is_plain(name) => name.to_owned(),
        name => quoted(name),
    }
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}
