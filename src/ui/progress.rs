//! What is being done, as it happens: a line for each event, and on a terminal a region below them that says what is running,
//! for how long, and how much is done.

use super::Screen;
use super::stream::{self, Stage};
use super::style::{Role, Style};
use super::text::{seconds, tame};
use formwork_addr::InstanceAddr;
use formwork_engine::{Event, EventSink, Stage as ProvisionStage, Verb};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the region is drawn and waiting lines are written.
const TICK: Duration = Duration::from_millis(100);
/// After that time somebody who has seen nothing yet is told that there is work.
const SILENCE: Duration = Duration::from_millis(100);
/// After how long, and how often, a line says that something is still running.
const STILL: u64 = 10;
/// How long after one line about how a call gets on the next one may follow; what comes between is left out.
const PAUSE: Duration = Duration::from_secs(2);
/// Rows of the region that name what is running.
const ROWS: usize = 6;
/// A longer id is cut in the middle.
const ID_LIMIT: usize = 80;

/// Takes the engine's events.
pub struct Progress {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    style: Style,
    terminal: bool,
    json: bool,
    log: bool,
}

#[derive(Default)]
struct State {
    waiting: String,
    bar: Option<ProgressBar>,
    running: HashMap<(String, Verb), Running>,
    total: usize,
    done: usize,
    ended: bool,
    /// Something has been said, or is about to be.
    said: bool,
}

struct Running {
    addr: InstanceAddr,
    since: Instant,
    said: u64,
    id: Option<String>,
    news: News,
}

/// How a call gets on, in the provider's words.
#[derive(Default)]
struct News {
    latest: Option<String>,
    untold: bool,
    told: Option<Instant>,
}

impl Progress {
    /// Begins. `log` writes each event to standard error as well, with the time since the start.
    pub fn start(screen: Screen, log: bool) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            style: screen.out,
            terminal: screen.terminal && !screen.json,
            json: screen.json,
            log,
        });
        let ticking = shared.clone();
        let ticker = std::thread::Builder::new().name("progress".into()).spawn(move || ticking.tick()).ok();
        Progress { shared, ticker }
    }

    /// Where the engine sends its events.
    pub fn sink(&self) -> EventSink {
        let shared = self.shared.clone();
        let begun = Instant::now();
        Arc::new(move |event| {
            if shared.log {
                eprint_event(begun, &event);
            }
            shared.take(event);
        })
    }

    /// Writes a line among the others.
    pub fn say(&self, text: &str) {
        if self.shared.json {
            return;
        }
        let mut state = self.shared.lock();
        state.waiting.push_str(text);
        state.waiting.push('\n');
    }

    /// Something is about to be shown: nobody has to be told that there is work.
    pub fn shows(&self) {
        self.shared.lock().said = true;
    }

    /// Writes what still waits and takes the region away, until the next event.
    pub fn pause(&self) {
        self.shared.lock().pause();
    }

    fn end(&mut self) {
        self.shared.lock().ended = true;
        self.shared.wake.notify_all();
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
        self.shared.lock().pause();
    }
}

