//! Just as much DER (ITU-T X.690) as keys, certificates and certificate requests need.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// One value: tag, length, content.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1)..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

/// A constructed value.
pub(super) fn group(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// A sequence.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    group(SEQUENCE, parts)
}

/// An integer that is not negative, of its bytes, most significant first.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    value(INTEGER, &unsigned(bytes))
}

/// The shortest two's complement form of a number that is not negative.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    let mut out = bytes[start..].to_vec();
    if out.first().is_none_or(|b| b & 0x80 != 0) {
        out.insert(0, 0);
    }
    out
}

/// A bit string of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    group(BIT_STRING, &[&[0], bytes])
}

/// An object identifier.
pub(super) fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut content = Vec::new();
    let first = arcs[0] * 40 + arcs[1];
    for arc in std::iter::once(first).chain(arcs[2..].iter().copied()) {
        let mut groups = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        content.extend(groups.into_iter().rev());
    }
    value(OID, &content)
}

/// One value that was read.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

impl<'a> Item<'a> {
    /// A reader of what is inside.
    pub(super) fn inside(self) -> Reader<'a> {
        Reader(self.content)
    }

    /// The bytes of a bit string, which must be whole ones.
    pub(super) fn bits(self) -> Option<&'a [u8]> {
        match self.content.split_first() {
            Some((0, bytes)) if self.tag == BIT_STRING => Some(bytes),
            _ => None,
        }
    }
}

/// Reads values one after the other.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next value; `None` at the end, and where there is no value.
    pub(super) fn next(&mut self) -> Option<Item<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 4 {
                return None;
            }
            (bytes.iter().fold(0, |n, b| (n << 8) | usize::from(*b)), rest)
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Some(Item { tag, content, whole })
    }

    /// The next value, if it has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Item<'a>> {
        let mut ahead = *self;
        let item = ahead.next().filter(|item| item.tag == tag)?;
        *self = ahead;
        Some(item)
    }
}

/// The only value in there, of this tag.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<Item<'_>> {
    let mut reader = Reader(bytes);
    let item = reader.expect(tag)?;
    reader.0.is_empty().then_some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_read() {
        assert_eq!(integer(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[]), [2, 1, 0]);
        assert_eq!(oid(&[1, 2, 840, 113549]), [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
        for length in [0, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let encoded = value(OCTET_STRING, &content);
            assert_eq!(only(&encoded, OCTET_STRING).unwrap().content, content);
            assert!(only(&encoded[..encoded.len() - 1], OCTET_STRING).is_none());
        }
    }
}
