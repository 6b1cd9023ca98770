//! An L2 node that lies to the client: typed errors, and nothing is sent.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Bytes, U256, address},
    providers::{Provider, ProviderBuilder, mock::Asserter},
};
use eyre::Result;
use postern_client::{Client, Error, Withdrawal, rpc};
use postern_protocol::{outbox::ProofError, output::Output};
use postern_tests::{Actor, Devnet, ether};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
const POLL: Duration = Duration::from_millis(100);

/// What the node answers when it is asked for a proof, in the order of the questions.
struct Answers {
    batch: rpc::BatchOfBlock,
    page: rpc::CommitmentPage,
    output: rpc::Output,
    proof: rpc::OutboxProof,
}

async fn answers(devnet: &Devnet, withdrawal: &Withdrawal) -> Result<Answers> {
    let l2 = devnet.l2();
    let number = |number: u64| (U256::from(number),);
    let batch: rpc::BatchOfBlock = l2.raw_request(rpc::BATCH_OF_BLOCK.into(), number(withdrawal.block_number)).await?;
    let page: rpc::CommitmentPage = l2.raw_request(rpc::COMMITMENTS.into(), number(batch.index + 1)).await?;
    let count = page.commitments[0].commitment.batch_count;
    let output = l2.raw_request(rpc::OUTPUT.into(), number(count)).await?;
    let params = (U256::from(withdrawal.message.index), U256::from(count));
    let proof = l2.raw_request(rpc::OUTBOX_PROOF.into(), params).await?;
    Ok(Answers { batch, page, output, proof })
}

type Lie = fn(&mut Answers);
type Expected = fn(&Error) -> bool;

const FORGED_OUTPUT: Expected = |error| matches!(error, Error::OutputMismatch { .. });
const FORGED_PROOF: Expected = |error| matches!(error, Error::Proof(ProofError::OutboxRootMismatch { .. }));

#[rstest]
#[case::about_the_outbox(|answers: &mut Answers| answers.output.outbox_root = B256::ZERO, FORGED_OUTPUT)]
#[case::about_the_state(|answers: &mut Answers| answers.output.state_root = B256::ZERO, FORGED_OUTPUT)]
#[case::about_the_chain(|answers: &mut Answers| answers.output.l2_chain_id += 1, FORGED_OUTPUT)]
#[case::about_a_sibling(|answers: &mut Answers| answers.proof.siblings[0] = B256::repeat_byte(1), FORGED_PROOF)]
#[case::about_the_depth(|answers: &mut Answers| answers.proof.siblings.push(B256::ZERO), FORGED_PROOF)]
#[case::about_a_commitment(
    |answers: &mut Answers| answers.page.commitments[0].commitment.output_root = B256::ZERO,
    |error: &Error| matches!(error, Error::CommitmentMismatch { .. })
)]
#[tokio::test]
async fn lies(#[case] lie: Lie, #[case] expected: Expected) -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let truth = devnet.provable(&withdrawal).await?;

    let wait = async |answers: &Answers| {
        let node = Asserter::new();
        // It says the same as often as it is asked; for a proof it is asked only if the output is right.
        let output = Output::from(answers.output.clone()).root();
        let honest = output == answers.page.commitments[0].commitment.output_root;
        for _ in 0..100 {
            node.push_success(&answers.batch);
            node.push_success(&answers.page);
            node.push_success(&answers.output);
            if honest {
                node.push_success(&answers.proof);
            }
        }
        let l2 = ProviderBuilder::new().connect_mocked_client(node).erased();
        let client = Client::new(devnet.l1().clone(), l2, *devnet.deployment());
        client.with_poll_interval(POLL).wait_to_prove(&withdrawal, Duration::from_secs(2)).await
    };
    let mut answers = answers(&devnet, &withdrawal).await?;
    // One commitment, so that the answers fit the questions.
    answers.page.commitments.truncate(1);
    answers.page.next = None;
    assert_eq!(wait(&answers).await?, truth);
    lie(&mut answers);
    let error = wait(&answers).await.expect_err("the node lies");
    assert!(expected(&error), "{error:?}");
    Ok(())
}