impl State {
    fn pause(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        write_out(&mut self.waiting);
        (self.total, self.done) = (0, 0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

fn write_out(waiting: &mut String) {
    if !waiting.is_empty() {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(waiting.as_bytes()).and_then(|()| stdout.flush());
        waiting.clear();
    }
}

fn eprint_event(begun: Instant, event: &Event) {
    let (what, addr, verb) = match event {
        Event::Started { addr, verb, .. } => ("started", addr, Some(verb)),
        Event::Finished { addr, verb, .. } => ("finished", addr, Some(verb)),
        Event::Failed { addr, verb } => ("failed", addr, Some(verb)),
        Event::Progress { addr, verb, .. } => ("goes on", addr, Some(verb)),
        Event::Recovered { addr, .. } => ("recovered", addr, None),
        Event::Provision { addr, .. } => ("being provisioned", addr, None),
        Event::Total { steps } => {
            let _ =
                writeln!(std::io::stderr(), "{:>9.3}s [INFO] {steps} steps", begun.elapsed().as_secs_f64());
            return;
        }
    };
    let verb = verb.map_or(String::new(), |v| format!("{v:?} "));
    let _ =
        writeln!(std::io::stderr(), "{:>9.3}s [INFO] {verb}{what}: {addr}", begun.elapsed().as_secs_f64());
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What somebody who has seen nothing yet is told, once: that there is work. It is no part of what a command has to say, and
    /// so goes to standard error.
    fn greeting(&self, state: &mut State) -> Option<&'static str> {
        let said = std::mem::replace(&mut state.said, true);
        (!said && state.waiting.is_empty() && !self.json).then_some("Looking at what there is...\n")
    }

    fn tick(&self) {
        let begun = Instant::now();
        let mut state = self.lock();
        while !state.ended {
            state = match self.wake.wait_timeout(state, TICK) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
            if state.ended {
                return;
            }
            if begun.elapsed() >= SILENCE {
                let greeting = self.greeting(&mut state);
                let _ = std::io::stderr().write_all(greeting.unwrap_or_default().as_bytes());
            }
            self.still(&mut state);
            self.news(&mut state);
            let region = if self.terminal { self.region(&state) } else { String::new() };
            if region.is_empty() && state.bar.is_none() {
                write_out(&mut state.waiting);
                continue;
            }
            let bar = state.bar.get_or_insert_with(bar).clone();
            if !state.waiting.is_empty() {
                bar.suspend(|| write_out(&mut state.waiting));
            }
            bar.set_message(region);
            bar.tick();
        }
    }

    fn region(&self, state: &State) -> String {
        let mut rows: Vec<(&(String, Verb), &Running)> = state.running.iter().collect();
        if rows.is_empty() && state.total == 0 {
            return String::new();
        }
        rows.sort_by(|a, b| (a.1.since, &a.0.0).cmp(&(b.1.since, &b.0.0)));
        let mut out = String::new();
        for ((address, verb), running) in rows.iter().take(ROWS) {
            let news = running.news.latest.as_ref().map_or(String::new(), |what| format!("{what} "));
            let _ = write!(out, "  {} {address} {news}", present(*verb));
            let elapsed = seconds(running.since.elapsed().as_secs());
            self.style.put(&mut out, Role::Faint, &elapsed);
            out.push('\n');
        }
        if rows.len() > ROWS {
            let _ = writeln!(out, "  and {} more", rows.len() - ROWS);
        }
        if state.total > 0 {
            let _ = write!(out, "  {} of {} done", state.done.min(state.total), state.total);
        }
        out
    }

    fn line(&self, state: &mut State, text: &str) {
        self.style.put(&mut state.waiting, Role::Strong, text);
        state.waiting.push('\n');
    }

    /// An object as people know it, by its `display`; programs know only its instance.
    fn named(&self, addr: &InstanceAddr, display: String) -> String {
        if self.json { addr.to_string() } else { display }
    }

    /// How a call begins, in words. Programs know reading by Terraform's words for it.
    fn begin(&self, verb: Verb) -> Option<&'static str> {
        if self.json && verb == Verb::Read { Some("Refreshing...") } else { begin(verb) }
    }

    /// How a call goes on.
    fn still_running(&self, verb: Verb) -> &'static str {
        if self.json && verb == Verb::Read { "Still refreshing..." } else { still(verb) }
    }

