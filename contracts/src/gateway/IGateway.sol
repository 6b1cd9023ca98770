// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEndpoint} from "./IEndpoint.sol";

/// @title A gateway for tokens, on either chain
/// @notice A token's home is the chain where it was deployed. Its gateway there locks what is sent across, and the gateway of the
/// other chain mints as much of its twin; on the way back the twin is burned, and what was locked is released. A token is known
/// by its address at home, and has one twin, at an address that anyone can compute.
///
/// `amountOrId` is an amount of an ERC-20, or the id of one ERC-721 token.
///
/// Assumed of a token: nothing. What it does to its own holders it can do here too: one that takes back, multiplies or loses what
/// is locked has a twin worth as little. It cannot touch another token, nor make a twin of anything but itself.
interface IGateway is IEndpoint {
    /// Tokens left for the other chain. `amountOrId` is what arrived here of what was sent.
    /// @param token The token on this chain.
    /// @param from Who sent them, on this chain.
    /// @param to Whom they are for, on the other chain.
    /// @param index Of the message: in the queue (L1) or in the outbox (L2).
    event TokensSent(
        address indexed token, address indexed from, address indexed to, uint256 amountOrId, uint64 index, bytes data
    );
    /// Tokens came from the other chain. `amountOrId` is what arrived at `to` of what was sent.
    /// @param token The token on this chain.
    /// @param from Who sent them, on the other chain.
    /// @param to Whom they are for, on this chain.
    event TokensReceived(
        address indexed token, address indexed from, address indexed to, uint256 amountOrId, bytes data
    );
    /// A token of this chain was made known to the peer, by the message of this index.
    event TokenRegistered(address indexed token, uint64 index);
    /// A token of the other chain has its twin here.
    event TwinCreated(address indexed homeToken, address indexed twin);

    /// Not a token of this gateway's kind, as far as one can ask.
    error InvalidToken(address received);
    /// A twin's home is the other chain: it is not registered there.
    error TokenIsTwin(address received);
    /// Tokens would be lost there: the zero address, the gateway of the receiving chain, the token itself (for who sends, at home; for
    /// who receives, here).
    error InvalidRecipient(address received);
    /// Nothing would cross: the amount is zero, or nothing arrived of it.
    error NothingReceived(address token);
    /// The token was not registered here: its twin does not exist yet.
    error TwinNotCreated(address homeToken);
    /// The recipient did not accept what came with a call. `received` is its answer.
    error CallNotAccepted(address recipient, bytes4 received);
    /// With so little gas a token could be made to seem nameless, for ever.
    error InsufficientRegistrationGas(uint256 received, uint256 expected);

    /// @notice Mints a twin. Only for the peer, at whose side the token was locked.
    /// @param homeToken The token, by its address on the other chain.
    /// @param from Who sent it, on the other chain.
    /// @param to Whom it is for, on this chain.
    /// @param amountOrId How much, or which one.
    /// @param data If not empty: passed on to the recipient, who must accept it.
    function mint(address homeToken, address from, address to, uint256 amountOrId, bytes calldata data) external;

    /// @notice Releases what is locked here. Only for the peer, at whose side as much of the twin was burned.
    /// @param token The token, of this chain. The rest as for `mint`.
    function release(address token, address from, address to, uint256 amountOrId, bytes calldata data) external;

    /// @notice Where the twin of the other chain's token is, or will be, on this chain.
    function twinOf(address homeToken) external view returns (address);

    /// @notice Of which token of the other chain this is the twin; zero if it is none.
    function homeOf(address twin) external view returns (address);

    /// @notice Whether this chain's token was made known to the peer.
    function isRegistered(address token) external view returns (bool);

    /// @notice What all twins are clones of (ERC-1167).
    function TWIN_IMPLEMENTATION() external view returns (address);

    /// @notice Gas that a registration is given on the other chain: enough to create a twin with the longest names.
    function REGISTRATION_GAS_LIMIT() external view returns (uint64);

    /// @notice Gas that must be left when a token is asked what it is called: more than all its answers may take.
    function REGISTRATION_GAS() external view returns (uint256);
}
