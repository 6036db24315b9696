//! Reads which revision an etcd database holds, and how many entries.
//!
//! The format is bbolt's (<https://github.com/etcd-io/bbolt>, `page.go`, `meta` and `bucket`): pages of one size; pages 0
//! and 1 are meta pages, of which the valid one with the highest transaction counts; a bucket is a B+ tree of branch and
//! leaf pages, or, when small, a leaf page inside the value that names it. Numbers are in the byte order of the machine
//! that wrote them; only little-endian files are read. The keys of etcd's bucket `key` are revisions: eight bytes of main
//! revision, big-endian, `_`, and eight of sub revision.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// What is in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The revision of the keys: 1 in a database that no key was ever written to.
    pub revision: i64,
    /// Entries of all buckets together, as `etcdctl snapshot status` counts them.
    pub keys: u64,
}

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const HEADER: usize = 16;
const META: usize = 64;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const BUCKET: u32 = 0x01;
/// A tree deeper than this does not fit on any disk.
const DEEPEST: usize = 32;
/// A page with its overflow beyond this is not etcd's: a request has at most a few MiB.
const LARGEST: u64 = 1 << 30;

/// Reads the facts from the first `size` bytes of a file.
pub(crate) fn facts(file: &File, size: u64) -> Result<Facts, String> {
    let database = Database::open(file, size)?;
    let root = Tree::Page(database.root);
    let mut facts = Facts { revision: 1, keys: 0 };
    let mut budget = database.pages;
    let mut buckets = Vec::new();
    database.entries(&root, 0, &mut budget, &mut |name, flags, value| {
        if flags & BUCKET != 0 {
            buckets.push((name.to_vec(), Tree::of(value)?));
        }
        Ok(())
    })?;
    for (name, tree) in &buckets {
        facts.keys += database.count(tree, 0, &mut budget)?;
        match name.as_slice() {
            b"key" => {
                if let Some(last) = database.last(tree)? {
                    facts.revision = facts.revision.max(revision(&last)?);
                }
            }
            // When the last change was a deletion that was compacted away, its revision is only known here.
            b"meta" => database.entries(tree, 0, &mut database.pages.clone(), &mut |key, _, value| {
                if matches!(key, b"scheduledCompactRev" | b"finishedCompactRev") {
                    facts.revision = facts.revision.max(revision(value)?);
                }
                Ok(())
            })?,
            _ => {}
        }
    }
    if !buckets.iter().any(|(name, _)| name == b"key") {
        return Err("it has no bucket named key: it is not etcd's".into());
    }
    Ok(facts)
}

fn revision(bytes: &[u8]) -> Result<i64, String> {
    match bytes.first_chunk::<8>() {
        Some(main) if bytes.get(8) == Some(&b'_') => Ok(i64::from_be_bytes(*main)),
        _ => Err("a key in it is not a revision".into()),
    }
}

/// Where the entries of a bucket are.
enum Tree {
    Page(u64),
    Inline(Vec<u8>),
}

impl Tree {
    /// From the value that stands for a bucket: root page, sequence, and a page if the root is 0.
    fn of(value: &[u8]) -> Result<Self, String> {
        match u64_at(value, 0)? {
            0 => Ok(Tree::Inline(value.get(16..).ok_or_else(short)?.to_vec())),
            root => Ok(Tree::Page(root)),
        }
    }
}

struct Database<'a> {
    file: &'a File,
    size: u64,
    page: u64,
    pages: u64,
    root: u64,
}

fn short() -> String {
    "a page in it points outside of itself".into()
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], String> {
    bytes.get(at..).and_then(<[u8]>::first_chunk::<N>).copied().ok_or_else(short)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, String> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, String> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, String> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}

