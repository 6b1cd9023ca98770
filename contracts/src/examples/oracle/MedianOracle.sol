// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {IOutbox} from "../../l2/IOutbox.sol";
import {Predeploys} from "../../libraries/Predeploys.sol";
import {IMedianOracle} from "./IMedianOracle.sol";
import {IOracleFeed} from "./IOracleFeed.sol";

/// @title An oracle on L2
/// @notice The median of what some reporters report, sent to an `OracleFeed` on L1. Reports are cheap here, and L1 need not see them.
/// @dev Trust: that most of those who report are honest, in every set of `QUORUM` of them: then the median lies between two honest
/// values. The sequencer can keep a report back, and include it later as if it were new, or never; not one that is sent through L1. Where
/// that matters, let `report` take the time until which the value may be used.
///
/// A round is as old as its oldest report. Anyone may publish, at any time, also again with the same reports: that costs L2 gas, and L1
/// nothing.
///
/// To change in a copy: what is computed. Keep the numbers of the rounds, by which the feed knows the newer one.
contract MedianOracle is IMedianOracle {
    /// What a reporter said last.
    struct Report {
        uint192 value;
        /// L2 seconds; zero if it never did.
        uint64 time;
    }

    /// L1 gas that the feed is promised.
    uint64 private constant RECORD_GAS = 100_000;

    /// @inheritdoc IMedianOracle
    address public immutable FEED;
    /// @inheritdoc IMedianOracle
    uint256 public immutable QUORUM;
    /// @inheritdoc IMedianOracle
    uint256 public immutable MAX_REPORT_AGE;

    /// @inheritdoc IMedianOracle
    uint80 public latestRound;
    address[] private _reporters;
    mapping(address reporter => bool) private _isReporter;
    mapping(address reporter => Report) private _reports;

    /// @param feed The `OracleFeed` on L1.
    /// @param reporters Who reports; few enough to be looked at in one transaction.
    /// @param quorum So many reports make a round.
    /// @param maxReportAge How old a report may be to count, in L2 seconds.
    constructor(address feed, address[] memory reporters, uint256 quorum, uint256 maxReportAge) {
        if (quorum == 0 || quorum > reporters.length) revert InvalidQuorum(quorum, reporters.length);
        FEED = feed;
        QUORUM = quorum;
        MAX_REPORT_AGE = maxReportAge;
        _reporters = reporters;
        for (uint256 i; i < reporters.length; ++i) {
            if (_isReporter[reporters[i]]) revert DuplicateReporter(reporters[i]);
            _isReporter[reporters[i]] = true;
        }
    }

    /// @inheritdoc IMedianOracle
    function report(uint192 value) external {
        if (!_isReporter[msg.sender]) revert NotReporter(msg.sender);
        _reports[msg.sender] = Report(value, uint64(block.timestamp));
        emit Reported(msg.sender, value);
    }

    /// @inheritdoc IMedianOracle
    function publish() external returns (uint64 index) {
        (uint192 answer, uint64 observedAt) = _median();
        uint80 roundId = ++latestRound;
        bytes memory message = abi.encodeCall(IOracleFeed.record, (roundId, answer, observedAt));
        // A predeploy, trusted.
        index = IOutbox(Predeploys.OUTBOX).send(FEED, RECORD_GAS, message);
        emit RoundPublished(roundId, answer, observedAt, index);
    }

    /// @dev The median of the young reports, the lower one of two, and the time of the oldest of them.
    function _median() private view returns (uint192 answer, uint64 observedAt) {
        uint256[] memory values = new uint256[](_reporters.length);
        uint256 count;
        observedAt = type(uint64).max;
        for (uint256 i; i < values.length; ++i) {
            Report memory last = _reports[_reporters[i]];
            if (last.time == 0 || block.timestamp - last.time > MAX_REPORT_AGE) continue;
            values[count++] = last.value;
            if (last.time < observedAt) observedAt = last.time;
        }
        if (count < QUORUM) revert NotEnoughReports(count, QUORUM);
        values = Arrays.sort(Arrays.slice(values, 0, count));
        // forge-lint: disable-next-line(unsafe-typecast) one of the values
        answer = uint192(values[(count - 1) / 2]);
    }
}
