//! `#[derive(Resource)]` and `#[derive(Nested)]`: resource types declared as structs; `#[function]`: functions of the
//! language declared as Rust functions.
//!
//! A field's type says what the attribute is: `T` is required, `Option<T>` optional, `Computed<T>` chosen by the
//! provider. Doc comments become the reference; a missing one is an error.
//!
//! | on | attribute | meaning |
//! |---|---|---|
//! | struct | `#[resource(name = "aws_eip")]` | the type's name |
//! | | `#[resource(id = allocation_id)]` | the field that identifies the object; adds a computed attribute `id` if no field has that name |
//! | | `#[resource(version = 1)]` | schema version |
//! | field | `#[attr(replace)]` | a change needs a new object |
//! | | `#[attr(sensitive)]` | never shown |
//! | | `#[attr(volatile)]` | computed, and may change with any update |
//! | | `#[attr(copies = "other")]` | repeats the value of another attribute: sensitive where that is |
//! | | `#[attr(optional)]` | on `Computed<T>`: the configuration may set it |
//! | | `#[attr(default = 8)]` | on `T`: optional, with this value when unset |
//! | | `#[attr(name = "type")]` | the attribute's name, if not the field's |
//! | | `#[attr(deprecated = "...")]` | why not to use it |
//! | | `#[block(list, min = 1, max = 2)]` | nested blocks (`list`, `set`, `single`, `map`) of a type that derives `Nested` |

mod declaration;
mod function;

use declaration::{Declaration, Field, Shape};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a resource type: implements `formwork_provider::Model`.
#[proc_macro_derive(Resource, attributes(resource, attr, block))]
pub fn resource(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    Declaration::read(&input, true).map_or_else(syn::Error::into_compile_error, |d| model(&d)).into()
}

/// Makes a struct a nested block: implements `formwork_provider::Nested`, `FromValue` and `ToValue`.
#[proc_macro_derive(Nested, attributes(attr, block))]
pub fn nested(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    Declaration::read(&input, false).map_or_else(syn::Error::into_compile_error, |d| block(&d)).into()
}

