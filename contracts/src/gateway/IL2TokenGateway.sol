// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IL2Gateway} from "./IL2Gateway.sol";
import {ITokenGateway} from "./ITokenGateway.sol";

/// @title The gateway for ERC-20s on L2
interface IL2TokenGateway is ITokenGateway, IL2Gateway {
    /// @notice `withdraw`, with the caller's permit (ERC-2612) for this contract. One that was used before does no harm.
    function withdrawWithPermit(
        address token,
        address to,
        uint256 amount,
        uint64 gasLimit,
        bytes calldata data,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external payable returns (uint64 index);
}
