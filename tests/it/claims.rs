//! Ways to claim: in two steps, at once, and many with one proof.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    sol_types::{SolError, SolInterface},
};
use eyre::Result;
use postern_bindings::{Bridge, bridge::Bridge::BridgeErrors};
use postern_client::{Outcome, Status};
use postern_tests::{
    Actor, Devnet, Mined, PATIENCE, ether, expect_revert,
    targets::{Gate, Recorder},
};

/// The recipient of the message with this index.
fn recipient(index: u64) -> Address {
    Address::left_padding_from(&(0xb0b_0000 + index).to_be_bytes())
}

/// Steps: proven in the window, finalized after; and at once, when it is final.
#[tokio::test]
async fn in_two_steps_and_at_once() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let bob = devnet.client(Actor::Bob);
    let first = devnet.withdraw(Actor::Alice, recipient(0), ether(1), 0, Bytes::new()).await?;
    let second = devnet.withdraw(Actor::Alice, recipient(1), ether(1), 0, Bytes::new()).await?;

    let provable = devnet.provable(&first).await?;
    let proven = bob.prove(&provable).await?.state;
    let id = provable.commitment().id();
    let bridge = devnet.bridge();
    let finalize = bridge.finalizeMessage(first.message.clone().into(), id);
    assert_eq!(expect_revert::<Bridge::CommitmentNotFinal>(finalize.call().await).commitment, id);

    let executable = devnet.executable(&second).await?;
    bob.wait_to_finalize(&proven, PATIENCE).await?;
    bob.finalize(&proven).await?;
    bob.execute(&executable).await?;

    for (withdrawal, index) in [(first, 0), (second, 1)] {
        assert_eq!(bob.status(&withdrawal).await?, Status::Finalized);
        assert_eq!(devnet.l1().get_balance(recipient(index)).await?, ether(1));
    }
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn what_was_not_proven_can_not_be_finalized() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, recipient(0), ether(1), 0, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let commitment = executable.provable().commitment().id();

    let bridge = devnet.bridge();
    let finalize = bridge.finalizeMessage(withdrawal.message.clone().into(), commitment);
    let error = expect_revert::<Bridge::MessageNotProven>(finalize.call().await);
    assert_eq!(error, Bridge::MessageNotProven { leaf: withdrawal.message.leaf(), commitment });
    Ok(())
}

