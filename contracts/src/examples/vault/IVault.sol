// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A vault on L1 that L2 unlocks
interface IVault {
    /// ETH came in.
    event EtherReceived(address indexed from, uint256 amount);
    /// Something left the vault. The token is zero for ETH.
    event Unlocked(uint256 indexed id, address indexed token, address indexed to, uint256 amount);
    /// This unlock will not happen.
    event Revoked(uint256 indexed id);

    /// The unlock happened before, or was revoked.
    error AlreadyUsed(uint256 id);
    /// The unlock comes too late to count, in L1 seconds.
    error UnlockExpired(uint256 received, uint256 deadline);

    /// @notice Pays out of the vault. Only by a message of the key on L2.
    /// @param id Number of the unlock: only the first one of a number counts.
    /// @param token What to pay; zero for ETH.
    /// @param to Whom.
    /// @param amount How much, in wei or the token's smallest unit.
    /// @param deadline Last L1 time, in seconds, at which this counts.
    function unlock(uint256 id, address token, address to, uint256 amount, uint256 deadline) external;

    /// @notice Sees to it that an unlock will not happen, if it has not yet. Only by a message of the key on L2.
    function revoke(uint256 id) external;

    /// @notice Whether the unlock happened or was revoked.
    function isUsed(uint256 id) external view returns (bool);
}
