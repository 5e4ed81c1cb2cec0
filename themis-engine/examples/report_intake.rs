//! What it costs an engine to take in monitors' reports: the real listener, inbox and admission into the evidence.
//!
//! `report_intake URL COUNT` prints `ready`, takes in COUNT reports (`bus_speed URL report`, see `interop/bench-bus`) and
//! prints one JSON object: rate, latency from the monitor's clock (this machine's, in milliseconds) to the evidence, CPU
//! time and memory of this process. It fails when a report is not believed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for measuring")]

use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use themis_decision::Policy;
use themis_decision::evidence::Evidence;
use themis_engine::adapters::bus::listen;
use themis_engine::adapters::clock::MachineClock;
use themis_engine::adapters::senders::Senders;
use themis_engine::calls::Calls;
use themis_engine::ports::Clock;
use themis_engine::{Event, Inbox};
use themis_messaging::Settings;
use themis_messaging::rabbit::RabbitBus;

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, count] = &words[..] else {
        anyhow::bail!("report_intake URL COUNT");
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(take_in(url, count.parse()?))
}

fn seconds(clock: ClockId) -> f64 {
    let now = clock_gettime(clock);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn resident_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .context("VmRSS")?
        .parse()?;
    Ok(kib / 1024.0)
}

async fn take_in(url: &str, count: usize) -> anyhow::Result<()> {
    let bus = RabbitBus::start(Settings::for_url(url)?, "intake")?;
    let mut inbox = Inbox::default();
    // Nobody calls this engine: there is no leader's answer to give.
    let calls = Calls::default();
    let serving = listen(&bus, "intake", &inbox.mailbox(), &calls.callers(), Senders::anybody())?;
    for served in &serving {
        served.ready(PATIENCE).await?;
    }
    println!("ready");
    let (mut evidence, mut ages_ms) = (Evidence::default(), Vec::with_capacity(count));
    let age_max = Policy::default().report_age_max();
    let mut began = None;
    while ages_ms.len() < count {
        let Some(Event::Report(report)) = inbox.next().await else {
            continue;
        };
        let now = MachineClock.now();
        let age = Duration::from_micros(now.0).saturating_sub(Duration::from_millis(report.clock_ms));
        let (observer, heard) = (report.observer.clone(), evidence.hear_report(*report, now, age_max));
        ensure!(heard.is_ok(), "{observer} is not believed: {heard:?}");
        // The clock starts after the first one, when the connection has warmed up.
        if began.is_some() {
            ages_ms.push(age.as_secs_f64() * 1e3);
        } else {
            began = Some((seconds(ClockId::Monotonic), seconds(ClockId::ProcessCPUTime)));
        }
    }
    let (time, cpu) = began.context("nothing came")?;
    let (time, cpu) = (
        seconds(ClockId::Monotonic) - time,
        seconds(ClockId::ProcessCPUTime) - cpu,
    );
    ages_ms.sort_by(f64::total_cmp);
    let at = |part: usize| ages_ms.get(count * part / 100);
    println!(
        "{}",
        json!({
            "count": count, "per_s": count as f64 / time, "cpu_us_each": cpu * 1e6 / count as f64, "p50_ms": at(50),
            "p99_ms": at(99), "resident_mb": resident_mb()?, "observers": evidence.observers.len(),
        })
    );
    Ok(())
}