#[tokio::test]
async fn thirty_two_with_two_that_fail() -> Result<()> {
    const CLOSED: usize = 7;
    const BURNING: usize = 20;
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(40)).await?;
    let bob = devnet.client(Actor::Bob);
    let gate = Gate::new(devnet.deploy(bob.l1(), "Gate", ()).await?, bob.l1());
    let burner = devnet.deploy(bob.l1(), "GasBurner", ()).await?;
    let mut withdrawals = Vec::new();
    for index in 0..32 {
        let (target, gas_limit) = match index {
            CLOSED => (*gate.address(), 60_000),
            BURNING => (burner, 60_000),
            _ => (recipient(index as u64), 0),
        };
        withdrawals.push(devnet.withdraw(Actor::Alice, target, ether(1), gas_limit, Bytes::new()).await?);
    }
    devnet.executable(&withdrawals[31]).await?;

    let batch = bob.wait_to_execute_many(&withdrawals, PATIENCE).await?;
    let outcomes = bob.execute_many(&batch).await?.state;
    for (index, outcome) in outcomes.iter().enumerate() {
        let expected = match index {
            CLOSED => Outcome::Failed(Gate::Closed {}.abi_encode().into()),
            BURNING => Outcome::Failed(Bytes::new()),
            _ => Outcome::Executed,
        };
        assert_eq!(*outcome, expected, "message {index}");
        let paid = if expected == Outcome::Executed { ether(1) } else { U256::ZERO };
        assert_eq!(devnet.l1().get_balance(batch.messages()[index].target).await?, paid);
    }
    devnet.check_conservation(&[]).await?;

    // What failed is claimable still, in a batch or alone; what succeeded is passed over.
    gate.setOpen(true).send().await?.mined().await?;
    let outcomes = bob.execute_many(&batch).await?.state;
    for (index, outcome) in outcomes.iter().enumerate() {
        let expected = match index {
            CLOSED => Outcome::Executed,
            BURNING => Outcome::Failed(Bytes::new()),
            _ => Outcome::Skipped,
        };
        assert_eq!(*outcome, expected, "message {index}");
    }
    assert_eq!(bob.status(&withdrawals[CLOSED]).await?, Status::Finalized);
    assert_eq!(bob.status(&withdrawals[BURNING]).await?, Status::ReadyToProve);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn some_of_many_in_any_order_with_repetition() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(12)).await?;
    let bob = devnet.client(Actor::Bob);
    let bridge = devnet.deployment().bridge.address;
    let recorder = Recorder::new(devnet.deploy(bob.l1(), "Recorder", (bridge,)).await?, bob.l1());
    let mut withdrawals = Vec::new();
    for _ in 0..11 {
        let send = devnet.withdraw(Actor::Alice, *recorder.address(), ether(1), 300_000, Bytes::new());
        withdrawals.push(send.await?);
    }
    devnet.executable(&withdrawals[10]).await?;

    let some = [9, 2, 3, 9, 5].map(|index: usize| withdrawals[index].clone());
    let batch = bob.wait_to_execute_many(&some, PATIENCE).await?;
    let indices: Vec<_> = batch.messages().iter().map(|message| message.index).collect();
    assert_eq!(indices, [2, 3, 5, 9]);
    assert_eq!(bob.execute_many(&batch).await?.state, vec![Outcome::Executed; 4]);
    assert_eq!(recorder.calls().call().await?, U256::from(4));
    assert_eq!(recorder.sender().call().await?, devnet.address(Actor::Alice));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn forged_batches() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(7)).await?;
    let bob = devnet.client(Actor::Bob);
    let mut withdrawals = Vec::new();
    for index in 0..6 {
        withdrawals.push(devnet.withdraw(Actor::Alice, recipient(index), ether(1), 0, Bytes::new()).await?);
    }
    devnet.executable(&withdrawals[5]).await?;
    let some = [1, 2, 5].map(|index: usize| withdrawals[index].clone());
    let batch = bob.wait_to_execute_many(&some, PATIENCE).await?;
    bob.finalize_commitment(batch.commitment()).await?;

    struct Claim {
        messages: Vec<Bridge::Message>,
        depth: U256,
        proof: Vec<B256>,
    }
    type Corrupt = fn(&mut Claim);
    type Expected = fn(&BridgeErrors) -> bool;
    let corruptions: [(Corrupt, Expected); 11] = [
        (|claim| claim.messages.clear(), |error| matches!(error, BridgeErrors::NoMessages(_))),
        (|claim| claim.messages.swap(0, 1), |error| matches!(error, BridgeErrors::MessagesNotSorted(_))),
        (
            |claim| claim.messages[1] = claim.messages[0].clone(),
            |error| matches!(error, BridgeErrors::MessagesNotSorted(error) if error.previous == error.received),
        ),
        (
            |claim| claim.proof.truncate(claim.proof.len() - 1),
            |error| matches!(error, BridgeErrors::ProofLengthMismatch(error) if error.received < error.expected),
        ),
        (
            |claim| claim.proof.push(B256::ZERO),
            |error| matches!(error, BridgeErrors::ProofLengthMismatch(error) if error.received > error.expected),
        ),
        (|claim| claim.proof.swap(0, 1), |error| matches!(error, BridgeErrors::OutboxRootMismatch(_))),
        (|claim| claim.proof[0].0[0] ^= 1, |error| matches!(error, BridgeErrors::OutboxRootMismatch(_))),
        (|claim| claim.messages[2].value += U256::ONE, |error| matches!(error, BridgeErrors::OutboxRootMismatch(_))),
        (|claim| claim.depth = U256::from(2), |error| matches!(error, BridgeErrors::IndexOutOfTree(_))),
        (|claim| claim.messages[2].index |= 1 << 63, |error| matches!(error, BridgeErrors::IndexOutOfTree(_))),
        (|claim| claim.depth = U256::from(65), |error| matches!(error, BridgeErrors::ProofTooLong(_))),
    ];
    for (place, (corrupt, expected)) in corruptions.into_iter().enumerate() {
        let messages = batch.messages().iter().cloned().map(Into::into).collect();
        let mut claim = Claim { messages, depth: U256::from(batch.depth()), proof: batch.proof().to_vec() };
        corrupt(&mut claim);
        let Claim { messages, depth, proof } = claim;
        let bridge = devnet.bridge();
        let execute = bridge.executeMessages(messages, batch.commitment().id(), depth, proof);
        let error = execute.call().await.expect_err("it is forged");
        let error = error.as_revert_data().and_then(|data| BridgeErrors::abi_decode(&data).ok());
        assert!(error.as_ref().is_some_and(expected), "corruption {place}: {error:?}");
    }

    assert_eq!(bob.execute_many(&batch).await?.state, vec![Outcome::Executed; 3]);
    Ok(())
}
