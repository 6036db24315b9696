//! What a derived struct declares.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, ExprLit, Fields, Ident, Lit, LitInt, LitStr, Meta, Type};

/// A struct.
pub struct Declaration {
    pub ident: Ident,
    /// The resource type's name; empty for nested blocks.
    pub name: String,
    pub version: u64,
    pub description: String,
    pub fields: Vec<Field>,
    id: Option<Ident>,
}

/// A field.
pub struct Field {
    pub ident: Ident,
    pub name: String,
    pub ty: Type,
    pub description: String,
    pub flags: Flags,
    pub shape: Shape,
}

/// Attribute or nested blocks.
pub enum Shape {
    Attribute,
    Blocks { nesting: TokenStream, min: usize, max: usize },
}

/// An attribute's flags.
#[derive(Default)]
pub struct Flags {
    pub required: bool,
    pub optional: bool,
    pub computed: bool,
    pub sensitive: bool,
    pub replace: bool,
    pub volatile: bool,
    pub default: Option<Expr>,
    pub deprecated: Option<String>,
    pub copies: Option<String>,
}

impl Declaration {
    /// Reads a struct; every mistake in it is reported.
    pub fn read(input: &DeriveInput, resource: bool) -> Result<Self, Error> {
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => &fields.named,
                other => return Err(Error::new(other.span(), "the fields need names")),
            },
            _ => return Err(Error::new(input.ident.span(), "only a struct can be a resource type or block")),
        };
        let mut out = Declaration {
            ident: input.ident.clone(),
            name: String::new(),
            version: 0,
            description: documentation(&input.attrs, input.ident.span(), "type")?,
            fields: Vec::new(),
            id: None,
        };
        for attribute in input.attrs.iter().filter(|a| a.path().is_ident("resource")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    out.name = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("id") {
                    out.id = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("version") {
                    out.version = meta.value()?.parse::<LitInt>()?.base10_parse()?;
                } else {
                    return Err(meta.error("expected `name`, `id` or `version`"));
                }
                Ok(())
            })?;
        }
        if resource && out.name.is_empty() {
            return Err(Error::new(input.ident.span(), "name the type: #[resource(name = \"...\")]"));
        }
        let mut errors: Option<Error> = None;
        for field in fields {
            match Field::read(field) {
                Ok(field) => out.fields.push(field),
                Err(error) => match &mut errors {
                    Some(all) => all.combine(error),
                    None => errors = Some(error),
                },
            }
        }
        if let Some(id) = &out.id
            && !fields.iter().any(|f| f.ident.as_ref() == Some(id))
        {
            return Err(Error::new(id.span(), "there is no field of this name"));
        }
        errors.map_or(Ok(out), Err)
    }

    /// The field that identifies the object.
    pub fn id_field(&self) -> Option<&Field> {
        match &self.id {
            Some(id) => self.fields.iter().find(|f| f.ident == *id),
            None => self.fields.iter().find(|f| f.name == "id"),
        }
    }

    /// The identifying field, when an attribute `id` has to be added for it.
    pub fn adds_id(&self) -> Option<&Field> {
        self.id_field().filter(|_| self.fields.iter().all(|f| f.name != "id"))
    }
}

impl Field {
    fn read(field: &syn::Field) -> Result<Self, Error> {
        let Some(ident) = field.ident.clone() else {
            return Err(Error::new(field.span(), "the field needs a name"));
        };
        let text = ident.to_string();
        let mut out = Field {
            name: text.strip_prefix("r#").unwrap_or(&text).to_owned(),
            ty: field.ty.clone(),
            description: documentation(&field.attrs, ident.span(), "field")?,
            flags: Flags::default(),
            shape: Shape::Attribute,
            ident,
        };
        let mut may = false;
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("attr")) {
            let flags = &mut out.flags;
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("replace") {
                    flags.replace = true;
                } else if meta.path.is_ident("sensitive") {
                    flags.sensitive = true;
                } else if meta.path.is_ident("volatile") {
                    flags.volatile = true;
                } else if meta.path.is_ident("optional") {
                    may = true;
                } else if meta.path.is_ident("default") {
                    flags.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("name") {
                    out.name = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("copies") {
                    flags.copies = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("deprecated") {
                    flags.deprecated = Some(meta.value()?.parse::<LitStr>()?.value());
                } else {
                    return Err(meta.error(
                        "expected `replace`, `sensitive`, `volatile`, `copies`, `optional`, `default`, `name` or `deprecated`",
                    ));
                }
                Ok(())
            })?;
        }
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("block")) {
            let (mut nesting, mut min, mut max) = (None, 0, 0);
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("min") {
                    min = meta.value()?.parse::<LitInt>()?.base10_parse()?;
                } else if meta.path.is_ident("max") {
                    max = meta.value()?.parse::<LitInt>()?.base10_parse()?;
                } else if meta.path.is_ident("list") {
                    nesting = Some(quote!(List));
                } else if meta.path.is_ident("set") {
                    nesting = Some(quote!(Set));
                } else if meta.path.is_ident("single") {
                    nesting = Some(quote!(Single));
                } else if meta.path.is_ident("map") {
                    nesting = Some(quote!(Map));
                } else {
                    return Err(meta.error("expected `list`, `set`, `single`, `map`, `min` or `max`"));
                }
                Ok(())
            })?;
            let Some(nesting) = nesting else {
                return Err(Error::new(attribute.span(), "say `list`, `set`, `single` or `map`"));
            };
            out.shape = Shape::Blocks { nesting, min, max };
        }
        let outer = outer(&field.ty);
        let flags = &mut out.flags;
        flags.computed = outer.as_deref() == Some("Computed");
        flags.optional = may || flags.default.is_some() || outer.as_deref() == Some("Option");
        flags.required = !flags.computed && !flags.optional;
        if may && !flags.computed {
            return Err(Error::new(
                field.ty.span(),
                "`optional` is for `Computed<T>`; write `Option<T>` here",
            ));
        }
        if flags.volatile && !flags.computed {
            return Err(Error::new(field.ty.span(), "only a `Computed<T>` can be `volatile`"));
        }
        Ok(out)
    }
}

/// The name of the outermost type.
fn outer(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        _ => None,
    }
}

/// The doc comment, which must be there: lines become sentences, blank lines paragraphs.
pub(crate) fn documentation(attributes: &[syn::Attribute], span: Span, what: &str) -> Result<String, Error> {
    let mut out = String::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            let line = text.value();
            match line.trim() {
                "" if !out.is_empty() => out.push_str("\n\n"),
                line => {
                    if !out.is_empty() && !out.ends_with('\n') {
                        out.push(' ');
                    }
                    out.push_str(line);
                }
            }
        }
    }
    let out = out.trim().to_owned();
    if out.is_empty() {
        let message = format!("this {what} needs a doc comment: it is its reference page");
        return Err(Error::new(span, message));
    }
    Ok(out)
}
