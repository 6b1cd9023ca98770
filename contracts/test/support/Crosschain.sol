// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {CrosschainRemoteExecutor} from "@openzeppelin/contracts/crosschain/CrosschainRemoteExecutor.sol";
import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {BridgeERC20} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC20.sol";
import {BridgeERC7802} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC7802.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

// OpenZeppelin's ERC-7786 applications as they are: what is added is what their constructors ask for.

/// @dev The one counterpart of an application, on one other chain.
function linkTo(address gateway, uint256 chainId, address counterpart)
    pure
    returns (CrosschainLinked.Link[] memory links)
{
    links = new CrosschainLinked.Link[](1);
    links[0] = CrosschainLinked.Link(gateway, InteroperableAddress.formatEvmV1(chainId, counterpart));
}

/// @notice Keeps a token while it is on the other chain.
contract LockingBridge is BridgeERC20 {
    constructor(IERC20 token_, address gateway, uint256 chainId, address counterpart)
        BridgeERC20(token_)
        CrosschainLinked(linkTo(gateway, chainId, counterpart))
    {}
}

/// @notice Mints what is kept on the other chain.
contract MintingBridge is BridgeERC7802 {
    constructor(IERC7802 token_, address gateway, uint256 chainId, address counterpart)
        BridgeERC7802(token_)
        CrosschainLinked(linkTo(gateway, chainId, counterpart))
    {}
}

/// @notice A token that one bridge may mint and burn (ERC-7802).
contract CrosschainToken is ERC20, ERC20Bridgeable {
    error NotTokenBridge(address received, address expected);

    address public immutable TOKEN_BRIDGE;

    constructor(address tokenBridge) ERC20("Crosschain", "CROSS") {
        TOKEN_BRIDGE = tokenBridge;
    }

    function _checkTokenBridge(address caller) internal view override {
        if (caller != TOKEN_BRIDGE) revert NotTokenBridge(caller, TOKEN_BRIDGE);
    }
}

/// @notice Does what its controller on the other chain says.
contract RemoteExecutor is CrosschainRemoteExecutor {
    constructor(address gateway_, uint256 chainId, address controller_)
        CrosschainRemoteExecutor(gateway_, InteroperableAddress.formatEvmV1(chainId, controller_))
    {}
}

/// @notice Keeps the last message that a gateway brought, whoever sent it, while it is open.
contract Inbox is ERC7786Recipient {
    error Closed();

    address public immutable GATEWAY;
    bool public open = true;
    uint256 public count;
    bytes32 public lastId;
    bytes public lastSender;
    bytes public lastPayload;
    uint256 public lastValue;

    constructor(address gateway) {
        GATEWAY = gateway;
    }

    function setOpen(bool open_) external {
        open = open_;
    }

    function _isAuthorizedGateway(address instance, bytes calldata) internal view override returns (bool) {
        return instance == GATEWAY;
    }

    function _processMessage(address, bytes32 receiveId, bytes calldata sender, bytes calldata payload)
        internal
        override
    {
        if (!open) revert Closed();
        ++count;
        (lastId, lastSender, lastPayload, lastValue) = (receiveId, sender, payload, msg.value);
    }
}
