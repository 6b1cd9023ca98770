//! Users leave although the operator does not help them.

use alloy::{
    primitives::{Address, Bytes, U256, address},
    providers::Provider,
};
use eyre::{OptionExt, Result};
use postern_bindings::CanonicalTransactionChain;
use postern_client::{Inclusion, InclusionStatus, L2Call, Status};
use postern_tests::{Actor, Devnet, PATIENCE, Roles, ether, eventually, expect_revert};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// The operator is gone. With a node of her own, which only follows L1, Alice does everything herself.
#[tokio::test]
async fn the_operator_is_gone() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let commitment = devnet.propose_up_to(Actor::Alice, &withdrawal).await?;
    devnet.restart_with(Roles::REPLICA).await?;

    let alice = devnet.client(Actor::Alice);
    let executable = devnet.executable(&withdrawal).await?;
    assert_eq!(*executable.provable().commitment(), commitment);
    alice.execute(&executable).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::Finalized);
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// There never was a sequencer. A message through L1's queue, which anyone may force, takes the ETH out again.
#[tokio::test]
async fn there_never_was_a_sequencer() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let alice = devnet.client(Actor::Alice);
    let call = L2Call { mint: ether(1), ..L2Call::withdrawal(RECIPIENT, ether(1), 0, Bytes::new()) };
    let deposit = alice.send_to_l2(call).await?.state;

    let stranger = devnet.client(Actor::Stranger);
    let inclusion = stranger.inclusion(&deposit).await?;
    assert_eq!(inclusion.status, InclusionStatus::Waiting);
    let from = inclusion.forceable_at.ok_or_eyre("it is ordered")?;
    let error = expect_revert::<CanonicalTransactionChain::NothingToForce>(stranger.force_include().await);
    assert_eq!(error.expected, U256::from(from));
    devnet.warp_to(from).await?;
    assert_eq!(stranger.wait_to_force(&deposit, PATIENCE).await?, InclusionStatus::Forceable);
    stranger.force_include().await?;

    let ordered =
        Inclusion { status: InclusionStatus::Ordered, stampable_at: None, forceable_at: None, ordered_by: None };
    assert_eq!(stranger.inclusion(&deposit).await?, ordered);
    let withdrawal = devnet.withdrawal_of(&alice, &deposit).await?;
    devnet.propose_up_to(Actor::Alice, &withdrawal).await?;
    let executable = devnet.executable(&withdrawal).await?;
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// Nobody made the commitments before it final: whoever claims can do that as well.
#[tokio::test]
async fn nobody_finalizes() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let chain = devnet.node().chain();
    let count =
        eventually("the message is in a batch", || async { Ok(chain.batch_count_at(withdrawal.block_number)?) })
            .await?;
    let roots = devnet.output_roots(count).await?;
    let mut parent = devnet.genesis_commitment().await?;
    for root in roots {
        parent = devnet.propose(Actor::Proposer, parent, &[root]).await?.id();
    }
    devnet.provable(&withdrawal).await?;
    devnet.warp_past_challenge_window().await?;

    let alice = devnet.client(Actor::Alice);
    let executable = alice.wait_to_execute(&withdrawal, PATIENCE).await?;
    assert_eq!(executable.provable().commitment().id(), parent);
    let finalized = alice.finalize_commitment(executable.provable().commitment()).await?;
    assert_eq!(finalized.len() as u64, count);
    assert!(alice.finalize_commitment(executable.provable().commitment()).await?.is_empty());
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    let bonds = devnet.state_commitment_chain().bondOf(devnet.address(Actor::Proposer)).call().await?;
    let bond = U256::from(devnet.state_commitment_chain().BOND().call().await?);
    assert_eq!(bonds, bond * U256::from(count));
    Ok(())
}
