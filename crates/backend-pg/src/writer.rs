//! Who writes a state: a connection that holds the lock.

use crate::link::{Link, apart, passes};
use crate::rows::{self, Failure, Writing};
use formwork_state::store::{Fold, Group, Stored, Writer};
use formwork_state::{LockInfo, StateError};
use postgres::{Client, Error};
use std::time::{Duration, Instant};

/// How long a connection is tried to be had again.
const PATIENCE: Duration = Duration::from_secs(40);
/// What holds when a write failed.
const MAYBE: &str = "The database has either all of it or nothing.";

pub(crate) struct PgWriter {
    link: Link,
    name: String,
    client: Option<Client>,
    id: i64,
    /// Who we are, as long as we hold the lock.
    lock: Option<LockInfo>,
    /// What we write under.
    owner: i64,
    /// How often we have written.
    step: i64,
    /// Whether the last writing got through is not known: that is found out before anything else is written.
    unsure: bool,
}

/// What became of one try.
enum Tried {
    Written,
    /// The row is not as we left it: who writes it, and how often that was done.
    Other(Option<(i64, i64)>),
}

impl PgWriter {
    pub(crate) fn new(link: Link, name: String, client: Client, id: i64, lock: Option<LockInfo>) -> Self {
        PgWriter { link, name, client: Some(client), id, lock, owner: 0, step: 0, unsure: false }
    }

    fn superseded(&self, problem: &str) -> StateError {
        StateError::Superseded { place: self.link.place.clone(), problem: problem.into() }
    }

