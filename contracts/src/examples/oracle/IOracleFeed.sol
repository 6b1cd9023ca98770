// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A value of L2, on L1
/// @notice Read like a Chainlink feed (`AggregatorV3Interface`): same functions, same results, and a revert in place of a value that
/// is too old.
interface IOracleFeed {
    /// A round arrived. `observedAt` is in L2 seconds.
    event RoundRecorded(uint80 indexed roundId, uint256 answer, uint256 observedAt);

    /// No such round arrived, or none at all.
    error UnknownRound(uint80 received);
    /// The latest round that arrived is too old, in seconds.
    error StaleRound(uint80 roundId, uint256 age, uint256 maximum);

    /// @notice How old the latest round may be, in seconds.
    function MAX_AGE() external view returns (uint256);

    /// @notice Decimals of the answer.
    function decimals() external view returns (uint8);

    /// @notice What the answer is, as "ETH / USD".
    function description() external view returns (string memory);

    /// @notice Version of this interface.
    function version() external view returns (uint256);

    /// @notice The newest round that arrived, if it is not too old; reverts otherwise.
    /// @return roundId The round.
    /// @return answer Its value, never negative.
    /// @return startedAt Time of the oldest report that it is made of, in L2 seconds.
    /// @return updatedAt The same.
    /// @return answeredInRound The round.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice Any round that arrived, however old; reverts if it did not. Rounds can be missing, and arrive later.
    function getRoundData(uint80 roundId)
        external
        view
        returns (uint80, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice Records a round. Only by a message of the oracle on L2.
    /// @param roundId The round, later ones having higher numbers; not zero.
    /// @param answer Its value.
    /// @param observedAt Time of the oldest report that it is made of, in L2 seconds; not zero.
    function record(uint80 roundId, uint192 answer, uint64 observedAt) external;
}
