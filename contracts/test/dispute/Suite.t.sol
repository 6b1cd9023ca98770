// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VmSafe} from "forge-std/Vm.sol";
import {MachineTest} from "./MachineTest.sol";

/// @notice The instruction suite, `crates/machine/suite`, step by step: what its programs leave in memory is what `qemu-riscv64` says.
contract SuiteTest is MachineTest {
    string private constant SUITE = "crates/machine/suite/";
    uint64 private constant RESULTS = 0x18000;
    uint256 private constant MAX_STEPS = 10_000;

    function fixtureProgram() public view returns (string[] memory programs) {
        VmSafe.DirEntry[] memory entries = vm.readDir(SUITE);
        programs = new string[](entries.length);
        uint256 count;
        for (uint256 i; i < entries.length; ++i) {
            string[] memory parts = vm.split(entries[i].path, "/");
            parts = vm.split(parts[parts.length - 1], ".");
            if (keccak256(bytes(parts[1])) == keccak256("expected")) programs[count++] = parts[0];
        }
        // Without the places that are left.
        assembly ("memory-safe") {
            mstore(programs, count)
        }
    }

    function tableProgram(string memory program) public {
        // There are millions of units of gas in a program.
        vm.pauseGasMetering();
        poke(ENTRY, vm.readFileBinary(string.concat(SUITE, program, ".bin")));
        run(start());
        bytes memory expected = vm.readFileBinary(string.concat(SUITE, program, ".expected"));
        assertGt(expected.length, 0);
        assertEq(peek(RESULTS, expected.length), expected, program);
    }

    /// @dev Up to an exit with code 0.
    function run(Registers memory registers) private {
        uint256 memoryBefore;
        assembly ("memory-safe") {
            memoryBefore := mload(0x40)
        }
        for (uint256 i; registers.status == 0; ++i) {
            assertLt(i, MAX_STEPS);
            (bytes32 root, Registers memory next) = step(registers, "");
            store(registers);
            assertEq(root, memoryRoot(), "memory");
            (registers.pc, registers.status) = (next.pc, next.status);
            for (uint256 number = 1; number < 32; ++number) {
                registers.x[number] = next.x[number];
            }
            // Solidity frees nothing, and all but `registers` is done with.
            assembly ("memory-safe") {
                mstore(0x40, memoryBefore)
            }
        }
        assertEq(registers.status, 1, "exit code");
    }

    /// @dev What this step writes is known without the contract.
    function store(Registers memory registers) private {
        uint32 instruction = instructionAt(registers.pc);
        if (instruction & 0x7f != 0x23) return;
        uint256 place = registers.x[(instruction >> 15) & 31];
        // Addresses wrap around.
        unchecked {
            // forge-lint: disable-next-line(unsafe-typecast) modulo 2^64
            place = uint64(place + signExtend(((instruction >> 25) << 5) | ((instruction >> 7) & 31), 12));
        }
        poke(place, littleEndian(registers.x[(instruction >> 20) & 31], 1 << ((instruction >> 12) & 3)));
    }
}
