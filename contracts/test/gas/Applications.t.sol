// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim} from "../../src/gateway/Claim.sol";
import {L2StateReader} from "../../src/gateway/L2StateReader.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {ExitTest} from "../support/ExitTest.sol";
import {GasTest} from "../support/GasTest.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {AccountVector, SlotVector, StateVectors} from "../support/StateVectors.sol";

/// @notice What applications of the bridge cost as whole transactions, like the figures of `PeersTest` and in the same file.
contract FastExitGasTest is ExitTest, GasTest {
    function setUp() public override(PosternTest, ExitTest) {
        super.setUp();
    }

    /// A withdrawal of ETH in flight is paid out to an account that exists.
    function test_FillEth() public {
        (uint64 index, Claim memory claimed) = exit(makeTerms(RECIPIENT));
        vm.deal(RECIPIENT, 1 ether);
        vm.prank(FILLER, FILLER);
        fastExit.fill{value: AMOUNT - FEE}(claimed, index);
        record("fast_exit_fill_eth", 75_000);
        assertEq(RECIPIENT.balance, 1 ether + AMOUNT - FEE);
    }
}

contract L2StateReaderGasTest is GasTest {
    address private immutable READER = makeAddr("reader");

    /// A slot of a contract that has 10,000, on an L2 of as many accounts: the dearest of five.
    function test_ReadStorageSlot() public {
        L2StateReader reader =
            L2StateReader(vm.deployCode("L2StateReader.sol:L2StateReader", abi.encode(stateCommitmentChain)));
        (bytes32 stateRoot, AccountVector[] memory vectors) = StateVectors.read("state");
        appendBatches(1);
        Output memory output = makeOutput(1, keccak256("outbox"));
        output.stateRoot = stateRoot;
        Commitment memory commitment = proposeOn(PROPOSER, lastFinal, output);
        finalize(commitment, output);

        AccountVector memory v = vectors[0];
        uint256 dearest;
        for (uint256 i; i < v.slots.length; ++i) {
            SlotVector memory s = v.slots[i];
            vm.prank(READER, READER);
            bytes32 value = reader.storageAt(commitment, output, v.account, bytes32(s.slot), v.proof, s.proof);
            uint256 used = vm.lastCallGas().gasTotalUsed;
            if (used > dearest) dearest = used;
            assertEq(value, bytes32(s.value));
        }
        recordValue("read_l2_storage_slot_10k", dearest, 300_000);
    }
}
