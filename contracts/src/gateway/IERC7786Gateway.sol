// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IEndpoint} from "./IEndpoint.sol";

/// @title Attributes of ERC-7786 messages, by the names that OpenZeppelin's gateways gave them
interface IERC7786Attributes {
    /// @notice Sends the message at once.
    /// @param value ETH that it carries, in wei.
    /// @param gasLimit Gas that the recipient is given at least, on its chain.
    /// @param refundRecipient Who gets what is left of the sent ETH; the caller, if zero.
    function requestRelay(uint256 value, uint256 gasLimit, address refundRecipient) external;
}

/// @title An ERC-7786 gateway over the bridge, on either chain
/// @notice Applications of that standard send with `sendMessage` here, and its peer calls their counterparts' `receiveMessage` on
/// the other chain. Accounts are interoperable addresses (ERC-7930) of EVM chains.
/// @dev What an application trusts when it trusts this gateway: the bridge, and nothing besides. A message is delivered once, or
/// waits until anyone delivers it: on L1 it stays claimable, on L2 it can be redelivered. A message that fails does not hold up
/// those after it, so their order is not kept. One whose recipient never answers as the standard demands, such as an account
/// without code, waits for ever with its ETH: nothing sends it back.
///
/// A recipient that catches failures of its own calls should be sent to with the attribute, and enough gas for all of them: less
/// than that makes a call fail there, not the message.
interface IERC7786Gateway is IERC7786GatewaySource, IEndpoint {
    /// A message of the other chain was delivered.
    /// @param receiveId Unique among those that this gateway delivers; the same when one is tried again.
    /// @param sender Who sent it, on the other chain.
    /// @param recipient Who received it, on this chain.
    event MessageReceived(bytes32 indexed receiveId, address indexed sender, address indexed recipient);

    /// Not an account of the other chain, in ERC-7930 form.
    error InvalidRecipient(bytes received);
    /// More than one attribute of the same kind.
    error DuplicateAttribute(bytes4 selector);
    /// What follows the attribute's selector is not what it takes.
    error InvalidAttribute(bytes received);
    /// The call carries less ETH than the message, in wei.
    error InsufficientValue(uint256 received, uint256 expected);
    /// The recipient did not answer as the standard demands.
    error MessageNotAccepted(address recipient, bytes4 received);

    /// @notice Delivers a message. Only for the peer.
    /// @param id Counts the messages of the peer, from 1.
    /// @param sender Who sent it, on the other chain.
    /// @param recipient Whose `receiveMessage` is called, with the sent ETH.
    /// @param gasLimit Gas that this call is given at least.
    /// @param payload What the sender says.
    function deliver(uint256 id, address sender, address recipient, uint64 gasLimit, bytes calldata payload)
        external
        payable;

    /// @notice Chain id of the other chain.
    function PEER_CHAIN_ID() external view returns (uint256);

    /// @notice Gas that a recipient is given at least, if its sender did not ask for more or less.
    function DEFAULT_GAS_LIMIT() external view returns (uint64);
}
