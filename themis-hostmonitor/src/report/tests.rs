//! The publisher on tokio's paused clock, heard over the bus inside this process.

use async_trait::async_trait;
use serde_json::Value;
use themis_core::NetworkName;
use themis_core::report::OBSERVATIONS_TOPIC;
use themis_messaging::local::LocalBus;
use themis_messaging::{Endpoint, Handler, RpcError, ServerName, Serving, Topic, Version};
use uuid::Uuid;

use super::*;
use crate::view::PeersView;

const INTERVAL: Duration = Duration::from_secs(10);

struct Ear(mpsc::UnboundedSender<(Instant, Report)>);

#[async_trait]
impl Handler for Ear {
    async fn handle(&self, _: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        assert_eq!(method, "report");
        self.0
            .send((Instant::now(), serde_json::from_value(args["report"].clone()).unwrap()))
            .ok();
        Ok(Value::Null)
    }
}

struct World {
    bus: LocalBus,
    board: Board,
    requests: mpsc::Sender<Request>,
    heard: mpsc::UnboundedReceiver<(Instant, Report)>,
    _serving: Serving,
}

impl World {
    fn begin() -> Self {
        let (bus, (sender, heard)) = (LocalBus::new(), mpsc::unbounded_channel());
        let topic = Topic::new(OBSERVATIONS_TOPIC).unwrap();
        let endpoint = Endpoint::new(topic.clone(), ServerName::new("engine").unwrap(), Version::ONE);
        let serving = bus.serve(endpoint, Arc::new(Ear(sender))).unwrap();
        let board = Board::new([(network(), PeersView::default())]);
        let identity = Identity {
            host: "compute-1".to_owned(),
            witness: false,
            boot_id: "boot".to_owned(),
            system_uuid: None,
            monitor_start: Uuid::from_u128(7),
            generation: "g".to_owned(),
        };
        let target = Target::topic(topic, Version::ONE);
        let (publisher, requests) = Publisher::new(identity, board.clone(), Arc::new(bus.clone()), target, INTERVAL);
        tokio::spawn(publisher.run());
        Self {
            bus,
            board,
            requests,
            heard,
            _serving: serving,
        }
    }

    async fn next(&mut self) -> (Instant, Report) {
        self.heard.recv().await.unwrap()
    }

    fn set_carrier(&self, carrier: bool) {
        self.board.write(&network(), |facts| facts.carrier = Some(carrier));
    }
}

fn network() -> NetworkName {
    NetworkName::new("storage")
}

#[tokio::test(start_paused = true)]
async fn whole_reports_come_every_interval_with_a_growing_sequence() {
    let begin = Instant::now();
    let mut world = World::begin();
    let (first_at, first) = world.next().await;
    assert!(first_at - begin <= SPREAD);
    let (second_at, second) = world.next().await;
    let gap = second_at - first_at;
    assert!(
        gap >= INTERVAL && gap < INTERVAL + Duration::from_millis(100),
        "{gap:?}"
    );
    assert_eq!((first.sequence, second.sequence), (1, 2));
    assert_eq!(second.monitor_start, Uuid::from_u128(7));
    assert!(second.clock_ms >= first.clock_ms);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_sent_within_the_spread_and_several_in_one_report() {
    let mut world = World::begin();
    world.next().await;
    let changed = Instant::now();
    world.set_carrier(false);
    world.set_carrier(true);
    let (at, report) = world.next().await;
    assert!(at - changed <= SPREAD + Duration::from_millis(1), "{:?}", at - changed);
    assert_eq!(report.networks[&network()].carrier, Some(true));
    let (at, _) = world.next().await;
    assert!(at - changed >= INTERVAL, "one report for both changes");
}

#[tokio::test(start_paused = true)]
async fn a_sign_of_life_is_sent_at_once_and_does_not_stand_for_the_whole_report() {
    let mut world = World::begin();
    world.next().await;
    let asked = Instant::now();
    world.requests.send(Request::Life("n-1".to_owned())).await.unwrap();
    let (at, report) = world.next().await;
    assert!(at - asked < Duration::from_millis(5), "{:?}", at - asked);
    assert_eq!((report.nonce.as_deref(), report.sequence), (Some("n-1"), 2));
    assert_eq!(world.next().await.1.nonce, None);
}

#[tokio::test(start_paused = true)]
async fn after_a_broker_outage_one_report_comes_and_it_is_of_that_moment() {
    let mut world = World::begin();
    world.next().await;
    world.bus.set_away(true);
    world.set_carrier(false);
    tokio::time::sleep(Duration::from_secs(300)).await;
    world.set_carrier(true);
    let back = Instant::now();
    world.bus.set_away(false);
    let (at, report) = world.next().await;
    assert!(at - back <= GOOD_FOR + RETRY_PAUSE, "{:?}", at - back);
    // What waited at the bus was made within the last seconds; if it is from before the change, the change follows.
    let report = match report.networks[&network()].carrier {
        Some(true) => report,
        _ => world.next().await.1,
    };
    assert_eq!(report.networks[&network()].carrier, Some(true));
    assert!(report.sequence > 2, "it was tried throughout");
    let (next_at, _) = world.next().await;
    assert!(next_at - back >= INTERVAL - SPREAD, "no burst of old reports");
}

#[tokio::test(start_paused = true)]
async fn the_last_report_says_that_the_host_is_being_shut_down() {
    let mut world = World::begin();
    let (done, told) = oneshot::channel();
    world.requests.send(Request::Farewell(done)).await.unwrap();
    told.await.unwrap();
    assert!(world.next().await.1.shutting_down);
    assert!(
        world.requests.send(Request::Resend).await.is_err(),
        "nothing is sent after the farewell"
    );
}
