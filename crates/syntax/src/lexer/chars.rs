//! Which characters make a name.

/// What an ASCII byte may be: part of a name or not.
const CONTINUES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' || byte as u8 == b'-';
        byte += 1;
    }
    table
};

/// Letters that Unicode takes out of the names that stay names in every normal form; Terraform does not.
fn is_unstable(c: char) -> bool {
    matches!(
        c,
        '\u{37a}' | '\u{309b}' | '\u{309c}' | '\u{fc5e}'
            ..='\u{fc63}'
                | '\u{fdfa}'
                | '\u{fdfb}'
                | '\u{fe70}'
                | '\u{fe72}'
                | '\u{fe74}'
                | '\u{fe76}'
                | '\u{fe78}'
                | '\u{fe7a}'
                | '\u{fe7c}'
                | '\u{fe7e}'
    )
}

pub(super) fn starts_word(c: char) -> bool {
    c == '_'
        || unicode_ident::is_xid_start(c)
        || is_unstable(c)
        || matches!(c, '\u{e33}' | '\u{eb3}' | '\u{ff9e}' | '\u{ff9f}')
}

pub(super) fn continues_word(c: char) -> bool {
    c == '-' || unicode_ident::is_xid_continue(c) || is_unstable(c)
}

/// The end of the name that `text` is in at `from`.
pub(super) fn word_end(text: &str, from: usize) -> usize {
    let mut end = from;
    for byte in &text.as_bytes()[from..] {
        if CONTINUES[*byte as usize] {
            end += 1;
            continue;
        }
        if byte.is_ascii() {
            break;
        }
        let rest = &text[end..];
        return end + rest.find(|c| !continues_word(c)).unwrap_or(rest.len());
    }
    end
}

/// The length of the name that `text` begins with; zero when it does not.
pub(crate) fn word_length(text: &str) -> usize {
    match text.chars().next() {
        Some(c) if starts_word(c) => word_end(text, c.len_utf8()),
        _ => 0,
    }
}
