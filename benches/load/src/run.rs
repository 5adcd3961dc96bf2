//! Connects the clients and runs a plan: one thread, one epoll.

use std::{
    io,
    num::NonZero,
    time::{Duration, Instant},
};

use rustix::{
    event::epoll,
    fd::OwnedFd,
    thread::set_current_timer_slack,
    time::{ClockId, Timespec, clock_gettime},
};

use crate::{
    Plan, Report,
    client::{Arrival, Client},
    process,
    tally::Tally,
};

/// With how many events one wait returns at most.
const BATCH: usize = 1024;
/// After this long without an event, nothing is expected to come any more.
const SILENCE: Duration = Duration::from_secs(2);

/// No wait is longer, so that the measurement begins and ends in time.
const TICK: Duration = Duration::from_millis(10);

/// The clients of a plan, connected.
pub struct Swarm {
    plan: Plan,
    clients: Vec<Client>,
    epoll: OwnedFd,
    scratch: Vec<u8>,
    ready: Vec<epoll::Event>,
}

/// CPU times at one moment.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Of this thread.
    pub generator: Duration,
    /// Of each watched process.
    pub watched: Vec<Duration>,
}

impl Usage {
    /// Reads them now.
    ///
    /// # Errors
    /// Where a watched process is gone.
    pub fn now(watched: &[u32]) -> io::Result<Self> {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let generator = Duration::new(time.tv_sec as u64, time.tv_nsec as u32);
        let watched = watched.iter().map(|pid| process::cpu(*pid)).collect::<io::Result<_>>()?;
        Ok(Self { generator, watched })
    }
}

