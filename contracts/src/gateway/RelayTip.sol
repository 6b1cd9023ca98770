// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IBridge} from "../bridge/IBridge.sol";
import {IRelayTip} from "./IRelayTip.sol";

/// @title Tips for those who execute messages
contract RelayTip is IRelayTip {
    /// @inheritdoc IRelayTip
    IBridge public immutable BRIDGE;

    constructor(IBridge bridge) {
        BRIDGE = bridge;
    }

    /// @inheritdoc IRelayTip
    function payTip(uint64 index) external payable {
        if (msg.sender != address(BRIDGE)) revert NotBridge(msg.sender, address(BRIDGE));
        if (!BRIDGE.isFinalized(index)) revert MessageNotFinalized(index);
        emit TipPaid(index, tx.origin, msg.value);
        // If it does not take the ETH, the tip's message stays claimable. Nothing is kept here that it could disturb.
        Address.sendValue(payable(tx.origin), msg.value);
    }
}
