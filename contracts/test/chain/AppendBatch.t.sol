// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {Batch} from "../../src/types/Batch.sol";
import {OrderingTest} from "../support/OrderingTest.sol";

/// @notice What holds for a batch of the sequencer's wherever its data is.
abstract contract AppendTest is OrderingTest {
    /// @dev The call that appends the batch, by whoever is to make it.
    function call(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash) internal virtual;

    /// @dev What that call's data commits to.
    function commitmentToData() internal view virtual returns (bytes32);

    function test_ChainsRecords() public {
        bytes32 parent;
        for (uint64 i; i < 3; ++i) {
            deposit(USER, 1 ether);
            mine(2);
            Batch memory batch = recordOf(parent, i, i, commitmentToData());
            vm.expectEmit(address(canonicalTransactionChain));
            emit ICanonicalTransactionChain.BatchAppended(i, batch.hash(), batch);
            submit(i, i);

            parent = batch.hash();
            assertEq(canonicalTransactionChain.batchHash(i), parent);
            assertHead(i + 1, i);
        }
    }

    function testFuzz_RevertWhen_CallerIsNotSequencer(address caller) public {
        vm.assume(caller != SEQUENCER && caller != proxyAdminOf(address(canonicalTransactionChain)));
        expectNotSequencer(caller, SEQUENCER);
        submitAs(caller, caller);
    }

    function test_RevertWhen_SequencerCallsThroughContract() public {
        // `msg.sender` of an internal transaction of somebody else's: only an EIP-7702 account could be in this place.
        expectNotPlainAccount(SEQUENCER);
        submitAs(SEQUENCER, USER);
    }

    function test_RevertWhen_SequencerIsContract() public {
        vm.etch(SEQUENCER, hex"00");
        expectNotPlainAccount(SEQUENCER);
        submitAs(SEQUENCER, SEQUENCER);
    }

    function test_RevertWhen_SequencerIsDelegated() public {
        // Its code could call itself with other data than is in the transaction.
        vm.etch(SEQUENCER, abi.encodePacked(hex"ef0100", USER));
        expectNotPlainAccount(SEQUENCER);
        submitAs(SEQUENCER, SEQUENCER);
    }

    function testFuzz_RevertWhen_IndexIsAnother(uint64 index) public {
        submit(0, 0);
        vm.assume(index != 1);
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.BatchIndexMismatch.selector, index, 1));
        submit(index, 0);
    }

    function testFuzz_RevertWhen_ConsumptionIsOutOfRange(uint64 consumeTo) public {
        for (uint256 i; i < 5; ++i) {
            deposit(USER, 1 ether);
        }
        submit(0, 2 * MESSAGE);
        vm.assume(consumeTo < 2 * MESSAGE || consumeTo > 5 * MESSAGE);
        expectOutOfRange(consumeTo, 2 * MESSAGE, 5 * MESSAGE);
        submit(1, consumeTo);
    }

    /// What a batch consumes it executes, so it cannot consume any amount.
    function test_RevertWhen_ConsumptionIsMoreThanABatchExecutes() public {
        flood(2 * BATCH);
        expectOutOfRange(BATCH + 1, 0, BATCH);
        submit(0, BATCH + 1);
        // Within a message: it is ordered once all of it is.
        submit(0, BATCH);
        expectOutOfRange(2 * BATCH + 1, BATCH, 2 * BATCH);
        submit(1, 2 * BATCH + 1);
        submit(1, 2 * BATCH);
    }

    function testFuzz_RevertWhen_OriginIsOutOfRange(uint64 origin) public {
        mine(10);
        submit(0, 0);
        uint64 last = uint64(vm.getBlockNumber() - 1);
        mine(10);
        vm.assume(origin < last || origin >= vm.getBlockNumber());
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.OriginOutOfRange.selector, origin, last, vm.getBlockNumber() - 1
            )
        );
        submitWithOrigin(1, origin, blockhash(origin));
    }

    function test_SameOriginAgain() public {
        submit(0, 0);
        submit(1, 0);
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
        submitWithOrigin(0, origin, originHash);
    }

    function test_RevertWhen_OriginIsTooOldToKnow() public {
        // Nobody knows its hash any more; zero is not its hash.
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.OriginHashMismatch.selector, 0, 0));
        submitWithOrigin(0, uint64(vm.getBlockNumber() - 257), 0);
    }

    function test_OriginFromHistory() public {
        // EIP-2935: the code that the fork deployed; the ring buffer's slot is written as its system call would.
        vm.etch(
            Blockhash.HISTORY_STORAGE_ADDRESS,
            hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
        );
        uint64 origin = uint64(vm.getBlockNumber() - 8191);
        bytes32 originHash = keccak256("origin");
        vm.store(Blockhash.HISTORY_STORAGE_ADDRESS, bytes32(uint256(origin % 8191)), originHash);
        submitWithOrigin(0, origin, originHash);

        // One more block, and the slot is another's.
        mine(1);
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.OriginHashMismatch.selector, originHash, 0));
        submitWithOrigin(1, origin, originHash);
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
        submitWithOrigin(0, origin, originHash);
    }

    // ---------------------------------------------------------------------------------------------- helpers

    function submit(uint64 index, uint64 consumeTo) internal {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.prank(SEQUENCER, SEQUENCER);
        call(index, consumeTo, origin, blockhash(origin));
    }

    function expectNotPlainAccount(address received) private {
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.NotPlainAccount.selector, received));
    }

    function submitWithOrigin(uint64 index, uint64 originNumber, bytes32 originHash) private {
        vm.prank(SEQUENCER, SEQUENCER);
        call(index, 0, originNumber, originHash);
    }

    function submitAs(address caller, address origin) private {
        uint64 originNumber = uint64(vm.getBlockNumber() - 1);
        vm.prank(caller, origin);
        call(0, 0, originNumber, blockhash(originNumber));
    }

    /// @dev The first batch is in the present block, has this data and consumes nothing.
    function assertAppended(bytes32 dataCommitment) internal view {
        assertEq(canonicalTransactionChain.batchHash(0), recordOf(0, 0, 0, dataCommitment).hash());
    }

    /// @dev What was appended in the present block comes last.
    function assertHead(uint64 count, uint64 consumedTo) private view {
        (uint64 batchCount, uint64 consumed, uint64 lastBatchTime, uint64 originNumber) =
            canonicalTransactionChain.head();
        assertEq(batchCount, count);
        assertEq(consumed, consumedTo);
        assertEq(lastBatchTime, vm.getBlockTimestamp());
        assertEq(originNumber, vm.getBlockNumber() - 1);
    }

    /// @dev A batch that is appended in the present block.
    function recordOf(bytes32 parent, uint64 index, uint64 consumedTo, bytes32 dataCommitment)
        private
        view
        returns (Batch memory batch)
    {
        batch.parent = parent;
        batch.index = index;
        batch.l1Time = uint64(vm.getBlockTimestamp());
        batch.l1Block = uint64(vm.getBlockNumber());
        batch.originNumber = batch.l1Block - 1;
        batch.originHash = blockhash(batch.originNumber);
        batch.dataCommitment = dataCommitment;
        (batch.queueHash,, batch.queueGas) = bridge.queue();
        batch.consumedTo = consumedTo;
    }
}

