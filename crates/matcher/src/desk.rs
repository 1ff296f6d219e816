//! The one thread that has the state: it applies commands in the order they come, writes them to the journal together with whatever else waits, and only
//! then answers and tells. So what anyone has seen is on the disk.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::engine::{Applied, Bounds, Command, Engine, Event};
use crate::journal::{Journal, Opened};
use crate::metrics::Metrics;
use crate::order::Standing;
use crate::refusal::Refusal;

/// Commands that wait for the disk at most; more wait at the door.
const QUEUE: usize = 4_096;
/// Commands that are written at once.
const BATCH: usize = 1_024;
/// Events that a slow listener may be behind.
const BEHIND: usize = 65_536;

/// What a command came to.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The order that was placed, or those that were cancelled, as they are now.
    pub orders: Vec<Standing>,
    pub events: Vec<Event>,
}

type Look = Box<dyn FnOnce(&Engine) + Send>;

enum Job {
    Do(Box<Command>, oneshot::Sender<Result<Done, Refusal>>),
    Look(Look),
    Stop,
}

/// What is said to listeners: what one command led to.
pub type Told = Arc<Vec<Event>>;

/// How the thread is spoken to.
#[derive(Clone)]
pub struct Desk {
    jobs: mpsc::Sender<Job>,
    events: broadcast::Sender<Told>,
}

/// The thread. It ends when it is stopped, or with an error of the disk.
pub type Task = JoinHandle<Result<()>>;

impl Desk {
    /// Starts the thread with what a journal held.
    pub fn start(opened: Opened, bounds: Bounds, metrics: Arc<Metrics>) -> Result<(Self, Task)> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (events, _) = broadcast::channel(BEHIND);
        let said = events.clone();
        let Opened { journal, engine, .. } = opened;
        let mut worker = Worker { journal, engine, bounds, events: said, metrics };
        worker.measure();
        let thread = std::thread::Builder::new().name("desk".into());
        let task = thread.spawn(move || worker.run(queue)).context("starting the desk")?;
        Ok((Self { jobs, events }, task))
    }

    /// Has a command applied and written. A refusal changed nothing.
    pub async fn submit(&self, command: Command) -> Result<Done, Refusal> {
        let (answer, done) = oneshot::channel();
        let sent = self.jobs.send(Job::Do(Box::new(command), answer)).await;
        sent.map_err(|_| Refusal::Stopping)?;
        done.await.map_err(|_| Refusal::Stopping)?
    }

    /// Looks at the state, as of what is on the disk.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, seen) = oneshot::channel();
        let look: Look = Box::new(move |engine| {
            let _ = answer.send(look(engine));
        });
        self.jobs.send(Job::Look(look)).await.map_err(|_| Refusal::Stopping)?;
        seen.await.map_err(|_| Refusal::Stopping)
    }

    /// What happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Told> {
        self.events.subscribe()
    }

    /// Ends the thread after what waits.
    pub async fn stop(&self) {
        let _ = self.jobs.send(Job::Stop).await;
    }
}

struct Worker {
    journal: Journal,
    engine: Engine,
    bounds: Bounds,
    events: broadcast::Sender<Told>,
    metrics: Arc<Metrics>,
}

/// An answer that waits for the disk.
enum Waiting {
    Done(oneshot::Sender<Result<Done, Refusal>>, Result<Done, Refusal>),
    Look(Look),
}

impl Worker {
    fn run(&mut self, mut queue: mpsc::Receiver<Job>) -> Result<()> {
        let mut stopping = false;
        while !stopping {
            let Some(job) = queue.blocking_recv() else { return Ok(()) };
            let (mut next, mut commands, mut waiting) = (Some(job), vec![], vec![]);
            while let Some(job) = next.take() {
                match job {
                    Job::Do(command, answer) => {
                        let done = self.perform(*command, &mut commands);
                        waiting.push(Waiting::Done(answer, done));
                    }
                    Job::Look(look) => waiting.push(Waiting::Look(look)),
                    Job::Stop => stopping = true,
                }
                if commands.len() < BATCH {
                    next = queue.try_recv().ok();
                }
            }
            self.write(&commands)?;
            self.answer(waiting);
            if !commands.is_empty() {
                self.shorten()?;
            }
        }
        Ok(())
    }

    fn perform(&mut self, command: Command, commands: &mut Vec<Command>) -> Result<Done, Refusal> {
        self.engine.check(&command, &self.bounds)?;
        commands.push(command.clone());
        let Applied { events, orders } = self.engine.apply(command);
        let orders = orders.into_iter().filter_map(|number| self.engine.order_by_number(number).cloned());
        Ok(Done { orders: orders.collect(), events })
    }

    fn write(&mut self, commands: &[Command]) -> Result<()> {
        if commands.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        self.journal.append(commands).context("writing the journal")?;
        self.metrics.written.observe(begun.elapsed().as_secs_f64());
        self.metrics.commands.inc_by(commands.len() as u64);
        Ok(())
    }

    /// Looks see the state of after the whole batch, all of which is on the disk.
    fn answer(&mut self, waiting: Vec<Waiting>) {
        for waiting in waiting {
            match waiting {
                Waiting::Done(answer, done) => {
                    if let Ok(done) = &done {
                        self.tell(&done.events);
                    }
                    let _ = answer.send(done);
                }
                Waiting::Look(look) => look(&self.engine),
            }
        }
    }

    fn tell(&self, events: &[Event]) {
        for event in events {
            self.metrics.count(event);
        }
        if !events.is_empty() {
            // Nobody may be listening.
            let _ = self.events.send(Arc::new(events.to_vec()));
        }
    }

    fn shorten(&mut self) -> Result<()> {
        if self.journal.shorten(&self.engine).context("beginning a new journal")? {
            tracing::info!(bytes = self.journal.length(), "the journal was begun anew");
            self.metrics.shortened.inc();
        }
        self.measure();
        Ok(())
    }

    fn measure(&mut self) {
        let size = i64::try_from(self.journal.length()).unwrap_or(i64::MAX);
        self.metrics.journal.set(size);
        self.metrics.open.set(i64::try_from(self.engine.open_count()).unwrap_or(i64::MAX));
        self.metrics.pending.set(i64::try_from(self.engine.fills().count()).unwrap_or(i64::MAX));
    }
}
