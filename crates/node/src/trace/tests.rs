//! Runs of small programs over a batch.

use std::ops::ControlFlow;

use alloy::primitives::{B256, Bytes, U256, hex, keccak256};
use postern_machine::{Missing, Program, Status};

use super::{DerivedBatch, SNAPSHOTS, Trace, TraceError, bytes_of};
use crate::fixture::{Fixture, ether};

/// Where programs lie.
const CODE: u64 = 0x100_0000;

const ECALL: u32 = 0x73;

/// `rd = rs1 + immediate`, which must not be negative.
fn addi(rd: u32, rs1: u32, immediate: u32) -> u32 {
    immediate << 20 | rs1 << 15 | rd << 7 | 0x13
}

fn program(words: &[u32], data: &[u8]) -> Program {
    let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).chain(data.iter().copied()).collect();
    Program::flat(CODE, &code).unwrap()
}

/// Ends with this exit code, with the input as its output.
fn exit(code: u32) -> Program {
    program(&[addi(17, 0, 93), addi(14, 0, code), ECALL], &[])
}

/// Counts `x6` down from 1,000, writing it each time to the page whose address `page` leaves in `x7`, then exits with `output`.
fn counting(output: B256, page: &[u32]) -> Program {
    const LOAD: u32 = 0x03 | 3 << 12;
    /// Where the output lies, in words.
    const OUTPUT: usize = 16;
    let load = |rd: u32, word: u32| (OUTPUT as u32 * 4 + word * 8) << 20 | 5 << 15 | rd << 7 | LOAD;
    // `bne x6, x0`, backwards to where `page` begins.
    let back = (1 << 13) - 4 * (page.len() as u32 + 2);
    let bne =
        (back >> 12) << 31 | (back >> 5 & 0x3f) << 25 | 6 << 15 | 1 << 12 | (back >> 1 & 0xf) << 8 | 1 << 7 | 0x63;
    let mut code = vec![
        0x0000_0297, // auipc x5, 0
        addi(6, 0, 1000),
    ];
    code.extend(page);
    code.extend([
        0x0063_b423, // sd x6, 8(x7)
        0xfff3_0313, // addi x6, x6, -1
        bne,
        load(10, 0),
        load(11, 1),
        load(12, 2),
        load(13, 3),
        addi(17, 0, 93),
        addi(14, 0, 0),
        ECALL,
    ]);
    code.resize(OUTPUT, 0);
    let numbers = output.as_chunks::<8>().0.iter().flat_map(|bytes| bytes.iter().rev().copied());
    program(&code, &numbers.collect::<Vec<_>>())
}

/// Writes to another page each time.
fn counter(output: B256) -> Program {
    counting(output, &[0x00c3_1393]) // slli x7, x6, 12
}

/// Writes to 64 pages in turn.
fn rewriter(output: B256) -> Program {
    counting(output, &[0x03f3_7393, 0x00c3_9393]) // andi x7, x6, 63; slli x7, x7, 12
}

/// Steps of a counter's run.
const STEPS: u64 = 2 + 4 * 1000 + 7;

/// A chain with two batches, a deposit in the first.
fn two_batches() -> Fixture {
    let mut fixture = Fixture::new();
    let user = fixture.user.address();
    fixture.deposit(user, user, ether(), Bytes::from_static(b"data"));
    fixture.build();
    fixture.post();
    fixture.submit(user, U256::ONE, Bytes::new());
    fixture.build();
    fixture.post();
    fixture
}

fn run(program: &Program, batch: DerivedBatch) -> Result<Trace, TraceError> {
    Trace::run(program, batch, |_| ControlFlow::Continue(()))
}

/// A counter's run over a batch, with its true output.
pub(crate) fn counted() -> Trace {
    let batch = two_batches().chain.derived_batch(1).unwrap();
    run(&counter(batch.output_root), batch).unwrap()
}

