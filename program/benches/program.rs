//! What batches cost the machine: steps, memory, and the time that a run of a dispute takes.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, TxKind, U256, hex, keccak256};
use postern_execution::{GenesisAccount, execute_batch};
use postern_machine::{Machine, Status};
use postern_protocol::{
    batch::{self, Batch, Block},
    constants::{BATCH_GAS_LIMIT, MAX_BATCH_CONTENT, MAX_BLOCKS_PER_BATCH, MAX_TRANSACTIONS_PER_BATCH},
};
use postern_testing::{
    batches,
    chain::*,
    machine::Answers,
    precompiles::{self, PrecompileCall},
};
use std::time::Instant;

const TARGET: Address = Address::repeat_byte(0xbb);

/// Steps that a dispute has room for.
const ALL: u64 = 1 << 40;

/// Runs the program over the next batch of a chain, to its end.
fn run(chain: &Chain, batch: Batch) -> Machine {
    let answers = Answers::about(chain, batch);
    let mut machine = postern_program::start(chain.output.root(), batch.hash());
    assert_eq!(machine.run(&answers, ALL), Ok(Status::Exited(0)));
    machine
}

/// How fast a batch runs, and what it adds to have the state hashes at evenly spaced points of it.
fn speed(name: &str, chain: &Chain, batch: Batch, transactions: u64) {
    let answers = Answers::about(chain, batch);
    let start = || postern_program::start(chain.output.root(), batch.hash());
    // The first run of all is slower.
    run(chain, batch);
    let mut machine = start();
    let begin = Instant::now();
    machine.run(&answers, ALL).unwrap();
    let plain = begin.elapsed().as_secs_f64();
    let steps = machine.steps();
    print!(
        "{name:>28} {:>9.1} {:>10} {:>8.0} {:>8.1}",
        steps as f64 / 1e6,
        steps.checked_div(transactions).unwrap_or_default(),
        steps as f64 / plain / 1e6,
        machine.memory_in_use() as f64 / f64::from(1 << 20),
    );
    for points in [16, 32, 256] {
        let mut machine = start();
        let begin = Instant::now();
        machine.state_hashes(&answers, steps.div_ceil(points), points).unwrap();
        let hashed = begin.elapsed().as_secs_f64();
        print!(" {:>8.2}", hashed / plain);
    }
    println!();
}

fn speeds() {
    println!("{:>28} {:>9} {:>10} {:>8} {:>8} state hashes, in plain runs", "", "10^6", "of these a", "10^6", "MiB");
    println!(
        "{:>28} {:>9} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "steps", "transact.", "a second", "", 16, 32, 256
    );
    let mut chain = Chain::new([]);
    let batch = chain.record(&[], 0);
    speed("nothing", &chain, batch, 0);
    let (chain, batch) = batches::mixed();
    speed("100 mixed transactions", &chain, batch, 100);
    for (transfers, accounts) in [(100, 1_000), (1_000, 1_000), (1_000, 100_000)] {
        let (chain, batch) = spread_transfers(transfers, accounts);
        speed(&format!("{transfers} transfers, {accounts}"), &chain, batch, transfers);
    }
}

/// Transfers to accounts all over a state of so many.
fn spread_transfers(count: u64, accounts: u64) -> (Chain, Batch) {
    let wallet = Wallet::new(1);
    let mut chain =
        Chain::new((0..accounts).map(|n| (account(n), funded(ETHER))).chain([(wallet.address, funded(ETHER))]));
    let transfers: Vec<_> = (0..count).map(|n| wallet.sign(transfer(n, account(n * 7_919 % accounts), 1))).collect();
    let blocks: Vec<_> = transfers.chunks(100).map(|transfers| block(chain.l1_time, 0, transfers.to_vec())).collect();
    let batch = chain.record(&batch::encode(&blocks), 0);
    (chain, batch)
}

fn account(number: u64) -> Address {
    Address::from_word(keccak256(number.to_be_bytes()))
}

/// Gas that a loop leaves.
const LEFT: u64 = 400_000;

/// Some instructions at first, then others in a loop while there is gas. It ends well, so that what it did is kept.
fn looped(before: &str, body: &str, times: usize) -> String {
    format!("{before}5b{}62{LEFT:06x}5a1161{:04x}5700", body.repeat(times), before.len() / 2)
}

/// A contract that uses its gas in one way.
struct Loop {
    name: String,
    code: String,
    input: Vec<u8>,
}

