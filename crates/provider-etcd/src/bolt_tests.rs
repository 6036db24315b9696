//! Databases made by hand, as `page.go` lays them out.

use super::{BRANCH, BUCKET, Facts, HEADER, LEAF, MAGIC, VERSION, facts, fnv};
use std::io::Write;

const PAGE: usize = 4096;

fn page(number: u64, kind: u16, count: usize, body: &[u8]) -> Vec<u8> {
    let mut page = number.to_le_bytes().to_vec();
    page.extend(kind.to_le_bytes());
    page.extend(u16::try_from(count).unwrap().to_le_bytes());
    page.extend(0_u32.to_le_bytes());
    page.extend(body);
    page
}

fn leaf(number: u64, entries: &[(u32, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let (mut elements, mut data) = (Vec::new(), Vec::new());
    for (i, (flags, key, value)) in entries.iter().enumerate() {
        let pos = (entries.len() - i) * 16 + data.len();
        for n in [*flags, pos as u32, key.len() as u32, value.len() as u32] {
            elements.extend(n.to_le_bytes());
        }
        data.extend(key);
        data.extend(value);
    }
    page(number, LEAF, entries.len(), &[elements, data].concat())
}

fn branch(number: u64, children: &[u64]) -> Vec<u8> {
    let body: Vec<u8> = children.iter().flat_map(|child| [[0; 8], child.to_le_bytes()].concat()).collect();
    page(number, BRANCH, children.len(), &body)
}

fn meta(number: u64, transaction: u64, root: u64) -> Vec<u8> {
    let mut meta: Vec<u8> = [MAGIC, VERSION, PAGE as u32, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
    meta.extend([root, 0, 0, 0, transaction].iter().flat_map(|n| n.to_le_bytes()));
    meta.extend(fnv(&meta).to_le_bytes());
    page(number, 0x04, 0, &meta)
}

fn revision(main: i64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &[0; 8]].concat()
}

fn bucket(root: u64, inline: &[u8]) -> Vec<u8> {
    [&root.to_le_bytes()[..], &[0; 8], inline].concat()
}

/// A database with the revisions 2 to `last`, of which `compacted` was compacted.
pub(crate) fn database(last: i64, compacted: i64) -> Vec<u8> {
    let keys: Vec<_> = (2..=last).map(|n| (0, revision(n), b"value".to_vec())).collect();
    let (first, second) = keys.split_at(keys.len() / 2);
    let inline = leaf(0, &[(0, b"finishedCompactRev".to_vec(), revision(compacted))]);
    let root = [(BUCKET, b"key".to_vec(), bucket(3, b"")), (BUCKET, b"meta".to_vec(), bucket(0, &inline))];
    let pages =
        [meta(0, 7, 2), meta(1, 6, 99), leaf(2, &root), branch(3, &[4, 5]), leaf(4, first), leaf(5, second)];
    pages
        .into_iter()
        .flat_map(|mut page| {
            page.resize(PAGE, 0);
            page
        })
        .collect()
}

fn read(bytes: &[u8]) -> Result<Facts, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    facts(&file, bytes.len() as u64)
}

#[test]
fn the_revision_is_that_of_the_last_key_or_of_the_compaction() {
    assert_eq!(read(&database(41, 3)), Ok(Facts { revision: 41, keys: 41 }));
    assert_eq!(read(&database(41, 50)), Ok(Facts { revision: 50, keys: 41 }));
    assert_eq!(read(&database(1, 0)), Ok(Facts { revision: 1, keys: 1 }));
}

#[test]
fn the_newest_valid_meta_page_counts() {
    let mut newer = database(9, 0);
    newer[PAGE..PAGE + HEADER + 64].copy_from_slice(&meta(1, 8, 99));
    assert_eq!(read(&newer), Err("page 99 is outside of it".into()));
    // One that was half written does not.
    newer[PAGE + HEADER + 50] ^= 1;
    assert_eq!(read(&newer), Ok(Facts { revision: 9, keys: 9 }));
    newer[HEADER + 50] ^= 1;
    assert_eq!(read(&newer), Err("neither of its meta pages is valid".into()));
    // Without the first, the page size is found by the place of the second.
    let mut older = database(9, 0);
    older[PAGE..PAGE + HEADER + 64].copy_from_slice(&meta(1, 8, 2));
    older[HEADER] = 0;
    assert_eq!(read(&older), Ok(Facts { revision: 9, keys: 9 }));
}

#[test]
fn damage_is_an_error_and_not_a_panic() {
    let mut circle = database(9, 0);
    circle[3 * PAGE..3 * PAGE + HEADER + 32].copy_from_slice(&branch(3, &[3, 3]));
    assert_eq!(read(&circle), Err("its pages run in a circle".into()));
    let whole = database(9, 0);
    assert!(read(&whole[..4 * PAGE]).is_err());
    assert!(read(&[]).is_err());
    for at in 2 * PAGE..whole.len() {
        for bit in [0x01, 0x80] {
            // Unused bytes and values may change; what counts is that it ends.
            let mut bytes = whole.clone();
            bytes[at] ^= bit;
            if at % PAGE < 256 {
                let _ = read(&bytes);
            }
        }
    }
}
