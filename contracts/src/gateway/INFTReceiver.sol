// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who receives ERC-721s with a call
interface INFTReceiver {
    /// @notice A token has arrived, from the other chain.
    /// @dev Who implements it must check that its caller is the gateway, and which token that is: anyone can call it, and
    /// anyone can send any token.
    /// @param token The token's contract, on this chain.
    /// @param from Who sent it, on the other chain: the account itself there, never an alias.
    /// @param tokenId Which one.
    /// @param data What the sender added.
    /// @return This function's selector. Any other answer, and any failure, undoes the arrival: on L1 the message stays
    /// claimable, on L2 it can be redelivered or sent back.
    function onNFTReceived(address token, address from, uint256 tokenId, bytes calldata data) external returns (bytes4);
}
