//! Part of `make bench`: how fast a node that has nothing but L1 comes to the sequencer's outputs, and how much memory that takes,
//! the longer the history.
//!
//! History is transfers, each to an account of its own, so the state grows with it. They go by calldata, in batches of much the same
//! size. The node is a process of its own and starts with an empty directory; its memory is the most that was ever resident
//! (`VmHWM`). A short history does not fill the database's cache, so the size of the database is shown beside it. Other sizes of
//! history can be given as arguments, in transfers.

use std::{
    env::{self, consts::EXE_SUFFIX},
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use alloy::{
    primitives::U64,
    providers::{Provider, ProviderBuilder},
};
use eyre::{OptionExt, Result, WrapErr, bail, ensure, eyre};
use postern_client::rpc::{OUTPUT, Output, SYNC_STATUS, SyncStatus};
use postern_node::{NodeConfig, chain::Chain};
use postern_tests::{
    Actor, Devnet, Roles, ether, eventually,
    measure::{Progress, mib, peak_memory},
};

/// Sizes of history, in transfers.
const SIZES: [u64; 3] = [1_000, 10_000, 100_000];
/// Transfers that are sent at once; they are in batches before the next are sent, so a longer history has no larger batches.
const CHUNK: u64 = 500;
/// L1 blocks after history: near L1's head a node reads otherwise than where it spends most of a rebuild.
const L1_BLOCKS_AFTER: u64 = 100;

/// What a rebuild took.
struct Measured {
    transfers: u64,
    batches: u64,
    /// In bytes.
    database: u64,
    time: Duration,
    /// In bytes; none where the system does not tell it as Linux does.
    memory: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure().await {
        Ok(rows) => {
            print(&rows);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rebuild: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<Vec<Measured>> {
    let (sizes, program) = (sizes(env::args().skip(1))?, program()?);
    eprintln!("Starting L1 (Anvil), deploying the contracts, starting L2 …");
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(1_000)).await?;
    let (mut rows, mut transfers) = (Vec::new(), 0);
    for size in sizes {
        lengthen(&devnet, transfers, size).await?;
        transfers = size;
        devnet.mine(L1_BLOCKS_AFTER).await?;
        devnet.posted().await?;
        rows.push(rebuild(&devnet, &program, transfers).await?);
    }
    Ok(rows)
}

/// What the arguments ask for.
fn sizes(arguments: impl Iterator<Item = String>) -> Result<Vec<u64>> {
    let parse =
        |argument: String| argument.parse().wrap_err_with(|| format!("{argument} is not a number of transfers"));
    let sizes = arguments.map(parse).collect::<Result<Vec<_>>>()?;
    ensure!(sizes.first() != Some(&0) && sizes.is_sorted_by(|a, b| a < b), "sizes must begin above 0 and increase");
    Ok(if sizes.is_empty() { SIZES.to_vec() } else { sizes })
}

/// The node's program, built with the same profile as this one.
fn program() -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(format!("postern-node{EXE_SUFFIX}"));
    ensure!(program.is_file(), "{} is not there: build the package postern-node, with this profile", program.display());
    Ok(program)
}

/// Makes a history of `from` transfers one of `to`.
async fn lengthen(devnet: &Devnet, from: u64, to: u64) -> Result<()> {
    let mut progress = Progress::new("transfers in batches", to);
    let mut sent = from;
    while sent < to {
        let end = to.min(sent + CHUNK);
        devnet.transfer_many(sent..end).await?;
        devnet.posted().await?;
        sent = end;
        progress.at(sent);
    }
    Ok(())
}

/// Lets a new node come to all outputs that the sequencer has.
async fn rebuild(devnet: &Devnet, program: &Path, transfers: u64) -> Result<Measured> {
    let expected = outputs(devnet.node().chain())?;
    let batches = expected.len() as u64;
    let config = devnet.follower_config(&format!("follower-{transfers}"));
    let mut progress = Progress::new("batches derived by a new node", batches);

    let started = Instant::now();
    let (follower, url) = Follower::start(program, &config)?;
    let l2 = ProviderBuilder::new().connect_http(url.parse()?);
    let mut derived = 0;
    while derived < batches {
        derived = eventually("the follower derives another batch", || async {
            let status: SyncStatus = l2.raw_request(SYNC_STATUS.into(), ()).await?;
            Ok((status.batch_count > derived).then_some(status.batch_count))
        })
        .await?;
        progress.at(derived);
    }
    let time = started.elapsed();
    let memory = peak_memory(follower.process.id());

    for expected in &expected {
        let count = expected.batch_count;
        let received: Option<Output> = l2.raw_request(OUTPUT.into(), (U64::from(count),)).await?;
        ensure!(received.as_ref() == Some(expected), "output {count} is {received:?}, expected {expected:?}");
    }
    Ok(Measured { transfers, batches, database: size_of(&config.data_dir)?, time, memory })
}

/// The outputs after each batch.
fn outputs(chain: &Chain) -> Result<Vec<Output>> {
    let output = |count| Ok(chain.output(count)?.ok_or_else(|| eyre!("batch {count} has no output"))?.into());
    (1..=chain.heads().derived).map(output).collect()
}

/// Length of all files in a directory, in bytes.
fn size_of(directory: &Path) -> Result<u64> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// The process of a node that only follows. Ends when dropped.
struct Follower {
    process: Child,
}

impl Follower {
    /// Starts it, and returns where it answers.
    fn start(program: &Path, config: &NodeConfig) -> Result<(Self, String)> {
        let mut command = Command::new(program);
        command.env_clear().env("RUST_LOG", "postern_node=info");
        command.args(["run", "--poll-ms", "20", "--rpc-addr", "127.0.0.1:0", "--l1-rpc", &config.l1_rpc_url]);
        command.arg("--deployment").arg(&config.deployments_dir).arg("--data-dir").arg(&config.data_dir);
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut follower = Self { process };
        let mut log = BufReader::new(follower.process.stdout.take().ok_or_eyre("stdout is piped")?);
        let mut line = String::new();
        while log.read_line(&mut line)? > 0 {
            if let Some((_, url)) = line.trim_end().split_once("node started rpc=") {
                let url = url.to_owned();
                // Who logs to a pipe that nobody empties stands still when it is full.
                thread::spawn(move || io::copy(&mut log, &mut io::sink()));
                return Ok((follower, url));
            }
            line.clear();
        }
        bail!("the follower did not start: {}", follower.process.wait()?)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It fails only for a process that has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn print(rows: &[Measured]) {
    let unknown = || "unknown".to_owned();
    println!(
        "{:>10} {:>8} {:>13} {:>8} {:>12} {:>17} {:>13}",
        "transfers", "batches", "database, MiB", "seconds", "transfers/s", "peak memory, MiB", "of first row's"
    );
    for Measured { transfers, batches, database, time, memory } in rows {
        let seconds = time.as_secs_f64();
        let ratio = memory.zip(rows[0].memory).map(|(memory, first)| format!("{:.2}", memory as f64 / first as f64));
        println!(
            "{transfers:>10} {batches:>8} {:>13.1} {seconds:>8.1} {:>12.0} {:>17} {:>13}",
            mib(*database),
            *transfers as f64 / seconds,
            memory.map_or_else(unknown, |memory| format!("{:.1}", mib(memory))),
            ratio.unwrap_or_else(unknown),
        );
    }
}
