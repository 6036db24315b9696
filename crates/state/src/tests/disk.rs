//! What the crate takes for `std::fs` in its tests: the real one, and simulated disks under paths of their own.
//!
//! A simulated disk remembers what each file and folder was when it was last synced, and everything since. When its
//! power is cut, any of that may be gone: of each block of each file, whichever of its versions since then is taken; of each
//! file, whichever length; of the creations, renames and removals in a folder, any subset, each as a whole.

use super::seeded::Random;
use std::collections::BTreeMap;
use std::fs as real;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// Where simulated disks are: `/simulated disks/7`.
const MOUNTS: &str = "/simulated disks";

static DISKS: Mutex<BTreeMap<u64, Arc<Mutex<Disk>>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What a disk says that it did and did not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lie {
    /// The content of files is synced.
    Content,
    /// The entries of folders are synced.
    Folders,
}

#[derive(Clone, Default)]
struct Inode {
    data: Vec<u8>,
    durable: Vec<u8>,
    /// The content after each change since the last sync.
    since: Vec<Vec<u8>>,
    is_folder: bool,
    locked_by: Option<u64>,
    modified: u64,
}

/// A change of folders: names that lead somewhere else now, or nowhere. It happens as a whole or not at all.
#[derive(Clone)]
struct Change(Vec<(PathBuf, Option<u64>)>);

