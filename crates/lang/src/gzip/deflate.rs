//! DEFLATE (RFC 1951), byte for byte as Go's `compress/flate` writes it at its default level: the same matches, the
//! same blocks, the same codes. What `base64gzip` gives goes into user data of machines, and other bytes there would
//! replace them.

use super::huffman::{self, Codes};

/// Matches reach back so far.
const WINDOW: usize = 1 << 15;
const SHORTEST: usize = 4;
const LONGEST: usize = 258;
/// A match of this length is not improved by one that starts a byte later.
const LAZY: usize = 16;
/// A match of this length is taken without looking further.
const NICE: usize = 128;
/// How many earlier places are looked at.
const CHAIN: usize = 128;
/// Short matches from further away than this cost more than they save.
const NEAR: usize = 4096;
const HASH_BITS: u32 = 17;
/// Tokens in a block.
const BLOCK: usize = 1 << 14;
/// A block that is not compressed has at most so many bytes.
const LARGEST_STORED: usize = 65535;
const END_OF_BLOCK: usize = 256;

const LENGTH_BASE: [u16; 29] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
    224, 255,
];
const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// The order in which the lengths of the codes for code lengths are written.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Compresses all of it, with the flush before the end that Terraform asks for.
pub(super) fn compress(data: &[u8]) -> Vec<u8> {
    let mut matcher = Matcher::new(data);
    loop {
        matcher.step();
        if matcher.end == data.len() {
            break;
        }
        matcher.fill();
    }
    matcher.finish();
    let mut out = matcher.out;
    out.stored(&[], false);
    out.stored(&[], true);
    out.bytes
}

#[derive(Clone, Copy)]
enum Token {
    Literal(u8),
    /// Length less 3, distance less 1.
    Match(u16, u16),
}

/// Finds repetitions. Places are counted from the start of the data, but what is in reach is what would be in Go's
/// buffer of two windows, which moves on in steps of one.
struct Matcher<'a> {
    data: &'a [u8],
    /// Where the buffer starts and ends.
    start: usize,
    end: usize,
    index: usize,
    block_start: usize,
    /// The last place of each hash, and for each place the one before with the same hash; one more than the place, 0
    /// for none.
    heads: Vec<usize>,
    previous: Vec<usize>,
    head: usize,
    /// The match in hand, which starts one byte back.
    length: usize,
    distance: usize,
    /// The byte before `index` is not in a token yet.
    pending: bool,
    tokens: Vec<Token>,
    out: Writer,
}

impl<'a> Matcher<'a> {
    fn new(data: &'a [u8]) -> Self {
        Matcher {
            data,
            start: 0,
            end: 0,
            index: 0,
            block_start: 0,
            heads: vec![0; 1 << HASH_BITS],
            previous: vec![0; WINDOW],
            head: 0,
            length: SHORTEST - 1,
            distance: 0,
            pending: false,
            tokens: Vec::with_capacity(BLOCK),
            out: Writer::default(),
        }
    }

    fn fill(&mut self) {
        if self.index - self.start >= 2 * WINDOW - (SHORTEST + LONGEST) {
            self.start += WINDOW;
        }
        self.end = self.data.len().min(self.start + 2 * WINDOW);
    }

    /// Goes on as long as the longest match would still be in the buffer.
    fn step(&mut self) {
        while self.end - self.index >= SHORTEST + LONGEST {
            self.advance();
        }
    }

    fn finish(&mut self) {
        while self.index < self.end {
            self.advance();
        }
        if self.pending {
            self.tokens.push(Token::Literal(self.data[self.index - 1]));
        }
        if !self.tokens.is_empty() {
            self.block(self.index);
        }
    }

    /// Whether a hash can be made at a place.
    fn hashable(&self, at: usize) -> bool {
        at + SHORTEST <= self.end
    }

