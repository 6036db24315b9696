//! A model of writers that share a lock with a lease, as those of s3 do: a store that knows nothing but conditional writes, a
//! simulated clock, requests that come late and answers that get lost, writers that pause, wake up, die and begin again,
//! in random interleavings. The lock is removed without a condition, since few stores know any for that.

use super::seeded::{Random, rounds};
use crate::LockInfo;
use crate::lease::{self, ASK_AGAIN_MS, EXPIRES_MS, Found, HEARTBEAT_MS, Turn};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The longest time for which a dead owner may block others, in milliseconds.
const PATIENCE: u64 = 60_000;

/// What writers leave out: to see that the model would notice.
#[derive(Clone, Copy, Default)]
struct Without {
    /// The state is not stamped with the token before it is used, and each write goes on what is there.
    fence: bool,
    /// The owner does not ask whether its lease is still safe.
    care: bool,
}

/// What the rounds met, so that a model in which nothing happens fails.
#[derive(Default)]
struct Met {
    accepted: AtomicU64,
    refused: AtomicU64,
    taken_over: AtomicU64,
    freed: AtomicU64,
    careful: AtomicU64,
}

#[derive(Clone, Default)]
struct Doc<T> {
    version: u64,
    value: T,
}

/// The state: who fenced or wrote it last, and all that was ever written.
#[derive(Clone, Default, PartialEq)]
struct Content {
    token: u64,
    written: Vec<(u64, u64)>,
}

#[derive(Clone)]
enum Request {
    ReadLock,
    /// On the condition that it has this version, or that there is none.
    PutLock(Option<u64>, LockInfo),
    DeleteLock,
    ReadState,
    WriteState(u64, Content),
}

#[derive(Clone)]
enum Answer {
    /// What the lock is, with its version, and what time it is.
    Lock(Option<(u64, Found)>, u64),
    State(Doc<Content>),
    Written(u64),
    Refused,
    Nothing,
}

/// Which of a writer's threads: the one that works, and the one that renews.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thread {
    Work,
    Heart,
}

#[derive(Clone, PartialEq)]
enum Phase {
    /// It wants the lock, for the first time or again.
    Idle,
    Taking,
    Looking,
    Fencing,
    Stamping(Content),
    Ready,
    Writing(Content),
    Checking(Content),
    LookingToFree,
    Freeing,
    Over,
}

#[derive(PartialEq)]
enum Heart {
    Still,
    Resting,
    /// With the time at which it was sent.
    Renewing(u64),
    Looking,
}

struct Writer {
    alive: bool,
    me: LockInfo,
    incarnation: u64,
    phase: Phase,
    heart: Heart,
    paused_until: u64,
    /// Of the lock as it was written last.
    version: u64,
    lost: bool,
    /// When it first asked for the lock.
    asked: u64,
    since: u64,
    token: u64,
    state: Doc<Content>,
    left: u64,
    offset: u64,
    /// Thousandths by which its clock is wrong.
    drift: i64,
}

enum Event {
    Step(Thread),
    Arrives(Thread, Request),
    Answers(Thread, Answer),
}

struct Model<'a> {
    random: Random,
    without: Without,
    met: &'a Met,
    now: u64,
    next: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, (usize, u64, Event)>,
    writers: Vec<Writer>,
    lock: Option<(u64, Found)>,
    /// How often the lock has changed.
    changes: u64,
    /// Who has ever had it.
    turns: BTreeSet<String>,
    state: Doc<Content>,
    /// Whose each token is.
    tokens: BTreeMap<u64, String>,
    /// The store answers soon, and nobody pauses any more.
    calm: bool,
    problem: Option<String>,
}

