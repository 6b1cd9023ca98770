//! Part of `make bench`: how long the challenger works on a whole dispute, and how much memory that takes.
//!
//! The other party agrees with the truth until the last step, so that it takes all levels, and the parts of the run that the
//! challenger has to look at are the last ones. Both play by the node's strategy, and L1 only has its contracts left out: what is
//! measured is what the challenger does between the other party's moves, the run of the batch first. Memory is the most that was
//! ever resident (`VmHWM`), in a process that does nothing else.
//!
//! | argument | batch |
//! | --- | --- |
//! | none | one of 100 transfers |
//! | `worst` | the one that takes most steps of all that L1 accepts, which is forced, and takes up to half an hour |
//! | `play DIR INDEX` | the one with this index in the data directory of a node that is stopped |

use std::{
    env,
    ops::ControlFlow,
    path::Path,
    process::{Command, ExitCode},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{
    network::{ReceiptResponse, TransactionBuilder},
    primitives::{Address, B256, U256, hex},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use eyre::{OptionExt, Result, WrapErr, ensure, eyre};
use postern_client::L2Call;
use postern_node::{
    dispute::{Cached, Game, Move, Rules, Side},
    store::{L1Position, NodeEntry, NodeStatus},
    trace::{DerivedBatch, Trace},
};
use postern_protocol::{
    constants::{FORCED_MESSAGE_GAS, MAX_QUEUED_GAS_LIMIT},
    dispute::Challenge,
};
use postern_testing::{chain::code, precompiles};
use postern_tests::{
    Actor, Devnet, Mined, PATIENCE, Roles,
    adversary::Assertion,
    ether, eventually,
    measure::{mib, own_peak_memory},
};

/// Transfers of the usual batch.
const TRANSFERS: u64 = 100;
/// Longer than it takes to send them.
const BATCH_INTERVAL: Duration = Duration::from_secs(5);
/// Gas that a loop leaves: less than another round takes.
const LEFT: u64 = 65_000;
/// How often a run says how far it is.
const PROGRESS: Duration = Duration::from_secs(60);
/// What the other party says is the output.
const LIE: B256 = B256::repeat_byte(0x66);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure("100 transfers", transfers).await,
        ["worst"] => measure("the worst batch", worst).await,
        ["play", directory, index] => play(directory.as_ref(), index),
        _ => Err(eyre!("expected no arguments, `worst`, or `play DIR INDEX`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dispute: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Has a batch made, and plays the dispute about it in a process of its own.
async fn measure(name: &str, make: impl AsyncFnOnce(&mut Devnet) -> Result<u64>) -> Result<()> {
    eprintln!("Starting L1 (Anvil), deploying the contracts, starting L2 …");
    let mut devnet = Devnet::tuned(Roles::SEQUENCER, |config| {
        if let Some(sequencer) = &mut config.sequencer {
            sequencer.batch_interval = BATCH_INTERVAL;
        }
    })
    .await?;
    devnet.fund(Actor::Alice, ether(100)).await?;
    devnet.posted().await?;
    let batch = make(&mut devnet).await?;
    devnet.stop_node().await?;
    let free = || async { Ok(DerivedBatch::open(&devnet.data(), batch).ok()) };
    drop(eventually("the node lets go of its data", free).await?);
    println!("A dispute about {name}");
    let mut play = Command::new(env::current_exe()?);
    let status = play.arg("play").arg(devnet.data()).arg(batch.to_string()).status()?;
    ensure!(status.success(), "the dispute failed: {status}");
    Ok(())
}

/// The index of a batch of transfers to as many new accounts.
async fn transfers(devnet: &mut Devnet) -> Result<u64> {
    let chain = devnet.node().chain();
    let (batch, before) = (chain.heads().derived, chain.heads().unsafe_.number);
    devnet.transfer_many(0..TRANSFERS).await?;
    devnet.posted().await?;
    let chain = devnet.node().chain();
    let last = chain.heads().safe.number;
    for number in before + 1..=last {
        ensure!(chain.batch_count_at(number)? == Some(batch + 1), "the transfers are in more than one batch");
    }
    Ok(batch)
}

/// The index of a forced batch in which all gas goes into what takes most steps: point evaluations.
async fn worst(devnet: &mut Devnet) -> Result<u64> {
    let call = precompiles::calls().into_iter().find(|call| call.address == Address::with_last_byte(10));
    let call = call.ok_or_eyre("nothing evaluates points")?;
    // CALLDATACOPY(0, 0, CALLDATASIZE); while GAS > LEFT { STATICCALL(GAS, address, 0, CALLDATASIZE, 0, 0) }
    let body = format!("5f5f365f73{}5afa50", hex::encode(call.address));
    let code = code::deploying(&format!("365f5f375b{body}62{LEFT:06x}5a1160045700"));
    let alice = devnet.client(Actor::Alice);
    let deploy = TransactionRequest::default().with_deploy_code(hex::decode(code)?);
    let target = alice.l2().send_transaction(deploy).await?.mined().await?.contract_address;
    let target = target.ok_or_eyre("no contract was created")?;
    devnet.posted().await?;

    devnet.restart_with(Roles::REPLICA).await?;
    let batch = devnet.node().chain().heads().derived;
    let count = FORCED_MESSAGE_GAS / MAX_QUEUED_GAS_LIMIT;
    let mut last = None;
    for _ in 0..count {
        let data = call.input.clone().into();
        let call = L2Call { target, mint: U256::ZERO, value: U256::ZERO, gas_limit: MAX_QUEUED_GAS_LIMIT, data };
        last = Some(alice.send_to_l2(call).await?.state);
    }
    let last = last.ok_or_eyre("a batch has room for messages")?;
    devnet.warp_to(alice.inclusion(&last).await?.forceable_at.ok_or_eyre("it is ordered")?).await?;
    devnet.client(Actor::Stranger).force_include().await?;
    eprintln!("The node executes {count} messages of {MAX_QUEUED_GAS_LIMIT} gas …");
    eventually("the batch is derived", || async { Ok((devnet.node().chain().heads().derived > batch).then_some(())) })
        .await?;
    let receipt = alice.wait_for_deposit(&last, PATIENCE).await?;
    let (received, expected) = (receipt.gas_used(), MAX_QUEUED_GAS_LIMIT - 2 * LEFT);
    ensure!(receipt.status() && received > expected, "a message used {received} gas, expected more than {expected}");
    Ok(batch)
}

/// Plays the dispute about a batch, whose checkpoint is false and defended to the last step.
fn play(directory: &Path, index: &str) -> Result<()> {
    let batch = DerivedBatch::open(directory, index.parse().wrap_err_with(|| format!("{index} is no index"))?)?;
    let host = batch.host()?;
    let (started, mut said) = (Instant::now(), Instant::now());
    let trace = Trace::run(&postern_program::program(), batch, |steps| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            eprintln!("  {:.0} million steps in {:.0} s", steps as f64 / 1e6, started.elapsed().as_secs_f64());
        }
        ControlFlow::Continue(())
    })?;
    let mut phases = vec![("run".to_owned(), started.elapsed())];
    let (steps, memory) = (trace.steps(), trace.memory_in_use());
    // They share the snapshots, but not what they compute from them.
    let liar = Assertion::lie(Arc::new(Cached::new(trace.clone())), steps - 1, LIE);
    let challenger = Cached::new(trace);

    let challenge = Challenge { commitment: B256::ZERO, position: 0 };
    let rules = Rules { clock: 100, extension: 1, bond: U256::ONE };
    let mut nodes = Vec::new();
    let step = loop {
        let (game, next_block) = (Game::new(challenge, rules, nodes.clone()), nodes.len() as u64);
        let is_challenger = nodes.len() % 2 == 0;
        let started = Instant::now();
        let moves = match is_challenger {
            true => game.moves(&challenger, Side::Challenge, next_block)?,
            false => game.moves(&liar, Side::Defend, next_block)?,
        };
        let took = started.elapsed();
        let [next] = <[Move; 1]>::try_from(moves).map_err(|moves| eyre!("{} moves are due", moves.len()))?;
        let name = next.level().map_or_else(|| "step".to_owned(), |level| format!("level {level}"));
        eprintln!("  {name} in {:.1} s", took.as_secs_f64());
        if is_challenger {
            phases.push((name, took));
        }
        let level = next.level();
        let (node, points) = match next {
            Move::Open { node, points, .. } | Move::Counter { node, points, .. } => (node, points),
            Move::ProveStep { dispute, witness, step, .. } => {
                let next = postern_machine::step(dispute.agreed, &witness, &host)?;
                ensure!(is_challenger && next != dispute.disputed, "the step is as the other party says");
                break step;
            }
        };
        nodes.push(NodeEntry {
            id: node.id(),
            node,
            points,
            challenge,
            author: Address::ZERO,
            level: level.ok_or_eyre("a node has a level")?,
            status: NodeStatus::Open,
            l1: L1Position { block_number: next_block, log_index: 0, transaction_hash: B256::ZERO },
        });
    };
    ensure!(step == steps - 1, "the lie was found in step {step}, expected {}", steps - 1);
    print(steps, memory, &phases);
    Ok(())
}

fn print(steps: u64, memory: u64, phases: &[(String, Duration)]) {
    println!("{:>24} {:.1} million", "steps", steps as f64 / 1e6);
    println!("{:>24} {:.1} MiB", "memory of the program", mib(memory));
    for (name, took) in phases {
        println!("{name:>24} {:.2} s", took.as_secs_f64());
    }
    let all: Duration = phases.iter().map(|(_, took)| *took).sum();
    println!("{:>24} {:.2} s", "all", all.as_secs_f64());
    let peak = own_peak_memory().map_or_else(|| "unknown".to_owned(), |peak| format!("{:.1} MiB", mib(peak)));
    println!("{:>24} {peak}", "peak memory");
}
