// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {L1Info} from "../../src/l2/L1Info.sol";

contract L1InfoTest is Test {
    L1Info private info = new L1Info();

    function testFuzz_LayoutIsThatOfTheSpecification(
        uint64 number,
        uint64 timestamp,
        uint64 batchCount,
        bytes32 blockHash,
        bytes32 beaconRoot,
        uint64 messagesExecuted,
        uint64 gasExecuted
    ) public {
        store(0, bytes32(uint256(number) | (uint256(timestamp) << 64) | (uint256(batchCount) << 128)));
        store(1, blockHash);
        store(2, beaconRoot);
        store(3, bytes32(uint256(messagesExecuted) | (uint256(gasExecuted) << 64)));
        assertEq(info.number(), number);
        assertEq(info.timestamp(), timestamp);
        assertEq(info.batchCount(), batchCount);
        assertEq(info.blockHash(), blockHash);
        assertEq(info.beaconRoot(), beaconRoot);
        assertEq(info.messagesExecuted(), messagesExecuted);
        assertEq(info.gasExecuted(), gasExecuted);
    }

    function store(uint256 slot, bytes32 value) private {
        vm.store(address(info), bytes32(slot), value);
    }
}
