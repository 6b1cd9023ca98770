// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BridgedToken} from "./BridgedToken.sol";
import {Gateway} from "./Gateway.sol";
import {ITokenGateway} from "./ITokenGateway.sol";
import {ITokenReceiver} from "./ITokenReceiver.sol";
import {TokenMetadata} from "./TokenMetadata.sol";

/// @title A gateway for ERC-20s, on either chain
abstract contract TokenGateway is ITokenGateway, Gateway {
    using SafeERC20 for IERC20;

    constructor() Gateway(address(new BridgedToken())) {}

    /// @inheritdoc ITokenGateway
    function register(address homeToken, string calldata name, string calldata symbol, uint8 decimals)
        external
        onlyPeer
    {
        address twin = _createTwin(homeToken);
        if (twin != address(0)) BridgedToken(twin).initialize(homeToken, name, symbol, decimals);
    }

    /// @dev Uses a permit for this contract. That it fails does not matter if the allowance suffices: anyone may have used it.
    function _tryPermit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) internal {
        // Before anything else. What it returns is not looked at.
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    /// @dev An ERC-721 moves by the same function, and would be lost: its id would be taken for an amount. Those from before that
    /// standard do not say what they are, but have no allowances.
    function _isToken(address token) internal view override returns (bool) {
        // Precompiles have none, and answer anything.
        return token.code.length != 0 && _answers(token, abi.encodeCall(IERC20.balanceOf, (address(this))))
            && _answers(token, abi.encodeCall(IERC20.allowance, (address(this), address(this))))
            && !ERC165Checker.supportsInterface(token, type(IERC721).interfaceId);
    }

    /// @dev Whether a token answers with a word at least.
    function _answers(address token, bytes memory question) private view returns (bool success) {
        (success,,) = LowLevelCall.staticcallReturn64Bytes(token, question);
        return success && LowLevelCall.returnDataSize() >= 32;
    }

    function _registration(address token) internal view override returns (bytes memory) {
        return abi.encodeCall(
            ITokenGateway.register,
            (token, TokenMetadata.name(token), TokenMetadata.symbol(token), TokenMetadata.decimals(token))
        );
    }

    function _lock(address token, uint256 amount) internal override returns (uint256 arrived) {
        arrived = _move(IERC20(token), msg.sender, address(this), amount);
        if (arrived == 0) revert NothingReceived(token);
    }

    function _release(address token, address to, uint256 amount) internal override returns (uint256) {
        return _move(IERC20(token), address(this), to, amount);
    }

    function _mint(address twin, address to, uint256 amount) internal override {
        BridgedToken(twin).mint(to, amount);
    }

    function _burn(address twin, uint256 amount) internal override {
        if (amount == 0) revert NothingReceived(twin);
        BridgedToken(twin).burn(msg.sender, amount);
    }

    function _notify(address token, address from, address to, uint256 sent, uint256 arrived, bytes calldata data)
        internal
        override
        returns (bytes4 received, bytes4 expected)
    {
        received = ITokenReceiver(to).onTokensReceived(token, from, sent, arrived, data);
        expected = ITokenReceiver.onTokensReceived.selector;
    }

    /// @dev What arrives is what the balance grows by, and no more than was sent: a token may add at this moment what all that is locked
    /// has earned. It may call back in the midst of this, and nothing that it does then
    /// moves tokens by this contract: they would be counted here too.
    function _move(IERC20 token, address from, address to, uint256 amount)
        private
        nonReentrant
        returns (uint256 arrived)
    {
        uint256 beforehand = token.balanceOf(to);
        if (from == address(this)) token.safeTransfer(to, amount);
        else token.safeTransferFrom(from, to, amount);
        return Math.min(Math.saturatingSub(token.balanceOf(to), beforehand), amount);
    }
}