impl Model<'_> {
    fn new(seed: u64, without: Without, met: &Met) -> Model<'_> {
        let mut random = Random::new(seed);
        let count = 2 + random.below(2);
        let writers = (0..count)
            .map(|_| Writer {
                alive: true,
                me: LockInfo::default(),
                incarnation: 0,
                phase: Phase::Over,
                heart: Heart::Still,
                paused_until: 0,
                version: 0,
                lost: false,
                asked: 0,
                since: 0,
                token: 0,
                state: Doc::default(),
                left: 0,
                offset: random.next() % 1_000_000,
                drift: random.below(181) as i64 - 90,
            })
            .collect();
        let mut model = Model {
            random,
            without,
            met,
            now: 0,
            next: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            writers,
            lock: None,
            changes: 0,
            turns: BTreeSet::new(),
            state: Doc::default(),
            tokens: BTreeMap::new(),
            calm: false,
            problem: None,
        };
        for w in 0..count {
            model.begin(w);
        }
        model
    }

    fn at(&mut self, delay: u64, writer: usize, event: Event) {
        let number = self.next;
        self.next += 1;
        self.queue.push(Reverse((self.now + delay, number)));
        self.events.insert(number, (writer, self.writers[writer].incarnation, event));
    }

    /// A new process: nothing that the one before it waits for matters to it. It asks for the lease after so many
    /// milliseconds.
    fn begin(&mut self, w: usize) -> u64 {
        let (id, left, delay) =
            (self.next, 1 + self.random.below(6) as u64, self.random.below(20_000) as u64);
        let writer = &mut self.writers[w];
        writer.incarnation += 1;
        writer.me = LockInfo { id: format!("{w}-{id}"), ..LockInfo::default() };
        (writer.phase, writer.heart, writer.lost, writer.left) = (Phase::Idle, Heart::Still, false, left);
        writer.alive = true;
        self.at(delay, w, Event::Step(Thread::Work));
        delay
    }

    fn local(&self, w: usize) -> u64 {
        let writer = &self.writers[w];
        writer.offset + (self.now as i64 * (1_000 + writer.drift) / 1_000) as u64
    }

    fn latency(&mut self) -> u64 {
        if !self.calm && self.random.one_in(12) {
            self.random.below(70_000) as u64
        } else {
            1 + self.random.below(1_500) as u64
        }
    }

    fn send(&mut self, w: usize, thread: Thread, request: Request) {
        let delay = self.latency();
        self.at(delay, w, Event::Arrives(thread, request));
    }

    fn run(&mut self, until: u64) {
        while let Some(&Reverse((time, number))) = self.queue.peek() {
            if time > until || self.problem.is_some() {
                break;
            }
            self.queue.pop();
            self.now = time;
            let Some((w, incarnation, event)) = self.events.remove(&number) else { continue };
            match event {
                // What was sent arrives, whatever became of its sender.
                Event::Arrives(thread, request) => {
                    let answer = self.serve(&request);
                    if self.writers[w].incarnation == incarnation {
                        let lost = !self.calm && self.random.one_in(15);
                        let (delay, answer) =
                            if lost { (5_000, Answer::Nothing) } else { (self.latency(), answer) };
                        self.at(delay, w, Event::Answers(thread, answer));
                    }
                }
                _ if self.writers[w].incarnation != incarnation || !self.writers[w].alive => {}
                // Asleep: what it was about to do, it does when it wakes.
                event if self.writers[w].paused_until > self.now => {
                    let delay = self.writers[w].paused_until - self.now + 1;
                    self.at(delay, w, event);
                }
                Event::Step(thread) => self.step(w, thread),
                Event::Answers(thread, answer) => self.hear(w, thread, answer),
            }
            if !self.calm {
                self.disturb();
            }
        }
        self.now = self.now.max(until);
    }

    /// Lets one writer sleep or die.
    fn disturb(&mut self) {
        let w = self.random.below(self.writers.len());
        if self.random.one_in(40) {
            self.writers[w].paused_until = self.now + self.random.below(200_000) as u64;
        } else if self.random.one_in(200) {
            self.writers[w].alive = false;
            let delay = self.random.below(100_000) as u64;
            // Somebody begins anew, by and by.
            let later = self.now + delay;
            self.begin(w);
            self.writers[w].paused_until = later;
        }
    }

    fn serve(&mut self, request: &Request) -> Answer {
        match request {
            Request::ReadLock => Answer::Lock(self.lock.clone(), self.now),
            Request::ReadState => Answer::State(self.state.clone()),
            Request::PutLock(version, _) if *version != self.lock.as_ref().map(|(v, _)| *v) => {
                Answer::Refused
            }
            Request::PutLock(_, owner) => {
                self.changes += 1;
                let found = Found { owner: owner.clone(), renewed: self.now, lasts: Some(EXPIRES_MS) };
                let before = self.lock.replace((self.changes, found));
                if before.is_some_and(|(_, b)| b.owner.id != owner.id) {
                    self.met.taken_over.fetch_add(1, Relaxed);
                }
                Answer::Written(self.changes)
            }
            Request::DeleteLock => {
                self.changes += 1;
                self.lock = None;
                Answer::Written(self.changes)
            }
            Request::WriteState(version, _) if *version != self.state.version && !self.without.fence => {
                Answer::Refused
            }
            Request::WriteState(_, content) => {
                self.accept(content);
                self.state.version += 1;
                Answer::Written(self.state.version)
            }
        }
    }

    /// The one place where writes count: they must look as if there had always been one writer.
    fn accept(&mut self, content: &Content) {
        let seen = &self.state.value;
        let extends =
            content.written.starts_with(&seen.written) && content.written.len() <= seen.written.len() + 1;
        if !extends {
            self.problem = Some(format!(
                "at {} ms a write with token {} overwrote what token {} had written",
                self.now, content.token, seen.token
            ));
        } else if content.token < seen.token {
            self.problem =
                Some(format!("at {} ms token {} was accepted after {}", self.now, content.token, seen.token));
        } else if content.written.len() > seen.written.len() {
            self.met.accepted.fetch_add(1, Relaxed);
        }
        self.state.value = content.clone();
    }

    fn step(&mut self, w: usize, thread: Thread) {
        let local = self.local(w);
        let writer = &mut self.writers[w];
        if thread == Thread::Heart {
            if !writer.lost && !matches!(writer.phase, Phase::Over | Phase::Freeing | Phase::LookingToFree) {
                writer.heart = Heart::Renewing(local);
                let request = Request::PutLock(Some(writer.version), writer.me.clone());
                self.send(w, thread, request);
            }
            return;
        }
        match writer.phase.clone() {
            Phase::Idle => {
                (writer.phase, writer.asked) = (Phase::Taking, local);
                let request = Request::PutLock(None, writer.me.clone());
                self.send(w, thread, request);
            }
            Phase::Ready if writer.lost => self.over(w),
            // Nothing is begun until it was renewed.
            Phase::Ready if !self.without.care && !lease::is_safe(writer.since, local) => {
                self.met.careful.fetch_add(1, Relaxed);
                self.at(500, w, Event::Step(Thread::Work));
            }
            Phase::Ready if writer.left == 0 => {
                writer.phase = Phase::LookingToFree;
                self.send(w, thread, Request::ReadLock);
            }
            Phase::Ready => {
                writer.left -= 1;
                let mut content = writer.state.value.clone();
                content.token = writer.token;
                content.written.push((writer.token, writer.left));
                writer.phase = Phase::Writing(content.clone());
                let version = writer.state.version;
                // It may fall asleep between the look at its clock and the request.
                self.send(w, thread, Request::WriteState(version, content));
            }
            _ => {}
        }
    }

    fn over(&mut self, w: usize) {
        self.writers[w].phase = Phase::Over;
        self.writers[w].heart = Heart::Still;
        self.begin(w);
    }

    /// It has the lock, since it asked at this time.
    fn owns(&mut self, w: usize, version: u64, since: u64) {
        let writer = &mut self.writers[w];
        self.turns.insert(writer.me.id.clone());
        (writer.version, writer.since) = (version, since);
        (writer.phase, writer.heart) = (Phase::Fencing, Heart::Resting);
        self.rest(w);
        self.send(w, Thread::Work, Request::ReadState);
    }

    /// The next heartbeat comes in its time.
    fn rest(&mut self, w: usize) {
        let beat = HEARTBEAT_MS * 1_000 / (1_000 + self.writers[w].drift) as u64;
        self.at(beat, w, Event::Step(Thread::Heart));
    }

    fn hear(&mut self, w: usize, thread: Thread, answer: Answer) {
        if thread == Thread::Heart {
            return self.beat(w, answer);
        }
        let local = self.local(w);
        let writer = &mut self.writers[w];
        let phase = writer.phase.clone();
        match (phase, answer) {
            (Phase::Taking, Answer::Written(version)) => {
                let asked = writer.asked;
                self.owns(w, version, asked);
            }
            // Was it written or not, or by whom?
            (Phase::Taking, _) => {
                writer.phase = Phase::Looking;
                self.send(w, thread, Request::ReadLock);
            }
            (Phase::Looking, Answer::Lock(found, now)) => {
                let me = writer.me.clone();
                let asked = writer.asked;
                match (lease::turn(found.as_ref().map(|(_, lock)| lock), &me, now), found) {
                    (Turn::Ours, Some((version, _))) => self.owns(w, version, asked),
                    (Turn::Over, Some((version, _))) => {
                        writer.phase = Phase::Taking;
                        writer.asked = local;
                        self.send(w, thread, Request::PutLock(Some(version), me));
                    }
                    (Turn::Held, _) => {
                        writer.phase = Phase::Idle;
                        self.at(ASK_AGAIN_MS, w, Event::Step(Thread::Work));
                    }
                    _ => {
                        writer.phase = Phase::Idle;
                        self.at(1, w, Event::Step(Thread::Work));
                    }
                }
            }
            (Phase::Looking, _) => {
                writer.phase = Phase::Taking;
                self.hear(w, thread, Answer::Nothing);
            }
            (Phase::Fencing, Answer::State(doc)) => {
                writer.state = doc.clone();
                writer.token = doc.value.token + 1;
                if self.without.fence {
                    writer.phase = Phase::Ready;
                    self.at(1, w, Event::Step(Thread::Work));
                    return;
                }
                let content = Content { token: writer.token, ..doc.value };
                writer.phase = Phase::Stamping(content.clone());
                self.send(w, thread, Request::WriteState(doc.version, content));
            }
            (Phase::Stamping(content), Answer::Written(version)) => {
                let id = writer.me.id.clone();
                let token = content.token;
                writer.state = Doc { version, value: content };
                writer.phase = Phase::Ready;
                if self.tokens.insert(token, id.clone()).is_some_and(|other| other != id) {
                    self.problem = Some(format!("token {token} has two owners"));
                }
                let think = self.random.below(8_000) as u64;
                self.at(think, w, Event::Step(Thread::Work));
            }
            (Phase::Writing(content), Answer::Written(version)) => {
                writer.state = Doc { version, value: content };
                writer.phase = Phase::Ready;
                let think = self.random.below(8_000) as u64;
                self.at(think, w, Event::Step(Thread::Work));
            }
            (Phase::Stamping(_) | Phase::Fencing, answer) => {
                if matches!(answer, Answer::Refused) {
                    self.met.refused.fetch_add(1, Relaxed);
                }
                writer.phase = Phase::Fencing;
                self.send(w, thread, Request::ReadState);
            }
            // It may have been written; so it may if it was refused, by an attempt before this one that came late.
            (Phase::Writing(content), Answer::Nothing | Answer::Refused)
            | (Phase::Checking(content), Answer::Nothing) => {
                writer.phase = Phase::Checking(content);
                self.send(w, thread, Request::ReadState);
            }
            (Phase::Checking(content), Answer::State(doc)) if doc.value == content => {
                writer.state = doc;
                writer.phase = Phase::Ready;
                self.at(1, w, Event::Step(Thread::Work));
            }
            // Its own state is still there, so the write may still be on its way, or never come: the same write again is
            // refused if the first one comes before it.
            (Phase::Checking(content), Answer::State(doc)) if doc.version == writer.state.version => {
                writer.phase = Phase::Writing(content.clone());
                self.send(w, thread, Request::WriteState(doc.version, content));
            }
            (Phase::Writing(_) | Phase::Checking(_), _) => {
                self.met.refused.fetch_add(1, Relaxed);
                self.over(w);
            }
            (Phase::LookingToFree, Answer::Lock(found, _)) => {
                if lease::is_ours(found.as_ref().map(|(_, lock)| lock), &writer.me) {
                    writer.phase = Phase::Freeing;
                    self.send(w, thread, Request::DeleteLock);
                } else {
                    self.over(w);
                }
            }
            (Phase::Freeing, Answer::Written(_)) => {
                self.met.freed.fetch_add(1, Relaxed);
                self.over(w);
            }
            (Phase::LookingToFree | Phase::Freeing, _) => {
                writer.phase = Phase::LookingToFree;
                self.send(w, thread, Request::ReadLock);
            }
            _ => {}
        }
    }

    fn beat(&mut self, w: usize, answer: Answer) {
        let writer = &mut self.writers[w];
        match (std::mem::replace(&mut writer.heart, Heart::Resting), answer) {
            (Heart::Renewing(sent), Answer::Written(version)) => {
                (writer.version, writer.since) = (version, sent);
                self.rest(w);
            }
            // An earlier one, whose answer was lost, may have got through.
            (Heart::Renewing(_), Answer::Refused) => {
                writer.heart = Heart::Looking;
                self.send(w, Thread::Heart, Request::ReadLock);
            }
            (Heart::Looking, Answer::Lock(Some((version, lock)), _))
                if lease::is_ours(Some(&lock), &writer.me) =>
            {
                writer.version = version;
                self.at(1, w, Event::Step(Thread::Heart));
            }
            (Heart::Looking, Answer::Lock(..)) => writer.lost = true,
            // Nobody answered.
            (Heart::Looking | Heart::Renewing(_), _) => self.at(500, w, Event::Step(Thread::Heart)),
            _ => {}
        }
    }
}

