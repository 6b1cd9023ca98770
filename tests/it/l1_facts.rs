//! What one chain can check about the other's state: facts of L1 on L2, and what the L2 node tells of its state on L1.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address, b256},
    providers::Provider,
    rlp,
    rpc::types::EIP1186AccountProofResponse,
};
use eyre::{OptionExt, Result, bail};
use postern_bindings::L1Info;
use postern_protocol::{output::Output, predeploys};
use postern_tests::{
    Actor, Devnet, PATIENCE, Roles, ether, expect_revert,
    targets::{L1Facts, StateProofs},
};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// Where a proxy keeps its implementation (ERC-1967).
const IMPLEMENTATION: B256 = b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// An application on L2 knows the L1 origin from `L1Info` alone, and from there any state of L1.
#[tokio::test]
async fn facts_of_l1_on_l2() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);
    let deposited = alice.deposit_eth(devnet.address(Actor::Alice), ether(2)).await?.state;
    alice.wait_for_deposit(&deposited, PATIENCE).await?;
    let (l1, l2) = (devnet.l1(), alice.l2());
    let contract = devnet.deploy(l2, "L1Facts", ()).await?;
    let (facts, proofs) = (L1Facts::new(contract, l2), StateProofs::new(contract, l2));
    devnet.posted().await?;

    let l1_info = L1Info::new(predeploys::L1_INFO, l2);
    let number = l1_info.number().call().await?;
    let header = l1.get_block_by_number(number.into()).await?.ok_or_eyre("no such L1 block")?.header;
    assert_eq!(l1_info.blockHash().call().await?, header.hash);
    assert_eq!(l1_info.timestamp().call().await?, header.timestamp);
    assert_eq!(Some(l1_info.beaconRoot().call().await?), header.parent_beacon_block_root);
    assert_eq!(l1_info.messagesExecuted().call().await?, 1);
    assert_eq!(l1_info.gasExecuted().call().await?, deposited.place);
    assert_eq!(l1_info.batchCount().call().await?, devnet.node().chain().heads().derived);
    let encoded = Bytes::from(rlp::encode(&header.inner));
    let state_root = facts.stateRoot(encoded).call().await?;
    assert_eq!(state_root, header.state_root);

    let bridge = devnet.deployment().bridge;
    let proof = l1.get_proof(bridge.address, vec![IMPLEMENTATION]).number(number).await?;
    let account = proofs.accountAt(state_root, bridge.address, proof.account_proof).call().await?;
    assert_eq!(account.balance, l1.get_balance(bridge.address).number(number).await?);
    let storage = proof.storage_proof.into_iter().next().ok_or_eyre("no storage proof")?.proof;
    let implementation = proofs.storageAt(account.storageRoot, IMPLEMENTATION, storage).call().await?;
    let implementation = Address::from_word(implementation.into());
    assert_eq!(Some(implementation), bridge.implementation);

    // Another block's header does not pass.
    let other = l1.get_block_by_number((number - 1).into()).await?.ok_or_eyre("no such L1 block")?.header;
    let error =
        expect_revert::<L1Facts::HeaderMismatch>(facts.stateRoot(rlp::encode(&other.inner).into()).call().await);
    assert_eq!(error, L1Facts::HeaderMismatch { received: other.hash, expected: header.hash });
    Ok(())
}

/// What the L2 node answers to `eth_getProof` is verified on L1, against the state root of a final output.
#[tokio::test]
async fn facts_of_l2_on_l1() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    for _ in 0..3 {
        devnet.withdraw(Actor::Alice, RECIPIENT, U256::ONE, 0, Bytes::new()).await?;
    }
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let Output { state_root, outbox_root, block_number, .. } = *executable.provable().output();
    let (id, l2) = (executable.provable().commitment().id(), devnet.l2());
    assert_eq!(devnet.bridge().finalRoot(id).call().await?, outbox_root, "the output is final");
    let stranger = devnet.client(Actor::Stranger);
    let contract = devnet.deploy(stranger.l1(), "StateProofs", ()).await?;
    let proofs = StateProofs::new(contract, stranger.l1());
    let prove = async |account: Address, slots: Vec<B256>| -> Result<EIP1186AccountProofResponse> {
        Ok(l2.get_proof(account, slots).number(block_number).await?)
    };

    let slots: Vec<_> = (0..32).map(|slot| B256::from(U256::from(slot))).collect();
    let outbox = prove(predeploys::OUTBOX, slots.clone()).await?;
    let account = proofs.accountAt(state_root, predeploys::OUTBOX, outbox.account_proof).call().await?;
    assert_eq!((account.balance, account.storageRoot), (outbox.balance, outbox.storage_hash));
    assert_eq!(account.balance, ether(1) + U256::from(3));
    // Slot 0 is the count; of the others some are set, some are not.
    let (mut present, mut absent) = (0, 0);
    for (slot, proof) in slots.iter().zip(&outbox.storage_proof) {
        if !proof.value.is_zero() {
            let value = proofs.storageAt(account.storageRoot, *slot, proof.proof.clone()).call().await?;
            assert_eq!(value, proof.value);
            present += 1;
        } else if ends_elsewhere(&proof.proof)? {
            assert!(proofs.isAbsent(account.storageRoot, slot.0.into(), proof.proof.clone()).call().await?);
            absent += 1;
        }
    }
    assert_eq!(outbox.storage_proof[0].value, U256::from(4));
    assert!(present > 1 && absent > 0, "{present} and {absent}");

    let alice = prove(devnet.address(Actor::Alice), vec![]).await?;
    let account = proofs.accountAt(state_root, alice.address, alice.account_proof).call().await?;
    assert_eq!((account.nonce, account.balance), (U256::from(alice.nonce), alice.balance));
    assert_eq!((account.storageRoot, account.codeHash), (alice.storage_hash, alice.code_hash));
    let mut absent = 0;
    for nobody in (1..=32).map(Address::repeat_byte) {
        let proof = prove(nobody, vec![]).await?.account_proof;
        if ends_elsewhere(&proof)? {
            assert!(proofs.isAbsent(state_root, nobody.0.into(), proof).call().await?);
            absent += 1;
        }
    }
    assert!(absent > 0);
    Ok(())
}

/// Whether the last node of a proof is a leaf or an extension, not a branch.
fn ends_elsewhere(proof: &[Bytes]) -> Result<bool> {
    let last = proof.last().ok_or_eyre("no proof")?;
    match rlp::Header::decode_raw(&mut last.as_ref())? {
        rlp::PayloadView::List(items) => Ok(items.len() == 2),
        rlp::PayloadView::String(_) => bail!("a node of a trie is a list"),
    }
}
