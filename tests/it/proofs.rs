//! Proofs of messages: by anyone, any number of times, and every way to forge one.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address},
    providers::Provider,
    sol_types::SolInterface,
};
use eyre::Result;
use postern_bindings::{Bridge, bridge::Bridge::BridgeErrors};
use postern_client::{Error, Provable, Status, Withdrawal};
use postern_tests::{Actor, Devnet, PATIENCE, RevertData, Roles, ether, expect_revert};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// A devnet on which Alice sent five messages, all in one commitment; the third is the one to prove. Its tree has three levels.
async fn five_messages() -> Result<(Devnet, Withdrawal)> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(6)).await?;
    let mut withdrawals = Vec::new();
    for _ in 0..5 {
        let data = Bytes::from_static(b"message");
        withdrawals.push(devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, data).await?);
    }
    devnet.propose_up_to(Actor::Proposer, &withdrawals[4]).await?;
    Ok((devnet, withdrawals.swap_remove(2)))
}

#[tokio::test]
async fn by_a_stranger_twice() -> Result<()> {
    let (devnet, withdrawal) = five_messages().await?;
    let provable = devnet.provable(&withdrawal).await?;
    let stranger = devnet.client(Actor::Stranger);
    assert_eq!(stranger.proven(&provable).await?, None);
    let proven = stranger.prove(&provable).await?.state;
    let ready = stranger.ready_at(&withdrawal).await?;
    assert_eq!(stranger.proven(&provable).await?, Some(proven));

    let alice = devnet.client(Actor::Alice);
    let error = expect_revert::<Bridge::MessageAlreadyProven>(alice.prove(&provable).await);
    let (leaf, commitment) = (withdrawal.message.leaf(), provable.commitment().id());
    assert_eq!(error, Bridge::MessageAlreadyProven { leaf, commitment });
    assert_eq!(alice.ready_at(&withdrawal).await?, ready, "proving again resets no clock");

    // The stranger's proof is as good as her own.
    let proven = alice.proven(&provable).await?.expect("it is proven");
    devnet.warp_past_challenge_window().await?;
    alice.wait_to_finalize(&proven, PATIENCE).await?;
    alice.finalize(&proven).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));

    let error = expect_revert::<Bridge::MessageAlreadyFinalized>(alice.finalize(&proven).await);
    assert_eq!(error.index, withdrawal.message.index);
    expect_revert::<Bridge::MessageAlreadyProven>(alice.prove(&provable).await);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn after_finality() -> Result<()> {
    let (devnet, withdrawal) = five_messages().await?;
    let executable = devnet.executable(&withdrawal).await?;
    let alice = devnet.client(Actor::Alice);

    let proven = alice.prove(executable.provable()).await?.state;
    assert_eq!(alice.status(&withdrawal).await?, Status::ReadyToFinalize);
    alice.finalize(&proven).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::Finalized);

    let error = expect_revert::<Bridge::MessageAlreadyFinalized>(alice.execute(&executable).await);
    assert_eq!(error.index, withdrawal.message.index);
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    Ok(())
}

#[tokio::test]
async fn under_a_rejected_commitment() -> Result<()> {
    let (devnet, withdrawal) = five_messages().await?;
    let alice = devnet.client(Actor::Alice);
    let provable = devnet.provable(&withdrawal).await?;
    let proven = alice.prove(&provable).await?.state;
    let id = provable.commitment().id();
    devnet.reject(*provable.commitment(), Actor::Stranger).await?;

    assert!(matches!(
        alice.wait_to_finalize(&proven, PATIENCE).await,
        Err(Error::CommitmentRejected(rejected)) if rejected == id
    ));
    let error = expect_revert::<Bridge::CommitmentNotStanding>(alice.prove(&provable).await);
    assert_eq!(error.commitment, id);
    devnet.warp_past_challenge_window().await?;
    let bridge = devnet.bridge();
    let finalize = bridge.finalizeMessage(withdrawal.message.clone().into(), id);
    assert_eq!(expect_revert::<Bridge::CommitmentNotFinal>(finalize.call().await).commitment, id);

    // Under another commitment, all is as before.
    devnet.propose_up_to(Actor::Bob, &withdrawal).await?;
    let again = devnet.provable(&withdrawal).await?;
    assert_ne!(again.commitment().id(), id);
    let proven = alice.prove(&again).await?.state;
    devnet.warp_past_challenge_window().await?;
    alice.wait_to_finalize(&proven, PATIENCE).await?;
    alice.finalize(&proven).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    Ok(())
}

/// What a claim consists of.
struct Claim {
    message: Bridge::Message,
    commitment: Bridge::Commitment,
    output: Bridge::Output,
    proof: Vec<B256>,
}

impl Claim {
    fn new(provable: &Provable) -> Self {
        Self {
            message: provable.message().clone().into(),
            commitment: (*provable.commitment()).into(),
            output: (*provable.output()).into(),
            proof: provable.proof().to_vec(),
        }
    }

    /// The error with which the bridge refuses to take this for proven.
    async fn refused_proof(&self, devnet: &Devnet) -> Option<BridgeErrors> {
        let Self { message, commitment, output, proof } = self;
        let bridge = devnet.bridge();
        let prove = bridge.proveMessage(message.clone(), commitment.clone(), output.clone(), proof.clone());
        decoded(prove.call().await)
    }

    /// The error with which the bridge refuses to execute this at once.
    async fn refused_execution(&self, devnet: &Devnet, commitment: B256) -> Option<BridgeErrors> {
        let bridge = devnet.bridge();
        let execute = bridge.executeMessage(self.message.clone(), commitment, self.proof.clone());
        decoded(execute.call().await)
    }
}

