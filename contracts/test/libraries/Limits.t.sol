// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Limits} from "../../src/libraries/Limits.sol";

contract LimitsTest is Test {
    /// What a batch consumes is executed in it, with all that the sequencer put beside it. `consumedTo` may lie within a message,
    /// which the next batch then has to execute on top of what it consumes itself.
    function test_BatchHasGasForAllThatItMustDo() public pure {
        uint256 carried = Limits.MAX_QUEUED_GAS_LIMIT;
        assertLe(Limits.BATCH_TRANSACTION_GAS + Limits.BATCH_MESSAGE_GAS + carried, Limits.BATCH_GAS_LIMIT);
        assertLe(Limits.FORCED_MESSAGE_GAS + carried, Limits.BATCH_GAS_LIMIT);
    }

    /// A batch consumes more than one message can hold, so that no message is ever in the way.
    function test_AnyBatchGetsPastTheLargestMessage() public pure {
        assertGe(Limits.BATCH_MESSAGE_GAS, Limits.MAX_QUEUED_GAS_LIMIT);
        assertGe(Limits.FORCED_MESSAGE_GAS, Limits.BATCH_MESSAGE_GAS);
    }
}
