//! `postern-node`: writes the genesis of a Postern L2, and runs a node of it.
//!
//! Logs go to standard output (`RUST_LOG` chooses what); standard error has one line, if the node could not go on.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, process::ExitCode, str::FromStr, time::Duration};

use alloy::{
    primitives::{Address, U256},
    signers::local::PrivateKeySigner,
};
use clap::{Args, Parser, Subcommand, builder::RangedU64ValueParser};
use eyre::{WrapErr, bail, eyre};
use postern_node::{
    BlobSource, DataSource, Node, NodeConfig, NodeHandle, SequencerConfig,
    challenger::ChallengerConfig,
    cli,
    genesis::{Genesis, GenesisConfig},
    proposer::ProposerConfig,
    relayer::RelayerConfig,
    rpc::RpcConfig,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_LOG: &str = "postern_node=info";

/// In wei.
const GWEI: u128 = 1_000_000_000;

/// A node of a Postern L2.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the genesis of a new L2.
    Genesis(GenesisArgs),
    /// Runs a node. It is a replica, and what the given keys make it besides: sequencer, proposer, relayer,
    /// challenger.
    Run(Box<RunArgs>),
}

#[derive(Args)]
struct GenesisArgs {
    /// Chain id of the L2.
    #[arg(long, value_name = "ID")]
    l2_chain_id: u64,
    /// Time of block 0, in seconds; not after the deployment on L1.
    #[arg(long, value_name = "SECONDS")]
    timestamp: u64,
    /// Account to which the fee vault pays what it collected. It can never be changed, and the zero address never paid.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_recipient)]
    fee_recipient: Address,
    /// Balance to begin with, in wei. Nothing on L1 backs it: for test chains only.
    #[arg(long = "fund", value_name = "ADDRESS=WEI", value_parser = parse_fund)]
    fund: Vec<(Address, U256)>,
    /// File to write.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
}

#[derive(Args)]
struct RunArgs {
    /// JSON-RPC of an L1 node.
    #[arg(long, value_name = "URL", env = "POSTERN_L1_RPC", hide_env_values = true)]
    l1_rpc: String,
    /// HTTP API of a beacon node of this L1, or of an archive of its blobs; may be given several times.
    #[arg(long, value_name = "URL", env = "POSTERN_L1_BEACON", hide_env_values = true, value_delimiter = ',')]
    l1_beacon: Vec<String>,
    /// Directory with blobs, `<versioned hash>.blob`, which is looked at before any beacon node is asked; may be given several
    /// times.
    #[arg(long, value_name = "DIR")]
    blobs_dir: Vec<PathBuf>,
    /// Directory of the deployment: the files that the deploy script wrote.
    #[arg(long, value_name = "DIR")]
    deployment: PathBuf,
    /// The genesis file; by default `genesis.json` of the deployment.
    #[arg(long, value_name = "PATH")]
    genesis: Option<PathBuf>,
    /// Directory of the database.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where to serve JSON-RPC.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8545")]
    rpc_addr: SocketAddr,
    /// Where to serve metrics, under /metrics in the text format of Prometheus.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_addr: Option<SocketAddr>,
    /// How often to look at L1, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = at_least_one())]
    poll_ms: u64,
    /// The most that transactions to L1 offer for one gas, tip included, or for one blob gas, in gwei. While L1 asks for more,
    /// they wait.
    #[arg(long, value_name = "GWEI", default_value_t = 500)]
    max_fee_gwei: u64,
    /// How long to wait before a transaction to L1 is replaced by one that pays more, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = at_least_one())]
    resubmit_ms: u64,

    /// Private key of the sequencer, in hex; better given by the environment, where other users do not see it.
    #[arg(long, value_name = "HEX", env = "POSTERN_SEQUENCER_KEY", hide_env_values = true)]
    sequencer_key: Option<String>,
    /// Time between L2 blocks, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = at_least_one())]
    block_interval_ms: u64,
    /// Time between batches, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 12_000)]
    batch_interval_ms: u64,
    /// What the data of batches goes to L1 by.
    #[arg(long, value_name = "SOURCE", value_enum, default_value_t)]
    data_source: DataSource,
    /// How many L1 blocks must stand on the one up to which messages are taken. More make L2 blocks survive deeper reorgs of L1, and
    /// deposits slower.
    #[arg(long, value_name = "BLOCKS", default_value_t = 0)]
    l1_confirmations: u64,
    /// Make a block for each new L1 block also when there is nothing to put in, for clients that wait for the next one.
    #[arg(long)]
    empty_blocks: bool,

