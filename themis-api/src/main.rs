//! `themis-api`: builds the service by hand, top to bottom, and serves it until SIGTERM.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::ServiceExt;
use axum::extract::Request;
use axum::serve::ListenerExt;
use clap::Parser;
use themis_api::app_state::App;
use themis_api::config::{ApiSection, HealthcheckSection, MiddlewareSection, Settings, sections};
use themis_api::cors::CorsSection;
use themis_api::leader::Leader;
use themis_api::policy::Rules;
use themis_api::router;
use themis_api::wake::Waker;
use themis_config::{KnownSection, Source};
use themis_core::report::{ENGINE_TOPIC, RPC_VERSION};
use themis_db::{DatabaseSection, Pool};
use themis_fencing::{FencingSection, SealKey};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Target, Topic};
use themis_openstack::config::{KeystoneAuthtokenSection, NovaSection, OsloPolicySection};
use themis_openstack::nova::Nova;
use themis_openstack::token::TokenValidator;
use themis_service::logging::LoggingSection;
use themis_service::{CommonOptions, health, signals, start};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Time between two attempts to open a database that cannot be reached.
const DATABASE_RETRY: Duration = Duration::from_secs(5);
/// How long waiting messages may take to leave at the end.
const BUS_STOP: Duration = Duration::from_secs(2);

/// The HTTP API of Themis: Masakari's /v1 and Themis's own /themis/v1
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    common: CommonOptions,
}

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
    let app = Arc::new(App {
        store,
        tokens: TokenValidator::new(&session, keystone.token_cache_time),
        rules: Rules::of_file(policy_file(&source, &options.common.config_file)?)?,
        nova: Nova::from_section(&source.section::<NovaSection>()?, &session)?,
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
    serve_metrics(&api, &stop)?;
    serve(&api, &app, stop).await?;
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
fn policy_file(source: &Source, config_files: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let file = source.section::<OsloPolicySection>()?.policy_file;
    let directory = config_files
        .first()
        .and_then(|file| file.parent())
        .unwrap_or_else(|| Path::new("."));
    Ok(directory.join(file))
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
            tracing::info!("SIGHUP: reading the access rules again");
            app.rules.reload();
        }
    });
    Ok(())
}

fn serve_metrics(api: &ApiSection, stop: &CancellationToken) -> anyhow::Result<()> {
    let Some(text) = &api.metrics_listen else { return Ok(()) };
    let address: SocketAddr = text
        .parse()
        .with_context(|| format!("[api] metrics_listen: '{text}' is not ADDRESS:PORT"))?;
    let served = health::serve(address, health::install_metrics()?, stop.clone());
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
        .with_context(|| format!("cannot listen on [api] listen and port {address}; is another service there?"))?
        // An answer is written whole; waiting for more would only delay it.
        .tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(router::service(app));
    tracing::info!("listening on {address}");
    start::ready();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(api.graceful_shutdown_timeout).await;
    };
    tokio::select! {
        ended = served.into_future() => ended?,
        () = overdue => tracing::warn!("requests still under way after {:?} are cut off", api.graceful_shutdown_timeout),
    }
    tracing::info!("stopped");
    Ok(())
}
