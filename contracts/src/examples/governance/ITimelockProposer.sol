// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Where a decision of L2 arrives on L1
interface ITimelockProposer {
    /// A proposal of L2 waits in the timelock, as this operation.
    event ProposalScheduled(uint256 indexed proposalId, bytes32 indexed operation);

    /// The proposal came too late to count, in L1 seconds.
    error ProposalExpired(uint256 received, uint256 deadline);

    /// @notice What acts for the DAO on L1: holds its ETH and tokens, owns its contracts.
    function TIMELOCK() external view returns (TimelockController);

    /// @notice Schedules the calls of a proposal that passed on L2, to be executed together, by anyone, after the timelock's
    /// delay. Only by a message of the governor.
    /// @param proposalId The proposal; it is also the operation's salt.
    /// @param targets Whom to call.
    /// @param values ETH of each call, in wei, the timelock's or of whoever executes.
    /// @param payloads Calldata of each call.
    /// @param deadline Last L1 time, in seconds, at which this can be scheduled.
    function schedule(
        uint256 proposalId,
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        uint256 deadline
    ) external;
}
