//! The rules for `#[pp(as = u16, range = -1.0..=1.0)]`.

use super::types::spelled;
use crate::attr::Arg;
use crate::errors::Errors;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, Lit, Token, Type};

/// A float that is sent as an integer.
pub(crate) struct Quantised {
    /// `F32` or `F64`.
    pub(crate) float: &'static str,
    /// `U8`, `U16` or `U32`.
    pub(crate) number: &'static str,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Quantised {
    /// Checks both keys of a field.
    pub(super) fn check(ty: &Type, number: Option<Arg>, range: Option<Arg>, errors: &mut Errors) -> Option<Self> {
        let (number, range) = match (number, range) {
            (None, None) => return None,
            (Some(number), None) => {
                errors.push(&number.key, "the range of the values is missing; add `range = -100.0..=100.0`");
                return None;
            }
            (None, Some(range)) => {
                errors.push(&range.key, "the integer on the wire is missing; add `as = u16`");
                return None;
            }
            (Some(number), Some(range)) => (number, range),
        };
        let float = match spelled(ty).as_deref() {
            Some("f32") => Some("F32"),
            Some("f64") => Some("F64"),
            _ => {
                errors.push(&number.key, "`as` is for fields of the type `f32` or `f64`");
                None
            }
        };
        let integer = integer(&number, errors);
        let bounds = bounds(&range, errors);
        let ((min, max), float, (number, top)) = (bounds?, float?, integer?);
        let quantised = Quantised { float, number, min, max };
        if !quantised.is_exact(top) {
            let (bits, fix) = match float {
                "F32" => ("f32", "choose fewer bits, a range closer to 0, or `f64`"),
                _ => ("f64", "choose fewer bits, or a range closer to 0"),
            };
            errors
                .push(range.at(), format!("an `{bits}` cannot tell these steps apart everywhere in the range; {fix}"));
            return None;
        }
        Some(quantised)
    }

    /// Whether a step is wide enough for the float, so that a value that has been received is sent as
    /// the same integer again.
    fn is_exact(&self, top: u32) -> bool {
        let step = (self.max - self.min) / f64::from(top);
        let digits = if self.float == "F32" { f32::MANTISSA_DIGITS } else { f64::MANTISSA_DIGITS };
        let largest = self.min.abs().max(self.max.abs());
        // Between neighbouring floats at the far end of the range.
        let gap = largest * 2.0_f64.powi(1 - digits as i32);
        step >= 4.0 * gap
    }
}

fn integer(arg: &Arg, errors: &mut Errors) -> Option<(&'static str, u32)> {
    let ident = arg.value::<Ident>().map(|ident| ident.to_string());
    match ident.as_deref() {
        Some("u8") => Some(("U8", u8::MAX.into())),
        Some("u16") => Some(("U16", u16::MAX.into())),
        Some("u32") => Some(("U32", u32::MAX)),
        _ => {
            errors.push(arg.at(), "a float is sent as `u8`, `u16` or `u32`: `as = u16`");
            None
        }
    }
}

fn bounds(arg: &Arg, errors: &mut Errors) -> Option<(f64, f64)> {
    let mistake = match arg.value::<Bounds>() {
        Some(Bounds { min, max }) if min < max && (max - min).is_finite() => return Some((min, max)),
        Some(_) => "the range is empty, or too wide for a float",
        None => "the range is written as two numbers: `range = -100.0..=100.0`",
    };
    errors.push(arg.at(), mistake);
    None
}

/// `-100.0..=100.0`.
struct Bounds {
    min: f64,
    max: f64,
}

impl Parse for Bounds {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let min = number(input)?;
        input.parse::<Token![..=]>()?;
        Ok(Bounds { min, max: number(input)? })
    }
}

fn number(input: ParseStream<'_>) -> syn::Result<f64> {
    let sign = if input.parse::<Option<Token![-]>>()?.is_some() { -1.0 } else { 1.0 };
    let number: f64 = match input.parse()? {
        Lit::Float(number) => number.base10_parse()?,
        Lit::Int(number) => number.base10_parse()?,
        other => return Err(syn::Error::new_spanned(other, "a number is needed")),
    };
    Ok(sign * number)
}