    /// Private key of the proposer, in hex; better given by the environment.
    #[arg(long, value_name = "HEX", env = "POSTERN_PROPOSER_KEY", hide_env_values = true)]
    proposer_key: Option<String>,
    /// Propose as soon as so many batches are in no commitment.
    #[arg(long, value_name = "BATCHES", default_value_t = ProposerConfig::default().every_batches)]
    propose_every: u64,
    /// Propose at the latest when a batch was so long in no commitment, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 3_600_000)]
    propose_interval_ms: u64,

    /// Private key of the relayer, in hex; better given by the environment.
    #[arg(long, value_name = "HEX", env = "POSTERN_RELAYER_KEY", hide_env_values = true)]
    relayer_key: Option<String>,
    /// Messages that ask for more L1 gas than this are left to their senders.
    #[arg(long, value_name = "GAS", default_value_t = RelayerConfig::default().max_message_gas)]
    relay_max_gas: u64,
    /// What the relayer spends on average beyond the tips that it earns, in wei per day; so much may go at once.
    #[arg(long, value_name = "WEI", default_value_t = RelayerConfig::default().max_spend_per_day)]
    relay_max_spend: u128,
    /// Execute only what tips pay for.
    #[arg(long)]
    relay_profitable_only: bool,
    /// By how much tips must exceed what they pay for, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = RelayerConfig::default().margin_percent)]
    relay_margin_percent: u32,

    /// Private key of the challenger, in hex; better given by the environment.
    #[arg(long, value_name = "HEX", env = "POSTERN_CHALLENGER_KEY", hide_env_values = true)]
    challenger_key: Option<String>,
    /// What the challenger stakes at most at once, in wei. An adversary who stakes more than half of it can exceed it.
    #[arg(long, value_name = "WEI", default_value_t = ChallengerConfig::default().max_bonds)]
    challenge_max_bonds: u128,
    /// What the challenger spends on gas on average, in wei per day; so much may go at once.
    #[arg(long, value_name = "WEI", default_value_t = ChallengerConfig::default().max_gas_spend_per_day)]
    challenge_max_spend: u128,
    /// Runs of batches that the challenger keeps in memory at once, up to 512 MiB each.
    #[arg(long, value_name = "RUNS", default_value_t = ChallengerConfig::default().max_runs)]
    challenge_max_runs: usize,
}

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return cli::refuse(&error),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).init();
    cli::end(match command {
        Command::Genesis(args) => write_genesis(args),
        Command::Run(args) => run(*args),
    })
}

/// Intervals: none would be no waiting at all.
fn at_least_one() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..)
}

fn parse_recipient(text: &str) -> Result<Address, String> {
    match Address::from_str(text) {
        Ok(Address::ZERO) => Err("fees sent to the zero address are lost".to_owned()),
        address => address.map_err(|error| error.to_string()),
    }
}

fn parse_fund(text: &str) -> Result<(Address, U256), String> {
    let (address, wei) = text.split_once('=').ok_or("expected ADDRESS=WEI")?;
    let address = Address::from_str(address).map_err(|error| format!("address: {error}"))?;
    let wei = U256::from_str(wei).map_err(|error| format!("wei: {error}"))?;
    Ok((address, wei))
}

fn write_genesis(args: GenesisArgs) -> eyre::Result<()> {
    let mut fund = BTreeMap::new();
    for (address, balance) in args.fund {
        if fund.insert(address, balance).is_some() {
            bail!("--fund names {address} twice");
        }
    }
    let genesis = Genesis::build(&GenesisConfig {
        l2_chain_id: args.l2_chain_id,
        timestamp: args.timestamp,
        fee_recipient: args.fee_recipient,
        fund,
    });
    genesis.write(&args.out)?;
    println!("{}: block {}, output root {}", args.out.display(), genesis.block_hash(), genesis.output_root());
    Ok(())
}

