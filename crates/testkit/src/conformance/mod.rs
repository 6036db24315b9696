//! What every backend has to hold, as one suite: `docs/reliability.md` has the table of what each promises.

mod faults;
mod locks;
mod proxy;
mod sealed;
mod states;

pub use faults::lost_commit;
pub use proxy::{Fault, Proxy};

use formwork_state::{
    Backend, Cipher, Clear, Intent, OpenOptions, Operation, Record, Session, State, StateError, Status,
    StoredObject,
};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// What a backend promises beyond what all do.
#[derive(Clone, Copy, Debug)]
pub struct Promises {
    /// The lock of an owner that was killed frees itself within this time.
    pub frees: Option<Duration>,
    /// A lock can be freed by force; then whoever had it can write no more.
    pub fences: bool,
}

/// Where a suite gets its backends from. Each name is a state of its own.
pub trait Bench: Sync {
    /// What it promises.
    fn promises(&self) -> Promises;

    /// A backend for the state of this name, as another process would have it.
    fn backend(&self, name: &str) -> Box<dyn Backend> {
        self.sealed(name, Arc::new(Clear))
    }

    /// The same, stored as the cipher says.
    fn sealed(&self, name: &str, cipher: Arc<dyn Cipher>) -> Box<dyn Backend>;

    /// All that is stored of this state, one after the other.
    fn raw(&self, name: &str) -> Vec<u8>;

    /// The same through a proxy; `None` for what is not on a network.
    fn through(&self, _proxy: &Proxy, _name: &str) -> Option<Box<dyn Backend>> {
        None
    }

    /// The server's address, for a proxy.
    fn server(&self) -> Option<String> {
        None
    }

    /// Whether it speaks HTTP.
    fn is_http(&self) -> bool {
        false
    }

    /// Puts a state there as Terraform would.
    fn put_foreign(&self, name: &str, text: &str);

    /// What another process needs to know to have the same backends.
    fn spec(&self) -> String;
}

type Check = fn(&dyn Bench);

/// All checks, by name.
pub const CHECKS: [(&str, Check); 19] = [
    ("nothing is there at first", states::nothing_at_first),
    ("a folded state is there for the next", states::folds),
    ("a replaced state keeps its serial and lineage", states::replaces),
    ("what Terraform wrote is read", states::foreign),
    ("what was appended is replayed", states::replays),
    ("intents stay until they are settled", states::carries),
    ("everything that a journal can say is replayed", states::all_records),
    ("many records at once are few groups", states::groups),
    ("everything is stored as the cipher says", sealed::stores_sealed),
    ("a new key, and the first, are for everything", sealed::renews),
    ("who comes second is told who is first", locks::contention),
    ("who waits gets the lock in the end", locks::waits),
    ("many at once lose nothing", locks::many_at_once),
    ("without the lock nobody breaks in", locks::without_lock),
    ("a killed owner", locks::killed_owner),
    ("a lock freed by force", locks::forced),
    ("cut connections and lost answers", faults::cut),
    ("a slow server, and 5xx after the effect", faults::slow_and_failing),
    ("a large state is kept", states::large),
];

/// Runs all checks, and says which.
pub fn run(bench: &dyn Bench) {
    for (name, check) in CHECKS {
        let start = std::time::Instant::now();
        check(bench);
        println!("{name}: holds ({:.1} s)", start.elapsed().as_secs_f64());
    }
}

/// Opens to write.
fn open(backend: &dyn Backend) -> Result<Box<dyn Session>, StateError> {
    open_as(backend, "somebody@here", Duration::ZERO)
}

fn open_as(backend: &dyn Backend, who: &str, lock_timeout: Duration) -> Result<Box<dyn Session>, StateError> {
    backend.open(&OpenOptions {
        operation: "conformance".into(),
        who: who.into(),
        now: "2026-01-01T00:00:00Z".into(),
        lock: true,
        lock_timeout,
        wait: None,
        stop: None,
    })
}

const PROVIDER: &str = "provider[\"registry.terraform.io/hashicorp/null\"]";

fn object(id: &str) -> Arc<StoredObject> {
    Arc::new(StoredObject {
        schema_version: 0,
        attributes: format!("{{\"id\":\"{id}\",\"text\":\"\\u00e4 \\u003c \\\"quoted\\\"\"}}").into(),
        sensitive: Vec::new(),
        private: b"private".to_vec(),
        dependencies: Arc::new([]),
        status: Status::Ready,
        create_before_destroy: false,
        provider: None,
        extra: Vec::new(),
    })
}

/// A state with these instances.
fn state(instances: &[(&str, &str)]) -> State {
    let mut state = State::default();
    for (address, id) in instances {
        state.set(&address.parse().unwrap(), None, &PROVIDER.into(), Some(object(id)));
    }
    let value = formwork_value::Value::from(instances.len().to_string());
    let output = formwork_state::OutputState { value, sensitive: true };
    state.outputs.insert("count".into(), output);
    state
}

fn same(a: &State, b: &State) -> bool {
    a.outputs == b.outputs && a.resources == b.resources
}

fn intent(token: &str, address: &str) -> Record {
    Record::Intent(Intent {
        token: token.into(),
        address: address.parse().unwrap(),
        deposed: None,
        puts_aside: None,
        operation: Operation::Create,
        provider: PROVIDER.into(),
        identity: "{\"account\":\"1\"}".into(),
        schema_version: 0,
        arguments: "{\"text\":null}".into(),
        dependencies: Arc::new([]),
    })
}

fn result(token: Option<&str>, partial: bool, address: &str, id: &str) -> Record {
    Record::Set {
        token: token.map(Into::into),
        partial,
        address: address.parse().unwrap(),
        deposed: None,
        provider: PROVIDER.into(),
        object: Some(object(id)),
    }
}

/// Waits until everything appended is durable.
fn synced(session: &dyn Session) -> Result<(), StateError> {
    let (send, receive) = std::sync::mpsc::channel();
    session.journal().sync(Box::new(move |result| send.send(result).unwrap()));
    receive.recv().unwrap()
}

fn tokens(session: &dyn Session) -> Vec<String> {
    session.pending().iter().map(|p| p.intent.token.to_string()).collect()
}

/// Name of the variable that tells a test program to be the owner that is killed.
const CHILD: &str = "FORMWORK_CONFORMANCE_CHILD";

/// Starts the same test program as another process that opens a state, records an intent, and waits to be killed. Its test
/// `child` has to call [`child`].
fn spawn_owner(bench: &dyn Bench, name: &str) -> Child {
    use std::io::{BufRead, BufReader};
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, format!("{name} {}", bench.spec()));
    let mut owner = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("OWNED")), "the owner did not open the state");
    owner
}

/// What the test `child` of a test program does: nothing, unless it is the process that is to be killed.
pub fn child<B: Bench>(bench: impl Fn(&str) -> B) {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (name, spec) = told.split_once(' ').unwrap();
    let backend = bench(spec).backend(name);
    let session = open_as(&*backend, "owner@there", Duration::from_secs(10)).unwrap();
    session.journal().append(&intent("killed", "null_resource.killed")).unwrap();
    synced(&*session).unwrap();
    println!("OWNED");
    std::thread::sleep(Duration::from_secs(600));
}
