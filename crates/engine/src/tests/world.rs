//! A system and a disk in memory, and a clock that counts every call to either.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use netprof_model::plan::{Change, RouteAnswer, RouteProbe};
use netprof_model::resource::Place;
use netprof_model::route::Route;
use netprof_model::snapshot::{Index, Os};
use netprof_model::{Owner, Resource, Section, Snapshot, State};
use netprof_plan::Need;

use super::machine::{Machine, States};
use super::profiles::with;
use crate::backend::{Backend, BackendError, Mode, Refusal};
use crate::disk::{Disk, JournalFile};
use crate::engine::Engine;
use crate::record::SECTOR;
use crate::store::Store;

/// What goes wrong, and at which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The call fails. `done` says whether it was carried out all the same.
    Error { at: u64, done: bool },
    /// The process is killed before the call.
    Crash { at: u64 },
    /// One call fails, and a later one is never reached.
    ErrorThenCrash { error: u64, crash: u64 },
    /// All calls to the disk fail from this one on, those that read only where it is not
    /// `readable`. Of the first that fails, `done` says whether it was carried out.
    Broken {
        from: u64,
        readable: bool,
        done: bool,
    },
}

/// What a call comes to.
enum Fate {
    Works,
    Fails { done: bool },
}

/// What a power cut leaves of what was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// All of it: the process was killed and the machine went on.
    Nothing,
    /// None of it.
    Everything,
    /// Each sector, name and file by the bits of this number.
    Some(u64),
}

#[derive(Clone, Default)]
struct JournalData {
    live: Vec<u8>,
    durable: Vec<u8>,
}

/// The simulated disk.
#[derive(Clone, Default)]
pub(super) struct DiskData {
    journals: BTreeMap<u64, JournalData>,
    /// The names that are synced.
    names: BTreeSet<u64>,
    pub(super) held: Option<Vec<u8>>,
    durable_held: Option<Vec<u8>>,
    new_held: Option<Vec<u8>>,
    /// Syncs, of files and of folders.
    pub(super) syncs: u64,
    /// Journals that were read.
    pub(super) reads: u64,
    /// Writes to journals.
    pub(super) writes: u64,
}

impl DiskData {
    pub(super) fn journal(&self, number: u64) -> Vec<u8> {
        self.journals[&number].live.clone()
    }

    pub(super) fn count(&self) -> usize {
        self.journals.len()
    }

    pub(super) fn set_journal(&mut self, number: u64, bytes: Vec<u8>) {
        self.journals.insert(
            number,
            JournalData {
                live: bytes.clone(),
                durable: bytes,
            },
        );
        self.names.insert(number);
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.journals.remove(&number);
        self.names.remove(&number);
    }

    fn cut_power(&mut self, loss: Loss) {
        let mut bits = match loss {
            Loss::Nothing => return,
            Loss::Everything => Bits(None),
            Loss::Some(seed) => Bits(Some(seed)),
        };
        for (number, data) in std::mem::take(&mut self.journals) {
            if !self.names.contains(&number) && !bits.next() {
                continue;
            }
            let mut bytes = data.durable.clone();
            if bits.next() {
                bytes.resize(data.live.len().max(bytes.len()), 0);
            }
            for (sector, live) in bytes.chunks_mut(SECTOR).zip(data.live.chunks(SECTOR)) {
                if bits.next() {
                    let length = sector.len().min(live.len());
                    sector[..length].copy_from_slice(&live[..length]);
                }
            }
            self.set_journal(number, bytes);
        }
        if self.held != self.durable_held {
            let new = self.held.clone().unwrap_or_default();
            self.held = match (bits.next(), bits.next()) {
                (false, _) => self.durable_held.clone(),
                // The name is there, and the blocks are not.
                (true, false) => Some(vec![0; new.len()]),
                (true, true) => Some(new[..new.len() / 2].to_vec()),
            };
        }
        self.durable_held.clone_from(&self.held);
        self.new_held = None;
    }
}

/// A row of coin tosses (splitmix64); without a seed all of them say no.
struct Bits(Option<u64>);

impl Bits {
    fn next(&mut self) -> bool {
        let Some(state) = &mut self.0 else {
            return false;
        };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) & 1 == 1
    }
}