/// One round: chaos, then all but one die, and that one must get its turn.
fn round(seed: u64, without: Without, met: &Met) -> Result<(), String> {
    let mut model = Model::new(seed, without, met);
    let chaos = 60_000 + model.random.next() % 540_000;
    model.run(chaos);
    let survivor = model.random.below(model.writers.len());
    for w in 0..model.writers.len() {
        model.writers[w].alive = w == survivor;
    }
    // It begins anew, so that it owns nothing yet; what the dead sent last arrives.
    let begins = model.begin(survivor);
    model.writers[survivor].paused_until = 0;
    model.calm = true;
    let id = model.writers[survivor].me.id.clone();
    // It may have freed it again by the time that anyone looks.
    let owns = |model: &Model<'_>| model.turns.contains(&id);
    // From the last sign of life of the dead, and from the moment at which the living one asks.
    let mut begun = model.now + begins;
    while model.problem.is_none() && !owns(&model) {
        let before = model.changes;
        let now = model.now;
        model.run(now + 500);
        if model.changes != before && !owns(&model) {
            begun = begun.max(model.now);
        }
        if model.now > begun + PATIENCE {
            return Err(format!("a dead owner blocked for more than {PATIENCE} ms"));
        }
    }
    model.problem.map_or(Ok(()), Err)
}

