//! The suite that all backends pass, on a PostgreSQL server of the tests' own.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_state::{
    Backend, Cipher, Clear, Kinds, OpenOptions, Outside, Remote, Settings, State, StateError,
};
use formwork_testkit::Postgres;
use formwork_testkit::conformance::{self, Bench, Promises, Proxy};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

struct Nowhere;

impl Outside for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn unix_time(&self) -> i64 {
        0
    }
}

struct Rows {
    address: String,
    /// In the process that has it.
    server: Option<Postgres>,
}

fn remote(address: &str) -> Arc<dyn Remote> {
    let settings: Settings = [("conn_str".to_owned(), Postgres::connection(address).into())].into();
    let kinds = Kinds::new(vec![formwork_backend_pg::kind()], Arc::new(Nowhere));
    match kinds.configure("pg", &settings) {
        Some(Ok(remote)) => remote,
        Some(Err(wrong)) => panic!("{wrong:?}"),
        None => panic!("there is no such kind"),
    }
}

/// As Terraform makes its tables.
const TERRAFORM: &str = "CREATE SCHEMA IF NOT EXISTS terraform_remote_state;
    CREATE SEQUENCE IF NOT EXISTS public.global_states_id_seq AS bigint;
    CREATE TABLE IF NOT EXISTS terraform_remote_state.states (
        id bigint NOT NULL DEFAULT nextval('public.global_states_id_seq') PRIMARY KEY, name text UNIQUE, data text);
    CREATE UNIQUE INDEX IF NOT EXISTS states_by_name ON terraform_remote_state.states (name);";

impl Bench for Rows {
    fn promises(&self) -> Promises {
        Promises { frees: Some(Duration::from_secs(60)), fences: true }
    }

    fn sealed(&self, name: &str, cipher: Arc<dyn Cipher>) -> Box<dyn Backend> {
        remote(&self.address).state(name, cipher).unwrap()
    }

    fn raw(&self, name: &str) -> Vec<u8> {
        let all = format!(
            "SET search_path TO terraform_remote_state;
             SELECT data FROM states WHERE name = '{name}' AND data NOT LIKE '{{\"version\":1000,%'
             UNION ALL SELECT encode(frame, 'escape') FROM formwork_states JOIN states USING (id) WHERE name = '{name}'
             UNION ALL SELECT encode(body, 'escape') FROM formwork_objects o JOIN states s ON s.id = o.state WHERE name = '{name}'
             UNION ALL SELECT encode(body, 'escape') FROM formwork_intents i JOIN states s ON s.id = i.state WHERE name = '{name}'"
        );
        let told = self.server.as_ref().unwrap().sql(&all);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        told.stdout
    }

    fn through(&self, proxy: &Proxy, name: &str) -> Option<Box<dyn Backend>> {
        Some(remote(&proxy.address).state(name, Arc::new(Clear)).unwrap())
    }

    fn server(&self) -> Option<String> {
        Some(self.address.clone())
    }

    fn put_foreign(&self, name: &str, text: &str) {
        let text = text.replace('\'', "''");
        let put = format!(
            "{TERRAFORM} INSERT INTO terraform_remote_state.states (name, data) VALUES ('{name}', '{text}')
             ON CONFLICT (name) DO UPDATE SET data = EXCLUDED.data"
        );
        let done = self.server.as_ref().unwrap().sql(&put);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn spec(&self) -> String {
        self.address.clone()
    }
}

#[test]
fn holds_what_it_promises() {
    let Some(server) = Postgres::start() else { return };
    let bench = Rows { address: server.address.clone(), server: Some(server) };
    conformance::run(&bench);
}

#[test]
fn a_commit_without_an_answer_is_not_taken_for_the_next() {
    let Some(server) = Postgres::start() else { return };
    let bench = Rows { address: server.address.clone(), server: Some(server) };
    conformance::lost_commit(&bench);
}

#[test]
fn child() {
    conformance::child(|spec| Rows { address: spec.into(), server: None });
}

#[test]
fn workspaces_are_rows_of_terraforms_table() {
    let Some(server) = Postgres::start() else { return };
    let remote = remote(&server.address);
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned()]));
    remote.create("blue").unwrap();
    let mut names = remote.workspaces().unwrap().unwrap();
    names.sort();
    assert_eq!(names, ["blue", "default"]);
    let text = |sql: &str| String::from_utf8(server.sql(sql).stdout).unwrap().trim().to_owned();
    assert_eq!(text("SELECT name FROM terraform_remote_state.states"), "blue");
    // Opened and left as it was, it stays.
    let open = |name: &str| {
        let backend = remote.state(name, Arc::new(Clear)).unwrap();
        backend.open(&OpenOptions {
            operation: "test".into(),
            who: "test".into(),
            now: String::new(),
            lock: true,
            lock_timeout: Duration::ZERO,
            wait: None,
            stop: None,
        })
    };
    open("blue").unwrap().close().unwrap();
    open("green").unwrap().close().unwrap();
    assert_eq!(text("SELECT name FROM terraform_remote_state.states"), "blue");
    // Terraform's own lock keeps us out.
    let id = text("SELECT id FROM terraform_remote_state.states WHERE name = 'blue'");
    let blue = remote.state("blue", Arc::new(Clear)).unwrap();
    std::thread::scope(|scope| {
        let hold = format!("SELECT pg_advisory_lock({id}), pg_sleep(4)");
        let server = &server;
        scope.spawn(move || server.sql(&hold));
        let start = std::time::Instant::now();
        while blue.holder().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(50));
        }
        let error = open("blue").err().unwrap();
        assert!(matches!(error, StateError::LockedElsewhere { .. }), "{error}");
    });
    remote.delete("blue").unwrap();
    assert_eq!(text("SELECT count(*) FROM terraform_remote_state.states"), "0");
    assert_eq!(remote.state("blue", Arc::new(Clear)).unwrap().peek().unwrap().state, State::default());
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let backend = remote("127.0.0.1:1").state("default", Arc::new(Clear)).unwrap();
    let error = backend.peek().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Could not read the state (postgres://127.0.0.1:1/postgres"), "{text}");
    assert!(!text.contains("formwork@"), "{text}");
}