fn slice(bytes: &[u8], at: usize, len: u32) -> Result<&[u8], String> {
    bytes.get(at..).and_then(|rest| rest.get(..len as usize)).ok_or_else(short)
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl<'a> Database<'a> {
    fn open(file: &'a File, size: u64) -> Result<Self, String> {
        let mut best: Option<(u64, Database<'a>)> = None;
        // The second meta page is one page on, and the page size is only known from a valid one.
        for offset in std::iter::once(0).chain((9..=16).map(|bits| 1 << bits)) {
            let mut bytes = [0; HEADER + META];
            if offset + bytes.len() as u64 > size || file.read_exact_at(&mut bytes, offset).is_err() {
                continue;
            }
            let meta = &bytes[HEADER..];
            if u32_at(meta, 0)?.swap_bytes() == MAGIC {
                return Err("it was written by a machine with the other byte order".into());
            }
            let valid = u32_at(meta, 0)? == MAGIC
                && u32_at(meta, 4)? == VERSION
                && u64_at(meta, META - 8)? == fnv(&meta[..META - 8]);
            let page = u64::from(u32_at(meta, 8)?);
            if !valid || page < 512 || (offset != 0 && offset != page) {
                continue;
            }
            let transaction = u64_at(meta, 48)?;
            if best.as_ref().is_none_or(|(newest, _)| transaction > *newest) {
                let found =
                    Database { file, size, page, pages: size.div_ceil(page), root: u64_at(meta, 16)? };
                best = Some((transaction, found));
            }
        }
        best.map(|(_, database)| database).ok_or_else(|| "neither of its meta pages is valid".into())
    }

    fn read(&self, number: u64, len: u64) -> Result<Vec<u8>, String> {
        let outside = || format!("page {number} is outside of it");
        let at = number
            .checked_mul(self.page)
            .filter(|at| at.checked_add(len).is_some_and(|end| end <= self.size));
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| outside())?];
        self.file
            .read_exact_at(&mut bytes, at.ok_or_else(outside)?)
            .map_err(|error| format!("page {number} cannot be read: {error}"))?;
        Ok(bytes)
    }

    /// A page with its overflow, or only its header.
    fn load(&self, tree: &Tree, whole: bool) -> Result<Vec<u8>, String> {
        let number = match tree {
            Tree::Inline(bytes) => return Ok(bytes.clone()),
            Tree::Page(number) => *number,
        };
        let header = self.read(number, HEADER as u64)?;
        if u64_at(&header, 0)? != number {
            return Err(format!("page {number} has another number"));
        }
        if !whole {
            return Ok(header);
        }
        let len = (u64::from(u32_at(&header, 12)?) + 1) * self.page;
        if len > LARGEST {
            return Err(format!("page {number} is too large"));
        }
        self.read(number, len)
    }

    fn spend(budget: &mut u64, depth: usize) -> Result<(), String> {
        *budget = budget.checked_sub(1).filter(|_| depth < DEEPEST).ok_or("its pages run in a circle")?;
        Ok(())
    }

    fn branches(page: &[u8]) -> Result<Vec<Tree>, String> {
        let count = usize::from(u16_at(page, 10)?);
        (0..count).map(|i| u64_at(page, HEADER + i * 16 + 8).map(Tree::Page)).collect()
    }

    fn leaf(page: &[u8], i: usize) -> Result<(u32, &[u8], &[u8]), String> {
        let at = HEADER + i * 16;
        let (pos, key, value) = (u32_at(page, at + 4)?, u32_at(page, at + 8)?, u32_at(page, at + 12)?);
        let start = at + pos as usize;
        Ok((u32_at(page, at)?, slice(page, start, key)?, slice(page, start + key as usize, value)?))
    }

    fn kind(page: &[u8]) -> Result<u16, String> {
        match u16_at(page, 8)? & (BRANCH | LEAF) {
            kind @ (BRANCH | LEAF) => Ok(kind),
            _ => Err("a page in it is neither branch nor leaf".into()),
        }
    }

    /// Shows each entry of a bucket: key, flags, value.
    fn entries(
        &self,
        tree: &Tree,
        depth: usize,
        budget: &mut u64,
        each: &mut dyn FnMut(&[u8], u32, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        Self::spend(budget, depth)?;
        let page = self.load(tree, true)?;
        if Self::kind(&page)? == BRANCH {
            return Self::branches(&page)?.iter().try_for_each(|b| self.entries(b, depth + 1, budget, each));
        }
        for i in 0..usize::from(u16_at(&page, 10)?) {
            let (flags, key, value) = Self::leaf(&page, i)?;
            each(key, flags, value)?;
        }
        Ok(())
    }

    /// The number of entries; of leaves only the headers are read.
    fn count(&self, tree: &Tree, depth: usize, budget: &mut u64) -> Result<u64, String> {
        if let Tree::Page(_) = tree {
            Self::spend(budget, depth)?;
        }
        let header = self.load(tree, false)?;
        if Self::kind(&header)? == LEAF {
            return Ok(u64::from(u16_at(&header, 10)?));
        }
        let page = self.load(tree, true)?;
        Self::branches(&page)?.iter().try_fold(0, |sum, b| Ok(sum + self.count(b, depth + 1, budget)?))
    }

    /// The greatest key.
    fn last(&self, tree: &Tree) -> Result<Option<Vec<u8>>, String> {
        let mut page = self.load(tree, true)?;
        for _ in 0..DEEPEST {
            let count = usize::from(u16_at(&page, 10)?);
            if Self::kind(&page)? == LEAF {
                let last = count.checked_sub(1).map(|i| Self::leaf(&page, i));
                return Ok(last.transpose()?.map(|(_, key, _)| key.to_vec()));
            }
            let last = Self::branches(&page)?.pop().ok_or("a branch in it is empty")?;
            page = self.load(&last, true)?;
        }
        Err("its pages run in a circle".into())
    }
}

#[cfg(test)]
#[path = "bolt_tests.rs"]
pub(crate) mod tests;