/// What somebody else does meanwhile.
type Meanwhile = Box<dyn FnMut(&mut Snapshot)>;

/// A machine: its live state, its disk, and what will go wrong.
#[derive(Clone)]
pub(super) struct World(Rc<Inner>);

struct Inner {
    live: RefCell<Snapshot>,
    disk: RefCell<DiskData>,
    fault: Cell<Fault>,
    calls: Cell<u64>,
    dead: Cell<bool>,
    /// Resources that the system says it has written and has not.
    deaf: RefCell<Vec<Resource>>,
    /// Resources that the system writes back in another state than it is told.
    mangled: RefCell<Vec<(Resource, State)>>,
    /// Resources of which the system makes another state than it is told, and refuses.
    botched: RefCell<Vec<(Resource, Option<State>)>>,
    /// Resources that the system refuses to write.
    stuck: RefCell<Vec<Resource>>,
    /// After which write of a change somebody else acts.
    meanwhile: RefCell<Option<(u64, Meanwhile)>>,
    writes: Cell<u64>,
    /// What every look-up is answered with.
    answer: RefCell<RouteAnswer>,
    /// How many changes were written back, by resource.
    pub(super) written_back: RefCell<Vec<Resource>>,
}

impl World {
    pub(super) fn new(live: Snapshot) -> Self {
        Self(Rc::new(Inner {
            live: RefCell::new(live),
            disk: RefCell::default(),
            fault: Cell::new(Fault::None),
            calls: Cell::new(0),
            dead: Cell::new(false),
            deaf: RefCell::default(),
            mangled: RefCell::default(),
            botched: RefCell::default(),
            stuck: RefCell::default(),
            meanwhile: RefCell::new(None),
            writes: Cell::new(0),
            answer: RefCell::default(),
            written_back: RefCell::default(),
        }))
    }

    /// A machine with its links and nothing else.
    pub(super) fn bare(machine: Machine) -> Self {
        Self::new(machine.bare())
    }

    /// A machine on which others have made `states`.
    pub(super) fn having(machine: Machine, states: &States) -> Self {
        Self::new(with(&machine.bare(), states))
    }

    /// Has somebody else make `states`.
    pub(super) fn others_make(&self, states: &States) {
        self.set_live(with(&self.live(), states));
    }

    /// The same machine once more, on which nothing goes wrong.
    pub(super) fn fork(&self) -> Self {
        let other = Self::new(self.live());
        *other.0.disk.borrow_mut() = self.disk();
        *other.0.answer.borrow_mut() = self.0.answer.borrow().clone();
        other
    }

    pub(super) fn live(&self) -> Snapshot {
        self.0.live.borrow().clone()
    }

    pub(super) fn set_live(&self, live: Snapshot) {
        *self.0.live.borrow_mut() = live;
    }

    pub(super) fn disk(&self) -> DiskData {
        self.0.disk.borrow().clone()
    }

    pub(super) fn with_disk<T>(&self, act: impl FnOnce(&mut DiskData) -> T) -> T {
        act(&mut self.0.disk.borrow_mut())
    }

    pub(super) fn answer(&self, answer: RouteAnswer) {
        *self.0.answer.borrow_mut() = answer;
    }

    /// The system says that it writes `resource`, and does not.
    pub(super) fn deafen(&self, resource: &Resource) {
        self.0.deaf.borrow_mut().push(resource.clone());
    }

    /// The system writes `state` where it is told to write `resource` back.
    pub(super) fn mangle(&self, resource: &Resource, state: State) {
        self.0.mangled.borrow_mut().push((resource.clone(), state));
    }

    /// The system refuses what is planned for `resource`, and makes `state` of it.
    pub(super) fn botch(&self, resource: &Resource, state: Option<State>) {
        self.0.botched.borrow_mut().push((resource.clone(), state));
    }

    /// The system refuses to write `resource`.
    pub(super) fn jam(&self, resource: &Resource) {
        self.0.stuck.borrow_mut().push(resource.clone());
    }

    pub(super) fn unjam(&self) {
        self.0.stuck.borrow_mut().clear();
    }