struct Disk {
    number: u64,
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable: BTreeMap<PathBuf, u64>,
    since: Vec<Change>,
    next: u64,
    on: bool,
    /// After so many changes the disk stops.
    fuse: Option<usize>,
    lie: Option<Lie>,
    /// Done once, while the next sync of a file is under way.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

fn stopped() -> io::Error {
    io::Error::other("the disk has no power")
}

impl Disk {
    fn get(&self, path: &Path) -> io::Result<u64> {
        if !self.on {
            return Err(stopped());
        }
        self.names.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Counts a change; the last one that counts may happen or not.
    fn change(&mut self) -> io::Result<bool> {
        if !self.on {
            return Err(stopped());
        }
        match &mut self.fuse {
            Some(0) => {
                self.on = false;
                Ok(true)
            }
            Some(left) => {
                *left -= 1;
                Ok(false)
            }
            None => Ok(false),
        }
    }

    fn rename_all(&mut self, change: Change) -> io::Result<()> {
        let last = self.change()?;
        apply(&mut self.names, &change);
        self.since.push(change);
        if last { Err(stopped()) } else { Ok(()) }
    }

    fn write(&mut self, inode: u64, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let last = self.change()?;
        self.next += 1;
        let now = self.next;
        let inode = self.inodes.get_mut(&inode).ok_or_else(stopped)?;
        write(&mut inode.data);
        inode.modified = now;
        inode.since.push(inode.data.clone());
        if last { Err(stopped()) } else { Ok(()) }
    }

    fn sync_folder(&mut self, folder: &Path) {
        let (of_it, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.since)
            .into_iter()
            .partition(|c| c.0.iter().any(|(path, _)| path.parent() == Some(folder)));
        of_it.iter().for_each(|c| apply(&mut self.durable, c));
        self.since = rest;
    }

    fn make(&mut self, path: &Path, is_folder: bool) -> io::Result<u64> {
        match path.parent().and_then(|folder| self.names.get(folder)) {
            Some(folder) if self.inodes[folder].is_folder => {}
            _ => return Err(ErrorKind::NotFound.into()),
        }
        self.next += 1;
        let number = self.next;
        self.inodes.insert(number, Inode { is_folder, modified: number, ..Inode::default() });
        self.rename_all(Change(vec![(path.into(), Some(number))]))?;
        Ok(number)
    }

    /// What is on the disk after its power was cut.
    fn settle(&mut self, random: &mut Random) {
        let block = [16, 64, 512, 4096][random.below(4)];
        let mode = random.below(5);
        for inode in self.inodes.values_mut() {
            let versions: Vec<&Vec<u8>> = std::iter::once(&inode.durable).chain(&inode.since).collect();
            let last = versions.len() - 1;
            let prefix = random.below(versions.len());
            let pick = |random: &mut Random| match mode {
                0 => 0,
                1 => last,
                2 => prefix,
                // The next one is torn.
                3 => (prefix + random.below(2)).min(last),
                _ => random.below(last + 1),
            };
            let length = versions[pick(random)].len();
            let mut data = vec![0; length];
            for start in (0..length).step_by(block) {
                let end = (start + block).min(length);
                let version = versions[pick(random)];
                // What is missing is zeroes.
                let there = version.get(start..version.len().min(end)).unwrap_or_default();
                data[start..start + there.len()].copy_from_slice(there);
            }
            inode.data = data.clone();
            inode.durable = data;
            inode.since.clear();
        }
        let mode = random.below(4);
        let prefix = random.below(self.since.len() + 1);
        for (i, change) in std::mem::take(&mut self.since).iter().enumerate() {
            let kept = match mode {
                0 => false,
                1 => true,
                2 => i < prefix,
                _ => random.one_in(2),
            };
            if kept {
                apply(&mut self.durable, change);
            }
        }
        self.names = self.durable.clone();
        let lost = |names: &BTreeMap<PathBuf, u64>, path: &PathBuf| {
            path.ancestors()
                .skip(1)
                .take_while(|p| p.starts_with(MOUNTS) && *p != Path::new(MOUNTS))
                .any(|p| !names.contains_key(p))
        };
        // A name in a folder that is lost leads nowhere.
        let gone: Vec<PathBuf> = self.names.keys().filter(|p| lost(&self.names, p)).cloned().collect();
        for path in gone {
            self.names.remove(&path);
            self.durable.remove(&path);
        }
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, change: &Change) {
    for (path, inode) in &change.0 {
        match inode {
            Some(inode) => names.insert(path.clone(), *inode),
            None => names.remove(path),
        };
    }
}

/// A simulated disk, there until this is dropped.
pub(super) struct Simulated {
    number: u64,
    disk: Arc<Mutex<Disk>>,
}

impl Simulated {
    pub(super) fn new(lie: Option<Lie>) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = Path::new(MOUNTS).join(number.to_string());
        let mut disk = Disk {
            number,
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            since: Vec::new(),
            next: 1,
            on: true,
            fuse: None,
            lie,
            meanwhile: None,
        };
        disk.inodes.insert(1, Inode { is_folder: true, ..Inode::default() });
        disk.names.insert(root.clone(), 1);
        disk.durable.insert(root, 1);
        let disk = Arc::new(Mutex::new(disk));
        DISKS.lock().unwrap().insert(number, disk.clone());
        Simulated { number, disk }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        Path::new(MOUNTS).join(self.number.to_string()).join(name)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// The disk stops at the change behind the next `changes`.
    pub(super) fn stop_after(&self, changes: usize) {
        self.disk().fuse = Some(changes);
    }

    /// Whether it still runs.
    pub(super) fn is_on(&self) -> bool {
        self.disk().on
    }

    /// Does something while the next sync of a file is under way.
    pub(super) fn meanwhile(&self, work: impl FnOnce() + Send + 'static) {
        self.disk().meanwhile = Some(Box::new(work));
    }

    /// What was to be done meanwhile, if no file was synced.
    pub(super) fn left_over(&self) -> Option<Box<dyn FnOnce() + Send>> {
        self.disk().meanwhile.take()
    }

    /// The process died, and nothing else: what was written is there. All handles must be gone.
    pub(super) fn process_died(&self) {
        let mut disk = self.disk();
        (disk.on, disk.fuse, disk.meanwhile) = (true, None, None);
        disk.inodes.values_mut().for_each(|inode| inode.locked_by = None);
    }

    /// The power failed and is back: of what was not synced, anything may be there. All handles must be gone.
    pub(super) fn power_failed(&self, random: &mut Random) {
        self.process_died();
        self.disk().settle(random);
    }

    /// Names and contents of the files in the folder of the disk.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let disk = self.disk();
        let root = self.path("");
        let name = |path: &Path| path.strip_prefix(&root).ok()?.to_str().map(str::to_owned);
        disk.names
            .iter()
            .filter(|(_, inode)| !disk.inodes[inode].is_folder)
            .filter_map(|(path, inode)| Some((name(path)?, disk.inodes[inode].data.clone())))
            .collect()
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        DISKS.lock().unwrap().remove(&self.number);
    }
}

/// The simulated disk that a path leads to.
fn simulated(path: &Path) -> Option<Arc<Mutex<Disk>>> {
    let number = path.strip_prefix(MOUNTS).ok()?.components().next()?.as_os_str().to_str()?.parse().ok()?;
    DISKS.lock().unwrap().get(&number).cloned()
}

/// An open file or folder of a simulated disk.
pub(crate) struct Handle {
    disk: Arc<Mutex<Disk>>,
    inode: u64,
    id: u64,
    folder: Option<PathBuf>,
    position: u64,
}

impl Handle {
    fn with<T>(&self, work: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk.lock().unwrap();
        if disk.on { work(&mut disk) } else { Err(stopped()) }
    }

