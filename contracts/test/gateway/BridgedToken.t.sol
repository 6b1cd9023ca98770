// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Test} from "forge-std/Test.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {BridgedToken} from "../../src/gateway/BridgedToken.sol";
import {ITwin} from "../../src/gateway/ITwin.sol";

/// @notice The twin by itself. This contract is its gateway.
contract BridgedTokenTest is Test {
    address private immutable HOME_TOKEN = makeAddr("home token");
    address private immutable ALICE = makeAddr("alice");

    BridgedToken private implementation;
    BridgedToken private twin;

    function setUp() public {
        implementation = new BridgedToken();
        twin = BridgedToken(Clones.clone(address(implementation)));
        twin.initialize(HOME_TOKEN, "Plain Token", "PLAIN", 6);
    }

    function test_SaysWhatItIs() public view {
        assertEq(twin.GATEWAY(), address(this));
        assertEq(twin.homeToken(), HOME_TOKEN);
        assertEq(twin.name(), "Plain Token");
        assertEq(twin.symbol(), "PLAIN");
        assertEq(twin.decimals(), 6);
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            twin.eip712Domain();
        assertEq(name, "Plain Token");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(twin));
    }

    function test_GatewayMintsAndBurns() public {
        twin.mint(ALICE, 100);
        twin.burn(ALICE, 30);
        assertEq(twin.balanceOf(ALICE), 70);
        assertEq(twin.totalSupply(), 70);
    }

    function test_RevertWhen_CallerIsNotGateway() public {
        twin.mint(ALICE, 100);
        bytes memory reason = abi.encodeWithSelector(ITwin.NotGateway.selector, ALICE, address(this));
        vm.startPrank(ALICE);
        vm.expectRevert(reason);
        twin.mint(ALICE, 1);
        vm.expectRevert(reason);
        twin.burn(ALICE, 1);
    }

    function test_RevertWhen_InitializedAgain() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        twin.initialize(ALICE, "", "", 0);
    }

    /// Or it could be named, by anyone.
    function test_RevertWhen_ImplementationIsInitialized() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(ALICE, "", "", 0);
    }

    function test_Permit() public {
        (address owner, uint256 key) = makeAddrAndKey("owner");
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Plain Token"),
                keccak256("1"),
                block.chainid,
                twin
            )
        );
        assertEq(twin.DOMAIN_SEPARATOR(), domain);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                ALICE,
                50,
                0,
                block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        twin.permit(owner, ALICE, 50, block.timestamp, v, r, s);
        assertEq(twin.allowance(owner, ALICE), 50);
        assertEq(twin.nonces(owner), 1);
    }
}