#[tokio::main]
async fn run(args: RunArgs) -> eyre::Result<()> {
    let config = config(args)?;
    let mut interrupt = signal(SignalKind::interrupt()).wrap_err("cannot wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).wrap_err("cannot wait for SIGTERM")?;
    let mut node = tokio::select! {
        node = Node::start(config) => node?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    info!(rpc = %node.rpc_url(), metrics = ?node.metrics_address(), "node started");
    tokio::select! {
        error = node.stopped() => {
            stop(node).await?;
            return Err(error.into());
        }
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop(node).await
}

async fn stop(node: NodeHandle) -> eyre::Result<()> {
    info!("shutting down");
    node.shutdown().await?;
    Ok(())
}

fn config(args: RunArgs) -> eyre::Result<NodeConfig> {
    let sequencer = signer("sequencer", args.sequencer_key)?;
    let proposer = signer("proposer", args.proposer_key)?;
    let relayer = signer("relayer", args.relayer_key)?;
    let challenger = signer("challenger", args.challenger_key)?;
    check_distinct([
        ("sequencer", &sequencer),
        ("proposer", &proposer),
        ("relayer", &relayer),
        ("challenger", &challenger),
    ])?;
    let poll_interval = Duration::from_millis(args.poll_ms);
    let resubmit_after = Duration::from_millis(args.resubmit_ms);

    let mut config = NodeConfig::new(args.l1_rpc, args.deployment, args.data_dir);
    if let Some(genesis) = args.genesis {
        config.genesis = genesis;
    }
    config.rpc = RpcConfig { addr: args.rpc_addr, ..RpcConfig::default() };
    config.metrics_addr = args.metrics_addr;
    let directories = args.blobs_dir.into_iter().map(BlobSource::Directory);
    config.blob_sources = directories.chain(args.l1_beacon.into_iter().map(BlobSource::Beacon)).collect();
    config.max_l1_fee = u128::from(args.max_fee_gwei) * GWEI;
    config.l1_poll_interval = poll_interval;
    config.l1_confirmations = args.l1_confirmations;
    config.sequencer = sequencer.map(|signer| SequencerConfig {
        block_interval: Duration::from_millis(args.block_interval_ms),
        batch_interval: Duration::from_millis(args.batch_interval_ms),
        empty_blocks: args.empty_blocks,
        data_source: args.data_source,
        resubmit_after,
        ..SequencerConfig::new(signer)
    });
    config.proposer = proposer.map(|signer| {
        let proposer = ProposerConfig {
            every_batches: args.propose_every,
            interval: Duration::from_millis(args.propose_interval_ms),
            poll_interval,
            resubmit_after,
            ..ProposerConfig::default()
        };
        (signer, proposer)
    });
    config.relayer = relayer.map(|signer| {
        let relayer = RelayerConfig {
            max_message_gas: args.relay_max_gas,
            max_spend_per_day: args.relay_max_spend,
            profitable_only: args.relay_profitable_only,
            margin_percent: args.relay_margin_percent,
            poll_interval,
            resubmit_after,
            ..RelayerConfig::default()
        };
        (signer, relayer)
    });
    config.challenger = challenger.map(|signer| {
        let challenger = ChallengerConfig {
            max_bonds: args.challenge_max_bonds,
            max_gas_spend_per_day: args.challenge_max_spend,
            max_runs: args.challenge_max_runs,
            poll_interval,
            resubmit_after,
        };
        (signer, challenger)
    });
    Ok(config)
}

/// The signer of a role. The key itself is never shown, not even when it is wrong.
fn signer(role: &str, key: Option<String>) -> eyre::Result<Option<PrivateKeySigner>> {
    // An empty variable is how some environments say "none".
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    match key.trim().parse() {
        Ok(signer) => Ok(Some(signer)),
        Err(_) => Err(eyre!("the {role}'s key is not a private key: 32 bytes in hex")),
    }
}

/// Two roles with one key would replace each other's transactions.
fn check_distinct(signers: [(&str, &Option<PrivateKeySigner>); 4]) -> eyre::Result<()> {
    let mut roles = BTreeMap::new();
    for (role, signer) in signers {
        let Some(address) = signer.as_ref().map(PrivateKeySigner::address) else { continue };
        if let Some(other) = roles.insert(address, role) {
            bail!("the {other} and the {role} need keys of their own: both have {address}'s");
        }
    }
    Ok(())
}
