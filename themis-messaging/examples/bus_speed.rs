//! How fast the bus is, in one role per process: `bus_speed URL casts|serial|notify N`, or `bus_speed URL reports N`,
//! which takes in reports that a child process sends. Prints one JSON object: rate, latencies, CPU time of this process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool for measuring"
)]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use serde_json::{Value, json};
use themis_core::report::Report;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{
    Bus, Context, Endpoint, Form, Handler, Keep, Notification, Priority, RpcError, ServerName, Settings, Target, Topic,
    Version, argument,
};
use tokio::sync::Notify;
use tokio::time::Instant;

const LONG: Duration = Duration::from_secs(300);

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, what, count] = &words[..] else {
        panic!("bus_speed URL casts|serial|notify|reports|send-reports N")
    };
    let count: usize = count.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bus = RabbitBus::start(Settings::for_url(url).unwrap(), "speed").unwrap();
        match what.as_str() {
            "casts" => casts(&bus, count, 128).await,
            "serial" => casts(&bus, count, 1).await,
            "notify" => notify(&bus, count).await,
            "reports" => take_reports(&bus, url, count).await,
            _ => send_reports(&bus, count).await,
        }
        bus.stop(LONG).await;
    });
}

fn target(topic: &str) -> Target {
    Target::topic(Topic::new(topic).unwrap(), Version::ONE)
}

/// User and system time of this process, in seconds: clock ticks are hundredths.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn print(what: &str, count: usize, began: Instant, cpu_before: f64, mut latencies: Vec<Duration>) {
    let (seconds, cpu_s) = (began.elapsed().as_secs_f64(), cpu() - cpu_before);
    latencies.sort_unstable();
    let at = |part: f64| {
        latencies
            .get((latencies.len() as f64 * part) as usize)
            .map(|l| l.as_secs_f64() * 1000.0)
    };
    println!(
        "{}",
        json!({
            "what": what, "count": count, "per_s": count as f64 / seconds, "cpu_us_each": cpu_s * 1e6 / count as f64,
            "per_cpu_s": count as f64 / cpu_s, "p50_ms": at(0.5), "p99_ms": at(0.99), "resident_mb": resident_mb(),
        })
    );
}

async fn casts(bus: &RabbitBus, count: usize, at_once: usize) {
    let (context, target) = (Context::fresh(), target("speed"));
    bus.cast(&context, &target, "echo", json!({"n": 0}), LONG).await.ok();
    let (began, before) = (Instant::now(), cpu());
    let latencies = futures::stream::iter(0..count)
        .map(|n| {
            let (context, target) = (&context, &target);
            async move {
                let sent = Instant::now();
                // Nobody need listen: that is an answer of the broker as well.
                let _ = bus.cast(context, target, "echo", json!({"n": n}), LONG).await;
                sent.elapsed()
            }
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    print(
        if at_once == 1 { "serial casts" } else { "casts" },
        count,
        began,
        before,
        latencies,
    );
}

async fn notify(bus: &RabbitBus, count: usize) {
    let topic = Topic::new("speed_notifications").unwrap();
    let notification = |n: usize| Notification {
        message_id: n.to_string(),
        publisher_id: "speed:host".to_owned(),
        event_type: "speed.test".to_owned(),
        priority: Priority::Info,
        payload: json!({"n": n}),
        timestamp: "2026-01-01 00:00:00".to_owned(),
        unique_id: Some(n.to_string()),
        context: Context::fresh(),
    };
    let send = async |n| {
        bus.notify(&topic, &notification(n), Form::Envelope, LONG)
            .unwrap()
            .outcome()
            .await
            .unwrap()
    };
    send(0).await;
    let (began, before) = (Instant::now(), cpu());
    futures::stream::iter(0..count)
        .map(send)
        .buffer_unordered(128)
        .count()
        .await;
    print("notifications", count, began, before, Vec::new());
}

struct Reports {
    seen: AtomicUsize,
    all: usize,
    done: Notify,
}

#[async_trait]
impl Handler for Reports {
    async fn handle(&self, _: Context, _: &str, args: Value) -> Result<Value, RpcError> {
        let report: Report = argument(&args, "report")?;
        if !report.networks.is_empty() && self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.all {
            self.done.notify_one();
        }
        Ok(Value::Null)
    }
}

async fn take_reports(bus: &RabbitBus, url: &str, count: usize) {
    let reports = Arc::new(Reports {
        seen: AtomicUsize::new(0),
        all: count,
        done: Notify::new(),
    });
    let endpoint = Endpoint::new(
        target("speed_reports").topic,
        ServerName::new("engine").unwrap(),
        Version::ONE,
    );
    let serving = bus.serve(endpoint, reports.clone()).unwrap();
    serving.ready(LONG).await.unwrap();
    let own = std::env::current_exe().unwrap();
    let count_text = count.to_string();
    let words = [url, "send-reports", count_text.as_str()];
    let mut child = Command::new(own).args(words).stdout(Stdio::null()).spawn().unwrap();
    let (began, before) = (Instant::now(), cpu());
    reports.done.notified().await;
    print("reports taken in", count, began, before, Vec::new());
    child.wait().unwrap();
}

async fn send_reports(bus: &RabbitBus, count: usize) {
    let network = json!({"agent": "running", "carrier": true, "health_score": 0, "known": 9999, "alive": 9997,
        "proof_of_life_age_ms": 312, "not_alive": {"compute-17": "failed", "compute-18": "left"}});
    let report = json!({"observer": "compute-1", "boot_id": "5f2a6a52-7a0e-4b39-9a1c-2f0d8f5d0c11",
        "system_uuid": "4c4c4544-0031-3010-8052-b4c04f4d3533", "monitor_start": "0f0e0d0c-0b0a-4908-8706-050403020100",
        "sequence": 12, "clock_ms": 123_456_789, "generation": "9f86d081884c7d65",
        "networks": {"management": network, "storage": network, "tenant": network}});
    let target = target("speed_reports");
    let send = async |n: usize| {
        let keep = Keep::Newest(format!("compute-{n}"));
        let args = json!({"report": report});
        bus.fanout(&Context::empty(), &target, "report", args, keep, LONG)
            .unwrap()
            .outcome()
            .await
            .unwrap()
    };
    futures::stream::iter(0..count)
        .map(send)
        .buffer_unordered(256)
        .count()
        .await;
}
