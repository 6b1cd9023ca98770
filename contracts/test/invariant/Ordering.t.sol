// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {OrderingTest} from "../support/OrderingTest.sol";

/// @notice What holds whatever the sequencer does, as long as a user whose message waits takes each step as soon as it is
/// allowed.
///
/// 1. No censorship. Every message is ordered, and so executed, at most `2 * FORCE_DELAY` after it was queued.
/// 2. The word of the contract. Every message is ordered by the time that `orderedBy` named when it was queued.
/// 3. Order. The queue is consumed from its front, never backwards, and never beyond its end.
///
/// The sequencer posts when it likes, calldata or blobs, consuming as little as it may or more, also in the very second of the
/// user's step and before it; or it stays silent. A stranger stamps at any time that allows it. Seconds and L1 blocks pass as
/// they like.
contract OrderingInvariants is OrderingTest {
    /// Where each message ends in the queue.
    uint64[] private places;
    /// L1 time at which it was queued.
    uint256[] private queuedAt;
    /// What `orderedBy` said then.
    uint256[] private promised;
    uint64 private lastConsumed;
    /// How many of them are ordered.
    uint256 private ordered;
    /// The longest that an ordered message had waited, in L1 seconds.
    uint256 private longestWait;
    bool private isPromiseBroken;
    uint256 private stampsByUser;
    uint256 private forcedByUser;
    uint256 private forcedInARow;
    uint256 private blobBatches;

    function setUp() public override {
        super.setUp();
        bytes4[] memory actions = new bytes4[](4);
        actions[0] = this.queue.selector;
        actions[1] = this.post.selector;
        actions[2] = this.stampAsStranger.selector;
        actions[3] = this.pass.selector;
        targetContract(address(this));
        targetSelector(FuzzSelector(address(this), actions));
    }

    // ---------------------------------------------------------------------------------------------- actions

    /// @notice A message of any size, and now and then a flood before it.
    function queue(uint256 size) public {
        if (size % 16 == 0) {
            for (uint256 i; i < 40; ++i) {
                queueOne(LARGEST);
            }
        }
        queueOne(uint64(bound(size, MESSAGE, LARGEST)));
    }

    /// @notice The sequencer posts, mostly consuming as little as it may.
    function post(uint256 consumption, bool blobs) public {
        (uint64 batchCount,,,) = canonicalTransactionChain.head();
        uint64 consumeTo = leastOfBatch();
        if (consumption % 10 == 0) consumeTo = uint64(bound(consumption, consumeTo, mostOfBatch()));
        if (blobs) {
            appendBlobs(batchCount, consumeTo);
            ++blobBatches;
        } else {
            append(batchCount, consumeTo, "");
        }
        noteOrder();
    }

    function stampAsStranger() public {
        vm.prank(STRANGER);
        try canonicalTransactionChain.stamp() {} catch {}
    }

    /// @notice Time passes, and in it the user takes every step in the second in which it is allowed.
    /// @param sabotage A bit for each step: whether the sequencer posts before it.
    /// @param blocks L1 blocks that pass by the way; without them L1 misses its slots.
    function pass(uint256 time, uint256 sabotage, uint256 blocks) public {
        uint256 end = vm.getBlockTimestamp() + bound(time, 0, FORCE_DELAY);
        for (uint256 step = nextStep(); step <= end; step = nextStep()) {
            vm.warp(Math.max(step, vm.getBlockTimestamp()));
            vm.roll(vm.getBlockNumber() + 1);
            if (sabotage & 1 == 1) post({consumption: 1, blobs: sabotage & 2 == 2});
            sabotage >>= 1;
            actAsUser();
        }
        vm.warp(end);
        vm.roll(vm.getBlockNumber() + bound(blocks, 1, 10_000));
    }

    // ------------------------------------------------------------------------------------------- invariants

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 600
    function invariant_NoCensorship() public view {
        assertLe(longestWait, 2 * FORCE_DELAY, "ordered too late");
        assertFalse(isPromiseBroken, "ordered after the promised time");
        if (ordered == queuedAt.length) return;
        assertLe(vm.getBlockTimestamp() - queuedAt[ordered], 2 * FORCE_DELAY, "waits too long");
        assertLe(vm.getBlockTimestamp(), promised[ordered], "waits past the promised time");
    }

    function afterInvariant() public view {
        assertNotEq(stampsByUser, 0, "user never stamped");
        assertNotEq(forcedByUser, 0, "user never forced");
        assertNotEq(forcedInARow, 0, "never more to force than one batch takes");
        assertNotEq(blobBatches, 0, "no blobs");
        assertGt(longestWait, FORCE_DELAY, "no message was held back");
    }

    // ---------------------------------------------------------------------------------------------- helpers

    function queueOne(uint64 gasLimit) private {
        uint64 place = send(gasLimit);
        places.push(place);
        promised.push(canonicalTransactionChain.orderedBy(place));
        queuedAt.push(vm.getBlockTimestamp());
    }

    /// @dev When the user can do something next; never if no message waits.
    function nextStep() private view returns (uint256) {
        if (ordered == queuedAt.length) return type(uint256).max;
        return Math.min(canonicalTransactionChain.stampableAt(), canonicalTransactionChain.forceableAt());
    }

    function actAsUser() private {
        uint256 time = vm.getBlockTimestamp();
        vm.startPrank(USER);
        if (time >= canonicalTransactionChain.forceableAt()) {
            uint256 forced;
            for (; time >= canonicalTransactionChain.forceableAt(); ++forced) {
                canonicalTransactionChain.forceInclude();
            }
            ++forcedByUser;
            if (forced > 1) ++forcedInARow;
        }
        if (time >= canonicalTransactionChain.stampableAt()) {
            canonicalTransactionChain.stamp();
            ++stampsByUser;
        }
        vm.stopPrank();
        noteOrder();
    }

    /// @dev Notes which messages the last batch ordered, and how long they had waited.
    function noteOrder() private {
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        (,, uint64 queueGas) = bridge.queue();
        assertGe(consumed, lastConsumed, "consumed backwards");
        assertLe(consumed, queueGas, "consumed what is not there");
        lastConsumed = consumed;
        for (; ordered < places.length && places[ordered] <= consumed; ++ordered) {
            longestWait = Math.max(longestWait, vm.getBlockTimestamp() - queuedAt[ordered]);
            if (vm.getBlockTimestamp() > promised[ordered]) isPromiseBroken = true;
        }
    }
}
