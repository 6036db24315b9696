//! Framing of journal records.
//!
//! A frame is: length of the payload (u32), CRC-32 of everything else in the frame (u32), how many bytes of the file were
//! known to be durable when it was written (u64), payload. Integers are little-endian.
//!
//! What a crash leaves behind the durable part may be torn, lost or out of order: from the first frame that is not
//! whole, nothing counts. A frame that is not whole *before* what a later one knows to be durable is damage.

const HEAD: usize = 16;
/// More than any record: a length beyond it is not one.
const LONGEST: usize = 1 << 30;

/// Frames a payload.
pub(crate) fn encode(payload: &[u8], durable: u64) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok().filter(|l| *l as usize <= LONGEST)?;
    let mut out = Vec::with_capacity(HEAD + payload.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&durable.to_le_bytes());
    out.extend_from_slice(payload);
    let sum = checksum(&out);
    out[4..8].copy_from_slice(&sum.to_le_bytes());
    Some(out)
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..4]);
    hasher.update(&frame[8..]);
    hasher.finalize()
}

/// A whole frame.
pub(crate) struct Frame<'a> {
    /// One past its last byte in the file.
    pub(crate) end: u64,
    /// What it carries.
    pub(crate) payload: &'a [u8],
    durable: u64,
}

fn decode(bytes: &[u8], start: usize) -> Option<Frame<'_>> {
    let head = bytes.get(start..)?.first_chunk::<HEAD>()?;
    let [l0, l1, l2, l3, c0, c1, c2, c3, durable @ ..] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length == 0 || length > LONGEST {
        return None;
    }
    let end = start + HEAD + length;
    let frame = bytes.get(start..end)?;
    if checksum(frame) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return None;
    }
    Some(Frame { end: end as u64, payload: &frame[HEAD..], durable: u64::from_le_bytes(durable) })
}

/// All frames that count, or the place of damage.
pub(crate) fn scan(bytes: &[u8]) -> Result<Vec<Frame<'_>>, u64> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(frame) = decode(bytes, at) {
        at = frame.end as usize;
        frames.push(frame);
    }
    // Every payload is a JSON object: look for its beginning, which is much cheaper than trying every place.
    let behind = (at + 1..bytes.len().saturating_sub(HEAD)).filter(|p| bytes[p + HEAD] == b'{');
    for frame in behind.filter_map(|p| decode(bytes, p)) {
        if frame.durable > at as u64 {
            return Err(at as u64);
        }
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[(&str, u64)]) -> Vec<u8> {
        payloads.iter().flat_map(|(p, d)| encode(p.as_bytes(), *d).unwrap()).collect()
    }

    #[test]
    fn a_torn_tail_is_ignored_wherever_it_is_torn() {
        let bytes = file(&[("{\"a\":1}", 0), ("{\"b\":22}", 0), ("{\"c\":333}", 0)]);
        let ends: Vec<u64> = scan(&bytes).unwrap().iter().map(|f| f.end).collect();
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|e| **e <= cut as u64).count();
            assert_eq!(scan(&bytes[..cut]).unwrap().len(), whole, "cut at {cut}");
            let mut zeroed = bytes.clone();
            zeroed[cut..].fill(0);
            assert_eq!(scan(&zeroed).unwrap().len(), whole, "zeroes from {cut}");
        }
    }

    #[test]
    fn damage_before_what_was_durable_is_told_from_lost_writes() {
        let first = file(&[("{\"a\":1}", 0)]).len() as u64;
        let second = first + file(&[("{\"b\":2}", 0)]).len() as u64;
        let check = |durable: u64, expected: Result<usize, u64>| {
            let mut bytes = file(&[("{\"a\":1}", 0), ("{\"b\":2}", 0), ("{\"c\":3}", durable)]);
            bytes[first as usize + HEAD + 2] ^= 1;
            assert_eq!(scan(&bytes).map(|f| f.len()), expected);
        };
        check(second, Err(first));
        check(first, Ok(1));
        check(0, Ok(1));
    }
}
