// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMachineStep} from "../../src/dispute/IMachineStep.sol";
import {MachineTest} from "../dispute/MachineTest.sol";

/// @notice What a step costs as a transaction of its own, like the figures of `PeersTest` and in the same file.
///
/// Measured is the longest witness that such a step can have: memory is full, so every sibling is there, code and data lie in
/// different halves of it, and no register is zero. Nearly all of the price is that of calldata (EIP-7623), so real steps cost less.
contract MachineGasTest is MachineTest {
    address private immutable CHALLENGER = makeAddr("challenger");

    function setUp() public override {
        super.setUp();
        for (uint256 level; level < DEPTH; ++level) {
            setLeaf((ENTRY >> 5) ^ (1 << level), keccak256(abi.encode("code", level)));
            setLeaf((PLACE >> 5) ^ (1 << level), keccak256(abi.encode("data", level)));
        }
        poke(PLACE, abi.encode(keccak256("data")));
    }

    function test_Alu() public {
        measure("machine_step_alu", 70_000, start(encodeR(0x33, 0, 1, RA, A1, A2)), "");
    }

    function test_Load() public {
        measure("machine_step_load", 105_000, start(encodeI(0x03, 3, RA, A0, 0)), "");
    }

    function test_Store() public {
        measure("machine_step_store", 105_000, start(encodeS(3, A0, A1, 0)), "");
    }

    function test_Preimage() public {
        bytes memory preimage;
        for (uint256 i; preimage.length < 600; ++i) {
            preimage = bytes.concat(preimage, bytes20(keccak256(abi.encode(i))));
        }
        Registers memory registers = systemCall(1, PLACE, keccak256(preimage));
        registers.x[A1] = 0x120;
        measure("machine_step_preimage_600_bytes", 130_000, registers, preimage);
    }

    function measure(string memory key, uint256 limit, Registers memory registers, bytes memory attachment) private {
        for (uint256 i = 1; i < 32; ++i) {
            if (registers.x[i] == 0) registers.x[i] = uint64(uint256(keccak256(abi.encode(i))));
        }
        registers.x[A0] = PLACE;
        bytes32 stateHash = hashOf(registers);
        bytes memory witness = witnessOf(registers, attachment);
        // Not as the view that it is: only a call that may write is a transaction.
        vm.prank(CHALLENGER, CHALLENGER);
        (bool success,) = address(machine).call(abi.encodeCall(IMachineStep.step, (stateHash, witness)));
        assertTrue(success);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertGt(used, 21_000, "measures whole transactions: run with --isolate");
        vm.snapshotValue("Peers", key, used);
        assertLe(used, limit, key);
    }
}