    /// How a call ends.
    fn end_of(&self, verb: Verb) -> Option<&'static str> {
        if self.json && verb == Verb::Read { Some("Refresh complete") } else { end(verb) }
    }

    /// Tells of a call: `text` to people, all of it to programs.
    fn call(&self, state: &mut State, call: Call<'_>, text: Option<String>) {
        if self.json {
            let message = text.unwrap_or_else(|| {
                let Call { addr, verb, stage, id, elapsed } = call;
                match (verb, stage) {
                    (Verb::Refresh, Stage::Complete) => format!("{addr}: Refresh complete{}", suffix(id)),
                    (_, Stage::Errored) => {
                        format!("{addr}: {} errored after {}", noun(verb), seconds(elapsed))
                    }
                    _ => format!("{addr}: {stage:?}"),
                }
            });
            let line = stream::call(call.addr, call.verb, call.stage, &message, call.id, call.elapsed);
            state.waiting.extend(line);
        } else if let Some(text) = text {
            self.line(state, &text);
        }
    }

    fn still(&self, state: &mut State) {
        let mut due = Vec::new();
        for ((address, verb), running) in &mut state.running {
            let elapsed = running.since.elapsed().as_secs();
            if elapsed / STILL > running.said {
                running.said = elapsed / STILL;
                due.push((
                    address.clone(),
                    running.addr.clone(),
                    *verb,
                    running.id.clone(),
                    running.news.latest.clone(),
                    running.said * STILL,
                ));
            }
        }
        due.sort_by(|a, b| a.0.cmp(&b.0));
        for (address, addr, verb, id, news, elapsed) in due {
            let shown = id.as_ref().map_or(String::new(), |id| format!("id={}, ", shorten(id)));
            let news = news.map_or(String::new(), |what| format!("{what}, "));
            let address = self.named(&addr, address);
            let text = format!(
                "{address}: {} [{shown}{news}{} elapsed]",
                self.still_running(verb),
                seconds(elapsed)
            );
            let call = Call { addr: &addr, verb, stage: Stage::Progress, id: None, elapsed };
            self.call(state, call, Some(text));
        }
    }

    /// Tells how calls get on, where no region shows it: at once, but not too often.
    fn news(&self, state: &mut State) {
        if self.terminal {
            return;
        }
        let mut due = Vec::new();
        for ((address, verb), running) in &mut state.running {
            let news = &mut running.news;
            if let Some(what) = news.latest.as_ref().filter(|_| news.untold)
                && news.told.is_none_or(|told| told.elapsed() >= PAUSE)
            {
                let elapsed = running.since.elapsed().as_secs();
                let address = self.named(&running.addr, address.clone());
                due.push((format!("{address}: {what}"), running.addr.clone(), *verb, elapsed));
                (news.untold, news.told) = (false, Some(Instant::now()));
            }
        }
        due.sort_by(|a, b| a.0.cmp(&b.0));
        for (text, addr, verb, elapsed) in due {
            self.call(
                state,
                Call { addr: &addr, verb, stage: Stage::Progress, id: None, elapsed },
                Some(text),
            );
        }
    }

    fn take(&self, event: Event) {
        let state = &mut *self.lock();
        state.said |= !matches!(event, Event::Total { .. });
        match event {
            Event::Total { steps } => state.total = steps,
            Event::Progress { addr, deposed, verb, what } => {
                let address = display(&addr.to_string(), deposed.as_deref());
                if let Some(running) = state.running.get_mut(&(address, verb)) {
                    let what = shorten(&tame(what.lines().next().unwrap_or_default()));
                    let news = &mut running.news;
                    news.untold |= news.latest.as_ref() != Some(&what);
                    news.latest = Some(what);
                }
            }
            Event::Recovered { addr, what } if !self.json => {
                self.line(state, &format!("{addr}: {}", tame(&what)));
            }
            Event::Recovered { .. } => {}
            Event::Provision { addr, provisioner, stage } => {
                let text = match &stage {
                    ProvisionStage::Begun => Some(format!("{addr}: Provisioning with '{provisioner}'...")),
                    ProvisionStage::Said(line) => Some(format!("{addr} ({provisioner}): {}", tame(line))),
                    ProvisionStage::Ended | ProvisionStage::Failed => None,
                };
                if self.json {
                    let message = match &stage {
                        ProvisionStage::Said(line) => format!("{addr}: ({provisioner}): {line}"),
                        ProvisionStage::Ended => format!("{addr}: ({provisioner}) Provisioning complete"),
                        ProvisionStage::Failed => format!("{addr}: ({provisioner}) Provisioning errored"),
                        ProvisionStage::Begun => text.unwrap_or_default(),
                    };
                    state.waiting.push_str(&stream::provision(&addr, &provisioner, &stage, &message));
                } else if let (ProvisionStage::Said(_), Some(text)) = (&stage, &text) {
                    // What others print is no heading of ours.
                    state.waiting.push_str(text);
                    state.waiting.push('\n');
                } else if let Some(text) = text {
                    self.line(state, &text);
                }
            }
            Event::Started { addr, deposed, verb, id } => {
                let address = display(&addr.to_string(), deposed.as_deref());
                let named = self.named(&addr, address.clone());
                let text = self.begin(verb).map(|word| format!("{named}: {word}{}", suffix(id.as_deref())));
                let call = Call { addr: &addr, verb, stage: Stage::Start, id: id.as_deref(), elapsed: 0 };
                self.call(state, call, text);
                let id = id.map(|id| tame(&id));
                let running = Running { addr, since: Instant::now(), said: 0, id, news: News::default() };
                state.running.insert((address, verb), running);
            }
            Event::Finished { addr, deposed, verb, id } => {
                let address = display(&addr.to_string(), deposed.as_deref());
                let took = state.running.remove(&(address.clone(), verb)).map(|r| r.since.elapsed());
                let elapsed = took.unwrap_or_default().as_secs_f64().round() as u64;
                if counted(verb) {
                    state.done += 1;
                }
                let id = id.as_deref().filter(|_| verb != Verb::Delete);
                let named = self.named(&addr, address);
                let text = self.end_of(verb).map(|word| match verb {
                    Verb::Import => format!("{named}: {word}{}", suffix(id)),
                    _ => format!("{named}: {word} after {}{}", seconds(elapsed), suffix(id)),
                });
                self.call(state, Call { addr: &addr, verb, stage: Stage::Complete, id, elapsed }, text);
            }
            Event::Failed { addr, verb } => {
                let mut elapsed = 0;
                state.running.retain(|(_, v), running| {
                    let ended = *v == verb && running.addr == addr;
                    if ended {
                        elapsed = running.since.elapsed().as_secs();
                    }
                    !ended
                });
                if counted(verb) {
                    state.done += 1;
                }
                self.call(state, Call { addr: &addr, verb, stage: Stage::Errored, id: None, elapsed }, None);
            }
        }
    }
}

