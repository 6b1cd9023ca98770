//! Messages from L1: whatever their call does, nothing is lost.

use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use postern_execution::{DEPOSIT_TYPE, Deposit, L2Transaction};
use postern_protocol::{
    constants::{MAX_QUEUED_GAS_LIMIT, minimum_gas_limit},
    message::QueuedMessage,
    predeploys::{FEE_VAULT, L1_INFO},
};
use postern_testing::chain::*;

const SENDER: Address = Address::repeat_byte(0xaa);
const TARGET: Address = Address::repeat_byte(0xbb);

#[test]
fn mints_and_carries_value() {
    let mut chain = Chain::new([]);
    let block =
        chain.deposit(QueuedMessage { mint: U256::from(100), value: U256::from(30), fee: U256::from(7), ..message() });
    assert!(block.receipts[0].success);
    assert_eq!(block.receipts[0].tx_type, DEPOSIT_TYPE);
    assert_eq!(block.gas_used, [21_000]);
    assert_eq!(block.senders, [SENDER]);
    assert_eq!(block.messages, 0..1);
    assert_eq!(chain.balance(SENDER), U256::from(70));
    assert_eq!(chain.balance(TARGET), U256::from(30));
    assert_eq!(chain.balance(FEE_VAULT), U256::from(7));
    assert_eq!(chain.nonce(SENDER), 1);
    let L2Transaction::Deposit(deposit) = &block.transactions[0] else { panic!("not a deposit") };
    assert_eq!(deposit.source_hash, chain.queue[0].hash());
}

#[test]
fn is_credited_when_the_call_reverts() {
    let mut chain = Chain::new([(TARGET, contract(code::REVERT))]);
    let message = QueuedMessage { mint: U256::from(100), value: U256::from(30), ..message() };
    let block = chain.deposit(message);
    assert!(!block.receipts[0].success);
    assert!(block.gas_used[0] > 21_000 && block.gas_used[0] < 22_000);
    assert_eq!(chain.balance(SENDER), U256::from(100));
    assert_eq!(chain.balance(TARGET), U256::ZERO);
    assert_eq!(chain.balance(FEE_VAULT), U256::from(5));
    assert_eq!(chain.nonce(SENDER), 1);
}

#[test]
fn is_credited_when_the_call_uses_all_gas() {
    let mut chain = Chain::new([(TARGET, contract(code::BURN))]);
    let block = chain.deposit(QueuedMessage { mint: U256::from(100), ..message() });
    assert!(!block.receipts[0].success);
    assert_eq!(block.gas_used, [100_000]);
    assert_eq!(chain.balance(SENDER), U256::from(100));
    assert_eq!(chain.nonce(SENDER), 1);
}

#[test]
fn is_credited_when_the_balance_is_short_of_the_value() {
    let mut chain = Chain::new([(TARGET, contract(code::COUNT))]);
    let message = QueuedMessage { mint: U256::from(10), value: U256::from(11), ..message() };
    let block = chain.deposit(message);
    assert!(!block.receipts[0].success);
    assert_eq!(block.gas_used, [100_000], "a call that cannot start uses the whole gas limit");
    assert_eq!(chain.balance(SENDER), U256::from(10));
    assert_eq!(chain.slot(TARGET, 0), U256::ZERO);
    assert_eq!(chain.nonce(SENDER), 1);
}

#[test]
fn is_credited_when_the_gas_does_not_cover_the_data() {
    let data = Bytes::from(vec![1; 100]);
    let enough = minimum_gas_limit(data.len());
    for (gas_limit, success) in [(enough - 1, false), (enough, true)] {
        let mut chain = Chain::new([]);
        let message = QueuedMessage { mint: U256::from(10), gas_limit, data: data.clone(), ..message() };
        let block = chain.deposit(message);
        assert_eq!(block.receipts[0].success, success);
        assert_eq!(block.gas_used, [gas_limit]);
        assert_eq!(chain.balance(SENDER), U256::from(10));
        assert_eq!(chain.nonce(SENDER), 1);
    }
}

#[test]
fn spends_what_the_sender_has_on_l2() {
    let mut chain = Chain::new([(SENDER, funded(U256::from(50)))]);
    chain.deposit(QueuedMessage { mint: U256::from(1), value: U256::from(51), ..message() });
    assert_eq!(chain.balance(TARGET), U256::from(51));
    assert_eq!(chain.balance(SENDER), U256::ZERO);
}

