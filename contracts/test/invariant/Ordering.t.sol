// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ChainTest} from "../support/ChainTest.sol";

/// @notice What holds whatever the sequencer does, as long as a user whose message waits takes each step as soon as it is
/// allowed.
///
/// 1. No censorship. Every message is ordered at most `2 * FORCE_DELAY` after it was queued.
/// 2. Order. The queue is consumed from its front, never backwards, and never beyond its end.
///
/// The sequencer posts when it likes, consuming as little as it may or more, also in the very second of the user's step and
/// before it; or it stays silent. A stranger stamps at any time that allows it.
contract OrderingInvariants is ChainTest {
    address private immutable USER = makeAddr("user");

    /// L1 time at which each message was queued.
    uint256[] private queuedAt;
    /// How many of them are ordered.
    uint256 private ordered;
    /// The longest that an ordered message had waited, in L1 seconds.
    uint256 private longestWait;
    uint256 private stampsByUser;
    uint256 private forcedByUser;

    function setUp() public override {
        super.setUp();
        mine(1);
        bytes4[] memory actions = new bytes4[](4);
        actions[0] = this.queue.selector;
        actions[1] = this.post.selector;
        actions[2] = this.stampAsStranger.selector;
        actions[3] = this.pass.selector;
        targetContract(address(this));
        targetSelector(FuzzSelector(address(this), actions));
    }

    // ---------------------------------------------------------------------------------------------- actions

    function queue() public {
        // In a block of its own, so that there is always gas to buy.
        vm.roll(vm.getBlockNumber() + 1);
        deposit(USER, 1);
        queuedAt.push(vm.getBlockTimestamp());
    }

    /// @notice The sequencer posts, mostly consuming as little as it may.
    function post(uint256 consumption) public {
        (uint64 batchCount, uint64 consumed,,) = canonicalTransactionChain.head();
        uint256 least = Math.max(consumed, canonicalTransactionChain.overdue());
        uint64 consumeTo = uint64(consumption % 10 == 0 ? bound(consumption, least, queuedAt.length) : least);
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBatch(batchCount, consumeTo, origin, blockhash(origin), "");
        noteOrder();
    }

    function stampAsStranger() public {
        vm.prank(STRANGER);
        try canonicalTransactionChain.stamp() {} catch {}
    }

    /// @notice Time passes, and in it the user takes every step in the second in which it is allowed.
    /// @param sabotage A bit for each step: whether the sequencer posts before it.
    function pass(uint256 time, uint256 sabotage) public {
        uint256 end = vm.getBlockTimestamp() + bound(time, 0, FORCE_DELAY);
        for (uint256 step = nextStep(); step <= end; step = nextStep()) {
            vm.warp(Math.max(step, vm.getBlockTimestamp()));
            vm.roll(vm.getBlockNumber() + 1);
            if (sabotage & 1 == 1) post({consumption: 1});
            sabotage >>= 1;
            actAsUser();
        }
        vm.warp(end);
        vm.roll(vm.getBlockNumber() + 1);
    }

    // ------------------------------------------------------------------------------------------- invariants

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 1200
    function invariant_NoCensorship() public view {
        assertLe(longestWait, 2 * FORCE_DELAY, "ordered too late");
        if (ordered == queuedAt.length) return;
        assertLe(vm.getBlockTimestamp() - queuedAt[ordered], 2 * FORCE_DELAY, "waits too long");
    }

    function afterInvariant() public view {
        assertNotEq(stampsByUser, 0, "user never stamped");
        assertNotEq(forcedByUser, 0, "user never forced");
        assertGt(longestWait, FORCE_DELAY, "no message was held back");
    }

    // ---------------------------------------------------------------------------------------------- helpers

    /// @dev When the user can do something next; never if no message waits.
    function nextStep() private view returns (uint256) {
        if (ordered == queuedAt.length) return type(uint256).max;
        return Math.min(stampableAt(), canonicalTransactionChain.forceableAt());
    }

    function actAsUser() private {
        uint256 time = vm.getBlockTimestamp();
        vm.startPrank(USER);
        if (time >= canonicalTransactionChain.forceableAt()) {
            canonicalTransactionChain.forceInclude();
            ++forcedByUser;
        } else if (time >= stampableAt()) {
            canonicalTransactionChain.stamp();
            ++stampsByUser;
        }
        vm.stopPrank();
        noteOrder();
    }

    function stampableAt() private view returns (uint256) {
        (,,, uint64 newerTime) = canonicalTransactionChain.stamps();
        return newerTime + FORCE_DELAY;
    }

    /// @dev Notes which messages the last batch ordered, and how long they had waited.
    function noteOrder() private {
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        assertGe(consumed, ordered, "consumed backwards");
        assertLe(consumed, queuedAt.length, "consumed what is not there");
        for (; ordered < consumed; ++ordered) {
            longestWait = Math.max(longestWait, vm.getBlockTimestamp() - queuedAt[ordered]);
        }
    }
}
