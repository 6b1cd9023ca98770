// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// How a DAO decides. Times are in L2 seconds.
struct VotingRules {
    /// From a proposal to the begin of its vote: who holds how much is looked at then.
    uint48 delay;
    /// How long the vote lasts.
    uint32 period;
    /// How long after the vote's end the outcome can be scheduled on L1.
    uint32 validity;
    /// Votes of whoever may propose.
    uint256 threshold;
    /// Votes in favour or abstaining without which nothing passes.
    uint256 quorum;
}

/// @title What `L2Governor` has beyond OpenZeppelin's `IGovernor`
interface IL2Governor {
    /// A proposal that passed is on its way to L1, as this message of the outbox.
    event ProposalSent(uint256 indexed proposalId, uint64 indexed index);

    /// The proposal would not fit one message to L1, in bytes. Make it two.
    error ProposalTooLong(uint256 received, uint256 maximum);

    /// @notice Who schedules on L1 what passed here.
    function TIMELOCK_PROPOSER() external view returns (address);

    /// @notice How long after the vote's end the outcome can be scheduled on L1, in seconds.
    function VALIDITY() external view returns (uint32);
}
