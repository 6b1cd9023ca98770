// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";

/// @title Tips for those who execute messages
/// @notice Whoever wants a message executed on L1, and need not be its sender, tips for it by another message: ETH for this contract
/// with a call of `payTip`. It pays only when the message it is about was executed, so a relayer puts both in one claim,
/// first the message.
/// @dev The bridge pays it out, so it holds nothing, and nobody's tip pays for another's message. An index is sure when the message's
/// L2 block is in a batch: who tips earlier does it in the transaction that sends the message, lest the index becomes another's.
interface IRelayTip {
    /// A tip was paid, in wei, for the message at this index of the outbox.
    event TipPaid(uint64 indexed index, address indexed relayer, uint256 amount);

    /// Only the bridge may call this.
    error NotBridge(address received, address expected);
    /// The message was not executed, so the tip is not earned, and its own message stays claimable.
    error MessageNotFinalized(uint64 index);

    /// @notice Pays the sent ETH to whoever sent the present transaction, if the message at `index` was executed, now or before.
    /// Only for messages. One that names its own index is a tip for itself.
    /// @dev To `tx.origin`, since the claim may come through other contracts: a relayer that is a contract, or pays by another's
    /// transaction, arranges with its sender. A message that was executed without its tip leaves the tip to whoever comes next.
    function payTip(uint64 index) external payable;

    /// @notice The bridge, at its proxy.
    function BRIDGE() external view returns (IBridge);
}
