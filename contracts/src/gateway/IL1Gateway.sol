// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGateway} from "./IGateway.sol";
import {IL1Endpoint} from "./IL1Endpoint.sol";

/// @title The L1 side of a gateway
interface IL1Gateway is IGateway, IL1Endpoint {
    /// @notice Sends tokens to L2. The first deposit of a token registers it, by a message of its own before.
    /// @dev The price is that of L2 gas alone; ETH beyond it goes back to the caller, who must be able to take it.
    /// @param token The token on L1: one of L1, which the caller has approved for this contract, or a twin, which needs no approval.
    /// @param to Whom it is for, on L2.
    /// @param amountOrId How much, or which one.
    /// @param gasLimit L2 gas of the delivery, `minimumGasLimit` at the least. If it does not suffice, or the delivery fails
    /// otherwise, anyone can redeliver it on L2, and sender and recipient can send it back: see `IL2Gateway.sendBack` if the
    /// caller is a contract that does what others say.
    /// @param maxFee The most that L2 gas may cost, in wei, for all messages together.
    /// @param data If not empty: passed on to the recipient on L2, who must accept it.
    /// @return index Position of the message in the queue.
    function deposit(
        address token,
        address to,
        uint256 amountOrId,
        uint64 gasLimit,
        uint256 maxFee,
        bytes calldata data
    ) external payable returns (uint64 index);

    /// @notice Registers a token on L2, so that its twin exists there. Again, if that came to nothing.
    /// @dev By anyone, and what the twin is called stays what the token says when it is first registered: a token is to be
    /// initialized in the transaction that creates it.
    /// @param token A token of L1.
    /// @param maxFee The most that L2 gas may cost, in wei.
    /// @return index Position of the message in the queue.
    function registerToken(address token, uint256 maxFee) external payable returns (uint64 index);

    /// @notice What a deposit with so much L2 gas costs in the present L1 block, in wei, the token's registration included if it
    /// is due.
    function quote(address token, uint64 gasLimit) external view returns (uint256 fee);

    /// @notice The least L2 gas of a deposit with so many bytes of data: that with which a failure can be recorded. A delivery
    /// takes more.
    function minimumGasLimit(uint256 dataLength) external view returns (uint64);
}
