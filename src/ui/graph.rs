//! A graph as a drawing: in the DOT language of Graphviz (<https://graphviz.org/doc/info/lang.html>), or as a flowchart of
//! Mermaid (<https://mermaid.js.org/syntax/flowchart.html>).

use std::collections::BTreeMap;
use std::fmt::Write;

/// With more nodes than this, edges that others imply stay: finding them takes memory with the square of the nodes.
const REDUCED: usize = 20_000;

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What no other node is called.
    pub name: String,
    /// What is written on it.
    pub label: String,
    /// The box that it is drawn in, by its title; empty for none.
    pub within: String,
}

/// Nodes, and for each of them the indices of those that its edges lead to.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    nodes: Vec<Node>,
    edges: Vec<Vec<usize>>,
}

impl Drawing {
    /// Of a graph without cycles whose nodes are partly hidden (`None`): whoever led to a hidden one leads to what that led
    /// to. Edges that longer ways imply are left out.
    pub fn new(nodes: Vec<Option<Node>>, edges: &[Vec<usize>]) -> Drawing {
        let mut numbers: Vec<Option<usize>> = Vec::with_capacity(nodes.len());
        let mut count = 0;
        for node in &nodes {
            numbers.push(node.is_some().then_some(count));
            count += usize::from(node.is_some());
        }
        let mut drawing = Drawing::default();
        for (start, node) in nodes.into_iter().enumerate() {
            let Some(node) = node else { continue };
            drawing.nodes.push(node);
            drawing.edges.push(beyond_hidden(start, edges, &numbers));
        }
        if drawing.nodes.len() <= REDUCED {
            drawing.reduce();
        }
        drawing
    }

    /// Leaves out what longer ways imply. Sets of bits say what each node reaches: petgraph's reduction keeps lists of it,
    /// which take thirty times the memory.
    fn reduce(&mut self) {
        let order = self.needed_first();
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(i, n)| place[*n] = i);
        let words = self.nodes.len().div_ceil(64);
        let mut reached = vec![Vec::new(); self.nodes.len()];
        for node in order {
            let mut all = vec![0_u64; words];
            let mut edges = std::mem::take(&mut self.edges[node]);
            // Whoever stands later cannot be reached through whoever stands earlier.
            edges.sort_by_key(|to| std::cmp::Reverse(place[*to]));
            edges.retain(|to| {
                let new = all[to / 64] & (1 << (to % 64)) == 0;
                if new {
                    all[to / 64] |= 1 << (to % 64);
                    all.iter_mut().zip(&reached[*to]).for_each(|(a, b): (&mut u64, &u64)| *a |= b);
                }
                new
            });
            edges.sort_unstable();
            self.edges[node] = edges;
            reached[node] = all;
        }
    }

    /// All nodes, each after those that its edges lead to.
    fn needed_first(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut seen = vec![false; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut stack = vec![(start, 0)];
            while let Some((node, next)) = stack.pop() {
                if next == 0 && std::mem::replace(&mut seen[node], true) {
                    continue;
                }
                match self.edges[node].get(next) {
                    Some(to) => stack.extend([(node, next + 1), (*to, 0)]),
                    None => order.push(node),
                }
            }
        }
        order
    }

    /// The same with every edge turned round.
    #[must_use]
    pub fn turned(self) -> Drawing {
        let mut edges = vec![Vec::new(); self.nodes.len()];
        for (from, all) in self.edges.iter().enumerate() {
            all.iter().for_each(|to| edges[*to].push(from));
        }
        Drawing { nodes: self.nodes, edges }
    }

    /// In the DOT language.
    pub fn dot(&self) -> String {
        let mut out = String::from(
            "digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n",
        );
        for (title, nodes) in self.boxes() {
            let indent = if title.is_empty() { "  " } else { "    " };
            if !title.is_empty() {
                let _ = writeln!(
                    out,
                    "  subgraph {} {{\n    label = {}\n    fontname = \"sans-serif\"",
                    dot_text(&format!("cluster_{title}")),
                    dot_text(title)
                );
            }
            for node in nodes {
                let node = &self.nodes[node];
                let _ = writeln!(out, "{indent}{} [label={}];", dot_text(&node.name), dot_text(&node.label));
            }
            if !title.is_empty() {
                out.push_str("  }\n");
            }
        }
        for (from, to) in self.arrows() {
            let (from, to) = (dot_text(&self.nodes[from].name), dot_text(&self.nodes[to].name));
            let _ = writeln!(out, "  {from} -> {to};");
        }
        out.push_str("}\n");
        out
    }

    /// As a flowchart of Mermaid.
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart RL\n");
        for (number, (title, nodes)) in self.boxes().into_iter().enumerate() {
            let indent = if title.is_empty() { "  " } else { "    " };
            if !title.is_empty() {
                let _ = writeln!(out, "  subgraph m{number}[{}]", mermaid_text(title));
            }
            for node in nodes {
                let _ = writeln!(out, "{indent}n{node}[{}]", mermaid_text(&self.nodes[node].label));
            }
            if !title.is_empty() {
                out.push_str("  end\n");
            }
        }
        for (from, to) in self.arrows() {
            let _ = writeln!(out, "  n{from} --> n{to}");
        }
        out
    }

    fn boxes(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut boxes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, node) in self.nodes.iter().enumerate() {
            boxes.entry(&node.within).or_default().push(i);
        }
        boxes
    }

    fn arrows(&self) -> impl Iterator<Item = (usize, usize)> {
        self.edges.iter().enumerate().flat_map(|(from, all)| all.iter().map(move |to| (from, *to)))
    }
}

