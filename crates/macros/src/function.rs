//! `#[function]`: functions of the language, declared as Rust functions.

use crate::declaration::documentation;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, LitStr, Meta, Pat, Token, Type};

/// What the attribute itself says.
#[derive(Default)]
struct Options {
    example: Option<LitStr>,
    gives: Option<LitStr>,
    result: Option<Expr>,
    result_of: Option<Expr>,
    facts: Option<Expr>,
    check: Option<Expr>,
    nullable: bool,
}

/// One parameter.
struct Parameter {
    name: String,
    rust: Type,
    ty: Option<Expr>,
    flags: Vec<String>,
}

pub(crate) fn expand(attributes: TokenStream, mut item: ItemFn) -> syn::Result<TokenStream> {
    let options = Options::read(attributes)?;
    let description = documentation(&item.attrs, item.sig.ident.span(), "function")?;
    let Some(example) = options.example else {
        return Err(syn::Error::new_spanned(&item.sig.ident, "a function needs `example = \"...\"`"));
    };
    let gives = options.gives.map_or_else(String::new, |text| text.value());

    let ident = item.sig.ident.clone();
    let name = ident.unraw().to_string();
    let visibility = std::mem::replace(&mut item.vis, syn::Visibility::Inherited);
    item.attrs.retain(|a| !a.path().is_ident("doc"));
    item.sig.ident = quote::format_ident!("body");

    let in_context = matches!(item.sig.inputs.first(), Some(FnArg::Typed(arg)) if is_context(&arg.pat));
    let mut parameters = Vec::new();
    for input in item.sig.inputs.iter_mut().skip(usize::from(in_context)) {
        parameters.push(Parameter::read(input)?);
    }
    let fixed: Vec<&Parameter> = parameters.iter().filter(|p| !p.has("rest")).collect();
    let count = fixed.len();
    let params = fixed.iter().map(|p| p.declaration());
    let variadic = match parameters.iter().find(|p| p.has("rest")) {
        Some(p) => {
            let declaration = p.declaration();
            quote!(::core::option::Option::Some(#declaration))
        }
        None => quote!(::core::option::Option::None),
    };
    let mut reads: Vec<TokenStream> =
        (0..count).map(|i| quote!(::formwork_value::function::Argument::read(args, #i)?)).collect();
    if parameters.len() > count {
        reads.push(quote!(args.get(#count..).unwrap_or_default()));
    }
    let output = match &item.sig.output {
        syn::ReturnType::Type(_, ty) => ty.clone(),
        syn::ReturnType::Default => {
            return Err(syn::Error::new_spanned(&ident, "a function must return something"));
        }
    };
    let result = match (options.result, options.result_of) {
        (Some(ty), _) => quote!(|_| #ty),
        (None, Some(of)) => quote!(#of),
        (None, None) => quote!(|_| <#output as ::formwork_value::function::Answer>::ty()),
    };
    let constructor = if in_context { quote!(in_context) } else { quote!(pure) };
    let context = in_context.then(|| quote!(cx,));
    let args = if parameters.is_empty() { quote!(_) } else { quote!(args) };
    let nullable = options.nullable;
    let facts = match options.facts {
        Some(facts) => quote!(#facts),
        None => quote!(|_| ::formwork_value::Refinement::NOT_NULL),
    };
    let check = match options.check {
        Some(check) => quote!(#check),
        None => quote!(|_| ::core::result::Result::Ok(())),
    };
    Ok(quote! {
        #visibility fn #ident() -> Function {
            #item
            Function::#constructor(
                ::formwork_value::function::Signature {
                    name: #name,
                    description: #description,
                    params: ::std::vec![#(#params),*],
                    variadic: #variadic,
                    example: #example,
                    gives: #gives,
                    nullable: #nullable,
                    result: #result,
                    facts: #facts,
                    check: #check,
                },
                |#context #args| ::formwork_value::function::Answer::answer(body(#context #(#reads),*)),
            )
        }
    })
}

impl Options {
    fn read(attributes: TokenStream) -> syn::Result<Options> {
        let mut options = Options::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("example") {
                options.example = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("gives") {
                options.gives = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("result") {
                options.result = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("result_of") {
                options.result_of = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("facts") {
                options.facts = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("check") {
                options.check = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("nullable") {
                options.nullable = true;
            } else {
                return Err(
                    meta.error("expected example, gives, result, result_of, facts, check or nullable")
                );
            }
            Ok(())
        });
        syn::parse::Parser::parse2(parser, attributes)?;
        Ok(options)
    }
}

impl Parameter {
    fn read(input: &mut FnArg) -> syn::Result<Parameter> {
        let FnArg::Typed(arg) = input else {
            return Err(syn::Error::new_spanned(input, "a function has no self"));
        };
        let Pat::Ident(pattern) = &*arg.pat else {
            return Err(syn::Error::new_spanned(&arg.pat, "a parameter needs a plain name"));
        };
        let mut parameter = Parameter {
            name: pattern.ident.unraw().to_string(),
            rust: (*arg.ty).clone(),
            ty: None,
            flags: Vec::new(),
        };
        for attribute in std::mem::take(&mut arg.attrs) {
            if !attribute.path().is_ident("arg") {
                arg.attrs.push(attribute);
                continue;
            }
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                parameter.option(&meta)?;
            }
        }
        Ok(parameter)
    }

    fn option(&mut self, meta: &Meta) -> syn::Result<()> {
        match meta {
            Meta::Path(path) => {
                const FLAGS: [&str; 6] = ["null", "unknown", "partial", "shallow", "keep", "rest"];
                match path.get_ident().map(ToString::to_string).filter(|f| FLAGS.contains(&&**f)) {
                    Some(flag) => self.flags.push(flag),
                    None => return Err(syn::Error::new_spanned(path, format!("expected one of {FLAGS:?}"))),
                }
            }
            Meta::NameValue(pair) if pair.path.is_ident("ty") => self.ty = Some(pair.value.clone()),
            Meta::NameValue(pair) if pair.path.is_ident("name") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => self.name = text.value(),
                other => return Err(syn::Error::new_spanned(other, "expected a string")),
            },
            other => return Err(syn::Error::new_spanned(other, "expected ty or name, or a flag")),
        }
        Ok(())
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    /// An expression of type `Param`.
    fn declaration(&self) -> TokenStream {
        let (name, rust) = (&self.name, &self.rust);
        let ty = match &self.ty {
            Some(ty) => quote!(#ty),
            None if self.has("rest") => quote!(::formwork_value::Type::Dynamic),
            None => quote!(<#rust as ::formwork_value::function::Argument>::ty()),
        };
        let (null, unknown) = (self.has("null"), self.has("unknown"));
        let partial = unknown || self.has("partial");
        let marked = match (self.has("keep"), self.has("shallow")) {
            (true, _) => quote!(Keep),
            (false, true) => quote!(Shallow),
            (false, false) => quote!(Deep),
        };
        quote! {
            ::formwork_value::function::Param {
                name: #name,
                ty: #ty,
                allow_null: #null,
                allow_unknown: #unknown,
                allow_partial: #partial,
                marked: ::formwork_value::function::Marked::#marked,
            }
        }
    }
}

fn is_context(pattern: &Pat) -> bool {
    matches!(pattern, Pat::Ident(p) if p.ident == "cx")
}
