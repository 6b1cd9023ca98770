//! The challenge window, on both sides of its end.

use alloy::{
    primitives::{Address, Bytes, U256, address},
    providers::Provider,
};
use eyre::Result;
use postern_bindings::StateCommitmentChain;
use postern_client::{Proven, Status, Withdrawal};
use postern_protocol::output::Output;
use postern_tests::{Actor, Devnet, L1Point, Roles, ether, expect_revert};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// A proven message whose commitment nobody finalizes.
struct Setting {
    devnet: Devnet,
    withdrawal: Withdrawal,
    proven: Proven,
    output: Output,
    end: L1Point,
}

async fn setting() -> Result<Setting> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);
    devnet.fund(Actor::Alice, ether(2)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let commitment = devnet.propose_up_to(Actor::Proposer, &withdrawal).await?;
    let provable = devnet.provable(&withdrawal).await?;
    let output = *provable.output();
    let proven = alice.prove(&provable).await?.state;
    let end = devnet.state_commitment_chain().finalizableAt(commitment.id()).call().await?;
    let end = L1Point { time: end.time, block_number: end.blockNumber };
    Ok(Setting { devnet, withdrawal, proven, output, end })
}

#[rstest]
#[case::exactly_on_time(0, 0, None)]
#[case::one_second_too_early(-1, 5, Some("time"))]
#[case::one_block_too_early(5, -1, Some("blocks"))]
#[case::early_in_both(-1, -1, Some("time"))]
#[tokio::test]
async fn ends(#[case] seconds: i64, #[case] blocks: i64, #[case] open: Option<&str>) -> Result<()> {
    let Setting { devnet, withdrawal, proven, output, end } = setting().await?;
    let stranger = devnet.client(Actor::Stranger);
    let contract = stranger.state_commitment_chain();
    let finalize = contract.finalize((*proven.commitment()).into(), output.into());
    let point = L1Point {
        time: end.time.saturating_add_signed(seconds),
        block_number: end.block_number.saturating_add_signed(blocks),
    };
    devnet.approach(point).await?;

    let (receipt, outcome) = devnet.force(finalize).await?;

    assert_eq!(receipt.block_number, Some(point.block_number));
    match open {
        None => assert_eq!(outcome, Ok(())),
        Some("time") => {
            let error = expect_revert::<StateCommitmentChain::WindowOpenInTime>(outcome);
            let (received, expected) = (U256::from(point.time), U256::from(end.time));
            assert_eq!(error, StateCommitmentChain::WindowOpenInTime { received, expected });
        }
        Some(_) => {
            let error = expect_revert::<StateCommitmentChain::WindowOpenInBlocks>(outcome);
            let (received, expected) = (U256::from(point.block_number), U256::from(end.block_number));
            assert_eq!(error, StateCommitmentChain::WindowOpenInBlocks { received, expected });
        }
    }

    // Early or not, the end comes.
    devnet.warp_past_challenge_window().await?;
    assert_eq!(stranger.status(&withdrawal).await?, Status::ReadyToFinalize);
    stranger.finalize(&proven).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}
