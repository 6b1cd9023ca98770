// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IBridge} from "../../bridge/IBridge.sol";
import {FromL2} from "../FromL2.sol";
import {ITimelockProposer} from "./ITimelockProposer.sol";

/// @title Where a decision of L2 arrives on L1
/// @notice The only proposer of a timelock that it creates. Give the timelock, not this contract, what the DAO is to own.
/// @dev Trust: what `FromL2` says, `L2_SENDER` being the `L2Governor`. Nobody has a role of the timelock but this contract
/// (propose), everybody (execute) and the timelock itself (change that). So the DAO can, by a proposal like any other, change
/// the delay, move to another governor (grant the proposer's role to its `TimelockProposer`, revoke this one's), or give
/// somebody the canceller's role. Without such a somebody, what passed on L2 will happen; the timelock's delay is for those
/// who want to leave before.
///
/// What can go wrong on the way here is listed at `L2Governor`.
///
/// To deploy: this one first, with the address that the governor will have; then the governor, with this one's.
contract TimelockProposer is ITimelockProposer, FromL2 {
    /// @inheritdoc ITimelockProposer
    TimelockController public immutable TIMELOCK;

    /// @param bridge The bridge's proxy.
    /// @param governor The `L2Governor` on L2.
    /// @param delay From scheduling to execution at the least, in L1 seconds.
    constructor(IBridge bridge, address governor, uint256 delay) FromL2(bridge, governor) {
        address[] memory proposers = new address[](1);
        proposers[0] = address(this);
        // The zero address stands for everybody; and there is no other admin than the timelock itself.
        TIMELOCK = new TimelockController(delay, proposers, new address[](1), address(0));
    }

    /// @inheritdoc ITimelockProposer
    function schedule(
        uint256 proposalId,
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        uint256 deadline
    ) external onlyFromL2 {
        if (block.timestamp > deadline) revert ProposalExpired(block.timestamp, deadline);
        bytes32 salt = bytes32(proposalId);
        emit ProposalScheduled(proposalId, TIMELOCK.hashOperationBatch(targets, values, payloads, 0, salt));
        // The timelock is trusted: this contract made it.
        TIMELOCK.scheduleBatch(targets, values, payloads, 0, salt, TIMELOCK.getMinDelay());
    }
}