fn decoded<T>(outcome: Result<T, impl RevertData>) -> Option<BridgeErrors> {
    outcome.err().and_then(|error| BridgeErrors::abi_decode(&error.revert_data()?).ok())
}

type Corrupt = fn(&mut Claim);
type Expected = fn(&BridgeErrors) -> bool;

const LEADS_ELSEWHERE: Expected = |error| matches!(error, BridgeErrors::OutboxRootMismatch(_));
const OUT_OF_TREE: Expected = |error| matches!(error, BridgeErrors::IndexOutOfTree(error) if error.index != 2);
const TOO_LONG: Expected = |error| matches!(error, BridgeErrors::ProofTooLong(_));

#[rstest]
#[case::bit_of_the_index_above_the_tree(|claim: &mut Claim| claim.message.index |= 1 << 3, OUT_OF_TREE)]
#[case::highest_bit_of_the_index(|claim: &mut Claim| claim.message.index |= 1 << 63, OUT_OF_TREE)]
#[case::another_index(|claim: &mut Claim| claim.message.index = 3, LEADS_ELSEWHERE)]
#[case::another_sender(|claim: &mut Claim| claim.message.sender = RECIPIENT, LEADS_ELSEWHERE)]
#[case::another_target(|claim: &mut Claim| claim.message.target = Address::repeat_byte(0xba), LEADS_ELSEWHERE)]
#[case::more_value(|claim: &mut Claim| claim.message.value += U256::ONE, LEADS_ELSEWHERE)]
#[case::less_gas(|claim: &mut Claim| claim.message.gasLimit += 1, LEADS_ELSEWHERE)]
#[case::other_data(|claim: &mut Claim| claim.message.data = Bytes::new(), LEADS_ELSEWHERE)]
#[case::proof_without_its_last_level(|claim: &mut Claim| { claim.proof.pop(); }, LEADS_ELSEWHERE)]
#[case::proof_without_its_first_level(|claim: &mut Claim| { claim.proof.remove(0); }, LEADS_ELSEWHERE)]
#[case::proof_with_a_level_more(|claim: &mut Claim| claim.proof.push(B256::ZERO), LEADS_ELSEWHERE)]
#[case::no_proof(|claim: &mut Claim| { claim.proof.clear(); claim.message.index = 0; }, LEADS_ELSEWHERE)]
#[case::siblings_in_another_order(|claim: &mut Claim| claim.proof.reverse(), LEADS_ELSEWHERE)]
#[case::siblings_swapped(|claim: &mut Claim| claim.proof.swap(0, 1), LEADS_ELSEWHERE)]
#[case::bit_of_a_sibling(|claim: &mut Claim| claim.proof[1].0[31] ^= 1, LEADS_ELSEWHERE)]
#[case::node_taken_for_a_leaf(|claim: &mut Claim| { claim.proof.remove(0); claim.message.index >>= 1; }, LEADS_ELSEWHERE)]
#[case::longer_than_any_tree(|claim: &mut Claim| claim.proof = vec![B256::ZERO; 65], TOO_LONG)]
#[tokio::test]
async fn forged(#[case] corrupt: Corrupt, #[case] expected: Expected) -> Result<()> {
    let (devnet, withdrawal) = five_messages().await?;
    let executable = devnet.executable(&withdrawal).await?;
    let provable = executable.provable();
    let commitment = provable.commitment().id();
    let mut claim = Claim::new(provable);
    assert!(claim.refused_proof(&devnet).await.is_none(), "the true proof is taken");
    assert!(claim.refused_execution(&devnet, commitment).await.is_none());

    corrupt(&mut claim);

    let error = claim.refused_proof(&devnet).await;
    assert!(error.as_ref().is_some_and(expected), "{error:?}");
    let error = claim.refused_execution(&devnet, commitment).await;
    assert!(error.as_ref().is_some_and(expected), "{error:?}");
    Ok(())
}

const ANOTHER_OUTPUT: Expected = |error| matches!(error, BridgeErrors::OutputRootMismatch(_));
const UNKNOWN: Expected = |error| matches!(error, BridgeErrors::CommitmentNotStanding(_));

#[tokio::test]
async fn forged_outputs_and_commitments() -> Result<()> {
    let (devnet, withdrawal) = five_messages().await?;
    let provable = devnet.provable(&withdrawal).await?;
    let corruptions: [(Corrupt, Expected); 11] = [
        (|claim| claim.output.version = U256::ONE, ANOTHER_OUTPUT),
        (|claim| claim.output.l2ChainId += U256::ONE, ANOTHER_OUTPUT),
        (|claim| claim.output.stateRoot = B256::ZERO, ANOTHER_OUTPUT),
        (|claim| claim.output.outboxRoot = B256::ZERO, ANOTHER_OUTPUT),
        (|claim| claim.output.blockHash = B256::ZERO, ANOTHER_OUTPUT),
        (|claim| claim.output.blockNumber += 1, ANOTHER_OUTPUT),
        (|claim| claim.output.batchCount += 1, ANOTHER_OUTPUT),
        (|claim| claim.commitment.proposer = RECIPIENT, UNKNOWN),
        (|claim| claim.commitment.outputRoot = B256::ZERO, UNKNOWN),
        (|claim| claim.commitment.batchCount += 1, UNKNOWN),
        (|claim| claim.commitment.parent = B256::ZERO, UNKNOWN),
    ];
    for (corrupt, expected) in corruptions {
        let mut claim = Claim::new(&provable);
        corrupt(&mut claim);
        let error = claim.refused_proof(&devnet).await;
        assert!(error.as_ref().is_some_and(expected), "{error:?}");
    }
    Ok(())
}
