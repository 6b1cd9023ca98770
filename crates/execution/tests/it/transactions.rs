//! Signed transactions: what is executed, what is skipped, and who is paid.

use alloy_consensus::{
    Header, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxEnvelope, TxLegacy,
    transaction::SignerRecoverable,
};
use alloy_eips::{
    Encodable2718,
    eip1559::{BaseFeeParams, calc_next_block_base_fee},
    eip2930::AccessList,
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use postern_execution::{L2Transaction, SkipReason, TransactionError, next_base_fee};
use postern_protocol::{
    constants::{BLOCK_GAS_LIMIT, INITIAL_BASE_FEE, MAX_QUEUED_GAS_LIMIT, MIN_BASE_FEE},
    predeploys::FEE_VAULT,
};
use postern_testing::chain::*;
use proptest::prelude::*;
use revm::context::result::InvalidTransaction;

const TARGET: Address = Address::repeat_byte(0xbb);

fn chain_with(code: &str) -> (Wallet, Chain) {
    let wallet = Wallet::new(1);
    let chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code))]);
    (wallet, chain)
}

fn call(nonce: u64) -> TxEip1559 {
    TxEip1559 { gas_limit: 200_000, ..transfer(nonce, TARGET, 0) }
}

fn create(nonce: u64, init_code: &str) -> TxEip1559 {
    TxEip1559 { to: TxKind::Create, input: bytes(init_code), ..call(nonce) }
}

#[test]
fn fees_go_to_the_vault_whole() {
    let (wallet, mut chain) = chain_with(code::COUNT);
    let supply = |chain: &Chain| chain.supply([wallet.address, FEE_VAULT, TARGET]);
    let before = supply(&chain);
    let tip = 3;
    let transaction = TxEip1559 { max_priority_fee_per_gas: tip, value: U256::from(9), ..call(0) };
    let block = chain.transact(vec![wallet.sign(transaction)]);
    let base_fee = u128::from(block.header.base_fee_per_gas.unwrap());
    let paid = U256::from(base_fee + tip) * U256::from(block.gas_used[0]);
    assert!(block.receipts[0].success);
    assert_eq!(chain.balance(FEE_VAULT), paid);
    assert_eq!(chain.balance(TARGET), U256::from(9));
    assert_eq!(supply(&chain), before, "nothing is burned");
}

#[test]
fn failing_calls_are_included_and_paid() {
    for code in [code::REVERT, code::BURN] {
        let (wallet, mut chain) = chain_with(code);
        let block = chain.transact(vec![wallet.sign(TxEip1559 { value: U256::ONE, ..call(0) })]);
        assert!(!block.receipts[0].success);
        assert_eq!(chain.balance(TARGET), U256::ZERO);
        assert_eq!(chain.nonce(wallet.address), 1);
        assert_eq!(
            chain.balance(FEE_VAULT),
            U256::from(block.gas_used[0]) * U256::from(block.header.base_fee_per_gas.unwrap()),
        );
    }
}

#[test]
fn every_type_is_executed() {
    let (wallet, mut chain) = chain_with(code::COUNT);
    let gas_price = 10 * u128::from(INITIAL_BASE_FEE);
    let to = TxKind::Call(TARGET);
    let legacy =
        |chain_id, nonce| TxLegacy { chain_id, nonce, gas_price, gas_limit: 100_000, to, ..Default::default() };
    let authority = Wallet::new(2);
    let authorization = Authorization { chain_id: U256::ZERO, address: TARGET, nonce: 0 };
    let signature = authority.sign_hash(authorization.signature_hash());
    let transactions = vec![
        wallet.sign(legacy(Some(CHAIN_ID), 0)),
        // As Ethereum does, for contracts deployed by a transaction that is the same on all chains.
        wallet.sign(legacy(None, 1)),
        wallet.sign(TxEip2930 {
            chain_id: CHAIN_ID,
            nonce: 2,
            gas_price,
            gas_limit: 100_000,
            to,
            access_list: AccessList(vec![alloy_eips::eip2930::AccessListItem {
                address: TARGET,
                storage_keys: vec![B256::ZERO],
            }]),
            ..Default::default()
        }),
        wallet.sign(call(3)),
        wallet.sign(TxEip7702 {
            chain_id: CHAIN_ID,
            nonce: 4,
            gas_limit: 100_000,
            max_fee_per_gas: gas_price,
            to: authority.address,
            authorization_list: vec![authorization.into_signed(signature)],
            ..Default::default()
        }),
    ];
    let block = chain.transact(transactions);
    assert_eq!(block.skipped, []);
    let types: Vec<_> = block.receipts.iter().map(|receipt| (receipt.tx_type, receipt.success)).collect();
    assert_eq!(types, [(0, true), (0, true), (1, true), (2, true), (4, true)]);
    assert_eq!(chain.slot(TARGET, 0), U256::from(4));
    assert_eq!(chain.slot(authority.address, 0), U256::ONE, "the delegated account ran the code");
    let delegation = [&[0xef, 0x01, 0x00][..], TARGET.as_slice()].concat();
    assert_eq!(chain.state().code(authority.address).unwrap(), Bytes::from(delegation));
}

