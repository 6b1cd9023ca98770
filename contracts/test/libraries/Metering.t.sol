// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Meter, Metering} from "../../src/libraries/Metering.sol";

contract MeteringTest is Test {
    using Metering for Meter;

    uint64 private constant FLOOR = 1e6;
    uint64 private constant TARGET = 10e6;
    uint64 private constant START = 1000;

    function test_NothingChangesWithinABlock() public {
        vm.roll(START);
        Meter memory meter = Meter({count: 7, blockNumber: START, gasBought: 50e6, price: 3e6});
        meter.roll(FLOOR, TARGET);
        assertEq(abi.encode(meter), abi.encode(Meter({count: 7, blockNumber: START, gasBought: 50e6, price: 3e6})));
    }

    function test_ALaterBlockBeginsUnused() public {
        Meter memory meter = rolled(3e6, TARGET, 1);
        assertEq(abi.encode(meter), abi.encode(Meter({count: 7, blockNumber: START + 1, gasBought: 0, price: 3e6})));
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
        Meter memory meter = Meter({count: 0, blockNumber: START, gasBought: TARGET + 1, price: 1});
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
        vm.roll(type(uint64).max);
        Meter memory meter = Meter({count: 0, blockNumber: 0, gasBought: type(uint64).max, price: type(uint64).max});
        uint256 gasBefore = gasleft();
        meter.roll(1, 1);
        assertLt(gasBefore - gasleft(), 5000);
        assertEq(meter.price, 1);
    }

    function testFuzz_PriceStaysInRange(Meter memory meter, uint64 floor, uint64 target, uint64 blocks) public {
        target = uint64(bound(target, 1, type(uint64).max));
        meter.blockNumber = uint64(bound(meter.blockNumber, 0, type(uint64).max - blocks));
        vm.roll(meter.blockNumber + blocks);
        meter.price = uint64(bound(meter.price, floor, type(uint64).max));
        meter.roll(floor, target);
        assertGe(meter.price, floor);
    }

    /// @dev The closed form against a step for each block. A step rounds down, so the steps may fall behind it by as much as
    /// the sum of all roundings: less than 1 / (1 - 7/8).
    function testFuzz_DecayAgreesWithStepByStep(uint64 price, uint64 bought, uint256 blocks) public {
        price = uint64(bound(price, FLOOR, type(uint64).max));
        bought = uint64(bound(bought, 0, 50e6));
        blocks = bound(blocks, 1, 400);
        Meter memory stepped = rolled(price, bought, 1);
        for (uint256 i = 2; i <= blocks; ++i) {
            vm.roll(START + i);
            stepped.roll(FLOOR, TARGET);
        }
        uint256 direct = rolled(price, bought, blocks).price;
        assertApproxEqAbs(direct, stepped.price, 8);
    }

    function testFuzz_MoreUseIsNeverCheaper(uint64 price, uint64 bought, uint64 more, uint256 blocks) public {
        more = uint64(bound(more, bought, type(uint64).max));
        blocks = bound(blocks, 1, 100);
        assertGe(rolled(price, more, blocks).price, rolled(price, bought, blocks).price);
    }

    /// @dev A meter at `START`, so many blocks later.
    function rolled(uint64 price, uint64 bought, uint256 blocks) private returns (Meter memory meter) {
        vm.roll(START + blocks);
        meter = Meter({count: 7, blockNumber: START, gasBought: bought, price: price});
        meter.roll(FLOOR, TARGET);
    }
}
