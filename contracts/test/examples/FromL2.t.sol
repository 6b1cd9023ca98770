// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../../src/bridge/IBridge.sol";
import {FromL1} from "../../src/examples/FromL1.sol";
import {FromL2} from "../../src/examples/FromL2.sol";
import {IFromL1} from "../../src/examples/IFromL1.sol";
import {IFromL2} from "../../src/examples/IFromL2.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {Puppet} from "../support/Targets.sol";
import {ExampleTest} from "./ExampleTest.sol";

/// @notice Counts how often L2 called it.
contract ListensToL2 is FromL2 {
    uint256 public calls;

    constructor(IBridge bridge, address l2Sender) FromL2(bridge, l2Sender) {}

    function act() external onlyFromL2 {
        ++calls;
    }
}

/// @notice Counts how often L1 called it.
contract ListensToL1 is FromL1 {
    uint256 public calls;

    constructor(address l1Sender) FromL1(l1Sender) {}

    function act() external onlyFromL1 {
        ++calls;
    }
}

contract FromL2Test is ExampleTest {
    ListensToL2 private target;

    function setUp() public override {
        super.setUp();
        target = new ListensToL2(bridge, L2_USER);
    }

    function test_ObeysItsSenderOnL2() public {
        sendAs(L2_USER, address(target), abi.encodeCall(target.act, ()));
        claim(0);
        assertEq(target.calls(), 1);
    }

    function testFuzz_RevertWhen_AnotherAccountOfL2Sends(address sender) public {
        vm.assume(sender != L2_USER && sender != address(0));
        sendAs(sender, address(target), abi.encodeCall(target.act, ()));
        assertEq(claimFails(0), abi.encodeWithSelector(IFromL2.NotL2Sender.selector, sender, L2_USER));
    }

    function testFuzz_RevertWhen_CallerIsNotTheBridge(address caller) public {
        vm.assume(caller != address(bridge));
        vm.expectRevert(abi.encodeWithSelector(IFromL2.NotBridge.selector, caller, bridge));
        vm.prank(caller);
        target.act();
    }

    /// On L1, an account at the address of the sender is somebody else.
    function test_RevertWhen_CallerHasTheSendersAddress() public {
        vm.expectRevert(abi.encodeWithSelector(IFromL2.NotBridge.selector, L2_USER, bridge));
        vm.prank(L2_USER);
        target.act();
    }

    /// A third contract is called by the right sender, and uses the moment.
    function test_RevertWhen_CalledInTheMidstOfAnotherMessage() public {
        Puppet puppet = new Puppet();
        bytes memory call = abi.encodeCall(target.act, ());
        sendAs(L2_USER, address(puppet), abi.encodeCall(puppet.act, (address(target), 0, call)));
        assertEq(claimFails(0), abi.encodeWithSelector(IFromL2.NotBridge.selector, puppet, bridge));
    }

    function test_RevertWhen_EtherComesWithAMessageThatTakesNone() public {
        vm.deal(L2_USER, 1);
        vm.prank(L2_USER);
        OUTBOX.send{value: 1}(address(target), 100_000, abi.encodeCall(target.act, ()));
        assertEq(claimFails(0), "");
    }
}

contract FromL1Test is ExampleTest {
    address private immutable L1_SENDER = makeAddr("contract on L1");
    ListensToL1 private target;

    function setUp() public override {
        super.setUp();
        target = new ListensToL1(L1_SENDER);
        vm.etch(L1_SENDER, hex"00");
        vm.deal(L1_SENDER, 1 ether);
        vm.deal(ALICE, 1 ether);
    }

    function test_ObeysItsSenderOnL1() public {
        assertTrue(arrives(L1_SENDER));
        assertEq(target.calls(), 1);
    }

    function test_RevertWhen_AnotherAccountOfL1Sends() public {
        assertFalse(arrives(ALICE));
        assertEq(target.calls(), 0);
    }

    /// Its own address on L2 may be anybody's.
    function testFuzz_RevertWhen_CallerIsNotTheAlias(address caller) public {
        address expected = AddressAlias.alias_(L1_SENDER);
        vm.assume(caller != expected);
        vm.expectRevert(abi.encodeWithSelector(IFromL1.NotAlias.selector, caller, expected));
        vm.prank(caller);
        target.act();
    }

    function arrives(address sender) private returns (bool) {
        uint64 gasLimit = 100_000;
        uint256 fee = bridge.quote(gasLimit);
        vm.prank(sender);
        bridge.sendToL2{value: fee}(address(target), 0, gasLimit, fee, abi.encodeCall(target.act, ()));
        collect();
        return run(queued[0]);
    }
}
