//! The implementation of `Wire` for a struct or an enum.

use super::fields::{Access, Fields};
use super::{names, notes, private};
use crate::model::{Data, Field, Part, Shape, Variant};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, GenericParam, Generics, Path, parse_quote};

/// What differs between structs and enums.
struct Code {
    items: TokenStream,
    checks: TokenStream,
    /// `Struct` or `Enum`.
    kind: TokenStream,
    ty: TokenStream,
    fixed_size: TokenStream,
    min_size: TokenStream,
    layout_print: TokenStream,
    names_print: TokenStream,
    size: TokenStream,
    write: TokenStream,
    read: TokenStream,
}

/// The implementation of `Wire`.
pub(crate) fn part(part: &Part<'_>) -> TokenStream {
    let Part { item, generics, data } = part;
    let (ident, rust_name, private) = (item.ident, &item.name, private(&item.runtime));
    let args = generics.type_params().map(|param| &param.ident);
    let args: Vec<_> = args.map(|param| quote!(#private::TypeRef::of::<#param>())).collect();
    let args = (!args.is_empty()).then(|| quote!(.with_args(&[#(#args),*])));
    let notes = notes(&item.doc, item.deprecated);
    let name = quote! {
        #rust_name,
        #private::concat!(#private::module_path!(), "::", #rust_name),
    };
    let code = match data {
        Data::Struct(shape, fields) => struct_code(&private, *shape, fields, &name),
        Data::Enum(variants) => enum_code(&private, variants, &name),
    };
    let Code { items, kind, ty, fixed_size, min_size, layout_print, names_print, size, write, read, .. } = code;
    // Checks that depend on type parameters are made where the type is used.
    let checks = generics.params.is_empty().then_some(code.checks);

    let bounded = bounded(generics, &private);
    let (impl_generics, ty_generics, where_clause) = bounded.split_for_impl();
    let (depth, sink) = (names::ty("Depth"), names::ty("Sink"));
    let (out, reader) = (names::local("out"), names::local("reader"));
    let mut with_depth = bounded.clone();
    with_depth.params.push(parse_quote!(#depth: #private::Depth));
    let (depth_generics, _, _) = with_depth.split_for_impl();

    quote! {
        #[allow(deprecated)]
        const _: () = {
            #items
            #checks

            #[automatically_derived]
            impl #impl_generics #private::Wire for #ident #ty_generics #where_clause {
                const TYPE: &'static #private::WireType =
                    &#private::WireType::#kind(#ty #args #notes);
                const FIXED_SIZE: #private::Option<#private::usize> = #fixed_size;
                const MIN_SIZE: #private::usize = #min_size;
                type Print<#depth: #private::Depth> = <#depth as #private::Depth>::Enter<Self>;

                #[inline]
                fn size(&self) -> #private::usize {
                    #size
                }

                #[inline]
                #[allow(unused_variables)]
                fn write<#sink: #private::Sink>(&self, #out: &mut #sink) {
                    #write
                }

                #[inline]
                fn read(#reader: &mut #private::Reader<'_>) -> #private::Result<Self, #private::DecodeError> {
                    #private::nested::<Self>(#reader, |#reader| { #read })
                }
            }

            #[automatically_derived]
            impl #impl_generics #private::Named for #ident #ty_generics #where_clause {
                type Parts<#depth: #private::Depth> = #private::NamedPrint<Self, #depth>;
            }

            #[automatically_derived]
            impl #depth_generics #private::Described<#depth> for #ident #ty_generics #where_clause {
                const LAYOUT: #private::u64 = #layout_print;
                const NAMES: #private::u64 = #names_print;
            }
        };
    }
}

fn struct_code(private: &TokenStream, shape: Shape, fields: &[Field<'_>], name: &TokenStream) -> Code {
    let table = quote!(#private::struct_fields::<Self>());
    let fields = Fields::new(private, "", shape, fields, Access::Itself, table);
    let layout = fields.layout(&fields.describe(None));
    let (layout_print, names_print) = fields.prints(&names::ty("Depth").to_token_stream());
    let (fixed, min) = (fields.constants(quote!(FIXED_SIZE)), fields.constants(quote!(MIN_SIZE)));
    let (read, members, reader) = (fields.read(), fields.members(), names::local("reader"));
    let ignore = fields.is_empty().then(|| quote!(let _ = #reader;));
    Code {
        items: fields.items(),
        checks: fields.checks(),
        kind: quote!(Struct),
        ty: quote!(#private::StructType::new(#name #layout)),
        fixed_size: quote!(#private::sum(&[#(#fixed),*])),
        min_size: quote!(0 #(+ #min)*),
        layout_print,
        names_print,
        size: fields.size(),
        write: fields.write(&quote!(#private::Sink::put)),
        read: quote!(#ignore #read #private::Ok(Self #members)),
    }
}

fn enum_code(private: &TokenStream, variants: &[Variant<'_>], name: &TokenStream) -> Code {
    let mut code = Code {
        items: TokenStream::new(),
        checks: TokenStream::new(),
        kind: quote!(Enum),
        ty: TokenStream::new(),
        // An enum may contain itself, so its size must not depend on its variants'.
        fixed_size: match variants.iter().all(|variant| variant.fields.is_empty()) {
            true => quote!(#private::Some(1)),
            false => quote!(#private::None),
        },
        min_size: quote!(1),
        layout_print: quote!(#private::Fingerprint::new("enum")),
        names_print: quote!(#private::Fingerprint::new("enum")),
        size: TokenStream::new(),
        write: TokenStream::new(),
        read: TokenStream::new(),
    };
    let (out, reader, unknown) = (names::local("out"), names::local("reader"), names::local("tag"));
    let mut table = TokenStream::new();
    let mut prints = Vec::new();
    for (at, variant) in variants.iter().enumerate() {
        let Variant { ident, name, tag, .. } = variant;
        let fields = quote!(#private::variant_fields::<Self>(#at));
        let prefix = format!("_{at}");
        let fields = Fields::new(private, &prefix, variant.shape, &variant.fields, Access::Bound, fields);

        code.items.extend(fields.items());
        code.checks.extend(fields.checks());
        let (layout, notes) = (fields.layout(&fields.describe(None)), notes(&variant.doc, variant.deprecated));
        table.extend(quote!(#private::Variant::new(#name, #tag, #layout) #notes,));
        let (layout_print, names_print) = fields.prints(&names::ty("Depth").to_token_stream());
        let number: u64 = (*tag).into();
        prints.push((
            number,
            quote!(.number(#number).number(#layout_print)),
            quote!(.number(#number).name(#name).number(#names_print)),
        ));

        let members = fields.members();
        let (size, write, read) = (fields.size(), fields.write(&quote!(#private::Sink::put)), fields.read());
        code.size.extend(quote!(Self::#ident #members => 1 + #size,));
        code.write.extend(quote!(Self::#ident #members => { #private::Sink::put(#out, &[#tag]); #write }));
        code.read.extend(match fields.is_empty() {
            true => quote!(#tag => #private::Ok(Self::#ident #members),),
            false => quote! {
                #tag => #private::in_variant(#reader, #name, |#reader| { #read #private::Ok(Self::#ident #members) }),
            },
        });
    }
    code.ty = quote!(#private::EnumType::new(#name &[#table]));
    // Sorted by tag: the order in the code must not change the fingerprint.
    prints.sort_by_key(|(tag, ..)| *tag);
    for (_, layout, names) in prints {
        code.layout_print.extend(layout);
        code.names_print.extend(names);
    }
    code.layout_print.extend(quote!(.get()));
    code.names_print.extend(quote!(.get()));
    let (size, write, read) = (code.size, code.write, code.read);
    code.size = quote!(match self { #size });
    code.write = quote!(match self { #write });
    code.read = quote! {
        match #private::Reader::tag(#reader)? {
            #read
            #unknown => #private::Err(#private::unknown_tag(#reader, #unknown)),
        }
    };
    code
}

/// The generics with the bounds that the fields need.
fn bounded(generics: &Generics, private: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            param.bounds.push(parse_quote!(#private::Wire));
        }
    }
    generics
}

/// An implementation beside the errors of a wrong part, so that its uses compile.
pub(crate) fn part_stub(input: &DeriveInput, runtime: &Path) -> TokenStream {
    let private = private(runtime);
    let (ident, generics) = (&input.ident, bounded(&input.generics, &private));
    let (depth, sink) = (names::ty("Depth"), names::ty("Sink"));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::Wire for #ident #ty_generics #where_clause {
            const TYPE: &'static #private::WireType = &#private::WireType::Bool;
            const FIXED_SIZE: #private::Option<#private::usize> = #private::None;
            const MIN_SIZE: #private::usize = 1;
            type Print<#depth: #private::Depth> = <#private::bool as #private::Wire>::Print<#depth>;
            fn size(&self) -> #private::usize { 0 }
            fn write<#sink: #private::Sink>(&self, _: &mut #sink) {}
            fn read(_: &mut #private::Reader<'_>) -> #private::Result<Self, #private::DecodeError> { loop {} }
        }
    }
}