#[test]
fn there_is_never_more_than_one_writer_and_the_dead_block_nobody() {
    let met = Met::default();
    if !rounds(10_000, |seed| {
        // A clock or a program that is careless: the fence alone must do.
        let careless = Without { care: seed % 4 == 0, ..Without::default() };
        round(seed, careless, &met)
    }) {
        return;
    }
    let [accepted, refused, taken_over, freed, careful] =
        [&met.accepted, &met.refused, &met.taken_over, &met.freed, &met.careful].map(|n| n.load(Relaxed));
    println!(
        "| {accepted} writes accepted, {refused} refused, {taken_over} leases of the silent taken over, {freed} freed, \
         {careful} times an owner stopped by itself"
    );
    for met in [accepted, refused, taken_over, freed, careful] {
        assert!(met > 1_000, "the model does not do enough");
    }
}

#[test]
fn without_the_fence_the_model_finds_two_writers() {
    let met = Met::default();
    let found = (0..2_000).any(|seed| round(seed, Without { fence: true, care: true }, &met).is_err());
    assert!(found, "a model that cannot fail proves nothing");
}

#[test]
fn even_a_waiter_with_bad_luck_gets_its_turn_in_time() {
    // It looks just before the lease ends, and once more as soon as it may.
    let dead = LockInfo { id: "dead".into(), ..LockInfo::default() };
    let dead = Found { owner: dead, renewed: 0, lasts: Some(EXPIRES_MS) };
    let me = LockInfo { id: "me".into(), ..LockInfo::default() };
    let mut now = EXPIRES_MS - ASK_AGAIN_MS + 1;
    while lease::turn(Some(&dead), &me, now) == Turn::Held {
        now += ASK_AGAIN_MS;
    }
    assert!(now <= EXPIRES_MS + ASK_AGAIN_MS, "{now}");
}
