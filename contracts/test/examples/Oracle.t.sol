// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IMedianOracle} from "../../src/examples/oracle/IMedianOracle.sol";
import {IOracleFeed} from "../../src/examples/oracle/IOracleFeed.sol";
import {MedianOracle} from "../../src/examples/oracle/MedianOracle.sol";
import {OracleFeed} from "../../src/examples/oracle/OracleFeed.sol";
import {ExampleTest} from "./ExampleTest.sol";

contract OracleTest is ExampleTest {
    using SafeCast for int256;
    using SafeCast for uint256;

    uint256 private constant MAX_AGE = 21 days;
    uint256 private constant MAX_REPORT_AGE = 1 hours;
    uint256 private constant REPORTERS = 5;
    uint256 private constant QUORUM = 3;

    OracleFeed private feed;
    MedianOracle private oracle;
    address[] private reporters;

    function setUp() public override {
        super.setUp();
        for (uint256 i; i < REPORTERS; ++i) {
            reporters.push(makeAddr(string.concat("reporter ", vm.toString(i))));
        }
        bytes memory arguments = abi.encode(bridge, addressAfter(1), MAX_AGE, 8, "RATE");
        feed = OracleFeed(vm.deployCode("OracleFeed.sol:OracleFeed", arguments));
        oracle = deployOracle(reporters, QUORUM);
        assertEq(feed.L2_SENDER(), address(oracle));
    }

    function test_ServesTheMedianOfL2() public {
        vm.expectEmit(address(oracle));
        emit IMedianOracle.Reported(reporters[0], 103);
        report(0, 103);
        report(1, 99);
        report(2, 101);
        uint64 observedAt = uint64(vm.getBlockTimestamp());
        vm.expectEmit(address(oracle));
        emit IMedianOracle.RoundPublished(1, 101, observedAt, 0);
        oracle.publish();
        assertEq(oracle.latestRound(), 1);
        bytes32 commitment = publishSent();
        vm.expectEmit(address(feed));
        emit IOracleFeed.RoundRecorded(1, 101, observedAt);
        execute(0, commitment);
        assertLatest(1, 101, observedAt);
        assertEq(feed.decimals(), 8);
        assertEq(feed.description(), "RATE");
        assertEq(feed.version(), 1);
    }

    /// Whatever the order, the newest of those that arrived is the latest, and all of them are in the history.
    function testFuzz_AnOlderRoundNeverReplacesANewerOne(uint256 seed, uint256 count) public {
        count = bound(count, 2, 8);
        uint256 begin = vm.getBlockTimestamp();
        for (uint256 i = 1; i <= count; ++i) {
            vm.warp(begin + i);
            publishRound((1000 + i).toUint192());
        }
        bytes32 commitment = publishSent();
        uint256[] memory order = shuffled(count, seed);
        uint256 newest;
        for (uint256 i; i < count; ++i) {
            execute(order[i], commitment);
            if (order[i] + 1 > newest) newest = order[i] + 1;
            assertLatest(newest, 1000 + newest, begin + newest);
        }
        for (uint256 i = 1; i <= count; ++i) {
            (uint80 roundId, int256 answer,, uint256 updatedAt, uint80 answeredIn) = feed.getRoundData(i.toUint80());
            assertEq(roundId, i);
            assertEq(answer.toUint256(), 1000 + i);
            assertEq(updatedAt, begin + i);
            assertEq(answeredIn, i);
        }
    }

    function test_PromisedGasSuffices() public {
        publishRound(1);
        publishRound(2);
        assertTrue(executeWithPromisedGas(0));
        assertTrue(executeWithPromisedGas(1));
    }

    function test_RevertWhen_NothingArrived() public {
        publishRound(1);
        vm.expectRevert(abi.encodeWithSelector(IOracleFeed.UnknownRound.selector, 0));
        feed.latestRoundData();
        vm.expectRevert(abi.encodeWithSelector(IOracleFeed.UnknownRound.selector, 1));
        feed.getRoundData(1);
    }

    function test_RevertWhen_TheLatestRoundIsTooOld() public {
        publishRound(7);
        uint256 observedAt = vm.getBlockTimestamp();
        claim(0);
        vm.warp(observedAt + MAX_AGE);
        assertLatest(1, 7, observedAt);
        vm.warp(observedAt + MAX_AGE + 1);
        vm.expectRevert(abi.encodeWithSelector(IOracleFeed.StaleRound.selector, 1, MAX_AGE + 1, MAX_AGE));
        feed.latestRoundData();
        (, int256 answer,,,) = feed.getRoundData(1);
        assertEq(answer, 7, "the history stays");
    }

    /// L2 counts on whatever has arrived.
    function test_RoundsAreNumberedOnL2() public {
        assertEq(oracle.latestRound(), 0);
        publishRound(1);
        publishRound(2);
        uint256 observedAt = vm.getBlockTimestamp();
        assertEq(oracle.latestRound(), 2);
        claim(0);
        assertLatest(1, 1, observedAt);
        assertEq(oracle.latestRound(), 2);
    }

    /// Its age is that of the value, not of its arrival.
    function test_RevertWhen_TheLatestRoundArrivesTooLate() public {
        publishRound(7);
        uint256 observedAt = vm.getBlockTimestamp();
        bytes32 commitment = publishSent();
        vm.warp(observedAt + MAX_AGE + 5);
        execute(0, commitment);
        vm.expectRevert(abi.encodeWithSelector(IOracleFeed.StaleRound.selector, 1, MAX_AGE + 5, MAX_AGE));
        feed.latestRoundData();
    }

    /// An old round that arrives when the newest is stale does not make it fresh, nor takes its place.
    function test_RevertWhen_AnOlderRoundArrivesAfterAStaleOne() public {
        publishRound(1);
        publishRound(2);
        uint256 observedAt = vm.getBlockTimestamp();
        bytes32 commitment = publishSent();
        execute(1, commitment);
        vm.warp(observedAt + MAX_AGE + 1);
        execute(0, commitment);
        vm.expectRevert(abi.encodeWithSelector(IOracleFeed.StaleRound.selector, 2, MAX_AGE + 1, MAX_AGE));
        feed.latestRoundData();
    }

    function test_ARoundThatArrivesTwiceSaysTheSame() public {
        publishRound(7);
        uint256 observedAt = vm.getBlockTimestamp();
        collect();
        sendAs(address(oracle), address(feed), sent[0].data);
        claim(1);
        claim(0);
        assertLatest(1, 7, observedAt);
    }

    function testFuzz_AnswersTheMedian(uint192[5] memory values, uint256 count) public {
        count = bound(count, QUORUM, REPORTERS);
        for (uint256 i; i < count; ++i) {
            report(i, values[i]);
        }
        oracle.publish();
        collect();
        uint256 answer = answerOf(0);
        uint256 below;
        uint256 above;
        for (uint256 i; i < count; ++i) {
            if (values[i] < answer) ++below;
            if (values[i] > answer) ++above;
        }
        assertLe(below, (count - 1) / 2);
        assertLe(above, count / 2);
        bool reported;
        for (uint256 i; i < count; ++i) {
            reported = reported || values[i] == answer;
        }
        assertTrue(reported);
    }

    function test_IsAsOldAsItsOldestReport() public {
        uint256 begin = vm.getBlockTimestamp();
        for (uint256 i; i < QUORUM; ++i) {
            vm.warp(begin + 10 * i);
            report(i, i.toUint192());
        }
        vm.warp(begin + MAX_REPORT_AGE);
        oracle.publish();
        claim(0);
        assertLatest(1, 1, begin);
    }

    function test_RevertWhen_TooFewReportsAreYoung() public {
        vm.expectRevert(abi.encodeWithSelector(IMedianOracle.NotEnoughReports.selector, 0, QUORUM));
        oracle.publish();
        uint256 begin = vm.getBlockTimestamp();
        report(0, 1);
        vm.warp(begin + 1);
        report(1, 1);
        report(2, 1);
        // Again by the same: it replaces its own.
        report(2, 2);
        vm.warp(begin + MAX_REPORT_AGE + 1);
        vm.expectRevert(abi.encodeWithSelector(IMedianOracle.NotEnoughReports.selector, 2, QUORUM));
        oracle.publish();
        assertEq(oracle.latestRound(), 0, "no number is used up");
        report(3, 1);
        oracle.publish();
        assertEq(oracle.latestRound(), 1);
    }

    function test_RevertWhen_AnotherRecords() public {
        assertOnlyFromL2(feed, abi.encodeCall(feed.record, (1, 7, uint64(vm.getBlockTimestamp()))));
    }

    function test_RevertWhen_CallerIsNoReporter() public {
        vm.expectRevert(abi.encodeWithSelector(IMedianOracle.NotReporter.selector, STRANGER));
        vm.prank(STRANGER);
        oracle.report(1);
    }

    function test_RevertWhen_TheQuorumMakesNoSense() public {
        vm.expectRevert(abi.encodeWithSelector(IMedianOracle.InvalidQuorum.selector, 0, REPORTERS));
        deployOracle(reporters, 0);
        vm.expectRevert(abi.encodeWithSelector(IMedianOracle.InvalidQuorum.selector, REPORTERS + 1, REPORTERS));
        deployOracle(reporters, REPORTERS + 1);
        assertEq(deployOracle(reporters, REPORTERS).QUORUM(), REPORTERS);
    }

    function test_RevertWhen_AReporterIsNamedTwice() public {
        reporters[4] = reporters[1];
        vm.expectRevert(abi.encodeWithSelector(IMedianOracle.DuplicateReporter.selector, reporters[1]));
        deployOracle(reporters, QUORUM);
    }

    function deployOracle(address[] memory reporters_, uint256 quorum) private returns (MedianOracle) {
        bytes memory arguments = abi.encode(feed, reporters_, quorum, MAX_REPORT_AGE);
        return MedianOracle(create("MedianOracle.sol:MedianOracle", arguments));
    }

    function report(uint256 reporter, uint192 value) private {
        vm.prank(reporters[reporter]);
        oracle.report(value);
    }

    function publishRound(uint192 answer) private {
        for (uint256 i; i < QUORUM; ++i) {
            report(i, answer);
        }
        oracle.publish();
    }

    /// The answer in a message that was sent.
    function answerOf(uint256 index) private view returns (uint256 answer) {
        bytes memory data = sent[index].data;
        // The second argument, after the selector.
        assembly ("memory-safe") {
            answer := mload(add(data, 0x44))
        }
    }

    function assertLatest(uint256 expectedRound, uint256 expectedAnswer, uint256 expectedTime) private view {
        (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) =
            feed.latestRoundData();
        assertEq(roundId, expectedRound);
        assertEq(answer.toUint256(), expectedAnswer);
        assertEq(startedAt, expectedTime);
        assertEq(updatedAt, expectedTime);
        assertEq(answeredIn, expectedRound);
    }
}
