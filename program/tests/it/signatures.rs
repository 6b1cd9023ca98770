//! Signatures, valid and not: what L1's `ecrecover` says to the program is what the node computes.

use crate::support::*;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, uint};
use postern_execution::SkipReason;
use postern_protocol::batch;
use postern_testing::{chain::*, precompiles};

/// Order of secp256k1.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

/// The first coordinate of its generator, whose second is even.
const GENERATOR: U256 = uint!(0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798_U256);

#[test]
fn signers_of_transactions() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER))]);
    let transaction = |nonce| transfer(nonce, Address::repeat_byte(0xbb), 1);
    let signature = |nonce| wallet.sign_hash(transaction(nonce).signature_hash());
    let encode = |nonce, signature| {
        let envelope: TxEnvelope = transaction(nonce).into_signed(signature).into();
        Bytes::from(envelope.encoded_2718())
    };
    let good = signature(0);
    let twin = Signature::new(good.r(), ORDER - good.s(), !good.v());
    let invalid = [
        twin,
        Signature::new(good.r(), ORDER - good.s(), good.v()),
        Signature::new(U256::ZERO, good.s(), good.v()),
        Signature::new(good.r(), U256::ZERO, good.v()),
        Signature::new(ORDER, good.s(), good.v()),
        Signature::new(ORDER + good.r() % uint!(1000_U256), good.s(), good.v()),
        Signature::new(U256::MAX, U256::MAX, true),
        Signature::new(good.r(), ORDER / uint!(2_U256) + U256::ONE, good.v()),
        // No point of the curve has this coordinate.
        Signature::new(uint!(5_U256), good.s(), good.v()),
    ];
    // Whoever these are: they have no ETH.
    let foreign = [
        Signature::new(good.r(), good.s(), !good.v()),
        Signature::new(good.r(), ORDER / uint!(2_U256), good.v()),
        Signature::new(U256::ONE, U256::ONE, false),
        signature(1),
    ];
    let transactions: Vec<_> =
        invalid.iter().chain(&foreign).chain([&good]).map(|signature| encode(0, *signature)).collect();
    let batch = chain.record(&batch::encode(&[block(chain.l1_time, 0, transactions)]), 0);
    let Run { outcome, asked, .. } = compare(&chain, batch);
    let block = &outcome.blocks[0];
    assert_eq!(block.senders, [wallet.address]);
    let reasons: Vec<_> = block.skipped.iter().map(|skipped| &skipped.reason).collect();
    for (position, reason) in reasons.iter().enumerate() {
        assert_eq!(**reason == SkipReason::InvalidSignature, position < invalid.len(), "{position}: {reason}");
    }
    // Where `s` is too high nobody needs to be asked.
    assert_eq!(asked[2], 14 - 4);
}

#[test]
fn the_precompile() {
    let signed = &precompiles::calls()[0].input;
    let (hash, v, r, s) = (&signed[..32], U256::from(28), &signed[64..96], &signed[96..]);
    let word = |word: U256| word.to_be_bytes::<32>();
    let input = |hash: &[u8], v: U256, r: &[u8], s: &[u8]| [hash, &word(v), r, s].concat();
    let s_number = U256::from_be_slice(s);
    let inputs = [
        (true, signed.clone()),
        (true, [&signed[..], b"what follows is ignored"].concat()),
        // What is missing is zero.
        (true, signed[..127].to_vec()),
        (true, input(hash, U256::from(27), r, s)),
        // The other of the two signatures, which the precompile takes.
        (true, input(hash, U256::from(27), r, &word(ORDER - s_number))),
        (true, input(&[0; 32], v, r, s)),
        (true, input(&word(ORDER), v, r, s)),
        (true, input(&[0xff; 32], v, r, s)),
        (true, input(hash, v, &word(U256::ONE), &word(U256::ONE))),
        (true, input(hash, v, r, &word(ORDER - U256::ONE))),
        (false, Vec::new()),
        (false, input(hash, U256::ZERO, r, s)),
        (false, input(hash, U256::from(26), r, s)),
        (false, input(hash, U256::from(29), r, s)),
        (false, input(hash, U256::from(28) << 8, r, s)),
        (false, input(hash, U256::from(28) | U256::ONE << 255, r, s)),
        (false, input(hash, v, &[0; 32], s)),
        (false, input(hash, v, r, &[0; 32])),
        (false, input(hash, v, &word(ORDER), s)),
        (false, input(hash, v, r, &word(ORDER))),
        (false, input(hash, v, &[0xff; 32], &[0xff; 32])),
        (false, input(hash, v, &word(U256::from(5)), s)),
        // With R = G and z = s the key would be the point at infinity.
        (false, input(&word(U256::from(9)), U256::from(27), &word(GENERATOR), &word(U256::from(9)))),
    ];
    // CALLDATACOPY; STATICCALL(GAS, 1, 0, CALLDATASIZE, 0, 0); SSTORE(0, RETURNDATASIZE); RETURNDATACOPY; SSTORE(1, MLOAD)
    // where memory is beyond the calldata.
    let code = "365f5f375f5f365f60015afa503d5f553d5f6104003e6104005160015500";
    let wallet = Wallet::new(1);
    let contract_of = |number: usize| Address::with_last_byte(0x80 + number as u8);
    let contracts = (0..inputs.len()).map(|number| (contract_of(number), contract(code)));
    let mut chain = Chain::new(contracts.chain([(wallet.address, funded(ETHER))]));
    let transactions = inputs.iter().enumerate().map(|(number, (_, input))| {
        let to = TxKind::Call(contract_of(number));
        let template = transfer(number as u64, Address::ZERO, 0);
        wallet.sign(TxEip1559 { to, gas_limit: 100_000, input: input.clone().into(), ..template })
    });
    let batch = chain.record(&batch::encode(&[block(chain.l1_time, 0, transactions.collect())]), 0);
    compare(&chain, batch);
    chain.append_record(batch);
    for (number, (expected, input)) in inputs.iter().enumerate() {
        let length = U256::from(if *expected { 32 } else { 0 });
        assert_eq!(chain.slot(contract_of(number), 0), length, "{}", Bytes::from(input.clone()));
        assert_eq!(chain.slot(contract_of(number), 1).is_zero(), !expected);
    }
    let signer = Address::from_word(chain.slot(contract_of(0), 1).into());
    let twin = Address::from_word(chain.slot(contract_of(4), 1).into());
    assert_eq!(twin, signer);
}
