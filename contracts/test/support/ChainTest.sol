// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Commitment, hashCheckpoints} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {PosternTest} from "./PosternTest.sol";

/// @notice Steps that proposers take, on any parent, and whoever feeds the chain.
abstract contract ChainTest is PosternTest {
    /// @notice So many batches, each in a later block.
    function appendBatches(uint256 count) internal {
        for (uint256 i; i < count; ++i) {
            mine(1);
            appendBatch("");
        }
    }

    /// @notice The output roots after each batch since `parent`, the last being that of `output`.
    function checkpointsOf(bytes32 parent, Output memory output) internal view returns (bytes32[] memory checkpoints) {
        uint64 parentCount = stateCommitmentChain.batchCountOf(parent);
        checkpoints = new bytes32[](output.batchCount - parentCount);
        for (uint64 i = 1; i < checkpoints.length; ++i) {
            checkpoints[i - 1] = makeOutput(parentCount + i, 0).root();
        }
        checkpoints[checkpoints.length - 1] = output.root();
    }

    /// @notice What `proposer` commits to by proposing `output` on `parent`.
    function makeCommitment(address proposer, bytes32 parent, Output memory output)
        internal
        view
        returns (Commitment memory)
    {
        return Commitment({
            parent: parent,
            batchHash: canonicalTransactionChain.batchHash(output.batchCount - 1),
            batchCount: output.batchCount,
            outputRoot: output.root(),
            checkpointsHash: hashCheckpoints(checkpointsOf(parent, output)),
            proposer: proposer
        });
    }

    /// @notice Proposes `output` on `parent`, bond included.
    function proposeOn(address proposer, bytes32 parent, Output memory output)
        internal
        returns (Commitment memory commitment)
    {
        commitment = makeCommitment(proposer, parent, output);
        bytes32[] memory checkpoints = checkpointsOf(parent, output);
        vm.deal(proposer, proposer.balance + BOND);
        vm.prank(proposer);
        stateCommitmentChain.propose{value: BOND}(parent, commitment.batchHash, checkpoints);
    }

    /// @notice Sends ETH to the sender's own account on L2.
    function deposit(address sender, uint256 value) internal returns (uint64 index) {
        uint64 gasLimit = bridge.minimumGasLimit(0);
        uint256 fee = bridge.quote(gasLimit);
        vm.deal(sender, sender.balance + value + fee);
        vm.prank(sender, sender);
        return bridge.sendToL2{value: value + fee}(sender, value, gasLimit, fee, "");
    }
}
