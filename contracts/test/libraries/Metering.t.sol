// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";
import {Meter, Metering} from "../../src/libraries/Metering.sol";

contract MeteringTest is Test {
    using Metering for Meter;

    uint64 private constant FLOOR = 1e6;
    uint40 private constant TARGET = 10e6;
    uint40 private constant START = 1000;

    function test_NothingChangesWithinABlock() public {
        vm.roll(START);
        Meter memory meter = Meter({count: 7, blockNumber: START, gasBought: 50e6, price: 3e6, gasQueued: 70e6});
        meter.roll(FLOOR, TARGET);
        assertEq(
            abi.encode(meter),
            abi.encode(Meter({count: 7, blockNumber: START, gasBought: 50e6, price: 3e6, gasQueued: 70e6}))
        );
    }

    function test_ALaterBlockBeginsUnused() public {
        Meter memory meter = rolled(3e6, TARGET, 1);
        assertEq(
            abi.encode(meter),
            abi.encode(Meter({count: 7, blockNumber: START + 1, gasBought: 0, price: 3e6, gasQueued: 70e6}))
        );
    }

    function test_PriceMovesByAnEighthPerTarget() public {
        assertEq(rolled(8e6, 2 * TARGET, 1).price, 9e6);
        assertEq(rolled(8e6, 5 * TARGET, 1).price, 12e6);
        assertEq(rolled(8e6, TARGET / 2, 1).price, 7.5e6);
        assertEq(rolled(8e6, 0, 1).price, 7e6);
    }

    function test_PriceDecaysInEmptyBlocks() public {
        assertEq(rolled(512e6, TARGET, 1).price, 512e6);
        assertEq(rolled(512e6, TARGET, 2).price, 448e6);
        assertEq(rolled(512e6, TARGET, 3).price, 392e6);
        assertEq(rolled(512e6, TARGET, 4).price, 343e6);
    }

    function test_PriceStopsAtTheFloor() public {
        assertEq(rolled(FLOOR, 0, 1).price, FLOOR);
        assertEq(rolled(8e6, TARGET, 100).price, FLOOR);
        assertEq(rolled(0, 0, 1).price, FLOOR);
    }

    function test_LowPriceRisesAllTheSame() public {
        vm.roll(START + 1);
        Meter memory meter = Meter({count: 0, blockNumber: START, gasBought: 11e6, price: 1, gasQueued: 0});
        meter.roll(1, TARGET);
        assertEq(meter.price, 2);
    }

    function test_FirstPurchaseEverIsAtTheFloor() public {
        vm.roll(25_000_000);
        Meter memory meter;
        meter.roll(FLOOR, TARGET);
        assertEq(meter.price, FLOOR);
    }

    function test_HighestPriceFallsToTheLowestInBoundedTime() public {
        vm.roll(type(uint40).max);
        Meter memory meter =
            Meter({count: 0, blockNumber: 0, gasBought: type(uint40).max, price: type(uint64).max, gasQueued: 0});
        uint256 gasBefore = gasleft();
        meter.roll(1, 1);
        assertLt(gasBefore - gasleft(), 5000);
        assertEq(meter.price, 1);
    }

    /// At the limits of every input: nothing overflows, the price keeps to its range, and the rest is as it should be.
    function testFuzz_IsTotal(Meter memory meter, uint64 floor, uint64 target, uint40 present) public {
        target = uint64(bound(target, 1, type(uint64).max));
        meter.blockNumber = uint40(bound(meter.blockNumber, 0, present));
        vm.roll(present);
        Meter memory before = abi.decode(abi.encode(meter), (Meter));
        meter.roll(floor, target);
        assertEq(meter.count, before.count);
        assertEq(meter.gasQueued, before.gasQueued);
        assertEq(meter.blockNumber, present);
        if (present == before.blockNumber) {
            assertEq(meter.price, before.price);
            assertEq(meter.gasBought, before.gasBought);
        } else {
            assertGe(meter.price, floor);
            assertEq(meter.gasBought, 0);
        }
    }

    function test_IsTotalAtEveryCorner() public {
        for (uint256 i; i < 3 ** 6; ++i) {
            Meter memory meter;
            meter.blockNumber = uint40(corner(i, type(uint40).max));
            meter.gasBought = uint40(corner(i / 3, type(uint40).max));
            meter.price = uint64(corner(i / 9, type(uint64).max));
            uint64 floor = uint64(corner(i / 27, type(uint64).max));
            uint64 target = uint64(corner(i / 81, type(uint64).max));
            testFuzz_IsTotal(meter, floor, target, uint40(corner(i / 243, type(uint40).max)));
        }
    }

    function corner(uint256 which, uint256 maximum) private pure returns (uint256) {
        return which % 3 == 2 ? maximum : which % 3;
    }

    /// The next block's price, from exact fractions of 512 bits.
    function testFuzz_NextPriceIsExact(uint64 price, uint40 bought, uint64 floor, uint64 target) public {
        target = uint64(bound(target, 1, type(uint64).max));
        uint256 moved = bought > target ? bought - target : target - bought;
        moved = Math.mulDiv(price, moved, uint256(target) * 8);
        uint256 expected = bought > target ? price + Math.max(moved, 1) : price - moved;
        expected = Math.max(Math.min(expected, type(uint64).max), floor);

        vm.roll(START + 1);
        Meter memory meter = Meter({count: 0, blockNumber: START, gasBought: bought, price: price, gasQueued: 70e6});
        meter.roll(floor, target);
        assertEq(meter.price, expected);
    }

    /// @dev The closed form against a step for each block. A step rounds down, so the steps may fall behind it by as much as
    /// the sum of all roundings: less than 1 / (1 - 7/8).
    function testFuzz_DecayAgreesWithStepByStep(uint64 price, uint40 bought, uint256 blocks) public {
        price = uint64(bound(price, FLOOR, type(uint64).max));
        bought = uint40(bound(bought, 0, 50e6));
        blocks = bound(blocks, 1, 400);
        Meter memory stepped = rolled(price, bought, 1);
        for (uint256 i = 2; i <= blocks; ++i) {
            vm.roll(START + i);
            stepped.roll(FLOOR, TARGET);
        }
        uint256 direct = rolled(price, bought, blocks).price;
        assertApproxEqAbs(direct, stepped.price, 8);
    }

    function testFuzz_MoreUseIsNeverCheaper(uint64 price, uint40 bought, uint40 more, uint256 blocks) public {
        more = uint40(bound(more, bought, type(uint40).max));
        blocks = bound(blocks, 1, 100);
        assertGe(rolled(price, more, blocks).price, rolled(price, bought, blocks).price);
    }

    /// @dev A meter at `START`, so many blocks later.
    function rolled(uint64 price, uint40 bought, uint256 blocks) private returns (Meter memory meter) {
        vm.roll(START + blocks);
        meter = Meter({count: 7, blockNumber: START, gasBought: bought, price: price, gasQueued: 70e6});
        meter.roll(FLOOR, TARGET);
    }
}