#[test]
fn contracts_are_created_and_called() {
    let (wallet, mut chain) = chain_with(code::STOP);
    let created = wallet.address.create(0);
    let init_code = code::deploying(code::COUNT);
    chain.transact(vec![wallet.sign(create(0, &init_code))]);
    assert_eq!(chain.state().code(created).unwrap(), bytes(code::COUNT));
    let count = TxEip1559 { to: TxKind::Call(created), ..call(1) };
    chain.transact(vec![wallet.sign(count.clone()), wallet.sign(TxEip1559 { nonce: 2, ..count })]);
    assert_eq!(chain.slot(created, 0), U256::from(2));
}

#[test]
fn logs_are_in_receipts_and_blooms() {
    let (wallet, mut chain) = chain_with(code::LOG);
    let block = chain.transact(vec![wallet.sign(call(0))]);
    let [log] = block.receipts[0].logs.as_slice() else { panic!("one log") };
    assert_eq!((log.address, log.topics()), (TARGET, &[wallet.address.into_word()][..]));
    assert_eq!(block.header.logs_bloom, block.receipts[0].bloom());
    assert!(!block.header.logs_bloom.is_zero());
}

#[test]
fn self_destruction_removes_only_what_the_same_transaction_created() {
    let (wallet, mut chain) = chain_with(code::DESTROY);
    let balance = chain.balance(wallet.address);
    // Destroyed by its own init code, which also has a slot and a value.
    let init_code = format!("60016001 55{}", code::DESTROY).replace(' ', "");
    let block = chain.transact(vec![
        wallet.sign(TxEip1559 { value: U256::from(9), ..create(0, &init_code) }),
        wallet.sign(TxEip1559 { value: U256::from(9), ..call(1) }),
    ]);
    assert!(block.receipts.iter().all(|receipt| receipt.success));
    let created = wallet.address.create(0);
    assert_eq!(chain.state().account(created).unwrap(), None);
    assert_eq!(chain.slot(created, 1), U256::ZERO);
    // The contract from before gives its ETH away and stays.
    assert_eq!(chain.state().code(TARGET).unwrap(), bytes(code::DESTROY));
    assert_eq!(chain.balance(wallet.address) + chain.balance(FEE_VAULT), balance);
}

#[test]
fn empty_accounts_are_not_kept() {
    let (wallet, mut chain) = chain_with(code::STOP);
    let nobody = Address::repeat_byte(0xcc);
    chain.transact(vec![wallet.sign(transfer(0, nobody, 0))]);
    assert_eq!(chain.state().account(nobody).unwrap(), None);
}

#[test]
fn cleared_slots_leave_the_trie() {
    // SSTORE(0, CALLDATALOAD(0))
    let (wallet, mut chain) = chain_with("5f355f5500");
    let set = |nonce, value: u8| wallet.sign(TxEip1559 { input: B256::with_last_byte(value).into(), ..call(nonce) });
    let root = |chain: &Chain| chain.state().proof(TARGET, &[]).unwrap().account.storage_root;
    let empty = root(&chain);
    chain.transact(vec![set(0, 1)]);
    assert_ne!(root(&chain), empty);
    chain.transact(vec![set(1, 2), set(2, 0)]);
    assert_eq!(root(&chain), empty);
}