/// What is told of a call.
struct Call<'a> {
    addr: &'a InstanceAddr,
    verb: Verb,
    stage: Stage,
    id: Option<&'a str>,
    elapsed: u64,
}

/// Whether the call is one of the steps that [`Event::Total`] counts.
fn counted(verb: Verb) -> bool {
    matches!(verb, Verb::Create | Verb::Update | Verb::Delete | Verb::Read)
}

fn display(address: &str, deposed: Option<&str>) -> String {
    match deposed {
        Some(key) => format!("{address} (deposed object {key})"),
        None => address.to_owned(),
    }
}

fn suffix(id: Option<&str>) -> String {
    id.filter(|id| !id.is_empty()).map_or(String::new(), |id| format!(" [id={}]", tame(id)))
}

fn shorten(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    if chars.len() <= ID_LIMIT {
        return id.to_owned();
    }
    let half = ID_LIMIT / 2 - 2;
    let (head, tail) = (&chars[..half], &chars[chars.len() - half..]);
    head.iter().chain(&['.', '.', '.']).chain(tail).collect()
}

fn begin(verb: Verb) -> Option<&'static str> {
    Some(match verb {
        Verb::Refresh => "Refreshing state...",
        Verb::Read => "Reading...",
        Verb::Create => "Creating...",
        Verb::Update => "Modifying...",
        Verb::Delete => "Destroying...",
        Verb::Recover => "Finding out what an interrupted run left...",
        Verb::Find => "Preparing import...",
        Verb::Open => "Opening...",
        Verb::Close => "Closing...",
        Verb::Import => "Importing...",
        Verb::Plan => return None,
    })
}

fn still(verb: Verb) -> &'static str {
    match verb {
        Verb::Refresh => "Still refreshing...",
        Verb::Read => "Still reading...",
        Verb::Create => "Still creating...",
        Verb::Update => "Still modifying...",
        Verb::Delete => "Still destroying...",
        Verb::Recover => "Still finding out...",
        Verb::Find | Verb::Import => "Still importing...",
        Verb::Open => "Still opening...",
        Verb::Close => "Still closing...",
        Verb::Plan => "Still planning...",
    }
}

fn end(verb: Verb) -> Option<&'static str> {
    Some(match verb {
        Verb::Read => "Read complete",
        Verb::Create => "Creation complete",
        Verb::Update => "Modifications complete",
        Verb::Delete => "Destruction complete",
        Verb::Import => "Import complete",
        Verb::Open => "Opening complete",
        Verb::Close => "Closing complete",
        Verb::Refresh | Verb::Plan | Verb::Recover | Verb::Find => return None,
    })
}

fn noun(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "Creation",
        Verb::Update => "Modifications",
        Verb::Delete => "Destruction",
        Verb::Read => "Read",
        Verb::Refresh => "Refresh",
        Verb::Plan => "Planning",
        Verb::Recover => "Recovery",
        Verb::Find | Verb::Import => "Import",
        Verb::Open => "Opening",
        Verb::Close => "Closing",
    }
}

