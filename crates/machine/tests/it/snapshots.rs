//! Runs from the middle, and state hashes along the way.

use crate::asm::*;
use crate::support::*;
use postern_machine::{Machine, Status};

/// Writes numbers over 64 KiB, some of them into pages that were hashed before, and exits after 6 * 4,096 + 4 steps.
fn writer() -> Machine {
    let words = [
        add(7, 8, 6),
        sd(6, 7, 0),
        addi(6, 6, 2040),
        and(6, 6, 9),
        addi(5, 5, 1),
        bne(5, 10, -20),
        addi(17, 0, 93),
        addi(14, 0, 5),
        ECALL,
    ];
    machine_with(&words, &[(8, DATA), (9, 0xfff8), (10, 4096)])
}

const END: u64 = 6 * 4096 + 3;

#[test]
fn a_run_does_not_depend_on_where_it_pauses() {
    let host = Answers::default();
    let mut at_once = writer();
    assert_eq!(at_once.run(&host, u64::MAX), Ok(Status::Exited(5)));
    assert_eq!(at_once.steps(), END);

    let mut paused = writer();
    for limit in (0..END).step_by(97) {
        assert_eq!(paused.run(&host, limit), Ok(Status::Running));
        assert_eq!(paused.steps(), limit);
        paused.state_hash();
    }
    paused.run(&host, END).unwrap();
    assert_eq!(paused.state_hash(), at_once.state_hash());
}

#[test]
fn state_hashes_are_those_of_their_steps() {
    let host = Answers::default();
    let mut machine = writer();
    machine.run(&host, 1000).unwrap();
    let hashes = machine.state_hashes(&host, 777, 40).unwrap();
    for (point, hash) in (1..).zip(&hashes) {
        let mut fresh = writer();
        fresh.run(&host, 1000 + 777 * point).unwrap();
        assert_eq!(fresh.state_hash(), *hash, "point {point}");
    }
    // The machine halts before the last of them, and stays.
    assert_eq!(machine.status(), Status::Exited(5));
    assert_eq!(hashes[39], hashes[38]);
    assert_eq!(machine.state_hashes(&host, u64::MAX, 2).unwrap(), [hashes[39]; 2]);
}

#[test]
fn a_snapshot_goes_on_as_the_machine_did() {
    let host = Answers::default();
    let mut machine = writer();
    let mut snapshots = Vec::new();
    for limit in [0, 1, 500, 501, 9000, END - 1, END] {
        machine.run(&host, limit).unwrap();
        snapshots.push(machine.snapshot());
    }
    let end = machine.state_hash();

    for snapshot in &snapshots {
        let mut fresh = writer();
        fresh.run(&host, snapshot.steps()).unwrap();
        assert_eq!(fresh.state_hash(), snapshot.state_hash());

        let mut restored = snapshot.restore();
        assert_eq!(restored.state_hash(), snapshot.state_hash());
        assert_eq!(restored.memory_in_use(), fresh.memory_in_use());
        for _ in 0..20 {
            step_both(&mut restored, &host);
            fresh.run(&host, snapshot.steps() + 20).unwrap();
        }
        restored.run(&host, u64::MAX).unwrap();
        assert_eq!((restored.state_hash(), restored.steps()), (end, END));
        // It has not moved the snapshot.
        assert_eq!(snapshot.restore().state_hash(), snapshot.state_hash());
    }
}

#[test]
fn a_snapshot_has_the_code_of_its_time() {
    let host = Answers::default();
    // Each round adds 1 to the immediate of an instruction which it has executed before, the exit code, until that is 9.
    let words = [
        lw(6, 5, 16),
        add(6, 6, 7),
        sw(6, 5, 16),
        addi(8, 8, 1),
        addi(14, 0, 0),
        bne(8, 9, -20),
        addi(17, 0, 93),
        ECALL,
    ];
    let mut machine = machine_with(&words, &[(5, CODE), (7, 1 << 20), (9, 9)]);
    let mut snapshots = Vec::new();
    while machine.status() == Status::Running {
        snapshots.push(machine.snapshot());
        machine.run(&host, machine.steps() + 1).unwrap();
    }
    assert_eq!((machine.status(), machine.steps()), (Status::Exited(9), 9 * 6 + 2));
    for snapshot in snapshots {
        let mut restored = snapshot.restore();
        restored.run(&host, u64::MAX).unwrap();
        assert_eq!(restored.state_hash(), machine.state_hash(), "from step {}", snapshot.steps());
    }
}
