//! File name patterns, as `fileset` takes them: `*`, `?`, `[a-c]`, `[^a]`, `{a,b}` within a name, and `**` for any
//! number of folders.

/// A pattern, one name of a path after the other.
pub(super) struct Glob(Vec<Name>);

enum Name {
    /// `**`
    Any,
    /// A name matches if it matches one of these.
    Choices(Vec<Vec<Item>>),
}

#[derive(Clone)]
enum Item {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `[…]`: whether it is negated, and its ranges.
    Class(bool, Vec<(char, char)>),
}

impl Glob {
    /// Reads a pattern; problems as a clause.
    pub fn parse(pattern: &str) -> Result<Glob, String> {
        let name = |name: &str| match name {
            "**" => Ok(Name::Any),
            name => choices(name).map(Name::Choices),
        };
        pattern.split('/').map(name).collect::<Result<_, _>>().map(Glob)
    }

    /// Whether a path, given as its names, matches.
    pub fn matches(&self, path: &[&str]) -> bool {
        matches(&self.0, path)
    }
}

fn matches(pattern: &[Name], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((Name::Any, rest)), _) => (0..=path.len()).any(|skipped| matches(rest, &path[skipped..])),
        (Some(_), None) => false,
        (Some((Name::Choices(choices), rest)), Some((name, path))) => {
            let name: Vec<char> = name.chars().collect();
            choices.iter().any(|items| fits(items, &name)) && matches(rest, path)
        }
    }
}

/// Goes back to the last `*` only, so that the time is at most the product of the lengths.
fn fits(items: &[Item], name: &[char]) -> bool {
    let (mut at, mut from, mut retry) = (0, 0, None);
    while from < name.len() {
        let fits = match items.get(at) {
            Some(Item::Char(c)) => *c == name[from],
            Some(Item::One) => true,
            Some(Item::Class(negated, ranges)) => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&name[from])) != *negated
            }
            Some(Item::Many) => {
                retry = Some((at, from));
                at += 1;
                continue;
            }
            None => false,
        };
        if fits {
            (at, from) = (at + 1, from + 1);
        } else if let Some((star, start)) = retry {
            (at, from) = (star + 1, start + 1);
            retry = Some((star, start + 1));
        } else {
            return false;
        }
    }
    items[at..].iter().all(|item| matches!(item, Item::Many))
}

/// More combinations of alternatives than this are refused.
const MAX_CHOICES: usize = 1000;

/// A name with its `{a,b}` multiplied out.
fn choices(name: &str) -> Result<Vec<Vec<Item>>, String> {
    let mut done: Vec<Vec<Item>> = vec![Vec::new()];
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if c == '{' {
            let (alternatives, after) = braces(&rest[1..])?;
            let mut multiplied = Vec::new();
            for start in &done {
                for end in &alternatives {
                    multiplied.push([start.as_slice(), end].concat());
                }
            }
            if multiplied.len() > MAX_CHOICES {
                return Err(format!("its alternatives in braces make more than {MAX_CHOICES} combinations"));
            }
            done = multiplied;
            rest = after;
            continue;
        }
        let (item, after) = item(rest)?;
        done.iter_mut().for_each(|items| items.push(item.clone()));
        rest = after;
    }
    Ok(done)
}

/// What stands between `{`, which is gone already, and `}`; and what follows.
fn braces(text: &str) -> Result<(Vec<Vec<Item>>, &str), String> {
    let (mut all, mut depth, mut start) = (Vec::new(), 0, 0);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                all.extend(choices(&text[start..at])?);
                if c == '}' {
                    return Ok((all, &text[at + 1..]));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    Err("a brace in it is not closed before the next slash".into())
}

/// The first item of a text that is not empty, and what follows.
fn item(text: &str) -> Result<(Item, &str), String> {
    let mut chars = text.chars();
    let item = match chars.next() {
        Some('*') => Item::Many,
        Some('?') => Item::One,
        Some('[') => return class(chars.as_str()),
        Some('\\') => Item::Char(chars.next().ok_or("it ends in a backslash")?),
        c => Item::Char(c.unwrap_or_default()),
    };
    Ok((item, chars.as_str()))
}

fn class(text: &str) -> Result<(Item, &str), String> {
    let open = || "a bracket in it is not closed, or empty".to_string();
    let (negated, text) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
    let mut chars = text.chars().peekable();
    let mut ranges = Vec::new();
    let one = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match chars.next() {
        Some('\\') => chars.next(),
        other => other,
    };
    while chars.peek() != Some(&']') || ranges.is_empty() {
        if matches!(chars.peek(), Some(']' | '-')) {
            return Err(open());
        }
        let low = one(&mut chars).ok_or_else(open)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => one(&mut chars).ok_or_else(open)?,
            None => low,
        };
        ranges.push((low, high));
    }
    chars.next();
    let left: usize = chars.map(char::len_utf8).sum();
    Ok((Item::Class(negated, ranges), &text[text.len() - left..]))
}
