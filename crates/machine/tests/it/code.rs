//! Programs that change themselves: what is stored into code is executed.

use crate::asm::*;
use crate::support::*;
use postern_machine::{Machine, Status};

/// Runs at once, then step by step in both ways, and expects the same end.
fn run(words: &[u32], registers: &[(u32, u64)]) -> Machine {
    let mut at_once = machine_with(words, registers);
    at_once.run(&Answers::default(), 10_000).unwrap();
    let mut stepwise = machine_with(words, registers);
    run_both(&mut stepwise, &Answers::default(), 10_000);
    assert_eq!((at_once.steps(), at_once.hart()), (stepwise.steps(), stepwise.hart()));
    assert_eq!(at_once.state_hash(), stepwise.state_hash());
    at_once
}

/// `li a7, 93; ecall`: exits with the code in `a4`.
const EXIT: [u32; 2] = [93 << 20 | 17 << 7 | 0x13, ECALL];

#[test]
fn the_next_instruction_may_be_stored() {
    let new = u64::from(addi(14, 0, 7));
    let machine = run(&[sw(6, 5, 0), addi(14, 0, 1), EXIT[0], EXIT[1]], &[(5, CODE + 4), (6, new)]);
    assert_eq!(machine.status(), Status::Exited(7));
}

#[test]
fn bytes_of_instructions_may_be_stored() {
    for (store, offset, value) in [(sb as fn(u32, u32, i32) -> u32, 3, 2), (sh, 2, 33 << 4)] {
        let machine = run(&[store(6, 5, offset), addi(14, 0, 1), EXIT[0], EXIT[1]], &[(5, CODE + 4), (6, value)]);
        assert_eq!(machine.status(), Status::Exited(33), "{offset}");
    }
    let two = u64::from(addi(14, 0, 1)) | u64::from(addi(14, 14, 2)) << 32;
    let machine = run(&[sd(6, 5, 0), FENCE, EBREAK, EBREAK, EXIT[0], EXIT[1]], &[(5, CODE + 8), (6, two)]);
    assert_eq!(machine.status(), Status::Exited(3));
}

#[test]
fn a_loop_may_count_in_its_own_code() {
    // The loop adds 1 << 20 to the instruction before it, the immediate of which is the exit code, until it is 9.
    let words = [
        lw(6, 5, 28),
        add(6, 6, 7),
        sw(6, 5, 28),
        addi(8, 8, 1),
        bne(8, 9, -16),
        FENCE,
        FENCE,
        addi(14, 0, 0),
        EXIT[0],
        EXIT[1],
    ];
    let machine = run(&words, &[(5, CODE), (7, 1 << 20), (9, 9)]);
    assert_eq!(machine.status(), Status::Exited(9));
}

#[test]
fn code_may_be_written_to_empty_memory_after_it_was_run() {
    // Jumps to an empty page, where it would trap, only after having put code there; then changes that code and runs it again.
    let words = [sw(6, 5, 0), sw(7, 5, 4), jalr(1, 5, 0), sw(8, 5, 0), jalr(1, 5, 0), EXIT[0], EXIT[1]];
    let registers =
        [(5, DATA), (6, u64::from(addi(14, 14, 1))), (7, u64::from(jalr(0, 1, 0))), (8, u64::from(addi(14, 14, 100)))];
    assert_eq!(run(&words, &registers).status(), Status::Exited(101));
}

#[test]
fn execution_runs_on_from_page_to_page() {
    let mut words = vec![addi(14, 14, 1); 3000];
    words.extend([beq(0, 9, 8), jal(0, -4 * 2049), EXIT[0], EXIT[1]]);
    // Backwards over two page borders once, with x9 = 0 only the second time.
    words[1000] = addi(9, 9, -1);
    let machine = run(&words, &[(9, 2)]);
    assert_eq!(machine.status(), Status::Exited(((2999 + 2048 - 1) % 256) as u8));
}

#[test]
fn data_beside_code_is_only_data() {
    let mut words = vec![ld(6, 5, 0), addi(6, 6, 1), sd(6, 5, 0), bne(6, 7, -12), addi(14, 6, 0), EXIT[0], EXIT[1]];
    words.resize(16, 0);
    let machine = run(&words, &[(5, CODE + 40), (7, 100)]);
    assert_eq!(machine.status(), Status::Exited(100));
}
