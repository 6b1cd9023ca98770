// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {Test} from "forge-std/Test.sol";
import {Create2Factory} from "../../src/l2/Create2Factory.sol";
import {ICreate2Factory} from "../../src/l2/ICreate2Factory.sol";

/// @notice Knows its creator and what it was given; refuses to be made with zero.
contract Product {
    error NothingToHold();

    address public immutable CREATOR = msg.sender;
    uint256 public immutable NUMBER;

    constructor(uint256 number) payable {
        if (number == 0) revert NothingToHold();
        NUMBER = number;
    }
}

contract Create2FactoryTest is Test {
    Create2Factory private factory = new Create2Factory();

    function testFuzz_DeploysWhereAnyoneCanCompute(bytes32 salt, uint256 number, uint128 value) public {
        number = bound(number, 1, type(uint256).max);
        bytes memory initCode = makeInitCode(number);
        address expected = vm.computeCreate2Address(salt, keccak256(initCode), address(factory));
        assertEq(factory.addressOf(salt, keccak256(initCode)), expected);

        vm.deal(address(this), value);
        vm.expectEmit(address(factory));
        emit ICreate2Factory.ContractDeployed(expected, salt);
        assertEq(factory.deploy{value: value}(salt, initCode), expected);
        assertEq(Product(expected).CREATOR(), address(factory));
        assertEq(Product(expected).NUMBER(), number);
        assertEq(expected.balance, value);
        assertEq(address(factory).balance, 0);
    }

    function test_SaltAndCodeTellContractsApart() public {
        address one = factory.deploy(0, makeInitCode(1));
        assertNotEq(factory.deploy(bytes32(uint256(1)), makeInitCode(1)), one);
        assertNotEq(factory.deploy(0, makeInitCode(2)), one);
    }

    function test_RevertWhen_DeployedBefore() public {
        factory.deploy(0, makeInitCode(1));
        vm.expectRevert(Errors.FailedDeployment.selector);
        factory.deploy(0, makeInitCode(1));
    }

    function test_RevertWhen_ThereIsNoCode() public {
        vm.expectRevert(Create2.Create2EmptyBytecode.selector);
        factory.deploy(0, "");
    }

    function test_RevertWhen_ConstructorReverts() public {
        vm.expectRevert(Product.NothingToHold.selector);
        factory.deploy(0, makeInitCode(0));
    }

    function test_RevertWhen_EtherComesWithoutCall() public {
        vm.deal(address(this), 1 ether);
        (bool success,) = address(factory).call{value: 1 ether}("");
        assertFalse(success);
    }

    function makeInitCode(uint256 number) private pure returns (bytes memory) {
        return bytes.concat(type(Product).creationCode, abi.encode(number));
    }
}
