//! One suite for stop and start at Nova: the simulated one, and a real one where `THEMIS_TEST_OS_AUTH_URL` and the other
//! `OS_*` variables with that prefix name a cloud. The real one's first active server is stopped and started again.

use std::sync::Arc;
use std::time::Duration;

use themis_core::InstanceId;
use themis_engine::adapters::bus::OsloBus;
use themis_engine::adapters::compute::NovaCompute;
use themis_engine::ports::Compute;
use themis_engine::ports::compute::ComputeError;
use themis_openstack::clouds::{self, Environment};
use themis_openstack::keystone::{ServiceType, Session};
use themis_openstack::nova::Nova;
use themis_openstack::placement::Placement;
use themis_openstack::service::ServiceClient;
use themis_sim::machines::Machine;
use themis_sim::nova::{Server, Service};
use themis_sim::ports::{ProcessBus, ports};
use themis_sim::process::Process;
use themis_sim::world::{STEP, World};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Until a real nova-compute must have done what it was asked.
const WITHIN: Duration = Duration::from_secs(60);

async fn until(compute: &dyn Compute, id: InstanceId, vm_state: &str) {
    let begun = Instant::now();
    loop {
        let sight = compute.instance(id).await.expect("an answer").expect("an instance");
        if sight.rests(vm_state) {
            return;
        }
        assert!(begun.elapsed() < WITHIN, "not {vm_state}: {sight:?}");
        sleep(Duration::from_millis(200)).await;
    }
}

async fn stops_and_starts(compute: &dyn Compute, id: InstanceId) {
    until(compute, id, "active").await;
    assert_eq!(compute.start(id).await, Ok(()), "it is active: nothing to refuse");
    compute.stop(id).await.expect("stopped");
    assert_eq!(compute.stop(id).await, Ok(()), "on its way: nothing to refuse");
    until(compute, id, "stopped").await;
    assert_eq!(compute.stop(id).await, Ok(()), "it is stopped: nothing to refuse");
    compute.start(id).await.expect("started");
    assert_eq!(compute.start(id).await, Ok(()), "on its way: nothing to refuse");
    until(compute, id, "active").await;
    compute.reset_to_active(id).await.expect("reset");
    let sight = compute.instance(id).await.expect("an answer").expect("an instance");
    assert!(sight.rests("active") && sight.host.is_some(), "{sight:?}");

    let unknown = InstanceId(Uuid::new_v4());
    assert_eq!(compute.instance(unknown).await, Ok(None));
    assert!(matches!(compute.stop(unknown).await, Err(ComputeError::Refused(_))));
    assert!(matches!(compute.start(unknown).await, Err(ComputeError::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn the_simulated_nova_stops_and_starts() {
    let world = World::new(false).expect("a world");
    let id = InstanceId(Uuid::from_u128(1));
    {
        let mut state = world.lock();
        state.site.networks = vec!["management".to_owned()];
        let mut machine = Machine::new("compute-1", Uuid::from_u128(2), false);
        machine.running.insert(id);
        state.site.machines.insert(machine.name.clone(), machine);
        state.nova.services.insert("compute-1".to_owned(), Service::default());
        let server = Server {
            name: "vm-01".to_owned(),
            host: "compute-1".to_owned(),
            vm_state: "active".to_owned(),
            task_state: None,
            metadata: std::collections::BTreeMap::new(),
        };
        state.nova.servers.insert(id, server);
    }
    let process = Process::new("engine-1");
    let bus = ProcessBus::new(world.broker.bus.clone(), process.clone());
    let questions = OsloBus::new(Arc::new(bus)).expect("names");
    let ports = ports(&world, &process, &questions, 1, 1);
    let ticking = world.clone();
    tokio::spawn(async move {
        loop {
            sleep(STEP).await;
            ticking.tick();
        }
    });
    stops_and_starts(ports.compute.as_ref(), id).await;
    assert!(world.lock().site.machines["compute-1"].running.contains(&id));
}

#[tokio::test]
async fn a_real_nova_stops_and_starts_alike() {
    let strip = |(key, value): (String, String)| Some((key.strip_prefix("THEMIS_TEST_")?.to_owned(), value));
    let environment = Environment::new(std::env::vars().filter_map(strip));
    if environment.get("OS_AUTH_URL").is_none() {
        eprintln!("skipped: THEMIS_TEST_OS_AUTH_URL names no real cloud");
        return;
    }
    let session = Session::new(clouds::load(None, &environment).expect("a cloud")).expect("a session");
    let nova = Nova::new(ServiceClient::of_cloud(&session, ServiceType::COMPUTE));
    let placement = Placement::new(ServiceClient::of_cloud(&session, ServiceType::PLACEMENT));
    let mut active = None;
    for service in nova.services().await.expect("services") {
        let servers = nova.servers_on(&service.host).await.expect("servers");
        let found = servers
            .iter()
            .find(|server| server.vm_state.as_deref() == Some("active"));
        active = active.or(found.map(|server| server.id));
    }
    let id = active.expect("the cloud has no active server: create one first");
    let compute = NovaCompute::new(nova, placement, Duration::from_millis(3_300), false);
    stops_and_starts(&compute, id).await;
}
