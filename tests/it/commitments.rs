//! Commitments that compete, are rejected, or should never have been proposed.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Bytes, U256, address},
    providers::Provider,
};
use eyre::Result;
use postern_bindings::{Bridge, StateCommitmentChain};
use postern_client::{Error, Status, Withdrawal};
use postern_tests::{Actor, Devnet, Journal, Mined, PATIENCE, Roles, ether, eventually, expect_revert};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
const LIE: B256 = B256::repeat_byte(0x11);
/// How long to wait for what must not come.
const BRIEFLY: Duration = Duration::from_millis(500);
const PROPOSED: u8 = 1;
const REJECTED: u8 = 3;

/// A message in a batch that nobody proposed yet.
async fn message_in_a_batch() -> Result<(Devnet, Withdrawal)> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    // The deposit in one, the message in the next.
    devnet.output_roots(1).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let chain = devnet.node().chain();
    eventually("the message is in a batch", || async { Ok(chain.batch_count_at(withdrawal.block_number)?) }).await?;
    Ok((devnet, withdrawal))
}

#[tokio::test]
async fn a_false_one_competes_and_is_rejected() -> Result<()> {
    let (mut devnet, withdrawal) = message_in_a_batch().await?;
    let alice = devnet.client(Actor::Alice);
    let genesis = devnet.genesis_commitment().await?;
    let batches = devnet.canonical_transaction_chain().head().call().await?.batchCount as usize;
    let lie = devnet.propose(Actor::Mallory, genesis, &vec![LIE; batches]).await?;

    // The honest proposer is not impressed, and the client not misled.
    devnet.restart_with(Roles::OPERATOR).await?;
    let provable = devnet.provable(&withdrawal).await?;
    assert_eq!(provable.commitment().proposer, devnet.address(Actor::Proposer));
    let proven = alice.prove(&provable).await?.state;

    let contract = devnet.state_commitment_chain();
    assert_eq!(contract.commitmentStatus(lie.id()).call().await?, PROPOSED);
    devnet.reject(lie, Actor::Stranger).await?;
    assert_eq!(contract.commitmentStatus(lie.id()).call().await?, REJECTED);
    let bond = U256::from(contract.BOND().call().await?);
    let reward = contract.bondOf(devnet.address(Actor::Stranger)).call().await?;
    assert_eq!(reward, bond / U256::from(2));
    assert_eq!(contract.bondOf(devnet.address(Actor::Mallory)).call().await?, U256::ZERO);

    devnet.warp_past_challenge_window().await?;
    alice.wait_to_finalize(&proven, PATIENCE).await?;
    alice.finalize(&proven).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    // The bond of the truth is free again.
    let freed = contract.bondOf(devnet.address(Actor::Proposer)).call().await?;
    assert!(freed >= bond);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn what_descends_from_a_rejected_one_falls_too() -> Result<()> {
    let (devnet, withdrawal) = message_in_a_batch().await?;
    let chain = devnet.node().chain();
    let covering = chain.batch_count_at(withdrawal.block_number)?.unwrap_or_default() as usize;
    assert!(covering >= 2);
    let genesis = devnet.genesis_commitment().await?;
    let parent = devnet.propose(Actor::Mallory, genesis, &[LIE]).await?;
    let truth = devnet.output_roots(covering as u64).await?;
    let child = devnet.propose(Actor::Mallory, parent.id(), &truth[1..]).await?;

    // The child's claims are true, but it stands on a lie: nobody should wait for it.
    let alice = devnet.client(Actor::Alice);
    let none = alice.wait_to_prove(&withdrawal, BRIEFLY).await;
    assert!(matches!(none, Err(Error::Timeout { .. })), "{none:?}");
    let truth = devnet.propose(Actor::Bob, genesis, &truth).await?;
    let provable = devnet.provable(&withdrawal).await?;
    assert_eq!(provable.commitment().id(), truth.id());
    let proven = alice.prove(&provable).await?.state;

    devnet.reject(parent, Actor::Stranger).await?;
    let contract = devnet.state_commitment_chain();
    devnet.warp_past_challenge_window().await?;
    let output = chain.output(child.batch_count)?.expect("it is derived");
    let finalize = contract.finalize(child.into(), output.into());
    let error = expect_revert::<StateCommitmentChain::ParentNotFinal>(finalize.call().await);
    assert_eq!((error.parent, error.status), (parent.id(), REJECTED));
    // Nobody has said yet that the child is rejected as well, and nobody is held up by it.
    assert_eq!(alice.status(&withdrawal).await?, Status::ReadyToFinalize);
    assert_eq!(devnet.provable(&withdrawal).await?.commitment().id(), truth.id());
    alice.wait_to_finalize(&proven, PATIENCE).await?;
    alice.finalize(&proven).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));

    let stranger = devnet.client(Actor::Stranger);
    let fall = stranger.state_commitment_chain();
    let fall = fall.rejectDescendant(child.into()).send().await?.mined().await?;
    assert!(fall.status());
    assert_eq!(contract.commitmentStatus(child.id()).call().await?, REJECTED);
    let propose = contract.propose(child.id(), B256::ZERO, vec![LIE]);
    let error = expect_revert::<StateCommitmentChain::ParentNotStanding>(propose.call().await);
    assert_eq!((error.parent, error.status), (child.id(), REJECTED));
    devnet.check_conservation(&[]).await
}