    pub(super) fn written_back(&self) -> Vec<Resource> {
        self.0.written_back.borrow().clone()
    }

    /// Has somebody else act after the write number `n` (from 1).
    pub(super) fn after_write(&self, n: u64, act: impl FnMut(&mut Snapshot) + 'static) {
        self.0.writes.set(0);
        *self.0.meanwhile.borrow_mut() = Some((n, Box::new(act)));
    }

    pub(super) fn break_at(&self, fault: Fault) {
        self.0.fault.set(fault);
        self.0.calls.set(0);
    }

    /// How many calls there were since the last fault was set.
    pub(super) fn calls(&self) -> u64 {
        self.0.calls.get()
    }

    /// What is there after a kill or a power cut, ready to be started again.
    pub(super) fn restart(&self, loss: Loss) {
        self.0.disk.borrow_mut().cut_power(loss);
        self.0.dead.set(false);
        self.break_at(Fault::None);
    }

    /// The machine that it is.
    pub(super) fn machine(&self) -> Machine {
        Machine::of(&self.0.live.borrow())
    }

    /// What every resource holds.
    pub(super) fn states(&self) -> States {
        states(&self.live())
    }

    /// The machine is started anew; what others make of it then is theirs.
    pub(super) fn reboot(&self, boot: &str, others: &States) {
        let live = self.machine().started_anew(&self.live(), boot);
        self.set_live(with(&live, others));
    }

