// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {MeteringConfig} from "../../src/libraries/Metering.sol";
import {QueuedMessage} from "../../src/types/Message.sol";
import {Deploy} from "../../../script/Deploy.s.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {Depositor} from "../support/Targets.sol";

/// @dev Sends to L2 before it has code.
contract EagerDepositor {
    constructor(IMessageQueue queue, address target) payable {
        queue.sendToL2{value: msg.value}(target, 0, queue.minimumGasLimit(0), msg.value, "");
    }
}

contract MessageQueueTest is PosternTest {
    address internal immutable USER = makeAddr("user on L1");
    address internal immutable TARGET = makeAddr("target on L2");
    uint64 internal constant GAS_LIMIT = 100_000;

    function setUp() public override {
        super.setUp();
        vm.deal(USER, 100 ether);
    }

    function testFuzz_DepositIsQueuedAndTakenIntoCustody(
        address target,
        uint256 sent,
        uint256 value,
        uint64 gasLimit,
        bytes calldata data
    ) public {
        vm.assume(target != address(0));
        gasLimit = uint64(bound(gasLimit, bridge.minimumGasLimit(data.length), bridge.MAX_QUEUED_GAS_LIMIT()));
        uint256 fee = bridge.quote(gasLimit);
        sent = bound(sent, fee, USER.balance);
        uint256 custody = address(bridge).balance;

        vm.expectEmit(address(bridge));
        emit IMessageQueue.MessageQueued(0, USER, target, sent - fee, value, gasLimit, fee, data, gasLimit);
        vm.prank(USER, USER);
        assertEq(bridge.sendToL2{value: sent}(target, value, gasLimit, fee, data), 0);

        assertEq(address(bridge).balance, custody + sent);
        bytes32 hash = QueuedMessage(0, USER, target, sent - fee, value, gasLimit, fee, data).hash();
        assertQueue(keccak256(abi.encode(bytes32(0), hash)), 1);
    }

    function test_QueueHashCommitsToAllMessagesInOrder() public {
        bytes32 expected;
        uint256 fee = bridge.quote(GAS_LIMIT);
        for (uint64 i; i < 5; ++i) {
            send(USER, i);
            QueuedMessage memory message = QueuedMessage(i, USER, TARGET, 1 ether - fee, i, GAS_LIMIT, fee, "");
            expected = keccak256(abi.encode(expected, message.hash()));
            assertQueue(expected, i + 1);
        }
    }

    function testFuzz_PlacesAreSumsOfGasLimits(uint64[5] memory gasLimits) public {
        uint64 end;
        for (uint256 i; i < gasLimits.length; ++i) {
            mine(1);
            uint64 gasLimit = uint64(bound(gasLimits[i], 21_000, 16_777_216));
            end += gasLimit;
            buy(gasLimit);
            (, uint64 count, uint64 gas) = bridge.queue();
            assertEq(count, i + 1);
            assertEq(gas, end);
        }
    }

    function test_ValueMayExceedWhatIsMinted() public {
        vm.prank(USER, USER);
        bridge.sendToL2{value: bridge.quote(GAS_LIMIT)}(TARGET, type(uint256).max, GAS_LIMIT, type(uint256).max, "");
        assertCount(1);
    }

    function test_LargestMessageIsTaken() public {
        uint64 gasLimit = bridge.MAX_QUEUED_GAS_LIMIT();
        vm.prank(USER, USER);
        bridge.sendToL2{value: 1 ether}(TARGET, 0, gasLimit, 1 ether, new bytes(65_536));
        assertCount(1);
    }

    function test_ContractIsAliased() public {
        Depositor depositor = new Depositor(bridge);
        uint256 fee = bridge.quote(GAS_LIMIT);
        expectSender(AddressAlias.alias_(address(depositor)), fee);
        vm.prank(USER, USER);
        depositor.send{value: fee}(TARGET, 0, GAS_LIMIT, "");
    }

    function test_ContractUnderConstructionIsAliased() public {
        address depositor = vm.computeCreateAddress(USER, vm.getNonce(USER));
        uint64 gasLimit = bridge.minimumGasLimit(0);
        uint256 fee = bridge.quote(gasLimit);
        vm.expectEmit(address(bridge));
        emit IMessageQueue.MessageQueued(0, AddressAlias.alias_(depositor), TARGET, 0, 0, gasLimit, fee, "", gasLimit);
        vm.prank(USER, USER);
        new EagerDepositor{value: fee}(bridge, TARGET);
    }

    function test_Eip7702AccountIsNotAliased() public {
        vm.etch(USER, abi.encodePacked(hex"ef0100", new Depositor(bridge)));
        uint256 fee = bridge.quote(GAS_LIMIT);
        expectSender(USER, fee);
        // Somebody else's transaction calls the account, whose delegate calls the bridge.
        hoax(STRANGER, STRANGER, fee);
        Depositor(USER).send{value: fee}(TARGET, 0, GAS_LIMIT, "");
    }

    function test_RevertWhen_TargetIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InvalidTarget.selector, address(0)));
        bridge.sendToL2(address(0), 0, GAS_LIMIT, 0, "");
    }

    function testFuzz_RevertWhen_GasLimitIsBelowWhatTheDataCosts(uint256 length, uint64 gasLimit) public {
        length = bound(length, 0, 65_536);
        uint256 minimum = 21_000 + 40 * length;
        gasLimit = uint64(bound(gasLimit, 0, minimum - 1));
        vm.expectRevert(
            abi.encodeWithSelector(IMessageQueue.GasLimitOutOfRange.selector, gasLimit, minimum, 16_777_216)
        );
        bridge.sendToL2(TARGET, 0, gasLimit, 0, new bytes(length));
    }

    function testFuzz_RevertWhen_GasLimitIsAboveThatOfAnyTransaction(uint64 gasLimit) public {
        gasLimit = uint64(bound(gasLimit, 16_777_217, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.GasLimitOutOfRange.selector, gasLimit, 21_000, 16_777_216));
        bridge.sendToL2(TARGET, 0, gasLimit, 0, "");
    }

    function test_RevertWhen_DataIsTooLong() public {
        uint64 gasLimit = bridge.MAX_QUEUED_GAS_LIMIT();
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.MessageDataTooLong.selector, 65_537, 65_536));
        bridge.sendToL2(TARGET, 0, gasLimit, 0, new bytes(65_537));
    }

    function testFuzz_RevertWhen_MinimumIsAskedForTooMuchData(uint256 length) public {
        length = bound(length, 65_537, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.MessageDataTooLong.selector, length, 65_536));
        bridge.minimumGasLimit(length);
    }

    function testFuzz_RevertWhen_GasCostsMoreThanTheSenderAllows(uint256 maxFee) public {
        uint256 fee = bridge.quote(GAS_LIMIT);
        maxFee = bound(maxFee, 0, fee - 1);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.FeeAboveMaximum.selector, fee, maxFee));
        vm.prank(USER, USER);
        bridge.sendToL2{value: 1 ether}(TARGET, 0, GAS_LIMIT, maxFee, "");
    }

    function testFuzz_RevertWhen_GasIsNotPaidFor(uint256 sent) public {
        uint256 fee = bridge.quote(GAS_LIMIT);
        sent = bound(sent, 0, fee - 1);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, sent, fee));
        vm.prank(USER, USER);
        bridge.sendToL2{value: sent}(TARGET, 0, GAS_LIMIT, fee, "");
    }

    function test_RevertWhen_BlockGasIsExhausted() public {
        fillBlock();
        assertEq(bridge.availableGas(), 50e6 - 2 * 16_777_216);
        uint64 available = bridge.availableGas();
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.BlockGasExhausted.selector, available + 1, available));
        bridge.sendToL2(TARGET, 0, available + 1, 0, "");

        buy(available);
        assertEq(bridge.availableGas(), 0);
        mine(1);
        assertEq(bridge.availableGas(), 50e6);
        send(USER, 0);
    }

    function test_FloodingHasAPrice() public {
        uint256 calm = bridge.quote(GAS_LIMIT);
        uint256 custody = address(bridge).balance;
        for (uint256 i; i < 50; ++i) {
            fillBlock();
            mine(1);
        }
        // Each block bought more than three targets: the price rises by more than a quarter, block after block.
        assertGt(bridge.quote(GAS_LIMIT), calm * 100_000);
        assertGt(address(bridge).balance - custody, 50 * 2 * 16_777_216 * uint256(MINIMUM_PRICE) * 1000);

        mine(100);
        assertEq(bridge.quote(GAS_LIMIT), calm);
    }

    function test_QuoteIsWhatIsCharged() public {
        fillBlock();
        assertEq(bridge.quote(GAS_LIMIT), uint256(GAS_LIMIT) * MINIMUM_PRICE);
        mine(1);
        uint256 fee = bridge.quote(GAS_LIMIT);
        assertGt(fee, uint256(GAS_LIMIT) * MINIMUM_PRICE);
        expectSender(USER, fee);
        vm.prank(USER, USER);
        bridge.sendToL2{value: fee}(TARGET, 0, GAS_LIMIT, fee, "");
    }

    /// To lock all others out of the queue means to buy a block's gas to the end, block after block. Each costs half as much
    /// again as the one before, so ten minutes of it cost what nobody has, from the lowest price there is.
    function test_LockingOthersOutCostsGeometrically() public {
        uint256 total;
        uint256 last;
        for (uint256 i; i < 50; ++i) {
            mine(1);
            uint256 cost = exhaustBlock();
            assertLt(bridge.availableGas(), bridge.minimumGasLimit(0));
            if (i != 0) assertGe(cost * 1000, last * 1499);
            last = cost;
            total += cost;
        }
        assertGt(total, 60_000 ether);

        // In the next block the gas goes to whoever pays for it first. The price that a user can read is the price.
        mine(1);
        uint64 gasLimit = bridge.minimumGasLimit(0);
        uint256 fee = bridge.quote(gasLimit);
        assertGt(bridge.availableGas(), gasLimit);
        (, uint64 count,) = bridge.queue();
        hoax(STRANGER, STRANGER, fee);
        assertEq(bridge.sendToL2{value: fee}(STRANGER, 0, gasLimit, fee, ""), count);

        // And it is the lowest again within a quarter of an hour or so.
        mine(200);
        assertEq(bridge.quote(1), MINIMUM_PRICE);
    }

    /// The gas is paid for as a whole, used or not: or else flooding with messages that use little would be cheap.
    function testFuzz_OverpaymentIsCreditedToSender(uint256 surplus) public {
        uint256 fee = bridge.quote(GAS_LIMIT);
        surplus = bound(surplus, 0, 10 ether);
        vm.expectEmit(address(bridge));
        emit IMessageQueue.MessageQueued(0, USER, TARGET, 1 ether + surplus, 1 ether, GAS_LIMIT, fee, "", GAS_LIMIT);
        vm.prank(USER, USER);
        bridge.sendToL2{value: 1 ether + fee + surplus}(TARGET, 1 ether, GAS_LIMIT, fee + surplus, "");
    }

    /// Whatever the market is steered by: what can be read is what is charged, in this block and the next.
    function testFuzz_AnyMarketWorks(MeteringConfig memory metering, uint64 gasLimit) public {
        uint64 largest = bridge.MAX_QUEUED_GAS_LIMIT();
        uint64 target = uint64(bound(metering.targetPerBlock, 1, type(uint40).max / 2));
        metering = MeteringConfig({
            minimumPrice: uint64(bound(metering.minimumPrice, 1, type(uint64).max)),
            targetPerBlock: target,
            maximumPerBlock: uint64(
                bound(metering.maximumPerBlock, 2 * target > largest ? 2 * target : largest, type(uint40).max)
            )
        });
        Deploy.Config memory config = makeConfig();
        config.metering = metering;
        adopt(deploy(config));

        gasLimit = uint64(bound(gasLimit, bridge.minimumGasLimit(0), largest));
        assertEq(bridge.availableGas(), metering.maximumPerBlock);
        assertEq(bridge.quote(type(uint64).max), uint256(type(uint64).max) * metering.minimumPrice);
        for (uint256 i; i < 3; ++i) {
            uint64 available = bridge.availableGas();
            buy(gasLimit);
            assertEq(bridge.availableGas(), available - gasLimit);
            mine(1);
            assertEq(bridge.availableGas(), metering.maximumPerBlock);
            assertGe(bridge.quote(1), metering.minimumPrice);
        }
    }

    /// @dev Buys what is left of the block's gas but for less than any message needs.
    function exhaustBlock() private returns (uint256 cost) {
        uint64 largest = bridge.MAX_QUEUED_GAS_LIMIT();
        while (bridge.availableGas() >= bridge.minimumGasLimit(0)) {
            uint64 available = bridge.availableGas();
            uint64 gasLimit = available < largest ? available : largest;
            cost += bridge.quote(gasLimit);
            buy(gasLimit);
        }
    }

    /// @dev Two messages that leave no room for a third of their kind.
    function fillBlock() private {
        buy(bridge.MAX_QUEUED_GAS_LIMIT());
        buy(bridge.MAX_QUEUED_GAS_LIMIT());
    }

    function buy(uint64 gasLimit) private {
        uint256 fee = bridge.quote(gasLimit);
        vm.deal(USER, USER.balance + fee);
        vm.prank(USER, USER);
        bridge.sendToL2{value: fee}(TARGET, 0, gasLimit, fee, "");
    }

    function send(address sender, uint256 value) private {
        vm.prank(sender, sender);
        bridge.sendToL2{value: 1 ether}(TARGET, value, GAS_LIMIT, 1 ether, "");
    }

    function expectSender(address sender, uint256 fee) private {
        (, uint64 count, uint64 gas) = bridge.queue();
        vm.expectEmit(address(bridge));
        emit IMessageQueue.MessageQueued(count, sender, TARGET, 0, 0, GAS_LIMIT, fee, "", gas + GAS_LIMIT);
    }

    function assertQueue(bytes32 hash, uint64 count) private view {
        (bytes32 actual,,) = bridge.queue();
        assertEq(actual, hash);
        assertCount(count);
    }

    function assertCount(uint64 count) private view {
        (, uint64 actual,) = bridge.queue();
        assertEq(actual, count);
    }
}
