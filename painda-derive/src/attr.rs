//! Reads `#[pp(…)]` and doc comments as they are written, without judging them.

use crate::errors::Errors;
use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Result};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Token};

/// One `key` or `key = value`.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: Option<TokenStream>,
}

/// What stands in the `#[pp(…)]` of an item or a field, in order.
pub(crate) fn args(attrs: &[Attribute], errors: &mut Errors) -> Vec<Arg> {
    let mut args = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("pp")) {
        match attr.parse_args_with(parse) {
            Ok(parsed) => args.extend(parsed),
            Err(error) => errors.add(error),
        }
    }
    args
}

fn parse(input: ParseStream<'_>) -> Result<Vec<Arg>> {
    let mut args = Vec::new();
    while !input.is_empty() {
        // `crate` is a keyword and a key of ours.
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

/// Everything up to the next comma; what it should be is the model's business.
fn value(input: ParseStream<'_>, equals: Token![=]) -> Result<TokenStream> {
    let mut value = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        value.extend([input.parse::<TokenTree>()?]);
    }
    if value.is_empty() {
        return Err(syn::Error::new_spanned(equals, "a value is missing after `=`"));
    }
    Ok(value)
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
