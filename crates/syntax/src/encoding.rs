//! Bytes to text: UTF-8, but for comments, in which nobody needs to understand them.

use crate::lexer;

/// Where characters begin that stand for bytes: a plane for private use, of which no font or text here knows anything.
const PRIVATE: u32 = 0xf_0000;

/// How many bytes may be no part of UTF-8: those from 0x80 on.
const BYTES: u32 = 0x80;

/// A text that is not UTF-8 where it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// The text, with a replacement character for each byte that is wrong.
    pub text: String,
    /// The offset of the first of them, in the text and in the file.
    pub at: usize,
}

/// The text of a file. The error is the offset of the first byte that is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<String, usize> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| error.valid_up_to())
}

/// The text of a configuration file. What is not UTF-8 is let pass in comments, where question marks stand for its bytes; the
/// error tells of the first such byte elsewhere.
pub fn decode_configuration(bytes: Vec<u8>) -> Result<String, Undecodable> {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let bytes = error.as_bytes();
    stood_in(bytes, |_| '?').map_err(|at| {
        let (before, after) = bytes.split_at(at);
        Undecodable { text: replaced(before, '?') + &replaced(after, char::REPLACEMENT_CHARACTER), at }
    })
}

/// The text of a configuration file in JSON. As in Terraform, each byte that is not UTF-8 becomes a replacement character.
pub fn decode_json(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| replaced(error.as_bytes(), char::REPLACEMENT_CHARACTER))
}

/// A text with this character for each byte that is not UTF-8.
fn replaced(bytes: &[u8], with: char) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n(with, chunk.invalid().len()));
    }
    text
}

/// A text in whose comments characters of its own may stand for bytes that are not UTF-8.
#[derive(Debug)]
pub struct Lenient {
    /// The text.
    pub text: String,
    /// What stands for the byte 0x80; the others follow it. None if nothing stands for anything.
    first: Option<u32>,
}

impl Lenient {
    /// Reads a text. The error is the offset of the first byte outside of comments that is not UTF-8.
    pub fn read(bytes: &[u8]) -> Result<Lenient, usize> {
        let wrong = match decode(bytes) {
            Ok(text) => return Ok(Lenient { text, first: None }),
            Err(at) => at,
        };
        let own = String::from_utf8_lossy(bytes);
        let own: std::collections::HashSet<u32> = own.chars().map(|c| u32::from(c) / BYTES).collect();
        let mut free =
            (PRIVATE..=0xf_ff00).step_by(BYTES as usize).filter(|first| !own.contains(&(first / BYTES)));
        let first = free.next().ok_or(wrong)?;
        let text = stood_in(bytes, |byte| {
            char::from_u32(first + u32::from(byte) - BYTES).expect("the plane has no gaps")
        })?;
        Ok(Lenient { text, first: Some(first) })
    }

    /// The bytes of this text, or of what was made of it.
    pub fn bytes(&self, text: &str) -> Vec<u8> {
        let Some(first) = self.first else { return text.into() };
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            match u32::from(c).checked_sub(first) {
                Some(n) if n < BYTES => bytes.push((n + BYTES) as u8),
                _ => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }
}

/// A text in whose comments characters stand for the bytes that are not UTF-8. The error is the offset of the first such
/// byte elsewhere.
fn stood_in(bytes: &[u8], stand_in: impl Fn(u8) -> char) -> Result<String, usize> {
    let mut text = String::with_capacity(bytes.len());
    // Where in the text, and where in the bytes.
    let mut wrong = Vec::new();
    let mut read = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        read += chunk.valid().len();
        for byte in chunk.invalid() {
            wrong.push((text.len(), read));
            text.push(stand_in(*byte));
            read += 1;
        }
    }
    let lexed = lexer::lex(&text, lexer::Mode::Body, true);
    let mut comments = lexed.tokens.iter().filter(|t| t.kind == lexer::Kind::Comment).map(|t| t.range());
    let mut comment = comments.next();
    for (at, place) in wrong {
        while comment.as_ref().is_some_and(|c| c.end <= at) {
            comment = comments.next();
        }
        if !comment.as_ref().is_some_and(|c| c.contains(&at)) {
            return Err(place);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_keep_their_bytes() {
        let bytes = b"a = 1 # \xff\x80 \xf3\xb0\x80\x80\n/* \xe2\x82 */ b = \"\xc3\xa9\"\n";
        let read = Lenient::read(bytes).unwrap();
        assert_eq!(read.bytes(&read.text), bytes);
        assert_eq!(read.text.chars().count(), bytes.len() - 3 - 1);
        assert!(read.text.contains('\u{f0000}'));
        let text = decode_configuration(bytes.to_vec()).unwrap();
        assert_eq!(text, "a = 1 # ?? \u{f0000}\n/* ?? */ b = \"é\"\n");
    }

    #[test]
    fn everything_else_is_utf8() {
        assert_eq!(decode(b"ab\xff"), Err(2));
        assert_eq!(Lenient::read(b"# \xff\na = \"\xfe\"").unwrap_err(), 9);
        assert_eq!(
            decode_configuration(b"#\xff\na = <<E\n\xff\xe2\x82\nE\n".to_vec()),
            Err(Undecodable { text: "#?\na = <<E\n\u{fffd}\u{fffd}\u{fffd}\nE\n".into(), at: 11 })
        );
        assert_eq!(Lenient::read(b"a = 1").unwrap().bytes("b"), b"b");
    }

    #[test]
    fn json_is_text_whatever_its_bytes() {
        assert_eq!(
            decode_json(b"{\"\xc3\xa9\xff\": \"\xf0\x9f\x98\"}".to_vec()),
            "{\"é\u{fffd}\": \"\u{fffd}\u{fffd}\u{fffd}\"}"
        );
    }
}
