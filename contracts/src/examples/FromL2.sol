// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";
import {IFromL2} from "./IFromL2.sol";

/// @title An L1 contract that one L2 account calls
/// @notice Copy this, and put `onlyFromL2` on every function that L2 calls.
/// @dev Trust: whoever controls `L2_SENDER`, whoever can upgrade the bridge (its `TimelockController`), and that a false
/// commitment is disputed within its challenge window. Nobody else can make a call pass `onlyFromL2`.
///
/// What can be relied on, and what cannot:
/// - A message was final on L2 when it arrives here; that takes the challenge window at least, days in practice.
/// - A message is executed once at most. One whose call reverts was not executed, and can be tried again at any time.
/// - Messages arrive in any order, at any time from finality on, or never: whoever pays for the gas decides. So a message
///   must mean the same however late it comes and whatever came before it; where it does not, it carries a deadline or a
///   number by which this contract puts it in its place.
/// - Anyone executes, and can do other things before and after in the same transaction. The call gets at least the gas
///   that L2 promised, so nobody can make it fail by giving less.
/// - ETH comes with a message only if the function is payable; if it is not, a message with ETH can never be executed.
///
/// A function must revert only if the message is to be tried again. What has become meaningless should return instead, or
/// relayers come back to it in vain.
abstract contract FromL2 is IFromL2 {
    /// @inheritdoc IFromL2
    IBridge public immutable BRIDGE;
    /// @inheritdoc IFromL2
    address public immutable L2_SENDER;

    /// @dev Both are needed: anyone can send a message to this contract, and anyone can call it while a message of
    /// `L2_SENDER` to somebody else is being executed.
    modifier onlyFromL2() {
        _requireFromL2();
        _;
    }

    /// @param bridge The bridge's proxy.
    /// @param l2Sender The L2 contract; if it is not deployed yet, where it will be. A contract at the same address on L1 has
    /// nothing to do with it.
    constructor(IBridge bridge, address l2Sender) {
        BRIDGE = bridge;
        L2_SENDER = l2Sender;
    }

    function _requireFromL2() private view {
        if (msg.sender != address(BRIDGE)) revert NotBridge(msg.sender, address(BRIDGE));
        // The bridge is trusted.
        address sender = BRIDGE.l2Sender();
        if (sender != L2_SENDER) revert NotL2Sender(sender, L2_SENDER);
    }
}