/// Makes a Rust function one of the language.
///
/// The doc comment becomes the reference; the parameters say what arguments are converted to (`&str`, `&Number`,
/// `i64`, `bool`, `&[Value]` for lists, `&Map` for maps, `&Value` for anything); a first parameter `cx` is the context
/// of the call. In place of the function stands one of the same name without parameters that gives its `Function`,
/// whichever type of that name is in scope: it needs the constructors `pure` and, for `cx`, `in_context`.
///
/// | on | attribute | meaning |
/// |---|---|---|
/// | function | `example = "upper(\"a\")"` | a call of it, for the reference |
/// | | `gives = "\"A\""` | what the example prints, unless that differs from run to run |
/// | | `result = Type::String` | type of the result, where the Rust type does not tell |
/// | | `result_of = \|args\| …` | the same, made of the arguments |
/// | | `facts = \|args\| …` | what is certain of a result that is not known yet; that it is not null, if left out |
/// | | `nullable` | the result may be null |
/// | parameter | `#[arg(null)]` | takes null |
/// | | `#[arg(unknown)]`, `#[arg(partial)]` | deals with unknown arguments, or with unknown values inside, itself |
/// | | `#[arg(shallow)]`, `#[arg(keep)]` | carries inner marks along, or all marks |
/// | | `#[arg(ty = …)]`, `#[arg(name = "…")]` | the argument's type and name, if not those of the Rust parameter |
/// | | `#[arg(rest)]` | all further arguments, as `&[Value]` |
#[proc_macro_attribute]
pub fn function(
    attributes: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let item = parse_macro_input!(item as syn::ItemFn);
    function::expand(attributes.into(), item).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn model(declaration: &Declaration) -> TokenStream {
    let Declaration { ident, name, version, .. } = declaration;
    let (content, read, write) = (content(declaration), read(declaration), write(declaration));
    let id = match declaration.id_field() {
        Some(field) => {
            let ident = &field.ident;
            quote!(::formwork_provider::derived::id(&::formwork_provider::ToValue::to_value(&self.#ident)))
        }
        None => quote!(::core::option::Option::None),
    };
    quote! {
        impl ::formwork_provider::Model for #ident {
            fn type_name() -> &'static str {
                #name
            }
            fn schema() -> ::formwork_provider::Schema {
                ::formwork_provider::Schema { version: #version, block: #content }
            }
            fn from_value(
                value: &::formwork_value::Value,
            ) -> ::core::result::Result<Self, ::formwork_provider::Problem> {
                ::core::result::Result::Ok(#read)
            }
            fn to_value(&self) -> ::formwork_value::Value {
                #write
            }
            fn id(&self) -> ::core::option::Option<::std::string::String> {
                #id
            }
        }
    }
}

fn block(declaration: &Declaration) -> TokenStream {
    let ident = &declaration.ident;
    let (content, read, write) = (content(declaration), read(declaration), write(declaration));
    quote! {
        impl ::formwork_provider::Nested for #ident {
            fn block() -> ::formwork_provider::Block {
                #content
            }
        }
        impl ::formwork_provider::FromValue for #ident {
            fn from_value(
                value: &::formwork_value::Value,
            ) -> ::core::result::Result<Self, ::formwork_provider::Problem> {
                ::core::result::Result::Ok(#read)
            }
        }
        impl ::formwork_provider::ToValue for #ident {
            fn ty() -> ::formwork_value::Type {
                <Self as ::formwork_provider::Nested>::block().ty()
            }
            fn to_value(&self) -> ::formwork_value::Value {
                #write
            }
        }
    }
}

/// An expression of type `Block`.
fn content(declaration: &Declaration) -> TokenStream {
    let description = &declaration.description;
    let entries = declaration.fields.iter().map(|field| match &field.shape {
        Shape::Attribute => attribute(field),
        Shape::Blocks { nesting, min, max } => {
            let (name, ty) = (&field.name, &field.ty);
            quote! {
                block.blocks.insert(#name.into(), ::formwork_provider::NestedBlock {
                    nesting: ::formwork_provider::Nesting::#nesting,
                    block: ::formwork_provider::derived::content::<#ty>(),
                    min: #min,
                    max: #max,
                });
            }
        }
    });
    let id = declaration.adds_id().map(|_| {
        quote! {
            let mut id = ::formwork_provider::Attribute::new(::formwork_value::Type::String);
            id.description = "Identifier of the object.".into();
            id.computed = true;
            block.attributes.insert("id".into(), id);
        }
    });
    quote! {{
        let mut block = ::formwork_provider::Block::default();
        block.description = #description.into();
        #(#entries)*
        #id
        block
    }}
}

fn attribute(field: &Field) -> TokenStream {
    let Field { name, ty, description, flags, .. } = field;
    let (required, optional, computed) = (flags.required, flags.optional, flags.computed);
    let (sensitive, replace, volatile) = (flags.sensitive, flags.replace, flags.volatile);
    let default = flags.default.as_ref().map(|expr| {
        quote! {
            let default: #ty = (#expr).into();
            attribute.default = ::core::option::Option::Some(::formwork_provider::ToValue::to_value(&default));
        }
    });
    let deprecated = flags
        .deprecated
        .as_ref()
        .map(|why| quote!(attribute.deprecated = ::core::option::Option::Some(#why.into());));
    let copies = flags
        .copies
        .as_ref()
        .map(|other| quote!(attribute.copies = ::core::option::Option::Some(#other.into());));
    quote! {{
        let mut attribute = ::formwork_provider::Attribute::new(<#ty as ::formwork_provider::ToValue>::ty());
        attribute.description = #description.into();
        attribute.required = #required;
        attribute.optional = #optional;
        attribute.computed = #computed;
        attribute.sensitive = #sensitive;
        attribute.replace = #replace;
        attribute.volatile = #volatile;
        #default
        #copies
        #deprecated
        block.attributes.insert(#name.into(), attribute);
    }}
}

/// An expression that reads `Self` from `value`.
fn read(declaration: &Declaration) -> TokenStream {
    let fields = declaration.fields.iter().map(|Field { ident, name, shape, .. }| match shape {
        Shape::Attribute => quote!(#ident: ::formwork_provider::derived::field(value, #name)?),
        Shape::Blocks { .. } => quote!(#ident: ::formwork_provider::derived::blocks(value, #name)?),
    });
    quote!(Self { #(#fields),* })
}

/// An expression that writes `self` as a value.
fn write(declaration: &Declaration) -> TokenStream {
    let fields = declaration.fields.iter().map(|Field { ident, name, shape, .. }| match shape {
        Shape::Attribute => quote!((#name, ::formwork_provider::ToValue::to_value(&self.#ident))),
        Shape::Blocks { nesting, .. } => quote! {(
            #name,
            ::formwork_provider::derived::Blocks::write(&self.#ident, ::formwork_provider::Nesting::#nesting),
        )},
    });
    let id = declaration.adds_id().map(|field| {
        let ident = &field.ident;
        quote!(("id", ::formwork_provider::ToValue::to_value(&self.#ident)),)
    });
    quote!(::formwork_value::Value::object([#(#fields,)* #id]))
}