    /// Enters a place under its hash; gives the one before.
    fn enter(&mut self, at: usize) -> usize {
        let Some(first) = self.data[at..].first_chunk::<SHORTEST>() else { return 0 };
        let hash = u32::from_be_bytes(*first).wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS);
        let before = std::mem::replace(&mut self.heads[hash as usize], at + 1);
        self.previous[at % WINDOW] = before;
        before
    }

    fn advance(&mut self) {
        if self.hashable(self.index) {
            self.head = self.enter(self.index);
        }
        let (held, held_distance) = (self.length, self.distance);
        self.length = SHORTEST - 1;
        self.distance = 0;
        let ahead = self.end - self.index;
        let reach = self.start.max(self.index.saturating_sub(WINDOW));
        if self.head > reach && ahead > held && held < LAZY {
            self.search(ahead);
        }
        if held >= SHORTEST && self.length <= held {
            self.tokens.push(Token::Match((held - 3) as u16, (held_distance - 1) as u16));
            // The match started one byte back.
            let after = self.index + held - 1;
            for at in self.index + 1..after {
                if self.hashable(at) {
                    self.enter(at);
                }
            }
            self.index = after;
            self.pending = false;
            self.length = SHORTEST - 1;
            self.block_if_full(self.index);
        } else {
            if self.pending {
                self.tokens.push(Token::Literal(self.data[self.index - 1]));
                self.block_if_full(self.index);
            }
            self.index += 1;
            self.pending = true;
        }
    }

    /// Looks for a match at `index`.
    fn search(&mut self, ahead: usize) {
        let here = self.index;
        let most = ahead.min(LONGEST);
        let nice = NICE.min(most);
        let mut place = self.head - 1;
        for _ in 0..CHAIN {
            if self.data[place + self.length] == self.data[here + self.length] {
                let same = self.data[place..].iter().zip(&self.data[here..here + most]);
                let n = same.take_while(|(a, b)| a == b).count();
                if n > self.length && (n > SHORTEST || here - place <= NEAR) {
                    self.length = n;
                    self.distance = here - place;
                    if n >= nice {
                        return;
                    }
                }
            }
            if here - place == WINDOW {
                return;
            }
            match self.previous[place % WINDOW] {
                0 => return,
                next => place = next - 1,
            }
            if place < self.start || here - place > WINDOW {
                return;
            }
        }
    }

    fn block_if_full(&mut self, end: usize) {
        if self.tokens.len() == BLOCK {
            self.block(end);
        }
    }

    /// Writes the tokens, which stand for the bytes up to `end`.
    fn block(&mut self, end: usize) {
        // What has left the buffer cannot be stored.
        let plain =
            if self.block_start >= self.start { Some(&self.data[self.block_start..end]) } else { None };
        self.out.block(&self.tokens, plain.filter(|bytes| bytes.len() <= LARGEST_STORED));
        self.block_start = end;
        self.tokens.clear();
    }
}

/// The code for a length less 3, and that for a distance less 1, with their extra bits and how many.
fn length_code(length: u16) -> (usize, u16, u8) {
    let code = LENGTH_BASE.partition_point(|base| *base <= length) - 1;
    (code, length - LENGTH_BASE[code], LENGTH_EXTRA[code])
}

fn distance_code(distance: u16) -> (usize, u16, u8) {
    if distance < 4 {
        return (usize::from(distance), 0, 0);
    }
    // Each power of two has two codes.
    let extra = distance.ilog2() - 1;
    let code = 2 * (extra + 1) + u32::from(distance >> extra & 1);
    (code as usize, distance & ((1 << extra) - 1), extra as u8)
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: u64,
    count: u32,
}

