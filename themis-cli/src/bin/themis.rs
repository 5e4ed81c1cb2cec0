//! The operator's command line; see `themis_cli::themis`.

use std::process::ExitCode;

use clap::Parser;
use themis_cli::exit::{Exit, one_line};
use themis_cli::themis::{Command, run};
use themis_service::logging::install_for_debugging;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Command::parse();
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    if command.connection.debug {
        drop(install_for_debugging());
    }
    match run(command).await {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the program's own words to its user")]
            {
                eprintln!("themis: {}", one_line(&failure));
            }
            failure.exit().into()
        }
    }
}
