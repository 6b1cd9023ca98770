//! Whole batches: what they cost on L1, and how long the worst take that one can make.

#[path = "../tests/it/sample.rs"]
mod sample;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, U256};
use postern_execution::execute_batch;
use postern_protocol::{
    batch::{self, Block},
    blob,
    constants::{BATCH_TRANSACTION_GAS, MAX_BLOCKS_PER_BATCH, MAX_QUEUED_GAS_LIMIT, MAX_TRANSACTIONS_PER_BATCH},
};
use postern_testing::chain::{Chain, ETHER, Wallet, block, contract, funded, transfer};
use std::{hint::black_box, time::Instant};

const TARGET: Address = Address::repeat_byte(0xbb);

fn sizes() {
    println!("bytes on L1 for each transaction of a batch");
    println!("{:>22} {:>9} {:>9} {:>11} {:>11}", "", "RLP", "calldata", "blob words", "whole blobs");
    for (name, tokens) in [("transfers", false), ("transfers and tokens", true)] {
        for count in [1, 10, 100, 1_000, 5_000] {
            let cost = sample::cost(&sample::blocks(count, tokens));
            let name = format!("{count} {name}");
            println!("{name:>22} {:>9.1} {:>9.1} {:>11.1} {:>11.1}", cost.raw, cost.calldata, cost.words, cost.blobs);
        }
    }
}

/// Calls of `TARGET` that use all the gas that a batch has for transactions.
fn calls(wallet: &Wallet) -> Vec<Block> {
    let count = BATCH_TRANSACTION_GAS / MAX_QUEUED_GAS_LIMIT;
    let call = |nonce| {
        // No two have the same input.
        let input = B256::from(U256::from(nonce) << 64).into();
        let template = transfer(nonce, TARGET, 0);
        wallet.sign(TxEip1559 { gas_limit: MAX_QUEUED_GAS_LIMIT, max_fee_per_gas: 1_000_000_000, input, ..template })
    };
    let calls: Vec<_> = (0..count).map(call).collect();
    calls.chunks(3).map(|calls| block(0, 0, calls.to_vec())).collect()
}

/// How long `work` takes. One run is enough to tell which batch is the worst, of which none is short.
fn time<T>(name: &str, work: impl FnOnce() -> T) {
    let start = Instant::now();
    black_box(work());
    println!("{name:>55} {:>8.3} s", start.elapsed().as_secs_f64());
}

/// Batches that are made to take long. None should take longer than gas can.
fn worst() {
    println!("time to execute a batch");
    let wallet = Wallet::new(1);
    let empty = |count| vec![block(0, 0, vec![]); count];

    // JUMPDEST, JUMP to it.
    let endless = "5b5f56";
    // MSTOREs of a signature that is valid, then in a loop STATICCALL(GAS, ECRECOVER, 0, 128, 0, 0).
    let recover = "60016040526001606052601b6020525b5f5f60805f60015afa50600f56";
    // In a loop BALANCE of what gas is left plus CALLDATALOAD(0), so that each account is another.
    let balance = "5b5f355a0131505f56";
    let calls = calls(&wallet);
    let crowded = [&calls[..], &empty(MAX_BLOCKS_PER_BATCH - calls.len())].concat();
    let future = wallet.sign(transfer(1_000, TARGET, 1));
    let invalid = vec![block(0, 0, vec![future; MAX_TRANSACTIONS_PER_BATCH])];
    for (name, code, blocks) in [
        ("all gas in an endless loop", endless, &calls),
        ("all gas in signature recovery", recover, &calls),
        ("all gas in reading accounts", balance, &calls),
        ("the same before as many empty blocks as there may be", balance, &crowded),
        ("as many empty blocks as there may be", "00", &empty(MAX_BLOCKS_PER_BATCH)),
        ("as many invalid transactions as there may be", "00", &invalid),
    ] {
        let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code))]);
        let record = chain.record(&batch::encode(blocks), 0);
        time(name, || execute_batch(&chain.store, chain.output.root(), record.hash()).unwrap());
    }

    println!("time to decode its data");
    let longest = batch::encode(&[block(0, 0, vec![vec![0; 4_194_000].into()])]);
    // Six blobs of DEFLATE blocks of ten bits: not the last, fixed codes, and at once the end.
    let idle = [vec![1], [0x02, 0x08, 0x20, 0x80, 0x00].repeat(6 * blob::PAYLOAD / 5)].concat();
    time("the longest content", || batch::decode(&longest));
    time("compressed blocks of nothing", || batch::decode(&idle));
}

fn main() {
    sizes();
    worst();
}
