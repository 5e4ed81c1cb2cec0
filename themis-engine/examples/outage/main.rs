//! An engine is away under full report load: `outage [--seconds S] [--monitors N]`, with a private broker of its own.
//!
//! Four engines (the real listener, inbox and admission of reports; see `engine.rs`) hear N monitors. One stays, and so
//! counts what was sent. One is killed and comes back under new queue names, one is killed and finds its queue again
//! (`use_queue_manager`), one is frozen (SIGSTOP) and goes on with what it had taken in. Meanwhile the broker's memory
//! and the queues are looked at. It fails unless the memory stays flat, no queue holds more than its reports' time
//! allows, the engine that stays hears everything, and nobody believes a report older than two intervals.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a check that people start"
)]

mod broker;
mod engine;
mod load;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use tokio::time::{Instant, sleep, sleep_until};

use broker::{Broker, Sample};
use engine::{Child, Heard};
use load::Load;
use themis_core::report::GOOD_FOR;

/// How often a monitor reports whole.
const INTERVAL: Duration = Duration::from_secs(10);
/// What a confirmed report may need from the monitor into the evidence, beside the time it may lie in a queue.
const SLACK: Duration = Duration::from_secs(2);
/// What a frozen engine has in hand: the broker counts it until it is acknowledged or the connection given up.
const IN_HAND: f64 = 256.0;
/// A broker's memory breathes by so much; unbounded queues would pass it within a minute of full load.
const BREATH_MB: f64 = 48.0;

#[derive(Debug, Parser)]
struct Options {
    /// How long the engines are away
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How many monitors report
    #[arg(long, default_value_t = 1000)]
    monitors: usize,
    /// Be an engine: URL of the broker and server name (used by the check itself)
    #[arg(long, num_args = 2, hide = true)]
    engine: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ended = match options.engine.as_deref() {
        Some([url, name]) => runtime.block_on(engine::run(url, name)),
        _ => runtime.block_on(check(&options)),
    };
    if let Err(error) = ended {
        println!("FAILED: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn check(options: &Options) -> anyhow::Result<()> {
    let broker = Broker::start().await?;
    let url = &broker.url;
    let stable = |name: &str| format!("{url}?use_queue_manager=true&hostname=controller&processname={name}");
    let mut stays = Child::start(url, "stays").await?;
    let mut renamed = Child::start(url, "renamed").await?;
    let mut found = Child::start(&stable("found"), "found").await?;
    let mut frozen = Child::start(&stable("frozen"), "frozen").await?;
    let load = Load::start(url, options.monitors, INTERVAL)?;
    // Every engine has heard every monitor at least once, so a frozen one knows their clocks.
    sleep(INTERVAL + SLACK).await;

    println!(
        "{} monitors, one report each {INTERVAL:?}; three engines go away for {} s",
        options.monitors, options.seconds
    );
    renamed.kill().await?;
    found.kill().await?;
    frozen.signal("STOP")?;
    let samples = watch(&broker, Duration::from_secs(options.seconds)).await?;

    let back = Instant::now();
    let mut renamed_again = Child::start(url, "renamed").await?;
    let mut found_again = Child::start(&stable("found"), "found").await?;
    frozen.signal("CONT")?;
    sleep_until(back + INTERVAL + SLACK + SLACK).await;
    let sent = load.stop().await;
    sleep(SLACK).await;
    let counts = [
        ("stays", stays.heard()),
        ("renamed", renamed_again.heard()),
        ("found", found_again.heard()),
        ("frozen", frozen.heard()),
    ];
    println!("{sent} reports confirmed by the broker");
    for (name, heard) in &counts {
        println!("{name}: {heard}");
    }
    for child in [&mut stays, &mut renamed_again, &mut found_again, &mut frozen] {
        child.kill().await?;
    }
    let rate = options.monitors as f64 / INTERVAL.as_secs_f64();
    judge_memory(&samples, rate)?;
    judge_engines(&counts, sent, options.monitors)
}

/// Looks at the broker until the time is over; about twenty times, but not so often that the looking is the load.
async fn watch(broker: &Broker, time: Duration) -> anyhow::Result<Vec<Sample>> {
    let began = Instant::now();
    let every = (time / 20).max(Duration::from_secs(4));
    let mut samples = Vec::new();
    println!(
        "{:>8}  {:>10}  reports waiting in each engine's queue",
        "seconds", "broker MiB"
    );
    while began.elapsed() + every <= time {
        sleep(every).await;
        let sample = broker.sample().await?;
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
    let deepest = samples
        .iter()
        .flat_map(|sample| sample.depths.values())
        .copied()
        .max()
        .unwrap_or(0);
    println!("deepest queue: {deepest} reports; their time allows {most:.0}");
    ensure!(deepest > 0, "nothing ever waited: the engines were not away");
    ensure!(deepest as f64 <= most, "a queue holds reports whose time is over");
    Ok(())
}

fn judge_engines(counts: &[(&str, Heard)], sent: usize, monitors: usize) -> anyhow::Result<()> {
    for (name, heard) in counts {
        ensure!(
            heard.oldest <= INTERVAL * 2,
            "{name} believed a report {:?} old",
            heard.oldest
        );
        ensure!(
            heard.observers == monitors,
            "{name} heard {} of {monitors} monitors",
            heard.observers
        );
        let taken = heard.believed + heard.refused;
        ensure!(
            *name != "stays" || taken == sent,
            "{name} took in {taken} of {sent} reports"
        );
    }
    println!("nothing older than two intervals was believed; the engine that stayed took in all {sent}");
    Ok(())
}
