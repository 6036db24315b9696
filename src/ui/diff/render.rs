//! Writing a difference as Terraform's plans write it.

use super::build::{Change, dynamic};
use super::hunks::thousands;
use super::{Act, Blocks, Fate, JsonText, Kind, Leaf, Node, long};
use crate::ui::style::{Role, Style};
use crate::ui::text::{attribute_name, pad, quote, spaces};
use std::fmt::Write;

/// What changes how parts are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Do not write `-> null` after what goes.
    pub no_null_suffix: bool,
    /// Say at each part that it forces a replacement.
    pub forced: bool,
    /// Write what does not change, too.
    pub unchanged: bool,
    /// Hide what identifies an object when it does not change: several objects are shown as one.
    pub anonymous: bool,
    /// Only the beginning of what is long: it goes, and what comes for it is not known yet.
    pub brief: bool,
    /// Leave the column of symbols away: the value of a state, not a change.
    pub no_symbols: bool,
}

/// Names that are shown in blocks and objects even when they do not change.
const ALWAYS: [&str; 3] = ["id", "name", "tags"];

/// So many parts are shown of something long of which only the beginning is wanted,
const BEGINNING: usize = 3;

/// and so many make it long.
const LONG: usize = 8;

/// The symbol of an action, three characters wide.
pub fn symbol(out: &mut String, style: Style, act: Act) {
    match act {
        Act::NoOp => out.push_str("   "),
        Act::Create => sign(out, style, Role::Add, "+"),
        Act::Update => sign(out, style, Role::Change, "~"),
        Act::Delete => sign(out, style, Role::Remove, "-"),
    }
}

fn sign(out: &mut String, style: Style, role: Role, sign: &str) {
    out.push_str("  ");
    style.put(out, role, sign);
}

/// Writes a node. `depth` is that of the line on which it begins.
pub fn render(out: &mut String, style: Style, node: &Node<'_>, depth: usize, options: Options) {
    Writer { out, style }.node(node, depth, options);
}

pub(super) struct Writer<'o> {
    pub(super) out: &'o mut String,
    pub(super) style: Style,
}

