//! The tree: what a file says, with the place of everything in it.

use formwork_diag::Span;
use std::sync::Arc;

/// A short immutable string that is cheap to clone.
pub type Str = Arc<str>;

/// A name and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The name.
    pub name: Str,
    /// Where it stands.
    pub span: Span,
}

/// The content of a file or block, in source order.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// `name = expression`
    pub attributes: Vec<Attribute>,
    /// Nested blocks.
    pub blocks: Vec<Block>,
    /// From the opening to the closing brace, or the whole file.
    pub span: Span,
    /// The place of what it lacks: its opening brace, the beginning of the one attribute on its line, or in JSON its closing
    /// brace.
    pub missing: Span,
    /// How many override files have changed it.
    pub merged: usize,
}

impl Body {
    /// An empty body in this place.
    pub fn empty(span: Span) -> Self {
        Body { attributes: Vec::new(), blocks: Vec::new(), span, missing: span.first(1), merged: 0 }
    }

    /// The body without what is in it.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Body { missing: self.missing, merged: self.merged, ..Body::empty(self.span) }
    }

    /// The opening brace.
    pub fn brace(&self) -> Span {
        self.span.first(1)
    }
}

/// `name = expression`
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: Ident,
    /// The expression.
    pub expr: Expr,
    /// All of it.
    pub span: Span,
    /// It stands in JSON, where arguments and blocks look the same.
    pub json: bool,
    /// The number of the override file that it stands in, among those that have changed the block; 0 for no such file.
    pub over: usize,
}

/// `kind "label" { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The block's type: `resource`, `ingress`, …
    pub kind: Ident,
    /// Its labels, quoted or bare.
    pub labels: Vec<Ident>,
    /// Its content.
    pub body: Body,
    /// The header: kind and labels, without the body.
    pub header: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it was written.
    Number(Str),
    /// A string without interpolation, escapes resolved, in normalisation form C.
    String(Str),
    /// A quoted or heredoc template with at least one interpolation or directive, strip markers applied. A
    /// template that is one single interpolation (`"${x}"`) is [`ExprKind::Interpolation`].
    Template(Vec<TemplatePart>),
    /// `"${x}"`: gives the value of `x` as it is, not a string.
    Interpolation(Box<Expr>),
    /// A root name: `var`, `local`, `aws_instance`, `each`, a `for` variable.
    Variable(Str),
    /// `source.name`
    Attr(Box<Expr>, Ident),
    /// `source[key]`; the legacy `source.0` too.
    Index(Box<Expr>, Box<Expr>),
    /// `source[*].a[0]` or `source.*.a`: `each` is written over [`ExprKind::SplatItem`].
    Splat {
        /// What is iterated.
        source: Box<Expr>,
        /// What is taken from each item.
        each: Box<Expr>,
    },
    /// Inside a splat's `each`: the current item.
    SplatItem,
    /// `-x`, `!x`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`; the span is the operator's.
    Binary(BinaryOp, Span, Box<Expr>, Box<Expr>),
    /// `c ? a : b`
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `f(a, b...)`
    Call(Box<Call>),
    /// `[a, b]`
    Tuple(Vec<Expr>),
    /// `{ a = b }`
    Object(Vec<ObjectItem>),
    /// `[for …]` and `{for …}`
    For(Box<For>),
    /// `(x)`
    Paren(Box<Expr>),
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    /// Text as it is.
    Literal(Str),
    /// `${x}`
    Interpolation(Expr),
    /// `%{ if c }…%{ else }…%{ endif }`
    If {
        /// The condition.
        condition: Expr,
        /// When true.
        then: Vec<TemplatePart>,
        /// When false.
        otherwise: Vec<TemplatePart>,
    },
    /// `%{ for k, v in c }…%{ endfor }`
    For {
        /// Name for the key or index.
        key: Option<Ident>,
        /// Name for the element.
        value: Ident,
        /// What is iterated.
        collection: Expr,
        /// What is repeated.
        body: Vec<TemplatePart>,
    },
}

/// `f(a, b...)`
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name; with namespaces as `provider::aws::arn_parse`.
    pub name: Ident,
    /// The arguments.
    pub args: Vec<Expr>,
    /// The last argument is followed by `...`.
    pub expand_final: bool,
}

/// One item of an object literal.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectItem {
    /// A bare name is a [`ExprKind::String`] here; anything else is evaluated.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// `[for k, v in c : x if y]`, `{for k, v in c : a => b... if y}`
#[derive(Clone, Debug, PartialEq)]
pub struct For {
    /// Name for the key or index.
    pub key: Option<Ident>,
    /// Name for the element.
    pub value: Ident,
    /// What is iterated.
    pub collection: Expr,
    /// The key expression: then the result is an object.
    pub key_expr: Option<Expr>,
    /// The value expression.
    pub value_expr: Expr,
    /// `...`: values of equal keys are gathered in a list.
    pub grouping: bool,
    /// The filter.
    pub condition: Option<Expr>,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

impl Body {
    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| &*a.name.name == name)
    }

    /// All blocks of this kind.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> + 'a {
        self.blocks.iter().filter(move |b| &*b.kind.name == kind)
    }
}
