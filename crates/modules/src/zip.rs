//! Reading zip archives: what PKWARE's APPNOTE.TXT calls the central directory, and entries that are stored or deflated.

use crate::fetch::Problem;
use crate::tree::Unpacker;
use flate2::read::DeflateDecoder;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// Length of the end record without its comment, which is at most 64 KiB.
const END_LENGTH: usize = 22;

fn broken(why: &str) -> Problem {
    Problem::new(format!("The archive cannot be read: {why}."))
}

/// Unpacks all entries.
pub(crate) fn unpack(bytes: &[u8], out: &mut Unpacker) -> Result<(), Problem> {
    let lowest = bytes.len().saturating_sub(END_LENGTH + 0xffff);
    let last = bytes.len().saturating_sub(END_LENGTH);
    let end = (lowest..=last).rev().find(|at| bytes[*at..].starts_with(END));
    let end = Fields(end.and_then(|at| bytes.get(at..)).ok_or_else(|| broken("it is no zip archive"))?);
    let (count, start) = (end.u16(10)?, end.u32(16)?);
    if count == 0xffff || start == u32::MAX {
        return Err(broken("it is in the format for very large archives (ZIP64)"));
    }
    let mut rest = bytes.get(start as usize..).ok_or_else(|| broken("it is cut off"))?;
    for _ in 0..count {
        let entry = Entry::read(rest)?;
        rest = rest.get(entry.length..).ok_or_else(|| broken("it is cut off"))?;
        entry.unpack(bytes, out)?;
    }
    Ok(())
}

/// Little-endian fields of a record.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&self, at: usize, length: usize) -> Result<&'a [u8], Problem> {
        let end = at.checked_add(length);
        end.and_then(|end| self.0.get(at..end)).ok_or_else(|| broken("it is cut off"))
    }

    fn u16(&self, at: usize) -> Result<u16, Problem> {
        Ok(self.take(at, 2)?.iter().rev().fold(0, |n, b| n << 8 | u16::from(*b)))
    }

    fn u32(&self, at: usize) -> Result<u32, Problem> {
        Ok(self.take(at, 4)?.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
    }
}

/// An entry of the central directory.
struct Entry {
    name: String,
    method: u16,
    encrypted: bool,
    crc: u32,
    packed: u32,
    /// The permissions and kind of a Unix file.
    mode: Option<u32>,
    /// Where the entry itself is.
    at: u32,
    /// The length of this record.
    length: usize,
}

impl Entry {
    fn read(record: &[u8]) -> Result<Entry, Problem> {
        if !record.starts_with(ENTRY) {
            return Err(broken("its list of entries is damaged"));
        }
        let fields = Fields(record);
        let (name, extra, comment) = (fields.u16(28)?, fields.u16(30)?, fields.u16(32)?);
        let (name, extra, comment) = (usize::from(name), usize::from(extra), usize::from(comment));
        const UNIX: u8 = 3;
        let made_by = fields.take(5, 1)?.first().copied();
        Ok(Entry {
            name: String::from_utf8_lossy(fields.take(46, name)?).replace('\\', "/"),
            method: fields.u16(10)?,
            encrypted: fields.u16(8)? & 1 != 0,
            crc: fields.u32(16)?,
            packed: fields.u32(20)?,
            mode: if made_by == Some(UNIX) { Some(fields.u32(38)? >> 16) } else { None },
            at: fields.u32(42)?,
            length: 46 + name + extra + comment,
        })
    }

    fn unpack(&self, archive: &[u8], out: &mut Unpacker) -> Result<(), Problem> {
        let name = PathBuf::from(&self.name);
        if self.name.ends_with('/') {
            return out.dir(&name);
        }
        if self.encrypted {
            return Err(broken("it is encrypted"));
        }
        let whole = Fields(archive.get(self.at as usize..).ok_or_else(|| broken("it is cut off"))?);
        if !whole.0.starts_with(LOCAL) {
            return Err(broken("an entry of it is damaged"));
        }
        let begin = 30 + usize::from(whole.u16(26)?) + usize::from(whole.u16(28)?);
        let packed = whole.take(begin, self.packed as usize)?;
        let content: Box<dyn Read + '_> = match self.method {
            0 => Box::new(packed),
            8 => Box::new(DeflateDecoder::new(packed)),
            other => return Err(broken(&format!("it uses the method of compression number {other}"))),
        };
        let mut content = Checked { inner: content, crc: crc32fast::Hasher::new(), wanted: self.crc };
        const KIND: u32 = 0o170_000;
        const LINK: u32 = 0o120_000;
        if self.mode.is_some_and(|m| m & KIND == LINK) {
            let mut target = String::new();
            (&mut content).take(4096).read_to_string(&mut target).map_err(|e| broken(&e.to_string()))?;
            return out.link(&name, Path::new(&target));
        }
        out.file(&name, self.mode, &mut content)
    }
}

/// Content whose checksum is looked at where it ends.
struct Checked<'a> {
    inner: Box<dyn Read + 'a>,
    crc: crc32fast::Hasher,
    wanted: u32,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.crc.update(&buffer[..n]);
        if n == 0 && !buffer.is_empty() && self.crc.clone().finalize() != self.wanted {
            return Err(io::Error::other("its checksum is wrong"));
        }
        Ok(n)
    }
}
