// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC7786Gateway} from "./IERC7786Gateway.sol";
import {IL1Endpoint} from "./IL1Endpoint.sol";

/// A message that waits until somebody pays for its L2 gas.
struct PendingMessage {
    /// Who sent it, on L1.
    address sender;
    /// Who is to receive it, on L2.
    address recipient;
    /// ETH that it carries, in wei. It waits in the gateway.
    uint256 value;
    /// What it says.
    bytes payload;
}

/// @title The L1 side of the ERC-7786 gateway
/// @notice L2 gas must be paid for. A message with the attribute `requestRelay` pays from the ETH of its call, and goes at once.
/// Applications that know no attributes send without: then the message waits here under its `sendId`, and anyone pays.
interface IL1ERC7786Gateway is IERC7786Gateway, IL1Endpoint {
    /// A message that waited was sent.
    /// @param sendId What `sendMessage` returned for it; on L2 its `receiveId`.
    /// @param index Position in the queue.
    event MessageRelayed(bytes32 indexed sendId, uint64 indexed index);

    /// No such message waits: it was relayed, or differs from what was sent.
    error MessageNotPending(bytes32 sendId);
    /// With less than the default a payer could make the recipient's own calls fail and the recipient go on without them.
    error GasLimitBelowDefault(uint64 received, uint64 minimum);

    /// @notice Pays for the L2 gas of a message that waits, and sends it. By anyone. The caller gets back what is left.
    /// @param sendId Of the message.
    /// @param message As its `MessageSent` event tells.
    /// @param gasLimit L2 gas that the recipient is given at least; not below the default.
    /// @param maxFee The most that it may cost, in wei.
    /// @return index Position in the queue.
    function requestRelay(bytes32 sendId, PendingMessage calldata message, uint64 gasLimit, uint256 maxFee)
        external
        payable
        returns (uint64 index);

    /// @notice What the L2 gas of a message costs in the present L1 block, in wei.
    /// @param payloadLength Bytes of its payload.
    /// @param gasLimit L2 gas that the recipient is given at least.
    function quote(uint256 payloadLength, uint64 gasLimit) external view returns (uint256 fee);

    /// @notice Whether a message waits.
    function isPending(bytes32 sendId) external view returns (bool);
}
