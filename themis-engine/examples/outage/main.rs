//! All engines are away under full report load: `outage [--seconds S] [--monitors N]`, with a private broker and a private
//! database, and the program `themis-engine` from beside this one.
//!
//! Three engines hear N monitors of N registered hosts. The first, which leads unless the machine was too busy for it to keep
//! the lease, is frozen (SIGSTOP) and goes on with what it had taken in; one standby is killed and comes back under new queue names; one is killed and finds its queue again
//! (`use_queue_manager`). Meanwhile the broker's memory and the queues are looked at. It fails unless the memory stays flat,
//! no queue holds more than its reports' time allows, nobody who comes back hears a report that is older than that, what the
//! frozen one had in hand is not believed, every report that is sent afterwards is heard by all, one engine leads again and
//! never two, and nothing is held against any host.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a check that people start"
)]

mod engine;
mod load;
mod registry;
mod services;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Parser;
use tokio::time::{Instant, sleep, sleep_until};

use engine::{Counts, Engine};
use load::Load;
use registry::Registry;
use services::{Sample, Services};
use themis_core::report::GOOD_FOR;

/// How often a monitor reports whole.
const INTERVAL: Duration = Duration::from_secs(10);
/// What a confirmed report may need from the monitor into the evidence, beside the time it may lie in a queue.
const SLACK: Duration = Duration::from_secs(2);
/// How long the hosts may take to become active, or a leader to be found.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a frozen engine has in hand: the broker counts it until it is acknowledged or the connection given up.
const IN_HAND: f64 = 256.0;
/// What waits in a frozen engine itself: taken ahead, its server's inbox, and being handled.
const IN_HAND_INSIDE: f64 = IN_HAND + 64.0 + 64.0;
/// A broker's memory breathes by so much; unbounded queues would pass it within a minute of full load.
const BREATH_MB: f64 = 48.0;
/// The same of an engine, which also replays what it had in hand.
const ENGINE_BREATH_MB: f64 = 64.0;
/// How often the lead may change: once since all were away, and when a busy machine keeps a leader from renewing its lease.
const LEADS_MAX: i64 = 3;