impl Writer<'_> {
    fn indent(&mut self, depth: usize) {
        spaces(self.out, depth * 4);
    }

    pub(super) fn start(&mut self, depth: usize, act: Act, o: Options) {
        self.indent(depth);
        if !o.no_symbols {
            symbol(self.out, self.style, act);
            self.out.push(' ');
        }
    }

    pub(super) fn forces(&mut self, yes: bool, o: Options) {
        if yes || o.forced {
            self.out.push(' ');
            self.style.put(self.out, Role::Remove, "# forces replacement");
        }
    }

    pub(super) fn null_suffix(&mut self, act: Act, o: Options) {
        if act == Act::Delete && !o.no_null_suffix {
            self.out.push(' ');
            self.style.put(self.out, Role::Change, "->");
            self.out.push(' ');
            self.style.put(self.out, Role::Faint, "null");
        }
    }

    fn arrow(&mut self) {
        self.out.push(' ');
        self.style.put(self.out, Role::Change, "->");
        self.out.push(' ');
    }

    fn hidden(&mut self, count: usize, what: &str, depth: usize, o: Options) {
        if count == 0 {
            return;
        }
        self.start(depth, Act::NoOp, o);
        let plural = if count == 1 { "" } else { "s" };
        let text = format!("# ({count} unchanged {what}{plural} hidden)");
        self.style.put(self.out, Role::Faint, &text);
        self.out.push('\n');
    }

    /// How many of so many parts are shown.
    pub(super) fn wanted(count: usize, o: Options) -> usize {
        if o.brief && count > LONG { BEGINNING } else { count }
    }

    /// Says how many parts are left away at the end.
    pub(super) fn more(&mut self, count: usize, what: &str, depth: usize, o: Options) {
        if count > 0 {
            self.start(depth, Act::NoOp, o);
            let text = format!("# ({} more {what}s)", thousands(count));
            self.style.put(self.out, Role::Faint, &text);
            self.out.push('\n');
        }
    }

    fn node(&mut self, node: &Node<'_>, depth: usize, o: Options) {
        match &node.kind {
            Kind::Leaf(before, after) => self.leaf(node, *before, *after, depth, o),
            Kind::Json(json) => self.json(node, json, depth, o),
            Kind::Object(parts) => self.object(node, parts, depth, o),
            Kind::Map(parts) => self.map(node, parts, depth, o),
            Kind::List(parts) => self.list(node, parts, depth, o),
            Kind::Set(parts) => self.set(node, parts, depth, o),
            Kind::Unknown(before) => {
                if let Some(before) = before {
                    self.node(before, depth, Options { no_null_suffix: true, brief: true, ..o });
                    self.arrow();
                }
                self.out.push_str("(known after apply)");
                self.forces(node.replace, o);
            }
            Kind::Sensitive(_, _, fate) => {
                self.out.push_str("(sensitive value)");
                self.null_suffix(node.act, o);
                self.forces(node.replace, o);
                self.out.push_str(match (node.act, fate) {
                    (Act::Update, Fate::Changed) => " # changed",
                    (Act::Update, Fate::Unknown) => " # (known after apply)",
                    _ => "",
                });
            }
            Kind::TypeChange(before, after) => {
                let o = Options { no_null_suffix: true, ..o };
                self.node(before, depth, o);
                self.arrow();
                self.node(after, depth, o);
                self.forces(node.replace, Options { forced: false, ..o });
            }
            Kind::Block(attributes, blocks) => self.block(node, attributes, blocks, depth, o),
        }
    }

    fn warning(&mut self, node: &Node<'_>, depth: usize) {
        let Kind::Sensitive(was, will, fate) = node.kind else { return };
        if matches!(node.act, Act::Create | Act::Delete) || was == will {
            return;
        }
        let lines = if was {
            ["this attribute value will no longer be marked as sensitive", "after applying this change."]
        } else {
            [
                "this attribute value will be marked as sensitive and will not",
                "display in UI output after applying this change.",
            ]
        };
        self.indent(depth);
        self.out.push_str("  # ");
        self.style.put(self.out, Role::Change, "Warning");
        let _ = writeln!(self.out, ": {}", lines[0]);
        self.indent(depth);
        let same = if fate == Fate::Same { " The value is unchanged." } else { "" };
        let _ = writeln!(self.out, "  # {}{same}", lines[1]);
    }

    fn simple(&mut self, leaf: Leaf<'_>) {
        let _ = match leaf {
            Leaf::Null => {
                self.style.put(self.out, Role::Faint, "null");
                Ok(())
            }
            Leaf::Bool(b) => write!(self.out, "{b}"),
            Leaf::Number(n) => write!(self.out, "{n}"),
            Leaf::Text(s) => {
                quote(self.out, s);
                Ok(())
            }
        };
    }

    fn leaf(&mut self, node: &Node<'_>, before: Leaf<'_>, after: Leaf<'_>, depth: usize, o: Options) {
        let multi = |l: Leaf<'_>| matches!(l, Leaf::Text(s) if s.contains('\n'));
        match node.act {
            Act::Create | Act::NoOp if !multi(after) => {
                self.simple(after);
                self.forces(node.replace, o);
            }
            Act::Delete if !multi(before) => {
                self.simple(before);
                if before != Leaf::Null {
                    self.null_suffix(node.act, o);
                }
                self.forces(node.replace, o);
            }
            Act::Update if !multi(before) && !multi(after) => {
                let long = match (before, after) {
                    (Leaf::Text(before), Leaf::Text(after)) => long::around(before, after),
                    _ => None,
                };
                if let Some((before, after, hidden)) = long {
                    self.simple(Leaf::Text(&before));
                    self.arrow();
                    self.simple(Leaf::Text(&after));
                    let hidden = format!(" # ({} unchanged characters hidden)", thousands(hidden));
                    self.style.put(self.out, Role::Faint, &hidden);
                } else {
                    self.simple(before);
                    self.arrow();
                    self.simple(after);
                }
                self.forces(node.replace, o);
            }
            _ => self.heredoc(node, before, after, depth, o),
        }
    }

    fn json(&mut self, node: &Node<'_>, json: &JsonText, depth: usize, o: Options) {
        let change = Change {
            before: json.before.as_ref(),
            after: json.after.as_ref(),
            explicit: (node.act != Act::Create, node.act != Act::Delete),
            replace: Vec::new(),
        };
        let inner = dynamic(&change);
        let mut inner_options = Options { no_null_suffix: true, ..o };
        let mut act = node.act;
        let whitespace = inner.act == Act::NoOp && node.act == Act::Update;
        if whitespace {
            inner_options.unchanged = true;
            act = Act::NoOp;
        }
        let remark = match (whitespace, node.replace) {
            (true, true) if json.rewritten => " # same JSON, written differently, forces replacement",
            (true, false) if json.rewritten => " # same JSON, written differently",
            (true, true) => " # whitespace changes force replacement",
            (true, false) => " # whitespace changes",
            _ => "",
        };
        if matches!(node.act, Act::Create | Act::Delete) {
            act = Act::NoOp;
        }
        let mut rendered = String::new();
        render(&mut rendered, self.style, &inner, depth + 1, inner_options);
        self.out.push_str("jsonencode(");
        if rendered.contains('\n') {
            self.out.push_str(remark);
            self.out.push('\n');
            self.start(depth + 1, act, o);
            self.out.push_str(&rendered);
            if !whitespace {
                self.forces(node.replace, o);
            }
            self.out.push('\n');
            self.start(depth, Act::NoOp, o);
            self.out.push(')');
            self.null_suffix(node.act, o);
        } else {
            self.out.push_str(&rendered);
            self.out.push(')');
            self.out.push_str(remark);
            if !whitespace {
                self.forces(node.replace, o);
            }
        }
    }

    fn empty(&mut self, brackets: &str, node: &Node<'_>, forces: bool, o: Options) {
        self.out.push_str(brackets);
        self.null_suffix(node.act, o);
        self.forces(forces, o);
    }

    fn object(&mut self, node: &Node<'_>, parts: &[(&str, Node<'_>)], depth: usize, o: Options) {
        if parts.is_empty() {
            return self.empty("{}", node, node.replace, o);
        }
        let inner = Options { no_null_suffix: true, forced: false, ..o };
        self.out.push('{');
        self.forces(node.replace, o);
        self.out.push('\n');
        let width = parts.iter().map(|(k, _)| attribute_name(k).len()).max().unwrap_or(0);
        let mut hidden = 0;
        let wanted = Self::wanted(parts.len(), o);
        for (name, part) in parts.iter().take(wanted) {
            if ALWAYS.contains(name) {
                self.attribute(name, width, part, depth + 1, Options { unchanged: true, ..inner });
            } else if part.act == Act::NoOp && !o.unchanged {
                hidden += 1;
            } else {
                self.attribute(name, width, part, depth + 1, inner);
            }
        }
        self.hidden(hidden, "attribute", depth + 1, o);
        self.more(parts.len() - wanted, "attribute", depth + 1, o);
        self.start(depth, Act::NoOp, o);
        self.out.push('}');
        self.null_suffix(node.act, o);
    }

    fn attribute(&mut self, name: &str, width: usize, part: &Node<'_>, depth: usize, o: Options) {
        self.warning(part, depth);
        self.start(depth, part.act, o);
        pad(self.out, &attribute_name(name), width);
        self.out.push_str(" = ");
        self.node(part, depth, o);
        self.out.push('\n');
    }

    fn map(&mut self, node: &Node<'_>, parts: &[(&str, Node<'_>)], depth: usize, o: Options) {
        if parts.is_empty() {
            return self.empty("{}", node, node.replace, o);
        }
        let inner = Options { no_null_suffix: node.act == Act::Delete, forced: false, ..o };
        self.out.push('{');
        self.forces(node.replace, o);
        self.out.push('\n');
        let quoted = |key: &str| {
            let mut text = String::with_capacity(key.len() + 2);
            quote(&mut text, key);
            text
        };
        let width = parts.iter().map(|(k, _)| quoted(k).len()).max().unwrap_or(0);
        let mut hidden = 0;
        let wanted = Self::wanted(parts.len(), o);
        for (key, part) in parts.iter().take(wanted) {
            if part.act == Act::NoOp && !o.unchanged {
                hidden += 1;
                continue;
            }
            self.warning(part, depth + 1);
            self.start(depth + 1, part.act, inner);
            pad(self.out, &quoted(key), width);
            self.out.push_str(" = ");
            self.node(part, depth + 1, inner);
            if matches!(part.kind, Kind::Object(_)) {
                self.out.push(',');
            }
            self.out.push('\n');
        }
        self.hidden(hidden, "element", depth + 1, o);
        self.more(parts.len() - wanted, "element", depth + 1, o);
        self.start(depth, Act::NoOp, o);
        self.out.push('}');
        self.null_suffix(node.act, o);
    }

    fn element(&mut self, part: &Node<'_>, depth: usize, o: Options) {
        self.warning(part, depth);
        self.start(depth, part.act, o);
        self.node(part, depth, o);
        self.out.push_str(",\n");
    }

    /// A list shows what stands directly before and after each change.
    fn list(&mut self, node: &Node<'_>, parts: &[Node<'_>], depth: usize, o: Options) {
        if parts.is_empty() {
            return self.empty("[]", node, node.replace, o);
        }
        let inner = Options { no_null_suffix: true, forced: false, ..o };
        let still = Options { unchanged: true, ..o };
        self.out.push('[');
        self.forces(node.replace, o);
        self.out.push('\n');
        let mut waiting: Vec<&Node<'_>> = Vec::new();
        let mut next_too = false;
        let wanted = Self::wanted(parts.len(), o);
        for part in parts.iter().take(wanted) {
            if part.act == Act::NoOp && !next_too && !o.unchanged {
                waiting.push(part);
                continue;
            }
            next_too = false;
            if let Some(last) = waiting.last() {
                self.hidden(waiting.len() - 1, "element", depth + 1, o);
                self.element(last, depth + 1, Options { no_null_suffix: true, forced: false, ..still });
            }
            waiting.clear();
            if part.act == Act::NoOp {
                self.element(part, depth + 1, Options { no_null_suffix: true, forced: false, ..still });
            } else {
                next_too = true;
                self.element(part, depth + 1, inner);
            }
        }
        self.hidden(waiting.len(), "element", depth + 1, o);
        self.more(parts.len() - wanted, "element", depth + 1, o);
        self.start(depth, Act::NoOp, o);
        self.out.push(']');
        self.null_suffix(node.act, o);
    }

    fn set(&mut self, node: &Node<'_>, parts: &[Node<'_>], depth: usize, o: Options) {
        if parts.is_empty() {
            return self.empty("[]", node, node.replace, o);
        }
        let inner = Options { no_null_suffix: true, forced: false, ..o };
        self.out.push('[');
        self.forces(node.replace, o);
        self.out.push('\n');
        let mut hidden = 0;
        let wanted = Self::wanted(parts.len(), o);
        for part in parts.iter().take(wanted) {
            if part.act == Act::NoOp && !o.unchanged {
                hidden += 1;
            } else {
                self.element(part, depth + 1, inner);
            }
        }
        self.hidden(hidden, "element", depth + 1, o);
        self.more(parts.len() - wanted, "element", depth + 1, o);
        self.start(depth, Act::NoOp, o);
        self.out.push(']');
        self.null_suffix(node.act, o);
    }

    fn block(
        &mut self,
        node: &Node<'_>,
        attributes: &[(&str, Node<'_>)],
        groups: &[Blocks<'_>],
        depth: usize,
        o: Options,
    ) {
        if attributes.is_empty() && groups.is_empty() {
            self.out.push_str("{}");
            return self.forces(node.replace, o);
        }
        self.out.push('{');
        self.forces(node.replace, o);
        self.out.push('\n');
        let inner = Options { forced: false, ..o };
        let width = attributes.iter().map(|(k, _)| attribute_name(k).len()).max().unwrap_or(0);
        let mut hidden = 0;
        for (name, part) in attributes {
            if ALWAYS.contains(name) && !o.anonymous {
                self.attribute(name, width, part, depth + 1, Options { unchanged: true, ..inner });
            } else if part.act == Act::NoOp && !o.unchanged {
                hidden += 1;
            } else {
                self.attribute(name, width, part, depth + 1, inner);
            }
        }
        self.hidden(hidden, "attribute", depth + 1, o);
        let mut hidden_blocks = 0;
        for group in groups {
            let mut first = !attributes.is_empty();
            for (label, item) in &group.items {
                let secret = match item.act {
                    Act::Create => group.sensitive.1,
                    Act::Delete => group.sensitive.0,
                    _ => group.sensitive.0 || group.sensitive.1,
                };
                let act = match item.act {
                    Act::NoOp if group.sensitive.0 != group.sensitive.1 => Act::Update,
                    act => act,
                };
                if act == Act::NoOp && !o.unchanged {
                    hidden_blocks += 1;
                    continue;
                }
                if std::mem::take(&mut first) {
                    self.out.push('\n');
                }
                let options = Options { forced: group.replace || (group.set && node.replace), ..o };
                self.start(depth + 1, act, options);
                self.out.push_str(&attribute_name(group.name));
                if let Some(label) = label {
                    self.out.push(' ');
                    quote(self.out, label);
                }
                self.out.push(' ');
                if secret || matches!(item.kind, Kind::Sensitive(..)) {
                    self.secret_block(item, depth + 1, options);
                } else {
                    self.node(item, depth + 1, options);
                }
                self.out.push('\n');
            }
        }
        if hidden_blocks > 0 {
            self.out.push('\n');
            self.hidden(hidden_blocks, "block", depth + 1, o);
        }
        self.start(depth, Act::NoOp, o);
        self.out.push('}');
    }

    fn secret_block(&mut self, item: &Node<'_>, depth: usize, o: Options) {
        self.out.push('{');
        self.forces(item.replace, o);
        self.out.push('\n');
        for line in [
            "  # At least one attribute in this block is (or was) sensitive,",
            "  # so its contents will not be displayed.",
        ] {
            self.start(depth, Act::NoOp, o);
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.start(depth, Act::NoOp, o);
        self.out.push('}');
    }
}
