//! Strings of several lines: what changes in them, with a few lines around it.

use super::render::{Options, Writer};
use super::sequence::{self, Pair};
use super::{Act, Leaf, Node};
use crate::ui::style::Role;
use formwork_lang::yaml_documents;
use formwork_value::Kind as ValueKind;
use std::collections::HashMap;

/// Unchanged lines that are shown before and after each change.
const CONTEXT: usize = 2;

/// A run of unchanged lines is shown whole unless more than so many would be hidden: the count takes a line, too.
const WORTH_HIDING: usize = 2;

/// Longer texts are not parsed only to say more about their difference.
const PARSED: usize = 1 << 20;

/// What can be said of two texts that differ as text.
fn remark(before: &str, after: &str) -> Option<&'static str> {
    if before.trim() == after.trim() {
        return Some("# only whitespace at the beginning or end changes");
    }
    if before.contains('\r') != after.contains('\r') && before.replace('\r', "") == after.replace('\r', "") {
        return Some("# only line endings change");
    }
    (before.len().max(after.len()) <= PARSED && same_yaml(before, after))
        .then_some("# same YAML: only layout, comments or the order of keys change")
}

/// Whether two texts are YAML documents that mean the same. A text that is one scalar is not taken for YAML: any prose is.
fn same_yaml(before: &str, after: &str) -> bool {
    let structured = |text: &str| {
        let documents = yaml_documents(text).ok()?;
        let whole = |k: &ValueKind| matches!(k, ValueKind::Object(_) | ValueKind::Tuple(_));
        documents.iter().all(|d| whole(d.kind())).then_some(documents)
    };
    match (structured(before), structured(after)) {
        (Some(a), Some(b)) => !a.is_empty() && a == b,
        _ => false,
    }
}

impl Writer<'_> {
    pub(super) fn heredoc(
        &mut self,
        node: &Node<'_>,
        before: Leaf<'_>,
        after: Leaf<'_>,
        depth: usize,
        o: Options,
    ) {
        let text = |l: Leaf<'_>| match l {
            Leaf::Text(s) => s.trim().to_owned(),
            Leaf::Null => "null".to_owned(),
            Leaf::Bool(b) => b.to_string(),
            Leaf::Number(n) => n.to_string(),
        };
        self.out.push_str("<<-EOT");
        self.forces(node.replace, o);
        if let (Act::Update, Leaf::Text(b), Leaf::Text(a)) = (node.act, before, after)
            && let Some(remark) = remark(b, a)
        {
            self.out.push(' ');
            self.style.put(self.out, Role::Faint, remark);
        }
        self.out.push('\n');
        match node.act {
            Act::Update => self.line_changes(&text(before), &text(after), depth, o),
            act => {
                let text = text(if act == Act::Delete { before } else { after });
                let count = text.split('\n').count();
                let wanted = Self::wanted(count, o);
                for line in text.split('\n').take(wanted) {
                    self.line(Act::NoOp, line, depth, o);
                }
                self.more(count - wanted, "line", depth + 1, o);
            }
        }
        self.start(depth, Act::NoOp, o);
        self.out.push_str("EOT");
        self.null_suffix(node.act, o);
    }

    fn line(&mut self, act: Act, line: &str, depth: usize, o: Options) {
        self.start(depth + 1, act, o);
        // What could move the cursor or change colours stays out of a terminal.
        if line.chars().any(|c| c.is_control() && c != '\t') {
            self.out.extend(line.chars().filter(|c| !c.is_control() || *c == '\t'));
        } else {
            self.out.push_str(line);
        }
        self.out.push('\n');
    }

    fn line_changes(&mut self, before: &str, after: &str, depth: usize, o: Options) {
        let (old, new): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
        let mut ids: HashMap<&str, u32> = HashMap::new();
        let mut numbers: [Vec<u32>; 2] = [Vec::with_capacity(old.len()), Vec::with_capacity(new.len())];
        for (lines, numbers) in [&old, &new].into_iter().zip(&mut numbers) {
            for line in lines {
                let next = ids.len() as u32;
                numbers.push(*ids.entry(line).or_insert(next));
            }
        }
        let pairs = sequence::lines(&numbers[0], &numbers[1]);
        let mut at = 0;
        while let Some(pair) = pairs.get(at) {
            match pair {
                Pair::Old(i) => self.line(Act::Delete, old[*i], depth, o),
                Pair::New(i) => self.line(Act::Create, new[*i], depth, o),
                Pair::Both(..) => {
                    let run = pairs[at..].iter().take_while(|p| matches!(p, Pair::Both(..))).count();
                    let first = if at == 0 { 0 } else { CONTEXT };
                    let last = if at + run == pairs.len() { 0 } else { CONTEXT };
                    let hidden = match run.saturating_sub(first + last) {
                        n if n > WORTH_HIDING && !o.unchanged => n,
                        _ => 0,
                    };
                    for (i, pair) in pairs[at..at + run].iter().enumerate() {
                        let Pair::Both(line, _) = pair else { continue };
                        if hidden > 0 && i == first {
                            self.start(depth + 1, Act::NoOp, o);
                            let text = format!("# ({} unchanged lines hidden)", thousands(hidden));
                            self.style.put(self.out, Role::Faint, &text);
                            self.out.push('\n');
                        }
                        if hidden == 0 || i < first || i >= first + hidden {
                            self.line(Act::NoOp, old[*line], depth, o);
                        }
                    }
                    at += run;
                    continue;
                }
            }
            at += 1;
        }
    }
}

/// A count with its thousands apart.
pub(super) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