    /// Has a connection again after one was lost, and the lock with it.
    fn reconnect(&mut self) -> Result<(), Failure> {
        self.client = None;
        let start = Instant::now();
        loop {
            match self.relock() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Failure::Database(error)) if passes(&error) && start.elapsed() < PATIENCE => {}
                Err(failure) => return Err(failure),
            }
            if start.elapsed() > PATIENCE {
                return Err(Failure::State(
                    self.superseded("the connection was lost, and another one holds the lock now"),
                ));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Whether the lock is ours again, on a new connection.
    fn relock(&mut self) -> Result<bool, Failure> {
        let s = &self.link.settings.schema;
        let mut client = self.link.connect()?;
        if let Some(info) = &self.lock {
            let taken: bool = client.query_one("SELECT pg_try_advisory_lock($1)", &[&self.id])?.get(0);
            let sql = format!("SELECT info, backend FROM {s}.formwork_locks WHERE id = $1");
            let row = client.query_opt(&sql, &[&self.id])?;
            let left = row.as_ref().and_then(|row| LockInfo::from_json(row.get::<_, &str>(0).as_bytes()));
            if left.is_none_or(|left| left.id != info.id) {
                return Err(Failure::State(
                    self.superseded(
                        "the connection was lost, and its lock was freed or taken by another run",
                    ),
                ));
            }
            if !taken {
                // Our own connection, which the server has not given up yet.
                if let Some(row) = row {
                    client.execute("SELECT pg_terminate_backend($1)", &[&row.get::<_, i32>(1)])?;
                }
                return Ok(false);
            }
            let sql = format!("UPDATE {s}.formwork_locks SET backend = pg_backend_pid() WHERE id = $1");
            client.execute(&sql, &[&self.id])?;
        }
        self.client = Some(client);
        Ok(true)
    }

    fn attempt(&mut self, writing: &Writing) -> Result<Tried, Error> {
        let s = &self.link.settings.schema;
        // Without a connection, whoever calls has one made.
        let Some(client) = &mut self.client else { return Ok(Tried::Other(None)) };
        let mut transaction = client.transaction()?;
        let sql = format!(
            "UPDATE {s}.formwork_states SET step = step + 1 WHERE id = $1 AND owner = $2 AND step = $3"
        );
        if transaction.execute(&sql, &[&self.id, &self.owner, &self.step])? == 0 {
            let sql = format!("SELECT owner, step FROM {s}.formwork_states WHERE id = $1");
            let row = transaction.query_opt(&sql, &[&self.id])?;
            return Ok(Tried::Other(row.map(|row| (row.get(0), row.get(1)))));
        }
        writing.write(&self.link, self.id, &mut transaction)?;
        transaction.commit()?;
        Ok(Tried::Written)
    }

    /// Does something on a connection, again on another after failures that may pass.
    fn patiently<T>(&mut self, work: impl Fn(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            let connected = if self.client.is_none() { self.reconnect() } else { Ok(()) };
            match connected.and_then(|()| work(self)) {
                Err(Failure::Database(error)) if passes(&error) => {
                    self.client = None;
                    if start.elapsed() >= PATIENCE {
                        return Err(Failure::Database(error));
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                outcome => return outcome,
            }
        }
    }

    /// Writes in one transaction, once, whatever becomes of the connection meanwhile.
    fn transact(&mut self, writing: &Writing) -> Result<(), Failure> {
        if self.unsure {
            self.patiently(Self::settle)?;
        }
        self.patiently(|writer| match writer.attempt(writing) {
            Ok(Tried::Written) => Ok(()),
            // The answer to the commit was lost on its way.
            Ok(Tried::Other(Some(found))) if writer.unsure && found == (writer.owner, writer.step + 1) => {
                Ok(())
            }
            Ok(Tried::Other(_)) => Err(Failure::State(writer.superseded("another run has opened it since"))),
            Err(error) => {
                writer.unsure = true;
                Err(Failure::Database(error))
            }
        })?;
        (self.step, self.unsure) = (self.step + 1, false);
        Ok(())
    }

    /// Finds out whether the last writing got through, which nobody has learnt. One of somebody else's shows when something
    /// is written.
    fn settle(&mut self) -> Result<(), Failure> {
        let s = &self.link.settings.schema;
        let Some(client) = &mut self.client else { return Ok(()) };
        let sql = format!("SELECT owner, step FROM {s}.formwork_states WHERE id = $1");
        let row = client.query_opt(&sql, &[&self.id])?;
        if row.map(|row| (row.get(0), row.get(1))) == Some((self.owner, self.step + 1)) {
            self.step += 1;
        }
        self.unsure = false;
        Ok(())
    }

    fn opened(&mut self) -> Result<Option<Stored>, Failure> {
        self.patiently(Self::claim)
    }

    fn claim(&mut self) -> Result<Option<Stored>, Failure> {
        let Some(client) = &mut self.client else { return Ok(None) };
        let mut transaction = client.transaction()?;
        let owner = rows::claim(&self.link, self.id, &mut transaction)?;
        let (stored, theirs) = rows::read(&self.link, &self.name, &mut transaction, true)?;
        if let Some(stored) = stored.as_ref().filter(|_| theirs) {
            Writing::taken_over(&self.link.codec, stored)?.write(&self.link, self.id, &mut transaction)?;
        }
        transaction.commit()?;
        (self.owner, self.step) = (owner, 0);
        Ok(stored)
    }

    fn freed(&mut self) -> Result<(), Error> {
        let s = &self.link.settings.schema;
        // Freed with the connection that was lost.
        let Some(client) = &mut self.client else { return Ok(()) };
        let mut transaction = client.transaction()?;
        let unused = format!(
            "DELETE FROM {s}.states WHERE id = $1 AND data IS NULL
             AND NOT EXISTS (SELECT FROM {s}.formwork_states WHERE id = $1 AND (owner <> $2 OR step > 0))"
        );
        transaction.execute(&unused, &[&self.id, &self.owner])?;
        if let Some(info) = &self.lock {
            let sql = format!("DELETE FROM {s}.formwork_locks WHERE id = $1 AND info = $2");
            transaction.execute(&sql, &[&self.id, &info.to_json()])?;
        }
        transaction.commit()?;
        if self.lock.is_some() {
            client.execute("SELECT pg_advisory_unlock($1)", &[&self.id])?;
        }
        Ok(())
    }

    fn told<T>(
        &self,
        action: &'static str,
        safe: &str,
        outcome: Result<T, Failure>,
    ) -> Result<T, StateError> {
        outcome.map_err(|failure| match failure {
            Failure::Database(error) => self.link.error(action, &error, safe),
            Failure::State(error) => error,
        })
    }
}

impl Writer for PgWriter {
    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        let outcome = apart(|| self.opened())?;
        self.told("read the state", crate::UNCHANGED, outcome)
    }

    fn append(&mut self, group: &Group<'_>) -> Result<(), StateError> {
        let writing = Writing::of_group(&self.link.codec, group)?;
        let outcome = apart(|| self.transact(&writing))?;
        self.told("write the journal", MAYBE, outcome)
    }

    fn fold(&mut self, fold: &Fold<'_>) -> Result<(), StateError> {
        let writing = Writing::of_fold(&self.link.codec, fold)?;
        let outcome = apart(|| self.transact(&writing))?;
        self.told("write the state", MAYBE, outcome)
    }

    fn is_lost(&mut self) -> bool {
        let Some(client) = &mut self.client else { return self.lock.is_some() };
        // The lock is the connection's.
        self.lock.is_some()
            && apart(|| client.is_valid(Duration::from_secs(1))).is_ok_and(|valid| valid.is_err())
    }

    fn release(&mut self) -> Result<(), StateError> {
        let outcome = apart(|| {
            let outcome = self.freed();
            self.client = None;
            outcome
        })?;
        self.lock = None;
        match outcome {
            // The lock ends with the connection.
            Err(error) if passes(&error) => Ok(()),
            outcome => self.told("unlock the state", "", outcome.map_err(Failure::Database)),
        }
    }
}

impl Drop for PgWriter {
    fn drop(&mut self) {
        // Closing waits for the server, and not every thread may do that.
        let client = self.client.take();
        let _ = apart(|| drop(client));
    }
}