#[test]
fn may_use_as_much_gas_as_a_transaction_and_counts_as_that_if_it_asks_for_more() {
    for gas_limit in [MAX_QUEUED_GAS_LIMIT, MAX_QUEUED_GAS_LIMIT + 1, u64::MAX] {
        let mut chain = Chain::new([(TARGET, contract(code::BURN))]);
        let block = chain.deposit(QueuedMessage { gas_limit, ..message() });
        assert_eq!(block.gas_used, [MAX_QUEUED_GAS_LIMIT]);
    }
}

#[test]
fn pays_no_gas_price_and_needs_no_key() {
    // The sender is a contract of the L2, has no ETH, and the block has a base fee.
    let mut chain = Chain::new([(SENDER, contract(code::STOP)), (TARGET, contract(code::COUNT))]);
    let block = chain.deposit(message());
    assert!(block.receipts[0].success);
    assert_eq!(chain.slot(TARGET, 0), U256::ONE);
    assert_eq!(chain.nonce(SENDER), 2);
}

#[test]
fn takes_even_what_l1_could_never_send() {
    let mut chain = Chain::new([]);
    let all = QueuedMessage { mint: U256::MAX, fee: U256::MAX, value: U256::MAX, ..message() };
    chain.deposit(all.clone());
    chain.deposit(all);
    assert_eq!(chain.balance(TARGET), U256::MAX);
    let little = QueuedMessage { gas_limit: 1, sender: Address::ZERO, target: Address::ZERO, ..message() };
    let block = chain.deposit(little);
    assert_eq!(block.gas_used, [1]);
}

#[test]
fn may_call_a_delegated_account_from_a_delegated_account() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::COUNT))]);
    let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address: TARGET, nonce: 1 };
    let signature = wallet.sign_hash(authorization.signature_hash());
    let delegation = alloy_consensus::TxEip7702 {
        chain_id: CHAIN_ID,
        gas_limit: 100_000,
        max_fee_per_gas: 10_000_000,
        to: wallet.address,
        authorization_list: vec![authorization.into_signed(signature)],
        ..Default::default()
    };
    assert!(chain.transact(vec![wallet.sign(delegation)]).receipts[0].success);
    assert_eq!(chain.nonce(wallet.address), 2);

    let block = chain.deposit(QueuedMessage { sender: wallet.address, target: wallet.address, ..message() });
    assert!(block.receipts[0].success);
    assert_eq!(chain.slot(wallet.address, 0), U256::from(2), "once by each transaction");
    assert_eq!(chain.nonce(wallet.address), 3);
}

#[test]
fn contracts_read_how_many_messages_were_executed_before_this_block() {
    let mut read = message();
    read.data = L1_INFO.into_word().into();
    let accounts = [(L1_INFO, contract(code::SLOT_3)), (TARGET, contract(code::READ))];
    let mut chain = Chain::new(accounts);

    chain.enqueue(message());
    chain.enqueue(read.clone());
    chain.append(&[], 2);
    assert_eq!(chain.slot(TARGET, 0), U256::ZERO);

    chain.enqueue(read);
    chain.append(&[block(0, 1, vec![])], 3);
    assert_eq!(chain.slot(TARGET, 0), U256::from_limbs([2, chain.place(2), 0, 0]));
}

#[test]
fn has_the_encoding_of_optimism() {
    // Encoded by hand: list header, then each field.
    let deposit = Deposit {
        source_hash: B256::repeat_byte(1),
        from: Address::repeat_byte(2),
        to: Address::repeat_byte(3),
        mint: U256::from(4),
        value: U256::ZERO,
        gas_limit: 0x1234,
        is_system: false,
        data: hex!("abcdef").into(),
    };
    let fields = [
        &[0xa0][..],
        &[1; 32],
        &[0x94],
        &[2; 20],
        &[0x94],
        &[3; 20],
        &[4],
        &[0x80],
        &hex!("821234"),
        &[0x80],
        &hex!("83abcdef"),
    ]
    .concat();
    let encoded = [&[0x7e, 0xf8, fields.len() as u8][..], &fields].concat();
    assert_eq!(deposit.encoded(), encoded);
    assert_eq!(L2Transaction::decode(&encoded), Ok(deposit.into()));
}