#[test]
fn the_base_fee_follows_the_gas_used_and_never_falls_below_the_minimum() {
    let (wallet, mut chain) = chain_with(code::BURN);
    let burn = |nonce| {
        let max_fee_per_gas = 100 * u128::from(INITIAL_BASE_FEE);
        wallet.sign(TxEip1559 { gas_limit: MAX_QUEUED_GAS_LIMIT, max_fee_per_gas, ..call(nonce) })
    };
    let base_fee = |block: &postern_execution::ExecutedBlock| block.header.base_fee_per_gas.unwrap();
    let full = chain.transact(vec![burn(0), burn(1), burn(2)]);
    assert_eq!(base_fee(&full), INITIAL_BASE_FEE);
    let next = chain.transact(vec![]);
    // 3 * 2^24 of 60,000,000 gas, of which half is the target; an eighth of the excess.
    let excess = 3 * MAX_QUEUED_GAS_LIMIT - BLOCK_GAS_LIMIT / 2;
    let expected = INITIAL_BASE_FEE + INITIAL_BASE_FEE * excess / (BLOCK_GAS_LIMIT / 2) / 8;
    assert_eq!(base_fee(&next), expected);
    let after = chain.transact(vec![]);
    assert_eq!(base_fee(&after), (expected - expected / 8).max(INITIAL_BASE_FEE));
    assert_eq!(base_fee(&chain.transact(vec![])), INITIAL_BASE_FEE);
}

proptest! {
    #[test]
    fn the_base_fee_moves_as_on_ethereum(base_fee in MIN_BASE_FEE..1_000_000_000_000, gas_used in 0..=BLOCK_GAS_LIMIT) {
        let parent = Header { base_fee_per_gas: Some(base_fee), gas_used, ..Header::default() };
        let ethereum = calc_next_block_base_fee(gas_used, BLOCK_GAS_LIMIT, base_fee, BaseFeeParams::ethereum());
        prop_assert_eq!(next_base_fee(&parent), ethereum.max(MIN_BASE_FEE));
    }
}

#[test]
fn the_base_fee_has_an_end() {
    let parent = Header { base_fee_per_gas: Some(u64::MAX), gas_used: BLOCK_GAS_LIMIT, ..Header::default() };
    assert_eq!(next_base_fee(&parent), u64::MAX);
}

#[test]
fn blocks_have_room_for_their_gas_limit_and_no_more() {
    let (wallet, mut chain) = chain_with(code::BURN);
    let burn = |nonce, gas_limit| wallet.sign(TxEip1559 { gas_limit, ..call(nonce) });
    let left = BLOCK_GAS_LIMIT - 3 * MAX_QUEUED_GAS_LIMIT;
    let block = chain.transact(vec![
        burn(0, MAX_QUEUED_GAS_LIMIT),
        burn(1, MAX_QUEUED_GAS_LIMIT),
        burn(2, MAX_QUEUED_GAS_LIMIT),
        burn(3, left + 1),
        burn(3, left),
    ]);
    assert_eq!(block.header.gas_used, BLOCK_GAS_LIMIT);
    let reason = SkipReason::BlockGasLimit { received: left + 1, available: left };
    assert_eq!(block.skipped, [postern_execution::Skipped { position: 3, reason }]);
}

