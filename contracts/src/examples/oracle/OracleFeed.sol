// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../../bridge/IBridge.sol";
import {FromL2} from "../FromL2.sol";
import {IOracleFeed} from "./IOracleFeed.sol";

/// @title A value of L2, on L1
/// @notice For what changes slowly: an exchange rate of a staked asset, a net asset value, an index, a risk parameter. Every value is
/// older than the challenge window when it arrives, by days in practice: never take a market price from here.
/// @dev A value's age counts from when it was reported on L2, not from when it arrived. `MAX_AGE` must be longer than the challenge window,
/// the time between two rounds and the time until somebody relays, together, or every read reverts. L2's time is never ahead of L1's, so a
/// value is not older than it seems by that.
///
/// - A round never arrives: the one before it is served until `MAX_AGE`, then reads revert. A reader must bear that.
/// - Rounds arrive in another order: the one with the highest number is the latest. An older one fills its place in the history.
/// - A round arrives late: it counts by its number and its age, as if it had come in time.
/// - A round arrives twice: it says the same.
///
/// So who executes messages can choose when a round arrives, among those of the last `MAX_AGE`, until somebody executes a newer one:
/// whoever relies on a feed should see to it that somebody does.
///
/// Trust: what `FromL2` says, `L2_SENDER` being the `MedianOracle`, and whom that trusts.
///
/// To change in a copy: `MAX_AGE`; bounds for the answer, if you know some; negative answers, which this feed does not have.
///
/// Storage, a row for a slot, its high end first, sizes in bits:
///
///     0 | description 256
///     1 | unused 176 | latest round 80
///     2 | mapping: round => observed at 64 | answer 192
contract OracleFeed is IOracleFeed, FromL2 {
    /// A round, in one slot.
    struct Round {
        uint192 answer;
        /// Zero if it did not arrive.
        uint64 observedAt;
    }

    /// @inheritdoc IOracleFeed
    uint256 public constant version = 1;
    /// @inheritdoc IOracleFeed
    uint256 public immutable MAX_AGE;
    /// @inheritdoc IOracleFeed
    uint8 public immutable decimals;
    /// @inheritdoc IOracleFeed
    string public description;

    uint80 private _latest;
    mapping(uint80 roundId => Round) private _rounds;

    /// @param bridge The bridge's proxy.
    /// @param oracle The oracle on L2.
    /// @param maxAge How old the latest round may be, in seconds; longer than the challenge window.
    /// @param decimals_ Decimals of the answer.
    /// @param description_ What the answer is.
    constructor(IBridge bridge, address oracle, uint256 maxAge, uint8 decimals_, string memory description_)
        FromL2(bridge, oracle)
    {
        MAX_AGE = maxAge;
        decimals = decimals_;
        description = description_;
    }

    /// @inheritdoc IOracleFeed
    function record(uint80 roundId, uint192 answer, uint64 observedAt) external onlyFromL2 {
        _rounds[roundId] = Round(answer, observedAt);
        if (roundId > _latest) _latest = roundId;
        emit RoundRecorded(roundId, answer, observedAt);
    }

    /// @inheritdoc IOracleFeed
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        uint80 roundId = _latest;
        Round memory round = _round(roundId);
        // No subtraction of what another chain says.
        if (block.timestamp > round.observedAt + MAX_AGE) {
            revert StaleRound(roundId, block.timestamp - round.observedAt, MAX_AGE);
        }
        return _data(roundId, round);
    }

    /// @inheritdoc IOracleFeed
    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _data(roundId, _round(roundId));
    }

    function _round(uint80 roundId) private view returns (Round memory round) {
        round = _rounds[roundId];
        if (round.observedAt == 0) revert UnknownRound(roundId);
    }

    function _data(uint80 roundId, Round memory round) private pure returns (uint80, int256, uint256, uint256, uint80) {
        return (roundId, int256(uint256(round.answer)), round.observedAt, round.observedAt, roundId);
    }
}
