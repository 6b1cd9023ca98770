// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {Batch} from "../../src/types/Batch.sol";
import {ChainTest} from "../support/ChainTest.sol";

contract CanonicalTransactionChainTest is ChainTest {
    address private immutable USER = makeAddr("user");
    uint256 private initializedAt;

    function setUp() public override {
        super.setUp();
        initializedAt = vm.getBlockTimestamp();
        mine(1);
    }

    // ------------------------------------------------------------------------------------------------ start

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

    // ------------------------------------------------------------------------------------------ appendBatch

    function test_AppendBatch_ChainsRecords() public {
        bytes32 parent;
        for (uint64 i; i < 3; ++i) {
            deposit(USER, 1 ether);
            mine(2);
            (bytes32 queueHash, uint64 queueCount) = bridge.queue();
            Batch memory batch = Batch({
                parent: parent,
                index: i,
                l1Time: uint64(vm.getBlockTimestamp()),
                l1Block: uint64(vm.getBlockNumber()),
                originNumber: uint64(vm.getBlockNumber() - 1),
                originHash: blockhash(vm.getBlockNumber() - 1),
                dataCommitment: keccak256(abi.encodePacked(bytes1(0), uint64(5), keccak256("batch"))),
                queueHash: queueHash,
                queueCount: queueCount,
                consumedTo: queueCount - 1
            });
            vm.expectEmit(address(canonicalTransactionChain));
            emit ICanonicalTransactionChain.BatchAppended(i, batch.hash(), batch);
            append(i, queueCount - 1, "batch");

            parent = batch.hash();
            assertEq(canonicalTransactionChain.batchHash(i), parent);
            (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber) =
                canonicalTransactionChain.head();
            assertEq(batchCount, i + 1);
            assertEq(consumed, queueCount - 1);
            assertEq(lastBatchTime, vm.getBlockTimestamp());
            assertEq(originNumber, vm.getBlockNumber() - 1);
        }
    }

    function test_AppendBatch_LongestData() public {
        append(0, 0, new bytes(120_000));
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.BatchDataTooLong.selector, 120_001, 120_000));
        append(1, 0, new bytes(120_001));
    }

    function testFuzz_RevertWhen_CallerIsNotSequencer(address caller) public {
        vm.assume(caller != SEQUENCER && caller != proxyAdminOf(address(canonicalTransactionChain)));
        expectNotSequencer(caller, SEQUENCER);
        appendAs(caller, caller);
    }

    function test_RevertWhen_SequencerCallsThroughContract() public {
        // `msg.sender` of an internal transaction of somebody else's: only an EIP-7702 account could be in this place.
        expectNotSequencer(SEQUENCER, SEQUENCER);
        appendAs(SEQUENCER, USER);
    }

    function test_RevertWhen_SequencerIsContract() public {
        vm.etch(SEQUENCER, hex"00");
        expectNotSequencer(SEQUENCER, SEQUENCER);
        appendAs(SEQUENCER, SEQUENCER);
    }

    function test_RevertWhen_SequencerIsDelegated() public {
        // Its code could call itself with other data than is in the transaction.
        vm.etch(SEQUENCER, abi.encodePacked(hex"ef0100", USER));
        expectNotSequencer(SEQUENCER, SEQUENCER);
        appendAs(SEQUENCER, SEQUENCER);
    }

    function test_RevertWhen_DataIsMisplaced() public {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        // An unused word before the data: valid, but not where a simple node would look.
        bytes memory input = abi.encodePacked(
            canonicalTransactionChain.appendBatch.selector,
            abi.encode(0, 0, origin, blockhash(origin), 6 * 32, 0, 32, keccak256("data"))
        );
        vm.prank(SEQUENCER, SEQUENCER);
        (bool success, bytes memory reason) = address(canonicalTransactionChain).call(input);
        assertFalse(success);
        assertEq(
            reason,
            abi.encodeWithSelector(ICanonicalTransactionChain.BatchDataMisplaced.selector, 4 + 7 * 32, 4 + 6 * 32)
        );
    }

    function testFuzz_RevertWhen_IndexIsAnother(uint64 index) public {
        append(0, 0, "");
        vm.assume(index != 1);
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.BatchIndexMismatch.selector, index, 1));
        append(index, 0, "");
    }

    function testFuzz_RevertWhen_ConsumptionIsOutOfRange(uint64 consumeTo) public {
        for (uint256 i; i < 5; ++i) {
            deposit(USER, 1 ether);
        }
        append(0, 2, "");
        vm.assume(consumeTo < 2 || consumeTo > 5);
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalTransactionChain.ConsumptionOutOfRange.selector, consumeTo, 2, 5)
        );
        append(1, consumeTo, "");
    }

    function testFuzz_RevertWhen_OriginIsOutOfRange(uint64 origin) public {
        mine(10);
        append(0, 0, "");
        uint64 last = uint64(vm.getBlockNumber() - 1);
        mine(10);
        vm.assume(origin < last || origin >= vm.getBlockNumber());
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.OriginOutOfRange.selector, origin, last, vm.getBlockNumber() - 1
            )
        );
        appendWithOrigin(1, origin, blockhash(origin));
    }

    function test_AppendBatch_SameOriginAgain() public {
        append(0, 0, "");
        append(1, 0, "");
        (uint64 batchCount,,, uint64 originNumber) = canonicalTransactionChain.head();
        assertEq(batchCount, 2);
        assertEq(originNumber, vm.getBlockNumber() - 1);
    }

    function testFuzz_RevertWhen_OriginHashIsAnother(bytes32 originHash) public {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        bytes32 known = blockhash(origin);
        vm.assume(originHash != known);
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalTransactionChain.OriginHashMismatch.selector, originHash, known)
        );
        appendWithOrigin(0, origin, originHash);
    }

    function test_RevertWhen_OriginIsTooOldToKnow() public {
        // Nobody knows its hash any more; zero is not its hash.
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.OriginHashMismatch.selector, 0, 0));
        appendWithOrigin(0, uint64(vm.getBlockNumber() - 257), 0);
    }

    function test_AppendBatch_OriginFromHistory() public {
        // EIP-2935: the code that the fork deployed; the ring buffer's slot is written as its system call would.
        vm.etch(
            Blockhash.HISTORY_STORAGE_ADDRESS,
            hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
        );
        uint64 origin = uint64(vm.getBlockNumber() - 8191);
        bytes32 originHash = keccak256("origin");
        vm.store(Blockhash.HISTORY_STORAGE_ADDRESS, bytes32(uint256(origin % 8191)), originHash);
        appendWithOrigin(0, origin, originHash);

        // One more block, and the slot is another's.
        mine(1);
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.OriginHashMismatch.selector, originHash, 0));
        appendWithOrigin(1, origin, originHash);
    }

    function test_RevertWhen_L1Reorganised() public {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        bytes32 originHash = blockhash(origin);
        vm.setBlockhash(origin, keccak256("another block"));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.OriginHashMismatch.selector, originHash, keccak256("another block")
            )
        );
        appendWithOrigin(0, origin, originHash);
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

    // ----------------------------------------------------------------------------------------------- stamps

    function test_Stamp_ByAnyoneOnTime() public {
        deposit(USER, 1 ether);
        vm.warp(initializedAt + FORCE_DELAY);
        vm.expectEmit(address(canonicalTransactionChain));
        emit ICanonicalTransactionChain.QueueStamped(1, uint64(vm.getBlockTimestamp()));
        vm.prank(STRANGER);
        canonicalTransactionChain.stamp();
        assertStamps(0, initializedAt, 1, vm.getBlockTimestamp());
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
        assertStamps(0, initializedAt, 1, initializedAt + FORCE_DELAY);
    }

    function test_RevertWhen_BatchLeavesOverdueMessages() public {
        (uint256 stampedAt,) = stampTwoMessages();
        vm.warp(stampedAt + FORCE_DELAY - 1);
        assertEq(canonicalTransactionChain.overdue(), 0);
        append(0, 0, "");

        vm.warp(stampedAt + FORCE_DELAY);
        assertEq(canonicalTransactionChain.overdue(), 2);
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.ConsumptionOutOfRange.selector, 1, 2, 3));
        append(1, 1, "");
        append(1, 2, "");
        // The batch took a stamp: what was overdue still is, and it did not fall due anew.
        assertEq(canonicalTransactionChain.overdue(), 2);
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
        (bytes32 queueHash,) = bridge.queue();
        Batch memory batch = Batch({
            parent: 0,
            index: 0,
            l1Time: uint64(vm.getBlockTimestamp()),
            l1Block: uint64(vm.getBlockNumber()),
            originNumber: uint64(vm.getBlockNumber() - 1),
            originHash: blockhash(vm.getBlockNumber() - 1),
            dataCommitment: keccak256(hex"000000000000000000"),
            queueHash: queueHash,
            queueCount: 2,
            consumedTo: 2
        });
        vm.expectEmit(address(canonicalTransactionChain));
        emit ICanonicalTransactionChain.BatchAppended(0, batch.hash(), batch);
        // By a contract too: there is no data that a node must find.
        canonicalTransactionChain.forceInclude();

        assertEq(canonicalTransactionChain.batchHash(0), batch.hash());
        (uint64 batchCount, uint64 consumed,,) = canonicalTransactionChain.head();
        assertEq(batchCount, 1);
        assertEq(consumed, 2);
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
        assertEq(consumed, 3);
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

    function test_ForceInclude_CostsTheSameForAnyBacklog() public {
        deposit(USER, 1);
        uint256 beforehand = vm.snapshotState();
        mine(300);
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.forceInclude();
        uint256 one = vm.lastCallGas().gasTotalUsed;

        assertTrue(vm.revertToState(beforehand));
        for (uint256 i; i < 300; ++i) {
            mine(1);
            deposit(USER, 1);
        }
        vm.warp(initializedAt + FORCE_DELAY);
        canonicalTransactionChain.forceInclude();
        assertEq(vm.lastCallGas().gasTotalUsed, one);
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        assertEq(consumed, 301);
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
        append(0, 1, "");
        append(1, 1, "");
    }

    /// Whatever happened before: forcing works from `forceableAt` on, and not a second sooner.
    function testFuzz_ForceInclude_ExactlyWhenForceable(uint256 seed) public {
        for (uint256 i; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(vm.getBlockTimestamp() + (seed >> 8) % (FORCE_DELAY / 2));
            vm.roll(vm.getBlockNumber() + 1);
            if (seed % 4 == 0) deposit(USER, 1);
            (uint64 index, uint64 consumed,,) = canonicalTransactionChain.head();
            if (seed % 4 == 1) append(index, uint64(Math.max(consumed, canonicalTransactionChain.overdue())), "");
            (,,, uint64 newerTime) = canonicalTransactionChain.stamps();
            if (seed % 4 == 2 && vm.getBlockTimestamp() >= newerTime + FORCE_DELAY) canonicalTransactionChain.stamp();
        }
        uint256 from = canonicalTransactionChain.forceableAt();
        if (from == type(uint256).max) return;
        if (from > vm.getBlockTimestamp()) {
            vm.warp(from - 1);
            vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.NothingToForce.selector, from - 1, from));
            canonicalTransactionChain.forceInclude();
            vm.warp(from);
        }
        canonicalTransactionChain.forceInclude();
        (, uint64 ordered,,) = canonicalTransactionChain.head();
        (, uint64 queueCount) = bridge.queue();
        assertEq(ordered, queueCount);
    }

    // ---------------------------------------------------------------------------------------- setSequencer

    function test_SetSequencer() public {
        vm.expectEmit(address(canonicalTransactionChain));
        emit ICanonicalTransactionChain.SequencerChanged(SEQUENCER, USER);
        vm.prank(address(timelock));
        canonicalTransactionChain.setSequencer(USER);
        assertEq(canonicalTransactionChain.sequencer(), USER);

        expectNotSequencer(SEQUENCER, USER);
        append(0, 0, "");
        appendAs(USER, USER);
    }

    function test_SetSequencer_KeepsStamp() public {
        (uint256 stampedAt,) = stampTwoMessages();
        vm.prank(address(timelock));
        canonicalTransactionChain.setSequencer(USER);
        assertStamps(0, initializedAt, 2, stampedAt);
    }

    function testFuzz_RevertWhen_CallerIsNotGovernance(address caller) public {
        vm.assume(caller != address(timelock) && caller != proxyAdminOf(address(canonicalTransactionChain)));
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalTransactionChain.NotGovernance.selector, caller, address(timelock))
        );
        vm.prank(caller);
        canonicalTransactionChain.setSequencer(caller);
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

    function append(uint64 index, uint64 consumeTo, bytes memory data) private {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBatch(index, consumeTo, origin, blockhash(origin), data);
    }

    function appendWithOrigin(uint64 index, uint64 originNumber, bytes32 originHash) private {
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBatch(index, 0, originNumber, originHash, "");
    }

    function appendAs(address caller, address origin) private {
        vm.prank(caller, origin);
        canonicalTransactionChain.appendBatch(
            0, 0, uint64(vm.getBlockNumber() - 1), blockhash(vm.getBlockNumber() - 1), ""
        );
    }

    function expectNotSequencer(address received, address expected) private {
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.NotSequencer.selector, received, expected));
    }

    function assertStamps(uint64 olderCount, uint256 olderTime, uint64 newerCount, uint256 newerTime) private view {
        (uint64 count, uint64 time, uint64 nextCount, uint64 nextTime) = canonicalTransactionChain.stamps();
        assertEq(count, olderCount);
        assertEq(time, olderTime);
        assertEq(nextCount, newerCount);
        assertEq(nextTime, newerTime);
    }
}
