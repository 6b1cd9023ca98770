// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// The length of the queue and the market for its L2 gas, in one slot, the first field at its low end. Each message costs L1 gas,
/// so that the sums never come near their ends; if they did, it would stop the queue, not corrupt it.
struct Meter {
    /// Messages ever queued.
    uint48 count;
    /// The L1 block of the last purchase.
    uint40 blockNumber;
    /// L2 gas bought in that block.
    uint40 gasBought;
    /// Price in that block, in wei per L2 gas.
    uint64 price;
    /// L2 gas ever bought: where the queue ends.
    uint56 gasQueued;
}

/// What the market for L2 gas is steered by.
struct MeteringConfig {
    /// The price never falls below, in wei per L2 gas; not zero.
    uint64 minimumPrice;
    /// L2 gas per L1 block at which the price stays; not zero.
    uint64 targetPerBlock;
    /// L2 gas that may be bought in an L1 block, of 40 bits.
    uint64 maximumPerBlock;
}

/// @notice The price of L2 gas: that of EIP-1559, block by block. It moves by up to an eighth of itself for each target's
/// worth of gas above or below the target, and falls by an eighth in a block without purchases.
library Metering {
    /// The part of the price that it moves by for one target's worth of gas.
    uint256 private constant DENOMINATOR = 8;
    /// Blocks of decay in one multiplication, few enough for 256 bits.
    uint256 private constant DECAY_STRIDE = 64;

    /// @notice Brings the meter to the present L1 block.
    /// @param floor The price never falls below, in wei per L2 gas.
    /// @param target L2 gas per L1 block at which the price stays; not zero.
    function roll(Meter memory self, uint64 floor, uint64 target) internal view {
        uint256 blocks = block.number - self.blockNumber;
        if (blocks == 0) return;
        // forge-lint: disable-next-line(unsafe-typecast) all prices have 64 bits
        self.price = uint64(Math.max(_decay(_move(self, target), blocks - 1, floor), floor));
        self.gasBought = 0;
        // forge-lint: disable-next-line(unsafe-typecast) 40 bits of blocks last for ages
        self.blockNumber = uint40(block.number);
    }

    /// @dev The price after the block of the last purchase, of 64 bits.
    function _move(Meter memory self, uint256 target) private pure returns (uint256) {
        uint256 price = self.price;
        uint256 bought = self.gasBought;
        if (bought <= target) return price - price * (target - bought) / target / DENOMINATOR;
        // Never by nothing, or a low price would stay low under any load.
        uint256 rise = Math.max(price * (bought - target) / target / DENOMINATOR, 1);
        return Math.min(price + rise, type(uint64).max);
    }

    /// @dev `price * (7/8)^blocks`, in a few rounds: each full one divides by more than 5,000, and below the floor no more is
    /// to be known.
    function _decay(uint256 price, uint256 blocks, uint256 floor) private pure returns (uint256) {
        while (blocks != 0 && price > floor) {
            uint256 stride = Math.min(blocks, DECAY_STRIDE);
            // 64 bits times 7^64 of 180 bits, over 8^64 of 193 bits.
            unchecked {
                price = price * (DENOMINATOR - 1) ** stride / DENOMINATOR ** stride;
                blocks -= stride;
            }
        }
        return price;
    }
}
