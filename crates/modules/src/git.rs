//! Git repositories, by the program of that name.

use crate::fetch::{Errand, Fetched, Problem, Tools};
use formwork_config::Remote;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The kinds of addresses that git may go to: those for which it runs programs of the address's choice are left out.
const PROTOCOLS: &str = "git:http:https:ssh";

/// Fetches one commit, without history, and its submodules.
pub(crate) fn fetch(errand: Errand<'_>) -> Result<Fetched, Problem> {
    let Errand { remote, commit, into, tools } = errand;
    let key = match remote.parameter("sshkey") {
        Some(encoded) => Some(private_key(encoded)?),
        None => None,
    };
    let (url, login) = Login::of(&remote.url);
    let key = key.as_ref().map(tempfile::NamedTempFile::path);
    let git = Git { dir: into, remote, url, login, tools, key };
    git.run(&["init", "--quiet", "--template="])?;
    let wanted = remote.parameter("ref").unwrap_or("HEAD");
    let current = git.resolve(wanted)?;
    let chosen = match commit {
        Some(locked) if locked != current => {
            git.resolve(locked).map_err(|p| {
                Problem::new(format!(
                    "The commit {locked}, which the lock names, is not there any more. {}",
                    p.detail
                ))
                .help("To take what is there now: formwork get -update")
            })?;
            locked
        }
        _ => current.as_str(),
    };
    git.run(&["checkout", "--quiet", "--force", "--detach", chosen])?;
    if into.join(".gitmodules").is_file() {
        git.submodules()?;
    }
    let all = crate::tree::walk(into).map_err(|e| Problem::io("read", into, &e))?;
    // The repository itself is no part of the module, nor are those of its submodules.
    for (path, kind) in all.iter().filter(|(path, _)| path.file_name().is_some_and(|n| n == ".git")) {
        let path = into.join(path);
        let gone = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.map_err(|e| Problem::io("removed", &path, &e))?;
    }
    let newer = Some(&current).filter(|c| **c != *chosen).cloned();
    Ok(Fetched { commit: Some(chosen.to_owned()), newer })
}

struct Git<'a> {
    dir: &'a Path,
    remote: &'a Remote,
    /// The address, without the login that may be in it.
    url: String,
    login: Option<Login>,
    tools: &'a Tools,
    key: Option<&'a Path>,
}

/// Name and password of an address. Everybody on the machine can read the command line of git; its environment only we can,
/// and so git asks a helper that answers from there.
struct Login {
    /// The server: `https://HOST`.
    origin: String,
    name: String,
    password: String,
}

/// What answers git's question for a login: part of a shell script.
const HELPER: &str = "!answer() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$FORMWORK_GIT_NAME\" \"$FORMWORK_GIT_PASSWORD\"; }; answer";

impl Login {
    /// Takes the login out of an address of a web server.
    fn of(url: &str) -> (String, Option<Login>) {
        let parts = || {
            let (scheme, rest) = url.split_once("://")?;
            let is_web = matches!(scheme, "http" | "https");
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (user, host) = authority.rsplit_once('@').filter(|_| is_web)?;
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let decoded = |text: &str| formwork_config::decode(text).unwrap_or_else(|| text.to_owned());
            let origin = format!("{scheme}://{host}");
            let login = Login { origin: origin.clone(), name: decoded(name), password: decoded(password) };
            Some((format!("{origin}{path}"), Some(login)))
        };
        parts().unwrap_or_else(|| (url.to_owned(), None))
    }
}

