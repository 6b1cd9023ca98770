// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What unlocks a vault of L1, on L2
interface IVaultKey {
    /// A spender may unlock so much.
    event AllowanceSet(address indexed spender, address indexed token, uint256 amount);
    /// An unlock is on its way to L1, as this message of the outbox.
    event UnlockSent(
        uint256 indexed id,
        address indexed spender,
        address indexed token,
        address to,
        uint256 amount,
        uint256 deadline,
        uint64 index
    );
    /// A revocation is on its way to L1, as this message of the outbox.
    event RevocationSent(uint256 indexed id, uint64 index);

    /// The amount is zero.
    error NothingToUnlock();
    /// More than the spender may unlock.
    error AllowanceExceeded(uint256 received, uint256 maximum);
    /// What would be paid would be lost at this address.
    error InvalidRecipient(address received);
    /// No unlock has this number yet.
    error UnknownUnlock(uint256 received, uint256 count);

    /// @notice The vault on L1.
    function VAULT() external view returns (address);

    /// @notice How long an unlock counts, in seconds.
    function VALIDITY() external view returns (uint256);

    /// @notice What a spender may still unlock of a token of L1, zero for ETH.
    function allowance(address spender, address token) external view returns (uint256);

    /// @notice Unlocks so far: they are numbered from 0.
    function count() external view returns (uint256);

    /// @notice Says what a spender may unlock from now on. Only for the owner.
    function setAllowance(address spender, address token, uint256 amount) external;

    /// @notice Unlocks some of the vault, of the caller's allowance.
    /// @param token Token on L1; zero for ETH.
    /// @param to Whom to pay on L1.
    /// @param amount How much, in wei or the token's smallest unit.
    /// @return id Number of the unlock.
    function unlock(address token, address to, uint256 amount) external returns (uint256 id);

    /// @notice Takes an unlock back, if it does not happen before this arrives. Only for the owner.
    /// @dev The allowance stays used: here nobody knows which of the two came first.
    function revoke(uint256 id) external;
}
