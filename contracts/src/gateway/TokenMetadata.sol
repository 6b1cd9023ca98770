// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What a token says of itself, whatever it is: neither its gas nor what it returns can make that dear, and none of it can
/// make it fail. What is missing or unreadable is empty, or zero.
library TokenMetadata {
    /// Gas for each question.
    uint256 internal constant GAS = 50_000;
    /// The longest text that is taken over, in bytes. The rest is cut off.
    uint256 internal constant MAX_TEXT = 64;
    /// An ABI-encoded string of that length: where it begins, its length, and itself.
    uint256 private constant HEAD = 64 + MAX_TEXT;

    function name(address token) internal view returns (string memory) {
        return _text(token, IERC20Metadata.name.selector);
    }

    function symbol(address token) internal view returns (string memory) {
        return _text(token, IERC20Metadata.symbol.selector);
    }

    /// @notice Digits after the point. A token that does not say has none: its amounts are shown as they are.
    function decimals(address token) internal view returns (uint8) {
        (bytes memory head, uint256 size) = _ask(token, IERC20Metadata.decimals.selector);
        uint256 value = abi.decode(head, (uint256));
        // forge-lint: disable-next-line(unsafe-typecast) not above its maximum
        return size < 32 || value > type(uint8).max ? 0 : uint8(value);
    }

    /// @dev A string, or as some early tokens have it the text in one word, its end filled with zeros.
    function _text(address token, bytes4 selector) private view returns (string memory) {
        (bytes memory head, uint256 size) = _ask(token, selector);
        if (size == 32) {
            uint256 end;
            while (end < 32 && head[end] != 0) ++end;
            return string(Bytes.slice(head, 0, end));
        }
        (uint256 offset, uint256 length) = abi.decode(head, (uint256, uint256));
        if (size < 64 || offset != 32) return "";
        length = Math.min(length, Math.min(size - 64, MAX_TEXT));
        return string(Bytes.slice(head, 64, 64 + length));
    }

    /// @dev The first bytes of the answer, then zeros, and how many it had; none if the call failed.
    function _ask(address token, bytes4 selector) private view returns (bytes memory head, uint256 size) {
        head = new bytes(HEAD);
        uint256 maxGas = GAS;
        uint256 maxSize = HEAD;
        // A high-level call would copy all that is returned, and fail if it does not decode. The selector is in scratch space.
        assembly ("memory-safe") {
            mstore(0, selector)
            if staticcall(maxGas, token, 0, 4, add(head, 0x20), maxSize) { size := returndatasize() }
        }
    }
}
