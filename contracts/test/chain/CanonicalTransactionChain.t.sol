// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {OrderingTest} from "../support/OrderingTest.sol";

/// @notice How the chain starts, and who is in charge of it.
contract CanonicalTransactionChainTest is OrderingTest {
    function test_Initialize() public view {
        (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber) =
            canonicalTransactionChain.head();
        assertEq(batchCount, 0);
        assertEq(consumed, 0);
        assertEq(lastBatchTime, initializedAt);
        assertEq(originNumber, 0);
        assertStamps(0, initializedAt, 0, initializedAt);
        assertEq(canonicalTransactionChain.sequencer(), SEQUENCER);
        assertEq(canonicalTransactionChain.overdue(), 0);
        assertEq(canonicalTransactionChain.forceableAt(), type(uint256).max);
    }

    function test_RevertWhen_BatchIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.UnknownBatch.selector, 0, 0));
        canonicalTransactionChain.batchHash(0);
        append(0, 0, "");
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.UnknownBatch.selector, 1, 1));
        canonicalTransactionChain.batchHash(1);
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.UnknownBatch.selector, type(uint64).max, 1));
        canonicalTransactionChain.batchHash(type(uint64).max);
    }

    function test_SetSequencer() public {
        vm.expectEmit(address(canonicalTransactionChain));
        emit ICanonicalTransactionChain.SequencerChanged(SEQUENCER, USER);
        vm.prank(address(timelock));
        canonicalTransactionChain.setSequencer(USER);
        assertEq(canonicalTransactionChain.sequencer(), USER);

        expectNotSequencer(SEQUENCER, USER);
        append(0, 0, "");
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.prank(USER, USER);
        canonicalTransactionChain.appendBatch(0, 0, origin, blockhash(origin), "");
    }

    function test_SetSequencer_KeepsStamp() public {
        deposit(USER, 1);
        uint256 stampedAt = initializedAt + FORCE_DELAY;
        vm.warp(stampedAt);
        canonicalTransactionChain.stamp();
        vm.prank(address(timelock));
        canonicalTransactionChain.setSequencer(USER);
        assertStamps(0, initializedAt, MESSAGE, stampedAt);
    }

    function testFuzz_RevertWhen_CallerIsNotGovernance(address caller) public {
        vm.assume(caller != address(timelock) && caller != proxyAdminOf(address(canonicalTransactionChain)));
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalTransactionChain.NotGovernance.selector, caller, address(timelock))
        );
        vm.prank(caller);
        canonicalTransactionChain.setSequencer(caller);
    }
}
