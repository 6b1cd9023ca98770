// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IL1Gateway} from "./IL1Gateway.sol";
import {ITokenGateway} from "./ITokenGateway.sol";

/// @title The gateway for ERC-20s on L1
interface IL1TokenGateway is ITokenGateway, IL1Gateway {
    /// @notice `deposit`, with the caller's permit (ERC-2612) for this contract. One that was used before does no harm.
    function depositWithPermit(
        address token,
        address to,
        uint256 amount,
        uint64 gasLimit,
        uint256 maxFee,
        bytes calldata data,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external payable returns (uint64 index);
}
