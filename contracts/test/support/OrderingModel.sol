// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Forced inclusion as the design states it, with nothing of the contract in it: not its packing, not its shortcuts.
///
/// A stamp is (end of the queue, time). What lies before a `delay`-old stamp is overdue. A sequencer's batch must consume it, as far
/// as a batch may; anyone may append a batch that consumes all that such a batch may, overdue or not; anyone may also do so when
/// no batch came for `delay` while messages wait. Once the newer stamp is `delay` old, anyone makes it the older one and
/// stamps the queue, and so does a batch, unless it leaves nothing and is forced.
contract OrderingModel {
    struct Stamp {
        uint256 end;
        uint256 time;
    }

    uint256 private constant BATCH = 133e6;
    uint256 private constant FORCED = 483e6;
    uint256 private immutable DELAY;

    Stamp private _older;
    Stamp private _newer;
    uint256 public lastBatch;
    uint256 public consumed;
    uint256 public end;

    constructor(uint256 delay, uint256 start) {
        DELAY = delay;
        _older.time = _newer.time = lastBatch = start;
    }

    function queue(uint256 newEnd) external {
        end = newEnd;
    }

    function stamp(uint256 time) external {
        require(stampable(time));
        _stamp(time);
    }

    function post(uint256 time, uint256 consumeTo) external {
        require(least(time) <= consumeTo && consumeTo <= most());
        if (stampable(time)) _stamp(time);
        (lastBatch, consumed) = (time, consumeTo);
    }

    function force(uint256 time) external {
        require(forceable(time));
        (lastBatch, consumed) = (time, Math.min(end, consumed + FORCED));
        if (consumed != end && stampable(time)) _stamp(time);
    }

    function older() external view returns (Stamp memory) {
        return _older;
    }

    function newer() external view returns (Stamp memory) {
        return _newer;
    }

    function stampable(uint256 time) public view returns (bool) {
        return time - _newer.time >= DELAY;
    }

    function overdue(uint256 time) public view returns (uint256 furthest) {
        if (time - _older.time >= DELAY) furthest = _older.end;
        if (time - _newer.time >= DELAY) furthest = Math.max(furthest, _newer.end);
    }

    function forceable(uint256 time) public view returns (bool) {
        return consumed < overdue(time) || (time - lastBatch >= DELAY && consumed < end);
    }

    /// @notice How far the sequencer's next batch must consume.
    function least(uint256 time) public view returns (uint256) {
        return Math.max(consumed, Math.min(overdue(time), consumed + BATCH));
    }

    /// @notice How far it may.
    function most() public view returns (uint256) {
        return Math.min(end, consumed + BATCH);
    }

    function _stamp(uint256 time) private {
        _older = _newer;
        _newer = Stamp(end, time);
    }
}
