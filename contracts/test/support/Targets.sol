// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";

/// @notice Answers every call alike, with calldata or without.
abstract contract Target {
    /// @notice How often it was called, and did not revert.
    uint256 public calls;

    receive() external payable {
        handle();
    }

    fallback() external payable {
        handle();
    }

    function handle() internal virtual;
}

/// @notice A well-behaved target: remembers who called it, from which L2 account, and with what.
contract Recorder is Target {
    IOutboxVerifier public immutable BRIDGE;
    address public caller;
    address public sender;
    uint256 public value;
    bytes public data;

    constructor(IOutboxVerifier bridge) {
        BRIDGE = bridge;
    }

    function handle() internal override {
        ++calls;
        caller = msg.sender;
        sender = BRIDGE.l2Sender();
        value = msg.value;
        data = msg.data;
    }
}

/// @notice Refuses until it is opened.
contract Gate is Target {
    error Closed();

    bool public open;

    function handle() internal override {
        if (!open) revert Closed();
        ++calls;
    }

    function setOpen(bool open_) external {
        open = open_;
    }
}

/// @notice Uses all gas that it is given.
contract GasBurner is Target {
    function handle() internal override {
        while (true) ++calls;
    }
}

/// @notice Reverts with so many bytes that copying them would be dear, or returns them.
contract ReturnBomb is Target {
    uint256 public constant SIZE = 1_000_000;
    bool public immutable REVERTS;

    constructor(bool reverts) {
        REVERTS = reverts;
    }

    function handle() internal override {
        ++calls;
        bool reverts = REVERTS;
        uint256 size = SIZE;
        // Memory beyond what Solidity knows of is safe to return, as nothing runs after.
        assembly ("memory-safe") {
            if reverts { revert(0, size) }
            return(0, size)
        }
    }
}

/// @notice Calls the bridge back while it is being called by it, and notes what came of that.
contract Reentrant is Target {
    IOutboxVerifier public immutable BRIDGE;
    bytes public callback;
    bool public called;
    bool public succeeded;
    bytes public returned;
    address public senderBefore;
    address public senderAfter;

    constructor(IOutboxVerifier bridge) {
        BRIDGE = bridge;
    }

    function handle() internal virtual override {
        if (called) return;
        called = true;
        senderBefore = BRIDGE.l2Sender();
        (succeeded, returned) = address(BRIDGE).call(callback);
        senderAfter = BRIDGE.l2Sender();
    }

    function setCallback(bytes calldata callback_) external {
        callback = callback_;
    }
}

/// @notice Sends to L2 as a contract does: under its alias there.
contract Depositor {
    IMessageQueue public immutable BRIDGE;

    constructor(IMessageQueue bridge) {
        BRIDGE = bridge;
    }

    function send(address target, uint256 value, uint64 gasLimit, bytes calldata data) external payable {
        BRIDGE.sendToL2{value: msg.value}(target, value, gasLimit, msg.value, data);
    }
}

/// @notice Does as it is told, and takes no ETH back.
contract Puppet {
    /// @notice Calls with some of what it holds; reverts with the callee's reason.
    function act(address target, uint256 value, bytes calldata data) external payable returns (bytes memory) {
        return Address.functionCallWithValue(target, data, value);
    }
}
