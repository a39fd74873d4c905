//! `tagwright sync --every`: rounds until the process is asked to end, and the server beside them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::failure::Failure;
use super::hooks::HooksSecret;
use super::sync::{Args, is_news, outcome, tell};
use super::told::Told;
use super::{Outcome, output};
use crate::api::Problem;
use crate::engine::cause::Cause;
use crate::engine::memory::Memory;
use crate::ledger;
use crate::metrics::Metrics;
use crate::net::Http;
use crate::object::NamespacedName;
use crate::server::{self, CurrentHooks, DueReceiver, Dues, Shared, due_matches, due_queue};
use crate::standalone::{Context, Report, Watch, World};
use crate::telemetry::Shutdown;

/// The server of a repeated run
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServeArgs {
    /// Serve /metrics, /healthz, /readyz and webhooks at this address
    #[arg(long, value_name = "ADDR:PORT", requires = "every", value_parser = address)]
    listen: Option<SocketAddr>,

    /// The Secret of the webhooks: key token is what their URLs end in, other keys are what senders sign with
    #[arg(long, value_name = "NS/NAME", requires = "listen", value_parser = secret_name)]
    hooks: Option<NamespacedName>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

fn secret_name(text: &str) -> Result<NamespacedName, String> {
    let (namespace, name) = text.split_once('/').ok_or("expected NS/NAME")?;
    Ok(NamespacedName::new(namespace, name))
}

/// Rounds, until the process is asked to end.
pub(super) async fn repeat(
    args: &Args,
    context: Context,
    every: Duration,
    metrics: Metrics,
    http: Http,
) -> Result<Outcome, Failure> {
    let mut shutdown = Shutdown::listen()?;
    let mut telling =
        Telling { args, told: Told::default(), failed: None, outcome: Outcome::Done, problems: Vec::new() };
    let Some((world, mut stamp)) = first_world(args, every, &mut shutdown, &mut telling).await? else {
        return Ok(telling.outcome);
    };
    let is_ready = Arc::new(AtomicBool::new(false));
    let mut hooks = HooksSecret::new(args.serve.hooks.as_ref(), &world)?;
    let (_server, mut dues) = serve(args, hooks.current(), metrics, http, is_ready.clone()).await?;
    let remembering = Remembering::start(&context.selecting.memory);
    let mut watch = Watch::new(context, telling.heed(world)).await;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            () = shutdown.asked(), if is_ready.load(Ordering::Relaxed) => break,
            report = watch.next() => {
                // What comes before the first round is a part of it.
                is_ready.fetch_or(report.is_whole, Ordering::Relaxed);
                telling.tell(&report)?;
            }
            due = dues.recv() => hook(&mut watch, &due),
            _ = ticks.tick(), if is_ready.load(Ordering::Relaxed) => match args.objects.read_if_changed(&mut stamp) {
                Ok(world) => {
                    if let Some(world) = world {
                        hooks.renew(&world);
                        watch.adopt(telling.heed(world)).await;
                    }
                    watch.tick();
                }
                Err(failure) => telling.fail(failure)?,
            },
        }
    }
    for report in watch.finish().await {
        telling.tell(&report)?;
    }
    remembering.end().await;
    Ok(telling.outcome)
}

/// Tells other processes what this one remembers, since it alone has the ledger open.
struct Remembering(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Remembering {
    fn start(memory: &Memory) -> Self {
        Self(memory.ledger().cloned().map(|ledger| {
            let (stop, stopped) = oneshot::channel();
            let serving = async move {
                // The sender goes without a word where this run fails.
                let stopped = async { stopped.await.unwrap_or_default() };
                if let Err(error) = ledger::serve(&ledger, stopped).await {
                    output::warning(&format!("{}: `tagwright ledger` cannot ask this run", Cause::from(error).message));
                }
            };
            (stop, tokio::spawn(serving))
        }))
    }

    async fn end(self) {
        if let Some((stop, serving)) = self.0 {
            drop(stop);
            // It ends at once, and nothing depends on how.
            drop(serving.await);
        }
    }
}

/// The first world that can be read. Files get mended: what is wrong is told and tried again. `None` when the process was
/// asked to end.
async fn first_world(
    args: &Args,
    every: Duration,
    shutdown: &mut Shutdown,
    telling: &mut Telling<'_>,
) -> Result<Option<(World, Option<u64>)>, Failure> {
    let mut stamp = None;
    loop {
        match args.objects.read_if_changed(&mut stamp) {
            Ok(Some(world)) => return Ok(Some((world, stamp))),
            Ok(None) => {}
            Err(failure) => telling.fail(failure)?,
        }
        if shutdown.within(every).await {
            return Ok(None);
        }
    }
}

/// What is told, and what it comes to.
struct Telling<'a> {
    args: &'a Args,
    told: Told,
    /// Why the objects could not be read.
    failed: Option<String>,
    outcome: Outcome,
    /// What is wrong with the files of the world.
    problems: Vec<Problem>,
}

impl Telling<'_> {
    fn heed(&mut self, mut world: World) -> World {
        self.problems = std::mem::take(&mut world.problems);
        self.failed = None;
        world
    }

    fn tell(&mut self, report: &Report) -> Result<(), Failure> {
        let outcome = outcome(self.args, &self.problems, report);
        // What goes well in a part says nothing of the rest.
        if (report.is_whole && !report.is_running()) || outcome == Outcome::PartlyFailed {
            self.outcome = outcome;
        }
        tell(self.args, &self.problems, report, &mut self.told)
    }

    fn fail(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.is_closed_pipe() {
            return Err(failure);
        }
        if is_news(&mut self.failed, failure.cause().message.clone()) {
            output::failure(failure.cause());
        }
        self.told = Told::default();
        self.outcome = Outcome::PartlyFailed;
        Ok(())
    }
}

fn hook(watch: &mut Watch, dues: &Dues) {
    match dues {
        Dues::Everything => watch.hook(|_| true),
        Dues::These(dues) => watch.hook(|repository| dues.iter().any(|due| due_matches(due, repository))),
    }
}

/// Ends the server when it is dropped.
struct Serving(Option<JoinHandle<()>>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

fn not_listening(error: io::Error, address: SocketAddr) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => Some("another process has this port: end it, or name another with --listen"),
        io::ErrorKind::AddrNotAvailable => {
            Some("expected an address of this machine; 0.0.0.0 and [::] are all of them")
        }
        io::ErrorKind::PermissionDenied => Some("ports below 1024 want privileges: name another with --listen"),
        _ => None,
    };
    Failure::from(error).doing(format!("listening at {address}")).advised(advice)
}

/// Starts the server, where one is wanted, and gives what it says is due.
async fn serve(
    args: &Args,
    hooks: CurrentHooks,
    metrics: Metrics,
    http: Http,
    ready: Arc<AtomicBool>,
) -> Result<(Serving, DueReceiver), Failure> {
    let (sender, receiver) = due_queue();
    let Some(address) = args.serve.listen else { return Ok((Serving(None), receiver)) };
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| not_listening(error, address))?;
    output::talk(&format!("listening at {}", listener.local_addr()?));
    let shared = Shared { metrics, ready, hooks, http };
    Ok((Serving(Some(tokio::spawn(server::serve(listener, shared, sender)))), receiver))
}