impl Git<'_> {
    /// Fetches what a name or a commit stands for, and gives the commit.
    fn resolve(&self, name: &str) -> Result<String, Problem> {
        let url = &self.url;
        // Old servers give no commit that is asked for by its digest, and simple ones cannot cut the history off.
        let shallow = self.run(&["fetch", "--quiet", "--no-tags", "--depth", "1", "--", url, name]);
        let Err(problem) = shallow else { return self.commit("FETCH_HEAD") };
        let is_digest = name.len() >= 4 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let all = ["fetch", "--quiet", "--no-tags", "--update-shallow", "--", url, "+refs/*:refs/all/*"];
        if self.run(&all).is_err() {
            return Err(problem);
        }
        let names = [name.to_owned(), format!("refs/all/heads/{name}"), format!("refs/all/tags/{name}")];
        let found = names.iter().skip(usize::from(!is_digest)).find_map(|name| self.commit(name).ok());
        found.ok_or(problem)
    }

    /// Fetches the submodules, and theirs.
    fn submodules(&self) -> Result<(), Problem> {
        // Addresses that begin with ./ or ../ count from here.
        self.run(&["config", "remote.origin.url", &self.url])?;
        let all = ["submodule", "--quiet", "update", "--init", "--recursive"];
        if self.run(&[&all[..], &["--depth", "1"]].concat()).is_err() {
            // Servers that give no commit by its digest give the history. What was begun without it would stay so.
            self.run(&["submodule", "--quiet", "deinit", "--all", "--force"])?;
            let begun = self.dir.join(".git/modules");
            if begun.exists() {
                fs::remove_dir_all(&begun).map_err(|e| Problem::io("removed", &begun, &e))?;
            }
            self.run(&all)?;
        }
        Ok(())
    }

    fn commit(&self, name: &str) -> Result<String, Problem> {
        let text = self.run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])?;
        Ok(text.trim().to_owned())
    }

    fn run(&self, args: &[&str]) -> Result<String, Problem> {
        let mut command = Command::new("git");
        // What a hook or a script around us has set is about its own repository.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
            command.env_remove(name);
        }
        let protocols = if self.remote.url.starts_with("file:") && args.first() != Some(&"submodule") {
            format!("{PROTOCOLS}:file")
        } else {
            PROTOCOLS.to_owned()
        };
        command
            .args(["-c", "core.askPass=", "-c", "advice.detachedHead=false"])
            .args(self.login.iter().flat_map(|l| {
                let key = format!("credential.{}.helper", l.origin);
                // The empty one sets aside those of the user's settings.
                ["-c".to_owned(), format!("{key}="), "-c".to_owned(), format!("{key}={HELPER}")]
            }))
            .args(args)
            .current_dir(self.dir)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .env("GCM_INTERACTIVE", "never")
            .env("GIT_ALLOW_PROTOCOL", protocols)
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        if let Some(login) = &self.login {
            command.env("FORMWORK_GIT_NAME", &login.name).env("FORMWORK_GIT_PASSWORD", &login.password);
        }
        let ssh = self.tools.ssh.as_deref();
        if let Some(key) = self.key {
            // What the user has set stays: it may name a file of host keys, or a proxy.
            let key = key.display().to_string().replace('\'', "'\\''");
            let ssh = ssh.unwrap_or("ssh -o BatchMode=yes");
            command.env("GIT_SSH_COMMAND", format!("{ssh} -o IdentitiesOnly=yes -i '{key}'"));
        } else {
            command.env("GIT_SSH_COMMAND", ssh.unwrap_or("ssh -o BatchMode=yes"));
        }
        let output = command.output().map_err(|e| {
            Problem::new(format!(
                "The module is in a git repository, and the program \"git\" cannot be run: {e}."
            ))
            .help("Install git.")
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).take(6).collect();
        let problem = Problem::new(format!(
            "{} cannot be fetched; git says:\n{}",
            self.remote.shown(),
            lines.join("\n")
        ));
        Err(match said {
            s if s.contains("couldn't find remote ref") => problem.help("Is there such a branch, tag or commit?"),
            s if s.contains("Host key verification failed") => problem.help(
                "The server is not among those whose keys you know. Compare its key with what its owner says, and add it to ~/.ssh/known_hosts (ssh-keyscan shows it).",
            ),
            s if s.contains("terminal prompts disabled") || s.contains("Permission denied") => problem.help(
                "The server wants to know who asks, and Formwork asks for no passwords. Set up a key for SSH, or a credential helper of git.",
            ),
            _ => problem,
        })
    }
}

/// The key of the parameter `sshkey`, in a file that only its owner may read.
fn private_key(encoded: &str) -> Result<tempfile::NamedTempFile, Problem> {
    use base64::Engine;
    let key = base64::engine::general_purpose::STANDARD
        .decode(encoded.replace(' ', "+"))
        .map_err(|_| Problem::new("The value of \"sshkey\" is not a private key in Base64."))?;
    let write = || {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(&key)?;
        file.flush()?;
        Ok(file)
    };
    write().map_err(|e: std::io::Error| {
        Problem::new(format!("The key of \"sshkey\" cannot be kept for SSH: {e}."))
    })
}