    fn sync(&self) -> io::Result<()> {
        // What is written from here on is not what this sync is about.
        let (before, meanwhile) = self.with(|disk| {
            let inode = disk.inodes.get(&self.inode).ok_or_else(stopped)?;
            let before = (inode.data.clone(), inode.since.len());
            Ok((before, if self.folder.is_none() { disk.meanwhile.take() } else { None }))
        })?;
        if let Some(work) = meanwhile {
            work();
        }
        self.with(|disk| {
            if disk.change()? {
                return Err(stopped());
            }
            match &self.folder {
                Some(folder) if disk.lie != Some(Lie::Folders) => disk.sync_folder(folder),
                None if disk.lie != Some(Lie::Content) => {
                    let inode = disk.inodes.get_mut(&self.inode).ok_or_else(stopped)?;
                    inode.durable = before.0;
                    inode.since.drain(..before.1);
                }
                _ => {}
            }
            Ok(())
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut disk = self.disk.lock().unwrap();
        if let Some(inode) = disk.inodes.get_mut(&self.inode)
            && inode.locked_by == Some(self.id)
        {
            inode.locked_by = None;
        }
    }
}

/// `std::fs::File`.
pub(crate) enum File {
    Real(real::File),
    Simulated(Handle),
}

impl File {
    pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            File::Real(file) => file.metadata().map(Metadata::Real),
            File::Simulated(handle) => handle.with(|disk| Ok(facts(disk, handle.inode))),
        }
    }

    pub(crate) fn set_permissions(&self, permissions: real::Permissions) -> io::Result<()> {
        match self {
            File::Real(file) => file.set_permissions(permissions),
            File::Simulated(_) => Ok(()),
        }
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        match self {
            File::Real(file) => file.set_len(length),
            File::Simulated(h) => h.with(|disk| disk.write(h.inode, |data| data.resize(length as usize, 0))),
        }
    }

    pub(crate) fn sync_data(&self) -> io::Result<()> {
        match self {
            File::Real(file) => file.sync_data(),
            File::Simulated(handle) => handle.sync(),
        }
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        match self {
            File::Real(file) => file.sync_all(),
            File::Simulated(handle) => handle.sync(),
        }
    }
}

impl File {
    pub(crate) fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        match self {
            File::Real(file) => file.set_modified(time),
            File::Simulated(handle) => handle.with(|disk| {
                let since = time.duration_since(SystemTime::UNIX_EPOCH).map_err(io::Error::other)?;
                let inode = disk.inodes.get_mut(&handle.inode).ok_or_else(stopped)?;
                inode.modified = u64::try_from(since.as_nanos()).map_err(io::Error::other)?;
                Ok(())
            }),
        }
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            File::Real(file) => file.write(bytes),
            File::Simulated(handle) => {
                let position = handle.position;
                handle.with(|disk| disk.write(handle.inode, |data| put(data, bytes, position)))?;
                handle.position += bytes.len() as u64;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn put(data: &mut Vec<u8>, bytes: &[u8], at: u64) {
    let (start, end) = (at as usize, at as usize + bytes.len());
    data.resize(data.len().max(end), 0);
    data[start..end].copy_from_slice(bytes);
}

/// `std::os::unix::fs::FileExt`.
pub(crate) trait FileExt {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize>;
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
}

impl FileExt for File {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            File::Real(file) => file.read_at(bytes, at),
            File::Simulated(handle) => handle.with(|disk| {
                let data = disk.inodes[&handle.inode].data.get(at as usize..).unwrap_or_default();
                let length = data.len().min(bytes.len());
                bytes[..length].copy_from_slice(&data[..length]);
                Ok(length)
            }),
        }
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        match self {
            File::Real(file) => file.write_all_at(bytes, at),
            File::Simulated(h) => h.with(|disk| disk.write(h.inode, |data| put(data, bytes, at))),
        }
    }
}

/// `std::fs::OpenOptions`.
pub(crate) struct OpenOptions {
    real: real::OpenOptions,
    create: bool,
    create_new: bool,
    truncate: bool,
}

impl OpenOptions {
    pub(crate) fn new() -> Self {
        OpenOptions { real: real::OpenOptions::new(), create: false, create_new: false, truncate: false }
    }