    /// Opens the state folder and does something.
    pub(super) fn run<T>(
        &self,
        act: impl FnOnce(&mut Engine<'_>) -> Result<T, crate::Error>,
    ) -> Result<T, crate::Error> {
        self.run_until(&|| false, act)
    }

    pub(super) fn run_until<T>(
        &self,
        cancelled: &dyn Fn() -> bool,
        act: impl FnOnce(&mut Engine<'_>) -> Result<T, crate::Error>,
    ) -> Result<T, crate::Error> {
        let store = Store::open(Box::new(self.clone()), None)?;
        let mut backend = self.clone();
        let mut engine = Engine::on(store, &mut backend, 1_700_000_000, cancelled);
        act(&mut engine)
    }

    /// Counts a call, and says what becomes of it.
    fn call(&self) -> Result<Fate, ()> {
        let n = self.0.calls.get() + 1;
        self.0.calls.set(n);
        let (crash, fate) = match self.0.fault.get() {
            Fault::None => (false, Fate::Works),
            Fault::Error { at, done } if at == n => (false, Fate::Fails { done }),
            Fault::ErrorThenCrash { error, .. } if error == n => (
                false,
                Fate::Fails {
                    done: n.is_multiple_of(2),
                },
            ),
            Fault::Crash { at } | Fault::ErrorThenCrash { crash: at, .. } => (at == n, Fate::Works),
            Fault::Error { .. } | Fault::Broken { .. } => (false, Fate::Works),
        };
        if crash {
            self.0.dead.set(true);
        }
        if self.0.dead.get() { Err(()) } else { Ok(fate) }
    }

    fn disk_call<T>(&self, act: impl FnOnce(&mut DiskData) -> io::Result<T>) -> io::Result<T> {
        self.any_disk_call(false, act)
    }

    fn disk_read<T>(&self, act: impl FnOnce(&mut DiskData) -> io::Result<T>) -> io::Result<T> {
        self.any_disk_call(true, act)
    }

    fn any_disk_call<T>(
        &self,
        reads: bool,
        act: impl FnOnce(&mut DiskData) -> io::Result<T>,
    ) -> io::Result<T> {
        let fails = || io::Error::other("a simulated fault");
        let fate = self.call().map(|fate| match self.0.fault.get() {
            Fault::Broken {
                from,
                readable,
                done,
            } if self.calls() >= from && !(reads && readable) => Fate::Fails {
                done: done && self.calls() == from,
            },
            _ => fate,
        });
        match fate {
            Err(()) => Err(fails()),
            Ok(Fate::Works) => act(&mut self.0.disk.borrow_mut()),
            Ok(Fate::Fails { done }) => {
                if done {
                    let _ = act(&mut self.0.disk.borrow_mut());
                }
                Err(fails())
            }
        }
    }

    fn refuses(&self) -> Option<BackendError> {
        match self.call() {
            Ok(Fate::Works) => None,
            _ => Some(BackendError {
                operation: "read".to_owned(),
                why: "a simulated fault".to_owned(),
            }),
        }
    }

    /// Writes one change, as the system would.
    fn write(&self, change: &Change, mode: Mode) -> Result<(), String> {
        let fate = self.call().map_err(|()| "killed".to_owned())?;
        let done = match fate {
            Fate::Works | Fate::Fails { done: true } => self.set(change, mode),
            Fate::Fails { done: false } => Ok(()),
        };
        let writes = self.0.writes.get() + 1;
        self.0.writes.set(writes);
        if let Some((n, act)) = self.0.meanwhile.borrow_mut().as_mut()
            && *n == writes
        {
            act(&mut self.0.live.borrow_mut());
        }
        match fate {
            Fate::Works => done,
            Fate::Fails { .. } => Err("a simulated fault".to_owned()),
        }
    }

    fn set(&self, change: &Change, mode: Mode) -> Result<(), String> {
        let resource = &change.resource;
        let is_file = matches!(resource, Resource::File { .. } | Resource::Settings(_));
        if is_file && mode == Mode::Back && change.before == change.after {
            return Ok(());
        }
        if self.0.stuck.borrow().contains(resource) {
            return Err("operation not permitted".to_owned());
        }
        if mode == Mode::Back {
            self.0.written_back.borrow_mut().push(resource.clone());
        }
        let live = self.live();
        let now = Index::new(&live)
            .state(resource)
            .map_err(|error| error.to_string())?;
        if mode == Mode::Forward && now != change.before {
            return Err("somebody else has changed it".to_owned());
        }
        if change
            .link
            .as_ref()
            .is_some_and(|id| live.link(&id.name).is_none())
        {
            return Err("no such device".to_owned());
        }
        // It replaces what is there, whatever that is.
        let mut change = Change {
            before: now,
            ..change.clone()
        };
        for (botched, state) in self.0.botched.borrow().iter() {
            if mode == Mode::Forward && botched == resource {
                change.after.clone_from(state);
                self.set_live(netprof_plan::after(&live, std::slice::from_ref(&change)));
                return Err("only half of it".to_owned());
            }
        }
        for (mangled, state) in self.0.mangled.borrow().iter() {
            if mode == Mode::Back && mangled == resource {
                change.after = Some(state.clone());
            }
        }
        if !self.0.deaf.borrow().contains(resource) {
            self.set_live(netprof_plan::after(&live, std::slice::from_ref(&change)));
        }
        Ok(())
    }
}

/// What every resource holds in `snapshot`.
pub(super) fn states(snapshot: &Snapshot) -> States {
    let index = Index::new(snapshot);
    let pool = Machine::of(snapshot).pool().into_iter();
    pool.map(|resource| {
        let state = index.state(&resource).expect("all is known");
        (resource, state)
    })
    .collect()
}

/// The routes of `snapshot` that `need` asks for, and no others.
fn asked_for(snapshot: &Snapshot, need: &Need) -> Section<Vec<Route>> {
    if !need.asks_for_routes() {
        return Section::Unread;
    }
    let (links, addresses) = (snapshot.links.items(), snapshot.addresses.items());
    let sieve = need.sieve(links, addresses, snapshot.rules.items());
    let read = sieve.read(|sieve| {
        let all = snapshot.routes.items().iter();
        let asked =
            |route: &&Route| sieve.takes(route.key.dst, route.key.table, route.spec.protocol);
        Ok::<_, Infallible>(all.filter(asked).cloned().collect())
    });
    let Ok(routes) = read;
    Section::Seen(routes)
}

impl Backend for World {
    fn place(&mut self) -> Result<Place, BackendError> {
        match self.refuses() {
            Some(error) => Err(error),
            None => Ok(self.live().place),
        }
    }

    fn observe(&mut self, need: Need) -> Result<Snapshot, BackendError> {
        if let Some(error) = self.refuses() {
            return Err(error);
        }
        let mut snapshot = self.live();
        if !need.resolver {
            snapshot.resolved = Section::Unread;
            snapshot.store = Section::Unread;
            snapshot.files = Section::Unread;
        }
        if !need.preferences {
            snapshot.preferences = Section::Unread;
        }
        if !need.owners
            && let Section::Seen(routes) = &mut snapshot.routes
        {
            routes
                .iter_mut()
                .for_each(|route| route.owner = Owner::Unknown);
        }
        if snapshot.os == Os::Linux {
            snapshot.routes = asked_for(&snapshot, &need);
        }
        Ok(snapshot)
    }

    fn apply(&mut self, changes: &[Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        // Like the kernel with a batch, it goes on after one that it refused.
        let refusals: Vec<Refusal> = changes
            .iter()
            .filter_map(|change| {
                let why = self.write(change, mode).err()?;
                Some(Refusal {
                    change: Box::new(change.clone()),
                    why,
                })
            })
            .collect();
        if refusals.is_empty() {
            return Ok(());
        }
        Err(refusals)
    }

    fn look_up(&mut self, probes: &[RouteProbe]) -> Result<Vec<RouteAnswer>, BackendError> {
        match self.refuses() {
            Some(error) => Err(error),
            None => Ok(vec![self.0.answer.borrow().clone(); probes.len()]),
        }
    }
}

impl Disk for World {
    fn numbers(&self) -> io::Result<Vec<u64>> {
        self.disk_read(|disk| Ok(disk.journals.keys().copied().collect()))
    }

    fn read_journal(&self, number: u64, _limit: usize) -> io::Result<Vec<u8>> {
        self.disk_read(|disk| {
            disk.reads += 1;
            let missing = || io::Error::from(io::ErrorKind::NotFound);
            let data = disk.journals.get(&number).ok_or_else(missing)?;
            Ok(data.live.clone())
        })
    }

    fn create_journal(&self, number: u64) -> io::Result<Box<dyn JournalFile>> {
        self.disk_call(|disk| {
            if disk.journals.contains_key(&number) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            disk.journals.insert(number, JournalData::default());
            Ok(())
        })?;
        self.handle(number)
    }

    fn open_journal(&self, number: u64) -> io::Result<Box<dyn JournalFile>> {
        self.disk_read(|_| Ok(()))?;
        self.handle(number)
    }

    fn remove_journal(&self, number: u64) -> io::Result<()> {
        self.disk_call(|disk| {
            disk.journals.remove(&number);
            disk.names.remove(&number);
            Ok(())
        })
    }

    fn sync_journals(&self) -> io::Result<()> {
        self.disk_call(|disk| {
            disk.syncs += 1;
            disk.names = disk.journals.keys().copied().collect();
            Ok(())
        })
    }

    fn read_held(&self, _limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.disk_read(|disk| Ok(disk.held.clone()))
    }

    fn write_held(
        &self,
        write: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.disk_call(|disk| {
            disk.new_held = Some(bytes.clone());
            Ok(())
        })
    }

    fn rename_held(&self) -> io::Result<()> {
        self.disk_call(|disk| {
            disk.held = disk.new_held.take();
            Ok(())
        })
    }

    fn journal_path(&self, number: u64) -> PathBuf {
        PathBuf::from(format!("journal/{number:06}"))
    }

    fn held_path(&self) -> PathBuf {
        PathBuf::from("held.json")
    }
}

struct Handle {
    world: World,
    number: u64,
}

impl World {
    #[allow(clippy::unnecessary_wraps, reason = "the callers return it as it is")]
    fn handle(&self, number: u64) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Handle {
            world: self.clone(),
            number,
        }))
    }
}

impl JournalFile for Handle {
    fn write_at(&mut self, bytes: &[u8], offset: usize) -> io::Result<()> {
        self.world.disk_call(|disk| {
            disk.writes += 1;
            let data = &mut disk.journals.entry(self.number).or_default().live;
            data.resize(data.len().max(offset + bytes.len()), 0);
            data[offset..offset + bytes.len()].copy_from_slice(bytes);
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.world.disk_call(|disk| {
            disk.syncs += 1;
            let data = disk.journals.entry(self.number).or_default();
            data.durable.clone_from(&data.live);
            Ok(())
        })
    }
}
