//! State in a PostgreSQL database: a row for each instance, so that a large state is never rewritten; one transaction for each
//! group of operations; the intents that are not settled as rows, too.
//!
//! The lock is PostgreSQL's advisory lock on the number that Terraform's table gives the state, as Terraform's own: it is
//! bound to the connection, so it ends with its owner, and a Terraform at work keeps us out, and we it. A state that
//! Terraform wrote is taken over when it is opened; what then stands in its place is refused by Terraform.

mod link;
mod rows;
mod settings;
mod tls;
mod writer;

use formwork_state::store::{Attempt, Codec, Store, Stored, Writer};
use formwork_state::{
    Argument, Backend, Cipher, Clear, Kind, LockInfo, Outside, Remote, Settings, StateError, StoreBackend,
    Wrong,
};
use link::{Link, apart};
use postgres::{Client, Error, IsolationLevel};
use rows::{Failure, MARKER};
use settings::{ARGUMENTS, PgSettings};
use std::sync::Arc;
use std::time::{Duration, Instant};
use writer::PgWriter;

/// The kind of backend, for programs.
pub fn kind() -> Arc<dyn Kind> {
    Arc::new(Pg)
}

struct Pg;

impl Kind for Pg {
    fn name(&self) -> &'static str {
        "pg"
    }

    fn arguments(&self) -> &'static [Argument] {
        &ARGUMENTS
    }

    fn configure(
        &self,
        settings: &Settings,
        outside: &Arc<dyn Outside>,
    ) -> Result<Arc<dyn Remote>, Vec<Wrong>> {
        Ok(Arc::new(Database(PgSettings::new(settings, &**outside)?)))
    }
}

struct Database(PgSettings);

/// What can be said when nothing was changed yet.
pub(crate) const UNCHANGED: &str = "Nothing was changed.";

impl Database {
    fn link(&self, workspace: &str, cipher: Arc<dyn Cipher>) -> Link {
        let place = format!("{}, workspace {workspace}", self.0.shown);
        let codec = Codec::new(&*place, cipher);
        Link { settings: self.0.clone(), place, codec }
    }
}

impl Remote for Database {
    fn state(&self, workspace: &str, cipher: Arc<dyn Cipher>) -> Result<Box<dyn Backend>, StateError> {
        let store = PgStore { link: self.link(workspace, cipher), name: workspace.into() };
        Ok(Box::new(StoreBackend::new(store)))
    }

    fn workspaces(&self) -> Result<Option<Vec<String>>, StateError> {
        let link = self.link("default", Arc::new(Clear));
        let names = apart(|| {
            let mut client = link.connect()?;
            let s = &link.settings.schema;
            if !exists(&mut client, &format!("{s}.states"))? {
                return Ok(Vec::new());
            }
            let rows = client.query(&format!("SELECT name FROM {s}.states WHERE name IS NOT NULL"), &[])?;
            Ok(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>())
        })?;
        let mut names = names.map_err(|e: Error| link.error("list the workspaces", &e, UNCHANGED))?;
        if !names.iter().any(|name| name == "default") {
            names.push("default".into());
        }
        Ok(Some(names))
    }

    fn create(&self, workspace: &str) -> Result<(), StateError> {
        let link = self.link(workspace, Arc::new(Clear));
        let made = apart(|| {
            let mut client = link.prepared()?;
            let s = &link.settings.schema;
            // Not empty, or whoever opens it and does nothing would take it along.
            let sql =
                format!("INSERT INTO {s}.states (name, data) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
            client.execute(&sql, &[&workspace, &MARKER])
        })?;
        made.map(|_| ()).map_err(|e| link.error("create the workspace", &e, UNCHANGED))
    }

    fn delete(&self, workspace: &str) -> Result<(), StateError> {
        let link = self.link(workspace, Arc::new(Clear));
        let done = apart(|| {
            let mut client = link.prepared()?;
            let s = &link.settings.schema;
            let sql = format!(
                "WITH gone AS (DELETE FROM {s}.states WHERE name = $1 RETURNING id)
                 DELETE FROM {s}.formwork_locks l USING gone WHERE l.id = gone.id"
            );
            client.execute(&sql, &[&workspace])
        })?;
        done.map(|_| ()).map_err(|e| link.error("delete the workspace", &e, UNCHANGED))
    }
}

fn exists(client: &mut Client, table: &str) -> Result<bool, Error> {
    Ok(client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table])?.get(0))
}