    pub(crate) fn read(&mut self, on: bool) -> &mut Self {
        self.real.read(on);
        self
    }

    pub(crate) fn write(&mut self, on: bool) -> &mut Self {
        self.real.write(on);
        self
    }

    pub(crate) fn create(&mut self, on: bool) -> &mut Self {
        self.real.create(on);
        self.create = on;
        self
    }

    pub(crate) fn create_new(&mut self, on: bool) -> &mut Self {
        self.real.create_new(on);
        self.create_new = on;
        self
    }

    pub(crate) fn truncate(&mut self, on: bool) -> &mut Self {
        self.real.truncate(on);
        self.truncate = on;
        self
    }

    pub(crate) fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        let Some(shared) = simulated(path) else { return self.real.open(path).map(File::Real) };
        let mut disk = shared.lock().unwrap();
        let inode = match disk.get(path) {
            Ok(_) if self.create_new => return Err(ErrorKind::AlreadyExists.into()),
            Ok(inode) if self.truncate => disk.write(inode, Vec::clear).map(|()| inode)?,
            Ok(inode) => inode,
            Err(e) if e.kind() == ErrorKind::NotFound && (self.create || self.create_new) => {
                disk.make(path, false)?
            }
            Err(e) => return Err(e),
        };
        disk.next += 1;
        let folder = disk.inodes[&inode].is_folder.then(|| path.to_owned());
        let id = disk.next;
        drop(disk);
        Ok(File::Simulated(Handle { disk: shared, inode, id, folder, position: 0 }))
    }
}

/// `std::os::unix::fs::OpenOptionsExt`.
pub(crate) trait OpenOptionsExt {
    fn mode(&mut self, mode: u32) -> &mut Self;
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.real.mode(mode);
        self
    }
}

/// `std::fs::Metadata`.
pub(crate) enum Metadata {
    Real(real::Metadata),
    Simulated { disk: u64, inode: u64, length: u64, is_folder: bool, modified: u64 },
}

fn facts(disk: &Disk, inode: u64) -> Metadata {
    let Inode { data, is_folder, modified, .. } = &disk.inodes[&inode];
    let length = data.len() as u64;
    Metadata::Simulated { disk: disk.number, inode, length, is_folder: *is_folder, modified: *modified }
}

impl Metadata {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Metadata::Real(metadata) => metadata.len(),
            Metadata::Simulated { length, .. } => *length,
        }
    }

    pub(crate) fn is_dir(&self) -> bool {
        match self {
            Metadata::Real(metadata) => metadata.is_dir(),
            Metadata::Simulated { is_folder, .. } => *is_folder,
        }
    }

    pub(crate) fn modified(&self) -> io::Result<SystemTime> {
        match self {
            Metadata::Real(metadata) => metadata.modified(),
            Metadata::Simulated { modified, .. } => {
                Ok(SystemTime::UNIX_EPOCH + Duration::from_nanos(*modified))
            }
        }
    }

    pub(crate) fn permissions(&self) -> real::Permissions {
        match self {
            Metadata::Real(metadata) => metadata.permissions(),
            Metadata::Simulated { .. } => real::Permissions::from_mode(0o600),
        }
    }
}

/// `std::os::unix::fs::MetadataExt`.
pub(crate) trait MetadataExt {
    fn dev(&self) -> u64;
    fn ino(&self) -> u64;
    fn size(&self) -> u64;
    fn mtime_nsec(&self) -> i64;
}

impl MetadataExt for Metadata {
    fn dev(&self) -> u64 {
        match self {
            Metadata::Real(metadata) => metadata.dev(),
            // No device of the system has such a number.
            Metadata::Simulated { disk, .. } => u64::MAX - disk,
        }
    }

    fn ino(&self) -> u64 {
        match self {
            Metadata::Real(metadata) => metadata.ino(),
            Metadata::Simulated { inode, .. } => *inode,
        }
    }

    fn size(&self) -> u64 {
        self.len()
    }

    fn mtime_nsec(&self) -> i64 {
        match self {
            Metadata::Real(metadata) => metadata.mtime_nsec(),
            Metadata::Simulated { modified, .. } => *modified as i64,
        }
    }
}

/// `std::fs::DirBuilder`.
pub(crate) struct DirBuilder(real::DirBuilder);

