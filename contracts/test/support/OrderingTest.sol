// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {Limits} from "../../src/libraries/Limits.sol";
import {ChainTest} from "./ChainTest.sol";

/// @notice Steps of those who order L2 inputs.
abstract contract OrderingTest is ChainTest {
    address internal immutable USER = makeAddr("user");
    /// What the smallest message buys, and so the place of the first one's end.
    uint64 internal constant MESSAGE = 21_000;
    uint64 internal constant LARGEST = Limits.MAX_QUEUED_GAS_LIMIT;
    uint64 internal constant BATCH = Limits.BATCH_MESSAGE_GAS;
    uint64 internal constant FORCED = Limits.FORCED_MESSAGE_GAS;

    uint256 internal initializedAt;

    function setUp() public virtual override {
        super.setUp();
        initializedAt = vm.getBlockTimestamp();
        mine(1);
    }

    /// @notice A message that buys so much L2 gas, in an L1 block of its own, so that there is always gas to buy.
    /// @return place Where it ends in the queue.
    function send(uint64 gasLimit) internal returns (uint64 place) {
        vm.roll(vm.getBlockNumber() + 1);
        uint256 fee = bridge.quote(gasLimit);
        hoax(USER, USER, fee);
        bridge.sendToL2{value: fee}(USER, 0, gasLimit, fee, "");
        (,, place) = bridge.queue();
    }

    /// @notice Many messages, the largest that there are.
    function flood(uint64 gas) internal {
        for (; gas > LARGEST; gas -= LARGEST) {
            send(LARGEST);
        }
        send(gas);
    }

    /// @notice The sequencer's next batch, which consumes as little as it may.
    function appendLeast() internal {
        (uint64 index,,,) = canonicalTransactionChain.head();
        append(index, leastOfBatch(), "");
    }

    /// @notice How far the sequencer's next batch must consume.
    function leastOfBatch() internal view returns (uint64) {
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        uint256 least = Math.min(canonicalTransactionChain.overdue(), consumed + BATCH);
        return uint64(Math.max(consumed, least));
    }

    /// @notice How far it may.
    function mostOfBatch() internal view returns (uint64) {
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        (,, uint64 queueGas) = bridge.queue();
        return uint64(Math.min(queueGas, consumed + BATCH));
    }

    /// @notice A batch of the sequencer's, in calldata.
    function append(uint64 index, uint64 consumeTo, bytes memory data) internal {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBatch(index, consumeTo, origin, blockhash(origin), data);
    }

    /// @notice A batch of the sequencer's, in a blob.
    function appendBlobs(uint64 index, uint64 consumeTo) internal {
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.blobhashes(makeVersionedHashes(1, index));
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBlobBatch(index, consumeTo, origin, blockhash(origin));
    }

    /// @notice As of so many blobs.
    function makeVersionedHashes(uint256 count, uint256 seed) internal pure returns (bytes32[] memory versionedHashes) {
        versionedHashes = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            versionedHashes[i] = bytes32(uint256(keccak256(abi.encode(seed, i))) >> 8 | 1 << 248);
        }
    }

    function expectNotSequencer(address received, address expected) internal {
        vm.expectRevert(abi.encodeWithSelector(ICanonicalTransactionChain.NotSequencer.selector, received, expected));
    }

    function expectOutOfRange(uint64 received, uint64 minimum, uint64 maximum) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalTransactionChain.ConsumptionOutOfRange.selector, received, minimum, maximum
            )
        );
    }

    function assertStamps(uint256 olderGas, uint256 olderTime, uint256 newerGas, uint256 newerTime) internal view {
        (uint64 gas, uint64 time, uint64 nextGas, uint64 nextTime) = canonicalTransactionChain.stamps();
        assertEq(gas, olderGas);
        assertEq(time, olderTime);
        assertEq(nextGas, newerGas);
        assertEq(nextTime, newerTime);
    }
}
