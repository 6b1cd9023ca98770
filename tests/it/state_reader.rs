//! The state of the L2, read by contracts on L1: with what the L2 node answers to `eth_getProof`, at final outputs.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address},
    providers::{DynProvider, Provider},
    rpc::types::EIP1186AccountProofResponse,
    sol_types::SolError,
};
use eyre::Result;
use postern_bindings::{L2StateReader, l2_state_reader::L2StateReader::L2StateReaderInstance};
use postern_client::Provable;
use postern_protocol::predeploys;
use postern_tests::{Actor, Devnet, RevertData, Roles, ether, expect_revert};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// Where the outbox counts its messages.
const COUNT: B256 = B256::ZERO;

/// What a reader on L1 is given: a commitment with its output, and what an L2 node proves in the state of that.
struct Facts {
    commitment: L2StateReader::Commitment,
    output: L2StateReader::Output,
    proof: EIP1186AccountProofResponse,
}

impl Facts {
    async fn ask(l2: &DynProvider, under: &Provable, account: Address, slots: Vec<B256>) -> Result<Self> {
        let proof = l2.get_proof(account, slots).number(under.output().block_number).await?;
        Ok(Self { commitment: (*under.commitment()).into(), output: (*under.output()).into(), proof })
    }

    fn storage_proof(&self, slot: usize) -> Vec<Bytes> {
        self.proof.storage_proof[slot].proof.clone()
    }

    async fn account(
        &self,
        reader: &L2StateReaderInstance<&DynProvider>,
    ) -> alloy::contract::Result<L2StateReader::accountAtReturn> {
        let Self { commitment, output, proof } = self;
        let account = reader.accountAt(commitment.clone(), output.clone(), proof.address, proof.account_proof.clone());
        account.call().await
    }

    /// The slot that was asked for at this place.
    async fn slot(&self, reader: &L2StateReaderInstance<&DynProvider>, place: usize) -> alloy::contract::Result<B256> {
        let Self { commitment, output, proof } = self;
        let slot = proof.storage_proof[place].key.as_b256();
        let (account_proof, storage_proof) = (proof.account_proof.clone(), self.storage_proof(place));
        let read =
            reader.storageAt(commitment.clone(), output.clone(), proof.address, slot, account_proof, storage_proof);
        read.call().await
    }
}

/// A devnet with the reader, and a message of Alice's in its outbox that carries a wei and is under a final commitment.
async fn one_final_message() -> Result<(Devnet, Address, Provable)> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let reader = devnet.gateways().l2_state_reader.address;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, U256::ONE, 0, Bytes::new()).await?;
    let provable = devnet.executable(&withdrawal).await?.provable().clone();
    Ok((devnet, reader, provable))
}

#[tokio::test]
async fn accounts_and_slots_at_final_outputs() -> Result<()> {
    let (devnet, reader, first) = one_final_message().await?;
    let (reader, l2) = (L2StateReader::new(reader, devnet.l1()), devnet.l2());

    // An account with a key: what it has paid and sent.
    let facts = Facts::ask(&l2, &first, devnet.address(Actor::Alice), vec![]).await?;
    let account = facts.account(&reader).await?;
    assert_eq!((account.nonce, account.balance), (U256::from(facts.proof.nonce), facts.proof.balance));
    assert_eq!((account.storageRoot, account.codeHash), (facts.proof.storage_hash, facts.proof.code_hash));
    // The deposit, and the withdrawal.
    assert_eq!(account.nonce, U256::from(2));

    // A contract, and its storage.
    let before = Facts::ask(&l2, &first, predeploys::OUTBOX, vec![COUNT]).await?;
    let account = before.account(&reader).await?;
    assert_eq!((account.balance, account.storageRoot), (U256::ONE, before.proof.storage_hash));
    assert_eq!(before.slot(&reader, 0).await?, B256::with_last_byte(1));

    // L2 goes on. What was final stays readable, beside what became final later.
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, U256::ONE, 0, Bytes::new()).await?;
    let second = devnet.executable(&withdrawal).await?.provable().clone();
    let after = Facts::ask(&l2, &second, predeploys::OUTBOX, vec![COUNT]).await?;
    assert_eq!(after.account(&reader).await?.balance, U256::from(2));
    assert_eq!(after.slot(&reader, 0).await?, B256::with_last_byte(2));
    assert_eq!(before.slot(&reader, 0).await?, B256::with_last_byte(1));

    // Neither output's proof is one in the other's state.
    let mixed = Facts { commitment: after.commitment, output: after.output, proof: before.proof };
    refused(mixed.slot(&reader, 0).await);
    Ok(())
}

