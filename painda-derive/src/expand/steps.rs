//! The fields of a struct or of a variant: measured, written and read, step by step.
//!
//! Neighbouring fields of fixed size become one run: one array that is appended at once, one check
//! of the length before they are read.

use super::fields::{Fields, local};
use super::names;
use crate::model::Field;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

impl<'a> Fields<'a> {
    /// The constants with the lengths of the runs.
    pub(super) fn run_lengths(&self) -> TokenStream {
        let private = self.private;
        let runs = self.steps().into_iter().filter_map(|step| match step {
            Step::Run(at, run) => {
                let length = self.constant("RUN", at);
                let sizes = run.iter().zip(at..).map(|(field, at)| {
                    let wire = self.wire(at, field);
                    quote!(#wire::FIXED_SIZE)
                });
                Some(quote!(const #length: #private::usize = #private::run_length(&[#(#sizes),*]);))
            }
            Step::One(..) => None,
        });
        quote!(#(#runs)*)
    }

    /// The expression of the encoded length.
    pub(super) fn size(&self) -> TokenStream {
        let sizes = self.steps().into_iter().map(|step| match step {
            Step::Run(at, _) => self.constant("RUN", at).to_token_stream(),
            Step::One(at, field) => {
                let (wire, value) = (self.wire(at, field), self.value(at, field));
                quote!(#wire::size(#value))
            }
        });
        quote!(0 #(+ #sizes)*)
    }

    /// The statements that write to the sink `__pp_out` with the function `put`.
    pub(super) fn write(&self, put: &TokenStream) -> TokenStream {
        let private = self.private;
        let (out, bytes, window) = (names::local("out"), names::local("run"), names::local("window"));
        let steps = self.steps().into_iter().map(|step| match step {
            Step::Run(start, run) => {
                let length = self.constant("RUN", start);
                let writes = run.iter().zip(start..).map(|(field, at)| {
                    let (wire, value) = (self.wire(at, field), self.value(at, field));
                    quote!(#wire::write(#value, &mut #window);)
                });
                quote! {
                    let mut #bytes = [0; #length];
                    let mut #window = #private::Window::new(&mut #bytes);
                    #(#writes)*
                    #put(#out, &#bytes);
                }
            }
            Step::One(at, field) => {
                let (wire, value) = (self.wire(at, field), self.value(at, field));
                quote!(#wire::write(#value, #out);)
            }
        });
        quote!(#(#steps)*)
    }

    /// The statements that read the fields from `__pp_reader` into variables.
    pub(super) fn read(&self) -> TokenStream {
        let (private, reader) = (self.private, names::local("reader"));
        let mut steps = self.steps().into_iter().peekable();
        let mut code = TokenStream::new();
        let since = |step: &Step<'_>| self.fields[step.start()].later.as_ref().map_or(1, |later| later.since);
        while let Some(step) = steps.next() {
            let version = since(&step);
            let mut group = vec![step];
            while let Some(step) = steps.next_if(|step| since(step) == version) {
                group.push(step);
            }
            let reads = group.iter().map(|step| self.read_step(step));
            if version == 1 {
                code.extend(reads);
                continue;
            }
            // A message has all fields of a version, or none.
            let fields = group[0].start()..group[group.len() - 1].end();
            let locals: Vec<_> = fields.clone().map(local).collect();
            let defaults = fields.map(|at| self.function("default", at));
            code.extend(quote! {
                let (#(#locals,)*) = if #private::Reader::is_empty(#reader) {
                    (#(#defaults(),)*)
                } else {
                    #(#reads)*
                    (#(#locals,)*)
                };
            });
        }
        code
    }

    fn read_step(&self, step: &Step<'_>) -> TokenStream {
        let (private, table) = (self.private, &self.table);
        let (reader, bytes) = (names::local("reader"), names::local("run"));
        let read = |at: usize, field: &Field<'_>, from: TokenStream| {
            let (local, wire, name) = (local(at), self.wire(at, field), &field.name);
            let get = field.quantised.as_ref().map(|_| quote!(.get()));
            quote!(let #local = #wire::read_field(#from, #name)? #get;)
        };
        match step {
            Step::Run(start, run) => {
                let length = self.constant("RUN", *start);
                let reads = run.iter().zip(*start..).map(|(field, at)| read(at, field, quote!(&mut #bytes)));
                quote! {
                    let mut #bytes = #private::Reader::run::<#length>(#reader, #table, #start)?;
                    #(#reads)*
                }
            }
            Step::One(at, field) => read(*at, field, quote!(#reader)),
        }
    }

    /// The fields of a value that is made of the variables.
    pub(super) fn members(&self) -> TokenStream {
        let members = self.fields.iter().enumerate().map(|(at, Field { member, .. })| {
            let local = local(at);
            quote!(#member: #local)
        });
        quote!({ #(#members),* })
    }

    fn steps(&self) -> Vec<Step<'a>> {
        let since = |field: &Field<'_>| field.later.as_ref().map_or(1, |later| later.since);
        let mut at = 0;
        let groups = self.fields.chunk_by(|a, b| a.fixed && b.fixed && since(a) == since(b)).map(|group| {
            let step = match group {
                [field] if !field.fixed => Step::One(at, field),
                run => Step::Run(at, run),
            };
            at += group.len();
            step
        });
        groups.collect()
    }
}

/// The fields that are encoded in one step.
enum Step<'a> {
    /// Neighbours of fixed size, and the position of the first.
    Run(usize, &'a [Field<'a>]),
    /// A field without a fixed size, and its position.
    One(usize, &'a Field<'a>),
}

impl Step<'_> {
    fn start(&self) -> usize {
        match self {
            Step::Run(at, _) | Step::One(at, _) => *at,
        }
    }

    fn end(&self) -> usize {
        match self {
            Step::Run(at, run) => at + run.len(),
            Step::One(at, _) => at + 1,
        }
    }
}
