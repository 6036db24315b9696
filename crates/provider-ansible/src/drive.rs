//! Running `ansible-playbook`.

use crate::event::{Event, Status, Story};
use crate::host::REACHABLE;
use crate::playbook::Playbook;
use crate::secrets::Secrets;
use crate::workdir::Workdir;
use formwork_provider::{CallError, Object, Recorder};
use formwork_value::Path;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much of what Ansible prints is kept, from its end.
const KEPT: usize = 64 * 1024;

/// How long Ansible may take to stop when it is told to.
const GRACE: Duration = Duration::from_secs(5);

/// What is to be run.
pub(crate) struct Job<'a> {
    /// The arguments.
    pub playbook: &'a Playbook,
    /// The playbook's file: its own, or the one for the end.
    pub file: &'a str,
    /// The program.
    pub binary: &'a str,
    /// Only check what would change.
    pub check: bool,
    /// Tell what would change inside files.
    pub diff: bool,
    /// Keep to these hosts.
    pub only: Option<Vec<String>>,
    /// What must be recorded before anything happens on a host.
    pub first: Option<&'a Object>,
    /// Takes the record, and words on how it gets on.
    pub recorder: &'a dyn Recorder,
    /// What not to show.
    pub secrets: &'a Secrets,
}

/// How a run went.
pub(crate) struct Run {
    /// What it told.
    pub story: Story,
    /// How the program ended.
    pub status: ExitStatus,
    /// The end of what it printed.
    pub stdout: String,
    /// The end of its complaints.
    pub stderr: String,
    /// Whether it got as far as the playbook: before that, nothing can have happened on any host.
    pub began: bool,
}

/// Why there is no [`Run`].
pub(crate) struct Broken {
    /// What to tell.
    pub error: CallError,
    /// Whether anything can have happened on a host.
    pub began: bool,
}

/// Runs a playbook to its end. Dropping the future ends the run.
pub(crate) async fn run(job: &Job<'_>, limit: Option<Duration>) -> Result<Run, Broken> {
    let mut began = false;
    let work = drive(job, &mut began);
    let result = match limit {
        None => work.await,
        Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| {
            let detail = format!(
                "The playbook {} was still running after {} s, which the timeouts block allows, and was ended.",
                job.file,
                limit.as_secs()
            );
            Err(CallError::new("Playbook took too long", detail).on(Path::root().attr("timeouts")))
        }),
    };
    result.map_err(|error| Broken { error, began })
}

async fn drive(job: &Job<'_>, began: &mut bool) -> Result<Run, CallError> {
    let dir = Workdir::new(job.playbook, job.only.as_deref())?;
    let listener = UnixListener::bind(dir.events()).map_err(|error| {
        let detail = format!("The socket for Ansible's events cannot be made: {error}.");
        CallError::new("Temporary files cannot be written", detail)
    })?;
    let mut running = Running::start(job, dir)?;
    let mut story = Story::default();
    let mut plugin: Option<(Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf)> = None;
    let mut open = true;
    let status = loop {
        tokio::select! {
            // Events first: the last ones are there before the program ends.
            biased;
            connected = listener.accept(), if plugin.is_none() => {
                if let Ok((stream, _)) = connected {
                    plugin = Some(split(stream));
                }
            }
            line = next(&mut plugin), if plugin.is_some() && open => {
                open = line.is_some();
                if let Some(line) = line {
                    running.take(job, &mut story, &line, began, &mut plugin).await?;
                }
            }
            status = wait(&mut running.child) => break status.map_err(|error| {
                CallError::new("Ansible cannot be waited for", format!("{error}."))
            })?,
        }
    };
    // What was sent before the end.
    while let Ok(Some(line)) = timeout(Duration::from_secs(1), next(&mut plugin)).await {
        running.take(job, &mut story, &line, began, &mut plugin).await?;
    }
    running.child = None;
    hang_up(&running.dir).await;
    let (stdout, stderr) = (running.stdout.end().await, running.stderr.end().await);
    Ok(Run { story, status, stdout, stderr, began: *began })
}

fn split(stream: UnixStream) -> (Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf) {
    let (read, write) = stream.into_split();
    (BufReader::new(read).lines(), write)
}

async fn next(plugin: &mut Option<(Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf)>) -> Option<String> {
    match plugin {
        Some((lines, _)) => lines.next_line().await.ok().flatten(),
        None => None,
    }
}

async fn wait(child: &mut Option<Child>) -> std::io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

/// A run under way. Dropped before its end, it is told to stop, and killed if it does not.
struct Running {
    /// Gone once the run is over.
    child: Option<Child>,
    group: Option<Pid>,
    dir: Option<Workdir>,
    stdout: Tail,
    stderr: Tail,
}

