// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery} from "./Delivery.sol";
import {IGateway} from "./IGateway.sol";
import {IL2Endpoint} from "./IL2Endpoint.sol";

/// @title The L2 side of a gateway
interface IL2Gateway is IGateway, IL2Endpoint {
    /// Tokens that could not be delivered went back to their sender, by the message of this index in the outbox.
    event SentBack(bytes32 indexed id, uint64 index);

    /// Only who sent the tokens, and whom they are for, may send them back.
    error NotParty(address received);
    /// A contract must leave the recipient time to redeliver. L2 seconds.
    error SentBackTooEarly(uint256 received, uint256 expected);
    /// Only tokens can be sent back. `received` is the selector of another call.
    error NotTokens(bytes4 received);

    /// @notice Sends tokens to L1. The first withdrawal of a token registers it, by a message of its own before.
    /// @dev What is sent along is a tip for whoever executes the message on L1: the message after it brings it to `RelayTip`.
    /// @param token The token on L2: one of L2, which the caller has approved for this contract, or a twin, which needs no approval.
    /// @param to Whom it is for, on L1.
    /// @param amountOrId How much, or which one.
    /// @param gasLimit L1 gas that the message is promised.
    /// @param data If not empty: passed on to the recipient on L1, who must accept it. As long as it does not, the message waits to
    /// be claimed; from L1 nothing comes back. So it is with a recipient that L1 refuses: a token's own twin there.
    /// @return index Position of the message in the outbox.
    function withdraw(address token, address to, uint256 amountOrId, uint64 gasLimit, bytes calldata data)
        external
        payable
        returns (uint64 index);

    /// @notice Registers a token on L1, so that its twin exists there.
    /// @dev By anyone, as on L1.
    /// @param token A token of L2.
    /// @return index Position of the message in the outbox.
    function registerToken(address token) external returns (uint64 index);

    /// @notice Sends tokens that could not be delivered back to the sender's own account on L1. At any time for whom they are for, and
    /// for a sender with a key, from its own address here; for a contract, by its alias, `SEND_BACK_DELAY` after they failed.
    /// @dev Many contracts on L1 do what anyone says (routers, multicalls): what goes back to such a one is anyone's. So whom it
    /// is for has that time to redeliver, or to accept what was refused. Who sends by such a contract should buy enough gas.
    /// @return index Position of the message in the outbox.
    function sendBack(Delivery calldata delivery) external returns (uint64 index);

    /// @notice Pays tips on L1: `RelayTip`.
    function RELAY_TIP() external view returns (address);

    /// @notice L1 gas that a tip is promised: enough for a relayer that is a contract by EIP-7702.
    function TIP_GAS_LIMIT() external view returns (uint64);

    /// @notice L1 gas that tokens on their way back are promised.
    function SEND_BACK_GAS_LIMIT() external view returns (uint64);

    /// @notice For how long a contract's tokens wait for their recipient alone, in L2 seconds.
    function SEND_BACK_DELAY() external view returns (uint64);
}