#[tokio::test]
async fn an_output_that_is_not_final() -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let reader = devnet.gateways().l2_state_reader.address;
    let (reader, l2) = (L2StateReader::new(reader, devnet.l1()), devnet.l2());
    devnet.fund(Actor::Alice, ether(2)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, U256::ONE, 0, Bytes::new()).await?;

    let provable = devnet.provable(&withdrawal).await?;
    let facts = Facts::ask(&l2, &provable, predeploys::OUTBOX, vec![COUNT]).await?;
    let id = provable.commitment().id();
    let error = expect_revert::<L2StateReader::CommitmentNotFinal>(facts.account(&reader).await.map(|_| ()));
    assert_eq!(error.commitment, id);
    let error = expect_revert::<L2StateReader::CommitmentNotFinal>(facts.slot(&reader, 0).await);
    assert_eq!(error.commitment, id);

    // Past its window too, until somebody makes it final.
    devnet.warp_past_challenge_window().await?;
    devnet.executable(&withdrawal).await?;
    let final_ = devnet.state_commitment_chain().commitmentStatus(id).call().await?;
    assert_eq!(final_, 2, "the first commitment was not made final");
    assert_eq!(facts.slot(&reader, 0).await?, B256::with_last_byte(1));

    // One that nobody made.
    let mut unknown = facts;
    unknown.commitment.proposer = RECIPIENT;
    expect_revert::<L2StateReader::CommitmentNotFinal>(unknown.slot(&reader, 0).await);
    Ok(())
}

#[tokio::test]
async fn another_output_than_the_committed_one() -> Result<()> {
    let (devnet, reader, provable) = one_final_message().await?;
    let (reader, l2) = (L2StateReader::new(reader, devnet.l1()), devnet.l2());
    let corruptions: [fn(&mut L2StateReader::Output); 7] = [
        |output| output.version = U256::ONE,
        |output| output.l2ChainId += U256::ONE,
        |output| output.stateRoot.0[31] ^= 1,
        |output| output.outboxRoot = B256::ZERO,
        |output| output.blockHash = B256::ZERO,
        |output| output.blockNumber += 1,
        |output| output.batchCount += 1,
    ];
    for corrupt in corruptions {
        let mut facts = Facts::ask(&l2, &provable, predeploys::OUTBOX, vec![COUNT]).await?;
        corrupt(&mut facts.output);
        let error = expect_revert::<L2StateReader::OutputRootMismatch>(facts.slot(&reader, 0).await);
        assert_eq!(error.expected, provable.commitment().output_root);
        assert_ne!(error.received, error.expected);
    }
    Ok(())
}

#[tokio::test]
async fn proofs_that_do_not_hold() -> Result<()> {
    let (devnet, reader, provable) = one_final_message().await?;
    let (reader, l2) = (L2StateReader::new(reader, devnet.l1()), devnet.l2());
    let corruptions: [fn(&mut EIP1186AccountProofResponse); 7] = [
        |proof| drop(proof.account_proof.pop()),
        |proof| proof.account_proof.clear(),
        |proof| proof.account_proof.reverse(),
        |proof| proof.account_proof.push(Bytes::from_static(&[0x80])),
        |proof| flip_last_bit(&mut proof.account_proof),
        |proof| flip_last_bit(&mut proof.storage_proof[0].proof),
        // Another account's.
        |proof| proof.address = RECIPIENT,
    ];
    for corrupt in corruptions {
        let mut facts = Facts::ask(&l2, &provable, predeploys::OUTBOX, vec![COUNT]).await?;
        assert_eq!(facts.slot(&reader, 0).await?, B256::with_last_byte(1));
        corrupt(&mut facts.proof);
        refused(facts.slot(&reader, 0).await);
    }
    Ok(())
}

/// A slot that is zero is in no trie: what the node proves then is that it is absent, which the reader does not take for a value.
#[tokio::test]
async fn slots_and_accounts_that_are_not_there() -> Result<()> {
    let (devnet, reader, provable) = one_final_message().await?;
    let (reader, l2) = (L2StateReader::new(reader, devnet.l1()), devnet.l2());
    let slots: Vec<_> = (0x1000..0x1008_u64).map(|slot| B256::from(U256::from(slot))).collect();
    let facts = Facts::ask(&l2, &provable, predeploys::OUTBOX, slots).await?;
    for place in 0..facts.proof.storage_proof.len() {
        assert_eq!(facts.proof.storage_proof[place].value, U256::ZERO);
        refused(facts.slot(&reader, place).await);
    }
    // With the proof of one that is there.
    let mut facts = Facts::ask(&l2, &provable, predeploys::OUTBOX, vec![COUNT]).await?;
    facts.proof.storage_proof[0].key = B256::with_last_byte(0x77).into();
    refused(facts.slot(&reader, 0).await);

    for nobody in (1..=8).map(Address::repeat_byte) {
        let facts = Facts::ask(&l2, &provable, nobody, vec![]).await?;
        refused(facts.account(&reader).await.map(|_| ()));
    }
    Ok(())
}

/// That the proof did not hold: with an error of the library that walks it, never of the reader itself.
#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: alloy::contract::Result<T>) {
    let error = outcome.expect_err("the proof does not hold");
    let data = error.revert_data().unwrap_or_else(|| panic!("not refused: {error}"));
    let own = [L2StateReader::CommitmentNotFinal::SELECTOR, L2StateReader::OutputRootMismatch::SELECTOR];
    assert!(data.len() >= 4 && own.iter().all(|selector| !data.starts_with(selector)), "{data}");
}

fn flip_last_bit(nodes: &mut [Bytes]) {
    let Some(last) = nodes.last_mut() else {
        return;
    };
    let mut bytes = last.to_vec();
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    *last = bytes.into();
}
