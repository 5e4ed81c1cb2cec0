//! `themis-api`: builds the service by hand, top to bottom, and serves it until SIGTERM.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use themis_api::announce::Announcer;
use themis_api::app_state::App;
use themis_api::config::{ApiSection, HealthcheckSection, MiddlewareSection, Settings, sections};
use themis_api::cors::CorsSection;
use themis_api::leader::Leader;
use themis_api::options::Options;
use themis_api::policy::Rules;
use themis_api::server;
use themis_api::wake::Waker;
use themis_config::{KnownSection, Source};
use themis_core::report::{ENGINE_TOPIC, RPC_VERSION};
use themis_db::{DatabaseSection, Pool};
use themis_fencing::{FencingSection, SealKey};
use themis_messaging::rabbit::{Events, RabbitBus};
use themis_messaging::{Bus, Target, Topic};
use themis_openstack::config::{KeystoneAuthtokenSection, NovaSection, OsloPolicySection};
use themis_openstack::nova::Nova;
use themis_service::logging::LoggingSection;
use themis_service::{health, signals, start};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Time between two attempts to open a database that cannot be reached.
const DATABASE_RETRY: Duration = Duration::from_secs(5);
/// How long the database may take to show that it can be read.
const READINESS_DEADLINE: Duration = Duration::from_secs(3);
/// How long waiting messages may take to leave at the end.
const BUS_STOP: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Options::parse()).await else {
        return ExitCode::SUCCESS;
    };
    let line = start::in_one_line(&error);
    tracing::error!("{line}");
    // Also where a log file hides it from whoever started the program.
    let _ = writeln!(std::io::stderr(), "themis-api: {line}");
    ExitCode::FAILURE
}

async fn run(options: Options) -> anyhow::Result<()> {
    let source = start::start("themis-api", &options.common, &known())?.source;
    let stop = signals::stop_token()?;
    let api: ApiSection = source.section()?;
    let keystone: KeystoneAuthtokenSection = source.section()?;
    let session = keystone.session()?;
    let bus = Arc::new(RabbitBus::start(
        themis_messaging::Settings::read(&source)?,
        "themis-api",
    )?);
    let engines = Target::topic(Topic::new(ENGINE_TOPIC)?, RPC_VERSION.parse()?);
    let Some(store) = open_database(&source, &stop).await? else {
        return Ok(());
    };
    if let Err(error) = themis_db::schema::ready(&store).await {
        tracing::error!("not ready: {error}");
    }
    let events = Events::start(&source, Arc::clone(&bus) as Arc<dyn Bus>, "masakari-api")?;
    let app = Arc::new(App {
        store,
        tokens: keystone.validator(&session)?,
        rules: Rules::of_files(policy_files(&source, &options.common.config_file)?)?,
        nova: Nova::from_section(&source.section::<NovaSection>()?, &session)?,
        announcer: Announcer::new(events.notifier.clone()),
        waker: Waker::new(Arc::clone(&bus) as Arc<dyn Bus>, engines.clone()),
        leader: Leader::new(Arc::clone(&bus) as Arc<dyn Bus>, engines),
        seal_key: seal_key(&source)?,
        settings: Settings::new(
            &api,
            &source.section::<MiddlewareSection>()?,
            &source.section::<HealthcheckSection>()?,
            source.section::<CorsSection>()?,
            keystone.www_authenticate_uri().to_owned(),
        ),
    });
    reload_on_hangup(Arc::clone(&app))?;
    serve_metrics(&api, app.store.clone(), &stop)?;
    serve(&api, &app, stop).await?;
    events.stop(BUS_STOP).await;
    bus.stop(BUS_STOP).await;
    Ok(())
}

fn known() -> Vec<KnownSection> {
    let mut known = vec![KnownSection::of::<LoggingSection>()];
    known.extend(sections());
    known.extend(themis_db::config::sections());
    known.extend(themis_fencing::config::sections());
    known.extend(themis_messaging::config::sections());
    known.extend(themis_openstack::sections());
    known
}

/// Tries until it is open; each attempt that fails leaves one line that names the fix. `None` when asked to stop first.
async fn open_database(source: &Source, stop: &CancellationToken) -> anyhow::Result<Option<Pool>> {
    let section: DatabaseSection = source.section()?;
    loop {
        match themis_db::connect(&section).await {
            Ok(pool) => return Ok(Some(pool)),
            Err(error) if error.may_heal() => tracing::error!("{error}; trying again in {DATABASE_RETRY:?}"),
            Err(error) => return Err(error.into()),
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(DATABASE_RETRY))
            .await
            .is_none()
        {
            return Ok(None);
        }
    }
}

/// Relative to the directory of the first configuration file, as operators of oslo.policy expect.
fn policy_files(source: &Source, config_files: &[PathBuf]) -> anyhow::Result<OsloPolicySection> {
    let directory = config_files
        .first()
        .and_then(|file| file.parent())
        .unwrap_or_else(|| Path::new("."));
    Ok(source.section::<OsloPolicySection>()?.within(directory))
}

fn seal_key(source: &Source) -> anyhow::Result<Option<SealKey>> {
    let file = source.section::<FencingSection>()?.key_file;
    if file.is_none() {
        tracing::warn!(
            "[fencing] key_file is not set: power devices cannot be registered; make a key with 'themis-manage keys create FILE'"
        );
    }
    Ok(file.map(|file| SealKey::load(Some(&file))).transpose()?)
}

fn reload_on_hangup(app: Arc<App>) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: reading the access rules and keystone's keys again");
            app.rules.reload();
            if let Some(keys) = app.tokens.jws_keys() {
                keys.reload().await;
            }
        }
    });
    Ok(())
}

/// Ready is an API that can read a table: a Galera node without quorum still answers pings.
fn serve_metrics(api: &ApiSection, store: Pool, stop: &CancellationToken) -> anyhow::Result<()> {
    let Some(text) = &api.metrics_listen else { return Ok(()) };
    let address: SocketAddr = text
        .parse()
        .with_context(|| format!("[api] metrics_listen: '{text}' is not ADDRESS:PORT"))?;
    let store = store.with_deadline(READINESS_DEADLINE);
    let readiness: health::Readiness = Arc::new(move || {
        let store = store.clone();
        Box::pin(async move {
            let outcome = themis_db::schema::ready(&store).await;
            outcome.map_err(|error| error.to_string())
        })
    });
    let served = health::serve_with_readiness(address, health::install_metrics()?, readiness, stop.clone());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!("{error:#}");
        }
    });
    Ok(())
}

/// Serves until `stop`; then requests under way have their time to end.
async fn serve(api: &ApiSection, app: &Arc<App>, stop: CancellationToken) -> anyhow::Result<()> {
    let address = api.address()?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on [api] listen and port {address}; is another service there?"))?;
    tracing::info!("listening on {address}");
    start::ready();
    match server::serve(listener, app, api.bounds(), stop).await {
        0 => tracing::info!("stopped"),
        left => tracing::warn!(
            "stopped; {left} requests that were still under way after {:?} are cut off",
            api.graceful_shutdown_timeout
        ),
    }
    Ok(())
}
