// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITwin} from "./ITwin.sol";

/// @title The twin of an ERC-721
/// @notice Its name and symbol are those that the token had at home when it was registered. What a token is, is said at home: its
/// `tokenURI` is the call to make there, as an ERC-681 reference.
interface IBridgedNFT is ITwin {
    /// @notice Gives the twin its name. Once, by whoever clones it.
    function initialize(address homeToken_, string calldata name_, string calldata symbol_, uint256 homeChainId_)
        external;

    /// @notice Mints. Only for the gateway.
    function mint(address to, uint256 tokenId) external;

    /// @notice Burns what `from` owns. Only for the gateway, which needs no approval and burns what its caller owns alone.
    function burn(address from, uint256 tokenId) external;

    /// @notice The chain id of the other chain.
    function homeChainId() external view returns (uint256);
}
