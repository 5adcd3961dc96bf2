//! What an event is once it has been checked. Every rule about a single item is here; a rule adds
//! its error and lets the others go on.

use crate::attr::{self, Arg};
use crate::errors::Errors;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, LitInt, LitStr, Member, Path, Type};

/// A struct that is an event, without mistakes.
pub(crate) struct Event<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) runtime: Path,
    pub(crate) name: LitStr,
    /// Where it is missing, the id is made from the name.
    pub(crate) id: Option<u16>,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<Field<'a>>,
}

/// How the fields of a struct are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Named,
    Tuple,
}

/// One field of a struct.
pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
    pub(crate) doc: String,
    /// The type is spelled like one of fixed size, so that it can share an array with its neighbours.
    pub(crate) fixed: bool,
}

/// The longest name of an event in bytes; it travels with every JSON message.
const MAX_NAME: usize = 255;

impl<'a> Event<'a> {
    /// Checks an item that should become an event.
    pub(crate) fn check(input: &'a DeriveInput) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let args = EventArgs::check(input, &mut errors);
        no_generics(input, &mut errors);
        let (shape, fields) = match &input.data {
            Data::Struct(data) => fields(&data.fields, &mut errors),
            Data::Enum(data) => {
                errors.push(data.enum_token, "an event is a struct; put the enum into a field of one");
                (Shape::Named, Vec::new())
            }
            Data::Union(data) => {
                errors.push(data.union_token, "an event is a struct; a union has no defined layout");
                (Shape::Named, Vec::new())
            }
        };
        let event = args.name.map(|name| Event {
            ident: &input.ident,
            runtime: runtime(&input.attrs),
            name,
            id: args.id,
            doc: attr::doc(&input.attrs),
            shape,
            fields,
        });
        errors.none_or(event)
    }
}

/// The path of the runtime: what `#[pp(crate = "…")]` says, or `painda_runtime`.
pub(crate) fn runtime(attrs: &[Attribute]) -> Path {
    let args = attr::args(attrs, &mut Errors::default());
    let written = args.into_iter().find(|arg| arg.key == "crate").and_then(|arg| arg.value);
    written
        .and_then(|value| syn::parse2::<LitStr>(value).ok())
        .and_then(|path| path.parse().ok())
        .unwrap_or_else(|| syn::parse_quote!(::painda_runtime))
}

#[derive(Default)]
struct EventArgs {
    name: Option<LitStr>,
    id: Option<u16>,
}

impl EventArgs {
    fn check(input: &DeriveInput, errors: &mut Errors) -> Self {
        let mut checked = EventArgs::default();
        let mut seen = Vec::new();
        let args = attr::args(&input.attrs, errors);
        // What could not be read, or is misspelled, may have been the name.
        let mut readable = errors.is_empty();
        for arg in args {
            if seen.contains(&arg.key) {
                errors.push(&arg.key, format!("`{}` is given twice; keep one", arg.key));
                continue;
            }
            match arg.key.to_string().as_str() {
                "event" => checked.name = event_name(&arg, errors),
                "id" => checked.id = event_id(&arg, errors),
                "crate" => crate_path(&arg, errors),
                other => {
                    readable = false;
                    errors.push(
                        &arg.key,
                        format!("unknown key `{other}`; an event has `event = \"…\"`, `id = …` and `crate = \"…\"`"),
                    );
                }
            }
            seen.push(arg.key);
        }
        if readable && !seen.iter().any(|key| key == "event") {
            let hint = hint(&input.ident);
            errors.push(&input.ident, format!("the event has no name; add `#[pp(event = \"{hint}\")]`"));
        }
        checked
    }
}

