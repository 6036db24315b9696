//! CSV (RFC 4180).

use super::*;

/// The rows after the first as objects, whose attributes the first names.
pub(super) fn decode(text: &str) -> Result<Value, FnError> {
    let mut rows = rows(text)?.into_iter();
    let (_, header) =
        rows.next().ok_or_else(|| FnError::arg(0, "it has no first line that names the columns"))?;
    for (i, name) in header.iter().enumerate() {
        if header[..i].contains(name) {
            return Err(FnError::arg(0, format!("two columns have the name {name:?}")).quoting());
        }
    }
    let mut objects = Vec::new();
    for (line, row) in rows {
        if row.len() != header.len() {
            return Err(FnError::arg(
                0,
                format!(
                    "line {line} has {} fields, but the first line names {} columns",
                    row.len(),
                    header.len()
                ),
            ));
        }
        objects.push(Value::object(header.iter().cloned().zip(row.into_iter().map(Value::string))));
    }
    let ty = Type::object(header.into_iter().map(|name| (name, Type::String)));
    Ok(Value::list(ty, objects))
}

/// Rows of fields (RFC 4180) with the numbers of their lines; empty lines are left out.
fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, FnError> {
    let text = text.replace("\r\n", "\n");
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while chars.peek().is_some() {
        if chars.next_if_eq(&'\n').is_some() {
            line += 1;
            continue;
        }
        let (first_line, mut row) = (line, Vec::new());
        loop {
            let mut field = String::new();
            if chars.next_if_eq(&'"').is_some() {
                loop {
                    match chars.next() {
                        Some('"') if chars.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            field.push(c);
                        }
                        None => {
                            return Err(FnError::arg(
                                0,
                                format!("a quote that line {first_line} opens is never closed"),
                            ));
                        }
                    }
                }
                if !matches!(chars.peek(), None | Some(',' | '\n')) {
                    return Err(FnError::arg(0, format!("line {line} goes on after a closing quote")));
                }
            } else {
                while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '\n')) {
                    if c == '"' {
                        return Err(FnError::arg(
                            0,
                            format!("line {line} has a quote inside an unquoted field"),
                        ));
                    }
                    field.push(c);
                }
            }
            row.push(field);
            if chars.next_if_eq(&',').is_none() {
                break;
            }
        }
        if chars.next_if_eq(&'\n').is_some() {
            line += 1;
        }
        rows.push((first_line, row));
    }
    Ok(rows)
}