struct PgStore {
    link: Link,
    name: String,
}

/// Tries something a few times while failures may pass.
fn again<T>(mut work: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut pause = Duration::from_millis(200);
    for _ in 0..5 {
        match work() {
            Err(Failure::Database(error)) if link::passes(&error) => {}
            other => return other,
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
    work()
}

/// Who holds the lock on a state: the server's process, and what it left to read.
struct Owner {
    process: i32,
    info: Option<LockInfo>,
}

fn owner(link: &Link, client: &mut Client, id: i64) -> Result<Option<Owner>, Error> {
    let s = &link.settings.schema;
    let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND ((classid::bigint << 32) | objid::bigint) = $1";
    let Some(row) = client.query_opt(sql, &[&id])? else { return Ok(None) };
    let process: i32 = row.get(0);
    if !link.has_tables(client)? {
        return Ok(Some(Owner { process, info: None }));
    }
    let sql = format!("SELECT info FROM {s}.formwork_locks WHERE id = $1 AND backend = $2");
    let info = client.query_opt(&sql, &[&id, &process])?;
    let info = info.and_then(|row| LockInfo::from_json(row.get::<_, &str>(0).as_bytes()));
    Ok(Some(Owner { process, info }))
}

impl PgStore {
    fn told(&self, action: &'static str, failure: Failure) -> StateError {
        match failure {
            Failure::Database(error) => self.link.error(action, &error, UNCHANGED),
            Failure::State(error) => error,
        }
    }

    fn id(&self, client: &mut Client) -> Result<Option<i64>, Error> {
        let s = &self.link.settings.schema;
        if !exists(client, &format!("{s}.states"))? {
            return Ok(None);
        }
        let row = client.query_opt(&format!("SELECT id FROM {s}.states WHERE name = $1"), &[&self.name])?;
        Ok(row.map(|row| row.get(0)))
    }

    /// One try; the inner error is the owner.
    fn attempt(&self, info: &LockInfo) -> Result<Result<(Client, i64), Option<LockInfo>>, Failure> {
        let s = &self.link.settings.schema;
        let mut client = self.link.prepared()?;
        // A row that is removed meanwhile is made again.
        for _ in 0..20 {
            let sql = format!("INSERT INTO {s}.states (name) VALUES ($1) ON CONFLICT (name) DO NOTHING");
            client.execute(&sql, &[&self.name])?;
            let sql = format!("SELECT id, pg_try_advisory_lock(id) FROM {s}.states WHERE name = $1");
            let Some(row) = client.query_opt(&sql, &[&self.name])? else { continue };
            let (id, taken): (i64, bool) = (row.get(0), row.get(1));
            if !taken {
                return Ok(Err(owner(&self.link, &mut client, id)?.and_then(|o| o.info)));
            }
            let sql = format!("SELECT 1 FROM {s}.states WHERE id = $1 AND name = $2");
            if client.query_opt(&sql, &[&id, &self.name])?.is_none() {
                client.execute("SELECT pg_advisory_unlock($1)", &[&id])?;
                continue;
            }
            let sql = format!(
                "INSERT INTO {s}.formwork_locks (id, backend, info) VALUES ($1, pg_backend_pid(), $2)
                 ON CONFLICT (id) DO UPDATE SET backend = EXCLUDED.backend, info = EXCLUDED.info"
            );
            client.execute(&sql, &[&id, &info.to_json()])?;
            return Ok(Ok((client, id)));
        }
        Ok(Err(None))
    }
}

impl Store for PgStore {
    fn place(&self) -> String {
        self.link.place.clone()
    }

    fn lock_help(&self) -> String {
        "Wait until that run has finished, or let this one wait with -lock-timeout=5m. The lock is bound to its owner's \
         connection: it frees itself when that ends."
            .into()
    }

    fn try_lock(&self, info: &LockInfo) -> Result<Attempt, StateError> {
        let mut cut = false;
        let start = Instant::now();
        loop {
            let outcome = apart(|| self.attempt(info))?;
            match outcome {
                Ok(Ok((client, id))) => {
                    let writer =
                        PgWriter::new(self.link.clone(), self.name.clone(), client, id, Some(info.clone()));
                    return Ok(Attempt::Taken(Box::new(writer)));
                }
                // It may be a connection of ours that was cut, and that the server has yet to notice.
                Ok(Err(owner)) => {
                    let maybe_ours = owner.as_ref().is_none_or(|o| o.id == info.id);
                    if !(cut && maybe_ours && start.elapsed() < Duration::from_secs(20)) {
                        return Ok(Attempt::Held(owner));
                    }
                }
                Err(Failure::Database(error))
                    if link::passes(&error) && start.elapsed() < Duration::from_secs(20) =>
                {
                    cut = true;
                }
                Err(failure) => return Err(self.told("lock the state", failure)),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn unlocked(&self, _: &LockInfo) -> Result<Box<dyn Writer>, StateError> {
        let made = apart(|| {
            again(|| {
                let s = &self.link.settings.schema;
                let mut client = self.link.prepared()?;
                let sql = format!("INSERT INTO {s}.states (name) VALUES ($1) ON CONFLICT (name) DO NOTHING");
                client.execute(&sql, &[&self.name])?;
                let row =
                    client.query_one(&format!("SELECT id FROM {s}.states WHERE name = $1"), &[&self.name])?;
                Ok((client, row.get::<_, i64>(0)))
            })
        })?;
        let (client, id) = made.map_err(|f| self.told("open the state", f))?;
        Ok(Box::new(PgWriter::new(self.link.clone(), self.name.clone(), client, id, None)))
    }

    fn peek(&self) -> Result<Option<Stored>, StateError> {
        let read = apart(|| {
            again(|| {
                let mut client = self.link.connect()?;
                if !exists(&mut client, &format!("{}.states", self.link.settings.schema))? {
                    return Ok(None);
                }
                let has_tables = self.link.has_tables(&mut client)?;
                // All that is read is of the same moment.
                let transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
                let mut transaction = transaction.read_only(true).start()?;
                Ok(rows::read(&self.link, &self.name, &mut transaction, has_tables)?.0)
            })
        })?;
        read.map_err(|f| self.told("read the state", f))
    }

    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError> {
        let found = apart(|| {
            again(|| {
                let mut client = self.link.connect()?;
                let Some(id) = self.id(&mut client)? else { return Ok(None) };
                Ok(owner(&self.link, &mut client, id)?)
            })
        })?;
        found.map(|owner| owner.map(|o| o.info)).map_err(|f| self.told("look at the lock", f))
    }

    fn force_unlock(&self, id: &str) -> Result<(), StateError> {
        let action = "unlock the state";
        let refused = |problem: String| {
            let help =
                "formwork recover says who holds the lock; whoever finds the state locked is told its ID."
                    .into();
            let place = self.link.place.clone();
            Failure::State(StateError::Store { action, place, problem, help, safe: UNCHANGED.into() })
        };
        let done = apart(|| {
            let mut client = self.link.connect()?;
            let owned = match self.id(&mut client)? {
                Some(state) => owner(&self.link, &mut client, state)?.map(|owner| (state, owner)),
                None => None,
            };
            let Some((state, owner)) = owned else {
                return Err(refused("nobody holds the lock, so there is nothing to unlock".into()));
            };
            match &owner.info {
                Some(info) if info.id == id => {}
                Some(info) => return Err(refused(format!("it is locked {info}, which is another lock"))),
                // Terraform's locks have no other ID than the number of the state.
                None if id == state.to_string() => {}
                None => {
                    let problem = format!("another program holds the lock, whose ID is {state}");
                    return Err(refused(problem));
                }
            }
            let s = &self.link.settings.schema;
            // Whoever holds it may come back with another connection: it is refused from now on.
            client.execute(
                &format!("UPDATE {s}.formwork_states SET owner = owner + 1 WHERE id = $1"),
                &[&state],
            )?;
            client.execute(&format!("DELETE FROM {s}.formwork_locks WHERE id = $1"), &[&state])?;
            client.execute("SELECT pg_terminate_backend($1)", &[&owner.process])?;
            let start = Instant::now();
            while owner_is(&self.link, &mut client, state, owner.process)? {
                if start.elapsed() > Duration::from_secs(30) {
                    return Err(refused("the server does not end the connection that holds the lock".into()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        })?;
        done.map_err(|f| self.told(action, f))
    }
}

fn owner_is(link: &Link, client: &mut Client, id: i64, process: i32) -> Result<bool, Error> {
    Ok(owner(link, client, id)?.is_some_and(|owner| owner.process == process))
}