#[test]
fn invalid_transactions_are_skipped_and_leave_no_trace() {
    let (wallet, mut chain) = chain_with(code::STOP);
    let poor = Wallet::new(2);
    let state_root = |chain: &mut Chain| {
        chain.transact(vec![]);
        chain.state().account(wallet.address).unwrap()
    };
    let before = state_root(&mut chain);

    let invalid = |reason: InvalidTransaction| SkipReason::Invalid(reason);
    let mut cases = vec![
        (wallet.sign(TxEip1559 { chain_id: CHAIN_ID + 1, ..call(0) }), invalid(InvalidTransaction::InvalidChainId)),
        (
            wallet.sign(TxLegacy { chain_id: Some(1), gas_price: 10_000_000, gas_limit: 50_000, ..Default::default() }),
            invalid(InvalidTransaction::InvalidChainId),
        ),
        (wallet.sign(call(1)), invalid(InvalidTransaction::NonceTooHigh { tx: 1, state: 0 })),
        (
            poor.sign(transfer(0, TARGET, 0)),
            invalid(InvalidTransaction::LackOfFundForMaxFee {
                fee: Box::new(U256::from(21_000 * 10 * INITIAL_BASE_FEE)),
                balance: Box::new(U256::ZERO),
            }),
        ),
        (
            wallet.sign(TxEip1559 { max_fee_per_gas: u128::from(INITIAL_BASE_FEE) - 1, ..call(0) }),
            invalid(InvalidTransaction::GasPriceLessThanBasefee),
        ),
        (
            wallet.sign(TxEip1559 { max_priority_fee_per_gas: u128::MAX, ..call(0) }),
            invalid(InvalidTransaction::PriorityFeeGreaterThanMaxFee),
        ),
        (
            wallet.sign(TxEip1559 { max_fee_per_gas: u128::MAX, ..call(0) }),
            invalid(InvalidTransaction::OverflowPaymentInTransaction),
        ),
        (
            wallet.sign(TxEip1559 { gas_limit: 20_999, ..call(0) }),
            invalid(InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas: 21_000, gas_limit: 20_999 }),
        ),
        (
            wallet.sign(TxEip1559 { gas_limit: MAX_QUEUED_GAS_LIMIT + 1, ..call(0) }),
            invalid(InvalidTransaction::TxGasLimitGreaterThanCap {
                gas_limit: MAX_QUEUED_GAS_LIMIT + 1,
                cap: MAX_QUEUED_GAS_LIMIT,
            }),
        ),
        (
            wallet.sign(TxEip1559 { gas_limit: u64::MAX, ..call(0) }),
            SkipReason::BlockGasLimit { received: u64::MAX, available: BLOCK_GAS_LIMIT },
        ),
        (
            wallet.sign(TxEip7702 {
                chain_id: CHAIN_ID,
                gas_limit: 100_000,
                max_fee_per_gas: 10_000_000,
                ..Default::default()
            }),
            invalid(InvalidTransaction::EmptyAuthorizationList),
        ),
    ];
    // A blob transaction, by somebody who could send any other.
    let blob = TxEip4844 { chain_id: CHAIN_ID, ..Default::default() };
    let signature = wallet.sign_hash(blob.signature_hash());
    let blob = TxEnvelope::from(blob.into_signed(signature)).encoded_2718();
    cases.push((blob.into(), TransactionError::UnsupportedType(3).into()));
    cases.push((bytes("05c0"), TransactionError::UnsupportedType(5).into()));
    cases.push((bytes("7ec0"), TransactionError::Malformed.into()));
    cases.push((Bytes::new(), TransactionError::Malformed.into()));
    // Deposits are not for the sequencer to make.
    let deposit = postern_execution::Deposit::from(&message()).encoded();
    cases.push((deposit.into(), SkipReason::Deposit));
    // A byte too many or too few.
    let valid = wallet.sign(call(0));
    cases.push(([&valid[..], &[0]].concat().into(), TransactionError::Malformed.into()));
    cases.push((valid.slice(..valid.len() - 1), TransactionError::Malformed.into()));
    // The other of the two signatures that recover to the same key, which EIP-2 forbids; and one that recovers to none.
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let signature = wallet.sign_hash(call(0).signature_hash());
    let malleated = Signature::new(signature.r(), order - signature.s(), !signature.v());
    for signature in [malleated, Signature::new(U256::MAX, U256::ONE, false)] {
        let encoded = TxEnvelope::from(call(0).into_signed(signature)).encoded_2718();
        cases.push((encoded.into(), SkipReason::InvalidSignature));
    }

    for (transaction, reason) in cases {
        assert_eq!(chain.refusal(transaction), reason);
    }
    assert_eq!(state_root(&mut chain), before);

    // Nonce too low: the same transaction a second time, also within a block.
    let block = chain.transact(vec![valid.clone(), valid.clone()]);
    let again = invalid(InvalidTransaction::NonceTooLow { tx: 0, state: 1 });
    assert_eq!(block.transactions.len(), 1);
    assert_eq!(block.transactions[0].hash(), keccak256(&valid));
    assert_eq!(block.skipped, [postern_execution::Skipped { position: 1, reason: again.clone() }]);
    assert_eq!(chain.refusal(valid), again);
}

#[test]
fn signers_are_those_that_alloy_recovers() {
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let half = order >> 1;
    let good = Wallet::new(1).sign_hash(call(0).signature_hash());
    let numbers = [U256::ZERO, U256::ONE, U256::from(5), half, half + U256::ONE, order - U256::ONE, order, U256::MAX];
    let mut signed = 0;
    for r in numbers.into_iter().chain([good.r()]) {
        for s in numbers.into_iter().chain([good.s(), order - good.s()]) {
            for parity in [false, true] {
                let envelope = TxEnvelope::from(call(0).into_signed(Signature::new(r, s, parity)));
                let expected = envelope.recover_signer().ok();
                signed += usize::from(expected.is_some());
                assert_eq!(L2Transaction::Ethereum(envelope).recover_sender(), expected, "{r} {s} {parity}");
            }
        }
    }
    assert!(signed > 10, "{signed}");
}
