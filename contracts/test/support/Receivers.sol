// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INFTReceiver} from "../../src/gateway/INFTReceiver.sol";
import {ITokenReceiver} from "../../src/gateway/ITokenReceiver.sol";

/// @notice Remembers what arrived with a call, and answers as it was told: well, until told otherwise.
contract Receiver is ITokenReceiver, INFTReceiver {
    /// Answers this, if it is not zero.
    bytes4 public answer;
    /// Reverts with this, if it is not empty.
    bytes public refusal;
    /// Gas that it needs at least.
    uint256 public need;
    /// What it calls first, if that is not zero.
    address private _target;
    bytes private _call;
    bool public succeeded;
    bytes public returned;

    uint256 public calls;
    address public caller;
    address public token;
    address public from;
    uint256 public sent;
    /// What arrived.
    uint256 public amountOrId;
    bytes public data;

    error NotEnoughGas();

    function onTokensReceived(address token_, address from_, uint256 sent_, uint256 arrived, bytes calldata data_)
        external
        returns (bytes4)
    {
        sent = sent_;
        return _receive(token_, from_, arrived, data_, this.onTokensReceived.selector);
    }

    function onNFTReceived(address token_, address from_, uint256 tokenId, bytes calldata data_)
        external
        returns (bytes4)
    {
        return _receive(token_, from_, tokenId, data_, this.onNFTReceived.selector);
    }

    function setAnswer(bytes4 answer_) external {
        answer = answer_;
    }

    function setRefusal(bytes calldata refusal_) external {
        refusal = refusal_;
    }

    function setNeed(uint256 need_) external {
        need = need_;
    }

    function setCall(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _receive(address token_, address from_, uint256 amountOrId_, bytes calldata data_, bytes4 selector)
        private
        returns (bytes4)
    {
        if (gasleft() < need) revert NotEnoughGas();
        bytes memory reason = refusal;
        if (reason.length != 0) {
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
        if (_target != address(0)) (succeeded, returned) = _target.call(_call);
        ++calls;
        (caller, token, from, amountOrId, data) = (msg.sender, token_, from_, amountOrId_, data_);
        return answer == 0 ? selector : answer;
    }
}

/// @notice Accepts everything while it is open, and remembers nothing.
contract Door is ITokenReceiver {
    error Closed();

    bool public open;

    function onTokensReceived(address, address, uint256, uint256, bytes calldata) external view returns (bytes4) {
        if (!open) revert Closed();
        return this.onTokensReceived.selector;
    }

    function setOpen(bool open_) external {
        open = open_;
    }
}