impl Writer {
    fn bits(&mut self, bits: u16, count: u8) {
        self.bits |= u64::from(bits) << self.count;
        self.count += u32::from(count);
        while self.count >= 8 {
            self.bytes.push(self.bits as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    fn code(&mut self, codes: &Codes, symbol: usize) {
        let code = codes[symbol];
        self.bits(code.bits, code.length);
    }

    /// A block of bytes as they are.
    fn stored(&mut self, plain: &[u8], last: bool) {
        self.bits(u16::from(last), 3);
        if self.count > 0 {
            self.bits(0, (8 - self.count) as u8);
        }
        let length = plain.len() as u16;
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend((!length).to_le_bytes());
        self.bytes.extend(plain);
    }

    /// A block of tokens, in whichever form is shortest. `plain`: the bytes they stand for, if these could be stored.
    fn block(&mut self, tokens: &[Token], plain: Option<&[u8]>) {
        let mut literals = [0u32; 286];
        let mut distances = [0u32; 30];
        let mut extra = 0;
        literals[END_OF_BLOCK] = 1;
        for token in tokens {
            match token {
                Token::Literal(byte) => literals[usize::from(*byte)] += 1,
                Token::Match(length, distance) => {
                    let (length, distance) = (length_code(*length), distance_code(*distance));
                    literals[257 + length.0] += 1;
                    distances[distance.0] += 1;
                    extra += usize::from(length.2) + usize::from(distance.2);
                }
            }
        }
        if distances.iter().all(|n| *n == 0) {
            distances[0] = 1;
        }
        let (fixed_literals, fixed_distances) = (huffman::fixed_literals(), huffman::fixed_distances());
        let dynamic = Dynamic::new(&literals, &distances);
        let fixed_size = 3
            + huffman::cost(&fixed_literals, &literals)
            + huffman::cost(&fixed_distances, &distances)
            + extra;
        let dynamic_size = dynamic.header_size()
            + huffman::cost(&dynamic.literals, &literals)
            + huffman::cost(&dynamic.distances, &distances)
            + extra;
        match plain {
            Some(bytes) if (bytes.len() + 5) * 8 < fixed_size.min(dynamic_size) => self.stored(bytes, false),
            _ if dynamic_size < fixed_size => {
                dynamic.write_header(self);
                self.tokens(tokens, &dynamic.literals, &dynamic.distances);
            }
            _ => {
                self.bits(0b010, 3);
                self.tokens(tokens, &fixed_literals, &fixed_distances);
            }
        }
    }

    fn tokens(&mut self, tokens: &[Token], literals: &Codes, distances: &Codes) {
        for token in tokens {
            match token {
                Token::Literal(byte) => self.code(literals, usize::from(*byte)),
                Token::Match(length, distance) => {
                    let (code, extra, count) = length_code(*length);
                    self.code(literals, 257 + code);
                    self.bits(extra, count);
                    let (code, extra, count) = distance_code(*distance);
                    self.code(distances, code);
                    self.bits(extra, count);
                }
            }
        }
        self.code(literals, END_OF_BLOCK);
    }
}

/// The codes of a dynamic block, and how its header tells them.
struct Dynamic {
    literals: Codes,
    distances: Codes,
    /// How many of each are told.
    literal_count: usize,
    distance_count: usize,
    /// The lengths as runs: a symbol, its extra bits and how many.
    runs: Vec<(usize, u16, u8)>,
    lengths: Codes,
    length_count: usize,
    run_bits: usize,
}

impl Dynamic {
    fn new(literal_frequencies: &[u32], distance_frequencies: &[u32]) -> Dynamic {
        let used = |frequencies: &[u32]| frequencies.iter().rposition(|n| *n > 0).map_or(0, |last| last + 1);
        let (literal_count, distance_count) = (used(literal_frequencies), used(distance_frequencies));
        let literals = huffman::best(literal_frequencies, 15);
        let distances = huffman::best(distance_frequencies, 15);
        let told = literals[..literal_count].iter().chain(&distances[..distance_count]);
        let runs = runs(&told.map(|code| code.length).collect::<Vec<u8>>());
        let mut frequencies = [0u32; 19];
        for (symbol, _, _) in &runs {
            frequencies[*symbol] += 1;
        }
        let lengths = huffman::best(&frequencies, 7);
        let unused = ORDER.iter().rev().take_while(|symbol| frequencies[**symbol] == 0).count();
        let run_bits = huffman::cost(&lengths, &frequencies)
            + runs.iter().map(|(_, _, count)| usize::from(*count)).sum::<usize>();
        let length_count = (ORDER.len() - unused).max(4);
        Dynamic { literals, distances, literal_count, distance_count, runs, lengths, length_count, run_bits }
    }

    fn header_size(&self) -> usize {
        3 + 5 + 5 + 4 + 3 * self.length_count + self.run_bits
    }

    fn write_header(&self, out: &mut Writer) {
        out.bits(0b100, 3);
        out.bits((self.literal_count - 257) as u16, 5);
        out.bits((self.distance_count - 1) as u16, 5);
        out.bits((self.length_count - 4) as u16, 4);
        for symbol in &ORDER[..self.length_count] {
            out.bits(self.lengths[*symbol].length.into(), 3);
        }
        for (symbol, extra, count) in &self.runs {
            out.code(&self.lengths, *symbol);
            out.bits(*extra, *count);
        }
    }
}

/// Lengths of codes as runs (RFC 1951, section 3.2.7).
fn runs(lengths: &[u8]) -> Vec<(usize, u16, u8)> {
    let mut out = Vec::new();
    for same in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (usize::from(same[0]), same.len());
        if length == 0 {
            while left >= 11 {
                let n = left.min(138);
                out.push((18, (n - 11) as u16, 7));
                left -= n;
            }
            if left >= 3 {
                out.push((17, (left - 3) as u16, 3));
                left = 0;
            }
        } else {
            out.push((length, 0, 0));
            left -= 1;
            while left >= 3 {
                let n = left.min(6);
                out.push((16, (n - 3) as u16, 2));
                left -= n;
            }
        }
        out.extend(std::iter::repeat_n((length, 0, 0), left));
    }
    out
}