/// `std::os::unix::fs::DirBuilderExt`.
pub(crate) trait DirBuilderExt {
    fn mode(&mut self, mode: u32) -> &mut Self;
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.0.mode(mode);
        self
    }
}

impl DirBuilder {
    pub(crate) fn new() -> Self {
        DirBuilder(real::DirBuilder::new())
    }

    pub(crate) fn recursive(&mut self, on: bool) -> &mut Self {
        self.0.recursive(on);
        self
    }

    pub(crate) fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let Some(disk) = simulated(path) else { return self.0.create(path) };
        let mut disk = disk.lock().unwrap();
        match disk.get(path) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => disk.make(path, true).map(|_| ()),
            Err(e) => Err(e),
        }
    }
}

/// `std::fs::DirEntry`.
pub(crate) struct DirEntry(PathBuf);

impl DirEntry {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.clone()
    }

    pub(crate) fn file_name(&self) -> std::ffi::OsString {
        self.0.file_name().unwrap_or_default().to_owned()
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        symlink_metadata(&self.0)
    }
}

pub(crate) fn read_dir(path: impl AsRef<Path>) -> io::Result<std::vec::IntoIter<io::Result<DirEntry>>> {
    let path = path.as_ref();
    let entries: Vec<_> = match simulated(path) {
        None => real::read_dir(path)?.map(|e| e.map(|e| DirEntry(e.path()))).collect(),
        Some(disk) => {
            let disk = disk.lock().unwrap();
            disk.get(path)?;
            disk.names.keys().filter(|p| p.parent() == Some(path)).map(|p| Ok(DirEntry(p.clone()))).collect()
        }
    };
    Ok(entries.into_iter())
}

pub(crate) fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    match simulated(path) {
        None => real::metadata(path).map(Metadata::Real),
        Some(disk) => {
            let disk = disk.lock().unwrap();
            disk.get(path).map(|inode| facts(&disk, inode))
        }
    }
}

pub(crate) fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    match simulated(path) {
        None => real::symlink_metadata(path).map(Metadata::Real),
        Some(_) => metadata(path),
    }
}

pub(crate) fn exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    match simulated(path) {
        None => real::read(path),
        Some(disk) => {
            let disk = disk.lock().unwrap();
            disk.get(path).map(|inode| disk.inodes[&inode].data.clone())
        }
    }
}

pub(crate) fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    let Some(disk) = simulated(path) else { return real::remove_file(path) };
    let mut disk = disk.lock().unwrap();
    disk.get(path)?;
    disk.rename_all(Change(vec![(path.into(), None)]))
}

pub(crate) fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let Some(disk) = simulated(from) else { return real::rename(from, to) };
    let mut disk = disk.lock().unwrap();
    let inode = disk.get(from)?;
    disk.rename_all(Change(vec![(from.into(), None), (to.into(), Some(inode))]))
}

pub(crate) fn hard_link(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let Some(disk) = simulated(from) else { return real::hard_link(from, to) };
    let mut disk = disk.lock().unwrap();
    let inode = disk.get(from)?;
    disk.rename_all(Change(vec![(to.into(), Some(inode))]))
}

pub(crate) fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    // Only where links cannot be made, which simulated disks can.
    real::copy(from, to)
}

/// The locks of files, simulated ones included.
pub(crate) mod record_lock {
    use super::File;
    use crate::record_lock::{self as real, Holder};
    use std::io;

    pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
        match file {
            File::Real(file) => real::try_lock(file),
            File::Simulated(handle) => handle.with(|disk| {
                let inode = disk.inodes.get_mut(&handle.inode).ok_or_else(super::stopped)?;
                Ok(*inode.locked_by.get_or_insert(handle.id) == handle.id)
            }),
        }
    }

    pub(crate) fn unlock(file: &File) -> io::Result<()> {
        match file {
            File::Real(file) => real::unlock(file),
            File::Simulated(handle) => handle.with(|disk| {
                if let Some(inode) = disk.inodes.get_mut(&handle.inode)
                    && inode.locked_by == Some(handle.id)
                {
                    inode.locked_by = None;
                }
                Ok(())
            }),
        }
    }

    pub(crate) fn holder(file: &File) -> io::Result<Option<Holder>> {
        match file {
            File::Real(file) => real::holder(file),
            File::Simulated(handle) => handle.with(|disk| {
                let other = disk.inodes[&handle.inode].locked_by.filter(|id| *id != handle.id);
                Ok(other.map(|_| Holder { pid: None }))
            }),
        }
    }
}
