//! State in a bucket of S3, or of a store that speaks its protocol and knows conditional writes.
//!
//! The snapshot is where Terraform has it, and so is the lock (`use_lockfile`). The journal is beside it, one conditional
//! write for each group of operations. A lock has a lease, so that a killed owner blocks nobody for long, and every
//! opening a fencing token, so that a writer that was presumed dead and wakes up is refused.

mod bucket;
mod conditions;
mod journal;
mod lock;
mod settings;
mod writer;

use bucket::Bucket;
use formwork_aws_keys::{Account, Key, World};
use formwork_state::store::{Attempt, Codec, Store, Stored, Writer};
use formwork_state::{
    Argument, Backend, Cipher, Kind, LockInfo, Outside, Remote, Settings, StateError, StoreBackend, Wrong,
};
use lock::Lease;
use settings::{ARGUMENTS, S3Settings};
use std::path::PathBuf;
use std::sync::Arc;
use writer::S3Writer;

/// Asks for a key whatever gives keys out: see [`World::ask`].
pub type Ask = fn(&Account) -> Option<Result<Key, String>>;

/// The kind of backend, for programs, with what asks for keys that stand nowhere.
pub fn kind(ask: Ask) -> Arc<dyn Kind> {
    Arc::new(S3 { ask })
}

struct S3 {
    ask: Ask,
}

/// What backends ask of the program, and how keys are asked for.
struct Around {
    outside: Arc<dyn Outside>,
    ask: Ask,
}

impl World for Around {
    fn variable(&self, name: &str) -> Option<String> {
        self.outside.variable(name)
    }

    fn home(&self) -> Option<PathBuf> {
        self.outside.home()
    }

    fn unix_time(&self) -> i64 {
        self.outside.unix_time()
    }

    fn ask(&self, account: &Account) -> Option<Result<Key, String>> {
        (self.ask)(account)
    }
}

impl Kind for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn arguments(&self) -> &'static [Argument] {
        &ARGUMENTS
    }

    fn configure(
        &self,
        settings: &Settings,
        outside: &Arc<dyn Outside>,
    ) -> Result<Arc<dyn Remote>, Vec<Wrong>> {
        let world: Arc<dyn World> = Arc::new(Around { outside: outside.clone(), ask: self.ask });
        let settings = S3Settings::new(settings, &world)?;
        Ok(Arc::new(States(Arc::new(Bucket::new(settings, outside.clone())))))
    }
}

/// The states of all workspaces.
struct States(Arc<Bucket>);

impl States {
    /// Where the state of a workspace is.
    fn key(&self, workspace: &str) -> String {
        let settings = &self.0.settings;
        match workspace {
            "default" => settings.key.clone(),
            other => format!("{}/{other}/{}", settings.prefix, settings.key),
        }
    }
}

impl Remote for States {
    fn state(&self, workspace: &str, cipher: Arc<dyn Cipher>) -> Result<Box<dyn Backend>, StateError> {
        let key = self.key(workspace);
        let codec = Codec::new(self.0.place(&key), cipher);
        Ok(Box::new(StoreBackend::new(S3Store { bucket: self.0.clone(), key, codec })))
    }

    fn workspaces(&self) -> Result<Option<Vec<String>>, StateError> {
        let settings = &self.0.settings;
        let prefix = format!("{}/", settings.prefix);
        let mut names = vec!["default".to_owned()];
        for key in self.0.list("list the workspaces", &prefix)? {
            let Some((name, rest)) = key.strip_prefix(&prefix).and_then(|k| k.split_once('/')) else {
                continue;
            };
            let is_state =
                rest == settings.key || rest == format!("{}journal", journal::folder(&settings.key));
            if is_state && !names.iter().any(|n| n == name) {
                names.push(name.into());
            }
        }
        Ok(Some(names))
    }

    /// A journal without records says that there is one.
    fn create(&self, workspace: &str) -> Result<(), StateError> {
        journal::Journal::read(&self.0, &self.key(workspace))?.claim().map(|_| ())
    }

    fn delete(&self, workspace: &str) -> Result<(), StateError> {
        let action = "delete the workspace";
        let key = self.key(workspace);
        // First the state, so that what is left after a cut is a workspace without one.
        self.0.delete(action, &key)?;
        for part in self.0.list(action, &journal::folder(&key))? {
            self.0.delete(action, &part)?;
        }
        Ok(())
    }
}

struct S3Store {
    bucket: Arc<Bucket>,
    key: String,
    codec: Codec,
}

impl S3Store {
    fn writer(&self, lease: Option<Lease>) -> Box<dyn Writer> {
        Box::new(S3Writer::new(self.bucket.clone(), self.key.clone(), self.codec.clone(), lease))
    }
}

impl Store for S3Store {
    fn place(&self) -> String {
        self.bucket.place(&self.key)
    }

    fn lock_help(&self) -> String {
        "Wait until that run has finished, or let this one wait with -lock-timeout=5m. A lock of Formwork's frees itself within a \
         minute after its owner ended; one of Terraform's stays until formwork force-unlock and its ID free it."
            .into()
    }

    fn try_lock(&self, info: &LockInfo) -> Result<Attempt, StateError> {
        if !self.bucket.settings.locks {
            return Ok(Attempt::Taken(self.unlocked(info)?));
        }
        Ok(match Lease::take(&self.bucket, &self.key, info)? {
            Ok(lease) => Attempt::Taken(self.writer(Some(lease))),
            Err(owner) => Attempt::Held(owner),
        })
    }

    fn unlocked(&self, _: &LockInfo) -> Result<Box<dyn Writer>, StateError> {
        Ok(self.writer(None))
    }

    fn peek(&self) -> Result<Option<Stored>, StateError> {
        writer::peek(&self.bucket, &self.key, &self.codec)
    }

    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError> {
        let found = lock::holder(&self.bucket, &self.key)?;
        Ok(found.filter(|found| !found.is_over()).map(|found| Some(found.info())))
    }

    fn force_unlock(&self, id: &str) -> Result<(), StateError> {
        let action = "unlock the state";
        let problem = match lock::holder(&self.bucket, &self.key)?.map(lock::Found::info) {
            Some(info) if info.id == id => {
                return self.bucket.delete(action, &lock::key(&self.key));
            }
            Some(info) => format!("it is locked {info}, which is another lock"),
            None => "nobody holds the lock, so there is nothing to unlock".into(),
        };
        let help = "Whoever finds the state locked is told the ID of the lock.".into();
        Err(StateError::Store {
            action,
            place: self.place(),
            problem,
            help,
            safe: "Nothing was changed.".into(),
        })
    }
}