/// A name to start from: `PlayerMove` could be `player:move`.
fn hint(ident: &Ident) -> String {
    let mut name = String::new();
    for (at, letter) in ident.unraw().to_string().char_indices() {
        if letter.is_uppercase() && at > 0 {
            name.push(':');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn event_name(arg: &Arg, errors: &mut Errors) -> Option<LitStr> {
    let Some(name) = arg.value.clone().and_then(|value| syn::parse2::<LitStr>(value).ok()) else {
        errors.push(at(arg), "the event's name is a string: `event = \"player:move\"`");
        return None;
    };
    let value = name.value();
    let mistake = if value.is_empty() {
        "the event's name is empty".to_owned()
    } else if value.len() > MAX_NAME {
        format!("the event's name is {} bytes long; {MAX_NAME} are the limit", value.len())
    } else if value.starts_with("__pp_") {
        "names that begin with `__pp_` are the protocol's own; choose another".to_owned()
    } else if value.chars().any(char::is_control) {
        "the event's name contains a control character".to_owned()
    } else {
        return Some(name);
    };
    errors.push(&name, mistake);
    None
}

fn event_id(arg: &Arg, errors: &mut Errors) -> Option<u16> {
    let literal = arg.value.clone().and_then(|value| syn::parse2::<LitInt>(value).ok());
    let id = literal.filter(|literal| literal.suffix().is_empty()).map(|literal| literal.base10_parse());
    let mistake = match id {
        Some(Ok(0)) => "the id 0 is reserved for events without a schema; ids are 1 to 65535",
        Some(Ok(id)) => return Some(id),
        _ => "an id is a number from 1 to 65535; leave it out to have it made from the name",
    };
    errors.push(at(arg), mistake);
    None
}

fn crate_path(arg: &Arg, errors: &mut Errors) {
    let path = arg.value.clone().and_then(|value| syn::parse2::<LitStr>(value).ok());
    if path.and_then(|path| path.parse::<Path>().ok()).is_none() {
        errors.push(at(arg), "the path of the runtime is a string: `crate = \"::my_crate::painda_runtime\"`");
    }
}

/// The tokens to complain about: the value, or the key that should have one.
fn at(arg: &Arg) -> proc_macro2::TokenStream {
    match &arg.value {
        Some(value) => value.clone(),
        None => quote::ToTokens::to_token_stream(&arg.key),
    }
}

fn no_generics(input: &DeriveInput, errors: &mut Errors) {
    if !input.generics.params.is_empty() {
        errors.push(
            &input.generics,
            "an event has one layout, so its struct has no type parameters or lifetimes; own the data: `String` for `&str`",
        );
    }
}

fn fields<'a>(fields: &'a Fields, errors: &mut Errors) -> (Shape, Vec<Field<'a>>) {
    let shape = match fields {
        Fields::Named(_) | Fields::Unit => Shape::Named,
        Fields::Unnamed(_) => Shape::Tuple,
    };
    let checked = fields.iter().zip(fields.members()).map(|(field, member)| {
        for arg in attr::args(&field.attrs, errors) {
            errors.push(&arg.key, format!("unknown key `{}`; a field has none", arg.key));
        }
        supported(&field.ty, errors);
        Field {
            name: match &member {
                Member::Named(ident) => ident.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            },
            member,
            ty: &field.ty,
            doc: attr::doc(&field.attrs),
            fixed: is_fixed(&field.ty),
        }
    });
    (shape, checked.collect())
}

/// Refuses the types that are known to be wrong, with their fix; the trait bound finds the others.
fn supported(ty: &Type, errors: &mut Errors) {
    let mistake = match ty {
        Type::Group(group) => return supported(&group.elem, errors),
        Type::Paren(paren) => return supported(&paren.elem, errors),
        Type::Reference(_) => "an event owns its data; use the type without `&`",
        Type::Ptr(_) | Type::FnPtr(_) | Type::TraitObject(_) | Type::ImplTrait(_) | Type::Never(_) => {
            "this type has no bytes to send; use numbers, text, collections, or a struct or enum of them"
        }
        Type::Slice(_) => "a slice has no size of its own; use an array `[T; N]`",
        _ => match spelled(ty).as_deref() {
            Some("usize") => "`usize` differs between machines; use `u32` or `u64`",
            Some("isize") => "`isize` differs between machines; use `i32` or `i64`",
            Some("u128" | "i128") => "the widest integers on the wire have 64 bits; use `u64`, `i64` or `[u8; 16]`",
            Some("char") => "a `char` has no encoding on the wire; use `u32`",
            _ => return,
        },
    };
    errors.push(ty, mistake);
}

fn is_fixed(ty: &Type) -> bool {
    const NUMBERS: [&str; 11] = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bool"];
    match ty {
        Type::Group(group) => is_fixed(&group.elem),
        Type::Paren(paren) => is_fixed(&paren.elem),
        _ => spelled(ty).is_some_and(|name| NUMBERS.contains(&name.as_str())),
    }
}

/// The name of a type that is a single word.
fn spelled(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.get_ident().map(Ident::to_string),
        _ => None,
    }
}
