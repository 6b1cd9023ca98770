//! L2→L1: messages to targets of every kind, kind and hostile.

use alloy::{
    primitives::{Address, Bytes, U256, address, bytes},
    providers::Provider,
    sol_types::{SolCall, SolError},
};
use eyre::Result;
use postern_bindings::Bridge;
use postern_client::Status;
use postern_tests::{
    Actor, Devnet, Journal, Mined, PATIENCE, Roles, ether, eventually, expect_revert,
    targets::{Gate, Recorder, Reentrant},
};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

#[tokio::test]
async fn to_an_account_step_by_step() -> Result<()> {
    let devnet = Devnet::start().await?;
    let alice = devnet.client(Actor::Alice);
    devnet.fund(Actor::Alice, ether(2)).await?;

    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let provable = alice.wait_to_prove(&withdrawal, PATIENCE).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::ReadyToProve);

    let proven = alice.prove(&provable).await?.state;
    assert_eq!(alice.status(&withdrawal).await?, Status::WaitingToFinalize);
    let ready = alice.ready_at(&withdrawal).await?.expect("a commitment covers it");
    let id = provable.commitment().id();
    let contract = devnet.state_commitment_chain().finalizableAt(id).call().await?;
    assert_eq!((ready.time, ready.block_number), (contract.time, contract.blockNumber));

    devnet.warp_past_challenge_window().await?;
    alice.wait_to_finalize(&proven, PATIENCE).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::ReadyToFinalize);
    alice.finalize(&proven).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::Finalized);
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn waits_to_be_proven_while_nobody_proposes() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);
    devnet.fund(Actor::Alice, ether(2)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::WaitingToProve);
    assert_eq!(alice.ready_at(&withdrawal).await?, None);

    devnet.restart_with(Roles::OPERATOR).await?;
    devnet.provable(&withdrawal).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::ReadyToProve);
    Ok(())
}