impl Running {
    fn start(job: &Job<'_>, dir: Workdir) -> Result<Self, CallError> {
        let mut command = Command::new(job.binary);
        command.args(arguments(job, &dir));
        command
            .env("ANSIBLE_CALLBACK_PLUGINS", dir.plugins())
            .env("ANSIBLE_STDOUT_CALLBACK", "formwork")
            .env("FORMWORK_EVENTS", dir.events())
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", dir.control())
            .env("ANSIBLE_RETRY_FILES_ENABLED", "0")
            .env("ANSIBLE_NOCOLOR", "1")
            .env_remove("ANSIBLE_FORCE_COLOR");
        if let Some(roles) = &job.playbook.roles_path {
            let roles: Vec<String> = roles.iter().map(|r| crate::host::absolute(r)).collect();
            command.env("ANSIBLE_ROLES_PATH", roles.join(":"));
        }
        // A group of its own: the terminal's interrupt is for us, and what we end is all of the run.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such program".to_owned(),
                _ => error.to_string(),
            };
            let detail = format!(
                "The program \"{}\" cannot be started: {why}. Install ansible-core, or name the program: \
                 ansible_playbook_binary, in the provider block or here.",
                job.binary
            );
            CallError::new("Ansible cannot be started", detail)
        })?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (stdout, stderr) = (Tail::of(child.stdout.take()), Tail::of(child.stderr.take()));
        Ok(Running { child: Some(child), group, dir: Some(dir), stdout, stderr })
    }

    /// Takes one line of the plugin in.
    async fn take(
        &mut self,
        job: &Job<'_>,
        story: &mut Story,
        line: &str,
        began: &mut bool,
        plugin: &mut Option<(Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf)>,
    ) -> Result<(), CallError> {
        let event = Story::parse(line).map_err(|error| {
            let detail = format!("The plugin that tells what Ansible does sent something else: {error}.");
            CallError::new("Ansible's events cannot be understood", detail)
        })?;
        if event == Event::Hello {
            if let Some(object) = job.first {
                job.recorder.created(object).await?;
            }
            *began = true;
            if let Some((_, write)) = plugin {
                // If it does not arrive, the plugin ends the run, and that is seen.
                let _ = write.write_all(b"!").await;
            }
        }
        if event == Event::Start
            && let Some(dir) = &self.dir
        {
            dir.forget_variables();
        }
        if let Some(word) = word(&event) {
            job.recorder.progress(&job.secrets.hide(&word));
        }
        story.add(event);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.is_none() {
            return;
        }
        signal(self.group, Signal::TERM);
        // It has a few seconds to end, and to end its workers, which have left the group; what is left of them then is
        // killed. Without a runtime, `kill_on_drop` has to do.
        let (group, child, dir) = (self.group, self.child.take(), self.dir.take());
        if let (Some(mut child), Ok(runtime)) = (child, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if timeout(GRACE, child.wait()).await.is_err() {
                    signal(group, Signal::KILL);
                }
                if let Some(dir) = dir {
                    workers(&dir).into_iter().for_each(|worker| {
                        signal(Some(worker), Signal::KILL);
                        let _ = kill_process(worker, Signal::KILL);
                    });
                }
            });
        }
    }
}

/// Processes of this run that are still there. They are copies of the first one, with its arguments, and lead process
/// groups of their own. Nothing where the system has no `/proc`.
fn workers(dir: &Workdir) -> Vec<Pid> {
    let inventory = dir.inventory();
    let inventory = inventory.as_os_str().as_bytes();
    let of_this_run = |pid: i32| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.split(|b| *b == 0).any(|argument| argument == inventory)
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| of_this_run(*pid))
        .filter_map(Pid::from_raw)
        .collect()
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // It may have ended already.
        let _ = kill_process_group(group, signal);
    }
}

/// What to show of an event while it runs.
fn word(event: &Event) -> Option<String> {
    match event {
        Event::Task { task } => Some(format!("task \"{}\"", task.name)),
        Event::Host(result) => {
            let what = match (result.status, result.changed) {
                (Status::Ok, true) => "changed",
                (Status::Failed, _) if !result.ignored => "failed",
                (Status::Unreachable, _) => "unreachable",
                _ => return None,
            };
            Some(format!("{}: {what}: {}", result.host, result.task.name))
        }
        _ => None,
    }
}

