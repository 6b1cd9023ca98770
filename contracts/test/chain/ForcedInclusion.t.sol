// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {Batch} from "../../src/types/Batch.sol";
import {OrderingModel} from "../support/OrderingModel.sol";
import {OrderingTest} from "../support/OrderingTest.sol";

/// @notice The two stamps, what they make overdue, and forcing it.
contract ForcedInclusionTest is OrderingTest {
    // ----------------------------------------------------------------------------------------------- stamps

    function test_Stamp_ByAnyoneOnTime() public {
        deposit(USER, 1 ether);
        vm.warp(initializedAt + FORCE_DELAY);
        vm.expectEmit(address(canonicalTransactionChain));
        emit ICanonicalTransactionChain.QueueStamped(MESSAGE, uint64(vm.getBlockTimestamp()));
        vm.prank(STRANGER);
        canonicalTransactionChain.stamp();
        assertStamps(0, initializedAt, MESSAGE, vm.getBlockTimestamp());
        // A stamp does not pass for a batch.
        (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber) =
            canonicalTransactionChain.head();
        assertEq(batchCount, 0);
        assertEq(consumed, 0);
        assertEq(lastBatchTime, initializedAt);
        assertEq(originNumber, 0);
    }

    function testFuzz_RevertWhen_StampIsTooEarly(uint256 age) public {
        age = bound(age, vm.getBlockTimestamp() - initializedAt, FORCE_DELAY - 1);
        vm.warp(initializedAt + age);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.StampTooEarly.selector, vm.getBlockTimestamp(), initializedAt + FORCE_DELAY
            )
        );
        canonicalTransactionChain.stamp();
    }

    function test_RevertWhen_StampIsRepeated() public {
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.stamp();
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.StampTooEarly.selector,
                vm.getBlockTimestamp(),
                vm.getBlockTimestamp() + FORCE_DELAY
            )
        );
        canonicalTransactionChain.stamp();
    }

    function test_AppendBatch_StampsWhenDue() public {
        deposit(USER, 1 ether);
        vm.warp(initializedAt + FORCE_DELAY - 1);
        append(0, 0, "");
        assertStamps(0, initializedAt, 0, initializedAt);
        vm.warp(initializedAt + FORCE_DELAY);
        append(1, 0, "");
        assertStamps(0, initializedAt, MESSAGE, initializedAt + FORCE_DELAY);
    }

    function test_RevertWhen_BatchLeavesOverdueMessages() public {
        (uint256 stampedAt,) = stampTwoMessages();
        vm.warp(stampedAt + FORCE_DELAY - 1);
        assertEq(canonicalTransactionChain.overdue(), 0);
        append(0, 0, "");

        vm.warp(stampedAt + FORCE_DELAY);
        assertEq(canonicalTransactionChain.overdue(), 2 * MESSAGE);
        expectOutOfRange(2 * MESSAGE - 1, 2 * MESSAGE, 3 * MESSAGE);
        append(1, 2 * MESSAGE - 1, "");
        append(1, 2 * MESSAGE, "");
        // The batch took a stamp: what was overdue still is, and it did not fall due anew.
        assertEq(canonicalTransactionChain.overdue(), 2 * MESSAGE);
    }

    /// What is overdue may be more than a batch executes: then it must consume all that it may.
    function test_RevertWhen_BatchLeavesMoreOverdueMessagesThanItMust() public {
        flood(2 * BATCH + MESSAGE);
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.stamp();
        vm.warp(vm.getBlockTimestamp() + FORCE_DELAY);
        for (uint64 i; i < 2; ++i) {
            expectOutOfRange((i + 1) * BATCH - 1, (i + 1) * BATCH, (i + 1) * BATCH);
            append(i, (i + 1) * BATCH - 1, "");
            append(i, (i + 1) * BATCH, "");
        }
        expectOutOfRange(2 * BATCH, 2 * BATCH + MESSAGE, 2 * BATCH + MESSAGE);
        append(2, 2 * BATCH, "");
        append(2, 2 * BATCH + MESSAGE, "");
    }

    // ---------------------------------------------------------------------------------------- forceInclude

    function test_ForceInclude_AfterSilence() public {
        deposit(USER, 1 ether);
        deposit(USER, 2 ether);
        assertEq(canonicalTransactionChain.forceableAt(), initializedAt + FORCE_DELAY);
        vm.warp(initializedAt + FORCE_DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.NothingToForce.selector, vm.getBlockTimestamp(), initializedAt + FORCE_DELAY
            )
        );
        canonicalTransactionChain.forceInclude();

        vm.warp(initializedAt + FORCE_DELAY);
        (bytes32 queueHash,,) = bridge.queue();
        Batch memory batch = Batch({
            parent: 0,
            index: 0,
            l1Time: uint64(vm.getBlockTimestamp()),
            l1Block: uint64(vm.getBlockNumber()),
            originNumber: uint64(vm.getBlockNumber() - 1),
            originHash: blockhash(vm.getBlockNumber() - 1),
            dataCommitment: keccak256(hex"000000000000000000"),
            queueHash: queueHash,
            queueGas: 2 * MESSAGE,
            consumedTo: 2 * MESSAGE
        });
        vm.expectEmit(address(canonicalTransactionChain));
        emit ICanonicalTransactionChain.BatchAppended(0, batch.hash(), batch);
        // By a contract too: there is no data that a node must find.
        canonicalTransactionChain.forceInclude();

        assertEq(canonicalTransactionChain.batchHash(0), batch.hash());
        (uint64 batchCount, uint64 consumed,,) = canonicalTransactionChain.head();
        assertEq(batchCount, 1);
        assertEq(consumed, 2 * MESSAGE);
        assertEq(canonicalTransactionChain.forceableAt(), type(uint256).max);
    }

    function test_ForceInclude_OverdueDespiteBusySequencer() public {
        (uint256 stampedAt, uint256 arrivedAt) = stampTwoMessages();
        for (uint64 i; i < 3; ++i) {
            vm.warp(stampedAt + FORCE_DELAY - 3 + i);
            append(i, 0, "");
        }
        assertEq(canonicalTransactionChain.forceableAt(), stampedAt + FORCE_DELAY);
        vm.warp(stampedAt + FORCE_DELAY);
        vm.prank(STRANGER);
        canonicalTransactionChain.forceInclude();
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        // The whole queue, also what was not overdue.
        assertEq(consumed, 3 * MESSAGE);
        assertLe(vm.getBlockTimestamp(), arrivedAt + 2 * FORCE_DELAY);
    }

    function testFuzz_RevertWhen_NothingWaits(uint256 time) public {
        append(0, 0, "");
        vm.warp(bound(time, vm.getBlockTimestamp(), vm.getBlockTimestamp() + 10 * FORCE_DELAY));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.NothingToForce.selector, vm.getBlockTimestamp(), type(uint256).max
            )
        );
        canonicalTransactionChain.forceInclude();
    }

    function test_ForceInclude_ReorganisationRestartsOnlyWhatItRemoved() public {
        deposit(USER, 1 ether);
        // The message stays; a stamp and the sequencer's batches after it go, and are made again two minutes later.
        uint256 fork = vm.snapshotState();
        vm.warp(initializedAt + FORCE_DELAY);
        append(0, 0, "");
        assertEq(canonicalTransactionChain.forceableAt(), initializedAt + 2 * FORCE_DELAY);
        assertTrue(vm.revertToState(fork));
        vm.warp(initializedAt + FORCE_DELAY + 120);
        append(0, 0, "");
        assertEq(canonicalTransactionChain.forceableAt(), initializedAt + 2 * FORCE_DELAY + 120);
    }

    function test_SequencerGoesOnAfterForcedBatch() public {
        deposit(USER, 1 ether);
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.forceInclude();
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.BatchIndexMismatch.selector, 0, 1));
        append(0, MESSAGE, "");
        append(1, MESSAGE, "");
    }

    /// However long the queue is: all that is overdue can be forced at once, each time for the same gas.
    function test_ForceInclude_DrainsAnyBacklogAtOnce() public {
        flood(5 * FORCED / 2);
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.stamp();
        uint64 last = send(MESSAGE);
        vm.warp(vm.getBlockTimestamp() + FORCE_DELAY);

        uint256[3] memory used;
        for (uint64 i; i < 3; ++i) {
            canonicalTransactionChain.forceInclude();
            used[i] = vm.lastCallGas().gasTotalUsed;
            (uint64 batchCount, uint64 consumed,,) = canonicalTransactionChain.head();
            assertEq(batchCount, i + 1);
            assertEq(consumed, i == 2 ? last : (i + 1) * FORCED);
        }
        // The first one took a stamp of what it left.
        assertStamps(last - MESSAGE, initializedAt + FORCE_DELAY, last, vm.getBlockTimestamp());
        assertLt(used[1], used[0]);
        assertApproxEqAbs(used[1], used[2], 200);
        assertEq(canonicalTransactionChain.forceableAt(), type(uint256).max);
    }

    /// A silent sequencer's queue is forced to what one batch can do; the rest when it is overdue.
    function test_RevertWhen_ForcedAgainAndNothingIsOverdue() public {
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.stamp();
        flood(FORCED + MESSAGE);
        canonicalTransactionChain.forceInclude();
        uint256 from = vm.getBlockTimestamp() + FORCE_DELAY;
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalTransactionChain.NothingToForce.selector, vm.getBlockTimestamp(), from)
        );
        canonicalTransactionChain.forceInclude();
        vm.warp(from);
        canonicalTransactionChain.forceInclude();
        assertEq(canonicalTransactionChain.forceableAt(), type(uint256).max);
    }

    /// Whatever happened before: forcing works from `forceableAt` on, and not a second sooner.
    function testFuzz_ForceInclude_ExactlyWhenForceable(uint256 seed) public {
        live(seed, 12);
        uint256 from = canonicalTransactionChain.forceableAt();
        if (from == type(uint256).max) return;
        if (from > vm.getBlockTimestamp()) {
            vm.warp(from - 1);
            vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.NothingToForce.selector, from - 1, from));
            canonicalTransactionChain.forceInclude();
            vm.warp(from);
        }
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        canonicalTransactionChain.forceInclude();
        (, uint64 ordered,,) = canonicalTransactionChain.head();
        (,, uint64 queueGas) = bridge.queue();
        assertEq(ordered, Math.min(queueGas, consumed + FORCED));
    }

    /// Whatever is tried, the contract lets through what the model lets through, and comes to the same state.
    /// forge-config: default.fuzz.runs = 128
    function testFuzz_DecidesAsTheModel(uint256 seed) public {
        OrderingModel model = new OrderingModel(FORCE_DELAY, initializedAt);
        for (uint256 i; i < 60; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            passTime(seed >> 8);
            if (seed % 4 == 0) {
                for (uint256 n = 1 + (seed >> 32) % 12; n != 0; --n) {
                    model.queue(sendAny(seed >> 64));
                }
            } else {
                attempt(model, seed);
            }
            assertIsAt(model);
        }
    }

    // ----------------------------------------------------------------------------------------------- views

    function testFuzz_StampableAt_ExactlyWhenStampable(uint256 seed) public {
        live(seed, 12);
        uint256 from = canonicalTransactionChain.stampableAt();
        if (from > vm.getBlockTimestamp()) {
            vm.warp(from - 1);
            vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.StampTooEarly.selector, from - 1, from));
            canonicalTransactionChain.stamp();
            vm.warp(from);
        }
        canonicalTransactionChain.stamp();
        assertEq(canonicalTransactionChain.stampableAt(), vm.getBlockTimestamp() + FORCE_DELAY);
    }

    function test_OrderedBy() public {
        deposit(USER, 1);
        // The first stamp counts nothing; the next one counts the message, and must become old.
        assertEq(canonicalTransactionChain.orderedBy(MESSAGE), initializedAt + 2 * FORCE_DELAY);
        vm.warp(initializedAt + FORCE_DELAY + 100);
        // Nobody took it when it was due: from now on it takes another delay.
        assertEq(canonicalTransactionChain.orderedBy(MESSAGE), initializedAt + 2 * FORCE_DELAY + 100);
        canonicalTransactionChain.stamp();
        deposit(USER, 1);
        uint256 stampedAt = vm.getBlockTimestamp();
        vm.warp(stampedAt + FORCE_DELAY - 1);
        assertEq(canonicalTransactionChain.orderedBy(MESSAGE), stampedAt + FORCE_DELAY);
        assertEq(canonicalTransactionChain.orderedBy(2 * MESSAGE), stampedAt + 2 * FORCE_DELAY);
        vm.warp(stampedAt + FORCE_DELAY + 1);
        canonicalTransactionChain.stamp();
        // The older stamp counts it now: it stays due when it was.
        assertEq(canonicalTransactionChain.orderedBy(MESSAGE), stampedAt + FORCE_DELAY);
        assertEq(canonicalTransactionChain.orderedBy(2 * MESSAGE), vm.getBlockTimestamp() + FORCE_DELAY);
        canonicalTransactionChain.forceInclude();
        assertEq(canonicalTransactionChain.orderedBy(MESSAGE), 0);
        assertEq(canonicalTransactionChain.orderedBy(2 * MESSAGE), 0);
    }

    function testFuzz_RevertWhen_PlaceIsNotQueued(uint64 place) public {
        deposit(USER, 1);
        place = uint64(bound(place, MESSAGE + 1, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.PlaceNotQueued.selector, place, MESSAGE));
        canonicalTransactionChain.orderedBy(place);
    }

    /// Whatever happened before a message, and however the sequencer drags its feet: it can be forced at `orderedBy`, at most two
    /// delays after it was queued. And no sooner, if the sequencer posts whenever that helps to delay it.
    function testFuzz_OrderedBy_IsTheWorstCase(uint256 seed) public {
        live(seed, 12);
        uint64 place = sendAny(seed);
        uint256 by = canonicalTransactionChain.orderedBy(place);
        assertLe(by, vm.getBlockTimestamp() + 2 * FORCE_DELAY);

        for (uint256 due = canonicalTransactionChain.stampableAt(); due < by;) {
            vm.warp(Math.max(due, vm.getBlockTimestamp()));
            appendLeast();
            due = canonicalTransactionChain.stampableAt();
            if (due <= vm.getBlockTimestamp()) canonicalTransactionChain.stamp();
            sendAny(seed >> 8);
            assertEq(canonicalTransactionChain.orderedBy(place), by, "moved");
        }
        vm.warp(by - 1);
        appendLeast();
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        assertLt(consumed, place, "ordered sooner");
        assertGe(canonicalTransactionChain.orderedBy(place), by);

        vm.warp(by);
        assertGe(canonicalTransactionChain.overdue(), place);
        assertFalse(tryAppend(leastOfBatch() - 1));
        while (canonicalTransactionChain.orderedBy(place) != 0) {
            canonicalTransactionChain.forceInclude();
        }
    }

    // ---------------------------------------------------------------------------------------------- helpers

    /// @dev Two messages that the newer stamp counts, and one after it. The stamp is taken as late as anyone can make it.
    function stampTwoMessages() private returns (uint256 stampedAt, uint256 arrivedAt) {
        arrivedAt = vm.getBlockTimestamp();
        deposit(USER, 1);
        deposit(USER, 1);
        stampedAt = initializedAt + FORCE_DELAY;
        vm.warp(stampedAt);
        canonicalTransactionChain.stamp();
        deposit(USER, 1);
    }

    /// @dev Messages, batches that consume as little as they may, and stamps, at any time.
    function live(uint256 seed, uint256 steps) private {
        for (uint256 i; i < steps; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            passTime(seed >> 8);
            if (seed % 4 == 0) {
                for (uint256 n = 1 + (seed >> 32) % 12; n != 0; --n) {
                    sendAny(seed >> 64);
                }
            }
            if (seed % 4 == 1) appendLeast();
            if (seed % 4 == 2 && vm.getBlockTimestamp() >= canonicalTransactionChain.stampableAt()) {
                canonicalTransactionChain.stamp();
            }
        }
    }

    /// @dev A message of any size, often the smallest or the largest.
    function sendAny(uint256 seed) private returns (uint64) {
        if (seed % 4 == 0) return send(MESSAGE);
        if (seed % 4 == 1) return send(LARGEST);
        return send(uint64(bound(seed >> 2, MESSAGE, LARGEST)));
    }

    /// @dev Some time, or none, or until something is about to be due, or is due to the second. Blocks pass as they like.
    function passTime(uint256 seed) private {
        uint256 time = vm.getBlockTimestamp();
        uint256 due = seed % 2 == 0
            ? canonicalTransactionChain.stampableAt()
            : Math.min(canonicalTransactionChain.forceableAt(), time + FORCE_DELAY);
        seed >>= 1;
        if (seed % 4 == 1) time += (seed >> 8) % FORCE_DELAY;
        if (seed % 4 == 2) time = Math.max(time, due - 1);
        if (seed % 4 == 3) time = Math.max(time, due);
        vm.warp(time);
        vm.roll(vm.getBlockNumber() + 1 + (seed >> 16) % 100);
    }

    /// @dev A batch, a stamp or a forced batch.
    function attempt(OrderingModel model, uint256 seed) private {
        uint256 time = vm.getBlockTimestamp();
        bytes memory rule;
        bool success;
        if (seed % 4 == 1) {
            // From one too few to one too many.
            uint64 least = leastOfBatch();
            uint64 consumeTo = uint64(bound(seed >> 16, least == 0 ? 0 : least - 1, mostOfBatch() + 1));
            // More often than not exactly as little, or as much, as it may.
            if ((seed >> 8) % 4 == 0) consumeTo = least;
            if ((seed >> 8) % 4 == 1) consumeTo = mostOfBatch();
            rule = abi.encodeCall(OrderingModel.post, (time, consumeTo));
            success = tryAppend(consumeTo);
        } else if (seed % 4 == 2) {
            rule = abi.encodeCall(OrderingModel.stamp, (time));
            success = tryCall(STRANGER, abi.encodeCall(ICanonicalTransactionChain.stamp, ()));
        } else {
            rule = abi.encodeCall(OrderingModel.force, (time));
            success = tryCall(STRANGER, abi.encodeCall(ICanonicalTransactionChain.forceInclude, ()));
        }
        (bool allowed,) = address(model).call(rule);
        assertEq(success, allowed, "decision");
    }

    function tryAppend(uint64 consumeTo) private returns (bool) {
        (uint64 index,,,) = canonicalTransactionChain.head();
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        return tryCall(
            SEQUENCER,
            abi.encodeCall(ICanonicalTransactionChain.appendBatch, (index, consumeTo, origin, blockhash(origin), ""))
        );
    }

    function tryCall(address caller, bytes memory input) private returns (bool success) {
        vm.prank(caller, caller);
        (success,) = address(canonicalTransactionChain).call(input);
    }

    function assertIsAt(OrderingModel model) private view {
        uint256 time = vm.getBlockTimestamp();
        OrderingModel.Stamp memory older = model.older();
        OrderingModel.Stamp memory newer = model.newer();
        assertStamps(older.end, older.time, newer.end, newer.time);
        (, uint64 consumed, uint64 lastBatchTime,) = canonicalTransactionChain.head();
        assertEq(consumed, model.consumed(), "consumed");
        assertEq(lastBatchTime, model.lastBatch(), "last batch");
        assertEq(canonicalTransactionChain.stampableAt() <= time, model.stampable(time), "stampable");
        assertEq(canonicalTransactionChain.forceableAt() <= time, model.forceable(time), "forceable");
        assertEq(canonicalTransactionChain.overdue(), model.overdue(time), "overdue");
        assertEq(leastOfBatch(), model.least(time), "least of a batch");
    }
}
