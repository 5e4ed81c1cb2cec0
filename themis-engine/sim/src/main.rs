//! `themis-simulate`: plays scenario files in virtual time, prints their decision logs, and judges them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use themis_sim::run::play;
use themis_sim::scenario::Scenario;

/// Plays scenarios against the real engine in a simulated world
#[derive(Debug, Parser)]
#[command(name = "themis-simulate", version)]
struct Options {
    /// Scenario files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Another seed than the scenario's
    #[arg(long)]
    seed: Option<u64>,
}

#[allow(clippy::print_stdout, reason = "printing the log is what it is for")]
fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let mut sound = true;
    for file in &options.files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut scenario = Scenario::parse(&text).with_context(|| file.display().to_string())?;
        scenario.seed = options.seed.unwrap_or(scenario.seed);
        println!("# {}", scenario.intent);
        let play = play(&scenario, true).with_context(|| file.display().to_string())?;
        for broken in &play.verdict.broken {
            println!("BROKEN: {broken}");
        }
        sound &= play.verdict.broken.is_empty();
    }
    println!(
        "{}",
        if sound {
            "all promises were kept"
        } else {
            "a promise was broken"
        }
    );
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