/// Loops of instructions, with what comes before them.
fn instructions() -> Vec<Loop> {
    let numbers = format!("7f{}7f{}{}7f{}", "f7".repeat(32), "00".repeat(12), "e5".repeat(20), "d3".repeat(32));
    let call = |instruction| format!("5f5f5f5f73{}5a{instruction}50", hex::encode(STOP));
    // Counts in memory, and leaves the number on the stack: what comes next is each time about another slot or account.
    let count = "5f51600101805f52";
    let counted = |instructions| [count, instructions].concat();
    let from = |number: u64| format!("62{number:06x}5f52");
    let plain = [
        ("ADD", "82820150"),
        ("MUL", "81810250"),
        ("DIV by 160 bits", "81810450"),
        ("SDIV by 160 bits", "81810550"),
        ("MOD by 160 bits", "81810650"),
        ("ADDMOD", "8282820850"),
        ("MULMOD", "8183830950"),
        ("EXP by 32 bytes", "80820a50"),
        ("SAR", "8060071d50"),
        ("CLZ", "801e50"),
        ("KECCAK256 of nothing", "5f5f2050"),
        ("KECCAK256 of 64 bytes", "60405f2050"),
        ("KECCAK256 of 136 bytes", "60885f2050"),
        ("KECCAK256 of 4,096 bytes", "6110005f2050"),
        ("MLOAD, not aligned", "60015150"),
        ("MSTORE, not aligned", "5f600152"),
        ("MSTORE8", "5f600153"),
        ("MCOPY of 1 byte", "600160015f5e"),
        ("MCOPY of 4,096 bytes", "61100060015f5e"),
        ("CALLDATACOPY of 4,096 bytes", "6110005f5f37"),
        ("BLOCKHASH", "600143034050"),
        ("SLOAD, warm", "5f5450"),
        ("SSTORE, warm", "5a5f55"),
        ("TSTORE", "5a5a5d"),
        ("TLOAD", "5f5c50"),
        ("BALANCE, warm", "303150"),
        ("LOG0", "5f5fa0"),
        ("LOG4", "5a5a5a5a5f5fa4"),
        ("CALL of nobody", "5f5f5f5f5f325af150"),
    ];
    let plain = plain.map(|(name, body)| (name, numbers.clone(), body.to_owned(), 50));
    let others = [
        ("jumps", String::new(), String::new()),
        ("LOG0 of 4,096 bytes", String::new(), "6110005fa0".to_owned()),
        ("CREATE of nothing", String::new(), "5f5f5ff050".to_owned()),
        ("STATICCALL of STOP", String::new(), call("fa")),
        ("DELEGATECALL of STOP", String::new(), call("f4")),
        // The code of 1,024 zeros, from 5 bytes in memory.
        ("CREATE of 1,024 bytes", "646104005ff35f52".to_owned(), "6005601b5ff050".to_owned()),
        ("SLOAD, cold", String::new(), counted("5450")),
        ("SSTORE, cold, another value", String::new(), counted("5a9055")),
        ("SSTORE, cold, a new slot", from(1 << 20), counted("5a9055")),
        ("BALANCE, cold", from(ACCOUNTS), counted("3150")),
        ("BALANCE, cold, nobody", from(1 << 20), counted("3150")),
        ("EXTCODESIZE, cold, 24 KiB", from(LONG_CODES), counted("3b50")),
        ("CALL with ETH, cold", from(ACCOUNTS), format!("5f5f5f5f6001{count}5af150")),
        ("CALL with ETH, a new account", from(1 << 20), format!("5f5f5f5f6001{count}5af150")),
    ]
    .map(|(name, before, body)| (name, before, body, 10));
    let all = plain.into_iter().chain(others);
    all.map(|(name, before, body, times)| {
        let code = looped(&before, &body, times);
        Loop { name: name.into(), code, input: Vec::new() }
    })
    .collect()
}

/// Loops of calls of a precompile.
fn precompile_loops() -> Vec<Loop> {
    let of = |call: PrecompileCall| {
        // CALLDATACOPY(0, 0, CALLDATASIZE), then STATICCALL(GAS, address, 0, CALLDATASIZE, 0, 0).
        let code = looped("365f5f37", &format!("5f5f365f73{}5afa50", hex::encode(call.address)), 1);
        Loop { name: call.name.into(), code, input: call.input }
    };
    precompiles::calls().into_iter().map(of).collect()
}

/// Number of the first of the accounts that loops ask about, and of the first with the longest code.
const ACCOUNTS: u64 = 0x1_0000;
const LONG_CODES: u64 = 0x2_0000;

/// Does nothing when called.
const STOP: Address = Address::repeat_byte(0xcc);

