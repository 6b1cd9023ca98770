// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    ERC20PermitUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {IBridgedToken} from "./IBridgedToken.sol";
import {Twin} from "./Twin.sol";

/// @title The twin of an ERC-20
contract BridgedToken is IBridgedToken, Twin, ERC20PermitUpgradeable {
    uint8 private _decimals;

    /// @inheritdoc IBridgedToken
    function initialize(address homeToken_, string calldata name_, string calldata symbol_, uint8 decimals_)
        external
        initializer
    {
        _initializeTwin(homeToken_);
        __ERC20_init(name_, symbol_);
        _decimals = decimals_;
    }

    /// @inheritdoc IBridgedToken
    function mint(address to, uint256 amount) external onlyGateway {
        _mint(to, amount);
    }

    /// @inheritdoc IBridgedToken
    function burn(address from, uint256 amount) external onlyGateway {
        _burn(from, amount);
    }

    /// @notice Digits after the point, as at home.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// @dev Not stored a second time.
    function _EIP712Name() internal view override returns (string memory) {
        return name();
    }

    function _EIP712Version() internal pure override returns (string memory) {
        return "1";
    }
}
