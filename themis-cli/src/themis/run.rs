//! From a parsed command line to its effect.

use std::io::Write;

use secrecy::SecretString;
use themis_openstack::Session;
use themis_openstack::clouds::{self, Environment};

use super::api::Api;
use super::command::{Brake, Command, Connection, Engine, Host, Incident, Matrix, Mode, Noun, Observer, PowerDevice};
use super::failure::Failure;
use super::power_devices::{self, PASSWORD_VARIABLE};
use super::{completion, engine, hosts, incidents, judgement, modes, reports, simulate, timeline};
use crate::exit::Exit;
use crate::output::{Answer, Format, Paint, Shape, render};

/// Does what the command says; prints to standard output.
///
/// # Errors
/// Why not; [`Failure::exit`] is the exit code.
pub async fn run(command: Command) -> Result<(), Failure> {
    match &command.noun {
        Noun::Simulate(simulation) => return Err(simulate::become_simulator(&simulation.arguments)),
        Noun::Completion { shell } => return write(&completion::script(*shell)),
        _ => {}
    }
    let environment = Environment::new(std::env::vars());
    let api = connect(&command.connection, &environment).await?;
    match command.noun {
        Noun::Host(host) => run_host(&api, host).await,
        Noun::PowerDevice(device) => {
            let variable = environment.get(PASSWORD_VARIABLE).map(SecretString::from);
            run_power_device(&api, device, variable).await
        }
        Noun::Mode(Mode::Show(shape)) => print(&modes::show(&api).await?, &shape),
        Noun::Preflight(asked) => engine::preflight(&api, asked.segment.as_deref(), &asked.shape, show, warn).await,
        Noun::Engine(Engine::Show(shape)) => print(&engine::show(&api).await?, &shape),
        Noun::Observer(Observer::List(shape)) => print(&judgement::observers(&api).await?, &shape),
        Noun::Brake(Brake::List(shape)) => print(&judgement::brakes(&api).await?, &shape),
        Noun::Matrix(Matrix::Show { segment, shape }) => print(&judgement::matrix(&api, &segment).await?, &shape),
        Noun::Arm(arm) => write(&modes::arm(&api, &arm, show).await?),
        Noun::Observe(observe) => write(&modes::observe(&api, &observe).await?),
        Noun::Incident(incident) => run_incident(&api, incident).await,
        // These ask nobody, see above.
        Noun::Simulate(_) | Noun::Completion { .. } => Ok(()),
    }
}

async fn connect(connection: &Connection, environment: &Environment) -> Result<Api, Failure> {
    let cloud = clouds::load(connection.os_cloud.as_deref(), environment)?;
    let session = Session::new(cloud).map_err(themis_openstack::ServiceError::from)?;
    Api::find(&session, connection.url.as_deref().filter(|url| !url.is_empty())).await
}

async fn run_host(api: &Api, host: Host) -> Result<(), Failure> {
    match host {
        Host::List(shape) => print(&hosts::list(api).await?, &shape),
        Host::Show { host, shape } => print(&hosts::show(api, &host).await?, &shape),
        Host::Reports { host, shape } => print(&reports::list(api, &host).await?, &shape),
        Host::Enable(ask) => write(&hosts::ask(api, &ask.host, "enable", &ask.reason).await?),
        Host::Disable(ask) => write(&hosts::ask(api, &ask.host, "disable", &ask.reason).await?),
        Host::Retry(ask) => write(&hosts::ask(api, &ask.host, "retry", &ask.reason).await?),
        Host::ConfirmDead { host, reason, yes } => write(&hosts::confirm_dead(api, &host, &reason, yes).await?),
    }
}

async fn run_power_device(api: &Api, device: PowerDevice, password: Option<SecretString>) -> Result<(), Failure> {
    match device {
        PowerDevice::List { host, shape } => print(&power_devices::list(api, &host).await?, &shape),
        PowerDevice::Set(asked) => print(&power_devices::set(api, &asked, password).await?, &asked.shape),
        PowerDevice::Test { host, device, shape } => {
            let tests = power_devices::test(api, &host, device.as_deref()).await?;
            print(&power_devices::tests(&tests), &shape)?;
            power_devices::passed(&tests)
        }
        PowerDevice::Delete { host, device } => write(&power_devices::delete(api, &host, &device).await?),
    }
}

async fn run_incident(api: &Api, incident: Incident) -> Result<(), Failure> {
    match incident {
        Incident::List { host, open, shape } => print(&incidents::list(api, host.as_deref(), open).await?, &shape),
        Incident::Show { incident, shape } => print(&incidents::show(api, &incident).await?, &shape),
        Incident::Events {
            incident,
            follow,
            shape,
        } => {
            let (name, paint) = (incident.as_deref(), Paint::of_stdout());
            match (follow, shape.format, shape.columns.is_empty()) {
                (true, Format::Table, true) => timeline::follow(api, name, paint, show).await,
                (true, ..) => Err(Failure::Usage("--follow is for people; leave out -f and -c".to_owned())),
                (false, Format::Table, true) => timeline::print(api, name, paint, show).await,
                (false, ..) => {
                    let events = match incidents::meant(api, name).await? {
                        Some(incident) => incidents::events_after(api, &incident.uuid, 0).await?,
                        None => vec![],
                    };
                    print(&incidents::events(&events), &shape)
                }
            }
        }
    }
}

fn print(answer: &Answer, shape: &Shape) -> Result<(), Failure> {
    write(&render(answer, shape)?)
}

fn write(text: &str) -> Result<(), Failure> {
    match write_out(text) {
        // `themis host list | head`: the reader has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(|source| Failure::Io {
            what: "cannot write".to_owned(),
            source,
        }),
    }
}

/// Prints at once what comes before the end of a command, which may never come: a reader that is gone ends it.
fn show(text: &str) {
    if write_out(text).is_err() {
        std::process::exit(Exit::Failed as i32);
    }
}

/// Warns beside what is printed, so that a script still reads the table alone.
fn warn(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}

fn write_out(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}
