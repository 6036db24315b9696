//! gzip (RFC 1952).

mod deflate;
mod huffman;

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

/// More than this is not expanded: it would only fill the memory.
const MAX_EXPANDED: usize = 256 << 20;

/// Nothing in the optional fields, no time, no name, and an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses to the bytes that Terraform would write, so that what is made from them stays the same.
pub(crate) fn compress(data: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    out.extend(deflate::compress(data));
    out.extend(crc32fast::hash(data).to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out
}

/// Expands one member; what follows it is not looked at.
pub(crate) fn expand(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let body = body(bytes).ok_or("it is not gzip")?;
    let data = decompress_to_vec_with_limit(body, MAX_EXPANDED).map_err(|e| match e.status {
        TINFLStatus::HasMoreOutput => format!("it expands to more than {} MiB", MAX_EXPANDED >> 20),
        _ => "its compressed content is damaged or cut off".into(),
    })?;
    // The length of the compressed content is not told: the sums stand where it ends, at the end of a single member.
    let sums = bytes.last_chunk::<8>().ok_or("it is cut off")?;
    let (crc, length) = sums.split_at(4);
    if crc != crc32fast::hash(&data).to_le_bytes() || length != (data.len() as u32).to_le_bytes() {
        return Err("its checksum is wrong: it is damaged or cut off".into());
    }
    Ok(data)
}

/// What follows the header.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (head, mut rest) = bytes.split_first_chunk::<10>()?;
    let &[0x1f, 0x8b, 8, flags, ..] = head else { return None };
    let after_zero = |bytes: &[u8]| bytes.iter().position(|b| *b == 0).map(|end| end + 1);
    if flags & 4 != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for named in [8, 16] {
        if flags & named != 0 {
            rest = &rest[after_zero(rest)?..];
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}