#[derive(Debug, Parser)]
struct Options {
    /// How long the engines are away
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How many monitors report
    #[arg(long, default_value_t = 1000)]
    monitors: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Err(error) = runtime.block_on(check(&options)) {
        println!("FAILED: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The engines, the one that is frozen first.
struct Engines {
    frozen: Engine,
    renamed: Engine,
    found: Engine,
}

impl Engines {
    async fn new(services: &Services) -> anyhow::Result<Self> {
        let (at, url, connection) = (services.files(), &services.transport_url, &services.connection);
        let stable = |name: &str| format!("{url}/?use_queue_manager=true&hostname=controller&processname={name}");
        Ok(Self {
            frozen: Engine::new(at, "frozen", &stable("frozen"), connection).await?,
            renamed: Engine::new(at, "renamed", url, connection).await?,
            found: Engine::new(at, "found", &stable("found"), connection).await?,
        })
    }

    fn all(&self) -> [&Engine; 3] {
        [&self.frozen, &self.renamed, &self.found]
    }

    async fn counts(&self) -> anyhow::Result<[Counts; 3]> {
        let [frozen, renamed, found] = self.all();
        let (frozen, renamed, found) = tokio::try_join!(frozen.counts(), renamed.counts(), found.counts())?;
        let counts = [frozen, renamed, found];
        let leaders = counts.iter().filter(|counts| counts.leads).count();
        ensure!(leaders <= 1, "{leaders} engines hold that they lead");
        Ok(counts)
    }
}

async fn check(options: &Options) -> anyhow::Result<()> {
    let services = Services::start().await?;
    let registry = Registry::fill(&services.connection, (0..options.monitors).map(load::host)).await?;
    let mut engines = Engines::new(&services).await?;
    engines.frozen.start().await?;
    until_led(&engines.frozen).await?;
    engines.renamed.start().await?;
    engines.found.start().await?;
    let load = Load::start(&services.transport_url, options.monitors, INTERVAL)?;
    let all_active = BTreeMap::from([("active".to_owned(), options.monitors)]);
    until_states(&registry, &all_active).await?;
    let before = (registry.lease().await?, engines.frozen.resident_mb()?);

    println!(
        "{} monitors, one report each {INTERVAL:?}; {} leads with epoch {}; all {} engines go away for {} s",
        options.monitors,
        before.0.holder,
        before.0.epoch,
        engines.all().len(),
        options.seconds
    );
    engines.frozen.signal("STOP")?;
    engines.renamed.kill().await?;
    engines.found.kill().await?;
    let samples = watch(&services, Duration::from_secs(options.seconds)).await?;

    let back = Instant::now();
    engines.frozen.signal("CONT")?;
    engines.renamed.start().await?;
    engines.found.start().await?;
    println!("all engines ready after {:.1} s", back.elapsed().as_secs_f64());
    let heard_before = engines.counts().await?;
    let posted_before = load.posted();
    until_led_again(&engines, back).await?;
    // Every monitor reports again, and whoever would be accused wrongly is.
    sleep_until(back + (INTERVAL + SLACK) * 4).await;
    let posted = load.posted();
    let sent = load.stop().await;
    sleep(SLACK).await;
    let heard = engines.counts().await?;
    println!(
        "{sent} reports confirmed by the broker, {} of them since all engines were ready",
        posted - posted_before
    );

    let rate = options.monitors as f64 / INTERVAL.as_secs_f64();
    judge_memory(&samples, rate)?;
    judge_hearing(&engines, &heard_before, &heard, posted - posted_before)?;
    let grown = engines.frozen.resident_mb()? - before.1;
    println!(
        "the frozen engine's memory: {:.1} MiB before, {grown:+.1} MiB",
        before.1
    );
    ensure!(grown <= ENGINE_BREATH_MB, "the frozen engine grew by {grown:.1} MiB");
    registry.judge_quiet().await?;
    let (states, lease) = (registry.states().await?, registry.lease().await?);
    ensure!(states == all_active, "hosts are {states:?}");
    let leaderships = lease.epoch.0 - before.0.epoch.0;
    println!(
        "{} leads with epoch {} (the lead changed {leaderships} times: 1, or more on a machine too busy to renew a lease in time); \
         all hosts are active, nothing was held against any",
        lease.holder, lease.epoch
    );
    ensure!(
        (1..=LEADS_MAX).contains(&leaderships),
        "the lead changed {leaderships} times"
    );
    Ok(())
}

/// Waits until this one leads.
async fn until_led(engine: &Engine) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !engine.counts().await?.leads {
        ensure!(Instant::now() < end, "{} does not lead", engine.name);
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Waits until one of the engines leads; never do two.
async fn until_led_again(engines: &Engines, back: Instant) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let counts = engines.counts().await?;
        if counts.iter().any(|counts| counts.leads) {
            println!("led again after {:.1} s", back.elapsed().as_secs_f64());
            return Ok(());
        }
        ensure!(Instant::now() < end, "nobody leads");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn until_states(registry: &Registry, wanted: &BTreeMap<String, usize>) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let states = registry.states().await?;
        if states == *wanted {
            println!("all hosts active after {:.0} s", began.elapsed().as_secs_f64());
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("the hosts are {states:?}, not {wanted:?}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Looks at the broker until the time is over; about twenty times, but not so often that the looking is the load.
async fn watch(services: &Services, time: Duration) -> anyhow::Result<Vec<Sample>> {
    let began = Instant::now();
    let every = (time / 20).max(Duration::from_secs(4));
    let mut samples = Vec::new();
    println!(
        "{:>8}  {:>10}  reports waiting in each engine's queue",
        "seconds", "broker MiB"
    );
    while began.elapsed() + every <= time {
        sleep(every).await;
        let sample = services.sample().await?;
        println!(
            "{:>8.0}  {:>10.1}  {}",
            began.elapsed().as_secs_f64(),
            sample.memory_mb,
            sample.shown()
        );
        samples.push(sample);
    }
    sleep_until(began + time).await;
    Ok(samples)
}

fn judge_memory(samples: &[Sample], rate: f64) -> anyhow::Result<()> {
    ensure!(
        samples.len() >= 3,
        "too short to see anything: {} samples",
        samples.len()
    );
    let third = samples.len().div_ceil(3);
    let mean = |part: &[Sample]| part.iter().map(|sample| sample.memory_mb).sum::<f64>() / part.len() as f64;
    let (first, last) = (
        mean(samples.get(..third).unwrap()),
        mean(samples.get(samples.len() - third..).unwrap()),
    );
    println!("broker's memory: {first:.1} MiB in the first third, {last:.1} MiB in the last");
    ensure!(last <= first + BREATH_MB, "the broker's memory grew");
    let most = rate * (GOOD_FOR + SLACK).as_secs_f64() + IN_HAND;
    let depths = samples.iter().flat_map(|sample| sample.depths.values());
    let deepest = depths.copied().max().unwrap_or(0);
    println!("deepest queue: {deepest} reports; their time allows {most:.0}");
    ensure!(deepest > 0, "nothing ever waited: the engines were not away");
    ensure!(deepest as f64 <= most, "a queue holds reports whose time is over");
    Ok(())
}

fn judge_hearing(engines: &Engines, before: &[Counts], after: &[Counts], posted: usize) -> anyhow::Result<()> {
    for ((engine, before), after) in engines.all().into_iter().zip(before).zip(after) {
        let (name, new) = (&engine.name, after.handled - before.handled);
        println!(
            "{name}: {new} handled of {posted}; {} came after 10 s, {} after 30 s; {} not believed",
            after.late, after.stale, after.refused
        );
        ensure!(new >= posted as f64, "{name} did not hear every report");
        ensure!(after.refused >= after.stale, "{name} believed a report older than 30 s");
        if *name == engines.frozen.name {
            ensure!(after.stale <= IN_HAND_INSIDE, "{name} heard old reports from its queue");
        } else {
            ensure!(after.late == 0.0, "{name} heard reports whose time was over");
        }
    }
    Ok(())
}