/// A chain with what the loops ask about: 20,000 slots in each contract that has a loop about slots, as many accounts, and
/// 1,200 with the longest code.
fn chain_of(wallet: &Wallet, loops: &[Loop]) -> Chain {
    let number = |number: u64| Address::from_word(U256::from(number).into());
    let account = |n| (number(ACCOUNTS + n), funded(ETHER));
    let long_code = |n: u64| {
        let mut code = vec![0x5b; 0x6000];
        code[..8].copy_from_slice(&n.to_be_bytes());
        (number(LONG_CODES + n), GenesisAccount { nonce: 1, code: code.into(), ..Default::default() })
    };
    let contracts = loops.iter().enumerate().map(|(position, Loop { name, code, .. })| {
        let slots = if name.contains("cold") && name.starts_with('S') { 20_000 } else { 0 };
        let storage = (0..slots).map(|slot| (U256::from(slot), U256::MAX)).collect();
        let code = hex::decode(code).unwrap().into();
        (contract_of(position), GenesisAccount { nonce: 1, balance: ETHER, code, storage })
    });
    let some = [(wallet.address, funded(ETHER)), (STOP, contract(code::STOP))];
    Chain::new(some.into_iter().chain(contracts).chain((0..20_000).map(account)).chain((0..1_200).map(long_code)))
}

fn contract_of(position: usize) -> Address {
    Address::from_word(keccak256([position as u8]))
}

/// Steps and bytes of memory for a unit of gas: the difference of two runs with different gas.
fn gas() {
    println!("{:>45} {:>9} {:>9} {:>12}", "", "steps", "bytes", "10^9 steps,");
    println!("{:>45} {:>9} {:>9} {:>12}", "", "a gas", "a gas", "whole batch");
    let loops: Vec<_> = instructions().into_iter().chain(precompile_loops()).collect();
    let wallet = Wallet::new(1);
    let mut chain = chain_of(&wallet, &loops);
    let mut worst = 0.0;
    for (position, Loop { name, input, .. }) in loops.iter().enumerate() {
        let [few, many] = [1_000_000, 3_000_000].map(|gas_limit| {
            let to = TxKind::Call(contract_of(position));
            let call = TxEip1559 { to, gas_limit, input: input.clone().into(), ..transfer(0, TARGET, 0) };
            let batch = chain.record(&batch::encode(&[block(chain.l1_time, 0, vec![wallet.sign(call)])]), 0);
            let outcome = execute_batch(&chain.store, chain.output.root(), batch.hash()).unwrap();
            let machine = run(&chain, batch);
            (outcome.blocks[0].gas_used[0] as f64, machine.steps() as f64, machine.memory_in_use() as f64)
        });
        let gas = many.0 - few.0;
        let steps = (many.1 - few.1) / gas;
        let bytes = (many.2 - few.2) / gas;
        let whole = steps * BATCH_GAS_LIMIT as f64;
        println!("{name:>45} {steps:>9.1} {bytes:>9.2} {:>12.1}", whole / 1e9);
        worst = f64::max(worst, whole);
    }
    println!("worst: {worst:.2e} steps of {:.2e}", ALL as f64);
    assert!(worst < ALL as f64 / 2.0, "a batch has to fit a dispute with room to spare");
}

/// Work that no gas pays for.
fn fixed() {
    println!("{:>45} {:>12} {:>9}", "", "10^6 steps", "MiB");
    let wallet = Wallet::new(1);
    let future = wallet.sign(transfer(1_000, TARGET, 1));
    let none = |count| vec![Block::default(); count];
    let report = |name: &str, data: &[u8], messages: u64| {
        let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::STOP))]);
        for _ in 0..messages {
            chain.enqueue(message());
        }
        let batch = chain.record(data, messages.min(1));
        let machine = run(&chain, batch);
        let memory = machine.memory_in_use() as f64 / f64::from(1 << 20);
        println!("{name:>45} {:>12.1} {memory:>9.1}", machine.steps() as f64 / 1e6);
    };
    report("nothing", &[], 0);
    report("10,000 messages that wait", &[], 10_000);
    report("as many blocks as there may be", &batch::encode(&none(MAX_BLOCKS_PER_BATCH)), 0);
    report("as many invalid transactions", &batch::encode(&[block(0, 0, vec![future; MAX_TRANSACTIONS_PER_BATCH])]), 0);
    let longest = block(0, 0, vec![vec![2; MAX_BATCH_CONTENT - 100].into()]);
    report("the longest content", &batch::encode(&[longest]), 0);
    // DEFLATE blocks of ten bits: not the last, fixed codes, and at once the end.
    let idle = [vec![1], [0x02, 0x08, 0x20, 0x80, 0x00].repeat(24_000)].concat();
    report("120 KB of compressed nothing", &idle, 0);
}

fn main() {
    speeds();
    gas();
    fixed();
}
