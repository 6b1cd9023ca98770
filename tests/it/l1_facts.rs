//! What one chain can check about the other's state: facts of L1 on L2, and what the L2 node tells of its state on L1.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address, b256},
    providers::{Provider, ProviderBuilder, ext::AnvilApi},
    rlp,
    rpc::types::{EIP1186AccountProofResponse, Header},
};
use eyre::{OptionExt, Result, bail};
use postern_bindings::{CanonicalTransactionChain, L1Info};
use postern_node::Node;
use postern_protocol::{output::Output, predeploys};
use postern_tests::{
    Actor, Devnet, Mined, PATIENCE, Roles, ether, eventually, expect_revert,
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

/// The beacon root that L2 sees is that of the origin's header (EIP-4788).
#[tokio::test]
async fn a_beacon_root_on_l2() -> Result<()> {
    let root = B256::repeat_byte(0xbe);
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let (anvil, l1) = Devnet::with_beacon_root(root).await?;
    let header = async |number: u64| -> Result<Header> {
        Ok(l1.get_block_by_number(number.into()).await?.ok_or_eyre("no such block")?.header)
    };
    let mut with_root = devnet.deployment().bridge.block_number;
    while header(with_root).await?.parent_beacon_block_root != Some(root) {
        with_root += 1;
    }
    l1.anvil_mine(Some(256), None).await?;

    let mut config = devnet.follower_config("follower");
    config.l1_rpc_url = anvil.endpoint();
    let node = Node::start(config).await?;
    let l2 = ProviderBuilder::new().connect_http(node.rpc_url().parse()?);
    let l1_info = L1Info::new(predeploys::L1_INFO, l2);
    let contract = CanonicalTransactionChain::new(devnet.deployment().canonical_transaction_chain.address, &l1);
    // One whose origin has the root, and one whose origin has none: each without blocks of its own.
    for (index, number, expected) in [(0, with_root, root), (1, with_root + 1, B256::ZERO)] {
        let hash = header(number).await?.hash;
        let append = contract.appendBatch(index, 0, number, hash, Bytes::from_static(&[0]));
        let append = append.from(devnet.address(Actor::Sequencer)).send().await?;
        assert!(append.mined().await?.status());
        eventually("the batch is derived", || async { Ok((node.chain().heads().derived > index).then_some(())) })
            .await?;
        assert_eq!(l1_info.number().call().await?, number);
        assert_eq!(l1_info.blockHash().call().await?, hash);
        assert_eq!(l1_info.beaconRoot().call().await?, expected);
    }
    Ok(node.shutdown().await?)
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