contract AppendBatchTest is AppendTest {
    function call(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash) internal override {
        canonicalTransactionChain.appendBatch(index, consumeTo, originNumber, originHash, "batch");
    }

    function commitmentToData() internal pure override returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0), uint64(5), keccak256("batch")));
    }

    /// Any bytes are a batch: what they mean is for derivation to say, which is total.
    function testFuzz_TakesGarbage(bytes calldata data) public {
        vm.assume(data.length < 4096);
        append(0, 0, data);
        assertAppended(keccak256(abi.encodePacked(bytes1(0), uint64(data.length), hashOfChunk(data))));
    }

    function test_TakesNoData() public {
        append(0, 0, "");
        assertAppended(keccak256(hex"000000000000000000"));
    }

    /// Blobs of the same transaction are not the batch's.
    function test_IgnoresBlobs() public {
        vm.blobhashes(makeVersionedHashes(2, 0));
        append(0, 0, "batch");
        assertAppended(commitmentToData());
    }

    function test_LongestData() public {
        append(0, 0, new bytes(120_000));
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.BatchDataTooLong.selector, 120_001, 120_000));
        append(1, 0, new bytes(120_001));
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

    /// @dev No data has no chunk.
    function hashOfChunk(bytes calldata data) private pure returns (bytes memory) {
        return data.length == 0 ? bytes("") : abi.encodePacked(keccak256(data));
    }
}

contract AppendBlobBatchTest is AppendTest {
    uint256 private blobs = 2;
    uint256 private constant SEED = 7;

    function call(uint64 index, uint64 consumeTo, uint64 originNumber, bytes32 originHash) internal override {
        vm.blobhashes(makeVersionedHashes(blobs, SEED));
        canonicalTransactionChain.appendBlobBatch(index, consumeTo, originNumber, originHash);
    }

    function commitmentToData() internal view override returns (bytes32) {
        return keccak256(abi.encodePacked(hex"01", makeVersionedHashes(blobs, SEED)));
    }

    function test_RevertWhen_ThereAreNoBlobs() public {
        blobs = 0;
        vm.expectRevert(ICanonicalTransactionChain.NoBlobs.selector);
        submit(0, 0);
    }

    /// All blobs of the transaction, in order, however many L1 comes to allow.
    function testFuzz_CommitsToAllBlobs(uint256 count) public {
        blobs = bound(count, 1, 128);
        submit(0, 0);
        assertAppended(commitmentToData());
    }

    function test_MixesWithCalldata() public {
        append(0, 0, "batch");
        submit(1, 0);
        append(2, 0, "batch");
        (uint64 batchCount,,,) = canonicalTransactionChain.head();
        assertEq(batchCount, 3);
    }
}