fn arguments(job: &Job<'_>, dir: &Workdir) -> Vec<OsString> {
    let p = job.playbook;
    let mut out: Vec<OsString> = Vec::new();
    if p.verbosity > 0 {
        out.push(format!("-{}", "v".repeat(p.verbosity.clamp(1, 6) as usize)).into());
    }
    let flags = [(p.force_handlers, "--force-handlers"), (job.check, "--check"), (job.diff, "--diff")];
    out.extend(flags.iter().filter(|(on, _)| *on).map(|(_, flag)| (*flag).into()));
    let mut pair = |name: &str, value: OsString| out.extend([name.into(), value]);
    let list = |values: &Option<Vec<String>>| values.clone().filter(|v| !v.is_empty());
    if let Some(tags) = list(&p.tags) {
        pair("--tags", tags.join(",").into());
    }
    match (list(&p.limit), &job.only) {
        (Some(limit), None) => pair("--limit", limit.join(",").into()),
        (None, Some(_)) => pair("--limit", REACHABLE.into()),
        (Some(limit), Some(_)) => pair("--limit", format!("{},&{REACHABLE}", limit.join(",")).into()),
        (None, None) => {}
    }
    pair("--inventory", dir.inventory().into());
    for file in p.extra_inventory_files.iter().flatten() {
        pair("--inventory", file.into());
    }
    if let Some(file) = p.vault_password_file.as_deref().filter(|f| !f.is_empty()) {
        match p.vault_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => pair("--vault-id", format!("{id}@{file}").into()),
            None => pair("--vault-password-file", file.into()),
        }
    }
    for file in p.var_files.iter().chain(&p.vault_files).flatten() {
        pair("--extra-vars", format!("@{file}").into());
    }
    let mut variables = OsString::from("@");
    variables.push(dir.variables());
    pair("--extra-vars", variables);
    out.push("--".into());
    out.push(job.file.into());
    out
}

/// Ends the connections that ssh keeps open for later: a host that is made anew has nothing to do with the old one.
async fn hang_up(dir: &Option<Workdir>) {
    let Some(dir) = dir else { return };
    for socket in std::fs::read_dir(dir.control()).into_iter().flatten().flatten() {
        let mut path = OsString::from("ControlPath=");
        path.push(socket.path());
        let mut command = Command::new("ssh");
        command.args(["-O", "exit", "-o"]).arg(path).arg("formwork");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        // They end by themselves a minute later, anyway.
        if let Ok(mut child) = command.spawn() {
            let _ = timeout(Duration::from_secs(2), child.wait()).await;
        }
    }
}

/// The end of a stream.
struct Tail {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<tokio::task::JoinHandle<()>>,
}

impl Tail {
    fn of(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let reader = stream.map(|mut stream| {
            let text = text.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 8192];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
                    text.extend_from_slice(&buffer[..n]);
                    let excess = text.len().saturating_sub(KEPT);
                    text.drain(..excess);
                }
            })
        });
        Tail { text, reader }
    }

    /// What there is when the program has ended; something that it left behind may still hold the stream open.
    async fn end(&mut self) -> String {
        if let Some(mut reader) = self.reader.take()
            && timeout(Duration::from_secs(1), &mut reader).await.is_err()
        {
            reader.abort();
        }
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::tests::playbook;

    #[test]
    fn arguments_follow_the_configuration() {
        let check = |p: Playbook, only: Option<Vec<String>>, expected: &str| {
            let dir = Workdir::new(&p, None).unwrap();
            let job = Job {
                playbook: &p,
                file: &p.playbook,
                binary: "x",
                check: only.is_some(),
                diff: only.is_some(),
                only,
                first: None,
                recorder: &crate::resource::tests::Quiet,
                secrets: &Secrets::default(),
            };
            let folder = dir.events().parent().unwrap().display().to_string();
            let found: Vec<_> =
                arguments(&job, &dir).iter().map(|a| a.to_string_lossy().into_owned()).collect();
            assert_eq!(found.join(" ").replace(&folder, "DIR"), expected);
        };
        let plain = "--inventory DIR/inventory.json --extra-vars @DIR/variables.json -- site.yml";
        check(playbook("site.yml"), None, plain);
        let reachable = format!("--check --diff --limit formwork_reachable {plain}");
        check(playbook("site.yml"), Some(vec!["h1".into()]), &reachable);
        let mut p = playbook("site.yml");
        p.verbosity = 2;
        p.tags = Some(vec!["a".into(), "b".into()]);
        p.limit = Some(vec!["web".into(), "!h2".into()]);
        p.vault_files = Some(vec!["v.yml".into()]);
        p.vault_password_file = Some("pw".into());
        p.vault_id = Some("dev".into());
        check(
            p,
            Some(Vec::new()),
            "-vv --check --diff --tags a,b --limit web,!h2,&formwork_reachable --inventory DIR/inventory.json \
             --vault-id dev@pw --extra-vars @v.yml --extra-vars @DIR/variables.json -- site.yml",
        );
    }
}