#[tokio::test]
async fn to_a_contract_that_asks_for_the_sender() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let bridge = devnet.deployment().bridge.address;
    let stranger = devnet.client(Actor::Stranger);
    let recorder = devnet.deploy(stranger.l1(), "Recorder", (bridge,)).await?;
    let recorder = Recorder::new(recorder, devnet.l1());
    let data = bytes!("0xdecade");

    let withdrawal = devnet.withdraw(Actor::Alice, *recorder.address(), ether(1), 500_000, data.clone()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    stranger.execute(&executable).await?;

    assert_eq!(recorder.calls().call().await?, U256::ONE);
    assert_eq!(recorder.caller().call().await?, bridge);
    assert_eq!(recorder.sender().call().await?, devnet.address(Actor::Alice));
    assert_eq!(recorder.value().call().await?, ether(1));
    assert_eq!(recorder.data().call().await?, data);
    expect_revert::<Bridge::NoMessageInExecution>(devnet.bridge().l2Sender().call().await);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_target_that_reverts_leaves_the_message_claimable() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let gate = Gate::new(devnet.deploy(stranger.l1(), "Gate", ()).await?, stranger.l1());

    let withdrawal = devnet.withdraw(Actor::Alice, *gate.address(), ether(1), 200_000, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    for _ in 0..2 {
        let error = expect_revert::<Bridge::MessageCallFailed>(stranger.execute(&executable).await);
        assert_eq!(error, Bridge::MessageCallFailed { index: 0, reason: Gate::Closed {}.abi_encode().into() });
        assert_eq!(stranger.status(&withdrawal).await?, Status::ReadyToProve);
    }
    assert_eq!(devnet.l1().get_balance(*gate.address()).await?, U256::ZERO);

    gate.setOpen(true).send().await?.mined().await?;
    stranger.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(*gate.address()).await?, ether(1));
    assert_eq!(gate.calls().call().await?, U256::ONE);
    assert_eq!(stranger.status(&withdrawal).await?, Status::Finalized);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_target_that_burns_all_gas_burns_no_message() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let burner = devnet.deploy(stranger.l1(), "GasBurner", ()).await?;

    let withdrawal = devnet.withdraw(Actor::Alice, burner, ether(1), 100_000, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let provable = executable.provable();
    let id = provable.commitment().id();
    let bridge = stranger.bridge();
    let claim = bridge.executeMessage(provable.message().clone().into(), id, provable.proof().to_vec());
    let (_, outcome) = devnet.force(claim).await?;

    // The bridge kept enough to say what happened.
    let error = expect_revert::<Bridge::MessageCallFailed>(outcome);
    assert_eq!(error, Bridge::MessageCallFailed { index: 0, reason: Bytes::new() });
    assert_eq!(stranger.status(&withdrawal).await?, Status::ReadyToProve);
    devnet.check_conservation(&[]).await
}

#[rstest]
#[case::as_its_result(false)]
#[case::as_the_reason_of_a_revert(true)]
#[tokio::test]
async fn a_target_may_return_a_megabyte(#[case] reverts: bool) -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let bomb = devnet.deploy(stranger.l1(), "ReturnBomb", (reverts,)).await?;

    // Memory of 1 MB costs 2.1 million gas: the target's.
    let withdrawal = devnet.withdraw(Actor::Alice, bomb, ether(1), 3_000_000, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    if reverts {
        let error = expect_revert::<Bridge::MessageCallFailed>(stranger.execute(&executable).await);
        let longest = devnet.bridge().MAX_REASON().call().await?;
        assert_eq!(U256::from(error.reason.len()), longest);
        assert_eq!(stranger.status(&withdrawal).await?, Status::ReadyToProve);
    } else {
        let receipt = stranger.execute(&executable).await?;
        assert!(receipt.gas_used < 2_400_000, "the bridge copied it: {} gas", receipt.gas_used);
        assert_eq!(devnet.l1().get_balance(bomb).await?, ether(1));
    }
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_target_can_not_execute_its_own_message_again() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let bridge = devnet.deployment().bridge.address;
    let target = Reentrant::new(devnet.deploy(stranger.l1(), "Reentrant", (bridge,)).await?, stranger.l1());

    let withdrawal = devnet.withdraw(Actor::Alice, *target.address(), ether(1), 1_000_000, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let provable = executable.provable();
    let again = Bridge::executeMessageCall {
        message: provable.message().clone().into(),
        commitment: provable.commitment().id(),
        proof: provable.proof().to_vec(),
    };
    target.setCallback(again.abi_encode().into()).send().await?.mined().await?;
    stranger.execute(&executable).await?;

    assert!(!target.succeeded().call().await?);
    let error = expect_revert::<Bridge::MessageAlreadyFinalized>(Err::<(), _>(target.returned().call().await?));
    assert_eq!(error.index, 0);
    assert_eq!(devnet.l1().get_balance(*target.address()).await?, ether(1));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_target_may_execute_another_message_and_keeps_its_sender() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    devnet.fund(Actor::Bob, ether(2)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let bridge = devnet.deployment().bridge.address;
    let outer = Reentrant::new(devnet.deploy(stranger.l1(), "Reentrant", (bridge,)).await?, stranger.l1());
    let inner = Recorder::new(devnet.deploy(stranger.l1(), "Recorder", (bridge,)).await?, stranger.l1());

    let from_alice = devnet.withdraw(Actor::Alice, *outer.address(), ether(1), 2_000_000, Bytes::new()).await?;
    let from_bob = devnet.withdraw(Actor::Bob, *inner.address(), ether(1), 500_000, Bytes::new()).await?;
    devnet.executable(&from_bob).await?;
    let from_bob = stranger.wait_to_execute(&from_bob, PATIENCE).await?;
    let from_alice = stranger.wait_to_execute(&from_alice, PATIENCE).await?;
    let nested = Bridge::executeMessageCall {
        message: from_bob.provable().message().clone().into(),
        commitment: from_bob.provable().commitment().id(),
        proof: from_bob.provable().proof().to_vec(),
    };
    outer.setCallback(nested.abi_encode().into()).send().await?.mined().await?;
    stranger.execute(&from_alice).await?;

    assert!(outer.succeeded().call().await?);
    let (alice, bob) = (devnet.address(Actor::Alice), devnet.address(Actor::Bob));
    assert_eq!(inner.sender().call().await?, bob);
    assert_eq!(outer.senderBefore().call().await?, alice);
    assert_eq!(outer.senderAfter().call().await?, alice);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn the_bridge_calls_no_part_of_its_own_system() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(1)).await?;
    let deployment = *devnet.deployment();
    let stranger = devnet.client(Actor::Stranger);
    let targets = [
        deployment.bridge.address,
        deployment.canonical_transaction_chain.address,
        deployment.state_commitment_chain.address,
    ];
    let mut withdrawals = Vec::new();
    for target in targets {
        withdrawals.push(devnet.withdraw(Actor::Alice, target, U256::ZERO, 100_000, Bytes::new()).await?);
    }
    devnet.executable(&withdrawals[2]).await?;
    for (withdrawal, target) in withdrawals.iter().zip(targets) {
        let executable = stranger.wait_to_execute(withdrawal, PATIENCE).await?;
        let error = expect_revert::<Bridge::ForbiddenTarget>(stranger.execute(&executable).await);
        assert_eq!(error.received, target);
    }
    Ok(())
}

#[tokio::test]
async fn a_claim_with_too_little_gas_is_refused_not_burned() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let bridge = devnet.deployment().bridge.address;
    let recorder = devnet.deploy(stranger.l1(), "Recorder", (bridge,)).await?;

    let withdrawal = devnet.withdraw(Actor::Alice, recorder, ether(1), 5_000_000, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let provable = executable.provable();
    let bridge = stranger.bridge();
    let claim =
        bridge.executeMessage(provable.message().clone().into(), provable.commitment().id(), provable.proof().to_vec());
    let (_, outcome) = devnet.force(claim).await?;
    let error = expect_revert::<Bridge::InsufficientGas>(outcome);
    assert_eq!(error.expected, U256::from(5_000_000));

    stranger.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(recorder).await?, ether(1));
    Ok(())
}

#[tokio::test]
async fn a_relayer_executes_messages_for_everyone() -> Result<()> {
    let devnet = Devnet::with(Roles::ALL).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.provable(&withdrawal).await?;
    devnet.warp_past_challenge_window().await?;

    eventually("the relayer executes the message", || async {
        Ok(devnet.bridge().isFinalized(withdrawal.message.index).call().await?.then_some(()))
    })
    .await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// A target that fails neither holds up the others nor is forgotten, and does not ruin the relayer.
#[tokio::test]
async fn a_relayer_leaves_out_what_fails_and_comes_back_to_it() -> Result<()> {
    let mut devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(6)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let gate = Gate::new(devnet.deploy(stranger.l1(), "Gate", ()).await?, stranger.l1());
    let burner = devnet.deploy(stranger.l1(), "GasBurner", ()).await?;
    let mut last = None;
    for target in [RECIPIENT, *gate.address(), burner, RECIPIENT] {
        last = Some(devnet.withdraw(Actor::Alice, target, ether(1), 100_000, Bytes::new()).await?);
    }
    devnet.executable(&last.expect("four were sent")).await?;

    devnet.restart_with(Roles::ALL).await?;
    let executed = |index| {
        let bridge = devnet.bridge();
        eventually("the relayer executes the message", move || {
            let bridge = bridge.clone();
            async move { Ok(bridge.isFinalized(index).call().await?.then_some(())) }
        })
    };
    executed(0).await?;
    executed(3).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(2));
    assert!(!devnet.bridge().isFinalized(1).call().await?);

    gate.setOpen(true).send().await?.mined().await?;
    executed(1).await?;
    assert_eq!(devnet.l1().get_balance(*gate.address()).await?, ether(1));
    assert!(!devnet.bridge().isFinalized(2).call().await?);
    devnet.check_conservation(&[]).await
}

/// A relayer that has spent what it may stops, says so, and leaves the rest to whoever wants it.
#[tokio::test]
async fn a_relayer_spends_no_more_than_it_may() -> Result<()> {
    let journal = Journal::begin();
    let mut devnet = Devnet::tuned(Roles::OPERATOR, |config| {
        if let Some((_, relayer)) = &mut config.relayer {
            (relayer.max_spend_per_day, relayer.max_batch) = (1, 1);
        }
    })
    .await?;
    devnet.fund(Actor::Alice, ether(6)).await?;
    devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let second = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let executable = devnet.executable(&second).await?;
    let relayer = devnet.address(Actor::Relayer);
    let before = devnet.l1().get_balance(relayer).await?;
    devnet.restart_with(Roles { relayer: true, ..Roles::REPLICA }).await?;

    let words = ["WARN", "spending limit reached", "per_day=1"];
    eventually("it says that it stops", || async { Ok(journal.says(&words).then_some(())) }).await?;
    assert!(devnet.bridge().isFinalized(0).call().await?);
    assert!(!devnet.bridge().isFinalized(1).call().await?);
    assert_eq!(devnet.l1().get_transaction_count(relayer).await?, 1);
    let spent = before - devnet.l1().get_balance(relayer).await?;
    assert!(spent > U256::ZERO);
    devnet.client(Actor::Alice).execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(2));
    devnet.check_conservation(&[]).await
}
