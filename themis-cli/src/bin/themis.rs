//! The operator's command line; see `themis_cli::themis`.

use std::process::ExitCode;

use clap::Parser;
use themis_cli::exit::{Exit, one_line};
use themis_cli::themis::{Command, run};
use themis_service::logging::{LoggingSection, install};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Command::parse();
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    if command.connection.debug {
        let section = LoggingSection {
            debug: true,
            log_file: None,
            use_json: false,
        };
        drop(install(&section, true));
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
