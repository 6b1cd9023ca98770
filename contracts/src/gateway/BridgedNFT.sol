// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IBridgedNFT} from "./IBridgedNFT.sol";
import {Twin} from "./Twin.sol";

/// @title The twin of an ERC-721
contract BridgedNFT is IBridgedNFT, Twin, ERC721Upgradeable {
    /// @inheritdoc IBridgedNFT
    uint256 public homeChainId;

    /// @inheritdoc IBridgedNFT
    function initialize(address homeToken_, string calldata name_, string calldata symbol_, uint256 homeChainId_)
        external
        initializer
    {
        _initializeTwin(homeToken_);
        __ERC721_init(name_, symbol_);
        homeChainId = homeChainId_;
    }

    /// @inheritdoc IBridgedNFT
    function mint(address to, uint256 tokenId) external onlyGateway {
        _mint(to, tokenId);
    }

    /// @inheritdoc IBridgedNFT
    function burn(address from, uint256 tokenId) external onlyGateway {
        address owner = _requireOwned(tokenId);
        if (owner != from) revert ERC721IncorrectOwner(from, tokenId, owner);
        _burn(tokenId);
    }

    /// @notice `ethereum:<home token>@<home chain id>/tokenURI?uint256=<id>`
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return string.concat(
            "ethereum:",
            Strings.toChecksumHexString(homeToken),
            "@",
            Strings.toString(homeChainId),
            "/tokenURI?uint256=",
            Strings.toString(tokenId)
        );
    }
}
