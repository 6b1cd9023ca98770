//! `postern-machine`: runs a node's batches in the fault-proof machine, shows the witness of a step, and checks a step against
//! the contract.
//!
//! Results go to standard output. Standard error has how far a long run is, and one line if the command fails.

use std::{
    fs,
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use clap::{Args, Parser, Subcommand};
use eyre::{Result, eyre};
use postern_machine::Program;
use postern_node::{
    cli,
    trace::{DerivedBatch, Step, StepContract, Trace},
};

/// How often a run says how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// Runs the batches of a node that is stopped in the fault-proof machine.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a batch: checks that the program comes to the node's output, and prints what the run takes.
    Run(RunArgs),
    /// Prints the witness of a step, and the hashes of the states before and after it.
    Witness(StepArgs),
    /// Checks that the contract MachineStep takes a step as the machine does.
    Check(CheckArgs),
}

#[derive(Args)]
struct RunArgs {
    /// Directory of the node's database. Nothing is written there.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Index of the batch, counted from 0.
    #[arg(long, value_name = "INDEX")]
    batch: u64,
    /// ELF file of another program than the one that is built in.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

#[derive(Args)]
struct StepArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The step, counted from 0.
    #[arg(long, value_name = "STEP")]
    step: u64,
}

#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    step: StepArgs,
    /// JSON-RPC of an Ethereum node.
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// Where the contract is deployed; by default the node is asked to act as if it were.
    #[arg(long, value_name = "ADDRESS")]
    machine_step: Option<Address>,
}

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli::end(match cli.command {
            Command::Run(args) => run(args),
            Command::Witness(args) => witness(args),
            Command::Check(args) => check(args),
        }),
        Err(error) => cli::refuse(&error),
    }
}

fn run(args: RunArgs) -> Result<()> {
    let trace = trace(args)?;
    let seconds = trace.time().as_secs_f64();
    let (batch, steps) = (trace.batch(), trace.steps());
    println!("batch {} {}", batch.index, batch.hash);
    println!("previous output {}", batch.previous_output_root);
    println!("output {}", batch.output_root);
    println!("steps {steps}");
    println!("memory {} bytes", trace.memory_in_use());
    println!("time {seconds:.3} s, {:.0} million steps per second", million(steps) / seconds);
    Ok(())
}

fn witness(args: StepArgs) -> Result<()> {
    let step = trace(args.run)?.step_within(args.step)?;
    print_instruction(&step);
    println!("state {}", step.state_hash);
    println!("next state {}", step.next_state_hash);
    println!("witness {}", step.witness);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn check(args: CheckArgs) -> Result<()> {
    // Before the run, which may take long.
    let contract = StepContract::connect(&args.rpc, args.machine_step).await?;
    let StepArgs { run, step: number } = args.step;
    let step = trace(run)?.step_within(number)?;
    contract.check(&step).await?;
    print_instruction(&step);
    let Step { state_hash, next_state_hash, .. } = step;
    println!("step {number} leads from {state_hash} to {next_state_hash}, by MachineStep too");
    Ok(())
}

fn print_instruction(step: &Step) {
    if let Some(instruction) = step.instruction {
        println!("instruction {:#x} {instruction}", instruction.pc);
    }
}

/// The whole run.
fn trace(args: RunArgs) -> Result<Trace> {
    let program = match &args.program {
        None => postern_program::program(),
        Some(path) => {
            let file = fs::read(path).map_err(|error| eyre!("cannot read {}: {error}", path.display()))?;
            Program::from_elf(&file).map_err(|error| eyre!("{} is not a program: {error}", path.display()))?
        }
    };
    let batch = DerivedBatch::open(&args.data_dir, args.batch)?;
    let (started, mut said) = (Instant::now(), Instant::now());
    let trace = Trace::run(&program, batch, |steps| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            eprintln!("{:.0} million steps in {:.0} s", million(steps), started.elapsed().as_secs_f64());
        }
        ControlFlow::Continue(())
    })?;
    Ok(trace)
}

fn million(steps: u64) -> f64 {
    steps as f64 / 1e6
}
