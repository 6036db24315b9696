//! Connections: what is done on them, and which failures pass.

use crate::settings::PgSettings;
use formwork_state::StateError;
use formwork_state::store::Codec;
use postgres::{Client, Error};
use tokio_postgres::error::SqlState;

/// The database, how errors call the state in it, and how it is stored there.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) settings: PgSettings,
    pub(crate) place: String,
    pub(crate) codec: Codec,
}

/// Runs something that waits for the server on a thread of its own: whoever calls may be a thread that others wait on.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, StateError> {
    let ended = || StateError::Store {
        action: "ask the database",
        place: String::new(),
        problem: "the thread that does it ended".into(),
        help: "This is a bug in Formwork.".into(),
        safe: String::new(),
    };
    std::thread::scope(|scope| scope.spawn(work).join().map_err(|_| ended()))
}

/// Whether it may be otherwise the next time.
pub(crate) fn passes(error: &Error) -> bool {
    let Some(db) = error.as_db_error() else { return !is_ours(error) };
    let code = db.code();
    [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::TOO_MANY_CONNECTIONS,
    ]
    .contains(&code)
        || code.code().starts_with("08")
}

/// Whether it is of our making: a configuration that cannot work.
fn is_ours(error: &Error) -> bool {
    let text = error.to_string();
    ["invalid configuration", "error performing TLS handshake", "authentication error", "error serializing"]
        .iter()
        .any(|known| text.starts_with(known))
}

impl Link {
    pub(crate) fn connect(&self) -> Result<Client, Error> {
        let mut client = self.settings.config.connect(self.settings.tls.clone())?;
        // So that the server notices within a minute when this machine is gone, and frees what is locked. Connections that are
        // not TCP have no such settings, and no such problem.
        let _ = client.batch_execute(
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; SET \
             tcp_user_timeout = 30000",
        );
        // What is reported as committed must be on the disk, whatever is usual there. Stronger settings stay.
        client.batch_execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        )?;
        Ok(client)
    }

    pub(crate) fn error(&self, action: &'static str, error: &Error, safe: &str) -> StateError {
        let db = error.as_db_error();
        let problem = match db {
            Some(db) => format!("the database says: {}", db.message().trim_end_matches('.')),
            None => {
                let cause = std::error::Error::source(error).map(|e| format!(": {e}")).unwrap_or_default();
                format!("{error}{cause}")
            }
        };
        let code = db.map(|db| db.code().clone());
        let help = match code {
            Some(c)
                if c == SqlState::INVALID_PASSWORD || c == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                "Check user and password in conn_str, or PGUSER and PGPASSWORD."
            }
            Some(c) if c == SqlState::INVALID_CATALOG_NAME => {
                "Create the database first: createdb NAME. Or check its name in conn_str."
            }
            Some(c) if c == SqlState::INSUFFICIENT_PRIVILEGE => {
                "The user needs a schema to write to. Let somebody who may create it once, and give the user all rights on \
                 its tables and sequences; or set skip_schema_creation."
            }
            Some(c) if c == SqlState::DISK_FULL || c == SqlState::OUT_OF_MEMORY => {
                "Make room on the server, then run again."
            }
            None if problem.contains("server does not support TLS") => {
                "The server has no TLS. If that is meant so, add sslmode=disable to conn_str."
            }
            _ => "Look whether the database server is well and can be reached from here, then run again.",
        };
        StateError::Store { action, place: self.place.clone(), problem, help: help.into(), safe: safe.into() }
    }

    /// A connection that sees the tables, made if need be.
    pub(crate) fn prepared(&self) -> Result<Client, Error> {
        let mut tries = 0;
        loop {
            let outcome = self.connect().and_then(|mut client| {
                self.make_tables(&mut client)?;
                Ok(client)
            });
            match outcome {
                Err(error) if passes(&error) && tries < 4 => {
                    tries += 1;
                    std::thread::sleep(std::time::Duration::from_millis(250 << tries));
                }
                other => return other,
            }
        }
    }

    /// Whether our tables are there.
    pub(crate) fn has_tables(&self, client: &mut Client) -> Result<bool, Error> {
        let name = format!("{}.formwork_states", self.settings.schema);
        Ok(client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name])?.get(0))
    }

    fn make_tables(&self, client: &mut Client) -> Result<(), Error> {
        if self.has_tables(client)? {
            return Ok(());
        }
        let PgSettings { schema: s, skip_schema, skip_table, skip_index, .. } = &self.settings;
        // One at a time: what is created only if it is not there yet can still be in another's way.
        let mut sql = String::from("SELECT pg_advisory_xact_lock(7305804);");
        if !skip_schema {
            sql.push_str(&format!("CREATE SCHEMA IF NOT EXISTS {s};"));
        }
        if !skip_table {
            sql.push_str(&format!(
                "CREATE SEQUENCE IF NOT EXISTS public.global_states_id_seq AS bigint;
                 CREATE TABLE IF NOT EXISTS {s}.states (
                     id bigint NOT NULL DEFAULT nextval('public.global_states_id_seq') PRIMARY KEY, name text UNIQUE, data text);"
            ));
        }
        if !skip_index {
            sql.push_str(&format!("CREATE UNIQUE INDEX IF NOT EXISTS states_by_name ON {s}.states (name);"));
        }
        sql.push_str(&format!(
            "CREATE TABLE IF NOT EXISTS {s}.formwork_states (
                 id bigint PRIMARY KEY REFERENCES {s}.states (id) ON DELETE CASCADE,
                 format integer NOT NULL, owner bigint NOT NULL, step bigint NOT NULL, dirty boolean NOT NULL,
                 frame bytea NOT NULL);
             CREATE TABLE IF NOT EXISTS {s}.formwork_objects (
                 state bigint NOT NULL REFERENCES {s}.formwork_states (id) ON DELETE CASCADE,
                 address text NOT NULL, body bytea NOT NULL);
             CREATE INDEX IF NOT EXISTS formwork_objects_by_address ON {s}.formwork_objects (state, left(address, 500));
             CREATE TABLE IF NOT EXISTS {s}.formwork_intents (
                 state bigint NOT NULL REFERENCES {s}.formwork_states (id) ON DELETE CASCADE,
                 token text NOT NULL, number bigint GENERATED ALWAYS AS IDENTITY, body bytea NOT NULL,
                 PRIMARY KEY (state, token));
             CREATE TABLE IF NOT EXISTS {s}.formwork_locks (
                 id bigint PRIMARY KEY, backend integer NOT NULL, info text NOT NULL);"
        ));
        let mut transaction = client.transaction()?;
        transaction.batch_execute(&sql)?;
        transaction.commit()
    }
}