fn present(verb: Verb) -> &'static str {
    match verb {
        Verb::Refresh => "refreshing",
        Verb::Read => "reading",
        Verb::Plan => "planning",
        Verb::Create => "creating",
        Verb::Update => "modifying",
        Verb::Delete => "destroying",
        Verb::Recover => "recovering",
        Verb::Find | Verb::Import => "importing",
        Verb::Open => "opening",
        Verb::Close => "closing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(terminal: bool, json: bool) -> Shared {
        let state = Mutex::default();
        Shared { state, wake: Condvar::new(), style: Style::PLAIN, terminal, json, log: false }
    }

    fn send(shared: &Shared, what: &[&str]) {
        let addr: InstanceAddr = "aws_instance.x".parse().unwrap_or_else(|_| unreachable!("an address"));
        let verb = Verb::Create;
        if what.is_empty() {
            shared.take(Event::Started { addr: addr.clone(), deposed: None, verb, id: None });
        }
        for what in what {
            let (addr, what) = (addr.clone(), (*what).to_owned());
            shared.take(Event::Progress { addr, deposed: None, verb, what });
        }
    }

    /// What a tick writes.
    fn tick(shared: &Shared) -> String {
        let mut state = shared.lock();
        shared.news(&mut state);
        std::mem::take(&mut state.waiting)
    }

    #[test]
    fn the_latest_news_are_told_but_not_too_often() {
        let shared = shared(false, false);
        send(&shared, &[]);
        assert_eq!(tick(&shared), "aws_instance.x: Creating...\n");
        send(&shared, &["starting", "waiting for SSH\nand more"]);
        assert_eq!(tick(&shared), "aws_instance.x: waiting for SSH\n");
        send(&shared, &["waiting for SSH"]);
        assert_eq!(tick(&shared), "", "nothing new");
        send(&shared, &["running the playbook"]);
        assert_eq!(tick(&shared), "", "too early");
        for running in shared.lock().running.values_mut() {
            running.news.told = running.news.told.and_then(|told| told.checked_sub(PAUSE));
        }
        assert_eq!(tick(&shared), "aws_instance.x: running the playbook\n");
    }

    #[test]
    fn programs_are_told_of_reading_in_the_words_of_terraform() {
        let addr =
            || -> InstanceAddr { "data.local_file.x".parse().unwrap_or_else(|_| unreachable!("an address")) };
        let verb = Verb::Read;
        let told = |shared: &Shared, last: Event| {
            shared.take(Event::Started { addr: addr(), deposed: None, verb, id: None });
            shared.take(last);
            std::mem::take(&mut shared.lock().waiting)
        };
        let ended = || Event::Finished { addr: addr(), deposed: None, verb, id: None };
        let people = "data.local_file.x: Reading...\ndata.local_file.x: Read complete after 0s\n";
        assert_eq!(told(&shared(false, false), ended()), people);
        let messages = |lines: &str| -> Vec<String> {
            let message = |line: &str| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                line["@message"].as_str().unwrap_or_default().to_owned()
            };
            lines.lines().map(message).collect()
        };
        let lines = told(&shared(false, true), ended());
        let programs = ["data.local_file.x: Refreshing...", "data.local_file.x: Refresh complete after 0s"];
        assert_eq!(messages(&lines), programs);
        // That it failed, the diagnostic says.
        let lines = told(&shared(false, true), Event::Failed { addr: addr(), verb });
        assert_eq!(messages(&lines), programs[..1]);
    }

    #[test]
    fn who_has_seen_nothing_is_told_that_there_is_work() {
        let greeted = |shared: &Shared| shared.greeting(&mut shared.lock());
        let silent = shared(false, false);
        assert_eq!(greeted(&silent), Some("Looking at what there is...\n"));
        assert_eq!(greeted(&silent), None, "once");
        let busy = shared(false, false);
        send(&busy, &[]);
        assert_eq!(greeted(&busy), None, "something is said already");
        assert_eq!(greeted(&shared(false, true)), None, "programs know from the first line");
    }

    #[test]
    fn a_terminal_shows_the_news_in_the_region_and_programs_get_a_message() {
        let shown = shared(true, false);
        send(&shown, &[]);
        send(&shown, &["waiting for SSH"]);
        assert_eq!(tick(&shown), "aws_instance.x: Creating...\n");
        assert_eq!(shown.region(&shown.lock()), "  creating aws_instance.x waiting for SSH 0s\n");

        let json = shared(false, true);
        send(&json, &[]);
        send(&json, &["waiting for SSH"]);
        let lines = tick(&json);
        let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| unreachable!("{error}: {lines}"));
        assert_eq!(last["type"], "apply_progress");
        assert_eq!(last["@message"], "aws_instance.x: waiting for SSH");
        assert_eq!(
            (&last["hook"]["action"], &last["hook"]["elapsed_seconds"]),
            (&"create".into(), &0.into())
        );
    }
}