/// The numbers of the visible nodes that can be reached without passing another visible one.
fn beyond_hidden(start: usize, edges: &[Vec<usize>], numbers: &[Option<usize>]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut stack = edges[start].clone();
    while let Some(node) = stack.pop() {
        if !seen.insert(node) {
            continue;
        }
        match numbers[node] {
            Some(number) => found.push(number),
            None => stack.extend(&edges[node]),
        }
    }
    found.sort_unstable();
    found
}

fn dot_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Mermaid knows characters by their names in HTML.
fn mermaid_text(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nodes: &str, edges: &[(usize, &[usize])], expected: &str) {
        let mut all = vec![Vec::new(); nodes.len()];
        edges.iter().for_each(|(from, to)| all[*from] = to.to_vec());
        let node = |c: char| {
            c.is_lowercase().then(|| Node { name: c.into(), label: c.into(), within: String::new() })
        };
        let drawing = Drawing::new(nodes.chars().map(node).collect(), &all);
        let found: Vec<String> = drawing
            .arrows()
            .map(|(a, b)| format!("{}{}", drawing.nodes[a].name, drawing.nodes[b].name))
            .collect();
        assert_eq!(found.join(" "), expected, "{nodes} {edges:?}");
    }

    #[test]
    fn hidden_nodes_and_implied_edges_are_left_out() {
        check("abc", &[(0, &[1, 2]), (1, &[2])], "ab bc");
        check("aBc", &[(0, &[1]), (1, &[2])], "ac");
        check("aBCd", &[(0, &[1, 2]), (1, &[2, 3]), (2, &[3])], "ad");
        check("abCd", &[(0, &[1, 2]), (1, &[3]), (2, &[3])], "ab bd");
        check("abcd", &[(3, &[0, 1, 2]), (2, &[0]), (0, &[1])], "ab ca dc");
    }

    #[test]
    fn texts_are_quoted() {
        let node =
            Node { name: "x[\"a\\b\"]".into(), label: "<\"&\">".into(), within: "module.m[\"k\"]".into() };
        let drawing = Drawing::new(vec![Some(node)], &[Vec::new()]);
        assert!(drawing.dot().contains(r#""x[\"a\\b\"]" [label="<\"&\">"];"#), "{}", drawing.dot());
        assert!(drawing.dot().contains(r#"subgraph "cluster_module.m[\"k\"]" {"#), "{}", drawing.dot());
        assert_eq!(
            drawing.mermaid(),
            "flowchart RL\n  subgraph m0[\"module.m[&quot;k&quot;]\"]\n    n0[\"&lt;&quot;&amp;&quot;&gt;\"]\n  end\n"
        );
    }
}
