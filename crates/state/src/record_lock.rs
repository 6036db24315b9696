//! The kernel's record locks on whole files.
//!
//! Where the system has them, locks that belong to the open file (`F_OFD_SETLK`): the older ones, which belong to the
//! process, vanish as soon as anything in it opens and closes the same file, as `file("terraform.tfstate")` does. Both
//! kinds keep each other out, so Terraform, which takes the older kind, sees ours.

use std::fs::File;
use std::io;

/// Who holds a lock, as far as the system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The process; `None` for a lock that belongs to an open file.
    pub(crate) pid: Option<u32>,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;
    use std::fs::File;

    fn whole(kind: libc::c_int) -> libc::flock {
        libc::flock { l_type: kind as _, l_whence: libc::SEEK_SET as _, l_start: 0, l_len: 0, l_pid: 0 }
    }

    /// Takes or frees the lock.
    fn set(file: &File, kind: libc::c_int) -> Result<(), Errno> {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&whole(kind))) {
            // A system or file system that knows only the older kind.
            Err(Errno::EINVAL) => fcntl(file, FcntlArg::F_SETLK(&whole(kind))),
            other => other,
        }
        .map(|_| ())
    }

    pub(super) fn lock(file: &File) -> Result<(), Errno> {
        set(file, libc::F_WRLCK)
    }

    pub(super) fn unlock(file: &File) -> Result<(), Errno> {
        set(file, libc::F_UNLCK)
    }

    pub(super) fn holder(file: &File) -> Result<Option<super::Holder>, Errno> {
        let mut found = whole(libc::F_WRLCK);
        match fcntl(file, FcntlArg::F_OFD_GETLK(&mut found)) {
            Err(Errno::EINVAL) => fcntl(file, FcntlArg::F_GETLK(&mut found)),
            other => other,
        }?;
        let is_free = libc::c_int::from(found.l_type) == libc::F_UNLCK;
        let pid = u32::try_from(found.l_pid).ok().filter(|pid| *pid != 0);
        Ok((!is_free).then_some(super::Holder { pid }))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;
    use rustix::process::{Flock, FlockType, fcntl_getlk};
    use std::fs::File;

    pub(super) fn lock(file: &File) -> Result<(), Errno> {
        fcntl_lock(file, FlockOperation::NonBlockingLockExclusive)
    }

    pub(super) fn unlock(file: &File) -> Result<(), Errno> {
        fcntl_lock(file, FlockOperation::Unlock)
    }

    pub(super) fn holder(file: &File) -> Result<Option<super::Holder>, Errno> {
        let found = fcntl_getlk(file, &Flock::from(FlockType::WriteLock))?;
        Ok(found.map(|lock| super::Holder {
            pid: lock.pid.and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()),
        }))
    }
}

/// Takes the lock, or says that somebody else has it. The file must be open for writing.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match system::lock(file).map_err(io::Error::from) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::PermissionDenied) => {
            Ok(false)
        }
        Err(e) => Err(e),
    }
}

/// Frees the lock.
pub(crate) fn unlock(file: &File) -> io::Result<()> {
    system::unlock(file).map_err(io::Error::from)
}

/// Who else holds a lock on the file.
pub(crate) fn holder(file: &File) -> io::Result<Option<Holder>> {
    system::holder(file).map_err(io::Error::from)
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_lock_belongs_to_the_open_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let open = || {
            fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).unwrap()
        };
        let ours = open();
        assert!(try_lock(&ours).unwrap());
        assert_eq!(holder(&ours).unwrap(), None);
        // What frees a lock that belongs to the process.
        drop(fs::read(&path).unwrap());
        let other = open();
        assert_eq!(holder(&other).unwrap(), Some(Holder { pid: None }));
        assert!(!try_lock(&other).unwrap());
        unlock(&ours).unwrap();
        assert!(try_lock(&other).unwrap());
    }
}
