// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {BridgedNFT} from "./BridgedNFT.sol";
import {Gateway} from "./Gateway.sol";
import {INFTGateway} from "./INFTGateway.sol";
import {INFTReceiver} from "./INFTReceiver.sol";
import {TokenMetadata} from "./TokenMetadata.sol";

/// @title A gateway for ERC-721s, on either chain
/// @dev A recipient is not asked by `onERC721Received`: who sends across says who is to own it, and adds data to be heard.
abstract contract NFTGateway is INFTGateway, Gateway {
    constructor() Gateway(address(new BridgedNFT())) {}

    /// @inheritdoc INFTGateway
    function register(address homeToken, string calldata name, string calldata symbol, uint256 homeChainId)
        external
        onlyPeer
    {
        address twin = _createTwin(homeToken);
        if (twin != address(0)) BridgedNFT(twin).initialize(homeToken, name, symbol, homeChainId);
    }

    function _isToken(address token) internal view override returns (bool) {
        return ERC165Checker.supportsInterface(token, type(IERC721).interfaceId);
    }

    function _registration(address token) internal view override returns (bytes memory) {
        return abi.encodeCall(
            INFTGateway.register, (token, TokenMetadata.name(token), TokenMetadata.symbol(token), block.chainid)
        );
    }

    function _lock(address token, uint256 tokenId) internal override returns (uint256) {
        _move(IERC721(token), msg.sender, address(this), tokenId);
        return tokenId;
    }

    function _release(address token, address to, uint256 tokenId) internal override returns (uint256) {
        _move(IERC721(token), address(this), to, tokenId);
        return tokenId;
    }

    function _mint(address twin, address to, uint256 tokenId) internal override {
        BridgedNFT(twin).mint(to, tokenId);
    }

    function _burn(address twin, uint256 tokenId) internal override {
        BridgedNFT(twin).burn(msg.sender, tokenId);
    }

    function _notify(address token, address from, address to, uint256 tokenId, uint256, bytes calldata data)
        internal
        override
        returns (bytes4 received, bytes4 expected)
    {
        received = INFTReceiver(to).onNFTReceived(token, from, tokenId, data);
        expected = INFTReceiver.onNFTReceived.selector;
    }

    /// @dev The owner is asked before and after: what is here already, for another, must not be locked a second time. A token may
    /// call back in the midst of this, and nothing that it does then moves tokens by this contract.
    function _move(IERC721 token, address from, address to, uint256 tokenId) private nonReentrant {
        _requireOwner(token, tokenId, from);
        token.transferFrom(from, to, tokenId);
        _requireOwner(token, tokenId, to);
    }

    function _requireOwner(IERC721 token, uint256 tokenId, address expected) private view {
        address owner = token.ownerOf(tokenId);
        if (owner != expected) revert NotOwner(owner, expected);
    }
}
