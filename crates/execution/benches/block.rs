//! A block of 1,000 signed transfers over states of different sizes: all of it, from the bytes of the transactions to the
//! sealed header, the state being loaded node by node from memory.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use k256::ecdsa::SigningKey;
use postern_execution::{BatchBuilder, BatchContext, Genesis, GenesisAccount, L1Origin, Preimages, genesis};
use postern_protocol::predeploys;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

const CHAIN_ID: u64 = 42_069;
const TRANSFERS: u64 = 1_000;

struct Memory(HashMap<B256, Bytes>);

impl Preimages for Memory {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        self.0.get(hash).cloned()
    }

    fn blob_word(&self, _: &B256, _: u64) -> Option<B256> {
        None
    }
}

fn sender(number: u64) -> SigningKey {
    SigningKey::from_slice(keccak256(number.to_be_bytes()).as_slice()).unwrap()
}

/// The accounts of a state, of which the first are the senders.
fn addresses(accounts: u64) -> Vec<Address> {
    let senders = (0..TRANSFERS).map(|n| Address::from_public_key(sender(n).verifying_key()));
    let others = (TRANSFERS..accounts).map(|n| Address::from_word(keccak256(n.to_be_bytes())));
    senders.chain(others).collect()
}

fn state(addresses: &[Address]) -> (Genesis, Memory) {
    let account = GenesisAccount { balance: U256::from(u128::MAX), ..Default::default() };
    let contract = GenesisAccount { nonce: 1, code: Bytes::from_static(&[0]), ..Default::default() };
    let predeploys = [predeploys::L1_INFO, predeploys::FEE_VAULT, predeploys::HISTORY];
    let accounts = addresses.iter().map(|address| (*address, account.clone()));
    let contracts = predeploys.map(|address| (address, contract.clone()));
    let alloc: BTreeMap<_, _> = accounts.chain(contracts).collect();
    let mut genesis = genesis(CHAIN_ID, 0, &alloc);
    let memory = Memory(core::mem::take(&mut genesis.preimages).into_iter().collect());
    (genesis, memory)
}

/// One transfer by each sender, to accounts all over the state.
fn transfers(addresses: &[Address]) -> Vec<Vec<u8>> {
    let sign = |number: u64| {
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            gas_limit: 21_000,
            max_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(addresses[(number as usize * 7_919 + 1) % addresses.len()]),
            value: U256::ONE,
            ..Default::default()
        };
        let hash = transaction.signature_hash();
        let signature = sender(number).sign_prehash_recoverable(hash.as_slice()).unwrap();
        TxEnvelope::from(transaction.into_signed(signature.into())).encoded_2718()
    };
    (0..TRANSFERS).map(sign).collect()
}

fn block(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block of 1,000 transfers");
    group.throughput(Throughput::Elements(TRANSFERS)).sample_size(20).measurement_time(Duration::from_secs(20));
    for accounts in [1_000, 10_000, 100_000] {
        let addresses = addresses(accounts);
        let (genesis, memory) = state(&addresses);
        let transfers = transfers(&addresses);
        let context = BatchContext { origin: L1Origin::default(), index: 0, last: 0 };
        let open = || BatchBuilder::new(&memory, CHAIN_ID, genesis.header.clone(), context).unwrap();
        let name = BenchmarkId::from_parameter(format!("{accounts} accounts"));
        group.bench_with_input(name, &transfers, |bencher, transfers| {
            bencher.iter_batched(
                open,
                |mut batch| {
                    let mut block = batch.block(1, 0).unwrap();
                    for transfer in transfers {
                        block.execute_transaction(transfer).unwrap().unwrap();
                    }
                    block.seal().unwrap()
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, block);
criterion_main!(benches);
