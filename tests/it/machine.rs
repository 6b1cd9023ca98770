//! Batches of real chains in the fault-proof machine: the program comes to the node's outputs, and the contract takes its steps.

use std::{cell::Cell, collections::BTreeSet, ops::ControlFlow};

use alloy::{
    network::TransactionBuilder,
    primitives::{B256, Bytes},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use eyre::{Result, ensure};
use postern_bindings::machine_step::MachineStep::MachineStepErrors;
use postern_machine::{BlobProof, Host, Precompiles};
use postern_node::{
    DataSource, NodeConfig,
    trace::{BatchHost, ContractError, DerivedBatch, Step, StepContract, Trace},
};
use postern_tests::{Actor, Devnet, Mined, Roles, ether};

/// What a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Preimage,
    BlobWord,
    Precompile,
}

use Question::{BlobWord, Precompile, Preimage};

/// Counts what it is asked, and does not answer one question, at which the run so comes to a stop.
struct Counting {
    host: BatchHost,
    asked: [Cell<u64>; 3],
    silent_at: Option<(Question, u64)>,
}

impl Counting {
    fn new(host: BatchHost, silent_at: Option<(Question, u64)>) -> Self {
        Self { host, asked: Default::default(), silent_at }
    }

    fn answer<T>(&self, question: Question, answer: Option<T>) -> Option<T> {
        let asked = &self.asked[question as usize];
        let silent = self.silent_at == Some((question, asked.get()));
        asked.set(asked.get() + 1);
        answer.filter(|_| !silent)
    }
}

impl Precompiles for Counting {
    fn precompile(&self, number: u64, input: &[u8]) -> Option<Bytes> {
        self.answer(Precompile, self.host.precompile(number, input))
    }
}

impl Host for Counting {
    fn preimage(&self, key: &B256) -> Option<Bytes> {
        self.answer(Preimage, self.host.preimage(key))
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        self.answer(BlobWord, self.host.blob_word(versioned_hash, index))
    }

    fn blob_proof(&self, versioned_hash: &B256, index: u64) -> Option<BlobProof> {
        self.host.blob_proof(versioned_hash, index)
    }
}

/// Steps of a run at which something is asked: of each kind the first, one in the middle and the last.
fn system_calls(trace: &Trace) -> Result<Vec<(Question, u64)>> {
    let batch = trace.batch();
    let start = || postern_program::start(batch.previous_output_root, batch.hash);
    let counting = Counting::new(batch.host()?, None);
    start().run(&counting, u64::MAX)?;
    let mut steps = Vec::new();
    for question in [Preimage, BlobWord, Precompile] {
        let Some(last) = counting.asked[question as usize].get().checked_sub(1) else { continue };
        for number in BTreeSet::from([0, last / 2, last]) {
            let mut machine = start();
            let silent = Counting::new(batch.host()?, Some((question, number)));
            ensure!(machine.run(&silent, u64::MAX).is_err(), "{question:?} {number} was not asked");
            steps.push((question, machine.steps()));
        }
    }
    Ok(steps)
}

/// Neither another witness nor another next state is confirmed.
async fn refuses_others(contract: &StepContract, step: &Step) {
    let mut witness = step.witness.to_vec();
    // In x4, which no code that a compiler makes for one thread uses.
    witness[47] ^= 1;
    let refused = contract.check(&Step { witness: witness.into(), ..step.clone() }).await;
    assert!(matches!(refused, Err(ContractError::Reverted(MachineStepErrors::WrongState(_)))), "{refused:?}");
    let refused = contract.check(&Step { next_state_hash: step.state_hash, ..step.clone() }).await;
    assert!(matches!(refused, Err(ContractError::NextState { .. })), "{refused:?}");
}

/// The life of a message as in the demo, as far as it is on L2, then every batch of it in the machine.
async fn demo(mut devnet: Devnet, by_blobs: bool) -> Result<()> {
    devnet.fund(Actor::Alice, ether(10)).await?;
    devnet.posted().await?;
    let transfer = TransactionRequest::default().with_to(devnet.address(Actor::Bob)).with_value(ether(4));
    let receipt = devnet.client(Actor::Alice).l2().send_transaction(transfer).await?.mined().await?;
    ensure!(receipt.status(), "the transfer failed");
    devnet.posted().await?;
    devnet.withdraw(Actor::Bob, devnet.address(Actor::Bob), ether(3), 0, Bytes::new()).await?;
    devnet.posted().await?;
    let batches = devnet.node().chain().heads().derived;
    ensure!(batches >= 3, "only {batches} batches");
    let address = devnet.dispute_game().MACHINE_STEP().call().await?;
    devnet.stop_node().await?;

    let contract = StepContract::connect(devnet.l1_url().as_str(), Some(address)).await?;
    let program = postern_program::program();
    let mut asked = [0; 3];
    for index in 0..batches {
        let batch = DerivedBatch::open(&devnet.data(), index)?;
        let trace = Trace::run(&program, batch, |_| ControlFlow::Continue(()))?;
        let calls = system_calls(&trace)?;
        calls.iter().for_each(|(question, _)| asked[*question as usize] += 1);
        let last = trace.steps() - 1;
        let spread = (0..=16).map(|point| last * point / 16);
        for number in calls.iter().map(|(_, step)| *step).chain(spread) {
            contract.check(&trace.step_within(number)?).await?;
        }
        // The halted machine steps to itself.
        contract.check(&trace.step(u64::MAX)?).await?;
        refuses_others(&contract, &trace.step_within(last / 2)?).await;
    }
    ensure!(asked[Preimage as usize] > 0 && asked[Precompile as usize] > 0, "{asked:?}");
    ensure!((asked[BlobWord as usize] > 0) == by_blobs, "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn the_demos_batches() -> Result<()> {
    demo(Devnet::with(Roles::SEQUENCER).await?, false).await
}

#[tokio::test]
async fn the_demos_batches_by_blobs() -> Result<()> {
    let by_blobs: fn(&mut NodeConfig) =
        |config| config.sequencer.as_mut().expect("it sequences").data_source = DataSource::Blobs;
    demo(Devnet::tuned(Roles::SEQUENCER, by_blobs).await?, true).await
}
