//! How fast the bus is, one role in each process; `interop/oslo_speed.py` does the same with oslo.messaging.
//!
//! `bus_speed URL cast|notify COUNT AT_ONCE` sends, each message confirmed by the broker; `bus_speed URL serve COUNT`
//! handles casts, and `bus_speed URL report COUNT AT_ONCE` sends the reports of 10,000 monitors in turn; what takes them in
//! is the engine's `report_intake`.
//! Prints `ready` (servers), then one JSON object: rate, latencies, CPU time and memory of this process. A sender's
//! latency is from the call to the confirmation, a server's from the sender's call to the handler.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool for measuring"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{Future, StreamExt};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use themis_core::report::{OBSERVATIONS_TOPIC, RPC_VERSION};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{
    Bus, Context, Endpoint, Form, Handler, Keep, Notification, Priority, RpcError, ServerName, Settings, Target, Topic,
    Version, argument,
};
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(120);
/// Monitors of the site whose reports are sent.
const MONITORS: usize = 10_000;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let number = |text: &&str| text.parse::<usize>().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bus = |url: &str| RabbitBus::start(Settings::for_url(url).unwrap(), "speed").unwrap();
        match &words[..] {
            [url, "cast", count, at_once] => casts(&bus(url), number(count), number(at_once)).await,
            [url, "notify", count, at_once] => notifications(&bus(url), number(count), number(at_once)).await,
            [url, "report", count, at_once] => reports(&bus(url), number(count), number(at_once)).await,
            [url, "serve", count] => serve(&bus(url), number(count)).await,
            _ => panic!("bus_speed URL cast|notify|report COUNT AT_ONCE, or URL serve COUNT"),
        }
    });
}

fn target(topic: &str) -> Target {
    Target::topic(Topic::new(topic).unwrap(), Version::ONE)
}

/// A clock of the machine's, in nanoseconds; Python's `time.monotonic_ns` and `time.process_time_ns` read the same.
fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Both clocks at the beginning.
struct Began {
    time: u64,
    cpu: u64,
}

impl Began {
    fn now() -> Self {
        Self {
            time: nanoseconds(ClockId::Monotonic),
            cpu: nanoseconds(ClockId::ProcessCPUTime),
        }
    }

    fn print(&self, mut latencies: Vec<u64>) {
        let now = Self::now();
        let (seconds, cpu_s) = ((now.time - self.time) as f64 / 1e9, (now.cpu - self.cpu) as f64 / 1e9);
        latencies.sort_unstable();
        let count = latencies.len();
        let at = |part: usize| latencies.get(count * part / 100).map(|ns| *ns as f64 / 1e6);
        let said = json!({
            "count": count, "per_s": count as f64 / seconds, "cpu_us_each": cpu_s * 1e6 / count as f64,
            "p50_ms": at(50), "p99_ms": at(99), "resident_mb": resident_mb(),
        });
        println!("{said}");
    }
}

/// Sends `count` messages, so many at once; the first, which connects and declares, is not measured.
async fn measure<F: Future<Output = ()>>(count: usize, at_once: usize, send: impl Fn(usize) -> F) {
    send(0).await;
    let began = Began::now();
    let timed = async |n: usize| {
        let sent = nanoseconds(ClockId::Monotonic);
        send(n).await;
        nanoseconds(ClockId::Monotonic) - sent
    };
    let latencies = futures::stream::iter(1..=count)
        .map(timed)
        .buffer_unordered(at_once)
        .collect()
        .await;
    began.print(latencies);
}

async fn casts(bus: &RabbitBus, count: usize, at_once: usize) {
    let (context, target) = (Context::fresh(), target("speed"));
    let cast = async |n: usize| {
        let args = json!({"n": n, "sent": nanoseconds(ClockId::Monotonic)});
        bus.cast(&context, &target, "echo", args, LONG).await.unwrap();
    };
    measure(count, at_once, cast).await;
}

async fn notifications(bus: &RabbitBus, count: usize, at_once: usize) {
    let topic = Topic::new("speed_notifications").unwrap();
    let notify = async |n: usize| {
        let notification = Notification {
            message_id: n.to_string(),
            publisher_id: "speed:host".to_owned(),
            event_type: "speed.test".to_owned(),
            priority: Priority::Info,
            payload: json!({"n": n}),
            timestamp: "2026-01-01 00:00:00".to_owned(),
            unique_id: Some(n.to_string()),
            context: Context::fresh(),
        };
        let receipt = bus.notify(&topic, &notification, Form::Envelope, LONG).unwrap();
        receipt.outcome().await.unwrap();
    };
    measure(count, at_once, notify).await;
}

async fn reports(bus: &RabbitBus, count: usize, at_once: usize) {
    let network = json!({"agent": "running", "carrier": true, "health_score": 0, "known": 9999, "alive": 9997,
        "proof_of_life_age_ms": 312, "not_alive": {"compute-17": "failed", "compute-18": "left"}});
    let report = json!({"observer": "compute-1", "boot_id": "5f2a6a52-7a0e-4b39-9a1c-2f0d8f5d0c11",
        "system_uuid": "4c4c4544-0031-3010-8052-b4c04f4d3533", "monitor_start": "0f0e0d0c-0b0a-4908-8706-050403020100",
        "sequence": 0, "clock_ms": 0, "generation": "9f86d081884c7d65",
        "networks": {"management": network, "storage": network, "tenant": network}});
    let target = Target::topic(Topic::new(OBSERVATIONS_TOPIC).unwrap(), RPC_VERSION.parse().unwrap());
    let send = async |n: usize| {
        let observer = format!("compute-{}", n % MONITORS);
        let mut report = report.clone();
        report["observer"] = json!(observer);
        report["sequence"] = json!(n);
        report["clock_ms"] = json!(nanoseconds(ClockId::Realtime) / 1_000_000);
        let (keep, args) = (Keep::Newest(observer), json!({"report": report}));
        let fanout = bus.fanout(&Context::empty(), &target, "report", args, keep, LONG);
        fanout.unwrap().outcome().await.unwrap();
    };
    measure(count, at_once, send).await;
}

/// Counts and times what it handles; the clock starts at the second message, when the connection has warmed up.
struct Handled {
    began: Mutex<Option<Began>>,
    latencies: Mutex<Vec<u64>>,
    warm: AtomicBool,
    all: usize,
    done: Notify,
}

#[async_trait]
impl Handler for Handled {
    async fn handle(&self, _: Context, _: &str, args: Value) -> Result<Value, RpcError> {
        let sent: u64 = argument(&args, "sent")?;
        if !self.warm.swap(true, Ordering::Relaxed) {
            *self.began.lock().unwrap() = Some(Began::now());
            return Ok(Value::Null);
        }
        let mut latencies = self.latencies.lock().unwrap();
        latencies.push(nanoseconds(ClockId::Monotonic) - sent);
        if latencies.len() == self.all {
            self.done.notify_one();
        }
        Ok(Value::Null)
    }
}

async fn serve(bus: &RabbitBus, count: usize) {
    let handled = Arc::new(Handled {
        began: Mutex::default(),
        latencies: Mutex::default(),
        warm: AtomicBool::new(false),
        all: count,
        done: Notify::new(),
    });
    let endpoint = Endpoint::new(target("speed").topic, ServerName::new("server").unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, handled.clone()).unwrap();
    serving.ready(LONG).await.unwrap();
    println!("ready");
    handled.done.notified().await;
    let latencies = std::mem::take(&mut *handled.latencies.lock().unwrap());
    handled.began.lock().unwrap().take().unwrap().print(latencies);
}
