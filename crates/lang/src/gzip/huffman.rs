//! Huffman codes of limited length.

/// Bits, the first one lowest, and how many.
#[derive(Clone, Copy, Default)]
pub(super) struct Code {
    pub bits: u16,
    pub length: u8,
}

/// The code of each symbol; those that do not occur have length 0.
pub(super) type Codes = Vec<Code>;

/// How many bits symbols of these frequencies take.
pub(super) fn cost(codes: &[Code], frequencies: &[u32]) -> usize {
    codes.iter().zip(frequencies).map(|(code, n)| usize::from(code.length) * *n as usize).sum()
}

/// The codes that need the fewest bits for symbols of these frequencies, none longer than `longest`.
///
/// Which of several equally good codes it is matters, since the bytes must be those of Go's `compress/flate`: pairs come
/// before single symbols of the same weight, and of symbols of the same weight the greater get the shorter codes.
pub(super) fn best(frequencies: &[u32], longest: usize) -> Codes {
    let mut codes = vec![Code::default(); frequencies.len()];
    let mut used: Vec<(u32, usize)> =
        frequencies.iter().enumerate().filter(|(_, n)| **n > 0).map(|(symbol, n)| (*n, symbol)).collect();
    if used.len() <= 2 {
        for (bits, (_, symbol)) in used.iter().enumerate() {
            codes[*symbol] = Code { bits: bits as u16, length: 1 };
        }
        return codes;
    }
    used.sort_unstable();
    let weights: Vec<u32> = used.iter().map(|(n, _)| *n).collect();
    let mut symbols: Vec<usize> = used.into_iter().map(|(_, symbol)| symbol).collect();
    let mut next = 0u16;
    for (length, count) in (1..).zip(counts(&weights, longest)) {
        next <<= 1;
        let mut chosen = symbols.split_off(symbols.len() - count);
        chosen.sort_unstable();
        for symbol in chosen {
            codes[symbol] = Code { bits: reversed(next, length), length };
            next += 1;
        }
    }
    codes
}

/// The codes of fixed blocks (RFC 1951, section 3.2.6).
pub(super) fn fixed_literals() -> Codes {
    let code = |symbol: u16| match symbol {
        0..144 => (symbol + 0x30, 8),
        144..256 => (symbol - 144 + 0x190, 9),
        256..280 => (symbol - 256, 7),
        _ => (symbol - 280 + 0xc0, 8),
    };
    (0..286).map(code).map(|(bits, length)| Code { bits: reversed(bits, length), length }).collect()
}

/// The distance codes of fixed blocks.
pub(super) fn fixed_distances() -> Codes {
    (0..30).map(|symbol| Code { bits: reversed(symbol, 5), length: 5 }).collect()
}

fn reversed(bits: u16, length: u8) -> u16 {
    bits.reverse_bits() >> (16 - length)
}

/// How many symbols get codes of 1, 2, 3, … bits, by the package-merge algorithm. `weights` is in ascending order and
/// has at least three elements.
fn counts(weights: &[u32], longest: usize) -> Vec<usize> {
    let depth = longest.min(weights.len() - 1);
    // For each level, from the deepest: whether each item, in ascending order, is a symbol or a pair from below.
    let mut levels: Vec<Vec<bool>> = Vec::with_capacity(depth);
    let mut pairs: Vec<u64> = Vec::new();
    for _ in 0..depth {
        let (mut single, mut paired) = (weights.iter().peekable(), pairs.iter().peekable());
        let (mut items, mut kinds) = (Vec::new(), Vec::new());
        loop {
            let (weight, symbol) = match (single.peek(), paired.peek()) {
                (Some(s), Some(p)) if u64::from(**s) >= **p => (**p, false),
                (Some(s), _) => (u64::from(**s), true),
                (None, Some(p)) => (**p, false),
                (None, None) => break,
            };
            let _ = if symbol { single.next().is_some() } else { paired.next().is_some() };
            items.push(weight);
            kinds.push(symbol);
        }
        pairs = items.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        levels.push(kinds);
    }
    // What the solution takes of each level; a symbol's code has a bit for each level at which it is taken.
    let mut take = 2 * weights.len() - 2;
    let mut taken = Vec::with_capacity(depth + 1);
    for kinds in levels.iter().rev() {
        let symbols = kinds.iter().take(take).filter(|symbol| **symbol).count();
        taken.push(symbols);
        take = 2 * (take - symbols);
    }
    taken.push(0);
    taken.windows(2).map(|two| two[0] - two[1]).collect()
}
