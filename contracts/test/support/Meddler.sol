// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ITokenHolder} from "./Tokens.sol";

/// @notice Makes a prepared call, one after the other, whenever ETH or a `CallbackToken` comes or goes; and does as it is told.
contract Meddler is ITokenHolder {
    struct Move {
        address target;
        uint256 value;
        bytes call;
    }

    Move[] private _moves;
    /// @notice Moves made.
    uint256 public made;
    /// @notice What came of the last one.
    bool public succeeded;
    bytes public returned;

    receive() external payable {
        _meddle();
    }

    function tokensToSend(address, address, uint256) external {
        _meddle();
    }

    function tokensReceived(address, address, uint256) external {
        _meddle();
    }

    function prepare(address target, uint256 value, bytes calldata call) external {
        _moves.push(Move(target, value, call));
    }

    /// @notice Moves that it has not made.
    function prepared() external view returns (uint256) {
        return _moves.length - made;
    }

    function act(address target, uint256 value, bytes calldata call) external payable returns (bytes memory) {
        return Address.functionCallWithValue(target, call, value);
    }

    function _meddle() private {
        if (made == _moves.length) return;
        Move memory move = _moves[made++];
        (succeeded, returned) = move.target.call{value: move.value}(move.call);
    }
}
