// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title An oracle on L2
interface IMedianOracle {
    /// A reporter said what it sees.
    event Reported(address indexed reporter, uint256 value);
    /// A round is on its way to L1, as this message of the outbox.
    event RoundPublished(uint80 indexed roundId, uint256 answer, uint256 observedAt, uint64 indexed index);

    /// Not one of the reporters.
    error NotReporter(address received);
    /// Two places of the list are for the same reporter, whose word would count twice.
    error DuplicateReporter(address received);
    /// A quorum of none, or of more than there are.
    error InvalidQuorum(uint256 received, uint256 maximum);
    /// Too few reports are young enough.
    error NotEnoughReports(uint256 received, uint256 expected);

    /// @notice The feed on L1.
    function FEED() external view returns (address);

    /// @notice So many reports make a round.
    function QUORUM() external view returns (uint256);

    /// @notice How old a report may be to count, in L2 seconds.
    function MAX_REPORT_AGE() external view returns (uint256);

    /// @notice The last round that was published; they count from 1.
    function latestRound() external view returns (uint80);

    /// @notice Reports a value, in place of the caller's last one. Only for reporters.
    function report(uint192 value) external;

    /// @notice Makes a round of the young reports, and sends it to L1. By anyone.
    /// @return index Position of the message in the outbox.
    function publish() external returns (uint64 index);
}