/// The honest proposer has those descendants of a rejected commitment rejected that look true: who sees them alone would wait for
/// them. False ones it leaves to themselves.
#[tokio::test]
async fn the_proposer_has_true_looking_descendants_rejected() -> Result<()> {
    let (mut devnet, withdrawal) = message_in_a_batch().await?;
    let covering = devnet.node().chain().batch_count_at(withdrawal.block_number)?.unwrap_or_default();
    let genesis = devnet.genesis_commitment().await?;
    let lie = devnet.propose(Actor::Mallory, genesis, &[LIE]).await?;
    let truth = devnet.output_roots(covering).await?;
    let looks_true = devnet.propose(Actor::Mallory, lie.id(), &truth[1..]).await?;
    let looks_false = devnet.propose(Actor::Mallory, lie.id(), &vec![LIE; truth.len() - 1]).await?;
    devnet.restart_with(Roles::OPERATOR).await?;
    let provable = devnet.provable(&withdrawal).await?;

    devnet.reject(lie, Actor::Stranger).await?;
    let contract = devnet.state_commitment_chain();
    eventually("the descendant is rejected", || async {
        Ok((contract.commitmentStatus(looks_true.id()).call().await? == REJECTED).then_some(()))
    })
    .await?;
    assert_eq!(contract.commitmentStatus(looks_false.id()).call().await?, PROPOSED);
    assert_eq!(contract.commitmentStatus(provable.commitment().id()).call().await?, PROPOSED);
    // Their bonds are burned, not paid: nobody disputed them.
    assert_eq!(contract.bondOf(devnet.address(Actor::Proposer)).call().await?, U256::ZERO);

    devnet.client(Actor::Alice).execute(&devnet.executable(&withdrawal).await?).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// A true commitment is rejected, wrongly, and nothing happens on L2 that would make the next one another. The proposer proposes
/// the same outputs in other ways, as long as there is one, and goes on with the next batch.
#[tokio::test]
async fn what_was_wrongly_rejected_is_proposed_in_another_way() -> Result<()> {
    let journal = Journal::begin();
    let (mut devnet, withdrawal) = message_in_a_batch().await?;
    devnet.posted().await?;
    devnet.restart_with(Roles::OPERATOR).await?;
    let batches = devnet.canonical_transaction_chain().head().call().await?.batchCount;
    let mut rejected = Vec::new();
    // All at once, or one after the other, or all at once on none: with two batches there are no other ways.
    while !journal.says(&["WARN", "all that this account could propose was rejected"]) {
        let provable = devnet.provable(&withdrawal).await?;
        let commitment = *provable.commitment();
        assert_eq!(commitment.proposer, devnet.address(Actor::Proposer));
        assert!(!rejected.contains(&commitment.id()));
        rejected.push(commitment.id());
        devnet.reject(commitment, Actor::Stranger).await?;
        eventually("it proposes otherwise, or says that it cannot", || async {
            let other = devnet.client(Actor::Stranger).wait_to_prove(&withdrawal, BRIEFLY).await;
            let stuck = journal.says(&["all that this account could propose was rejected"]);
            Ok((stuck || other.is_ok()).then_some(()))
        })
        .await?;
    }
    assert!(rejected.len() >= 2, "{rejected:?}");
    assert!(journal.says(&["WARN", "proposing the same otherwise"]));
    assert_eq!(devnet.canonical_transaction_chain().head().call().await?.batchCount, batches);

    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.client(Actor::Alice).execute(&devnet.executable(&withdrawal).await?).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn refuses_what_cannot_be_proposed() -> Result<()> {
    let (devnet, withdrawal) = message_in_a_batch().await?;
    let bob = devnet.client(Actor::Bob);
    let contract = bob.state_commitment_chain();
    let bond = U256::from(contract.BOND().call().await?);
    let genesis = devnet.genesis_commitment().await?;
    let first = devnet.commitment(Actor::Bob, genesis, &[LIE]).await?;
    let propose = |parent, batch_hash, checkpoints: &[B256], value| {
        contract.propose(parent, batch_hash, checkpoints.to_vec()).value(value)
    };

    let maximum = contract.MAX_CHECKPOINTS().call().await?;
    for count in [0, maximum.to::<usize>() + 1] {
        let none = propose(genesis, first.batch_hash, &vec![LIE; count], bond).call().await;
        let error = expect_revert::<StateCommitmentChain::CheckpointCountOutOfRange>(none);
        let received = U256::from(count);
        assert_eq!(error, StateCommitmentChain::CheckpointCountOutOfRange { received, maximum });
    }

    let unknown = propose(LIE, first.batch_hash, &[LIE], bond).call().await;
    let error = expect_revert::<StateCommitmentChain::ParentNotStanding>(unknown);
    assert_eq!((error.parent, error.status), (LIE, 0));

    let other = propose(genesis, LIE, &[LIE], bond).call().await;
    let error = expect_revert::<StateCommitmentChain::BatchHashMismatch>(other);
    let (received, expected) = (LIE, first.batch_hash);
    assert_eq!(error, StateCommitmentChain::BatchHashMismatch { received, expected });

    let received = bond - U256::ONE;
    let poor = propose(genesis, first.batch_hash, &[LIE], received).call().await;
    let error = expect_revert::<StateCommitmentChain::InsufficientBond>(poor);
    assert_eq!(error, StateCommitmentChain::InsufficientBond { received, expected: bond });

    let commitment = devnet.propose_up_to(Actor::Bob, &withdrawal).await?;
    let roots = devnet.output_roots(commitment.batch_count).await?;
    let again = propose(genesis, commitment.batch_hash, &roots, bond).call().await;
    let error = expect_revert::<StateCommitmentChain::CommitmentAlreadyProposed>(again);
    assert_eq!(error.id, commitment.id());

    let reject = contract.reject(commitment.into(), RECIPIENT).call().await;
    let error = expect_revert::<StateCommitmentChain::NotDisputeGame>(reject);
    assert_eq!(error.received, devnet.address(Actor::Bob));
    assert_eq!(error.expected, *devnet.dispute_game().address());

    let descendant = contract.rejectDescendant(commitment.into()).call().await;
    let error = expect_revert::<StateCommitmentChain::ParentNotRejected>(descendant);
    assert_eq!(error.parent, genesis);

    let withdraw = contract.withdrawBond(RECIPIENT, U256::ONE).call().await;
    let error = expect_revert::<StateCommitmentChain::InsufficientBond>(withdraw);
    assert_eq!((error.received, error.expected), (U256::ZERO, U256::ONE));

    let record = devnet.bridge().recordFinalRoot(LIE, LIE).from(RECIPIENT).call().await;
    let error = expect_revert::<Bridge::NotStateCommitmentChain>(record);
    assert_eq!((error.received, error.expected), (RECIPIENT, *contract.address()));
    Ok(())
}

/// A commitment is decided once.
#[tokio::test]
async fn a_final_one_is_final() -> Result<()> {
    let (devnet, withdrawal) = message_in_a_batch().await?;
    let commitment = devnet.propose_up_to(Actor::Proposer, &withdrawal).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let contract = devnet.state_commitment_chain();

    let reject = contract.reject(commitment.into(), RECIPIENT).from(*devnet.dispute_game().address());
    let error = expect_revert::<StateCommitmentChain::UnexpectedCommitmentStatus>(reject.call().await);
    assert_eq!((error.id, error.received, error.expected), (commitment.id(), 2, PROPOSED));
    let output = *executable.provable().output();
    let finalize = contract.finalize(commitment.into(), output.into());
    let error = expect_revert::<StateCommitmentChain::UnexpectedCommitmentStatus>(finalize.call().await);
    assert_eq!((error.id, error.received, error.expected), (commitment.id(), 2, PROPOSED));

    // Its bond is free.
    let proposer = devnet.client(Actor::Proposer);
    let bond = U256::from(contract.BOND().call().await?);
    let withdraw = proposer.state_commitment_chain().withdrawBond(RECIPIENT, bond).send().await?;
    assert!(withdraw.mined().await?.status());
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, bond);
    Ok(())
}
