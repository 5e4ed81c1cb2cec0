//! `themis-engine`: everything is built here, by hand, top to bottom.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use themis_config::Source;
use themis_db::pool::STATEMENT_DEADLINE;
use themis_engine::adapters::announce::OsloAnnouncer;
use themis_engine::adapters::bus::{OsloBus, ask_all, listen};
use themis_engine::adapters::clock::{MachineClock, RandomIds};
use themis_engine::adapters::compute::NovaCompute;
use themis_engine::adapters::power::IpmiPower;
use themis_engine::adapters::senders::Senders;
use themis_engine::adapters::store::DatabaseStore;
use themis_engine::config::{self, EngineSection, HostFailureSection, RecoverySection};
use themis_engine::options::Options;
use themis_engine::readiness::{Needs, Readiness};
use themis_engine::{Engine, Ports};
use themis_fencing::{FencingSection, SealKey};
use themis_messaging::Bus as _;
use themis_messaging::rabbit::{Events, RabbitBus};
use themis_openstack::config::{KeystoneAuthtokenSection, NovaSection, PlacementSection};
use themis_openstack::nova::Nova;
use themis_openstack::placement::Placement;
use themis_service::{health, signals, start};

/// How long one reading of a power device may take.
const READ_WITHIN: Duration = Duration::from_millis(2500);
/// How long one power-off may take; well under a third of the lease.
const OFF_WITHIN: Duration = Duration::from_secs(3);
/// How often a database that is away at the start is tried again.
const DATABASE_RETRY: Duration = Duration::from_secs(5);
/// How long the bus may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let Err(error) = start_and_run(&Options::parse()) else {
        return ExitCode::SUCCESS;
    };
    let line = start::in_one_line(&error);
    tracing::error!("{line}");
    // Also where a log file hides it from whoever started the program.
    let _ = writeln!(std::io::stderr(), "themis-engine: {line}");
    ExitCode::FAILURE
}

fn start_and_run(options: &Options) -> anyhow::Result<()> {
    let start = start("themis-engine", &options.common, &config::sections())?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(start.source))
}

async fn run(source: Source) -> anyhow::Result<()> {
    let stop = signals::stop_token()?;
    signals::outlive_hangup()?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let settings = config::settings(&source, &host)?;
    let engine: EngineSection = source.section()?;
    let readiness = Readiness::default();
    if let Some(address) = engine.metrics_listen.as_deref() {
        let address = address
            .parse()
            .with_context(|| format!("[engine] metrics_listen: '{address}' is not ADDRESS:PORT"))?;
        let metrics = health::install_metrics()?;
        let (asked, until) = (readiness.clone(), stop.clone());
        let asked: health::Readiness = Arc::new(move || {
            let asked = asked.clone();
            Box::pin(async move { asked.check().await })
        });
        tokio::spawn(async move {
            if let Err(error) = health::serve_with_readiness(address, metrics, asked, until).await {
                tracing::error!("{error:#}");
            }
        });
    }
    let bus = Arc::new(RabbitBus::start(
        themis_messaging::Settings::read(&source)?,
        "themis-engine",
    )?);
    let questions = OsloBus::new(bus.clone())?;
    let answer_within = settings.lease.answer_within().min(STATEMENT_DEADLINE);
    let Some(store) = database(&source, answer_within, &stop).await? else {
        return Ok(());
    };
    let (name, lease_ttl, pool) = (settings.name.clone(), settings.lease.ttl, store.pool());
    let events = Events::start(&source, bus.clone(), "masakari-engine")?;
    let announcer = Arc::new(OsloAnnouncer::start(store.pool(), events.notifier.clone()));
    let ports = Ports {
        store: Arc::new(store),
        compute: Arc::new(compute(&source)?),
        power: Arc::new(power(&source)?),
        bus: Arc::new(questions.clone()),
        clock: Arc::new(MachineClock),
        ids: Arc::new(RandomIds),
    };
    let engine = Engine::new(settings, ports).with_announcer(announcer.clone());
    let served = listen(
        bus.as_ref(),
        &name,
        &engine.mailbox(),
        &engine.callers(),
        Senders::read(&source)?,
    )?;
    readiness.begun(Needs {
        bus: bus.as_ref().clone(),
        pool,
        lease: engine.lease_known(),
        lease_ttl,
    });
    ask_all(&questions, &name).await;
    start::ready();
    engine.run(stop).await;
    for serving in served {
        serving.stop(STOP_WITHIN).await;
    }
    // The last commits' news need the bus; what they are about needs the database.
    announcer.stop(STOP_WITHIN).await;
    events.stop(STOP_WITHIN).await;
    bus.stop(STOP_WITHIN).await;
    Ok(())
}

/// Connects to the database, waiting for one that is away; `None` when asked to stop meanwhile.
async fn database(
    source: &Source,
    answer_within: Duration,
    stop: &tokio_util::sync::CancellationToken,
) -> anyhow::Result<Option<DatabaseStore>> {
    let section = source.section::<themis_db::DatabaseSection>()?;
    loop {
        match themis_db::connect(&section).await {
            Ok(pool) => return Ok(Some(DatabaseStore::new(pool.with_deadline(answer_within)))),
            Err(error) if error.may_heal() => {
                tracing::error!("{error}; trying again in {} s", DATABASE_RETRY.as_secs());
                tokio::select! {
                    () = stop.cancelled() => return Ok(None),
                    () = tokio::time::sleep(DATABASE_RETRY) => {}
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn compute(source: &Source) -> anyhow::Result<NovaCompute> {
    let session = source.section::<KeystoneAuthtokenSection>()?.session()?;
    let nova = Nova::from_section(&source.section::<NovaSection>()?, &session)?;
    let placement = Placement::from_section(&source.section::<PlacementSection>()?, &session)?;
    let shared = source.section::<RecoverySection>()?.shared_instance_disks;
    let effect_within = source.section::<EngineSection>()?.lease_ttl / 3;
    let ha_key = source.section::<HostFailureSection>()?.ha_enabled_instance_metadata_key;
    Ok(NovaCompute::new(nova, placement, effect_within, shared).with_ha_key(ha_key))
}

fn power(source: &Source) -> anyhow::Result<IpmiPower> {
    let section: FencingSection = source.section()?;
    let key = match SealKey::load(section.key_file.as_deref()) {
        Ok(key) => Some(key),
        Err(error) => {
            tracing::error!("{error}; until then no host can be fenced");
            None
        }
    };
    Ok(IpmiPower::new(key, section.timing(), READ_WITHIN, OFF_WITHIN))
}
