// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";

/// @dev Asks who it is, as the bridge would.
contract Caller {
    address public immutable ON_L2 = AddressAlias.senderOnL2(address(this));

    function onL2() external view returns (address) {
        return AddressAlias.senderOnL2(address(this));
    }
}

contract AddressAliasTest is Test {
    function test_AliasIsThatOfTheSpecification() public pure {
        assertEq(AddressAlias.alias_(address(0)), 0x1111000000000000000000000000000000001111);
        assertEq(
            AddressAlias.alias_(0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF), 0x1111000000000000000000000000000000001110
        );
        assertEq(
            AddressAlias.alias_(0xEEeEfFfffffFffFFFFffFFffFfFfFfffFfFFEEeE), 0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF
        );
        assertEq(AddressAlias.alias_(0xEeeeffFfFffFFFfFFFFFFFffffffFffFFfFfEEeF), address(0));
    }

    function testFuzz_UnaliasUndoesAlias(address account) public pure {
        assertEq(AddressAlias.unalias(AddressAlias.alias_(account)), account);
        assertEq(AddressAlias.alias_(AddressAlias.unalias(account)), account);
    }

    function test_OriginIsItself() public view {
        assertEq(AddressAlias.senderOnL2(tx.origin), tx.origin);
    }

    function test_DelegatedOriginIsItself() public {
        vm.etch(tx.origin, delegation(address(this)));
        assertEq(AddressAlias.senderOnL2(tx.origin), tx.origin);
    }

    function test_Eip7702AccountIsNotAliased() public {
        address account = makeAddr("delegated account");
        vm.etch(account, delegation(address(new Caller())));
        assertEq(AddressAlias.senderOnL2(account), account);
        assertEq(Caller(account).onL2(), account);
    }

    function test_ContractIsAliased() public {
        Caller caller = new Caller();
        assertEq(caller.onL2(), AddressAlias.alias_(address(caller)));
    }

    function test_ContractUnderConstructionIsAliased() public {
        Caller caller = new Caller();
        assertEq(caller.ON_L2(), AddressAlias.alias_(address(caller)));
    }

    function testFuzz_CodeOfAnotherLengthIsAliased(bytes calldata code) public {
        vm.assume(code.length != 23 && code.length != 0 && code[0] != 0xef);
        address account = makeAddr("contract");
        vm.etch(account, code);
        assertEq(AddressAlias.senderOnL2(account), AddressAlias.alias_(account));
    }

    function testFuzz_CodeWithAnotherPrefixIsAliased(bytes23 code) public {
        vm.assume(code[0] != 0xef);
        address account = makeAddr("contract");
        vm.etch(account, bytes.concat(code));
        assertEq(AddressAlias.senderOnL2(account), AddressAlias.alias_(account));
    }

    function delegation(address target) private pure returns (bytes memory) {
        return abi.encodePacked(hex"ef0100", target);
    }
}
