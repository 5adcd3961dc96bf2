//! The rules for an event as a whole: its name, its id, its delivery.

use super::{Field, Item, Shape, crate_path, field, not_packed};
use crate::attr::{self, Arg};
use crate::errors::Errors;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Ident, LitInt, LitStr};

/// A struct that is an event, checked.
pub(crate) struct Event<'a> {
    pub(crate) item: Item<'a>,
    pub(crate) name: LitStr,
    /// Where it is missing, the id is made from the name.
    pub(crate) id: Option<u16>,
    pub(crate) delivery: Delivery,
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<Field<'a>>,
}

/// The delivery of an event to a slow client.
#[derive(Default)]
pub(crate) enum Delivery {
    #[default]
    Reliable,
    Volatile,
    Latest,
    /// The name in the attribute and the position of the key field.
    LatestOf(LitStr, usize),
}

/// The longest name of an event in bytes; it travels with every JSON message.
const MAX_NAME: usize = 255;

impl<'a> Event<'a> {
    /// Checks an item that should become an event.
    pub(crate) fn check(input: &'a DeriveInput) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let args = Args::check(input, &mut errors);
        no_generics(input, &mut errors);
        not_packed(&input.attrs, &mut errors);
        let (shape, fields) = match &input.data {
            Data::Struct(data) => field::of_event(&data.fields, &mut errors),
            Data::Enum(data) => {
                errors.push(
                    data.enum_token,
                    "an event is a struct; give the enum `#[derive(PPType)]` and put it into a field of one",
                );
                (Shape::Named, Vec::new())
            }
            Data::Union(data) => {
                errors.push(data.union_token, "an event is a struct; a union has no defined layout");
                (Shape::Named, Vec::new())
            }
        };
        let delivery = args.delivery(&fields, &mut errors);
        let event = args.name.map(|name| Event { item: Item::new(input), name, id: args.id, delivery, shape, fields });
        errors.none_or(event)
    }
}

#[derive(Default)]
struct Args {
    name: Option<LitStr>,
    id: Option<u16>,
    volatile: Option<Arg>,
    latest: Option<Arg>,
}

impl Args {
    fn check(input: &DeriveInput, errors: &mut Errors) -> Self {
        let mut checked = Args::default();
        let args = attr::args(&input.attrs, errors);
        // An argument that could not be parsed, or is misspelled, may have been the name.
        let mut readable = errors.is_empty();
        let mut named = false;
        for arg in args {
            match arg.key.to_string().as_str() {
                "event" => {
                    named = true;
                    checked.name = event_name(&arg, errors);
                }
                "id" => checked.id = event_id(&arg, errors),
                "volatile" => checked.volatile = Some(arg),
                "latest" => checked.latest = Some(arg),
                "crate" => crate_path(&arg, errors),
                other => {
                    readable = false;
                    errors.push(
                        &arg.key,
                        format!(
                            "unknown key `{other}`; an event has `event = \"…\"`, `id = …`, `volatile`, `latest`, \
                             `latest = \"field\"` and `crate = \"…\"`"
                        ),
                    );
                }
            }
        }
        if readable && !named {
            let hint = hint(&input.ident);
            errors.push(&input.ident, format!("the event has no name; add `#[pp(event = \"{hint}\")]`"));
        }
        checked
    }

    fn delivery(&self, fields: &[Field<'_>], errors: &mut Errors) -> Delivery {
        if let Some(Arg { value: Some(value), .. }) = &self.volatile {
            errors.push(value, "`volatile` has no value");
        }
        let latest = match (&self.latest, &self.volatile) {
            (Some(latest), Some(_)) => {
                errors.push(
                    &latest.key,
                    "an event is `volatile`, where it may be lost, or `latest`, where it is replaced by a newer one; keep one",
                );
                return Delivery::Reliable;
            }
            (None, Some(_)) => return Delivery::Volatile,
            (None, None) => return Delivery::Reliable,
            (Some(latest), None) => latest,
        };
        if latest.value.is_none() {
            return Delivery::Latest;
        }
        let Some(key) = latest.value::<LitStr>() else {
            errors.push(latest.at(), "the field that tells events apart is a string: `latest = \"player\"`");
            return Delivery::Latest;
        };
        let name = key.value();
        match fields.iter().position(|field| field.name == name) {
            Some(at) if fields[at].later.is_some() => {
                errors.push(&key, "the field is missing in older messages; choose one of the first version");
                Delivery::Latest
            }
            Some(at) => Delivery::LatestOf(key, at),
            None => {
                let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                errors.push(
                    &key,
                    format!(
                        "the event has no field `{name}`; it has {}",
                        match names.is_empty() {
                            true => "none".to_owned(),
                            false => names.join(", "),
                        }
                    ),
                );
                Delivery::Latest
            }
        }
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
    let Some(name) = arg.value::<LitStr>() else {
        errors.push(arg.at(), "the event's name is a string: `event = \"player:move\"`");
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
    let literal = arg.value::<LitInt>();
    let id = literal.filter(|literal| literal.suffix().is_empty()).map(|literal| literal.base10_parse());
    let mistake = match id {
        Some(Ok(0)) => "the id 0 is reserved for events without a schema; ids are 1 to 65535",
        Some(Ok(id)) => return Some(id),
        _ => "an id is a number from 1 to 65535; leave it out to have it made from the name",
    };
    errors.push(arg.at(), mistake);
    None
}

fn no_generics(input: &DeriveInput, errors: &mut Errors) {
    if !input.generics.params.is_empty() {
        errors.push(
            &input.generics,
            "an event has one layout, so its struct has no type parameters or lifetimes; own the data: `String` for `&str`",
        );
    }
}
