//! `themis-manage`: the database, the key file and the configuration, on the controller.

mod command;
mod config;
mod db;
mod failure;
mod import;
mod keys;
pub mod manual;
mod purge;
mod waiting;

pub use command::Command;
pub(crate) use command::ConfigFiles;
pub(crate) use config::{known, load, policy_files};
pub use failure::Failure;

use command::{Config, Db, Keys, Noun};

/// Does what the command says. What to print.
///
/// # Errors
/// Why not; [`Failure::exit`] is the exit code.
pub async fn run(command: Command) -> Result<String, Failure> {
    match command.noun {
        Noun::Db(Db::Sync) => db::sync(&load(&command.files)?).await,
        Noun::Db(Db::Version) => db::version(&load(&command.files)?).await,
        Noun::Db(Db::Purge(purge)) => purge::run(&load(&command.files)?, &purge).await,
        Noun::Db(Db::ImportMasakari(import)) => import::run(&load(&command.files)?, &import).await,
        Noun::Keys(Keys::Create { file }) => keys::create(&file),
        Noun::Config(Config::Check) => config::check(&command.files),
    }
}
