// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who receives ERC-20s with a call
interface ITokenReceiver {
    /// @notice Tokens have arrived, from the other chain.
    /// @dev Who implements it must check that its caller is the gateway, and which token that is: anyone can call it, and
    /// anyone can send any token.
    /// @param token The token, on this chain.
    /// @param from Who sent them, on the other chain: the account itself there, never an alias.
    /// @param sent How much left the other chain: what can be known there beforehand.
    /// @param arrived How much of it arrived here: less, if the token takes a fee or rounds. Only this can be spent.
    /// @param data What the sender added.
    /// @return This function's selector. Any other answer, and any failure, undoes the arrival: on L1 the message stays
    /// claimable, on L2 it can be redelivered or sent back.
    function onTokensReceived(address token, address from, uint256 sent, uint256 arrived, bytes calldata data)
        external
        returns (bytes4);
}