impl Swarm {
    /// Connects everybody, one after the other.
    ///
    /// # Errors
    /// Where a client can't connect or the plan does not fit.
    pub fn connect(plan: Plan) -> io::Result<Self> {
        plan.check()?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut swarm =
            Self { plan, clients: Vec::new(), epoll, scratch: vec![0; 256 << 10], ready: Vec::with_capacity(BATCH) };
        for number in 0..swarm.plan.clients + swarm.plan.bystanders {
            let (node, room) = swarm.plan.place(number);
            let client = Client::connect(swarm.plan.dialect, node, &room)
                .map_err(|error| io::Error::other(format!("client {number} in {room} on {node}: {error}")))?;
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&swarm.epoll, &client.stream, data, epoll::EventFlags::IN)?;
            swarm.clients.push(client);
            // Early clients must stay alive while late ones connect.
            if number % 256 == 255 {
                swarm.idle(Duration::ZERO)?;
            }
        }
        Ok(swarm)
    }

    /// Only stays alive.
    ///
    /// # Errors
    /// A server that speaks nonsense.
    pub fn idle(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        loop {
            self.wait(end.saturating_duration_since(Instant::now()))?;
            let ready = std::mem::take(&mut self.ready);
            for event in &ready {
                self.clients[event.data.u64() as usize].receive(&mut self.scratch, |_| {})?;
                self.drop_if_closed(event.data.u64() as usize)?;
            }
            self.ready = ready;
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }

    /// Counts events, whatever they are, until there are as many or none comes any more; how many came, and in what time.
    ///
    /// # Errors
    /// A server that speaks nonsense.
    pub fn count(&mut self, expected: u64) -> io::Result<(u64, Duration)> {
        let (mut count, mut first, mut last) = (0, None, Instant::now());
        while count < expected && last.elapsed() < SILENCE {
            self.wait(TICK)?;
            let ready = std::mem::take(&mut self.ready);
            for event in &ready {
                let number = event.data.u64() as usize;
                let before = count;
                self.clients[number].receive(&mut self.scratch, |_| count += 1)?;
                self.drop_if_closed(number)?;
                if count > before {
                    last = Instant::now();
                    first.get_or_insert(last);
                }
            }
            self.ready = ready;
        }
        Ok((count, last - first.unwrap_or(last)))
    }

    /// Measures for so long in the next run.
    pub fn measure_for(&mut self, time: Duration) {
        self.plan.measure = time;
    }

    /// How many clients the server has cut off.
    #[must_use]
    pub fn cut_off(&self) -> usize {
        self.clients.iter().filter(|client| !client.open).count()
    }

    /// Runs the plan and watches the CPU time of some processes.
    ///
    /// # Errors
    /// A server that speaks nonsense, a watched process that ends.
    pub fn run(&mut self, watched: &[u32]) -> io::Result<Report> {
        self.run_with(watched, true)
    }

    /// As [`run`](Self::run); where `sends` is not set, somebody else plays the senders.
    pub(crate) fn run_with(&mut self, watched: &[u32], sends: bool) -> io::Result<Report> {
        let _precise = PreciseTimers::set()?;
        let plan = self.plan.clone();
        let mut tally = Tally::new(&plan);
        let mut lags = Vec::new();
        let (mut cursor, mut pings) = (0, 0);
        let mut window = Window::Before;
        let start = Instant::now();
        let mut last_arrival = start;
        let last = plan.warm_up + plan.measure;

        loop {
            let now = start.elapsed();
            window.advance(now, &plan, watched, &mut tally.report)?;
            let gave_up = now > last + plan.drain || (now > last && last_arrival.elapsed() > SILENCE);
            if now > last && (tally.is_complete() || gave_up) {
                break;
            }
            let next = if sends { self.send_due(&plan, &mut cursor, now, &mut lags) } else { None };
            let next = next.into_iter().chain(self.ping_due(&plan, &mut pings, now)).fold(TICK, Duration::min);
            self.wait(next.saturating_sub(start.elapsed().saturating_sub(now)))?;

            let ready = std::mem::take(&mut self.ready);
            for event in &ready {
                let number = event.data.u64() as usize;
                let client = &mut self.clients[number];
                let flags = event.flags;
                if flags.contains(epoll::EventFlags::OUT) && client.flush() {
                    let data = epoll::EventData::new_u64(number as u64);
                    epoll::modify(&self.epoll, &client.stream, data, epoll::EventFlags::IN)?;
                }
                let mut arrivals = 0;
                let at = start.elapsed();
                let bytes = client.receive(&mut self.scratch, |arrival| match arrival {
                    Arrival::Move(x, y) => {
                        arrivals += 1;
                        tally.arrived(number, x, y, at);
                    }
                    Arrival::Pong(ping) => tally.ponged(ping, at),
                })?;
                self.drop_if_closed(number)?;
                if arrivals > 0 {
                    last_arrival = start + at;
                }
                if let Window::Open { .. } = window {
                    tally.report.arrived += arrivals;
                    tally.report.arrived_bytes += bytes as u64;
                }
                if sends {
                    self.send_due(&plan, &mut cursor, at, &mut lags);
                }
            }
            self.ready = ready;
        }
        // Only now: to read this of a large process takes milliseconds.
        tally.report.resident = watched.iter().map(|pid| process::resident(*pid)).collect::<io::Result<_>>()?;
        tally.report.cut_off = self.cut_off();
        Ok(tally.finish(&mut lags))
    }

    /// Sends what is due at `now`; how long it is from then until the next event.
    fn send_due(&mut self, plan: &Plan, cursor: &mut u64, now: Duration, lags: &mut Vec<u32>) -> Option<Duration> {
        while *cursor < plan.events() {
            let (sender, seq) = (*cursor as usize % plan.senders, *cursor / plan.senders as u64);
            let due = plan.due(sender, seq);
            if due > now {
                return Some(due - now);
            }
            self.clients[sender].send_move(sender as f32 + 0.5, seq as f32 + 0.5);
            self.flush(sender);
            lags.push(u32::try_from((now - due).as_micros()).unwrap_or(u32::MAX));
            *cursor += 1;
        }
        None
    }

    /// Sends the pings that are due at `now`; how long it is from then until the next one.
    fn ping_due(&mut self, plan: &Plan, cursor: &mut u64, now: Duration) -> Option<Duration> {
        while *cursor < plan.all_pings() {
            let due = plan.ping_due(*cursor);
            if due > now {
                return Some(due - now);
            }
            let client = (*cursor % plan.clients as u64) as usize;
            self.clients[client].send_ping(*cursor);
            self.flush(client);
            *cursor += 1;
        }
        None
    }

    /// Writes what waits for a client's socket, or watches for when it takes more.
    fn flush(&mut self, client: usize) {
        if !self.clients[client].flush() {
            let both = epoll::EventFlags::IN | epoll::EventFlags::OUT;
            let data = epoll::EventData::new_u64(client as u64);
            // It may be watched like this already.
            let _ = epoll::modify(&self.epoll, &self.clients[client].stream, data, both);
        }
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        self.ready.clear();
        self.ready.reserve(BATCH);
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.ready), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn drop_if_closed(&mut self, number: usize) -> io::Result<()> {
        let client = &self.clients[number];
        if !client.open {
            match epoll::delete(&self.epoll, &client.stream) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The time in which CPU is measured.
enum Window {
    Before,
    Open { since: Usage, from: Duration },
    After,
}

impl Window {
    /// Opens and closes when it is time.
    fn advance(&mut self, now: Duration, plan: &Plan, watched: &[u32], report: &mut Report) -> io::Result<()> {
        match self {
            Self::Before if now >= plan.warm_up => *self = Self::Open { since: Usage::now(watched)?, from: now },
            Self::Open { since, from } if now >= plan.warm_up + plan.measure => {
                let until = Usage::now(watched)?;
                report.seconds = (now - *from).as_secs_f64();
                report.generator_cpu = until.generator - since.generator;
                report.cpu = until.watched.iter().zip(&since.watched).map(|(until, since)| *until - *since).collect();
                *self = Self::After;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Waits of this thread end when they should, not up to 50 µs later; until it is dropped, because processes inherit it.
struct PreciseTimers;

impl PreciseTimers {
    fn set() -> io::Result<Self> {
        set_current_timer_slack(NonZero::new(1))?;
        Ok(Self)
    }
}

impl Drop for PreciseTimers {
    fn drop(&mut self) {
        // It was accepted before, and can only fail where timers have no slack at all.
        let _ = set_current_timer_slack(None);
    }
}
