//! Parses `#[pp(…)]`, doc comments and `#[deprecated]`, without checking them.

use crate::errors::Errors;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Result};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Token};

/// One `key` or `key = value`.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: Option<TokenStream>,
}

impl Arg {
    /// The value, where it is one of these.
    pub(crate) fn value<T: syn::parse::Parse>(&self) -> Option<T> {
        syn::parse2(self.value.clone()?).ok()
    }

    /// The tokens for an error: the value, or the key that should have one.
    pub(crate) fn at(&self) -> TokenStream {
        match &self.value {
            Some(value) => value.clone(),
            None => self.key.to_token_stream(),
        }
    }
}

/// The arguments of the `#[pp(…)]` of an item or a field, in order, each key once.
pub(crate) fn args(attrs: &[Attribute], errors: &mut Errors) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("pp")) {
        match attr.parse_args_with(parse) {
            Ok(parsed) => {
                for arg in parsed {
                    match args.iter().any(|other| other.key == arg.key) {
                        true => errors.push(&arg.key, format!("`{}` is given twice; keep one", arg.key)),
                        false => args.push(arg),
                    }
                }
            }
            Err(error) => errors.add(error),
        }
    }
    args
}

fn parse(input: ParseStream<'_>) -> Result<Vec<Arg>> {
    let mut args = Vec::new();
    while !input.is_empty() {
        // `crate` and `as` are keywords as well as keys.
        let key = input.call(Ident::parse_any)?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(equals) => Some(value(input, equals)?),
            None => None,
        };
        args.push(Arg { key, value });
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(args)
}

/// Everything up to the next key; the model checks it.
fn value(input: ParseStream<'_>, equals: Token![=]) -> Result<TokenStream> {
    let mut value = TokenStream::new();
    while !input.is_empty() && !is_end(input) {
        value.extend([input.parse::<TokenTree>()?]);
    }
    if value.is_empty() {
        return Err(syn::Error::new_spanned(equals, "a value is missing after `=`"));
    }
    Ok(value)
}

/// Whether a comma follows that ends the value; the one in `HashMap::<u8, u8>::new()` does not.
fn is_end(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.parse::<Token![,]>().is_ok()
        && (ahead.is_empty()
            || ahead.call(Ident::parse_any).is_ok()
                && (ahead.is_empty() || ahead.peek(Token![,]) || ahead.peek(Token![=]) && !ahead.peek(Token![==])))
}

/// Whether the item, field or variant has the attribute `#[deprecated]`.
pub(crate) fn is_deprecated(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("deprecated"))
}

/// The doc comment: its lines without the space after `///`.
pub(crate) fn doc(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}