#[test]
fn a_batch_is_between_two_outputs() {
    let fixture = two_batches();
    for index in 0..2 {
        let batch = fixture.chain.derived_batch(index).unwrap();
        assert_eq!(batch.hash, fixture.chain.batch(index).unwrap().unwrap().hash);
        assert_eq!(batch.previous_output_root, fixture.output_root(index));
        assert_eq!(batch.output_root, fixture.output_root(index + 1));
        assert_eq!(batch.input(), keccak256([batch.previous_output_root, batch.hash].concat()));
    }
    for received in [2, u64::MAX] {
        let error = fixture.chain.derived_batch(received).unwrap_err();
        assert!(matches!(error, TraceError::UnknownBatch { received: number, derived: 2 } if number == received));
    }
}

#[test]
fn any_step_of_a_run_is_shown() {
    let batch = two_batches().chain.derived_batch(1).unwrap();
    let (host, program) = (batch.host().unwrap(), counter(batch.output_root));
    let mut said = Vec::new();
    // The more snapshots are asked for, the more are dropped again.
    let mut traces: Vec<_> = [1, 7, 100, STEPS, 1 << 40]
        .map(|interval| {
            Trace::run_by(interval, u64::MAX, &program, batch.clone(), |steps| {
                said.push(steps);
                ControlFlow::Continue(())
            })
            .unwrap()
        })
        .into();
    assert!(said.starts_with(&[1, 2, 3]) && said.contains(&4000) && said.iter().all(|steps| *steps < STEPS));
    traces.push(run(&program, batch.clone()).unwrap());
    for trace in &traces {
        assert_eq!(trace.steps(), STEPS);
        assert!(trace.snapshots.len() <= SNAPSHOTS + 1);
        assert_eq!(trace.memory_in_use(), 1001 * 4096);
    }
    assert!(traces[0].snapshots.len() > SNAPSHOTS / 2);

    for steps in [0, 1, 2, 3, 500, 2047, 2048, STEPS - 1, STEPS, STEPS + 1, u64::MAX] {
        let mut machine = program.start(batch.input());
        machine.run(&host, steps).unwrap();
        let (expected, instruction) = (machine.state_hash(), machine.instruction());
        let points = machine.state_hashes(&host, 300, 5).unwrap();
        for trace in &traces {
            assert_eq!(trace.state_hash(steps).unwrap(), expected, "{steps}");
            assert_eq!(trace.state_hashes(steps, 300, 5).unwrap(), points, "{steps}");
            let step = trace.step(steps).unwrap();
            assert_eq!(step.state_hash, expected, "{steps}");
            assert_eq!(step.instruction, instruction, "{steps}");
            assert_eq!(step.next_state_hash, trace.state_hash(steps.saturating_add(1)).unwrap(), "{steps}");
            assert_eq!(postern_machine::step(expected, &step.witness, &host), Ok(step.next_state_hash));
            match trace.step_within(steps) {
                Ok(within) => assert!(steps < STEPS && within == step),
                Err(TraceError::BeyondEnd { received, steps: STEPS }) => {
                    assert!(steps >= STEPS && received == steps);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn snapshots_hold_no_more_than_they_may() {
    let batch = two_batches().chain.derived_batch(1).unwrap();
    let program = rewriter(batch.output_root);
    let bounded = |bytes| {
        let go_on = |_| ControlFlow::Continue(());
        Trace::run_by(100, bytes, &program, batch.clone(), go_on).unwrap()
    };
    // Besides the end.
    let held = |trace: &Trace| bytes_of(&trace.snapshots[..trace.snapshots.len() - 1]);
    let unbounded = bounded(u64::MAX);
    // Two hundred steps write forty pages.
    assert_eq!((unbounded.steps(), unbounded.snapshots.len()), (5009, 27));
    assert_eq!(held(&unbounded), (1 + 25 * 40) * 2 * 4096);
    for bytes in [held(&unbounded), 4 << 20, 1 << 20, 600 << 10, 0] {
        let trace = bounded(bytes);
        assert!(held(&trace) <= bytes.max(2 * 4096), "{bytes}");
        assert_eq!(trace.snapshots.len() == unbounded.snapshots.len(), bytes == held(&unbounded));
        assert_eq!((trace.snapshots[0].steps(), trace.steps()), (0, 5009));
        for steps in [0, 1, 99, 1700, 3200, 5009] {
            assert_eq!(trace.state_hash(steps).unwrap(), unbounded.state_hash(steps).unwrap(), "{bytes} {steps}");
        }
    }
    assert_eq!(bounded(0).snapshots.len(), 2);
}

#[test]
fn a_step_says_what_it_executes() {
    let batch = two_batches().chain.derived_batch(1).unwrap();
    let trace = run(&counter(batch.output_root), batch).unwrap();
    let shown =
        |step| trace.step(step).unwrap().instruction.map(|instruction| format!("{:#x} {instruction}", instruction.pc));
    assert_eq!(shown(0).as_deref(), Some("0x1000000 auipc t0,0x0"));
    assert_eq!(shown(5).as_deref(), Some("0x1000014 bne t1,zero,0x1000008"));
    assert_eq!(shown(6).as_deref(), Some("0x1000008 slli t2,t1,0xc"));
    assert_eq!(shown(STEPS - 1).as_deref(), Some("0x1000030 ecall"));
    assert_eq!(shown(STEPS), None);
}

#[test]
fn a_run_is_stopped_where_it_stands() {
    let batch = two_batches().chain.derived_batch(1).unwrap();
    let program = counter(batch.output_root);
    let until = |steps| if steps < 300 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let error = Trace::run_by(100, u64::MAX, &program, batch, until).map(|_| ()).unwrap_err();
    assert!(matches!(error, TraceError::Stopped { steps: 300 }), "{error}");
}

#[test]
fn a_run_that_does_not_come_to_the_output_is_refused() {
    let batch = || two_batches().chain.derived_batch(0).unwrap();
    let expected = batch().output_root;

    let error = run(&exit(0), batch()).map(|_| ()).unwrap_err();
    assert!(matches!(error, TraceError::Output { received, expected: of_node }
        if received == batch().input() && of_node == expected));

    let error = run(&exit(7), batch()).map(|_| ()).unwrap_err();
    assert!(matches!(error, TraceError::Ended { status: Status::Exited(7), step: 2 }));
    assert_eq!(error.to_string(), "the program exited with code 7 in step 2");

    let error = run(&program(&[addi(5, 0, 1), 0], &[]), batch()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the program trapped in step 1");

    // It asks for the preimage of zero.
    let error = run(&program(&[addi(10, 0, 0), addi(17, 0, 1), ECALL], &[]), batch()).map(|_| ()).unwrap_err();
    assert!(matches!(error, TraceError::Missing(Missing::Preimage(_))), "{error}");
}

#[test]
fn the_precompiles_are_those_of_l1() {
    use postern_machine::Precompiles;

    let host = two_batches().chain.derived_batch(0).unwrap().host().unwrap();
    let signed = hex!(
        "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"
        "000000000000000000000000000000000000000000000000000000000000001c"
        "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608"
        "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"
    );
    let signer = hex!("0000000000000000000000007156526fbd7a3c72969b54f64e42c10fbb768c8a");
    let recover = |input: &[u8]| host.precompile(1, input).unwrap().to_vec();
    assert_eq!(recover(&signed), signer);
    // It never fails, and ignores what comes after 128 bytes.
    assert_eq!(recover(&[&signed[..], &[1]].concat()), signer);
    for nothing in [&[][..], &signed[..40], &[0xff; 128]] {
        assert!(recover(nothing).is_empty());
    }
    for number in [0, 2, 9, 11, u64::MAX] {
        assert_eq!(host.precompile(number, &signed), None);
    }
}
