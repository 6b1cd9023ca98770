// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Endpoint} from "./Endpoint.sol";
import {IGateway} from "./IGateway.sol";

/// @title A gateway for tokens, on either chain
/// @dev What the chain adds is in `L1Gateway` and `L2Gateway`, what the kind of token does in `TokenGateway` and `NFTGateway`.
///
/// Tokens are hostile until shown otherwise, and are called in three places: asked for metadata (bounded, static), moved, and as
/// recipients of a call on arrival, which comes last. While one is moved no other can be (`nonReentrant`), so that what arrives is
/// counted once. There is no sum of what is locked: as much as arrived was minted, and no more than that can be burned.
abstract contract Gateway is IGateway, Endpoint, ReentrancyGuardTransient {
    /// @inheritdoc IGateway
    uint64 public constant REGISTRATION_GAS_LIMIT = 600_000;
    /// @inheritdoc IGateway
    uint256 public constant REGISTRATION_GAS = 200_000;
    /// @inheritdoc IGateway
    address public immutable TWIN_IMPLEMENTATION;

    /// The address at home of each token that is known here: its own if its home is this chain.
    mapping(address token => address) private _homes;

    constructor(address twinImplementation) {
        TWIN_IMPLEMENTATION = twinImplementation;
    }

    /// @inheritdoc IGateway
    function mint(address homeToken, address from, address to, uint256 amountOrId, bytes calldata data)
        external
        onlyPeer
    {
        address twin = twinOf(homeToken);
        if (twin.code.length == 0) revert TwinNotCreated(homeToken);
        _requireRecipient(to, twin);
        _mint(twin, to, amountOrId);
        _finishArrival(twin, from, to, amountOrId, amountOrId, data);
    }

    /// @inheritdoc IGateway
    function release(address token, address from, address to, uint256 amountOrId, bytes calldata data)
        external
        onlyPeer
    {
        _requireRecipient(to, token);
        _finishArrival(token, from, to, amountOrId, _release(token, to, amountOrId), data);
    }

    /// @inheritdoc IGateway
    function homeOf(address twin) external view returns (address home) {
        home = _homes[twin];
        if (home == twin) home = address(0);
    }

    /// @inheritdoc IGateway
    function isRegistered(address token) external view returns (bool) {
        return token != address(0) && _homes[token] == token;
    }

    /// @inheritdoc IGateway
    function twinOf(address homeToken) public view returns (address) {
        return Clones.predictDeterministicAddress(TWIN_IMPLEMENTATION, _salt(homeToken));
    }

    /// @dev The token's address at home; zero if it is not known here.
    function _homeOf(address token) internal view returns (address) {
        return _homes[token];
    }

    /// @dev Marks a token of this chain as known to the peer. May be done again: a registration can come to nothing on L2.
    /// @return message What tells the peer of it.
    function _register(address token) internal returns (bytes memory message) {
        address home = _homes[token];
        if (home != address(0) && home != token) revert TokenIsTwin(token);
        if (!_isToken(token)) revert InvalidToken(token);
        // It holds for what was asked before, too.
        if (gasleft() < REGISTRATION_GAS) revert InsufficientRegistrationGas(gasleft(), REGISTRATION_GAS);
        _homes[token] = token;
        return _registration(token);
    }

    /// @dev Takes tokens from the caller: locks them if this is their home, else burns them.
    /// @param home The token's address at home.
    /// @return taken What crosses.
    /// @return message What tells the peer of it.
    function _take(address token, address home, address to, uint256 amountOrId, bytes calldata data)
        internal
        returns (uint256 taken, bytes memory message)
    {
        if (to == PEER) revert InvalidRecipient(to);
        _requireRecipient(to, home);
        if (home == token) {
            taken = _lock(token, amountOrId);
            message = abi.encodeCall(IGateway.mint, (home, msg.sender, to, taken, data));
        } else {
            taken = amountOrId;
            _burn(token, amountOrId);
            message = abi.encodeCall(IGateway.release, (home, msg.sender, to, taken, data));
        }
    }

    /// @dev Creates the twin of the other chain's token.
    /// @return twin Where it is, not initialized yet; zero if it existed.
    function _createTwin(address homeToken) internal returns (address twin) {
        if (twinOf(homeToken).code.length != 0) return address(0);
        twin = Clones.cloneDeterministic(TWIN_IMPLEMENTATION, _salt(homeToken));
        _homes[twin] = homeToken;
        emit TwinCreated(homeToken, twin);
    }

    /// @dev Whether it is a token of this kind, as far as one can ask.
    function _isToken(address token) internal view virtual returns (bool);

    /// @dev What registers the token at the peer.
    function _registration(address token) internal view virtual returns (bytes memory message);

    /// @dev Moves tokens of this chain from the caller to here. Returns what arrived.
    function _lock(address token, uint256 amountOrId) internal virtual returns (uint256 arrived);

    /// @dev Moves tokens of this chain from here. Returns what arrived.
    function _release(address token, address to, uint256 amountOrId) internal virtual returns (uint256 arrived);

    /// @dev Mints a twin.
    function _mint(address twin, address to, uint256 amountOrId) internal virtual;

    /// @dev Burns a twin of the caller's.
    function _burn(address twin, uint256 amountOrId) internal virtual;

    /// @dev Tells a recipient what was sent and what arrived of it. Returns what it answers, and what it should.
    function _notify(address token, address from, address to, uint256 sent, uint256 arrived, bytes calldata data)
        internal
        virtual
        returns (bytes4 received, bytes4 expected);

    /// @dev Reports what arrived, and makes the call that came with it.
    function _finishArrival(address token, address from, address to, uint256 sent, uint256 arrived, bytes calldata data)
        private
    {
        emit TokensReceived(token, from, to, arrived, data);
        if (data.length == 0) return;
        // Does what it likes: nothing is left to be done.
        (bytes4 received, bytes4 expected) = _notify(token, from, to, sent, arrived, data);
        if (received != expected) revert CallNotAccepted(to, received);
    }

    /// @dev Where `token` would be lost.
    function _requireRecipient(address to, address token) private view {
        if (to == address(0) || to == address(this) || to == token) revert InvalidRecipient(to);
    }

    function _salt(address homeToken) private pure returns (bytes32) {
        return bytes32(uint256(uint160(homeToken)));
    }
}
